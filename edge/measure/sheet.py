"""A contact sheet of the errors: plates not found, misread, and boxes where no plate is. It shows plates: keep it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from edge.measure.labelled import Photograph
from edge.measure.looks import Look, SeenPlate, folded
from edge.values import Box, Pixels
from edge.vision.reader import cut_out

MOST = 240
"""Errors shown; the first ones of each kind come first."""
_CELL = (232, 150)
_PICTURE = (220, 96)
_COLUMNS = 6
_AROUND = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One error: what it shows, its kind, and what is said of it."""

    kind: str
    shows: Pixels = field(repr=False)
    words: tuple[str, ...] = field(repr=False)


def wrong(shown: Photograph, look: Look) -> list[Wrong]:
    """The errors of one photograph."""
    errors = []
    for plate in look.plates:
        found = _of_plate(plate, look)
        if found is not None:
            kind, said = found
            errors.append(Wrong(kind=kind, shows=_crop(shown.pixels, plate.box, look.boxed), words=(*said, look.name)))
    for stray in look.strays:
        words = (f"no plate: {stray.reading.text} {stray.joint:.2f}", "", look.name)
        errors.append(Wrong(kind="stray", shows=_crop(shown.pixels, stray.box, True), words=words))
    return errors


def _of_plate(plate: SeenPlate, look: Look) -> tuple[str, tuple[str, str]] | None:
    """The kind of the error and two lines on it, or None. `only in its box`: out of the labelled one it is right."""
    if look.boxed and not plate.found:
        return "missed", ("not found", plate.text)
    reading = plate.best.reading if plate.best is not None else plate.on_truth
    if not plate.text or reading is None or folded(reading.text) == folded(plate.text):
        return None
    on_truth = plate.on_truth is not None and folded(plate.on_truth.text) == folded(plate.text)
    where = "misread" if not on_truth else "only in its box"
    return "misread", (f"is {plate.text}", f"{where}: {reading.text} {reading.confidence:.2f}")


def sheet(errors: Sequence[Wrong]) -> Pixels:
    """All errors in cells, missed ones first, height x width x 3, BGR; one blank cell when there are none."""
    kinds = ("missed", "misread", "stray")
    shown = sorted(errors, key=lambda one: kinds.index(one.kind))[:MOST]
    lines = max(1, -(-len(shown) // _COLUMNS))
    page = np.full((lines * _CELL[1], _COLUMNS * _CELL[0], 3), 246, np.uint8)
    for number, one in enumerate(shown):
        left, top = number % _COLUMNS * _CELL[0] + 6, number // _COLUMNS * _CELL[1] + 4
        small = _fitted(one.shows)
        page[top : top + small.shape[0], left : left + small.shape[1]] = small
        for row, words in enumerate(one.words):
            at = (left, top + _PICTURE[1] + 14 + 14 * row)
            cv2.putText(page, words[:36], at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (40, 40, 40), 1, cv2.LINE_AA)
    return page


def _crop(pixels: Pixels, box: Box, boxed: bool) -> Pixels:
    return cut_out(pixels, box, margin=_AROUND if boxed else 0.0)


def _fitted(pixels: Pixels) -> Pixels:
    high, wide = pixels.shape[:2]
    scale = min(_PICTURE[0] / wide, _PICTURE[1] / high)
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
