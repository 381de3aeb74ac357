"""One clean American number plate, drawn by code alone; the demo, the models' self-test and the tests use it."""

from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np

from edge.road.glyphs import Pixels, draw_text

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """The colours (BGR) and words of one state's plate; the ground runs from `top` to `bottom`."""

    top: Colour
    bottom: Colour
    characters: Colour
    words: Colour
    slogan: str


SCHEMES = {
    "ILLINOIS": Scheme(
        top=(238, 214, 186),
        bottom=(250, 246, 242),
        characters=(52, 40, 176),
        words=(120, 62, 24),
        slogan="LAND OF LINCOLN",
    ),
    "INDIANA": Scheme(
        top=(242, 240, 238), bottom=(246, 228, 206), characters=(112, 56, 28), words=(112, 56, 28), slogan="CROSSROADS"
    ),
    "WISCONSIN": Scheme(
        top=(246, 246, 246),
        bottom=(240, 242, 244),
        characters=(34, 30, 30),
        words=(40, 36, 180),
        slogan="AMERICA'S DAIRYLAND",
    ),
    "MICHIGAN": Scheme(
        top=(176, 104, 44),
        bottom=(246, 244, 242),
        characters=(124, 60, 20),
        words=(248, 248, 248),
        slogan="PURE MICHIGAN",
    ),
    "IOWA": Scheme(
        top=(250, 230, 200),
        bottom=(246, 246, 244),
        characters=(36, 32, 32),
        words=(120, 70, 20),
        slogan="FIELDS OF OPPORTUNITY",
    ),
    "MISSOURI": Scheme(
        top=(248, 238, 226),
        bottom=(250, 250, 248),
        characters=(140, 76, 30),
        words=(60, 40, 170),
        slogan="SHOW-ME STATE",
    ),
}
_PLAIN = Scheme(top=(246, 246, 244), bottom=(240, 238, 236), characters=(110, 44, 24), words=(110, 44, 24), slogan="")

_FINE = 3
"""The plate is drawn this many times larger and shrunk, so that every edge is smooth."""


def draw_plate(text: str, *, state: str = "ILLINOIS", width: int = 320) -> Pixels:
    """A clean plate as uint8 BGR of shape (width // 2, width, 3), at least 40 pixels wide.

    `text` is set in capitals; without a space in it, letters and digits are set as groups. An unknown `state` gets a
    plain blue on white plate with its name. The corners outside the rounded plate are dark grey.
    """
    if width < 40:
        raise ValueError(f"a plate is at least 40 pixels wide, not `{width}`")
    scheme = SCHEMES.get(state.upper(), _PLAIN)
    wide, high = width * _FINE, width // 2 * _FINE
    unit = wide / 320
    plate = _ground(scheme, wide, high)
    _letter(plate, scheme, state, text, unit)
    _bolts(plate, unit)
    edge = max(round(3 * unit), 1)
    _rounded_rectangle(plate, round(4 * unit), round(14 * unit), scheme.characters, edge)
    outside = np.zeros((high, wide), np.uint8)
    _rounded_rectangle(outside, 0, round(17 * unit), (255, 255, 255), -1)
    plate[outside == 0] = (58, 58, 60)
    shrunk = cv2.resize(plate, (width, width // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, dtype=np.uint8)


def _ground(scheme: Scheme, wide: int, high: int) -> Pixels:
    """The colour runs from top to bottom within the upper half, as on printed sheeting."""
    share = np.clip(np.linspace(0.0, 1.8, high), 0.0, 1.0)[:, None]
    column = np.array(scheme.top) * (1 - share) + np.array(scheme.bottom) * share
    return np.ascontiguousarray(np.broadcast_to(column[:, None, :], (high, wide, 3))).astype(np.uint8)


def _letter(plate: Pixels, scheme: Scheme, state: str, text: str, unit: float) -> None:
    draw_text(plate, state, _box(70, 10, 180, 17, unit), round(3 * unit), scheme.words)
    draw_text(plate, scheme.slogan, _box(78, 141, 164, 9, unit), round(1.6 * unit), scheme.characters)
    line = text if " " in text else _grouped(text)
    body = _box(20, 40, 280, 86, unit)
    # A faint lower edge makes the characters look pressed out of the sheet.
    shade = (body[0] + 1.6 * unit, body[1] + 1.6 * unit, body[2], body[3])
    pale = (scheme.bottom[0] * 4 // 5, scheme.bottom[1] * 4 // 5, scheme.bottom[2] * 4 // 5)
    draw_text(plate, line, shade, round(11.5 * unit), pale)
    draw_text(plate, line, body, round(11.5 * unit), scheme.characters)


def _grouped(text: str) -> str:
    return " ".join("".join(run) for _, run in groupby(text, str.isdigit))


def _box(x: float, y: float, wide: float, high: float, unit: float) -> tuple[float, float, float, float]:
    return (x * unit, y * unit, wide * unit, high * unit)


def _bolts(plate: Pixels, unit: float) -> None:
    for x in (46, 274):
        for y in (19, 144):
            centre = (round(x * unit), round(y * unit))
            cv2.circle(plate, centre, round(6 * unit), (120, 122, 124), -1, cv2.LINE_AA)
            cv2.circle(plate, centre, round(4.6 * unit), (176, 180, 182), -1, cv2.LINE_AA)
            reach = round(3 * unit)
            slot = ((centre[0] - reach, centre[1] - reach), (centre[0] + reach, centre[1] + reach))
            cv2.line(plate, slot[0], slot[1], (96, 98, 100), max(round(1.4 * unit), 1), cv2.LINE_AA)


def _rounded_rectangle(canvas: Pixels, inset: int, radius: int, colour: Colour, thickness: int) -> None:
    high, wide = canvas.shape[:2]
    low, right, bottom = inset + radius, wide - 1 - inset - radius, high - 1 - inset - radius
    turns = (((right, bottom), 0), ((low, bottom), 90), ((low, low), 180), ((right, low), 270))
    points = [cv2.ellipse2Poly(centre, (radius, radius), 0, turn, turn + 90, 6) for centre, turn in turns]
    outline = np.concatenate(points).astype(np.int32)
    if thickness < 0:
        cv2.fillPoly(canvas, [outline], colour, cv2.LINE_AA)
    else:
        cv2.polylines(canvas, [outline], True, colour, thickness, cv2.LINE_AA)
