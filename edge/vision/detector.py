"""Finds plates in a frame, through any detector with the end-to-end output of open-image-models.

Input: float32 1 x 3 x H x W, RGB in 0..1, letterboxed on grey. Output: rows of batch, x1, y1, x2, y2, class, score in
letterboxed pixels. Our own detectors and fast-alpr's hub detectors go through this one door, square or not.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.values import Box, Corners, Detection, Picture, Pixels
from edge.vision.session import Session

PADDING_GREY = 114
"""The letterbox grey that the hub detectors were trained with (open-image-models, yolo_v9/preprocess.py)."""
SAME_PLATE_OVERLAP = 0.45
"""Two boxes that overlap more (intersection over union) are one plate, the weaker one is dropped."""


class Detector:
    """A plate detector that is ready to run."""

    def __init__(
        self,
        *,
        name: str,
        written: bytes,
        threshold: float = 0.3,
        threads: int = 1,
        provider: str = "cpu",
        parts: "Detector | None" = None,
    ) -> None:
        """`written` are the ONNX file's bytes, `threshold` the least score that counts.

        `parts` is a smaller one that looks at parts in its place. Raises ModelError, and ConfigError when the provider
        is missing.
        """
        self.name = name
        self._parts = parts or self
        self._threshold = threshold
        self._session = Session(name=name, written=written, threads=threads, provider=provider)
        self.provider = self._session.provider
        shape = self._session.input_shape
        if len(shape) != 4 or shape[1] != 3 or not isinstance(shape[2], int) or not isinstance(shape[3], int):
            raise ModelError(f"model `{name}`: not a plate detector, its input is {list(shape)} and not [1, 3, H, W]")
        self._batch = np.empty((1, 3, shape[2], shape[3]), np.float32)
        self._planes: list[NDArray[np.uint8]] = []

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of the network's input in pixels."""
        return self._batch.shape[3], self._batch.shape[2]

    def find(self, pixels: Pixels) -> list[Detection]:
        """Plates in one picture (height x width x 3, BGR), best first, in its own pixels. Raises ModelError."""
        high, wide = pixels.shape[:2]
        size = self._fitted(wide, high)
        # INTER_AREA would cost as much as the network itself.
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        return self._found(small, (wide, high))

    def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
        """Plates in a picture, or in one part of it, seen as large as it fits; best first, in the picture's own pixels.

        Raises ModelError.
        """
        wide, high = picture.size
        if part is None:
            return self._found(picture.scaled(self._fitted(wide, high)), (wide, high))
        left, top = max(0, int(part.x1)), max(0, int(part.y1))
        right, bottom = min(wide, math.ceil(part.x2)), min(high, math.ceil(part.y2))
        if right - left < 2 or bottom - top < 2:
            return []
        return self._parts._look_at(picture, (left, top, right, bottom))

    def reach(self, size: tuple[int, int]) -> tuple[float, float]:
        """How much of a picture of `size` a part may hold, to be seen as large as in a look at the whole."""
        scale = min(self.input_size[0] / size[0], self.input_size[1] / size[1])
        wide, high = self._parts.input_size
        return min(size[0], wide / scale), min(size[1], high / scale)

    def _look_at(self, picture: Picture, part: Corners) -> list[Detection]:
        left, top, right, bottom = part
        size = right - left, bottom - top
        found = self._found(picture.scaled(self._fitted(*size), part), size)
        return [_moved(one, left, top) for one in found]

    def _found(self, small: Pixels, size: tuple[int, int]) -> list[Detection]:
        """`small` fits the canvas; what is found in it, in pixels of the picture of that `size` (width, height)."""
        if self._parts is not self:
            self._parts._wipe()
        wide, high = size
        scale = small.shape[1] / wide
        batch, left, top = self._letterbox(small)
        rows = self._session.run(batch)
        if rows.ndim < 2 or rows.shape[-1] != 7:
            raise ModelError(f"model `{self.name}`: not an end-to-end plate detector, its output is {list(rows.shape)}")
        rows = rows.reshape(-1, 7)
        rows = rows[rows[:, 6] >= self._threshold]
        boxes = (rows[:, 1:5] - np.array([left, top, left, top], np.float32)) / scale
        boxes[:, 0::2] = boxes[:, 0::2].clip(0, wide)
        boxes[:, 1::2] = boxes[:, 1::2].clip(0, high)
        whole = (boxes[:, 2] - boxes[:, 0] >= 2) & (boxes[:, 3] - boxes[:, 1] >= 2)
        boxes, scores = boxes[whole], rows[whole, 6]
        return [
            Detection(
                box=Box(x1=float(boxes[i, 0]), y1=float(boxes[i, 1]), x2=float(boxes[i, 2]), y2=float(boxes[i, 3])),
                confidence=float(scores[i]),
            )
            for i in without_doubles(boxes, scores)
        ]

    def _wipe(self) -> None:
        """The last part that was looked at would stay for as long as the road is empty; the whole is looked at anew."""
        if self._planes:
            self._planes = []
            self._batch[:] = np.float32(PADDING_GREY / 255)

    def _fitted(self, wide: int, high: int) -> tuple[int, int]:
        """The size, width and height, in which a picture of this size fits the canvas."""
        scale = min(self._batch.shape[2] / high, self._batch.shape[3] / wide)
        return max(1, round(wide * scale)), max(1, round(high * scale))

    def _letterbox(self, small: Pixels) -> tuple[NDArray[np.float32], int, int]:
        """The picture in the middle of the network's input, and where its top left corner lies."""
        high, wide = small.shape[:2]
        left, top = (self._batch.shape[3] - wide) // 2, (self._batch.shape[2] - high) // 2
        if not self._planes or self._planes[0].shape != (high, wide):
            self._batch[:] = np.float32(PADDING_GREY / 255)
            self._planes = [np.empty((high, wide), np.uint8) for _ in range(3)]
        # blobFromImage takes ten times as long
        cv2.split(small, self._planes)
        for plane, target in zip(reversed(self._planes), self._batch[0], strict=True):
            np.multiply(plane, np.float32(1 / 255), out=target[top : top + high, left : left + wide])
        return self._batch, left, top


def _moved(found: Detection, right: int, down: int) -> Detection:
    box = found.box
    return Detection(
        box=Box(x1=box.x1 + right, y1=box.y1 + down, x2=box.x2 + right, y2=box.y2 + down), confidence=found.confidence
    )


def without_doubles(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> list[int]:
    """Which boxes (number x 4) to keep, best first: greedy non-maximum suppression."""
    kept: list[int] = []
    for candidate in np.argsort(-scores, kind="stable"):
        if all(_overlap(boxes[candidate], boxes[other]) < SAME_PLATE_OVERLAP for other in kept):
            kept.append(int(candidate))
    return kept


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Intersection over union, or over the smaller box where one lies inside the other."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    first = (one[2] - one[0]) * (one[3] - one[1])
    second = (other[2] - other[0]) * (other[3] - other[1])
    shared = wide * high
    return float(max(shared / (first + second - shared), 0.5 * shared / min(first, second)))
