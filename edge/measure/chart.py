"""Figures drawn: whether the confidence means what it says, and what is found and read at each width of the plate."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from edge.measure.calibration import Right, Shares, bins, calibration_error
from edge.measure.figures import Figures, Width
from edge.values import Pixels

_SIDE, _LEFT, _TOP = 480, 70, 40
_INK, _FAINT, _GRID = (60, 60, 60), (150, 150, 150), (228, 228, 228)
_COLOURS = ((180, 90, 20), (40, 110, 220), (60, 150, 60), (150, 60, 150))


def chart(figures: Figures, name: str) -> Pixels:
    """Both drawings side by side, height x width x 3, BGR."""
    panels = [reliability({name: (figures.confidences, figures.right)})]
    if figures.widths:
        panels.append(by_width(figures.widths))
    high = max(panel.shape[0] for panel in panels)
    return np.concatenate([_taller(panel, high) for panel in panels], axis=1)


def reliability(curves: Mapping[str, tuple[Shares, Right]]) -> Pixels:
    """Confidence to the right, share right upwards, dots as large as their bins; one curve for each name."""
    panel = _panel("share right", "confidence", rows=len(curves))
    for step in range(11):
        _say(panel, f"{step / 10:.1f}", (_LEFT + round(step / 10 * _SIDE) - 12, _TOP + _SIDE + 18))
    cv2.line(panel, (_LEFT, _TOP + _SIDE), (_LEFT + _SIDE, _TOP), _FAINT, 1, cv2.LINE_AA)
    for row, (name, (confidences, right)) in enumerate(curves.items()):
        colour = _COLOURS[row % len(_COLOURS)]
        found = bins(confidences, right)
        dots = [(_LEFT + round(one.confidence * _SIDE), _up(one.right)) for one in found]
        if dots:
            cv2.polylines(panel, [np.array(dots, np.int32)], False, colour, 2, cv2.LINE_AA)
        for dot, one in zip(dots, found, strict=True):
            cv2.circle(panel, dot, 3 + round(9 * (one.count / len(right)) ** 0.5), colour, -1, cv2.LINE_AA)
        error = 100 * calibration_error(confidences, right)
        _key(panel, row, colour, f"{name}: {len(right)}, calibration error {error:.1f} %")
    return panel


def by_width(widths: Sequence[Width]) -> Pixels:
    """Two bars for each class of widths, found and read right (folded), with their 95 % intervals."""
    panel = _panel("share of plates", "width in pixels", rows=2)
    room = _SIDE / len(widths)
    for place, one in enumerate(widths):
        left = _LEFT + round(place * room)
        for bar, share in enumerate((one.found, one.read)):
            x1, x2 = left + round(room * (0.12 + 0.4 * bar)), left + round(room * (0.46 + 0.4 * bar))
            cv2.rectangle(panel, (x1, _up(share.value)), (x2, _TOP + _SIDE), _COLOURS[bar], -1)
            low, high = (_up(end) for end in share.interval)
            cv2.line(panel, ((x1 + x2) // 2, low), ((x1 + x2) // 2, high), _INK, 1, cv2.LINE_AA)
        _say(panel, f"{one.least}+", (left + 4, _TOP + _SIDE + 18))
        _say(panel, str(one.found.of), (left + round(room * 0.14), _TOP + _SIDE - 6), (255, 255, 255))
    _key(panel, 0, _COLOURS[0], "found, both models believing in it; the figure in the bar: plates")
    _key(panel, 1, _COLOURS[1], "read right end to end (O=0, I=1); lines: 95 % intervals")
    return panel


def _panel(upwards: str, along: str, *, rows: int) -> Pixels:
    panel = np.full((_SIDE + _TOP + 60 + 24 * rows, _SIDE + _LEFT + 40, 3), 255, np.uint8)
    for step in range(11):
        at = round(step / 10 * _SIDE)
        cv2.line(panel, (_LEFT + at, _TOP), (_LEFT + at, _TOP + _SIDE), _GRID, 1)
        cv2.line(panel, (_LEFT, _TOP + at), (_LEFT + _SIDE, _TOP + at), _GRID, 1)
        _say(panel, f"{1 - step / 10:.1f}", (_LEFT - 34, _TOP + at + 5))
    _say(panel, upwards, (8, 24))
    _say(panel, along, (_LEFT + _SIDE - 110, _TOP + _SIDE + 38))
    return panel


def _up(share: float) -> int:
    return _TOP + _SIDE - round(share * _SIDE)


def _key(panel: Pixels, row: int, colour: tuple[int, int, int], words: str) -> None:
    line = _TOP + _SIDE + 58 + 24 * row
    cv2.circle(panel, (_LEFT, line - 5), 6, colour, -1, cv2.LINE_AA)
    _say(panel, words, (_LEFT + 14, line))


def _taller(panel: Pixels, high: int) -> Pixels:
    return np.pad(panel, ((0, high - panel.shape[0]), (0, 0), (0, 0)), constant_values=255)


def _say(panel: Pixels, words: str, at: tuple[int, int], colour: tuple[int, int, int] = _INK) -> None:
    cv2.putText(panel, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
