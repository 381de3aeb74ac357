"""A real RTSP camera on a free loopback port: GStreamer's server, playing a clip in a loop at its own pace.

A test can kill it and bring it back, freeze it, make it go silent, spoil its pictures or change their size. Not in a
wheel but in Debian, so it runs in the system's Python (tests/rtsp_serve.py); skipped when it is not installed.
"""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edge.road.clip import Pass, Road, write_video
from tests.broker import free_port

SYSTEM_PYTHON = "/usr/bin/python3"
PACKAGES = "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good"


class RtspCamera:
    """One server process. `clip` is any video file; it is coded to H.264, a whole picture every `whole_every` seconds.

    With `user` and `password` nobody gets in without them, asked for as Basic, or as Digest. With `sub`, another file
    of the same length, it has a second, small stream, in step with the first.
    """

    def __init__(
        self,
        folder: Path,
        clip: Path,
        *,
        user: str = "",
        password: str = "",
        digest: bool = False,
        fps: float = 25.0,
        whole_every: float = 0.5,
        sub: Path | None = None,
        sub_fps: float = 12.5,
    ) -> None:
        self.address, self.port = "127.0.0.1", free_port()
        self._folder = folder
        self._fps = fps
        self._whole_every = whole_every
        self._playing = coded(folder, clip, fps, whole_every)
        self._sub = {} if sub is None else {"sub": str(coded(folder, sub, sub_fps, 1.0)), "sub_fps": sub_fps}
        self._login = {"user": user, "password": password, "digest": digest}
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its address, for `[[camera]] url`."""
        return f"rtsp://{self.address}:{self.port}/stream1"

    @property
    def sub_url(self) -> str:
        """The address of its small stream."""
        return f"rtsp://{self.address}:{self.port}/stream2"

    def start(self) -> None:
        """Starts it, on the same port each time, and waits until it listens."""
        with (self._folder / "rtsp.log").open("ab") as log:
            self._process = subprocess.Popen(
                [SYSTEM_PYTHON, str(Path(__file__).with_name("rtsp_serve.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        order = {
            "play": str(self._playing),
            "fps": self._fps,
            "address": self.address,
            "port": self.port,
            **self._login,
            **self._sub,
        }
        self._order(order)
        said = self._process.stdout.readline()
        assert said == "ready\n", (self._folder / "rtsp.log").read_text()

    def play(self, clip: Path) -> None:
        """Another clip from now on, perhaps of another size, without a word to those who watch; also after a start."""
        self._playing = coded(self._folder, clip, self._fps, self._whole_every)
        if self._process is not None:
            self._order({"play": str(self._playing), "fps": self._fps})

    def hold(self, held: bool = True) -> None:
        """It answers and stays connected, but no picture comes; `hold(False)` ends it."""
        self._order({"hold": held})

    def hold_sub(self, held: bool = True) -> None:
        """The same for the small stream alone."""
        self._order({"hold sub": held})

    def spoil(self, spoilt: bool = True) -> None:
        """From now on random bytes where the coded pictures were; `spoil(False)` ends it."""
        self._order({"spoil": spoilt})

    def kill(self) -> None:
        """As when the power goes: connections break."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.stdin.close()
            process.stdout.close()
            process.wait(10)

    def freeze(self) -> None:
        """The process stands still: connections stay open and nothing comes."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it stood."""
        self._process.send_signal(signal.SIGCONT)

    def change_login(self, user: str, password: str) -> None:
        """Who is let in from the next start on."""
        self._login |= {"user": user, "password": password}

    def _order(self, order: dict[str, object]) -> None:
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()


def coded(folder: Path, clip: Path, fps: float, whole_every: float) -> Path:
    """The clip as plain H.264 beside it, as cameras send it: no B pictures, one slice, a mark before each picture."""
    path = folder / f"{clip.stem}-{whole_every:g}.h264"
    if not path.exists():
        group = max(1, round(fps * whole_every))
        words = f"-an -c:v libx264 -preset ultrafast -tune zerolatency -bf 0 -g {group} -r {fps} -pix_fmt yuv420p"
        marks = "-x264-params aud=1:repeat-headers=1:sliced-threads=0:threads=1:scenecut=0 -f h264"
        ffmpeg = ["ffmpeg", "-v", "error", "-y", "-i", str(clip), *words.split(), *marks.split(), str(path)]
        subprocess.run(ffmpeg, check=True)
    return path


@cache
def missing() -> str:
    """What is missing here to run one, with the mend; empty when nothing is."""
    if shutil.which("ffmpeg") is None:
        return "`ffmpeg` is missing, apt-get install ffmpeg"
    asked = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run([SYSTEM_PYTHON, "-c", asked], capture_output=True).returncode:
        return f"GStreamer's RTSP server is missing, apt-get install {PACKAGES}"
    return ""


@pytest.fixture(scope="session")
def street_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of a drawn street, 640x360 at 25 a second: two cars pass, with the plates CB 54 719, DK 61 402."""
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    passes = [Pass(text="CB 54 719"), Pass(text="DK 61 402", towards=True)]
    write_video(Road(passes=passes, seed=5, size=(640, 360)), path)
    return path


@pytest.fixture
def rtsp_camera(tmp_path: Path, street_clip: Path) -> Iterator[RtspCamera]:
    """A running camera that lets anybody in, on the drawn street of `street_clip`."""
    with camera_at(tmp_path, street_clip) as camera:
        camera.start()
        yield camera


@contextmanager
def camera_at(folder: Path, clip: Path, **settings: Any) -> Iterator[RtspCamera]:
    """A camera (see RtspCamera) that is not started yet, and gone at the end; skips the test when none can run here."""
    if missing():
        pytest.skip(missing())
    camera = RtspCamera(folder, clip, **settings)
    try:
        yield camera
    finally:
        camera.kill()
