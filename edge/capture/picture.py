"""A picture as its decoder left it: it is converted only when somebody takes it."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from av import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from edge.values import Pixels

_BIGGER_THAN_A_PICTURE = 12 * 1024 * 1024
"""Bytes; one of 1080p has half of that. glibc then keeps up to twice as much."""


class Picture(Protocol):
    """One picture of a camera."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        ...

    def luma(self, step: int) -> NDArray[np.uint8]:
        """A copy of every `step`-th pixel of every `step`-th row of the brightness, uint8, as it was filmed."""
        ...

    def pixels(self) -> Pixels:
        """Height x width x 3, uint8, BGR. Raises av's errors for a kind of picture that cannot be converted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture in ffmpeg's own memory. `reformatter` is shared by the pictures of a stream, for one taking thread.

    A telephone films lying down and writes beside it how to turn the picture; `size` and `pixels` are upright.
    """

    frame: VideoFrame = field(repr=False)
    reformatter: VideoReformatter = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        lying = self.frame.rotation % 180 != 0
        return (self.frame.height, self.frame.width) if lying else (self.frame.width, self.frame.height)

    def luma(self, step: int) -> NDArray[np.uint8]:
        told = self.frame.format
        first = told.name.startswith(("yuv", "gray", "nv")) and told.is_planar and told.components[0].bits == 8
        plane = (self.frame if first else self.frame.reformat(format="gray")).planes[0]
        rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: self.frame.height : step, : self.frame.width : step].copy()

    def pixels(self) -> Pixels:
        pixels: Any = self.reformatter.reformat(self.frame, format="bgr24", threads=1).to_ndarray()
        turns = self.frame.rotation // 90
        return np.ascontiguousarray(np.rot90(pixels, turns) if turns else pixels, np.uint8)


@dataclass(frozen=True, slots=True)
class Plain:
    """A picture that is BGR already."""

    bgr: Pixels = field(repr=False)

    @property
    def size(self) -> tuple[int, int]:
        return self.bgr.shape[1], self.bgr.shape[0]

    def luma(self, step: int) -> NDArray[np.uint8]:
        return self.bgr[::step, ::step, 1].copy()

    def pixels(self) -> Pixels:
        return self.bgr


def keep_freed_memory() -> None:
    """Converting takes half the time when each picture lies where the last one lay.

    glibc hands big pieces back to the kernel at once and gets them again page by page, until it has seen a bigger one
    freed. Other libraries of C do as they like.
    """
    np.empty(_BIGGER_THAN_A_PICTURE, np.uint8)
