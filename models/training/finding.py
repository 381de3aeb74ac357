"""A plate detector in its exported form, and which of its boxes are right: as the daemon runs it, as `homerule models
evaluate` counts it (edge/measure/overlaps.py). Shared by the figures and by the mining of mistakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.measure.overlaps import OVERLAP, Boxes, overlaps, pairs, rows, strays
from edge.vision.detector import Detector as Network

__all__ = ["Boxes", "Detector", "Found", "Pixels", "Sample", "count", "matches", "overlaps", "right_and_shown"]

LOWEST_SCORE = 0.05

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Found:
    """What a detector found in a photograph: [n, 4] boxes in its pixels, [n] scores, best first."""

    boxes: Boxes
    scores: NDArray[np.float32]


class Detector:
    """A detector in the end-to-end form (edge/vision/detector.py), with every box above LOWEST_SCORE."""

    def __init__(self, model: Path) -> None:
        self._network = Network(name=model.stem, written=model.read_bytes(), threshold=LOWEST_SCORE)

    def find(self, pixels: Pixels) -> Found:
        """Plates in a BGR picture of any size."""
        found = self._network.find(pixels)
        return Found(rows([one.box for one in found]), np.array([one.confidence for one in found], np.float32))


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
    right = pairs(truth, found)
    shares = [float(overlaps(found[box : box + 1], truth[plate : plate + 1])[0, 0]) for box, plate in right.items()]
    return len(right), shares


def matches(box: Boxes, plate: Boxes) -> bool:
    """Whether a box lies on a plate, both [4]."""
    return float(overlaps(box[None], plate[None])[0, 0]) >= OVERLAP


def right_and_shown(sample: Sample, found: Boxes) -> tuple[int, int, int]:
    """Plates found; then, for precision, right boxes and all boxes: none where plates are known to be unlabelled."""
    right = len(pairs(sample.boxes, found))
    if not sample.complete:
        return right, 0, 0
    return right, right, right + len(strays(sample.boxes, found, sample.unlabelled))
