"""Whether a confidence means what it says: expected calibration error, a reliability chart, a fitted temperature.

Of all reads with a confidence of about 0.9 nine in ten should be right. One number, the temperature, divides the logits
of the reader before the softmax (after Guo and others, arXiv:1706.04599); it is fitted on held-out plates.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.measure.calibration import Right, Shares, bins, calibration_error
from edge.measure.chart import reliability

__all__ = ["bins", "calibration_error", "draw_chart", "fitted_temperature", "honest_temperature", "tempered"]

SURE = 0.9
"""Of reads at least so sure, as large a part should be right."""
_LEAST = 1e-7


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


def honest_temperature(sets: Sequence[tuple[Shares, Right]]) -> float:
    """The temperature at which whole reads are as sure as they are right, nearest over the sets.

    A set is shares (n, slots, classes), the last class being no character, and which of the reads are right (n,). In
    each of them nine in ten of the sure reads must be right.
    """
    errors = {}
    for temperature in np.arange(0.7, 2.5, 0.02):
        judged = [(_confidences(tempered(shares, float(temperature))), right) for shares, right in sets]
        if all(right[sure >= SURE].mean() >= SURE for sure, right in judged if (sure >= SURE).any()):
            errors[float(temperature)] = sum(calibration_error(sure, right) for sure, right in judged)
    if not errors:
        raise ValueError("no temperature makes this reader's confidence honest; train it longer")
    return min(errors, key=errors.__getitem__)


def _confidences(shares: Shares) -> Shares:
    """How sure the reads are: the mean over their written characters, 0 for no text."""
    written = shares.argmax(-1) != shares.shape[-1] - 1
    return np.asarray((shares.max(-1) * written).sum(-1) / np.maximum(written.sum(-1), 1))


def draw_chart(path: Path, curves: dict[str, tuple[Shares, Right]]) -> None:
    """A reliability chart as PNG, one curve for each name: confidence to the right, share right upwards."""
    cv2.imwrite(str(path), reliability(curves))
