"""A network camera's stream decoded by another process: what it has, what it cannot do, and what it is believed."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from time import sleep

import cv2
import numpy as np
import pytest

from edge.capture import Trouble, Why, apart
from edge.capture.apart import ApartStream
from edge.capture.opening import Pictures
from edge.capture.picture import Converter, Decoded
from edge.clock import monotonic
from edge.decoding.address import Address
from edge.decoding.child import LONGEST
from edge.decoding.stream import Stream
from tests.broker import wait_until
from tests.capture.test_raw import ended
from tests.capture.watching import said, watching
from tests.rtsp import SYSTEM_PYTHON, RtspCamera, camera_at, rtsp_camera, street_clip

__all__ = ["rtsp_camera", "said", "street_clip"]

ROOT = Path(__file__).parents[2]
HERE = Address(place="camera:554", name="rtsp://viewer:geheim@camera:554/")


def decoders() -> list[int]:
    """The decoders that this process has started; a thread or a child may be over before it is asked."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(number) for number in (task / "children").read_text().split()]
    return [number for number in found if is_decoder(number)]


def is_decoder(number: int) -> bool:
    """Whether a process is there and is a decoder."""
    try:
        return b"edge.decoding.child" in Path(f"/proc/{number}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def status_of(number: int) -> dict[str, str]:
    """What the kernel says of a process."""
    lines = Path(f"/proc/{number}/status").read_text().splitlines()
    return dict(line.split(":\t") for line in lines if ":\t" in line)


def test_the_pictures_are_those_of_the_clip(rtsp_camera: RtspCamera, street_clip: Path, said: list[str]) -> None:
    filmed = cv2.VideoCapture(str(street_clip)).read()[1]
    with watching(rtsp_camera.url, isolate=True) as watcher:
        wait_until(lambda: watcher.frames, what="a frame")
        first = watcher.frames[0].pixels.copy()
        wait_until(lambda: len(watcher.frames) >= 10, what="more frames")
        state = watcher.camera.state()
    assert abs(first.astype(int) - filmed).mean() < 12
    # its memory is not given to a later picture while somebody holds it
    assert (watcher.frames[0].pixels == first).all()
    assert (state.connected, state.width, state.height, state.why) == (True, 640, 360, None)
    assert state.apart in ("process", "user")
    assert (watcher.gaps, said) == ([], [])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may read, whoever decodes."""
    with TemporaryDirectory(prefix="homerule-open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_picture_that_says_how_it_was_filmed_stands_upright(open_folder: Path, street_clip: Path, angle: int) -> None:
    path = open_folder / "turned.mp4"
    says = f"-bsf:v h264_metadata=display_orientation=insert:rotate={angle}"
    words = f"-frames:v 4 -c:v libx264 -bf 0 -g 1 -pix_fmt yuv420p {says}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", street_clip, *words.split(), path], check=True)
    address = Address(place="here", name=str(path))
    with closing(Stream(address, Converter().shown)) as plain, closing(ApartStream(address)) as stream:
        here, there = first_of(plain), first_of(stream)
        filmed = cv2.VideoCapture(str(street_clip)).read()[1]
        assert abs(np.rot90(there.pixels(), -angle // 90).astype(int) - filmed).mean() < 12
        assert there.size == here.size == ((640, 360) if angle == 180 else (360, 640))
        assert (there.pixels() == here.pixels()).all()
        assert (there.luma(3) == here.luma(3)).all()


def first_of(stream: Pictures) -> Decoded:
    """The first picture that it gives."""
    return next(arrival.picture for _ in range(10) for arrival in stream.read())


def test_what_is_wrong_with_the_camera_is_said_as_ever(rtsp_camera: RtspCamera, said: list[str]) -> None:
    with watching(rtsp_camera.url, isolate=True) as watcher:
        watcher.sees()
        rtsp_camera.kill()
        watcher.is_in(Why.NOT_REACHED)
        rtsp_camera.start()
        watcher.sees()
    assert watcher.whys == ["ended", "not-reached"]
    assert ["connection broke" in said[0] or "ended the stream" in said[0], "refuses" in said[1]] == [True, True]
    assert decoders() == []


def test_a_decoder_that_dies_is_a_gap_and_another_takes_its_place(rtsp_camera: RtspCamera, said: list[str]) -> None:
    with watching(rtsp_camera.url, isolate=True) as watcher:
        watcher.sees()
        os.kill(decoders()[0], signal.SIGKILL)
        watcher.is_in(Why.GARBAGE)
        watcher.sees()
    assert watcher.whys == ["garbage"]
    assert "its decoder has died" in said[0]


def test_the_login_stands_in_no_command_line_and_no_environment(tmp_path: Path, street_clip: Path) -> None:
    login = tmp_path / "login"
    login.touch(0o600)
    login.write_text("viewer:geheim\n")
    with camera_at(tmp_path, street_clip, user="viewer", password="geheim") as camera:
        camera.start()
        with watching(camera.url, credentials=login, isolate=True) as watcher:
            watcher.sees()
            proc = Path(f"/proc/{decoders()[0]}")
            shown = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
            files = [os.readlink(one) for one in (proc / "fd").iterdir()]
            told = status_of(decoders()[0])
    assert b"geheim" not in shown
    # the line, its own connections, what it waits with, and nothing that was open here
    assert not [one for one in files if not one.startswith(("socket:", "/dev/null", "anon_inode:", "/memfd:"))]
    assert told["NoNewPrivs"] == "1"


PARENT = """
import sys
from edge.capture import LiveCamera
from edge.clock import SystemClock
from edge.config import Camera
camera = LiveCamera(Camera(id="lane-1", url=sys.argv[1]), clock=SystemClock(trusted=True), isolate=True)
camera.start()
while True:
    if camera.frame(1.0) is not None:
        print("seen", flush=True)
"""


def test_it_dies_with_a_daemon_that_is_killed(rtsp_camera: RtspCamera) -> None:
    daemon = subprocess.Popen([sys.executable, "-c", PARENT, rtsp_camera.url], stdout=subprocess.PIPE, text=True)
    assert daemon.stdout.readline() == "seen\n"
    tasks = Path(f"/proc/{daemon.pid}/task").iterdir()
    (number,) = [int(one) for task in tasks for one in (task / "children").read_text().split()]
    daemon.kill()
    daemon.wait(10)
    daemon.stdout.close()
    wait_until(lambda: ended(number), what="its end", within=5)


def test_it_carries_no_keys_no_policy_and_no_broker() -> None:
    listed = "import sys, edge.decoding.child; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-I", "-c", listed], capture_output=True, text=True, check=True).stdout
    for name in ("edge.keys", "edge.policy", "edge.config", "cryptography", "paho", "sqlite3", "cv2", "numpy"):
        assert name not in loaded.split()


@pytest.fixture
def open_to_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Python that everybody may run, as after an installation; the one of the tests may lie in somebody's home."""
    folder = Path(mkdtemp(prefix="homerule-open-"))
    folder.chmod(0o755)
    subprocess.run([SYSTEM_PYTHON, "-m", "venv", "--without-pip", folder / "env"], check=True)
    packages = next((folder / "env" / "lib").glob("python3*")) / "site-packages"
    (packages / "here.pth").write_text("\n".join([str(ROOT), *(one for one in sys.path if "site-packages" in one)]))
    monkeypatch.setattr(apart.sys, "executable", str(folder / "env" / "bin" / "python"))
    apart.decoder_user.cache_clear()
    yield
    apart.decoder_user.cache_clear()
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start it as another user")
@pytest.mark.usefixtures("open_to_all")
def test_started_by_root_it_is_nobody(rtsp_camera: RtspCamera, tmp_path: Path) -> None:
    (tmp_path / "device.key").touch(0o600)
    with watching(rtsp_camera.url, isolate=True) as watcher:
        watcher.sees()
        told = dict(
            line.split(":\t")
            for line in Path(f"/proc/{decoders()[0]}/status").read_text().splitlines()
            if ":\t" in line
        )
        state = watcher.camera.state()
    assert state.apart == "user"
    assert "0" not in told["Uid"].split()
    assert (told["Groups"].strip(), int(told["CapEff"], 16), int(told["CapBnd"], 16)) == ("", 0, 0)


# -- what it is believed


@contextmanager
def saying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *words: object, closes: bool = True) -> Iterator[None]:
    """A decoder such as systemd starts for who connects, taken over by somebody: it says these words."""
    place = tmp_path / "decoder.sock"
    monkeypatch.setattr(apart, "DECODER_SOCKET", place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(place))
        listener.listen(1)

        def say() -> None:
            line, _ = listener.accept()
            with line:
                assert "camera:554" in json.loads(line.recv(LONGEST))["open"]["name"]
                for each in words:
                    word = each() if callable(each) else each
                    line.send(word if isinstance(word, bytes) else json.dumps(word).encode())
                while not closes and line.recv(LONGEST):
                    pass

        thread = threading.Thread(target=say)
        thread.start()
        yield
        thread.join(5)


OPENED = {"opened": True}
SMALL = {"shape": [640, 360, "yuv420p", 2, 1]}


@contextmanager
def no_file_more() -> Iterator[None]:
    """This process can open nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def read_all() -> None:
    stream = ApartStream(HERE)
    try:
        for _ in range(10):
            list(stream.read())
    finally:
        stream.close()


@pytest.mark.parametrize(
    "words",
    [
        [b"\xff\xfe"],
        [b"{" * 5000],
        [{"opened": True, "run": "/bin/sh"}],
        [OPENED, {"slot": 0, "at": 0.0}],
        [OPENED, {"slot": 99}],
        [OPENED, SMALL, {"slot": 1}, {"slot": 1}],
        [OPENED, {"shape": [100_000, 100_000, "yuv420p", 2, 1]}],
        [OPENED, {"shape": [-640, 360, "yuv420p", 2, 1]}],
        [OPENED, {"shape": [640, 361, "yuv420p", 2, 1]}],
        [OPENED, {"shape": [640, 360, "hevc", 2, 1]}],
        [OPENED, b'{"at": NaN, "slot": 0}'],
        [OPENED, {"fed": -1}],
        [OPENED],
        [],
    ],
)
def test_a_decoder_that_was_taken_over_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[object]
) -> None:
    with saying(tmp_path, monkeypatch, *words), pytest.raises(Trouble) as trouble:
        read_all()
    assert trouble.value.why is Why.GARBAGE


@pytest.mark.parametrize(
    "words",
    [
        [{"fed": 5}, {"fed": 4}],
        [{"fed": 10**9}],
        [{"shape": [640, 360, "yuv420p", 2**40, 1]}],
        [{"shape": [640, 360, "yuv420p", 2, -1]}],
        [SMALL, {"slot": 0, "at": -1e12}],
        [SMALL, {"slot": 0, "at": 1e12}],
        [SMALL, lambda: {"slot": 0, "at": monotonic(), "turns": 4}],
        [SMALL, lambda: {"slot": 0, "at": monotonic(), "turns": -1}],
        [SMALL, lambda: {"slot": 0, "at": monotonic(), "turns": 0.5}],
    ],
)
def test_numbers_beyond_what_can_be_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[object]
) -> None:
    with (
        saying(tmp_path, monkeypatch, OPENED, *words, closes=False),
        pytest.raises(Trouble, match="says what no decoder says"),
    ):
        read_all()


def test_packets_that_come_all_at_once_have_no_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = {"why": "ended", "said": "the camera ended the stream"}
    with (
        saying(tmp_path, monkeypatch, OPENED, {"fed": 5}, over),
        watching("rtsp://camera:554/", isolate=True) as watcher,
    ):
        watcher.is_in(Why.ENDED)
        assert watcher.camera.state().fps == 0.0


@pytest.mark.parametrize("in_time", [True, False])
def test_pictures_count_as_late_only_while_the_decoder_does_not_keep_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_time: bool
) -> None:
    def shown(slot: int) -> dict[str, object]:
        if slot == 1:
            sleep(1.5)  # of which the camera's clock knows nothing
        return {"slot": slot, "at": monotonic(), "told": 0.001 * slot, "in_time": in_time}

    words = [OPENED, SMALL, *(partial(shown, slot) for slot in range(4))]
    with (
        saying(tmp_path, monkeypatch, *words, closes=False),
        watching("rtsp://camera:554/", isolate=True) as watcher,
    ):
        wait_until(lambda: watcher.camera.state().frames == 4, what="four pictures")
        assert (watcher.camera.lag < 0.1) == in_time


def test_its_words_cannot_forge_a_line_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = {"why": "ended", "said": "x\nhomerule: all is well\x1b[2J" + "y" * 2000}
    with saying(tmp_path, monkeypatch, forged), pytest.raises(Trouble) as trouble:
        read_all()
    assert str(trouble.value).isprintable()
    assert len(str(trouble.value)) <= 300


def test_the_memory_cannot_be_shrunk_under_our_feet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[Callable[[], None]] = []

    def shrink(line: socket.socket) -> None:
        _, handles, _, _ = socket.recv_fds(line, LONGEST, 1)
        try:
            os.ftruncate(handles[0], 0)
        except PermissionError:
            refused.append(shrink)
        os.close(handles[0])

    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(apart, "_decoder", lambda: (line, None))
    theirs.send(json.dumps(OPENED).encode())
    theirs.send(json.dumps(SMALL).encode())
    stream = ApartStream(HERE)
    list(stream.read())
    json.loads(theirs.recv(LONGEST))
    shrink(theirs)
    theirs.close()
    stream.close()
    assert len(refused) == 1


def test_no_file_for_the_pictures_is_a_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with saying(tmp_path, monkeypatch, OPENED, SMALL):
        stream = ApartStream(HERE)
        with no_file_more(), pytest.raises(Trouble, match=r"Too many open files.*`LimitNOFILE`"):
            list(stream.read())
        stream.close()


def test_no_file_for_a_decoder_is_a_trouble() -> None:
    with no_file_more(), pytest.raises(Trouble, match=r"cannot be started \(Too many open files\)"):
        ApartStream(HERE)


def test_a_decoder_that_does_not_listen_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(apart, "_decoder", lambda: (line, None))
    monkeypatch.setattr(apart, "POLL_SECONDS", 0.05)
    theirs.send(json.dumps(OPENED).encode())
    stream = ApartStream(HERE)
    line.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            line.send(b"{}")
    theirs.send(json.dumps(SMALL).encode())
    with pytest.raises(Trouble):
        list(stream.read())
    stream.close()
    theirs.close()
