"""Whether a confidence means what it says: expected calibration error, a reliability chart, a fitted temperature.

Of all reads with a confidence of about 0.9 nine in ten should be right. One number, the temperature, divides the logits
of the reader before the softmax (after Guo and others, arXiv:1706.04599); it is fitted on held-out plates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

BINS = 10
_LEAST = 1e-7

Shares = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Reads of about the same confidence: how many, their mean confidence, the share of them that is right."""

    count: int
    confidence: float
    right: float


def bins(confidences: Shares, right: NDArray[np.bool_], count: int = BINS) -> list[Bin]:
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


def calibration_error(confidences: Shares, right: NDArray[np.bool_], count: int = BINS) -> float:
    """Expected calibration error: the mean distance of confidence and share right, by how many reads a bin holds."""
    found = bins(confidences, right, count)
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.confidence - one.right) for one in found) / max(total, 1)


def tempered(shares: Shares, temperature: float) -> Shares:
    """Probabilities (..., classes) as they would be with their logits divided by `temperature`."""
    logits = np.log(np.clip(shares, _LEAST, 1.0)) / temperature
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def fitted_temperature(shares: Shares, truth: NDArray[np.int64]) -> float:
    """The temperature that makes the truth likeliest: shares (n, classes), truth (n,) class numbers."""
    tried = np.exp(np.linspace(np.log(0.25), np.log(4.0), 81))
    losses = []
    for temperature in tried:
        chosen = tempered(shares, float(temperature))[np.arange(len(truth)), truth]
        losses.append(float(-np.log(np.clip(chosen, _LEAST, 1.0)).mean()))
    return float(tried[int(np.argmin(losses))])


def draw_chart(path: Path, curves: dict[str, tuple[Shares, NDArray[np.bool_]]]) -> None:
    """A reliability chart as PNG: confidence to the right, share right upwards, dots as large as their bins."""
    side, left, top = 480, 70, 40
    chart = np.full((side + top + 60 + 24 * len(curves), side + left + 40, 3), 255, np.uint8)
    for step in range(11):
        at = round(step / 10 * side)
        cv2.line(chart, (left + at, top), (left + at, top + side), (228, 228, 228), 1)
        cv2.line(chart, (left, top + at), (left + side, top + at), (228, 228, 228), 1)
        _say(chart, f"{step / 10:.1f}", (left + at - 12, top + side + 18))
        _say(chart, f"{1 - step / 10:.1f}", (left - 34, top + at + 5))
    cv2.line(chart, (left, top + side), (left + side, top), (150, 150, 150), 1, cv2.LINE_AA)
    _say(chart, "share right", (8, 24))
    _say(chart, "confidence", (left + side - 70, top + side + 38))
    for row, (name, (confidences, right)) in enumerate(curves.items()):
        colour = ((180, 90, 20), (40, 110, 220), (60, 150, 60), (150, 60, 150))[row % 4]
        found = bins(confidences, right)
        dots = [(left + round(one.confidence * side), top + side - round(one.right * side)) for one in found]
        cv2.polylines(chart, [np.array(dots, np.int32)], False, colour, 2, cv2.LINE_AA)
        for dot, one in zip(dots, found, strict=True):
            cv2.circle(chart, dot, 3 + round(9 * (one.count / len(right)) ** 0.5), colour, -1, cv2.LINE_AA)
        error = calibration_error(confidences, right)
        line = top + side + 58 + 24 * row
        cv2.circle(chart, (left, line - 5), 6, colour, -1, cv2.LINE_AA)
        _say(chart, f"{name}: {len(right)}, calibration error {100 * error:.1f} %", (left + 14, line))
    cv2.imwrite(str(path), chart)


def _say(chart: NDArray[np.uint8], words: str, at: tuple[int, int]) -> None:
    cv2.putText(chart, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (60, 60, 60), 1, cv2.LINE_AA)
