"""A drawn car: two boxes in perspective, with faces (lights, bumper, plate) drawn once and warped into each frame."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.road.plate import draw_plate
from edge.road.street import Points, View, fill
from edge.values import Pixels

Colour = tuple[float, float, float]

PAINTS: dict[str, Colour] = {
    "silver": (186, 182, 178),
    "white": (232, 232, 230),
    "black": (46, 42, 40),
    "red": (44, 40, 164),
    "blue": (140, 84, 40),
    "green": (76, 92, 54),
    "grey": (116, 112, 108),
    "tan": (138, 168, 190),
}
WIDTH, LENGTH = 1.8, 4.5
PLATE_WIDTH = 0.38
"""Metres; a little larger than a real plate, so that a 1280 pixel picture shows whole cars with plates one can read."""
_FINE = 420
"""Pixels per metre at which a face is drawn."""
_SILL, _DECK = 0.24, 0.96
_FACE_HIGH = _DECK - _SILL + 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The shape of a car in metres: tail and nose outside the cabin, run of the sloping glass, height of the roof."""

    tail: float
    nose: float
    slope: float
    roof: float


BODIES = {
    "sedan": Body(tail=0.75, nose=1.15, slope=0.75, roof=1.46),
    "hatch": Body(tail=0.1, nose=1.0, slope=0.45, roof=1.52),
    "suv": Body(tail=0.06, nose=1.0, slope=0.32, roof=1.72),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sprite:
    """A face at sinking sizes: premultiplied colour and what it leaves of the picture below, both uint8 (h, w, 3)."""

    levels: tuple[tuple[Pixels, Pixels], ...]


class Car:
    """One car with its plate. `towards` shows its front, otherwise its rear."""

    def __init__(self, *, text: str, state: str, colour: str, body: str, towards: bool) -> None:
        self._paint = np.array(PAINTS[colour])
        self._body = BODIES[body]
        self._towards = towards
        self._face = _sprite(_draw_face(self._paint, text, state, towards=towards))
        self._plate_low = 0.36 if towards else 0.58

    def plate(self, view: View, x: float, z: float) -> Points:
        """The plate's corners in pixels, (4, 2), when the visible end of the car stands at (x, z)."""
        half, high = PLATE_WIDTH / 2, PLATE_WIDTH / 2
        low = self._plate_low
        corners = [(x - half, low + high, z), (x + half, low + high, z), (x + half, low, z), (x - half, low, z)]
        return view.project(corners)

    def draw(self, frame: Pixels, view: View, x: float, z: float) -> None:
        """Draw the car into `frame` with its visible end at `z` metres and its middle at `x`."""
        _shadow(frame, view, x, z)
        self._wheels(frame, view, x, z)
        self._side(frame, view, x, z)
        self._top(frame, view, x, z)
        self._cabin(frame, view, x, z)
        half = WIDTH / 2
        top, low = _SILL + _FACE_HIGH, _SILL
        corners = [(x - half, top, z), (x + half, top, z), (x + half, low, z), (x - half, low, z)]
        _paste(frame, self._face, view.project(corners))

    def _shade(self, share: float, shine: float = 0.0) -> Colour:
        mixed = self._paint * share + np.array([225.0, 220.0, 214.0]) * shine
        blue, green, red = np.clip(mixed, 0, 255)
        return float(blue), float(green), float(red)

    def _wheels(self, frame: Pixels, view: View, x: float, z: float) -> None:
        for far in (z + LENGTH - 0.75, z + 0.6):
            for side in (-1, 1):
                outer, inner = x + side * 0.86, x + side * 0.62
                tyre = [(outer, 0.0, far), (outer, 0.5, far), (inner, 0.5, far), (inner, 0.0, far)]
                fill(frame, view.project(tyre), (26, 26, 26))

    def _side(self, frame: Pixels, view: View, x: float, z: float) -> None:
        edge = x - WIDTH / 2 if x > 0 else x + WIDTH / 2
        end = z + LENGTH
        bands = ((_SILL, 0.5, 0.42), (0.5, 0.78, 0.6), (0.78, _DECK, 0.8))
        for low, high, share in bands:
            strip = [(edge, low, z + 0.06), (edge, high, z + 0.06), (edge, high, end), (edge, low, end)]
            fill(frame, view.project(strip), self._shade(share))
        for hub in (z + 0.85, z + LENGTH - 0.8):
            turn = np.linspace(0, 2 * np.pi, 20)
            for radius, tint in ((0.33, (24, 24, 24)), (0.2, (130, 132, 134))):
                rim = [(edge, 0.33 + radius * np.sin(a), hub + radius * np.cos(a)) for a in turn]
                fill(frame, view.project(rim), tint)

    def _top(self, frame: Pixels, view: View, x: float, z: float) -> None:
        """Boot lid or bonnet and all else at that height; it mirrors the sky."""
        half, edge = WIDTH / 2 - 0.01, WIDTH / 2 - 0.07
        deck = [(x - edge, _DECK, z), (x + edge, _DECK, z), (x + half, _DECK, z + 0.5), (x + half, _DECK, z + LENGTH)]
        deck += [(x - half, _DECK, z + LENGTH), (x - half, _DECK, z + 0.5)]
        fill(frame, view.project(deck), self._shade(0.86, 0.2))

    def _cabin(self, frame: Pixels, view: View, x: float, z: float) -> None:
        body = self._body
        start = z + (body.nose if self._towards else body.tail)
        end = z + LENGTH - (body.tail if self._towards else body.nose)
        slope = body.slope * (1.15 if self._towards else 1.0)
        low, high, wide, narrow = _DECK - 0.02, body.roof, 0.8, 0.62
        side = -1 if x > 0 else 1
        flank = [(x + side * wide, low, start), (x + side * narrow, high, start + slope)]
        flank += [(x + side * narrow, high, end - slope * 0.8), (x + side * wide, low, end)]
        fill(frame, view.project(flank), self._shade(0.62))
        window = [(x + side * 0.77, low + 0.06, start + 0.3), (x + side * 0.65, high - 0.08, start + slope + 0.1)]
        window += [(x + side * 0.65, high - 0.08, end - slope * 0.8 - 0.1), (x + side * 0.77, low + 0.06, end - 0.3)]
        fill(frame, view.project(window), (62, 54, 46))
        roof = [(x - narrow, high, start + slope), (x + narrow, high, start + slope)]
        roof += [(x + narrow, high, end - slope), (x - narrow, high, end - slope)]
        fill(frame, view.project(roof), self._shade(0.9, 0.22))
        self._glass(frame, view, x, (start, start + slope), (low, high), (wide, narrow))

    def _glass(
        self,
        frame: Pixels,
        view: View,
        x: float,
        depths: tuple[float, float],
        heights: tuple[float, float],
        widths: tuple[float, float],
    ) -> None:
        """Rear window or windscreen in its frame, darker below, with the sky in its upper part."""

        def quad(inset: float, bottom: float, top: float) -> Points:
            corners = []
            for level, side in ((bottom, -1), (bottom, 1), (top, 1), (top, -1)):
                half = widths[0] + (widths[1] - widths[0]) * level - inset
                y = heights[0] + (heights[1] - heights[0]) * level
                corners.append((x + side * half, y, depths[0] + (depths[1] - depths[0]) * level))
            return view.project(corners)

        fill(frame, quad(0.0, 0.0, 1.0), self._shade(0.74, 0.08))
        fill(frame, quad(0.07, 0.09, 0.93), (58, 50, 44))
        for step in range(6):
            low = 0.35 + step * 0.095
            sheen = 66 + step * 15.0
            fill(frame, quad(0.085, low, min(low + 0.1, 0.92)), (sheen * 1.08, sheen, sheen * 0.92))
        for seat in (-0.36, 0.36):
            rest = [(x + seat - 0.13, 0.15), (x + seat + 0.13, 0.15), (x + seat + 0.1, 0.52), (x + seat - 0.1, 0.52)]
            high = heights[1] - heights[0]
            corners = [(px, heights[0] + level * high, depths[0] + 0.3) for px, level in rest]
            fill(frame, view.project(corners), (36, 32, 30))


def _shadow(frame: Pixels, view: View, x: float, z: float) -> None:
    """A soft darkness under and beside the car, since the sun stands high on the left."""
    outline = [(x - 0.95, 0, z - 0.35), (x + 1.25, 0, z - 0.25), (x + 1.3, 0, z + LENGTH), (x - 0.9, 0, z + LENGTH)]
    points = view.project(outline)
    soft = max(round(view.focal * 0.12 / z), 2)
    high, wide = frame.shape[:2]
    left, top = np.maximum(np.floor(points.min(0)).astype(int) - 3 * soft, 0)
    right, bottom = np.minimum(np.ceil(points.max(0)).astype(int) + 3 * soft, (wide, high))
    if left >= right or top >= bottom:
        return
    # Drawn small and enlarged: a shadow has no edges worth the time.
    small = np.full(((bottom - top) // 4 + 1, (right - left) // 4 + 1, 3), 255, np.uint8)
    fill(small, (points - (left, top)) / 4, (84, 82, 80))
    small = cv2.blur(small, (soft // 2 + 1, soft // 2 + 1)).astype(np.uint8)
    shade = cv2.resize(small, (int(right - left), int(bottom - top)), interpolation=cv2.INTER_LINEAR)
    part = frame[top:bottom, left:right]
    cv2.multiply(part, shade, part, scale=1 / 255)


def _draw_face(paint: NDArray[np.float64], text: str, state: str, *, towards: bool) -> Pixels:
    """The rear or the front of a car as uint8 (h, w, 4), the fourth channel its alpha."""
    wide, high = int(WIDTH * _FINE), int(_FACE_HIGH * _FINE)
    share = np.interp(np.linspace(0, 1, high), [0, 0.1, 0.45, 0.5, 1], [1.1, 1.0, 0.84, 0.72, 0.5])
    curve = 1 - 0.28 * np.abs(np.linspace(-1, 1, wide)) ** 5
    face = np.clip(paint * share[:, None, None] * curve[None, :, None], 0, 255).astype(np.uint8)
    pen = _Pen(face)
    if towards:
        _draw_front(pen)
    else:
        _draw_rear(pen, paint)
    plate = draw_plate(text, state=state, width=int(PLATE_WIDTH * _FINE))
    low = (0.36 if towards else 0.58) - _SILL
    top = high - int(low * _FINE) - plate.shape[0]
    left = (wide - plate.shape[1]) // 2
    face[top : top + plate.shape[0], left : left + plate.shape[1]] = plate
    alpha = np.zeros((high, wide), np.uint8)
    outline = [(0.035, 0.0), (0.965, 0.0), (0.99, 0.14), (1.0, 0.42), (1.0, 0.8), (0.97, 1.0), (0.03, 1.0)]
    outline += [(0.0, 0.8), (0.0, 0.42), (0.01, 0.14)]
    corners = np.rint(np.array(outline) * (wide - 1, high - 1)).astype(np.int32)
    cv2.fillPoly(alpha, [corners], 255, cv2.LINE_AA)
    return np.dstack([face, alpha])


class _Pen:
    """Draws on a face in shares of its width and height, mirrored left and right."""

    def __init__(self, face: Pixels) -> None:
        self._face = face

    def both(self, corners: list[tuple[float, float]], colour: Colour) -> None:
        for mirrored in (False, True):
            turned = [(1 - x, y) if mirrored else (x, y) for x, y in corners]
            self.one(turned, colour)

    def one(self, corners: list[tuple[float, float]], colour: Colour) -> None:
        high, wide = self._face.shape[:2]
        points = np.rint(np.array(corners) * (wide, high) * 16).astype(np.int32)
        cv2.fillPoly(self._face, [points], colour, cv2.LINE_AA, 4)


def _bar(left: float, right: float, top: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _draw_rear(pen: _Pen, paint: NDArray[np.float64]) -> None:
    dark = tuple(float(part) for part in paint * 0.42)
    pen.one(_bar(0.335, 0.665, 0.14, 0.58), (dark[0], dark[1], dark[2]))
    pen.both([(0.012, 0.12), (0.24, 0.1), (0.25, 0.3), (0.2, 0.4), (0.008, 0.44)], (30, 24, 120))
    pen.both([(0.022, 0.15), (0.225, 0.13), (0.235, 0.22), (0.018, 0.26)], (52, 42, 214))
    pen.both(_bar(0.15, 0.232, 0.23, 0.31), (206, 208, 214))
    pen.both([(0.03, 0.16), (0.13, 0.15), (0.13, 0.175), (0.03, 0.185)], (150, 140, 246))
    pen.one(_bar(0.02, 0.98, 0.6, 0.615), (dark[0], dark[1], dark[2]))
    pen.one([(0.06, 0.8), (0.94, 0.8), (0.92, 1.0), (0.08, 1.0)], (44, 42, 42))
    pen.both(_bar(0.1, 0.2, 0.72, 0.755), (40, 36, 176))
    pen.both(_bar(0.13, 0.21, 0.9, 0.95), (150, 152, 154))
    pen.one(_bar(0.47, 0.53, 0.05, 0.1), (204, 206, 208))


def _draw_front(pen: _Pen) -> None:
    pen.one([(0.2, 0.2), (0.8, 0.2), (0.75, 0.48), (0.25, 0.48)], (36, 34, 34))
    for row in (0.26, 0.33, 0.4):
        pen.one(_bar(0.24, 0.76, row, row + 0.022), (112, 114, 116))
    pen.one(_bar(0.46, 0.54, 0.25, 0.42), (196, 198, 200))
    pen.both([(0.018, 0.16), (0.2, 0.2), (0.24, 0.42), (0.06, 0.42), (0.012, 0.34)], (90, 88, 86))
    pen.both([(0.03, 0.19), (0.185, 0.22), (0.215, 0.39), (0.07, 0.39)], (224, 228, 226))
    pen.both([(0.075, 0.24), (0.155, 0.26), (0.17, 0.36), (0.085, 0.36)], (250, 255, 255))
    pen.one(_bar(0.02, 0.98, 0.52, 0.53), (60, 58, 58))
    pen.one([(0.16, 0.62), (0.84, 0.62), (0.8, 0.96), (0.2, 0.96)], (40, 38, 38))
    pen.both(_bar(0.05, 0.13, 0.7, 0.78), (206, 210, 212))


def _sprite(face: Pixels) -> Sprite:
    levels = []
    current = face.astype(np.float32)
    current[:, :, :3] *= current[:, :, 3:] / 255
    for _ in range(4):
        rounded = np.clip(np.rint(current), 0, 255).astype(np.uint8)
        rest = np.ascontiguousarray(np.repeat(255 - rounded[:, :, 3:], 3, axis=2))
        levels.append((np.ascontiguousarray(rounded[:, :, :3]), rest))
        half = (max(current.shape[1] // 2, 8), max(current.shape[0] // 2, 8))
        current = np.asarray(cv2.resize(current, half, interpolation=cv2.INTER_AREA), dtype=np.float32)
    return Sprite(levels=tuple(levels))


def _paste(frame: Pixels, sprite: Sprite, corners: Points) -> None:
    """Warp a face onto `corners` (an upright rectangle, clockwise from top left) and lay it over the frame."""
    (left, top), (right, bottom) = corners[0], corners[2]
    high, wide = frame.shape[:2]
    first = np.maximum(np.floor([left, top]).astype(int), 0)
    last = np.minimum(np.ceil([right, bottom]).astype(int) + 1, (wide, high))
    if (first >= last).any():
        return
    larger = [level for level in sprite.levels if level[0].shape[1] >= (right - left) * 0.9]
    colour, rest = larger[-1] if larger else sprite.levels[0]
    across, down = (right - left) / colour.shape[1], (bottom - top) / colour.shape[0]
    # Half a pixel each way keeps the middle of a pixel its middle at every size.
    move = (left - first[0] + across / 2 - 0.5, top - first[1] + down / 2 - 0.5)
    matrix = np.array([[across, 0, move[0]], [0, down, move[1]]])
    size = (int(last[0] - first[0]), int(last[1] - first[1]))
    above = cv2.warpAffine(colour, matrix, size, flags=cv2.INTER_LINEAR)
    keep = cv2.warpAffine(rest, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
    part = frame[first[1] : last[1], first[0] : last[0]]
    cv2.multiply(part, keep, part, scale=1 / 255)
    cv2.add(part, above, part)
