"""A recording through the same pipeline as a camera, frame by frame, with the recording's own time.

The same recording, models and policy give the same reads and decisions, name by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.capture import Recording
from edge.clock import ReplayClock
from edge.keys import TEST_DEVICE_KEY
from edge.ledger import LEDGER_NAME, Ledger
from edge.pipeline import Outcome, Pipeline
from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.policy.issued import ListVersion
from edge.replay.rules import Rules
from edge.values import Frame
from edge.vision import Counts, Eyesight, Sighting, Vision

DEVICE_ID = "replay"
CAMERA_ID = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One frame of the recording (None once it has ended), and the passages that it completed."""

    frame: Frame | None
    outcomes: tuple[Outcome, ...]


class Replay:
    """One run. Its ledger stands in `folder`, which nothing else uses."""

    def __init__(
        self,
        *,
        recording: Recording,
        models: Eyesight,
        rules: Rules,
        folder: Path,
        start: datetime,
    ) -> None:
        """`start` is the time of the first frame. Raises LedgerError."""
        self._recording = recording
        self.clock = ReplayClock(start=start)
        self._rules = rules
        self._vision = Vision(models=models, clock=ReplayClock(start=start, seed=1))
        self.ledger = Ledger.open(
            folder / LEDGER_NAME, clock=self.clock, key=TEST_DEVICE_KEY, device=DEVICE_ID, test=True
        )
        bundle = rules.bundle
        self.ledger.accept_bundle(
            rules.files,
            digest=bundle.digest,
            version=bundle.version,
            revision=bundle.revision,
            signed=bundle.signed,
        )
        self._counting: tuple[ListVersion, ...] | None = None
        self._pipeline = Pipeline(
            vision=self._vision,
            in_force=self.in_force,
            hotlists=self.hotlists,
            ledger=self.ledger,
            clock=self.clock,
            device_id=DEVICE_ID,
            device_key=TEST_DEVICE_KEY,
            test=True,
        )

    def steps(self) -> Iterator[Step]:
        """Every frame in turn, then what was still in view. Raises CameraError, ModelError, LedgerError."""
        for frame in self._recording.frames():
            self.clock.move_to(frame.captured_at)
            self._name_hotlists()
            yield Step(frame=frame, outcomes=tuple(self._pipeline.step(frame)))
        yield Step(frame=None, outcomes=tuple(self._pipeline.finish()))

    def _name_hotlists(self) -> None:
        """Has the log say which hot lists count, when others do than a frame ago: the log is not asked each time."""
        counting = self._rules.hotlists.versions(self.clock.now().at)
        if counting != self._counting:
            self.ledger.look_for(counting)
            self._counting = counting

    def in_force(self) -> Bundle:
        """The policy that decides."""
        return self._rules.bundle

    def hotlists(self) -> HotLists:
        """What is looked for."""
        return self._rules.hotlists

    def close(self) -> None:
        """Closes the ledger."""
        self.ledger.close()

    @property
    def counts(self) -> Counts:
        """What the eyes did so far."""
        return self._vision.counts

    def in_view(self, at: datetime) -> list[Sighting]:
        """The plates that are in view."""
        return self._vision.in_view(at)
