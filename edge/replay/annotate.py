"""Writes the recording again with the plates marked, for whoever aims the camera. Plates stand in it: mode 0600."""

import errno
import os
from pathlib import Path
from tempfile import mkstemp

import cv2

from edge.disk import is_utf8, shown, why
from edge.errors import HomeruleError
from edge.values import Frame, Pixels
from edge.vision import Sighting

_FRESH, _SURE, _INK = (60, 190, 255), (90, 200, 70), (20, 20, 20)

_SLOWEST = 0.01
"""Frames per second; the encoder does not begin at a tenth of that."""


class AnnotatedVideo:
    """An mp4 that grows frame by frame and takes its name when it is whole."""

    def __init__(self, path: Path, *, frames_per_second: float) -> None:
        """Raises HomeruleError when `path` exists, does not end in .mp4, is no UTF-8 or cannot be written."""
        if not is_utf8(path):
            raise HomeruleError(f"`{shown(path)}`: is no UTF-8 name; choose another for --annotate")
        if path.suffix.lower() != ".mp4":
            raise HomeruleError(f"`{path}`: --annotate writes mp4; let the name end in .mp4")
        if path.exists() or path.is_symlink():
            raise HomeruleError(f"`{path}`: is there already; choose another name for --annotate")
        self._path = path
        self._rate = _taken(frames_per_second)
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._written = 0
        try:
            path.absolute().parent.mkdir(parents=True, exist_ok=True)
            opened, made = mkstemp(prefix=".homerule-", suffix=".part.mp4", dir=path.parent)  # mode 0600
            os.close(opened)
        except OSError as error:
            raise self._refusal(error) from error
        self._part = path.with_name(os.path.basename(made))

    def add(self, frame: Frame, sightings: list[Sighting]) -> None:
        """Writes one frame with its plates marked. A frame of another size than the first is scaled to it."""
        picture = frame.pixels.copy()
        for sighting in sightings:
            mark(picture, sighting)
        if self._writer is None:
            _quieten()
            self._size = (picture.shape[1] & ~1, picture.shape[0] & ~1)
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._part), cv2.CAP_FFMPEG, code, self._rate, self._size)
            if not self._writer.isOpened():
                raise self._unencodable(*frame.picture.size)
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = cv2.resize(picture, self._size).astype("uint8", copy=False)
        self._writer.write(picture)
        self._written += 1

    def keep(self) -> None:
        """Closes the file, checks that every frame is in it and gives it its name. Raises HomeruleError."""
        if self._writer is not None:
            self._writer.release()
        # The writer tells nobody about a full disk; the file itself does.
        again = cv2.VideoCapture(str(self._part), cv2.CAP_FFMPEG)
        kept = round(again.get(cv2.CAP_PROP_FRAME_COUNT)) if again.isOpened() else 0
        again.release()
        if kept < self._written:
            raise self._refusal(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        try:
            os.rename(self._part, self._path)
        except OSError as error:
            raise self._refusal(error) from error

    def drop(self) -> None:
        """Removes what was written, unless it was kept."""
        if self._writer is not None:
            self._writer.release()
        self._part.unlink(missing_ok=True)

    def _unencodable(self, wide: int, high: int) -> HomeruleError:
        try:
            self._part.write_bytes(bytes(4096))  # the encoder does not say that there was no room to begin
        except OSError as error:
            return self._refusal(error)
        return HomeruleError(
            f"`{self._path}`: the encoder takes no pictures of {wide}x{high};"
            " scale them to between 2 and 8190 pixels a side, or leave --annotate out"
        )

    def _refusal(self, error: OSError) -> HomeruleError:
        place = "a place with room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "another place"
        return HomeruleError(f"`{self._path}`: cannot be written ({why(error)}); choose {place} for --annotate")


def mark(picture: Pixels, sighting: Sighting) -> None:
    """Draws one plate's box and text into `picture`."""
    box = sighting.box
    wide = picture.shape[1]
    colour = _SURE if sighting.confidence >= 0.7 else _FRESH
    thick = max(2, wide // 640)
    corners = (round(box.x1), round(box.y1)), (round(box.x2), round(box.y2))
    cv2.rectangle(picture, corners[0], corners[1], colour, thick)
    if not sighting.text:
        return
    label, scale = f"{sighting.text} {sighting.confidence:.0%}", wide / 1600
    (long, tall), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    left = max(0, min(corners[0][0], wide - long - 8))
    top = corners[0][1] - tall - 12 if corners[0][1] > tall + 14 else corners[1][1] + 4
    cv2.rectangle(picture, (left, top), (left + long + 8, top + tall + 10), colour, -1)
    cv2.putText(picture, label, (left + 4, top + tall + 4), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, thick, cv2.LINE_AA)


def _taken(rate: float) -> float:
    """The nearest rate that the encoder takes: a decimal whose digits make a number of 16 bits, and not too low."""
    rate = max(rate, _SLOWEST)
    return next((round(rate, digits) for digits in (3, 2, 1) if rate * 10**digits < 65535), round(rate))


def _quieten() -> None:
    """Keeps ffmpeg's own remarks off the person's terminal."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
