"""Cameras that a program delivers: CSI cameras and pipes. Whatever the program does is noticed, and it never stays on.

No CSI camera was ever at hand: a module with the same calls stands in for Picamera2, and GStreamer's own test picture
for NVIDIA's source.
"""

import os
import shlex
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture import Patience, Why
from edge.capture.program import program_of
from edge.config import Camera
from edge.errors import ConfigError
from edge.written import parse_toml
from tests.broker import wait_until
from tests.capture.watching import said, watching
from tests.rtsp import street_clip

__all__ = ["said", "street_clip"]

STAND_INS = Path(__file__).with_name("stand_ins")
SIZE = "640x360"
ONE = 640 * 360 * 3 // 2


def shell(script: str) -> dict[str, object]:
    """A pipe camera that runs this."""
    return {"command": ("sh", "-c", script), "size": SIZE}


def filmed(clip: Path, pixel_format: str = "yuv420p") -> tuple[str, ...]:
    """ffmpeg, playing a clip at its pace for ever."""
    source = ("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip))
    return (*source, "-f", "rawvideo", "-pix_fmt", pixel_format, "-")


def ended(number: int) -> bool:
    """Whether a process is gone, or waits to be buried."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "bgr24", "rgb24", "gray"])
def test_raw_pictures_are_taken_as_they_are(street_clip: Path, pixel_format: str, said: list[str]) -> None:
    first = cv2.VideoCapture(str(street_clip)).read()[1]
    keys = {"command": filmed(street_clip, pixel_format), "size": SIZE, "pixel_format": pixel_format}
    with watching("pipe:", **keys) as watcher:
        wait_until(lambda: len(watcher.frames) >= 5, what="frames")
        state = watcher.camera.state()
    shown, wanted = watcher.frames[0].pixels.astype(int), first.astype(int)
    if pixel_format == "gray":
        shown, wanted = shown[..., 1], cv2.cvtColor(first, cv2.COLOR_BGR2GRAY).astype(int)
    assert abs(shown - wanted).mean() < 16
    assert (state.connected, state.width, state.height, state.why) == (True, 640, 360, None)
    assert all(later.captured_at > earlier.captured_at for earlier, later in pairwise(watcher.frames))
    assert (said, watcher.gaps) == ([], [])


def test_a_program_that_ends_is_said_once_and_started_again(tmp_path: Path, said: list[str]) -> None:
    starts = tmp_path / "starts"
    script = f"echo >> {starts}; head -c {ONE} /dev/urandom; exit 7"
    with watching("pipe:", **shell(script)) as watcher:
        wait_until(lambda: starts.exists() and len(starts.read_text()) >= 3, what="three starts")
    assert watcher.whys == ["ended"]
    assert said == [
        "camera lane-1: `sh` ended with exit code 7, run it by hand to see why; it is started again",
    ]


def test_half_a_picture_is_none_and_names_the_keys_to_check(said: list[str]) -> None:
    with watching("pipe:", **shell(f"head -c {ONE // 2} /dev/urandom")) as watcher:
        watcher.is_in(Why.GARBAGE)
        assert watcher.frames == []
    assert f"left {ONE // 2} bytes, which are no whole picture of 640x360; check `size`, `pixel_format`" in said[0]


def test_words_where_pictures_should_be_are_no_picture(said: list[str]) -> None:
    with watching("pipe:", **shell("echo no such camera, password was geheim")) as watcher:
        watcher.is_in(Why.GARBAGE)
    assert "geheim" not in said[0]


def test_a_program_that_stands_still_is_ended_and_started_again(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"echo $$ >> {pids}; head -c {ONE + 1000} /dev/urandom; exec sleep 600"
    with watching("pipe:", **shell(script)) as watcher:
        watcher.is_in(Why.STALLED)
        wait_until(lambda: len(pids.read_text().split()) >= 2, what="a second start")
        assert ended(int(pids.read_text().split()[0]))
    assert watcher.whys == ["stalled"]
    assert len(watcher.frames) >= 1


def test_a_program_may_take_longer_to_its_first_picture_than_to_the_next(tmp_path: Path, said: list[str]) -> None:
    starts = tmp_path / "starts"
    patience = Patience(first=10.0, stalled=0.5, steady=0.2)
    script = f"echo >> {starts}; sleep 2; head -c {ONE} /dev/urandom; exec sleep 600"
    with watching("pipe:", patience=patience, **shell(script)) as watcher:
        wait_until(lambda: watcher.frames, what="the first picture")
        assert (len(starts.read_text()), said) == (1, [])
        watcher.is_in(Why.STALLED)


def test_a_program_that_never_gives_a_picture_is_noticed(said: list[str]) -> None:
    with watching("pipe:", patience=Patience(first=1.0, stalled=0.5), **shell("exec sleep 600")) as watcher:
        watcher.is_in(Why.STALLED)
    assert "sent nothing for" in said[0]


def test_what_nobody_foresaw_is_said_by_kind_and_place_and_the_camera_is_connected_again(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    readv = os.readv

    def breaks_once(handle: int, buffers: list[memoryview]) -> int:
        monkeypatch.setattr(os, "readv", readv)
        raise RuntimeError("geheim")

    with watching("pipe:", **shell("exec cat /dev/urandom")) as watcher:
        watcher.sees()
        monkeypatch.setattr(os, "readv", breaks_once)
        watcher.is_in(Why.ENDED)
        assert not watcher.camera.state().connected
        watcher.sees()
    assert watcher.whys == ["ended"]
    assert "a fault in this program (RuntimeError in " in said[0]
    assert "geheim" not in said[0]


def test_a_program_that_is_not_there_is_said_with_the_mend(said: list[str]) -> None:
    with watching("pipe:", command=("no-such-program", "--password", "geheim"), size=SIZE) as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert said[0] == (
        "camera lane-1: `no-such-program` cannot be started (no such program); check the first word of `command`"
    )


LOOKING = """
import sys, time
from edge.capture import LiveCamera
from edge.clock import SystemClock
from edge.config import Camera
camera = LiveCamera(Camera(id="lane-1", url="pipe:", command=("sh", "-c", sys.argv[1]), size="640x360"),
              clock=SystemClock(trusted=True))
camera.start()
while True:
    camera.frame(1.0)
"""
SILENT = "echo $$ > {pids}; env > {pids}.env; ls -l /proc/$$/fd > {pids}.fds; {first}; exec sleep 600"


def test_nothing_of_it_is_left_after_the_camera_is_closed(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/child; {SILENT.format(pids=tmp_path / 'pids', first='true')}"
    with watching("pipe:", **shell(script)):
        wait_until((tmp_path / "pids.fds").exists, what="it runs")
    for name in ("child", "pids"):
        assert ended(int((tmp_path / name).read_text()))


def test_it_dies_with_a_daemon_that_is_killed_and_has_inherited_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/homerule")
    script = SILENT.format(pids=tmp_path / "pids", first=f"head -c {ONE} /dev/urandom")
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        daemon = subprocess.Popen([sys.executable, "-c", LOOKING, script], pass_fds=[secret.fileno()])
    wait_until(lambda: (tmp_path / "pids.fds").exists() and (tmp_path / "pids").read_text(), what="it runs")
    number = int((tmp_path / "pids").read_text())
    assert not ended(number)
    daemon.send_signal(signal.SIGKILL)
    daemon.wait(10)
    wait_until(lambda: ended(number), what="its end", within=5)
    assert "CREDENTIALS_DIRECTORY" not in (tmp_path / "pids.env").read_text()
    assert "secret" not in (tmp_path / "pids.fds").read_text()


# -- Raspberry Pi


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(STAND_INS))


@pytest.mark.usefixtures("picamera2")
@pytest.mark.parametrize("size", ["640x360", "584x328"], ids=["rows without padding", "padded rows"])
def test_a_raspberrys_camera_delivers_its_pictures(size: str, said: list[str]) -> None:
    with watching("picamera:0", size=size, frames_per_second=20.0) as watcher:
        wait_until(lambda: len(watcher.frames) >= 3, what="frames")
        first, state = watcher.frames[0].pixels, watcher.camera.state()
    assert f"{state.width}x{state.height}" == size
    # a slope from left to right, alike in every row, and grey: no padding has slipped in
    assert (np.ptp(first.astype(int), axis=2) <= 2).all()
    assert (first == first[0]).all()
    assert said == []


@pytest.mark.usefixtures("picamera2")
def test_a_raspberry_without_that_camera_says_what_to_check(said: list[str]) -> None:
    with watching("picamera:1", size=SIZE) as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert "check the ribbon cable and `rpicam-hello --list-cameras`" in said[0]


def test_where_picamera2_is_missing_the_package_is_named(said: list[str]) -> None:
    with watching("picamera:0", size=SIZE) as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert said[0].endswith("finds no Picamera2, run `apt-get install python3-picamera2`")


# -- Jetson


@pytest.fixture
def argus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GStreamer as on a Jetson, but for what makes the picture and carries it out of NVIDIA's memory."""
    real = subprocess.run(["which", "gst-launch-1.0"], capture_output=True, text=True, check=True).stdout.strip()
    script = tmp_path / "gst-launch-1.0"
    script.write_text(f"""#!{sys.executable}
import os, sys
stand_in = {{"nvarguscamerasrc": ["videotestsrc", "is-live=true"], "sensor-id=0": [], "nvvidconv": ["videoconvert"]}}
words = [new for word in sys.argv[1:] for new in stand_in.get(word, [word.replace("(memory:NVMM)", "")])]
os.execv({real!r}, [{real!r}, *words])
""")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.needs("gst-launch-1.0")
@pytest.mark.usefixtures("argus")
def test_a_jetsons_pipeline_delivers_its_pictures(said: list[str]) -> None:
    with watching("jetson:0", size=SIZE, frames_per_second=20.0) as watcher:
        wait_until(lambda: len(watcher.frames) >= 5, what="frames")
        bars = watcher.frames[0].pixels[100, 45::91]  # the middle of each colour bar
    assert [tuple(int(value > 100) for value in bar) for bar in bars] == [
        (1, 1, 1), (0, 1, 1), (1, 1, 0), (0, 1, 0), (1, 0, 1), (0, 0, 1), (1, 0, 0)
    ]  # fmt: skip
    assert said == []


@pytest.mark.needs("gst-launch-1.0")
def test_a_computer_that_is_no_jetson_says_what_to_check(said: list[str]) -> None:
    with watching("jetson:0", size=SIZE) as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert "check the ribbon cable, `size` and the service nvargus-daemon" in said[0]


def test_the_jetsons_pipeline_is_the_documented_one() -> None:
    words = program_of(Camera(id="lane-1", url="jetson:1", size="1280x720", frames_per_second=30.0)).words
    assert shlex.join(words) == (
        "gst-launch-1.0 -q nvarguscamerasrc sensor-id=1 '!'"
        " 'video/x-raw(memory:NVMM),width=1280,height=720,framerate=30/1' '!' nvvidconv '!'"
        " video/x-raw,width=1280,height=720,format=I420 '!' fdsink fd=1 sync=false"
    )


# -- device.toml


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('url = "pipe:"\nsize = "640x360"', "`command` and `url = \"pipe:\"` belong together"),
        ('url = "usb:0"\ncommand = ["cat"]', "`command` and `url = \"pipe:\"` belong together"),
        ('url = "pipe:"\ncommand = ["cat"]', "`size` is needed with a pipe"),
        ('url = "pipe:cat"\ncommand = ["cat"]\nsize = "640x360"', "must be `pipe:` alone"),
        ('url = "picamera:x"', "must be `picamera:` and the camera's number"),
        ('url = "jetson:0"\nsize = "640x362"', "multiple of 8 wide and of 4 high"),
        ('url = "csi:0"', "must start with rtsp://, rtsps://, http://, https://, usb:, picamera:, jetson: or pipe:"),
        ('url = "jetson:0"\nrepeat = true', "`repeat` is for a video"),
        ('url = "picamera:0"\nsub_url = "rtsp://h/2"', "`sub_url` is for a camera on the network"),
    ],
)  # fmt: skip
def test_a_camera_that_cannot_be_meant_is_refused_with_the_mend(written: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_toml(f'id = "lane-1"\n{written}', Camera, file="device.toml", error=ConfigError)
    assert said in str(refused.value)
