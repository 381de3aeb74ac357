"""Whether a confidence means what it says: of all reads with a confidence of about 0.9 nine in ten should be right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10

Shares = NDArray[np.float64]
Right = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Reads of about the same confidence: how many, their mean confidence, the share of them that is right."""

    count: int
    confidence: float
    right: float


def bins(confidences: Shares, right: Right, count: int = BINS) -> list[Bin]:
    """Reads sorted into bins of equal width over 0..1; empty bins are left out."""
    places = np.clip((np.asarray(confidences) * count).astype(int), 0, count - 1)
    found = []
    for place in range(count):
        inside = places == place
        if inside.any():
            found.append(
                Bin(
                    count=int(inside.sum()),
                    confidence=float(np.asarray(confidences)[inside].mean()),
                    right=float(np.asarray(right)[inside].mean()),
                )
            )
    return found


def calibration_error(confidences: Shares, right: Right, count: int = BINS) -> float:
    """Expected calibration error: the mean distance of confidence and share right, by how many reads a bin holds."""
    found = bins(confidences, right, count)
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.confidence - one.right) for one in found) / max(total, 1)
