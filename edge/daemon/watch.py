"""The one thread that runs the models: cameras take turns, the one that waited longest first, so that none starves.

A model that fails is an alarm and a gap in the log, never an empty road.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from edge.capture import LiveCamera
from edge.clock import Clock, milliseconds, monotonic
from edge.daemon.loops import Loop
from edge.daemon.pace import Pace
from edge.daemon.storage import Storage
from edge.errors import CameraError, LedgerError, ModelError
from edge.ledger.entries import Gap, Purge, SelfTest
from edge.pipeline import Pipeline
from edge.selftest import SelfTest as Picture
from edge.values import Frame
from edge.vision import Counts, Models
from edge.vision.passage import PATIENCE_STANDING_SECONDS

SELF_TEST_EVERY = 3600.0
"""Seconds."""
QUIET_SECONDS = PATIENCE_STANDING_SECONDS
"""Without a frame for so long, what is in view is handed on as it is, and each time again what is too old is forgotten.
With a gate there are seconds without a frame while nothing moves, and that is no outage."""
_AGAIN_AFTER = 30.0  # seconds from a self-test that failed to the next
_LONGEST_WAIT = 0.2

_log = logging.getLogger(__name__)


class Eyes(Protocol):
    """What looks at a camera's frames, as often as `pace` allows; 1.0 is full (edge.vision.Vision)."""

    pace: float

    @property
    def counts(self) -> Counts: ...

    def moved(self, by: timedelta) -> None: ...


@dataclass(slots=True, kw_only=True)
class Lane:
    """One camera, the pipeline that its frames go through, and when it last had its turn: a frame, or a rest."""

    camera: LiveCamera
    pipeline: Pipeline
    eyes: Eyes
    pace: Pace
    served: float = field(default_factory=monotonic)


class Watch:
    """`turn` is one round over all cameras; `bell` is set by each of them at a new frame.

    `alarm` stands while the models fail, and is None otherwise.
    """

    def __init__(
        self,
        *,
        lanes: Sequence[Lane],
        models: Models,
        storage: Storage,
        clock: Clock,
        bell: threading.Event,
        moved: Callable[[], float],
    ) -> None:
        """`moved` tells by how many seconds the frames' clock was moved so far (ClockTrust)."""
        self.lanes, self.models = tuple(lanes), models
        self._storage, self._clock = storage, clock
        self._bell = bell
        self._picture = Picture()
        self._next_test = monotonic()
        self._failing_since = 0.0
        self._lost = 0
        self._said: set[str] = set()
        self._moved, self._followed = moved, moved()
        self.tested_at: datetime | None = None
        """When the models last read the known plate."""
        self.alarm: str | None = None
        self.alarm_since: datetime | None = None

    def test(self) -> None:
        """Looks at the known picture and says in the log how it went. Raises ModelError."""
        passed = 0
        try:
            self._picture.run(self.models)
            passed = 1
            self.tested_at = self._clock.now().at
        finally:
            for entry in self.models.entries:
                self._storage.note(SelfTest(model=entry.name, digest=entry.sha256, passed=passed))
        self._next_test = monotonic() + SELF_TEST_EVERY

    def start(self) -> None:
        """Lets the cameras begin."""
        for lane in self.lanes:
            lane.camera.start()

    def turn(self, loop: Loop) -> None:
        """One frame of each camera that has one; waits a little when none has."""
        if monotonic() >= self._next_test:
            self._test_again()
        self._bell.clear()
        seen = 0
        for lane in sorted(self.lanes, key=lambda each: each.served):
            frame = self._frame(lane.camera)
            self._follow_clock()  # a frame's time is of the clock as it stands now
            if frame is not None:
                seen += 1
                lane.served = monotonic()
                lane.pace.judge(lane.camera.lag, lane.served)
                lane.eyes.pace = lane.pace.value
                self._guarded(partial(lane.pipeline.step, frame))
            elif monotonic() - lane.served > QUIET_SECONDS:
                lane.served = monotonic()
                self._guarded(lane.pipeline.rest)
        self._note_gaps()
        if self.alarm is not None:
            loop.pause(_LONGEST_WAIT)
        elif not seen:
            self._bell.wait(_LONGEST_WAIT)

    def finish(self, loop: Loop) -> None:
        """The last turn: completes what is in view and records it; what cannot be recorded now is lost, and said."""
        loop.stop()
        self._finish_views()
        left = sum(lane.pipeline.unrecorded for lane in self.lanes)
        if left:
            _log.error("%d reads could not be recorded before the end", left)

    def close(self) -> None:
        """Lets the cameras go, all at once, and notes the gaps that they leave."""
        closing = [threading.Thread(target=lane.camera.close, daemon=True) for lane in self.lanes]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        self._note_gaps()

    def _frame(self, camera: LiveCamera) -> Frame | None:
        try:
            return camera.frame(0.0)
        except CameraError as error:
            self._say_once(error)
            return None

    def _say_once(self, error: CameraError) -> None:
        if str(error) not in self._said:
            self._said.add(str(error))
            _log.error("%s", error)

    def _follow_clock(self) -> None:
        """After a step what is in view is handed on: frames before and after do not fit together."""
        moved = self._moved()
        by, self._followed = timedelta(seconds=moved - self._followed), moved
        if by:
            self._finish_views()
            for lane in self.lanes:
                lane.eyes.moved(by)

    def _finish_views(self) -> None:
        for lane in self.lanes:
            self._guarded(lane.pipeline.finish)

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except LedgerError:
            return  # the storage knows and has said it; the reads wait in their pipeline
        except CameraError as error:  # a picture of a kind that cannot be converted
            self._say_once(error)
        except ModelError as error:
            self._failed(error)

    def _test_again(self) -> None:
        """The hourly test, and the one after a failure; when it passes, the time between is a gap in the log."""
        try:
            self.test()
        except ModelError as error:
            self._failed(error)
            return
        if self.alarm is not None and self.alarm_since is not None:
            began, ended = milliseconds(self.alarm_since), milliseconds(self._clock.now().at)
            self._storage.note(Gap(what="models", began=began, ended=ended, why="model-error"))
            _log.warning("the models read again after %.0f s", monotonic() - self._failing_since)
            self.alarm = None

    def _failed(self, error: ModelError) -> None:
        if self.alarm is None:
            self._failing_since, self.alarm_since = monotonic(), self._clock.now().at
            _log.error("%s; until then the road is not watched", error)
        self.alarm = str(error)
        self._next_test = monotonic() + _AGAIN_AFTER

    def _note_gaps(self) -> None:
        """What the cameras missed, and reads that waited for the ledger for too long."""
        for lane in self.lanes:
            for gap in lane.camera.gaps():
                began, ended = milliseconds(gap.began), milliseconds(gap.ended)
                self._storage.note(Gap(what=f"camera:{gap.camera_id}", began=began, ended=ended, why=gap.why.value))
        lost = sum(lane.pipeline.lost for lane in self.lanes)
        if lost > self._lost:
            self._storage.note(Purge(what="reads not recorded", count=lost - self._lost, failed=1))
            self._lost = lost
