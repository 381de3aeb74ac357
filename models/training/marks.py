"""What plates carry besides their number: emblems, small print, stickers, bolts, borders, frames, dirt. A reader must
learn to leave all of it out.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Colour = tuple[int, int, int]


def _named(words: str) -> tuple[str, ...]:
    return tuple(words.replace("\n", " ").split(", "))


STATES = _named(
    """ALABAMA, ALASKA, ARIZONA, ARKANSAS, California, COLORADO, CONNECTICUT, DELAWARE, FLORIDA, GEORGIA, HAWAII, IDAHO,
ILLINOIS, INDIANA, IOWA, KANSAS, KENTUCKY, LOUISIANA, MAINE, MARYLAND, Massachusetts, Michigan, MINNESOTA, MISSISSIPPI,
MISSOURI, MONTANA, NEBRASKA, NEVADA, NEW HAMPSHIRE, NEW JERSEY, NEW MEXICO, NEW YORK, NORTH CAROLINA, OHIO, OKLAHOMA,
ONTARIO, Oregon, PENNSYLVANIA, SOUTH DAKOTA, TENNESSEE, TEXAS, UTAH, VERMONT, VIRGINIA, WASHINGTON, WEST VIRGINIA,
WISCONSIN, WYOMING"""
)
SLOGANS = _named(
    """SUNSHINE STATE, LAND OF LINCOLN, GREAT LAKES, THE LONE STAR STATE, EMPIRE STATE, GARDEN STATE, LIVE FREE,
SHOW ME, FIRST IN FLIGHT, www.example.gov, SPORTSMAN, VETERAN, UNIVERSITY, DISABLED, GRAND CANYON STATE, 10000 LAKES,
PEACH STATE, DEC, COUNTY, TREASURE STATE, EVERGREEN STATE, WILD WONDERFUL, THE SPIRIT, TRUCK, NATURALLY, CENTENNIAL,
HEART OF DIXIE, APPORTIONED"""
)
_SMALL_FACES = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
)
_SCRIPT = (cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX)


def between_groups(
    rng: np.random.Generator, plate: Pixels, kind: int, at: tuple[float, float], high: float, ink: Colour
) -> None:
    """What stands between two groups: nothing, a dash, a dot, a seal, a star or the outline of a state."""
    x, y = round(at[0]), round(at[1])
    size = max(round(high * rng.uniform(0.1, 0.17)), 2)
    if kind == 1:
        cv2.line(plate, (x - size // 2, y), (x + size // 2, y), ink, max(size // 2, 2), cv2.LINE_AA)
    elif kind == 2:
        cv2.circle(plate, (x, y), max(size // 2, 1), ink, -1, cv2.LINE_AA)
    elif kind == 3:
        for offset in (-size, size):
            cv2.circle(plate, (x, y + offset), size, random_colour(rng, 40, 220), -1, cv2.LINE_AA)
    elif kind >= 4:
        emblem(rng, plate, (x, y), round(size * 1.6), ink if rng.random() < 0.5 else random_colour(rng, 0, 230))


def emblem(rng: np.random.Generator, plate: Pixels, at: tuple[int, int], size: int, colour: Colour) -> None:
    """A filled shape that is no character: a star, a blob like a state's outline, a disc with a mark in it."""
    corners = int(rng.choice([5, 7, 9, 11]))
    turns = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False) + rng.random()
    reach = (
        np.where(np.arange(2 * corners) % 2, rng.uniform(0.4, 0.7), 1.0)
        if rng.random() < 0.4
        else rng.uniform(0.55, 1, 2 * corners)
    )
    points = np.stack([np.cos(turns) * reach, np.sin(turns) * reach], 1) * size + at
    fill = -1 if rng.random() < 0.75 else 1
    if rng.random() < 0.3:
        cv2.circle(plate, at, size, colour, fill, cv2.LINE_AA)
    elif fill < 0:
        cv2.fillPoly(plate, [np.rint(points).astype(np.int32)], colour, cv2.LINE_AA)
    else:
        cv2.polylines(plate, [np.rint(points).astype(np.int32)], True, colour, 1, cv2.LINE_AA)
    if rng.random() < 0.35:
        cv2.circle(plate, at, max(size // 2, 1), random_colour(rng, 0, 250), -1, cv2.LINE_AA)


def foreign_sign(rng: np.random.Generator, plate: Pixels, box: tuple[float, float, float, float], ink: Colour) -> None:
    """A sign of another script, as some countries put first: a few strokes in a square, none of 0-9 A-Z."""
    x, y, wide, high = box
    thick = max(round(high * rng.uniform(0.06, 0.11)), 1)
    for _ in range(int(rng.integers(5, 12))):
        (ax, ay), (bx, by) = rng.uniform(0.04, 0.96, (2, 2))
        kind = rng.random()
        if kind < 0.42:
            by = ay
        elif kind < 0.78:
            bx = ax
        ends = [(round(x + px * wide), round(y + py * high)) for px, py in ((ax, ay), (bx, by))]
        cv2.line(plate, ends[0], ends[1], ink, thick, cv2.LINE_AA)


def wheelchair(plate: Pixels, at: tuple[int, int], size: float, ink: Colour) -> None:
    if ink[0] < 128:
        cv2.rectangle(
            plate,
            (round(at[0] - size), round(at[1] - size)),
            (round(at[0] + size), round(at[1] + size)),
            (170, 80, 20),
            -1,
        )
        ink = (245, 245, 245)
    for path in (((0, -0.5), (0, 0.1), (0.45, 0.15), (0.6, 0.65)), ((0, -0.2), (0.4, -0.2))):
        points = np.rint(np.array(path) * size + at).astype(np.int32)
        cv2.polylines(plate, [points], False, ink, max(round(size * 0.16), 1), cv2.LINE_AA)
    cv2.circle(plate, (at[0], round(at[1] - 0.75 * size)), max(round(size * 0.16), 1), ink, -1, cv2.LINE_AA)
    cv2.ellipse(
        plate,
        (at[0], round(at[1] + 0.3 * size)),
        (round(size * 0.45),) * 2,
        0,
        20,
        230,
        ink,
        max(round(size * 0.14), 1),
        cv2.LINE_AA,
    )


def slogans(rng: np.random.Generator, plate: Pixels, ink: Colour, *, top: float, bottom: float) -> None:
    high, wide = plate.shape[:2]
    colour = ink if rng.random() < 0.5 else random_colour(rng, 0, 200)
    if rng.random() < top:
        small_print(
            rng,
            plate,
            STATES[int(rng.integers(len(STATES)))],
            (wide / 2, high * rng.uniform(0.09, 0.14)),
            high * rng.uniform(0.1, 0.17),
            colour,
        )
    if rng.random() < bottom:
        words = SLOGANS[int(rng.integers(len(SLOGANS)))]
        small_print(
            rng,
            plate,
            words,
            (wide * rng.uniform(0.42, 0.58), high * rng.uniform(0.88, 0.93)),
            high * rng.uniform(0.06, 0.11),
            colour,
        )


def small_print(
    rng: np.random.Generator, plate: Pixels, words: str, middle: tuple[float, float], high: float, ink: Colour
) -> None:
    """Small print centred at a point, its capitals `high` pixels tall."""
    faces = _SCRIPT if rng.random() < 0.15 and words != words.upper() else _SMALL_FACES
    face = faces[int(rng.integers(len(faces)))]
    thick = 1 if high < 9 or rng.random() < 0.4 else 2
    (length, _), _ = cv2.getTextSize(words, face, 1.0, thick)
    scale = min(high / 21.0, plate.shape[1] * 0.8 / length)
    at = (round(middle[0] - length * scale / 2), round(middle[1] + high / 2))
    cv2.putText(plate, words, at, face, scale, ink, thick, cv2.LINE_AA)


def blue_band(rng: np.random.Generator, plate: Pixels, side: int) -> float:
    high, wide = plate.shape[:2]
    share = round(wide * rng.uniform(0.06, 0.09))
    x = 0 if side == 0 else wide - share
    cv2.rectangle(
        plate,
        (x, 0),
        (x + share, high),
        (int(rng.integers(120, 200)), int(rng.integers(40, 90)), int(rng.integers(0, 40))),
        -1,
    )
    cv2.circle(plate, (x + share // 2, round(high * 0.32)), max(share // 3, 2), (40, 210, 240), 1, cv2.LINE_AA)
    country = str(rng.choice(["D", "F", "RO", "PL", "E", "I", "NL", "GB", "CZ", "H", "A", "B", "P", "SK", "HR", "LT"]))
    small_print(rng, plate, country, (x + share / 2, high * 0.76), high * 0.2, (240, 240, 240))
    return share


def colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Ground and ink of an American plate; the two always differ clearly in brightness."""
    draw = rng.random()
    if draw < 0.62:
        return random_colour(rng, 190, 255), random_colour(rng, 0, 110)
    if draw < 0.8:
        ground = ((90, 210, 240), (60, 190, 235), (190, 225, 235), (235, 215, 180), (190, 160, 235))[
            int(rng.integers(5))
        ]
        return ground, random_colour(rng, 0, 90)
    if draw < 0.93:
        return random_colour(rng, 0, 110), random_colour(rng, 195, 255)
    ground = random_colour(rng, 60, 200)
    bright = sum(ground) > 400
    return ground, (random_colour(rng, 0, 50) if bright else random_colour(rng, 210, 255))


def random_colour(rng: np.random.Generator, low: int, high: int) -> Colour:
    base = rng.integers(low, high)
    drift = (
        np.clip(base + rng.integers(-45, 46, 3), low, high - 1) if rng.random() < 0.7 else rng.integers(low, high, 3)
    )
    return (int(drift[0]), int(drift[1]), int(drift[2]))


def sheet(rng: np.random.Generator, wide: int, high: int, ground: Colour) -> Pixels:
    plate = np.empty((high, wide, 3), np.uint8)
    plate[:] = ground
    if rng.random() < 0.35:
        other = np.clip(np.array(ground) + rng.integers(-70, 71, 3), 0, 255)
        rise = np.clip(np.linspace(rng.uniform(-1, 0.5), rng.uniform(0.5, 2), high), 0, 1)[:, None, None]
        plate[:] = (1 - rise) * plate + rise * other
    if rng.random() < 0.2:
        for _ in range(int(rng.integers(1, 5))):
            near = np.clip(np.array(ground) + rng.integers(-45, 46, 3), 0, 255)
            colour = (int(near[0]), int(near[1]), int(near[2]))
            emblem(rng, plate, (int(rng.integers(wide)), int(rng.integers(high))), int(rng.integers(8, 45)), colour)
    return plate


def bolts(rng: np.random.Generator, plate: Pixels) -> None:
    high, wide = plate.shape[:2]
    inset, size = rng.uniform(0.1, 0.22) * wide, int(rng.integers(2, 4))
    colour = random_colour(rng, 20, 220)
    for x in (inset, wide - inset):
        for y in (0.1, 0.9) if rng.random() < 0.6 else (0.1,):
            cv2.circle(plate, (round(x), round(y * high)), size, colour, -1, cv2.LINE_AA)


def stickers(rng: np.random.Generator, plate: Pixels) -> None:
    """Registration stickers with tiny print in one or more corners."""
    high, wide = plate.shape[:2]
    for _ in range(int(rng.integers(1, 3))):
        w, h = int(wide * rng.uniform(0.07, 0.13)), int(high * rng.uniform(0.1, 0.19))
        x = int(rng.choice([2, wide - w - 2, wide * 0.12, wide * 0.8]))
        y = int(rng.choice([2, high - h - 2]))
        cv2.rectangle(plate, (x, y), (x + w, y + h), random_colour(rng, 30, 250), -1)
        small_print(
            rng, plate, f"{rng.integers(1, 30):02d}", (x + w / 2, y + h / 2), h * 0.6, random_colour(rng, 0, 90)
        )


def border(rng: np.random.Generator, plate: Pixels, ink: Colour) -> None:
    high, wide = plate.shape[:2]
    inset = int(rng.integers(0, 4))
    cv2.rectangle(
        plate, (inset, inset), (wide - 1 - inset, high - 1 - inset), ink, int(rng.integers(1, 3)), cv2.LINE_AA
    )


def frame(rng: np.random.Generator, plate: Pixels) -> None:
    """A dealer's frame over the edges of the plate, often with print of its own."""
    high, wide = plate.shape[:2]
    colour = random_colour(rng, 0, 70) if rng.random() < 0.6 else random_colour(rng, 120, 240)
    top, bottom = int(high * rng.uniform(0.04, 0.15)), int(high * rng.uniform(0.04, 0.15))
    side = int(wide * rng.uniform(0.01, 0.03))
    plate[:top], plate[high - bottom :], plate[:, :side], plate[:, wide - side :] = colour, colour, colour, colour
    if rng.random() < 0.6 and bottom > 5:
        light = (230, 230, 230) if sum(colour) < 380 else (30, 30, 30)
        words = SLOGANS[int(rng.integers(len(SLOGANS)))]
        small_print(rng, plate, words, (wide / 2, high - bottom / 2), bottom * 0.6, light)


def worn(rng: np.random.Generator, plate: Pixels) -> Pixels:
    """Dirt, scratches and rust on some plates."""
    high, wide = plate.shape[:2]
    if rng.random() < 0.2:
        for _ in range(int(rng.integers(2, 14))):
            at = (int(rng.integers(wide)), int(rng.integers(high)))
            cv2.circle(plate, at, int(rng.integers(1, 4)), random_colour(rng, 30, 150), -1, cv2.LINE_AA)
    if rng.random() < 0.1:
        ends = rng.integers(0, (wide, high), (2, 2))
        cv2.line(plate, tuple(map(int, ends[0])), tuple(map(int, ends[1])), random_colour(rng, 60, 220), 1, cv2.LINE_AA)
    if rng.random() < 0.15:
        cloud = cv2.resize(rng.uniform(0.6, 1.0, (3, 6)).astype(np.float32), (wide, high))
        plate = np.asarray(plate * cloud[..., None], dtype=np.uint8)
    return plate
