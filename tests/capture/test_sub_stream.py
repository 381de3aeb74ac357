"""A camera with a small stream: the large one is decoded while something moves, or while the small one is no help."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.capture import LiveCamera
from edge.clock import SystemClock
from edge.config import Camera
from edge.road.clip import Pass, Road, write_video
from edge.vision.gate import MotionGate
from tests.broker import wait_until
from tests.capture.watching import BRISK, Watcher, said
from tests.rtsp import RtspCamera, camera_at

__all__ = ["said"]

QUIET_SECONDS = 8.0


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A street that is empty for eight seconds before its one car comes; as large and as small stream."""
    folder = tmp_path_factory.mktemp("clips")
    large, small = folder / "large.mp4", folder / "small.mp4"
    road = Road(passes=[Pass(text="CB 54 719", speed=20.0, enters=QUIET_SECONDS)], seed=5, size=(640, 360))
    write_video(road, large)
    subprocess.run(["ffmpeg", "-v", "error", "-i", large, "-s", "320x180", "-r", "12.5", small], check=True)
    return large, small


@pytest.fixture
def server(tmp_path: Path, clips: tuple[Path, Path]) -> Iterator[RtspCamera]:
    with camera_at(tmp_path, clips[0], sub=clips[1], whole_every=1.0) as camera:
        camera.start()
        yield camera


@contextmanager
def watched(server: RtspCamera, gate: MotionGate | None = None) -> Iterator[Watcher]:
    written = Camera(id="lane-1", url=server.url, sub_url=server.sub_url)
    camera = LiveCamera(written, clock=SystemClock(trusted=True), patience=BRISK, gate=gate or MotionGate())
    camera.start()
    watcher = Watcher(camera)
    try:
        yield watcher
    finally:
        camera.close()
        watcher.stop()


def stands(watcher: Watcher, gate: str) -> float:
    """Waits until the gate is so; when that was."""
    wait_until(lambda: watcher.camera.state().gate == gate, what=f"the gate is {gate}", within=25)
    return SystemClock(trusted=True).now().at.timestamp()


def between(watcher: Watcher, first: float, last: float) -> list[float]:
    """When the frames of that time were taken."""
    times = [frame.captured_at.timestamp() for frame in watcher.frames]
    return [at for at in times if first <= at <= last]


def test_what_moves_is_decoded_from_before_it_moved_and_hardly_anything_else(server: RtspCamera) -> None:
    with watched(server) as watcher:
        shut = stands(watcher, "shut")
        opened = stands(watcher, "open")
        wait_until(lambda: between(watcher, opened + 1.0, opened + 9.0), what="it is decoded", within=10)
        fps = watcher.camera.state().fps
    idle = between(watcher, shut + 0.2, opened - 1.3)
    moving = between(watcher, opened - 0.8, opened + 0.9)
    assert len(idle) <= (opened - shut) / 2
    assert len(moving) >= 38, "25 a second, from before the motion on"
    assert max(later - earlier for earlier, later in pairwise(moving)) < 0.1
    assert fps > 15, "all pictures that come are counted"
    assert watcher.gaps == []


def test_while_the_small_stream_gives_nothing_the_large_one_is_decoded_all_the_time(
    server: RtspCamera, said: list[str]
) -> None:
    with watched(server) as watcher:
        stands(watcher, "shut")
        server.hold_sub()
        blind = stands(watcher, "blind")
        wait_until(lambda: len(between(watcher, blind, blind + 60)) > 30, what="all is decoded")
        server.hold_sub(False)
        wait_until(lambda: watcher.camera.state().gate in ("shut", "open"), what="it is watched again", within=25)
    assert watcher.gaps == []
    assert [line for line in said if "sub-stream" not in line] == []


def test_a_small_stream_that_is_not_there_is_said_with_the_mend_and_the_large_one_is_decoded(
    tmp_path: Path, clips: tuple[Path, Path], said: list[str]
) -> None:
    with camera_at(tmp_path, clips[0]) as camera:
        camera.start()
        with watched(camera) as watcher:
            wait_until(lambda: len(watcher.frames) > 30, what="frames come")
            wait_until(lambda: said, what="something is said")
            assert watcher.camera.state().gate == "blind"
    assert len(said) == 1
    assert "its sub-stream" in said[0]
    assert "check the path" in said[0]


class FailsOnce(MotionGate):
    """A gate with a fault that nobody foresaw."""

    failed = False

    def stirs(self, luma: NDArray[np.uint8], at: float) -> bool:
        if not self.failed:
            self.failed = True
            raise RuntimeError
        return super().stirs(luma, at)


def test_what_nobody_foresaw_is_said_and_the_small_stream_is_watched_again(server: RtspCamera, said: list[str]) -> None:
    with watched(server, FailsOnce()) as watcher:
        wait_until(lambda: said, what="something is said")
        wait_until(lambda: watcher.camera.state().gate in ("shut", "open"), what="it is watched", within=25)
    assert "its sub-stream: a fault in this program (RuntimeError in " in said[0]
    assert "watched again" in said[-1]
