"""New texts out of real crops: where the gaps between a plate's characters can be seen, its pieces are set in another
order. Few texts were ever photographed, many of them words; a reader that sees only those learns them by heart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from agreed import MARGIN, AgreedCrop, Pixels, folded
from numpy.typing import NDArray

_TIGHT = 0.04
"""The margin of `AgreedCrop.tight`, whose columns are looked at."""
_CLEAR = 0.75
"""A gap counts when it holds at most this share of the edges that the characters beside it hold."""
_AMBIGUOUS = frozenset("O0I1")
"""What only the text around it tells apart stays out of new texts."""

Columns = Callable[[Pixels], list[list[tuple[str, float]]]]
"""Reads crops (n, 64, 128, 3): for each the characters with the place of their middle, 0 to 1 from left to right."""


def with_cuts(crops: list[AgreedCrop], columns: Columns) -> list[AgreedCrop]:
    """The crops, those with their `cuts` whose characters stand in one line with clear gaps."""
    seen = columns(np.stack([crop.tight() for crop in crops])) if crops else []
    return [replace(crop, cuts=_cuts(crop, line)) for crop, line in zip(crops, seen, strict=True)]


def _cuts(crop: AgreedCrop, line: Sequence[tuple[str, float]]) -> tuple[int, ...]:
    """Columns of the crop's pixels at which one may cut: before, between and behind the characters."""
    if folded("".join(sign for sign, _ in line)) != folded(crop.text) or len(line) < 4:
        return ()
    wide = crop.crop.shape[1]
    start, size = (MARGIN - _TIGHT) / (1 + 2 * MARGIN), (1 + 2 * _TIGHT) / (1 + 2 * MARGIN)
    middles = [(start + size * at) * wide for _, at in line]
    steps = np.diff(middles)
    if steps.min() < 5 or steps.max() > 2.6 * np.median(steps):
        return ()
    edges = _edges(crop.crop)
    half = float(np.median(steps)) / 2
    ends = [
        (middles[0] - 1.7 * half, middles[0]),
        *itertools.pairwise(middles),
        (middles[-1], middles[-1] + 1.7 * half),
    ]
    cuts = [_quietest(edges, low, high) for low, high in ends]
    if min(np.diff(cuts)) < 4:
        return ()
    inked = [float(np.percentile(edges[a:b], 80)) for a, b in itertools.pairwise(cuts)]
    gaps = [float(edges[cut]) for cut in cuts[1:-1]]
    clear = all(gap < _CLEAR * min(a, b) for gap, (a, b) in zip(gaps, itertools.pairwise(inked), strict=True))
    return tuple(cuts) if clear else ()


def _edges(crop: Pixels) -> NDArray[np.float64]:
    """How much every column of the plate's middle height changes from light to dark, upwards and sideways."""
    rows = crop.shape[0]
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[round(rows * 0.3) : round(rows * 0.72)].astype(np.float32)
    change = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return np.asarray(change.mean(0), np.float64)


def _quietest(edges: NDArray[np.float64], low: float, high: float) -> int:
    """The column with the fewest edges in the middle of a stretch."""
    a, b = low + 0.22 * (high - low), high - 0.22 * (high - low)
    first, last = max(int(a), 0), min(int(np.ceil(b)), len(edges) - 1)
    if last <= first:
        return min(max(first, 0), len(edges) - 1)
    return first + int(edges[first : last + 1].argmin())


def shuffled(rng: np.random.Generator, crop: AgreedCrop) -> AgreedCrop:
    """The crop with its characters in a new order, some twice and some left out; needs `cuts`."""
    pieces = [
        (sign, crop.crop[:, a:b])
        for sign, (a, b) in zip(crop.text, itertools.pairwise(crop.cuts), strict=True)
        if sign not in _AMBIGUOUS
    ]
    if len(pieces) < 3:
        return crop
    count = len(crop.text)
    order = rng.permutation(len(pieces)) if len(pieces) >= count - 1 else rng.integers(len(pieces), size=count)
    chosen = [pieces[k] for k in order]
    middle = np.concatenate([piece for _, piece in chosen], axis=1)
    wide = crop.cuts[-1] - crop.cuts[0]
    if not 0.8 < middle.shape[1] / wide < 1.25:
        return crop
    middle = cv2.resize(middle, (wide, middle.shape[0]), interpolation=cv2.INTER_LINEAR)
    picture = np.concatenate([crop.crop[:, : crop.cuts[0]], middle, crop.crop[:, crop.cuts[-1] :]], axis=1)
    return replace(
        crop, crop=np.asarray(picture, np.uint8), text="".join(sign for sign, _ in chosen), cuts=(), shares=None
    )
