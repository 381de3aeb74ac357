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
        """The reads, corrections among them, by the time at which their vehicles were first seen."""
        return sorted(self.outcomes, key=lambda one: (one.tagged.read.first_seen, one.tagged.read.read_id))

    @property
    def vehicles(self) -> list[Outcome]:
        """The last word on each vehicle, in order: a correction stands in the place of the read that it replaces."""
        replaced = {one.tagged.tags.replaces for one in self.outcomes}
        return [one for one in self.in_order if one.tagged.tags.read_id not in replaced]

    def seconds(self, at: datetime) -> float:
        """Seconds into the recording."""
        return round((at - self.start).total_seconds(), 3)
