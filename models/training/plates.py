"""Rendered number plates with known text. Layouts differ in kind, not only in colour: what a plate carries besides its
number (emblems, stacked small letters, slogans, stickers, frames) must not be read: it is drawn but not in the label.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import texts
from fonts import ABOVE, BELOW, CAP, Alphabet, Mask
from marks import (
    SLOGANS,
    STATES,
    Colour,
    Pixels,
    between_groups,
    blue_band,
    bolts,
    border,
    colours,
    emblem,
    foreign_sign,
    frame,
    random_colour,
    sheet,
    slogans,
    small_print,
    stickers,
    wheelchair,
    worn,
)


@dataclass(frozen=True, kw_only=True)
class Press:
    """Renders plates with the given alphabets; every call draws all its chances from the generator it is given."""

    alphabets: tuple[Alphabet, ...]

    def render(self, rng: np.random.Generator) -> tuple[Pixels, str]:
        """One clean plate as uint8 BGR (height, width, 3), and the text that a reader should give (0-9 A-Z only)."""
        return self.drawn(rng)[:2]

    def drawn(self, rng: np.random.Generator) -> tuple[Pixels, str, str]:
        """The same, and the signs among O, 0, I, 1 that its letters draw alike."""
        draw = rng.random()
        if draw < 0.32:
            make, dies = _european, 0.5
        elif draw < 0.37:
            make, dies = _motorcycle, 0.5
        elif draw < 0.41:
            make, dies = _paper, 0.1
        elif draw < 0.47:
            make, dies = _foreign, 0.3
        else:
            make, dies = _american, 0.5
        alphabet = self._alphabet(rng, dies)
        return *make(rng, alphabet), alike(alphabet)

    def _alphabet(self, rng: np.random.Generator, dies: float) -> Alphabet:
        wanted = rng.random() < dies
        chosen = [alphabet for alphabet in self.alphabets if alphabet.die == wanted] or self.alphabets
        return one_shape(rng, chosen[int(rng.integers(len(chosen)))])


def one_shape(rng: np.random.Generator, alphabet: Alphabet) -> Alphabet:
    """The alphabet, often with one shape for O and 0, or for I and 1: then only the text's pattern can tell."""
    masks = dict(alphabet.masks)
    for letter, digit, both in (("O", "0", 0.65), ("I", "1", 0.4)):
        draw = rng.random()
        if draw < both:
            masks[letter] = masks[digit] = masks[digit if draw < 0.7 * both else letter]
    return replace(alphabet, masks=masks)


def alike(alphabet: Alphabet) -> str:
    """Which of O, 0, I, 1 have the same shape as their twin."""
    pairs = [(alphabet.masks[letter], alphabet.masks[digit], letter + digit) for letter, digit in ("O0", "I1")]
    return "".join(both for one, other, both in pairs if np.array_equal(one, other))


def label(text: str) -> str:
    """The characters of a plate text that a reader reports."""
    return "".join(sign for sign in text if sign in texts.DIGITS or sign in texts.ALL_LETTERS)


def _american(rng: np.random.Generator, alphabet: Alphabet) -> tuple[Pixels, str]:
    wide, high = 168, int(rng.choice([84, 84, 84, 80, 90]))
    ground, ink = colours(rng)
    plate = sheet(rng, wide, high, ground)
    text = texts.american(rng)
    left, right = rng.uniform(0.03, 0.09, 2) * wide
    slogans(rng, plate, ink, top=0.9, bottom=0.75)
    if rng.random() < 0.18:
        left += _beside(rng, plate, 0.02 * wide, high, ink, alphabet)
    if rng.random() < 0.12:
        share = rng.uniform(0.1, 0.17) * wide
        right += share
        _beside(rng, plate, wide - right, high, ink, alphabet, share)
    tall = rng.uniform(0.44, 0.66) * high
    middle = high * rng.uniform(0.49, 0.56)
    _line(rng, plate, text, alphabet, (left, middle - tall / 2, wide - left - right, tall), ink)
    if rng.random() < 0.6:
        bolts(rng, plate)
    if rng.random() < 0.4:
        stickers(rng, plate)
    if rng.random() < 0.55:
        border(rng, plate, ink)
    if rng.random() < 0.3:
        frame(rng, plate)
    return worn(rng, plate), label(text)


def _european(rng: np.random.Generator, alphabet: Alphabet) -> tuple[Pixels, str]:
    kind = rng.random()
    if kind < 0.08:
        return _two_lines(rng, alphabet, (108, 84))
    wide, high = (208, 44) if kind < 0.8 else (180, 58)
    ground: Colour = (235, 235, 235) if rng.random() < 0.75 else (40, 190, 235)
    ink: Colour = (25, 22, 20) if rng.random() < 0.85 else random_colour(rng, 0, 110)
    if rng.random() < 0.06:
        ground, ink = (30, 30, 30), (230, 230, 230)
    plate = sheet(rng, wide, high, ground)
    left, right = rng.uniform(0.015, 0.04, 2) * wide
    if kind < 0.8 and rng.random() < 0.75:
        left += blue_band(rng, plate, 0)
    if kind < 0.8 and rng.random() < 0.12:
        right += blue_band(rng, plate, 1)
    if kind >= 0.8:
        small_print(rng, plate, STATES[int(rng.integers(len(STATES)))], (wide / 2, high * 0.12), high * 0.11, ink)
    tall = rng.uniform(0.6, 0.8) * high if kind < 0.8 else rng.uniform(0.55, 0.68) * high
    middle = high * (rng.uniform(0.48, 0.52) if kind < 0.8 else rng.uniform(0.55, 0.6))
    text = texts.european(rng)
    _line(rng, plate, text, alphabet, (left, middle - tall / 2, wide - left - right, tall), ink, seals=True)
    if rng.random() < 0.6:
        border(rng, plate, ink)
    if rng.random() < 0.2:
        frame(rng, plate)
    return worn(rng, plate), label(text)


def _foreign(rng: np.random.Generator, alphabet: Alphabet) -> tuple[Pixels, str]:
    """A plate that begins with a sign of another script, which is not read, then a letter, a dot and the number."""
    wide, high = 200, int(rng.integers(60, 68))
    grounds = [((160, 60, 20), (240, 240, 240)), ((30, 180, 240), (25, 25, 25)), ((235, 235, 235), (25, 25, 25))]
    ground, ink = grounds[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]
    plate = sheet(rng, wide, high, ground)
    tall = rng.uniform(0.58, 0.72) * high
    top = high * rng.uniform(0.46, 0.54) - tall / 2
    left, sign = 0.03 * wide, rng.uniform(0.10, 0.13) * wide
    foreign_sign(rng, plate, (left, top, sign, tall), ink)
    text = texts.filled(
        rng, str(rng.choice(["A 00000", "A A0000", "A AA000", "A 0A000", "A 00A00", "A 0000A", "AA0000"]))
    )
    start = left + sign + rng.uniform(0.01, 0.03) * wide
    _line(rng, plate, text, alphabet, (start, top, 0.97 * wide - start, tall), ink)
    if rng.random() < 0.6:
        border(rng, plate, ink)
    if rng.random() < 0.4:
        bolts(rng, plate)
    return worn(rng, plate), label(text)


def _motorcycle(rng: np.random.Generator, alphabet: Alphabet) -> tuple[Pixels, str]:
    if rng.random() < 0.5:
        return _two_lines(rng, alphabet, (112, 80))
    wide, high = 128, int(rng.integers(74, 92))
    ground, ink = colours(rng)
    plate = sheet(rng, wide, high, ground)
    text = texts.filled(
        rng, str(rng.choice(["00000", "AA000", "A00000", "000AA", "00A00", "AA0000", "0A000", "AAA00"]))
    )
    slogans(rng, plate, ink, top=0.9, bottom=0.5)
    tall = rng.uniform(0.42, 0.6) * high
    _line(rng, plate, text, alphabet, (0.06 * wide, high * 0.52 - tall / 2, 0.88 * wide, tall), ink)
    bolts(rng, plate)
    return worn(rng, plate), label(text)


def _paper(rng: np.random.Generator, alphabet: Alphabet) -> tuple[Pixels, str]:
    """A temporary paper plate: plain, with lines of small print that are not the number."""
    wide, high = 168, 84
    plate = sheet(rng, wide, high, (238, 240, 240))
    ink: Colour = (30, 26, 26)
    text = texts.filled(
        rng, str(rng.choice(["000A000", "A000000", "AA00000", "00000A0", "0000000", "AAA0000", "AA000000"]))
    )
    tall = rng.uniform(0.34, 0.5) * high
    middle = high * rng.uniform(0.45, 0.58)
    for row, share in ((0.1, 0.95), (0.88, 0.9), (0.78, 0.3)):
        if rng.random() < share and abs(row * high - middle) > tall * 0.65:
            words = (
                f"{rng.integers(1, 13)}/{rng.integers(1, 29)}/{rng.integers(2018, 2030)}" if rng.random() < 0.5 else ""
            )
            words = words or SLOGANS[int(rng.integers(len(SLOGANS)))]
            small_print(
                rng, plate, words, (wide * rng.uniform(0.4, 0.6), row * high), high * rng.uniform(0.08, 0.14), ink
            )
    _line(rng, plate, text, alphabet, (0.05 * wide, middle - tall / 2, 0.9 * wide, tall), ink)
    return worn(rng, plate), label(text)


def _two_lines(rng: np.random.Generator, alphabet: Alphabet, size: tuple[int, int]) -> tuple[Pixels, str]:
    wide, high = size
    ground, ink = colours(rng) if rng.random() < 0.4 else ((232, 232, 232), (28, 26, 24))
    plate = sheet(rng, wide, high, ground)
    upper = texts.filled(rng, str(rng.choice(["AA", "AAA", "A 00", "AA 00", "00", "AA00", "A", "AA00A"])))
    lower = texts.filled(rng, str(rng.choice(["0000", "000", "AAA", "00 AA", "AA 000", "A000", "00000", "A0000"])))
    share = rng.uniform(0.36, 0.48)
    _line(rng, plate, upper, alphabet, (0.08 * wide, 0.07 * high, 0.84 * wide, (share - 0.03) * high), ink)
    _line(rng, plate, lower, alphabet, (0.05 * wide, (share + 0.12) * high, 0.9 * wide, (0.8 - share) * high), ink)
    if rng.random() < 0.6:
        border(rng, plate, ink)
    return worn(rng, plate), label(upper + lower)


def _line(
    rng: np.random.Generator,
    plate: Pixels,
    text: str,
    alphabet: Alphabet,
    box: tuple[float, float, float, float],
    ink: Colour,
    *,
    seals: bool = False,
) -> None:
    """Set one line of characters into a box: condensed when too long, spaced or widened when short."""
    x, y, wide, high = box
    scale = high / CAP
    space = CAP * rng.uniform(0.3, 0.6)
    gap = alphabet.gap * rng.uniform(0.7, 1.6)
    # A mark between groups needs room; the dies of one authority all have one width now and then.
    mark = int(rng.integers(1, 6)) if rng.random() < (0.35 if seals else 0.4) else 0
    space *= 1.3 if mark > 2 else 1.0
    inks = [alphabet.masks.get(sign) for sign in text]
    length = sum(space if mask is None else mask.shape[1] + gap for mask in inks) - gap
    stretch = float(np.clip(wide / (length * scale), 0.3, rng.uniform(1.0, 1.5)))
    pen = x + (wide - length * scale * stretch) * (0.5 if rng.random() < 0.8 else rng.random())
    lift = (rng.random() < 0.3) * (2.0 if ink[0] + ink[1] + ink[2] < 380 else -2.0)
    for mask in inks:
        if mask is None:
            between_groups(
                rng, plate, mark, (pen + space * scale * stretch / 2 - gap * scale / 2, y + high / 2), high, ink
            )
            pen += space * scale * stretch
            continue
        if lift:
            _stamp(plate, mask, pen + 0.8, y + 0.8, scale, stretch, _shade(plate, lift))
        _stamp(plate, mask, pen, y, scale, stretch, ink)
        pen += (mask.shape[1] + gap) * scale * stretch


def _shade(plate: Pixels, lift: float) -> Colour:
    ground = plate[plate.shape[0] // 2, 3].astype(int)
    return (int(ground[0] * (0.7 if lift > 0 else 1)), int(ground[1] * 0.7), int(ground[2] * 0.7))


def _stamp(plate: Pixels, mask: Mask, x: float, y: float, scale: float, stretch: float, ink: Colour) -> None:
    """Blend one character's ink in at a place given in fractions of a pixel (top of the capitals, left of the ink)."""
    rows, columns = plate.shape[:2]
    left, top = int(x), int(y - ABOVE * scale)
    wide = int(np.ceil(mask.shape[1] * scale * stretch)) + 2
    high = int(np.ceil((ABOVE + CAP + BELOW) * scale)) + 2
    right, bottom = min(left + wide, columns), min(top + high, rows)
    cut_x, cut_y = max(-left, 0), max(-top, 0)
    if right <= left + cut_x or bottom <= top + cut_y:
        return
    small = mask if scale > 0.7 else cv2.blur(mask, (2, 2))
    warp = np.array([[scale * stretch, 0, x - left], [0, scale, y - ABOVE * scale - top]])
    cover = cv2.warpAffine(small, warp, (wide, high), flags=cv2.INTER_LINEAR)[
        cut_y : bottom - top, cut_x : right - left
    ]
    under = plate[top + cut_y : bottom, left + cut_x : right].astype(np.int16)
    share = ((cover >> 1) + (cover >> 7)).astype(np.int16)[..., None]
    under += (np.array(ink, np.int16) - under) * share >> 7
    plate[top + cut_y : bottom, left + cut_x : right] = under


def _beside(
    rng: np.random.Generator, plate: Pixels, x: float, high: int, ink: Colour, alphabet: Alphabet, share: float = 0.0
) -> float:
    """Draw an emblem, a wheelchair sign or small stacked letters in a strip at `x`; the width it takes."""
    share = share or rng.uniform(0.1, 0.2) * plate.shape[1]
    kind = rng.random()
    middle = (round(x + share / 2), round(high * rng.uniform(0.45, 0.58)))
    if kind < 0.4:
        emblem(rng, plate, middle, round(share * rng.uniform(0.35, 0.5)), random_colour(rng, 0, 230))
    elif kind < 0.55:
        wheelchair(plate, middle, share * 0.42, ink)
    else:
        signs = [texts.ALL_LETTERS[int(rng.integers(26))] for _ in range(int(rng.integers(2, 4)))]
        tall = high * rng.uniform(0.13, 0.22)
        top = middle[1] - tall * 1.25 * len(signs) / 2
        for row, sign in enumerate(signs):
            mask = alphabet.masks[sign]
            scale = tall / CAP
            _stamp(plate, mask, x + share / 2 - mask.shape[1] * scale / 2, top + row * tall * 1.25, scale, 1.0, ink)
    return float(share)
