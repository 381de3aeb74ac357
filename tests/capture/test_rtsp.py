"""Live RTSP cameras: each trouble is noticed, said once, kept as a gap, and over soon after the camera's return."""

import os
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from time import sleep

import av
import pytest

from edge.capture import LiveCamera, Trouble, Why, frames
from edge.capture.address import address_of
from edge.capture.picture import Converter, Decoded
from edge.config import Camera
from edge.decoding.address import Address
from edge.decoding.stream import Arrival, Stream
from tests.broker import wait_until
from tests.capture.watching import BACK_WITHIN, said, watching
from tests.rtsp import RtspCamera, camera_at, rtsp_camera, street_clip

__all__ = ["rtsp_camera", "said", "street_clip"]

PASSWORD = "p@ss:wörd/%41?#"


@pytest.fixture
def login_file(tmp_path: Path) -> Path:
    path = tmp_path / "login"
    path.touch(0o600)
    path.write_text(f"viewer:{PASSWORD}\n")
    return path


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_come_live_and_in_order(rtsp_camera: RtspCamera, transport: str, said: list[str]) -> None:
    with watching(rtsp_camera.url, transport=transport) as watcher:
        wait_until(lambda: len(watcher.frames) >= 30, what="thirty frames")
        state = watcher.camera.state()
    assert (state.connected, state.width, state.height, state.why) == (True, 640, 360, None)
    assert 5 < state.fps < 60
    assert all(later.captured_at > earlier.captured_at for earlier, later in pairwise(watcher.frames))
    assert all(later.sequence > earlier.sequence for earlier, later in pairwise(watcher.frames))
    assert watcher.frames[-1].pixels.shape == (360, 640, 3)
    assert watcher.gaps == []
    assert said == []


def test_the_pictures_are_those_of_the_clip(rtsp_camera: RtspCamera, street_clip: Path) -> None:
    filmed = [frame.pixels.astype(int) for frame in frames(street_clip, camera_id="lane-1", start=datetime.now(UTC))]
    with watching(rtsp_camera.url) as watcher:
        wait_until(lambda: watcher.frames, what="a frame")
    # the camera plays in a loop, so any of them, but for what coding loses
    assert min(abs(watcher.frames[0].pixels - pixels).mean() for pixels in filmed) < 3


def test_a_frame_that_nobody_takes_is_dropped_and_counted(rtsp_camera: RtspCamera) -> None:
    with watching(rtsp_camera.url) as watcher:
        wait_until(lambda: watcher.frames, what="a frame")
        watcher.stop()
        wait_until(lambda: watcher.camera.state().dropped > 10, what="frames are dropped")
        newest = watcher.camera.state().frames - 1
        frame = watcher.camera.frame(1.0)
    assert frame is not None
    assert frame.sequence >= newest


def test_a_camera_that_starts_later_than_the_daemon_is_found(
    tmp_path: Path, street_clip: Path, said: list[str]
) -> None:
    with camera_at(tmp_path, street_clip) as camera, watching(camera.url) as watcher:
        watcher.is_in(Why.NOT_REACHED)
        camera.start()
        watcher.sees(within=2 * BACK_WITHIN)  # the camera itself takes a while to start
    assert watcher.whys == ["not-reached"]
    assert len(said) == 2
    assert "refuses the connection" in said[0]
    assert "good pictures again" in said[1]


def test_a_camera_that_loses_power_and_comes_back_is_found_again(rtsp_camera: RtspCamera, said: list[str]) -> None:
    with watching(rtsp_camera.url) as watcher:
        watcher.sees()
        rtsp_camera.kill()
        watcher.is_in(Why.NOT_REACHED)
        rtsp_camera.start()
        watcher.sees()
    assert watcher.whys == ["ended", "not-reached"]
    first, second = watcher.gaps
    assert first.ended == second.began
    before = max(frame.captured_at for frame in watcher.frames if frame.captured_at < second.ended)
    # nothing was seen in the gap, and nothing beside it was left out
    assert before <= first.began
    assert all(later.captured_at > earlier.captured_at for earlier, later in pairwise(watcher.frames))
    assert len(said) == 3


@pytest.mark.parametrize("transport", ["tcp", pytest.param("udp", marks=pytest.mark.full)])
def test_a_camera_that_stands_still_with_its_connection_open_is_noticed(
    rtsp_camera: RtspCamera, transport: str, said: list[str]
) -> None:
    with watching(rtsp_camera.url, transport=transport) as watcher:
        watcher.sees()
        rtsp_camera.freeze()
        watcher.is_in(Why.STALLED)
        rtsp_camera.thaw()
        watcher.sees()
    assert watcher.whys == ["stalled"]
    assert ["sent nothing" in line for line in said] == [True, False]


def test_a_camera_that_answers_but_sends_nothing_is_noticed(rtsp_camera: RtspCamera) -> None:
    with watching(rtsp_camera.url) as watcher:
        watcher.sees()
        rtsp_camera.hold()
        watcher.is_in(Why.STALLED)
        rtsp_camera.hold(False)
        watcher.sees()
    assert watcher.whys == ["stalled"]


def test_a_camera_that_sends_garbage_is_noticed(rtsp_camera: RtspCamera, said: list[str]) -> None:
    with watching(rtsp_camera.url) as watcher:
        watcher.sees()
        rtsp_camera.spoil()
        watcher.is_in(Why.GARBAGE)
        rtsp_camera.spoil(False)
        watcher.sees()
    assert watcher.whys == ["garbage"]
    assert ["nothing that can be decoded" in line for line in said] == [True, False]


def test_a_change_of_size_is_survived_and_said(
    rtsp_camera: RtspCamera, tmp_path: Path, street_clip: Path, said: list[str]
) -> None:
    smaller = tmp_path / "smaller.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", street_clip, "-s", "320x180", "-t", "2", smaller], check=True)
    with watching(rtsp_camera.url) as watcher:
        watcher.sees()
        rtsp_camera.play(smaller)
        wait_until(lambda: watcher.frames[-1].pixels.shape == (180, 320, 3), what="smaller frames")
        state = watcher.camera.state()
    assert (state.connected, state.width, state.height) == (True, 320, 180)
    assert watcher.whys == ["changed-size"]
    assert said == [
        "camera lane-1: the picture is 320x180 now, it was 640x360; look whether it is still aimed well",
    ]


def test_a_camera_that_seldom_sends_a_whole_picture_is_waited_for(
    tmp_path: Path, street_clip: Path, said: list[str]
) -> None:
    with camera_at(tmp_path, street_clip, whole_every=3.0) as camera:
        camera.start()
        with watching(camera.url) as first:
            first.sees()
            with watching(camera.url) as second:  # in the middle, where nothing can be decoded yet
                second.sees()
    assert (second.gaps, said) == ([], [])


@pytest.mark.parametrize("digest", [False, True], ids=["basic", "digest"])
def test_a_login_from_its_file_opens(tmp_path: Path, street_clip: Path, login_file: Path, digest: bool) -> None:
    with camera_at(tmp_path, street_clip, user="viewer", password=PASSWORD, digest=digest) as camera:
        camera.start()
        with watching(camera.url, credentials=login_file) as watcher:
            watcher.sees()
    assert watcher.gaps == []


def test_a_wrong_password_is_said_once_and_tried_again_as_soon_as_it_is_mended(
    tmp_path: Path, street_clip: Path, login_file: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # longer than anybody waits here: only the changed file can end the pause
    monkeypatch.setattr(sys.modules[LiveCamera.__module__], "_LOGIN_PAUSES", (600.0,))
    with camera_at(tmp_path, street_clip, user="viewer", password="another") as camera:
        camera.start()
        with watching(camera.url, credentials=login_file) as watcher:
            watcher.is_in(Why.REFUSED_LOGIN)
            login_file.write_text("viewer:another\n")
            watcher.sees()
    assert watcher.whys == ["refused-login"]
    assert len(said) == 2
    assert f"refuses the login in {login_file}" in said[0]
    assert not any(secret in line for line in said for secret in (PASSWORD, "another", "viewer"))


def test_a_camera_that_wants_a_login_where_none_is_written_says_where_to_write_it(
    tmp_path: Path, street_clip: Path, said: list[str]
) -> None:
    with camera_at(tmp_path, street_clip, user="viewer", password="pass") as camera:
        camera.start()
        with watching(camera.url) as watcher:
            watcher.is_in(Why.REFUSED_LOGIN)
    assert "name it in `credentials`" in said[0]


def test_a_login_that_others_can_read_is_not_used(
    tmp_path: Path, street_clip: Path, login_file: Path, said: list[str]
) -> None:
    login_file.chmod(0o644)
    with camera_at(tmp_path, street_clip) as camera:
        camera.start()
        with watching(camera.url, credentials=login_file) as watcher:
            watcher.is_in(Why.REFUSED_LOGIN)
            login_file.chmod(0o600)
            watcher.sees()
    assert f"chmod 600 {login_file}" in said[0]


def test_no_error_and_no_repr_holds_the_login(login_file: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: refused
        url = f"rtsp://127.0.0.1:{taken.getsockname()[1]}/secret-path?token=1234"
        address = address_of(Camera(id="lane-1", url=url, credentials=login_file))
        with pytest.raises(Trouble) as refused:
            Stream(address, Converter().shown)
    told = "".join(traceback.TracebackException.from_exception(refused.value, capture_locals=False).format())
    told += repr(address) + str(refused.value)
    assert not any(secret in told for secret in ("viewer", "p%40ss", "p@ss", "secret-path", "1234"))
    assert refused.value.__context__ is None


def test_a_decoder_keeps_up_that_waits_for_the_camera(rtsp_camera: RtspCamera, street_clip: Path) -> None:
    def slowly(frame: av.VideoFrame) -> av.VideoFrame:
        sleep(0.01)
        return frame

    def last(name: str) -> Arrival[av.VideoFrame]:
        stream = Stream(Address(place="here", name=name), slowly)
        arrivals: list[Arrival[av.VideoFrame]] = []
        with suppress(Trouble):
            while len(arrivals) < 100:
                arrivals += stream.read()
        stream.close()
        return arrivals[-1]

    assert last(rtsp_camera.url).in_time
    assert not last(str(street_clip)).in_time, "all of it is there at once"


def test_colours_that_change_to_ones_nobody_can_convert_are_a_trouble(tmp_path: Path, street_clip: Path) -> None:
    parts = []
    for matrix in (1, 10):  # ITU-T H.264, table E-5: BT.709, and one that ffmpeg does not convert
        part = tmp_path / f"{matrix}.ts"
        coding = ["-c:v", "libx264", "-bf", "0", "-bsf:v", f"h264_metadata=matrix_coefficients={matrix}"]
        ffmpeg = ["ffmpeg", "-v", "error", "-i", street_clip, "-t", "1", *coding, part]
        subprocess.run(ffmpeg, check=True)
        parts.append(part.read_bytes())
    changing = tmp_path / "changing.ts"
    changing.write_bytes(b"".join(parts))
    stream = Stream(Address(place="here", name=str(changing)), Converter().shown)
    pictures: list[Decoded] = []

    def read_all() -> None:
        while True:
            pictures.extend(arrival.picture for arrival in stream.read())

    with pytest.raises(Trouble, match="cannot be read"):
        read_all()
    stream.close()
    assert pictures
    assert [picture.scaled((32, 18)).shape for picture in pictures] == [(18, 32, 3)] * len(pictures)


def test_closing_does_not_wait_for_a_camera_that_stands_still(rtsp_camera: RtspCamera) -> None:
    with watching(rtsp_camera.url) as watcher:
        watcher.sees()
        rtsp_camera.freeze()
        watcher.camera.close()
        assert "camera lane-1" not in [thread.name for thread in threading.enumerate()]
        assert watcher.camera.frame(0) is None


LOOKING = """
import sys, time
from edge.capture import LiveCamera
from edge.clock import SystemClock, monotonic
from edge.config import Camera
camera = LiveCamera(Camera(id="lane-1", url=sys.argv[1]), clock=SystemClock(trusted=True))
camera.start()
camera.frame(0.7)
began = monotonic()
camera.close()
print("closed in time" if monotonic() - began < 2.5 else "too late")
"""


def test_a_program_ends_cleanly_while_it_connects_to_somebody_who_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/stream1"
        done = subprocess.run([sys.executable, "-c", LOOKING, url], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed in time\n", "")


def test_no_file_or_thread_is_left_after_a_camera_is_closed(rtsp_camera: RtspCamera) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))

    with watching(rtsp_camera.url) as watcher:
        watcher.sees()
    before = open_files()
    for _ in range(3):
        with watching(rtsp_camera.url) as watcher:
            watcher.sees()
    assert open_files() == before
