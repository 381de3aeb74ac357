"""The one thread that runs the models: one frame of each camera in turn, so that no camera starves another.

A model that fails is an alarm and a gap in the log, never an empty road.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from edge.clock import Clock, milliseconds, monotonic
from edge.daemon.loops import Loop
from edge.daemon.storage import Storage
from edge.errors import LedgerError, ModelError
from edge.ledger.entries import Gap, Purge, SelfTest
from edge.pipeline import Pipeline
from edge.selftest import SelfTest as Picture
from edge.values import Frame
from edge.vision import Models

SELF_TEST_EVERY = 3600.0
"""Seconds."""
_AGAIN_AFTER = 30.0  # seconds from a self-test that failed to the next
_LONGEST_WAIT = 0.2
_SHORT_WAIT = 0.01

_log = logging.getLogger(__name__)


class Camera(Protocol):
    """A live camera (edge.capture)."""

    def frame(self, timeout: float) -> Frame | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One camera and the pipeline that its frames go through."""

    camera: Camera
    pipeline: Pipeline


class Watch:
    """`turn` is one round over all cameras. `alarm` stands while the models fail, None otherwise."""

    def __init__(
        self,
        *,
        lanes: Sequence[Lane],
        models: Models,
        storage: Storage,
        clock: Clock,
    ) -> None:
        self._lanes, self._models, self._storage, self._clock = tuple(lanes), models, storage, clock
        self._picture = Picture()
        self._next_test = monotonic()
        self._failing: tuple[float, int] | None = None
        self._lost = 0
        self.alarm: str | None = None
        self.frames = 0

    def test(self) -> None:
        """Looks at the known picture and says in the log how it went. Raises ModelError."""
        entries = self._models.entries
        try:
            self._picture.run(self._models)
        except ModelError:
            for entry in entries:
                self._storage.note(SelfTest(model=entry.name, digest=entry.sha256, passed=0))
            raise
        for entry in entries:
            self._storage.note(SelfTest(model=entry.name, digest=entry.sha256, passed=1))
        self._next_test = monotonic() + SELF_TEST_EVERY

    def turn(self, loop: Loop) -> None:
        """One frame of each camera that has one; waits a little when none has."""
        if monotonic() >= self._next_test:
            self._test_again()
        seen = 0
        for lane in self._lanes:
            frame = lane.camera.frame(0.0)
            if frame is not None:
                seen += 1
                self._guarded(partial(lane.pipeline.step, frame))
            elif lane.pipeline.unrecorded:
                self._guarded(lane.pipeline.record)
        self.frames += seen
        self._count_lost()
        if self._failing is not None:
            loop.pause(_LONGEST_WAIT)
        elif not seen:
            self._wait(loop)

    def finish(self) -> None:
        """Completes what is in view and records it; what cannot be recorded now is lost, and counted."""
        for lane in self._lanes:
            self._guarded(lane.pipeline.finish)
        left = sum(lane.pipeline.unrecorded for lane in self._lanes)
        if left:
            _log.error("%d reads could not be recorded before the end", left)

    def _wait(self, loop: Loop) -> None:
        if len(self._lanes) > 1:
            loop.pause(_SHORT_WAIT)
            return
        frame = self._lanes[0].camera.frame(_LONGEST_WAIT)
        if frame is not None:
            self.frames += 1
            self._guarded(partial(self._lanes[0].pipeline.step, frame))

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except LedgerError:
            return  # the storage knows and has said it; the reads wait in their pipeline
        except ModelError as error:
            self._failed(error)

    def _failed(self, error: ModelError) -> None:
        if self._failing is None:
            self._failing = (monotonic(), milliseconds(self._clock.now().at))
            _log.error("%s; the road is not watched until it is mended", error)
        self.alarm = str(error)
        self._next_test = monotonic() + _AGAIN_AFTER

    def _test_again(self) -> None:
        """The hourly test, and the one after a failure; when it passes, the time between is a gap in the log."""
        try:
            self.test()
        except ModelError as error:
            self._failed(error)
            return
        if self._failing is not None:
            since, began = self._failing
            self._storage.note(
                Gap(what="models", began=began, ended=milliseconds(self._clock.now().at), why="model-error")
            )
            _log.warning("the models read again after %.0f s", monotonic() - since)
            self._failing = self.alarm = None

    def _count_lost(self) -> None:
        lost = sum(lane.pipeline.lost for lane in self._lanes)
        if lost > self._lost:
            self._storage.note(Purge(what="reads not recorded", count=lost - self._lost, failed=1))
            self._lost = lost
