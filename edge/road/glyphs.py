"""The project's own letters, drawn as strokes in the manner of American number plate dies: condensed, one line width,
rounded ends. No font file is needed, so a plate looks the same on every machine.

A shape is written as strokes separated by `|`; a stroke is a row of corners `x,y` or `x,y,r` (r rounds that corner), a
trailing `z` closes it. The box of a character is 10 wide (M, W and a few others differ) and 20 high, y pointing down.
"""

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Stroke = NDArray[np.float64]

HEIGHT = 20.0
_GAP = 5.2
_SPACE = 5.0

GLYPHS: Mapping[str, str] = {
    "0": "0,0,5 10,0,5 10,20,5 0,20,5 z",
    "1": "2,4.5 6,0 6,20",
    "2": "0,5 0,0,4.6 10,0,4.6 10,8,4 0,16,3 0,20 10,20",
    "3": "0,4.4 0,0,4.5 10,0,4.5 10,9.4,4 4,9.4 10,9.4,4.2 10,20,4.8 0,20,4.8 0,15.6",
    "4": "7.6,20 7.6,0 0,13.8 10.4,13.8",
    "5": "9.4,0 0.7,0 0.4,8.6,0.6 10,7.6,4.6 10,20,4.8 0,20,4.8 0,15.8",
    "6": "9.8,4.2 9.8,0,4.6 0,0,4.6 0,20,4.8 10,20,4.8 10,8.6,4.4 0,8.6,3 0,12",
    "7": "0,0 10,0,0.8 3.4,20",
    "8": "0.6,0,4.2 9.4,0,4.2 9.4,9.2,4 0.6,9.2,4 z|0,9.2,4.4 10,9.2,4.4 10,20,4.8 0,20,4.8 z",
    "9": "0.2,15.8 0.2,20,4.6 10,20,4.6 10,0,4.8 0,0,4.8 0,11.4,4.4 10,11.4,3 10,8",
    "A": "0,20 5,0,0.6 10,20|1.6,13.6 8.4,13.6",
    "B": "0,9.3 0,0 9.4,0,4.2 9.4,9.3,4 0,9.3 10,9.3,4.4 10,20,4.6 0,20 0,9.3",
    "C": "10,5.4 10,0,4.6 0,0,4.6 0,20,4.6 10,20,4.6 10,14.6",
    "D": "0,0 10,0,5.4 10,20,5.4 0,20 z",
    "E": "9.6,0 0,0 0,20 9.6,20|0,9.6 7.8,9.6",
    "F": "9.6,0 0,0 0,20|0,9.8 7.8,9.8",
    "G": "10,5 10,0,4.6 0,0,4.6 0,20,4.6 10,20,4.6 10,11 5.6,11",
    "H": "0,0 0,20|10,0 10,20|0,9.8 10,9.8",
    "I": "1.6,0 8.4,0|5,0 5,20|1.6,20 8.4,20",
    "J": "9.6,0 9.6,20,4.8 0,20,4.8 0,14.6",
    "K": "0,0 0,20|9.8,0 0,12.2|3.5,8 10,20",
    "L": "0,0 0,20 9.4,20",
    "M": "0,20 0,0 5.8,12.4 11.6,0 11.6,20",
    "N": "0,20 0,0 10,20 10,0",
    "O": "0,0,3.4 10.4,0,3.4 10.4,20,3.4 0,20,3.4 z",
    "P": "0,20 0,0 10,0,4.8 10,11,4.6 0,11",
    "Q": "0,0,3.8 10,0,3.8 10,20,3.8 0,20,3.8 z|5.8,14.6 10.8,21.4",
    "R": "0,20 0,0 10,0,4.6 10,10.2,4.4 0,10.2|4.8,10.2 10.2,20",
    "S": "9.8,4.6 9.8,0,4.5 0,0,4.5 0,9.4,4.2 10,10.2,4.2 10,20,4.6 0,20,4.6 0,15.4",
    "T": "0,0 10.4,0|5.2,0 5.2,20",
    "U": "0,0 0,20,4.8 10,20,4.8 10,0",
    "V": "0,0 5.2,20,0.6 10.4,0",
    "W": "0,0 3,20,0.5 6.4,5.6,0.5 9.8,20,0.5 12.8,0",
    "X": "0,0 10,20|10,0 0,20",
    "Y": "0,0 5.2,10.2 10.4,0|5.2,10.2 5.2,20",
    "Z": "0,0 10,0 0,20 10.2,20",
    "-": "1.4,10.4 7.6,10.4",
    ".": "2,19.4 2.6,19.4",
    "'": "2,0 1.6,3.6",
}
"""One shape for each character, as `draw_plate` uses them."""

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "0": (
        "0,0,3.6 10,0,3.6 10,20,3.6 0,20,3.6 z",
        "0,0,5 10,0,5 10,20,5 0,20,5 z|2.4,14.6 7.6,5.4",
        "0.8,0,4.2 9.2,0,4.2 9.2,20,4.2 0.8,20,4.2 z",
    ),
    "1": ("2,4.5 6,0 6,20|1.6,20 10,20", "5,0 5,20", "3,1.2 6,0 6,20", "2.4,4 5.4,0 5.4,20|2,20 8.8,20"),
    "2": ("0,4.6 0,0,4.6 10,0,4.6 10,9.2,4.4 0,10.6,4.4 0,20 10,20", "0,5 0,0,4.6 10,0,4.6 10,9,3 0,20 10.2,20"),
    "3": (
        "0.2,0 9.8,0 4.4,8 10,8,4.6 10,20,4.8 0,20,4.8 0,15.8",
        "0,0 10,0,3 10,9.4,3 3,9.4 10,9.4,3 10,20,3 0,20",
    ),
    "4": (
        "2.4,0 0,12.6 10.4,12.6|7.8,6.4 7.8,20",
        "0.2,0 0.2,11.4 10,11.4|8,0 8,20",
        "7.6,20 7.6,0 5.8,0 0,12.8 0,14.4 10.4,14.4",
    ),
    "5": (
        "9.6,0 0.2,0 0.2,9.2 10,9.2,4.6 10,20,4.6 0,20,4.6",
        "9.4,0 1,0 0,11 0.6,7.4,1 10,7.4,4.8 10,20,5 0,20,5 0,16",
    ),
    "6": (
        "8,0 1,9,2 0,20,4.8 10,20,4.8 10,8.8,4.6 0,8.8,4.6 0,14",
        "7.4,0 0,12.2,2 0,20,4.8 10,20,4.8 10,9.4,4.6 1.4,9.4,3",
    ),
    "7": ("0,0 10,0 4.6,10,3 4.2,20", "0,2.4 0,0 10,0,0.8 3.4,20", "0,0 10,0 10,3.6,1 3,20"),
    "8": ("0,0,3.6 10,0,3.6 10,9.6,3.4 0,9.6,3.4 z|0,9.6,3.4 10,9.6,3.4 10,20,3.6 0,20,3.6 z",),
    "9": (
        "2,20 9,11,2 10,0,4.8 0,0,4.8 0,11.2,4.6 10,11.2,4.6 10,6",
        "2.6,20 10,7.8,2 10,0,4.8 0,0,4.8 0,10.6,4.6 8.6,10.6,3",
    ),
    "A": ("0,20 3.8,0 6.2,0 10,20|1.8,13.4 8.2,13.4", "0,20 0,0,4.4 10,0,4.4 10,20|0,11.4 10,11.4"),
    "B": ("0,0 9,0,4.2 9,9,4 1.6,9 10,9,4.4 10,20,4.6 0,20|1.6,0 1.6,20",),
    "C": ("10,4 10,0,3.2 0,0,3.2 0,20,3.2 10,20,3.2 10,16",),
    "D": ("0,0 10,0,3.6 10,20,3.6 0,20 z", "0,0 10,0,4.6 10,20,4.6 0,20|1.6,0 1.6,20"),
    "G": (
        "10,5 10,0,4.6 0,0,4.6 0,20,4.6 10,20,4.6 10,11.4 6,11.4|10,16 10,20",
        "10,4 10,0,3.4 0,0,3.4 0,20,3.4 10,20,3.4 10,9.6 5,9.6",
    ),
    "I": ("5,0 5,20", "2.8,0 7.2,0|5,0 5,20|2.8,20 7.2,20"),
    "J": ("9,0 9,20,4.8 0,20,4.8 0,15.4|5,0 9,0", "8.6,0 8.6,20,3.6 0,20,3.6 0,16"),
    "K": ("0,0 0,20|9.8,0 0,10|0,10 10,20",),
    "M": ("0,20 0,0 5,8.4 10,0 10,20", "0,20 1,0 6,20 11,0 12,20", "0,20 0,0,2.6 10.6,0,2.6 10.6,20|5.3,0 5.3,20"),
    "N": ("0,20 0,0 9,20 9,0",),
    "O": ("0,0,5 10,0,5 10,20,5 0,20,5 z", "0,0,2.6 10,0,2.6 10,20,2.6 0,20,2.6 z"),
    "P": ("0,20 0,0 9.6,0,4.2 9.6,9.6,4 0,9.6",),
    "Q": ("0,0,5 10,0,5 10,20,5 0,20,5 z|6,14 10,20", "0,0,4 10,0,4 10,18,4 0,18,4 z|5,16.6 6.6,21.6 9.4,21.6"),
    "R": ("0,20 0,0 10,0,4.6 10,10,4.2 0,10|6,10 10,12.4,2 10,20",),
    "S": ("10,3.6 10,0,3.4 0,0,3.4 0,9.6,3.4 10,9.6,3.4 10,20,3.4 0,20,3.4 0,16.4",),
    "U": ("0,0 0,20,3.4 10,20,3.4 10,0",),
    "V": ("0,0 4.4,20 5.6,20 10,0",),
    "W": (
        "0,0 0,20 5.3,8 10.6,20 10.6,0",
        "0,0 2.6,20 5.4,0 6.4,0 9.2,20 11.8,0",
        "0,0 0,20,2.6 10.6,20,2.6 10.6,0|5.3,4 5.3,20",
    ),
    "Y": ("0,0 0,10,3.6 10,10,3.6 10,0|5,10 5,20", "0,0 5,8 10,0|5,8 5,20"),
    "Z": ("0,0 10,0 0,20 10,20|2.6,10 7.4,10",),
}
"""Other dies of the same characters, for the reader's training; none is drawn by default."""


@lru_cache(maxsize=1024)
def strokes(shape: str) -> tuple[Stroke, ...]:
    """The polylines of a shape: each float64 (n, 2), in glyph units, rounded corners as points."""
    return tuple(_polyline(stroke.split()) for stroke in shape.split("|"))


def width_of(shape: str) -> float:
    """The width in glyph units that a shape takes in a line; narrow shapes keep the room of half a character."""
    right = max(float(line[:, 0].max()) for line in strokes(shape))
    left = min(float(line[:, 0].min()) for line in strokes(shape))
    return max(right - min(left, 0.0), 5.0)


def text_strokes(text: str, shapes: Mapping[str, str] = GLYPHS) -> tuple[list[Stroke], float]:
    """All polylines of one line of text set from x = 0, and the width of the line, in glyph units.

    A space is half a character; characters without a shape are set as a space.
    """
    lines: list[Stroke] = []
    pen = 0.0
    for character in text.upper():
        shape = shapes.get(character)
        if shape is None:
            pen += _SPACE
            continue
        lines += [np.add(line, (pen, 0.0)) for line in strokes(shape)]
        pen += width_of(shape) + _GAP
    return lines, max(pen - _GAP, 1.0)


def draw_text(
    canvas: Pixels,
    text: str,
    box: tuple[float, float, float, float],
    thickness: int,
    colour: tuple[int, int, int],
    *,
    shapes: Mapping[str, str] = GLYPHS,
) -> None:
    """Draw one line of text on a uint8 (h, w, 3) canvas, centred in `box` = (x, y, width, height) in pixels.

    The ink fills the height of the box; a line too wide is condensed to fit, a narrow one is not stretched.
    """
    x, y, wide, high = box
    lines, length = text_strokes(text, shapes)
    tall = max(high - thickness, 1.0) / HEIGHT
    broad = min(tall, max(wide - thickness, 1.0) / length)
    origin = (x + (wide - broad * length) / 2, y + thickness / 2)
    for line in lines:
        points = np.rint((line * (broad, tall) + origin) * 16).astype(np.int32)
        cv2.polylines(canvas, [points], False, colour, max(thickness, 1), cv2.LINE_AA, 4)


def _polyline(words: list[str]) -> Stroke:
    closed = words[-1] == "z"
    corners = [tuple(float(part) for part in word.split(",")) for word in (words[:-1] if closed else words)]
    points: list[tuple[float, float]] = []
    for index, corner in enumerate(corners):
        radius = corner[2] if len(corner) == 3 else 0.0
        inner = closed or 0 < index < len(corners) - 1
        if radius and inner:
            before, after = corners[index - 1], corners[(index + 1) % len(corners)]
            points += _rounded(before[:2], corner[:2], after[:2], radius)
        else:
            points.append((corner[0], corner[1]))
    if closed:
        points.append(points[0])
    return np.array(points, dtype=np.float64)


def _rounded(
    before: tuple[float, ...], corner: tuple[float, ...], after: tuple[float, ...], radius: float
) -> list[tuple[float, float]]:
    """Replace a corner by a curve that starts and ends `radius` away from it (at most half of either side)."""
    middle = np.array(corner)
    legs = [np.array(before) - middle, np.array(after) - middle]
    sides = [float(np.hypot(*leg)) for leg in legs]
    start, end = (middle + leg / side * min(radius, side / 2) for leg, side in zip(legs, sides, strict=True))
    # A conic with this weight is a quarter circle at a right angle, so round letters come out round.
    weight = 2**-0.5
    curve = []
    for t in np.linspace(0.0, 1.0, 9):
        a, b, c = (1 - t) ** 2, 2 * weight * t * (1 - t), t**2
        point = (a * start + b * middle + c * end) / (a + b + c)
        curve.append((float(point[0]), float(point[1])))
    return curve
