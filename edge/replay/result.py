"""All that is known at the end of a replay, before it is written down."""

from dataclasses import dataclass
from datetime import datetime

from edge.capture import Recording
from edge.pipeline import Outcome
from edge.replay.rules import Rules
from edge.vision import Counts, ModelEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The passages with their decisions, and under what circumstances they came about."""

    recording: Recording
    start: datetime
    end: datetime
    outcomes: tuple[Outcome, ...]
    counts: Counts
    rules: Rules
    models: tuple[ModelEntry, ...]
    took_seconds: float

    @property
    def in_order(self) -> list[Outcome]:
        """The passages by the time at which they were first seen."""
        return sorted(self.outcomes, key=lambda one: (one.tagged.read.first_seen, one.tagged.read.read_id))

    def seconds(self, at: datetime) -> float:
        """Seconds into the recording."""
        return round((at - self.start).total_seconds(), 3)
