"""Cameras on this computer: a video or a folder that stands in for one, and USB, of which only the errors are here."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture import LiveCamera, Why
from edge.capture.address import address_of, device_path
from edge.config import Camera
from edge.values import Instant
from tests.broker import wait_until
from tests.capture.watching import said, watching

__all__ = ["said"]

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames at 20 a second."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (160, 96))
    chance = np.random.default_rng(3)
    for _ in range(12):
        writer.write(chance.integers(0, 255, (96, 160, 3)).astype(np.uint8))
    writer.release()
    return path


def test_a_video_plays_once_at_its_own_pace_and_loses_nothing(clip: Path, said: list[str]) -> None:
    with watching(str(clip)) as watcher:
        wait_until(lambda: watcher.camera.state().over and len(watcher.frames) == 12, what="it has ended")
        state = watcher.camera.state()
    assert [frame.sequence for frame in watcher.frames] == list(range(12))
    steps = [(frame.captured_at - watcher.frames[0].captured_at).total_seconds() for frame in watcher.frames]
    assert steps == pytest.approx([number / 20 for number in range(12)], abs=0.03)
    assert (state.connected, state.frames, state.dropped, state.why) == (False, 12, 0, None)
    assert said == ["camera lane-1: the recording has ended"]
    assert watcher.gaps == []


def test_a_slow_taker_loses_nothing(clip: Path) -> None:
    with watching(str(clip)) as watcher:
        wait_until(lambda: watcher.frames, what="a frame")
        watcher.stop()
        while len(watcher.frames) < 12:
            frame = watcher.camera.frame(5.0)
            assert frame is not None
            watcher.frames.append(frame)
    assert [frame.sequence for frame in watcher.frames] == list(range(12))


def test_a_frame_has_the_time_of_its_capture_not_of_its_taking(clip: Path) -> None:
    clock = SteppedClock()
    camera = LiveCamera(Camera(id="lane-1", url=str(clip)), clock=clock)
    camera.start()
    wait_until(lambda: camera.state().frames, what="a frame is there")
    there = clock.now().at
    wait_until(lambda: clock.now().at - there > timedelta(seconds=0.3), what="it lies there for a while")
    frame = camera.frame(0)
    camera.close()
    assert frame is not None
    assert frame.captured_at <= there


def test_a_video_that_repeats_goes_on_and_its_time_with_it(clip: Path) -> None:
    with watching(str(clip), repeat=True) as watcher:
        wait_until(lambda: len(watcher.frames) >= 30, what="the third round")
    times = [frame.captured_at for frame in watcher.frames]
    assert times == sorted(set(times))
    assert [frame.sequence for frame in watcher.frames[:30]] == list(range(30))


def test_a_folder_plays_at_the_pace_that_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((40, 60, 3), 10 * number, np.uint8))
    with watching(str(folder), frames_per_second=10.0) as watcher:
        wait_until(lambda: len(watcher.frames) == 4, what="four frames")
    took = watcher.frames[3].captured_at - watcher.frames[0].captured_at
    assert took.total_seconds() == pytest.approx(0.3, abs=0.03)


def test_a_video_that_comes_later_is_found(clip: Path, tmp_path: Path, said: list[str]) -> None:
    later = tmp_path / "later.mp4"
    with watching(str(later), repeat=True) as watcher:
        watcher.is_in(Why.NOT_REACHED)
        os.link(clip, later)
        watcher.sees()
    assert watcher.whys == ["not-reached"]
    assert "no such file" in said[0]


def test_a_video_that_cannot_even_be_looked_up_is_said(tmp_path: Path, said: list[str]) -> None:
    with watching(str(tmp_path / ("x" * 300))) as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert "cannot be read (File name too long)" in said[0]


def test_a_broken_video_is_said_once(tmp_path: Path, said: list[str]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(np.random.default_rng(1).bytes(5000))
    with watching(str(broken)) as watcher:
        watcher.is_in(Why.GARBAGE)
    assert len(said) == 1
    assert "not a video" in said[0]


class SteppedClock:
    """The computer's clock after somebody set it."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def now(self) -> Instant:
        return Instant(at=datetime.now(UTC) + self.by, trusted=True)

    def new_id(self) -> str:
        return "unused"


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(days=400)])
def test_frames_follow_the_clock_when_it_is_set(clip: Path, by: timedelta) -> None:
    clock = SteppedClock()
    with watching(str(clip), repeat=True, clock=clock) as watcher:
        wait_until(lambda: len(watcher.frames) > 5, what="some frames")
        clock.by = by
        seen = len(watcher.frames) + 1
        wait_until(lambda: len(watcher.frames) > seen + 5, what="some more")
        now = clock.now().at
    after = [frame.captured_at for frame in watcher.frames[seen:]]
    assert after == sorted(after)
    assert all(abs(at - now) < timedelta(seconds=30) for at in after)


def test_a_usb_camera_that_is_not_there_is_said(said: list[str]) -> None:
    with watching("usb:63") as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert said == ["camera lane-1: /dev/video63 is not there; check the plug and the number"]


def test_a_device_that_is_no_camera_is_said(said: list[str]) -> None:
    with watching("/dev/null") as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert said == ["camera lane-1: /dev/null is no camera; check the number, `v4l2-ctl --list-devices` shows them"]


def test_a_usb_camera_is_asked_for_its_size_and_pace() -> None:
    camera = Camera(id="lane-1", url="usb:2", size="1920x1080", frames_per_second=15.0)
    address = address_of(camera)
    assert (address.name, address.format) == ("/dev/video2", "video4linux2")
    assert (address.options["video_size"], address.options["framerate"]) == ("1920x1080", "15")


def test_a_path_that_leads_to_a_device_is_one(tmp_path: Path) -> None:
    link = tmp_path / "lane"
    link.symlink_to("/dev/null")
    assert device_path(Camera(id="lane-1", url=str(link))) == link
