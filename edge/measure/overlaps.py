"""When a box is right: it covers a plate by half, intersection over union, and each plate counts once."""

import numpy as np
from numpy.typing import NDArray

from edge.values import Box

OVERLAP = 0.5
"""From here on a box lies on a plate."""
TOUCHES = 0.2
"""From here on it lies roughly on an unlabelled one, whose own outline is rough."""

Boxes = NDArray[np.float32]
"""[n, 4]: x1, y1, x2, y2 in pixels."""


def rows(boxes: list[Box]) -> Boxes:
    """Boxes as an array."""
    return np.array([(box.x1, box.y1, box.x2, box.y2) for box in boxes], np.float32).reshape(-1, 4)


def overlaps(ours: Boxes, theirs: Boxes) -> Boxes:
    """Intersection over union of every box of [n, 4] with every box of [m, 4]: [n, m]."""
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (ours, theirs)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9), np.float32)


def pairs(truth: Boxes, found: Boxes) -> dict[int, int]:
    """Which plate each right box has found, box to plate, the boxes given best first; a plate is found once."""
    free = list(range(len(truth)))
    matched: dict[int, int] = {}
    for number, box in enumerate(found):
        if not free:
            break
        shares = overlaps(box[None], truth[free])[0]
        best = int(np.argmax(shares))
        if shares[best] >= OVERLAP:
            matched[number] = free.pop(best)
    return matched


def strays(truth: Boxes, found: Boxes, unlabelled: Boxes) -> list[int]:
    """The boxes that count against precision: on no plate, or a second one on the same; unlabelled plates excuse."""
    right = pairs(truth, found)
    wrong = [number for number in range(len(found)) if number not in right]
    return [number for number in wrong if not _excused(found[number], truth, unlabelled)]


def _excused(box: Boxes, truth: Boxes, unlabelled: Boxes) -> bool:
    if not len(unlabelled) or (len(truth) and float(overlaps(box[None], truth).max()) >= OVERLAP):
        return False
    return float(overlaps(box[None], unlabelled).max()) >= TOUCHES
