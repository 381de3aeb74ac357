"""A picture as its decoder left it: only what somebody takes of it is converted.

Of a frame of 1080p, the detector wants a small one and the reader a few plates: a tenth of the work, and no six
megabytes for the whole.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from edge.decoding.stream import turns_of
from edge.errors import CameraError
from edge.values import Corners, Pixels

_BIGGER_THAN_A_PICTURE = 12 * 1024 * 1024
"""Bytes; one of 1080p has half of that. glibc then keeps up to twice as much."""
_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})
"""One byte a sample, brightness and two colours in planes of their own: what nearly every camera gives."""


class Converter:
    """What the pictures of one stream share; each kind of conversion keeps the tables that it works with.

    For one thread at a time.
    """

    def __init__(self) -> None:
        self.whole, self.small, self.piece, self.part = (VideoReformatter() for _ in range(4))

    def shown(self, frame: VideoFrame, turns: int | None = None) -> "Decoded":
        """A picture of the stream; it is turned as the frame itself says, if nobody says it by `turns`."""
        return Decoded(frame=frame, converter=self, turns=turns_of(frame) if turns is None else turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture in ffmpeg's own memory.

    A telephone films lying down and writes beside it how to turn the picture; what comes out of here is upright, by as
    many quarters of a turn to the left as `turns` says, 0 to 3.
    """

    frame: VideoFrame = field(repr=False)
    converter: Converter = field(repr=False)
    turns: int

    @property
    def size(self) -> tuple[int, int]:
        return self._as_filmed((self.frame.width, self.frame.height))

    def _as_filmed(self, size: tuple[int, int]) -> tuple[int, int]:
        """From the size of the upright picture to that of the one that was filmed, and back."""
        return size[::-1] if self.turns % 2 else size

    def luma(self, step: int) -> NDArray[np.uint8]:
        upright: NDArray[np.uint8] = np.rot90(self._brightness(), self.turns)
        return upright[::step, ::step].copy()

    def _brightness(self) -> NDArray[np.uint8]:
        """All of it, as it was filmed; in place where it lies in a plane of its own."""
        told = self.frame.format
        if told.name.startswith(("yuv", "gray", "nv")) and told.is_planar and told.components[0].bits == 8:
            plane = self.frame.planes[0]
            rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            return rows[: self.frame.height, : self.frame.width]
        # asked for by another thread than the rest, so with tables of its own
        return _converted(VideoReformatter(), self.frame, (self.frame.width, self.frame.height))[..., 1]

    def scaled(self, size: tuple[int, int], part: Corners | None = None) -> Pixels:
        planar = self.frame.format.name in _PLANAR
        if part is not None:
            if not planar or self.turns:
                return _resized(self.cut(*part), size)
            return _converted(self.converter.part, _shrunk(self.frame, size, part), size)
        size = self._as_filmed(size)
        frame = _shrunk(self.frame, size, (0, 0, self.frame.width, self.frame.height)) if planar else self.frame
        return self._upright(_converted(self.converter.small, frame, size))

    def cut(self, x1: int, y1: int, x2: int, y2: int) -> Pixels:
        if self.frame.format.name not in _PLANAR or self.turns:
            return self.pixels()[y1:y2, x1:x2].copy()
        left, top = x1 & ~1, y1 & ~1  # a colour belongs to two pixels
        piece = _piece(self.frame, left, top, (x2 + 1) & ~1, (y2 + 1) & ~1)
        pixels = _converted(self.converter.piece, piece, (piece.width, piece.height))
        return np.ascontiguousarray(pixels[y1 - top : y2 - top, x1 - left : x2 - left])

    def pixels(self) -> Pixels:
        return self._upright(_converted(self.converter.whole, self.frame, (self.frame.width, self.frame.height)))

    def _upright(self, pixels: Pixels) -> Pixels:
        return np.ascontiguousarray(np.rot90(pixels, self.turns)) if self.turns else pixels


def _converted(reformatter: VideoReformatter, frame: VideoFrame, size: tuple[int, int]) -> Pixels:
    """BGR in that size (width, height). Raises CameraError."""
    wide, high = size
    way = Interpolation.BILINEAR if size == (frame.width, frame.height) else Interpolation.AREA
    try:
        told = reformatter.reformat(frame, width=wide, height=high, format="bgr24", interpolation=way, threads=1)
        return np.ascontiguousarray(told.to_ndarray(), np.uint8)
    except (FFmpegError, ValueError, OSError):
        raise CameraError("a picture cannot be converted, set the camera to plain H.264") from None


def _piece(frame: VideoFrame, x1: int, y1: int, x2: int, y2: int) -> VideoFrame:
    """A copy of a rectangle of planar pictures; its corners are even."""
    piece = _alike(frame, (min(x2, frame.width) - x1, min(y2, frame.height) - y1))
    for source, target in zip(frame.planes, piece.planes, strict=True):
        top, left = y1 * source.height // frame.height, x1 * source.width // frame.width
        _samples(target)[:] = _samples(source)[top : top + target.height, left : left + target.width]
    return piece


def _shrunk(frame: VideoFrame, size: tuple[int, int], part: Corners) -> VideoFrame:
    """A part of planar pictures in another size, each plane on its own: far cheaper than converting on the way."""
    shrunk = _alike(frame, size)
    for source, target in zip(frame.planes, shrunk.planes, strict=True):
        x1, x2 = (x * source.width // frame.width for x in part[::2])
        y1, y2 = (y * source.height // frame.height for y in part[1::2])
        samples, fitted = _samples(source)[y1:y2, x1:x2], (target.width, target.height)
        cv2.resize(samples, fitted, dst=_samples(target), interpolation=cv2.INTER_LINEAR)
    return shrunk


def _alike(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """Room for a picture of the same kind in another size."""
    alike = VideoFrame(*size, frame.format.name)
    alike.colorspace, alike.color_range = frame.colorspace, frame.color_range
    return alike


def _samples(plane: VideoPlane) -> NDArray[np.uint8]:
    """A plane's bytes, height x width, in place."""
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


@dataclass(frozen=True, slots=True)
class Plain:
    """A picture that is BGR already."""

    bgr: Pixels = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        return self.bgr.shape[1], self.bgr.shape[0]

    def luma(self, step: int) -> NDArray[np.uint8]:
        return self.bgr[::step, ::step, 1].copy()

    def scaled(self, size: tuple[int, int], part: Corners | None = None) -> Pixels:
        x1, y1, x2, y2 = part or (0, 0, *self.size)
        return _resized(self.bgr[y1:y2, x1:x2], size)

    def cut(self, x1: int, y1: int, x2: int, y2: int) -> Pixels:
        return self.bgr[y1:y2, x1:x2].copy()

    def pixels(self) -> Pixels:
        return self.bgr


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def keep_freed_memory() -> None:
    """Converting takes half the time when each picture lies where the last one lay.

    glibc hands big pieces back to the kernel at once and gets them again page by page, until it has seen a bigger one
    freed. Other libraries of C do as they like.
    """
    np.empty(_BIGGER_THAN_A_PICTURE, np.uint8)
