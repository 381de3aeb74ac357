"""A folder of photographs with a truth.csv that says where the plates are and what they say; or of crops of plates.

Columns: `image,x,y,w,h,plate` in pixels, one line a plate, or `image,plate` for crops; further columns are left alone.
A photograph without plates is one line whose x is empty. An empty `plate` has a place and no known text.
"""

import contextlib
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge.capture.pictures import image_in
from edge.disk import why
from edge.errors import ConfigError
from edge.measure.overlaps import Boxes
from edge.values import Pixels

TRUTH, UNLABELLED = "truth.csv", "unlabelled.csv"
_PLACE = ("x", "y", "w", "h")
_CORNERS = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A picture (BGR) and its plates: boxes [n, 4] as x1, y1, x2, y2, with their texts where these are known.

    `unlabelled` [m, 4] are plates that truth.csv leaves out: a box on them is neither right nor wrong. Where more of
    them are likely it is not `complete` and says nothing about precision. `boxed` is false for a crop of a plate.
    """

    name: str
    pixels: Pixels = field(repr=False)
    boxes: Boxes
    texts: tuple[str, ...] = field(repr=False)
    unlabelled: Boxes
    complete: bool = True
    boxed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One line of truth.csv."""

    number: int
    image: str
    place: tuple[float, float, float, float] | None
    text: str = field(repr=False)


def photographs(folder: Path, unlabelled: Path | None = None) -> Iterator[Photograph]:
    """The photographs of a labelled folder, one by one in the order of truth.csv. Raises ConfigError.

    `unlabelled` is a file of further plates, image,x,y,w,h or image,x1,y1,x2,y2; by default unlabelled.csv in the
    folder, if there is one. Where it has a column `folder`, the lines of this folder's name count.
    """
    boxed, lines = _lines(folder / TRUTH, _PLACE)
    left_out = unlabelled or folder / UNLABELLED
    excused = _excused(left_out, folder) if unlabelled is not None or left_out.exists() else []
    known: dict[str, list[_Line]] = {}
    for line in lines:
        known.setdefault(line.image, []).append(line)
    for image, found in known.items():
        pixels = picture(folder, image, line=found[0].number)
        if not boxed:
            for line in found:
                yield crop(image, pixels, line.text)
            continue
        placed = [_inside(line, pixels, folder) for line in found if line.place is not None]
        yield Photograph(
            name=image,
            pixels=pixels,
            boxes=_corners(placed),
            texts=tuple(line.text for line in placed),
            unlabelled=_corners([line for line in excused if line.image == image and line.place is not None]),
        )


def crop(name: str, pixels: Pixels, text: str) -> Photograph:
    """A picture that is one plate and nothing else."""
    whole = np.array([[0, 0, pixels.shape[1], pixels.shape[0]]], np.float32)
    none = np.zeros((0, 4), np.float32)
    return Photograph(name=name, pixels=pixels, boxes=whole, texts=(text,), unlabelled=none, boxed=False)


def picture(folder: Path, image: str, *, line: int) -> Pixels:
    """A picture of the folder, or of its `images/`, as BGR. Raises ConfigError.

    One that is not there is known by the `line` of truth.csv: where columns are swapped its name is a plate.
    """
    for path in (folder / image, folder / "images" / image):
        if _is_file(path):
            return _decoded(path)
    raise ConfigError(f"`{folder / TRUTH}`: line {line} names a picture that is not in that folder")


def _decoded(path: Path) -> Pixels:
    with contextlib.suppress(OSError):
        pixels = image_in(path)
        if pixels is not None:
            return pixels
    raise ConfigError(f"`{path}`: is no picture that can be read; save it as JPEG or PNG")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have, too long say
        return False


def signs(text: str) -> str:
    """A plate's text as readers give it: capitals and digits alone."""
    return "".join(sign for sign in text.upper() if sign.isascii() and sign.isalnum())


Row = dict[str, str | None]


def _lines(path: Path, place: tuple[str, ...]) -> tuple[bool, list[_Line]]:
    """Whether the lines have places, and the lines."""
    columns, found = _rows(path)
    boxed = bool(columns & set(place))
    if missing := sorted({"image", "plate", *(place if boxed else ())} - columns):
        raise ConfigError(f"`{path}`: has no column `{missing[0]}`; it needs image,x,y,w,h,plate or image,plate")
    return boxed, [_line(path, number, row, place if boxed else ()) for number, row in found]


def _excused(path: Path, folder: Path) -> list[_Line]:
    columns, found = _rows(path)
    place = _CORNERS if "x1" in columns else _PLACE
    if missing := sorted({"image", *place} - columns):
        raise ConfigError(f"`{path}`: has no column `{missing[0]}`; it needs image,x,y,w,h")
    name = folder.resolve().name
    return [_line(path, number, row, place) for number, row in found if row.get("folder", name) == name]


def _rows(path: Path) -> tuple[set[str], list[tuple[int, Row]]]:
    """The columns of a CSV, and its lines with their numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, strict=True)
            return set(table.fieldnames or ()), [(table.line_num, row) for row in table]
    except OSError as error:
        raise ConfigError(f"`{path}`: cannot be read ({why(error)}); name a folder that holds truth.csv") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"`{path}`: is no CSV text in UTF-8, its quotation marks closed ({error})") from error


def _line(path: Path, number: int, row: Row, place: tuple[str, ...]) -> _Line:
    """`place`: the columns of its place, none for a crop."""
    image, text = (row.get("image") or "").strip(), signs(row.get("plate") or "")
    if not image:
        raise ConfigError(f"`{path}`: line {number} names no image")
    if not place or not (row.get(place[0]) or "").strip():
        return _Line(number=number, image=image, place=None, text=text)
    try:
        x1, y1, x2, y2 = (float(row.get(key) or "") for key in place)
    except ValueError:
        raise ConfigError(f"`{path}`: line {number}: {', '.join(place)} must be numbers") from None
    if place == _PLACE:
        x2, y2 = x1 + x2, y1 + y2
    if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 <= x1 or y2 <= y1:
        raise ConfigError(f"`{path}`: line {number}: the box must be wider and higher than nothing")
    return _Line(number=number, image=image, place=(x1, y1, x2, y2), text=text)


def _inside(line: _Line, pixels: Pixels, folder: Path) -> _Line:
    """The line, if at least a part of its box lies in the picture."""
    high, wide = pixels.shape[:2]
    if line.place is None or not (line.place[0] < wide and line.place[1] < high and min(line.place[2:]) > 0):
        raise ConfigError(f"`{folder / TRUTH}`: a box of `{line.image}` lies outside that picture")
    return line


def _corners(lines: list[_Line]) -> Boxes:
    return np.array([line.place for line in lines], np.float32).reshape(-1, 4)
