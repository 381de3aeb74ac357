"""The labelled photographs, held in memory so that a training crop costs milliseconds.

Each photograph is kept at full, half and quarter size (a shrunken plate must be antialiased), and a second time with
its plates painted over: the same bumpers, lamps and grilles without a plate are the best negatives there are.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mine import DOUBTFUL, NO_PLATE, Mined
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]

LEVELS = 3
# A plate that fills more of its photograph than this leaves nothing to paint over it with.
LARGEST_PAINTED_SHARE = 0.25


@dataclass(frozen=True)
class Photograph:
    """One photograph and its plates.

    `levels` are BGR pixels at full, half and quarter size; `bare` the same without plates, or nothing. `corners` is
    [plates, 4, 2] in full-size pixels, clockwise. `squashed` photographs lost their aspect ratio. `complete` is false
    where plates are known to be unlabelled; `exact` says per plate whether its box hugs it. `strays` [n, 4] is what a
    detector took for a plate and is none, `doubtful` [n, 4] what may be a plate that nobody labelled.
    """

    source: str
    levels: tuple[Pixels, ...]
    bare: tuple[Pixels, ...] | None
    corners: Points
    squashed: bool
    complete: bool
    exact: NDArray[np.bool_]
    strays: Points
    doubtful: Points


def load_photographs(plates: Path, split: str, *, paint: bool = True, mined: Sequence[Mined] = ()) -> list[Photograph]:
    """Read one split (`train` or `val`) of a folder with `boxes.csv` and `images/`; OSError if a picture is missing."""
    fired: dict[str, list[Mined]] = defaultdict(list)
    for one in mined:
        fired[one.image].append(one)
    rows: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    with (plates / "boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == split:
                rows[row["source"], row["image"]].append(row)
    return [
        _photograph(plates / "images" / image, source, found, paint, fired[image])
        for (source, image), found in rows.items()
    ]


def _photograph(path: Path, source: str, rows: list[dict[str, str]], paint: bool, fired: Sequence[Mined]) -> Photograph:
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise OSError(f"`{path}` is not a readable picture")
    full = np.asarray(pixels, np.uint8)
    turned = _looks_turned(full)
    corners = np.stack([_corners(row) for row in rows])
    bare = _painted(full, corners) if paint else None
    return Photograph(
        source=source,
        levels=_pyramid(full),
        bare=None if bare is None else _pyramid(bare),
        corners=corners,
        squashed=source != "ro-license-plates",
        complete=source != "ro-license-plates",
        exact=np.array([bool(row["qx1"]) or not turned for row in rows]),
        strays=_boxes(one for one in fired if one.plate == NO_PLATE),
        doubtful=_boxes(one for one in fired if one.plate == DOUBTFUL),
    )


def _boxes(mined: Iterable[Mined]) -> Points:
    return np.array([one.box for one in mined], np.float32).reshape(-1, 4)


def _corners(row: dict[str, str]) -> Points:
    """The plate's corners, clockwise: the labelled ones if there are any, else those of its box."""
    if row["qx1"]:
        points = np.array([[float(row[f"q{axis}{i}"]) for axis in "xy"] for i in (1, 2, 3, 4)], np.float32)
        away = points - points.mean(axis=0)
        return points[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]
    x1, y1, x2, y2 = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32)


def _looks_turned(pixels: Pixels) -> bool:
    """Whether the picture was rotated before it was labelled: black wedges in its corners, so loose upright boxes."""
    height, width = pixels.shape[:2]
    patches = [pixels[y : y + 6, x : x + 6] for y in (0, height - 6) for x in (0, width - 6)]
    return sum(int(patch.max()) < 8 for patch in patches) >= 2


def _pyramid(pixels: Pixels) -> tuple[Pixels, ...]:
    levels = [np.ascontiguousarray(pixels)]
    for _ in range(LEVELS - 1):
        height, width = levels[-1].shape[:2]
        half = cv2.resize(
            levels[-1][: height // 2 * 2, : width // 2 * 2], (width // 2, height // 2), interpolation=cv2.INTER_AREA
        )
        levels.append(np.asarray(half, np.uint8))
    return tuple(levels)


def _painted(pixels: Pixels, corners: Points) -> Pixels | None:
    """The picture with its plates inpainted (on a half-size copy; only the patch is pasted back), or nothing."""
    height, width = pixels.shape[:2]
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    sizes = boxes[:, 2:] - boxes[:, :2]
    if (sizes[:, 0] * sizes[:, 1]).sum() > LARGEST_PAINTED_SHARE * height * width:
        return None
    mask = np.zeros((height, width), np.uint8)
    grown = sizes * 0.10 + 3
    for (x1, y1, x2, y2), (dx, dy) in zip(boxes, grown, strict=True):
        cv2.rectangle(mask, (int(x1 - dx), int(y1 - dy)), (int(x2 + dx), int(y2 + dy)), 255, -1)
    small = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    hole = cv2.resize(mask, (width // 2, height // 2), interpolation=cv2.INTER_NEAREST)
    hole = cv2.dilate(hole, np.ones((3, 3), np.uint8))
    filled = cv2.resize(cv2.inpaint(small, hole, 3, cv2.INPAINT_TELEA), (width, height))
    return np.where(mask[..., None] > 0, filled, pixels).astype(np.uint8)
