"""MJPEG over HTTP, from a small server: good pictures, still and black ones, garbage, a login, and strange answers."""

import base64
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep

import cv2
import numpy as np
import pytest

from edge.capture import Patience, Why
from tests.broker import wait_until
from tests.capture.watching import BRISK, said, watching

__all__ = ["said"]

CHANCE = np.random.default_rng(2)
ALERT = Patience(stalled=BRISK.stalled, steady=BRISK.steady, frozen=2.0, black=2.0)


def jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels.astype(np.uint8))[1].tobytes()


def alive() -> bytes:
    return jpeg(CHANCE.integers(0, 255, (48, 64, 3)))


def black() -> bytes:
    return jpeg(CHANCE.integers(0, 3, (48, 64, 3)))


STILL = alive()


class MjpegCamera:
    """Sends what `picture` makes, about 25 times a second, to whoever asks."""

    def __init__(self) -> None:
        self.picture: Callable[[], bytes] = alive
        self.login = ""
        self.asked: list[str] = []
        self.length = True
        self.kind = "multipart/x-mixed-replace; boundary=frame"
        camera = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.asked.append(self.path)
                wanted = "Basic " + base64.b64encode(camera.login.encode()).decode()
                if camera.login and self.headers.get("Authorization") != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                if self.path == "/nothing":
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", camera.kind)
                self.end_headers()
                camera.send(self.wfile.write)

            def log_message(self, *words: object) -> None:
                """Not a word."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        self._going = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/video"

    def send(self, write: Callable[[bytes], object]) -> None:
        try:
            while self._going:
                picture = self.picture()
                length = f"Content-Length: {len(picture)}\r\n" if self.length else ""
                write(f"--frame\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + picture + b"\r\n")
                sleep(0.04)
        except OSError:
            return

    def close(self) -> None:
        self._going = False
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def mjpeg() -> Iterator[MjpegCamera]:
    camera = MjpegCamera()
    yield camera
    camera.close()


def test_frames_come(mjpeg: MjpegCamera, said: list[str]) -> None:
    with watching(mjpeg.url) as watcher:
        wait_until(lambda: len(watcher.frames) >= 20, what="twenty frames")
    assert watcher.frames[0].pixels.shape == (48, 64, 3)
    assert (watcher.gaps, said) == ([], [])


def test_a_login_from_its_file_opens(mjpeg: MjpegCamera, tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.touch(0o600)
    login.write_text("viewer:p@ss:word\n")
    mjpeg.login = "viewer:p@ss:word"
    with watching(mjpeg.url, credentials=login) as watcher:
        watcher.sees()
    with watching(mjpeg.url) as watcher:
        watcher.is_in(Why.REFUSED_LOGIN)


def test_a_picture_that_stands_still_is_said_and_the_frames_go_on(mjpeg: MjpegCamera, said: list[str]) -> None:
    with watching(mjpeg.url, patience=ALERT) as watcher:
        watcher.sees()
        mjpeg.picture = lambda: STILL
        watcher.is_in(Why.FROZEN)
        seen = len(watcher.frames)
        wait_until(lambda: len(watcher.frames) > seen, what="frames go on")
        assert watcher.camera.state().connected
        mjpeg.picture = alive
        watcher.sees()
    assert watcher.whys == ["frozen"]
    assert ["stands still" in line for line in said] == [True, False]


def test_a_covered_lens_is_said(mjpeg: MjpegCamera, said: list[str]) -> None:
    with watching(mjpeg.url, patience=ALERT) as watcher:
        watcher.sees()
        mjpeg.picture = black
        watcher.is_in(Why.BLACK)
        mjpeg.picture = alive
        watcher.sees()
    assert watcher.whys == ["black"]
    assert ["lens covered" in line for line in said] == [True, False]


def test_pictures_that_cannot_be_decoded_are_garbage(mjpeg: MjpegCamera) -> None:
    with watching(mjpeg.url) as watcher:
        watcher.sees()
        mjpeg.picture = lambda: CHANCE.bytes(900)
        watcher.is_in(Why.GARBAGE)
        mjpeg.picture = alive
        watcher.sees()
    assert set(watcher.whys) <= {"garbage", "ended"}


def test_a_web_page_is_no_camera(mjpeg: MjpegCamera, said: list[str]) -> None:
    mjpeg.kind = "text/html"
    mjpeg.send = lambda write: write(b"<html><body>welcome</body></html>" * 4000)
    with watching(mjpeg.url) as watcher:
        wait_until(lambda: watcher.camera.state().why, what="trouble")
    assert "no video" in said[0]


def test_a_wrong_path_is_said(mjpeg: MjpegCamera, said: list[str]) -> None:
    with watching(mjpeg.url.replace("video", "nothing")) as watcher:
        watcher.is_in(Why.NOT_REACHED)
    assert "nothing at that path" in said[0]


@pytest.mark.parametrize("named", ["file://{folder}/secret.ts", "{server}/elsewhere.ts"])
def test_a_playlist_opens_nothing_of_what_it_names(mjpeg: MjpegCamera, tmp_path: Path, named: str) -> None:
    (tmp_path / "secret.ts").write_bytes(alive())
    place = named.format(folder=tmp_path, server=mjpeg.url.removesuffix("/video"))
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-VERSION:3\n#EXTINF:1,\n{place}\n#EXT-X-ENDLIST\n"
    mjpeg.kind = "application/vnd.apple.mpegurl"
    mjpeg.send = lambda write: write(playlist.encode())
    with watching(mjpeg.url) as watcher:
        watcher.is_in(Why.GARBAGE)
    assert watcher.frames == []
    assert set(mjpeg.asked) == {"/video"}


def test_streams_that_are_spoilt_anywhere_never_end_the_thread(mjpeg: MjpegCamera) -> None:
    def spoilt() -> bytes:
        picture = bytearray(alive())
        for _ in range(int(CHANCE.integers(0, 12))):
            picture[int(CHANCE.integers(len(picture)))] = int(CHANCE.integers(256))
        return bytes(picture[: int(CHANCE.integers(1, len(picture) + 1))])

    mjpeg.length = False
    mjpeg.picture = spoilt
    with watching(mjpeg.url) as watcher:
        wait_until(lambda: watcher.camera.state().frames > 40 or len(watcher.gaps) > 3, what="some of it was looked at")
        mjpeg.picture, mjpeg.length = alive, True
        watcher.sees()
