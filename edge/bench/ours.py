"""Homerule's own pipeline over a clip: as fast as it goes, or in real time with the newest frame winning."""

import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.bench.filmed import Filmed
from edge.bench.meter import Meter, peak_megabytes
from edge.bench.plan import Kind, Order, Outcome
from edge.bench.score import said
from edge.capture import Recording, open_recording
from edge.capture.mailbox import Mailbox
from edge.clock import monotonic
from edge.daemon.memory import give_back, one_heap
from edge.replay import CAMERA_ID, Replay, Step, load_rules
from edge.values import Frame, PlateRead
from edge.vision import Models

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
_TAKE_WITHIN = 0.5


def ours(order: Order) -> Outcome:
    """Every frame of the clip through vision, decisions and ledger, as a replay does it."""
    recording = open_recording(Path(order.clip), camera_id=CAMERA_ID, start=START)
    source = recording if order.kind is Kind.OURS else Filmed(recording, order.sub or "")
    with tempfile.TemporaryDirectory(prefix="homerule-bench-") as name:
        run = _replay(order, source, Path(name))
        meter, reads, frames, last = Meter(), list[PlateRead](), 0, START
        for step in run.steps():
            if step.frame is not None:
                frames, last = frames + 1, step.frame.captured_at
            reads += _reads(step)
        cpu, counts = meter.cpu, run.counts
        run.close()
    return Outcome(
        cpu=cpu,
        seconds=_lasts(recording, last),
        peak=peak_megabytes(),
        frames=frames,
        looks=counts.looks,
        parts=counts.parts,
        readings=counts.readings,
        corrections=sum(read.replaces is not None for read in reads),
        said=[(one.text, one.confidence, one.first, one.last) for one in said(reads, start=START)],
    )


def paced(order: Order) -> Outcome:
    """The clip as a camera would give it; how late each passage is in the outbox, and what could not be looked at."""
    one_heap()
    recording = open_recording(Path(order.clip), camera_id=CAMERA_ID, start=START)
    road = _Road(recording)
    with tempfile.TemporaryDirectory(prefix="homerule-bench-") as name:
        run = _replay(order, road, Path(name))
        give_back()
        meter, late, frames, cold, last = Meter(), list[float](), 0, 0.0, START
        for step in run.steps():
            if step.frame is None:
                break
            frames, last = frames + 1, step.frame.captured_at
            cold = cold or monotonic() - order.spawned
            if step.outcomes:
                late += [monotonic() - road.due(step.frame)] * len(step.outcomes)
        cpu = meter.cpu
        run.close()
    seconds = _lasts(recording, last)
    return Outcome(
        cpu=cpu, seconds=seconds, peak=peak_megabytes(), frames=frames, dropped=road.dropped, cold=cold, late=late
    )


class _Road:
    """A recording whose frames come when they were filmed, whether anybody is ready or not."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.path, self.warnings = recording.path, recording.warnings
        self.total, self.frames_per_second = recording.total, recording.frames_per_second
        self._mailbox: Mailbox[Frame] = Mailbox(waits=False)
        self._over = threading.Event()
        self._began = 0.0

    @property
    def dropped(self) -> int:
        """Frames that nobody took in time."""
        return self._mailbox.dropped

    def due(self, frame: Frame) -> float:
        """The second in which a frame was filmed."""
        return self._began + (frame.captured_at - START).total_seconds()

    def frames(self) -> Iterator[Frame]:
        """The newest frame, each time."""
        self._began = monotonic()
        camera = threading.Thread(target=self._film, name="camera", daemon=True)
        camera.start()
        while not self._over.is_set():
            frame = self._mailbox.take(_TAKE_WITHIN)
            if frame is not None:
                yield frame
        camera.join()

    def _film(self) -> None:
        for frame in self._recording.frames():
            self._over.wait(max(0.0, self.due(frame) - monotonic()))
            self._mailbox.put(frame)
        self._over.wait(timedelta(seconds=_TAKE_WITHIN).total_seconds())
        self._over.set()


def _replay(order: Order, recording: Recording, folder: Path) -> Replay:
    models = Models.load(Path(order.models) if order.models else None, order.detector, order.reader)
    rules = load_rules(None, start=START)
    return Replay(recording=recording, models=models, rules=rules, folder=folder, start=START)


def _lasts(recording: Recording, last: datetime) -> float:
    """In seconds; what a file says of it itself may be nothing or a guess."""
    return (last - START).total_seconds() + 1 / recording.frames_per_second


def _reads(step: Step) -> list[PlateRead]:
    return [outcome.tagged.read for outcome in step.outcomes]
