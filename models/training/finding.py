"""A plate detector in its exported form, and how boxes overlap; shared by the figures and by the mining of mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

LOWEST_SCORE = 0.05
OVERLAP = 0.5

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """What a detector found in a photograph: [n, 4] boxes in its pixels, [n] scores, best first."""

    boxes: Boxes
    scores: NDArray[np.float32]


class Detector:
    """A detector in the end-to-end form: images [1, 3, h, w] in, rows of batch, x1, y1, x2, y2, class, score out."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]
        self.height, self.width = (int(size) for size in self.input.shape[2:])

    def find(self, pixels: Pixels) -> Found:
        """Plates in a BGR picture of any size."""
        height, width = pixels.shape[:2]
        scale = min(self.height / height, self.width / width)
        size = (round(width * scale), round(height * scale))
        left, top = (self.width - size[0]) // 2, (self.height - size[1]) // 2
        boxed = np.full((self.height, self.width, 3), 114, np.uint8)
        boxed[top : top + size[1], left : left + size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        images = boxed[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = np.asarray(self.session.run(None, {self.input.name: images})[0])
        rows = rows[rows[:, 6] >= LOWEST_SCORE]
        boxes = (rows[:, 1:5] - [left, top, left, top]) * np.tile([width / size[0], height / size[1]], 2)
        return _without_doubles(boxes.astype(np.float32), rows[:, 6])


def _without_doubles(boxes: Boxes, scores: NDArray[np.float32]) -> Found:
    """Keep the best of boxes that overlap by half."""
    order = np.argsort(-scores)
    kept: list[int] = []
    for i in order:
        if not kept or float(overlaps(boxes[i : i + 1], boxes[kept]).max()) < OVERLAP:
            kept.append(int(i))
    return Found(boxes[kept], scores[kept])


def overlaps(ours: Boxes, theirs: Boxes) -> Boxes:
    """Intersection over union of every box of [n, 4] with every box of [m, 4]: [n, m]."""
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (ours, theirs)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9), np.float32)


@dataclass(frozen=True)
class Sample:
    """A photograph (BGR) and its plates, [plates, 4] as x1, y1, x2, y2, with their texts where these are known.

    `unlabelled` [n, 4] are plates that nobody labelled: a box on them is neither right nor wrong. Where more of them
    are likely the photograph is not `complete` and says nothing about precision.
    """

    pixels: Pixels
    boxes: Boxes
    texts: tuple[str, ...]
    unlabelled: Boxes
    complete: bool = True


def count(truth: Boxes, found: Boxes) -> tuple[int, list[float]]:
    """How many found boxes are right, and the overlap of each plate found; a plate counts once, best score first."""
    free = list(range(len(truth)))
    matched: list[float] = []
    for box in found:
        if not free:
            break
        shares = overlaps(box[None], truth[free])[0]
        best = int(np.argmax(shares))
        if shares[best] >= OVERLAP:
            matched.append(float(shares[best]))
            free.pop(best)
    return len(matched), matched


def matches(box: Boxes, plate: Boxes) -> bool:
    """Whether a box lies on a plate, both [4]."""
    return float(overlaps(box[None], plate[None])[0, 0]) >= OVERLAP


def right_and_shown(sample: Sample, found: Boxes) -> tuple[int, int, int]:
    """Plates found; then, for precision, right boxes and all boxes: none where plates are known to be unlabelled."""
    right, _ = count(sample.boxes, found)
    if not sample.complete:
        return right, 0, 0
    strange = [box for box in found if not any(matches(box, plate) for plate in sample.boxes)]
    excused = sum(any(_touches(box, plate) for plate in sample.unlabelled) for box in strange)
    return right, right, len(found) - excused


def _touches(box: Boxes, plate: Boxes) -> bool:
    """Whether a box lies roughly on an unlabelled plate, whose own outline is rough: an overlap of a fifth."""
    return float(overlaps(box[None], plate[None])[0, 0]) >= 0.2
