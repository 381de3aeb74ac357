"""A video file, decoded with one thread through OpenCV's ffmpeg; time comes from the stream's own time stamps."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import cv2

from edge.errors import CameraError
from edge.values import Frame, Pixels

USUAL_FRAMES_PER_SECOND = 25.0


class VideoFile:
    """One recorded video. Opening it decodes the first frame, so that a file that holds no picture is known at once."""

    def __init__(self, path: Path, *, camera_id: str, start: datetime) -> None:
        """Raises CameraError when the file is empty, unreadable or gives no frame; OSError when it cannot be opened."""
        self.path = path
        self.warnings: list[str] = []
        self._camera_id = camera_id
        self._start = start
        with path.open("rb") as file:
            head = file.read(1024)
        if not head:
            raise CameraError(f"`{path}`: the file is empty (0 bytes); copy the recording again")
        if _is_text(head):
            raise CameraError(f"`{path}`: a text file, not a video; give the recording itself")
        self._stream = _open(path)
        told = self._stream.get(cv2.CAP_PROP_FPS)
        self.frames_per_second = told if 1.0 <= told <= 1000.0 else USUAL_FRAMES_PER_SECOND
        self.total = max(0, round(self._stream.get(cv2.CAP_PROP_FRAME_COUNT)))
        self._first = self._next_picture()
        if self._first is None:
            self._stream.release()
            raise CameraError(
                f"`{path}`: no frame can be decoded; the file is cut short or damaged, copy the recording again"
            )

    def frames(self) -> Iterator[Frame]:
        """Every frame of the file, once; a second call finds nothing left."""
        picture, self._first = self._first, None
        sequence, seconds = 0, 0.0
        while picture is not None:
            pixels, told = picture
            # Some streams have no usable time stamps: then the frame rate carries on from the last good one.
            step = 0.0 if sequence == 0 else 1.0 / self.frames_per_second
            seconds = told if sequence == 0 or told > seconds else seconds + step
            captured_at = self._start + timedelta(seconds=seconds)
            yield Frame(camera_id=self._camera_id, sequence=sequence, captured_at=captured_at, pixels=pixels)
            sequence += 1
            picture = self._next_picture()
        self._stream.release()
        self._compare(sequence)

    def _next_picture(self) -> tuple[Pixels, float] | None:
        """The next frame (height x width x 3, BGR) and its time in seconds, or None at the end."""
        try:
            found, pixels = self._stream.read()
        except cv2.error as error:
            raise CameraError(f"`{self.path}`: decoding failed ({error.err}); copy the recording again") from error
        if not found:
            return None
        return pixels.astype("uint8", copy=False), self._stream.get(cv2.CAP_PROP_POS_MSEC) / 1000.0

    def _compare(self, read: int) -> None:
        # The index of an mp4 counts exactly, other containers estimate; a few frames less is no sign of damage.
        if self.total - read > max(5, self.total // 100):
            self.warnings.append(
                f"`{self.path}`: only {read} of {self.total} frames could be decoded; the file is cut short or damaged"
            )


def _open(path: Path) -> cv2.VideoCapture:
    quieten()
    stream = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not stream.isOpened():
        raise CameraError(
            f"`{path}`: not a video that can be played, or one that was cut short before its index was written;"
            " copy the recording again, or convert it with ffmpeg"
        )
    return stream


def _is_text(head: bytes) -> bool:
    # ffmpeg would paint a text file as a picture, or follow the addresses of a playlist.
    return all(32 <= byte < 127 or byte in b"\t\n\r" for byte in head)


def quieten() -> None:
    """Keeps ffmpeg's own remarks off the person's terminal, and a playlist in disguise off the network."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
