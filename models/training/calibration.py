"""Whether a confidence means what it says: expected calibration error, a reliability chart, a fitted temperature.

Of all reads with a confidence of about 0.9 nine in ten should be right. One number, the temperature, divides the logits
of the reader before the softmax (after Guo and others, arXiv:1706.04599); it is fitted on held-out plates.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.measure.calibration import Right, Shares, bins, calibration_error
from edge.measure.chart import reliability

__all__ = ["bins", "calibration_error", "draw_chart", "fitted_temperature", "tempered"]

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


def draw_chart(path: Path, curves: dict[str, tuple[Shares, Right]]) -> None:
    """A reliability chart as PNG, one curve for each name: confidence to the right, share right upwards."""
    cv2.imwrite(str(path), reliability(curves))
