"""What the tests of live cameras share: one that looks, with little patience, and a thread that takes the frames."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from edge.capture import CameraGap, LiveCamera, Patience, Why
from edge.clock import Clock, SystemClock
from edge.config import Camera
from edge.values import Frame
from tests.broker import wait_until

BRISK = Patience(stalled=2.5, steady=0.2, frozen=600.0, black=600.0)
BACK_WITHIN = 10.0
"""Seconds after a camera's return."""


class Watcher:
    """Takes every frame that a camera gives, and keeps the gaps."""

    def __init__(self, camera: LiveCamera) -> None:
        self.camera = camera
        self.frames: list[Frame] = []
        self._gaps: list[CameraGap] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self) -> None:
        while not self._done.is_set():
            frame = self.camera.frame(0.05)
            if frame is not None:
                self.frames.append(frame)

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    @property
    def gaps(self) -> list[CameraGap]:
        self._gaps += self.camera.gaps()
        return self._gaps

    @property
    def whys(self) -> list[str]:
        return [gap.why.value for gap in self.gaps]

    def sees(self, *, within: float = BACK_WITHIN) -> None:
        """Waits until frames come and no trouble is left."""
        seen = len(self.frames)
        wait_until(
            lambda: len(self.frames) > seen and self.camera.state().why is None, what="good frames come", within=within
        )

    def is_in(self, why: Why, *, within: float = 15.0) -> None:
        """Waits for a trouble."""
        wait_until(lambda: self.camera.state().why is why, what=why.value, within=within)


@contextmanager
def watching(
    url: str, *, clock: Clock | None = None, patience: Patience = BRISK, isolate: bool | None = None, **keys: Any
) -> Iterator[Watcher]:
    """A camera of device.toml at work; `isolate`: another process decodes, as it is for all when ISOLATE is set."""
    written = Camera(id="lane-1", url=url, **keys)
    isolate = "ISOLATE" in os.environ if isolate is None else isolate
    camera = LiveCamera(written, clock=clock or SystemClock(trusted=True), patience=patience, isolate=isolate)
    camera.start()
    watcher = Watcher(camera)
    try:
        yield watcher
    finally:
        camera.close()
        watcher.stop()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What the log said, filled in as it is said."""
    lines: list[str] = []
    caplog.set_level(logging.DEBUG)
    keeper = logging.Handler()
    keeper.emit = lambda record: lines.append(record.getMessage())
    logging.getLogger().addHandler(keeper)
    yield lines
    logging.getLogger().removeHandler(keeper)
