"""What the detector in hand finds in the training photographs: its boxes on labelled plates, and what else it fires on.

    python models/training/mine.py --plates DIR --detector MODEL.onnx --out found.csv

Each photograph is looked at in several sizes, squashed ones stretched first, so that the plates are as small as they
are on a road. Rows: image, x1, y1, x2, y2 in pixels of the photograph, score, and `plate`: the row of the labelled
plate in that photograph that the box lies on, -1 where there is none, -2 where it half lies on one. Who looks at the
boxes without a plate writes -3 where one may be a plate that nobody labelled: it is left out of everything. In
dash-camera frames, where that is common, a box without a plate is -3 until it was looked at. The reader learns from
boxes on plates as crops and from strays as crops without a text, the detector from strays as what is no plate.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from finding import Boxes, Detector, overlaps
from numpy.typing import NDArray

LEAST_SCORE = 0.15
SHARES = (0.06, 0.11, 0.2)
"""Widths that the largest labelled plate gets, as shares of the frame's width."""
FRAME = (720, 1280)
NO_PLATE, PARTLY, DOUBTFUL = -1, -2, -3
ON_A_PLATE, APART = 0.4, 0.05
"""Overlaps above the first lie on a labelled plate; below the second they have nothing to do with one."""


@dataclass(frozen=True, kw_only=True)
class Mined:
    """A box that the detector gave on a photograph, in pixels of it; `plate` is a labelled plate's row or below 0."""

    image: str
    box: tuple[float, float, float, float]
    score: float
    plate: int


def labels_of(plates: Path, split: str) -> dict[str, tuple[str, Boxes]]:
    """Source and labelled boxes of every photograph of a split, by name."""
    found: dict[str, tuple[str, list[list[float]]]] = {}
    with (plates / "boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == split and row["x1"]:
                boxes = found.setdefault(row["image"], (row["source"], []))[1]
                boxes.append([float(row[key]) for key in ("x1", "y1", "x2", "y2")])
    return {image: (source, np.array(boxes, np.float32)) for image, (source, boxes) in found.items()}


def mine(plates: Path, detector: Detector, split: str = "train") -> Iterator[Mined]:
    """Every box above LEAST_SCORE in every photograph of the split, at each of the sizes."""
    rng = np.random.default_rng(1)
    for image, (source, boxes) in labels_of(plates, split).items():
        pixels = np.asarray(cv2.imread(str(plates / "images" / image)), np.uint8)
        largest = float((boxes[:, 2] - boxes[:, 0]).max())
        for share in SHARES:
            stretch = 1.0 if source == "ro-license-plates" else float(rng.uniform(1.2, 1.6))
            frame, factor, shift = framed(pixels, stretch, share * FRAME[1] / (largest * stretch), rng)
            found = detector.find(frame)
            for box, score in zip(found.boxes, found.scores, strict=True):
                if score >= LEAST_SCORE:
                    back = (box - np.tile(shift, 2)) / np.tile(factor, 2)
                    if (back[:2] >= -2).all() and (back[2:] <= np.array(pixels.shape[1::-1]) + 2).all():
                        plate = plate_under(back, boxes)
                        if plate == NO_PLATE and source == "ro-license-plates":
                            plate = DOUBTFUL
                        x1, y1, x2, y2 = (float(side) for side in back)
                        yield Mined(image=image, box=(x1, y1, x2, y2), score=float(score), plate=plate)


def framed(
    pixels: NDArray[np.uint8], stretch: float, scale: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """The photograph stretched and scaled into a grey frame; also the factor and the shift, both as x, y."""
    size = np.array([pixels.shape[1] * stretch, pixels.shape[0]])
    scale = min(scale, 1.8, *(np.array(FRAME[::-1]) / size))
    width, height = np.maximum(np.round(size * scale), 8).astype(int)
    place = (rng.random(2) * [FRAME[1] - width, FRAME[0] - height]).astype(int)
    frame = np.full((*FRAME, 3), 114, np.uint8)
    small = cv2.resize(pixels, (int(width), int(height)), interpolation=cv2.INTER_AREA)
    frame[place[1] : place[1] + height, place[0] : place[0] + width] = small
    return frame, np.array([width / pixels.shape[1], height / pixels.shape[0]]), place.astype(np.float64)


def plate_under(box: NDArray[np.floating], boxes: Boxes) -> int:
    """Row of the labelled plate under a box; NO_PLATE where there is none, PARTLY where it half lies on one."""
    shares = overlaps(np.asarray(box, np.float32)[None], boxes)[0]
    best = int(np.argmax(shares))
    if shares[best] >= ON_A_PLATE:
        return best
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    inside = shared / max(float(np.prod(np.asarray(box[2:]) - np.asarray(box[:2]))), 1e-6)
    return NO_PLATE if float(inside.max()) < APART else PARTLY


def write(rows: Iterator[Mined], out: Path) -> int:
    """Write the rows as CSV; how many there were."""
    count = 0
    with out.open("w", newline="", encoding="utf-8") as file:
        written = csv.writer(file)
        written.writerow(["image", "x1", "y1", "x2", "y2", "score", "plate"])
        for row in rows:
            written.writerow([row.image, *(f"{side:.1f}" for side in row.box), f"{row.score:.3f}", row.plate])
            count += 1
    return count


def read(path: Path) -> list[Mined]:
    """The rows of a file that `write` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Mined(
                image=row["image"],
                box=(float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
                score=float(row["score"]),
                plate=int(row["plate"]),
            )
            for row in csv.DictReader(file)
        ]


def main() -> None:
    """Read the command line, look at every training photograph, write what was found."""
    parser = argparse.ArgumentParser(description="the detector's boxes on the training photographs")
    parser.add_argument("--plates", type=Path, required=True, help="folder with boxes.csv and images/")
    parser.add_argument("--detector", type=Path, required=True, help="ONNX file of the detector in hand")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write, outside the project")
    parser.add_argument("--split", default="train", choices=["train", "val"])
    given = parser.parse_args()
    cv2.setNumThreads(1)
    count = write(mine(given.plates, Detector(given.detector), given.split), given.out)
    print(f"{given.out}: {count} boxes")


if __name__ == "__main__":
    main()
