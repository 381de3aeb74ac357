"""Labelled photographs to measure on: a folder with truth.csv, or the `val` photographs of a folder with boxes.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from finding import Boxes, Pixels, Sample

from edge.measure.labelled import photographs

FRAME = (720, 1280)
UNLABELLED = Path(__file__).with_name("unlabelled.csv")


def samples(folder: Path) -> Iterator[Sample]:
    """The photographs of a folder with truth.csv, or the `val` ones of one with boxes.csv; ConfigError if neither."""
    if (folder / "boxes.csv").exists():
        yield from _framed(folder)
        return
    for shown in photographs(folder, UNLABELLED):
        yield Sample(shown.pixels, shown.boxes, shown.texts, shown.unlabelled)


def of_crops(folder: Path) -> bool:
    """Whether a folder with truth.csv holds crops of plates, not photographs: nothing can be found in those."""
    truth = folder / "truth.csv"
    return truth.exists() and "w" not in truth.read_text(encoding="utf-8").partition("\n")[0].strip().split(",")


def _boxes_of(rows: list[list[float]]) -> Boxes:
    return np.array(rows, np.float32).reshape(-1, 4)


def _read(path: Path) -> Pixels:
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise OSError(f"`{path}` is not a readable picture")
    return np.asarray(pixels, np.uint8)


def _framed(folder: Path) -> Iterator[Sample]:
    """Validation photographs: squashed ones stretched by 1.4 and shrunk into a grey frame, always the same way."""
    rows: dict[str, list[dict[str, str]]] = {}
    with (folder / "boxes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "val":
                rows.setdefault(row["image"], []).append(row)
    rng = np.random.default_rng(1)
    for image, found in rows.items():
        pixels = _read(folder / "images" / image)
        boxes = np.array([[float(row[key]) for key in ("x1", "y1", "x2", "y2")] for row in found], np.float32)
        share, place = float(np.exp(rng.uniform(np.log(0.045), np.log(0.14)))), rng.random(2)
        if found[0]["source"] == "ro-license-plates":
            yield Sample(pixels, boxes, ("",) * len(boxes), _boxes_of([]), complete=False)
            continue
        size = np.array([pixels.shape[1] * 1.4, pixels.shape[0]])
        wide = (boxes[0, 2] - boxes[0, 0]) * 1.4
        scale = min(share * FRAME[1] / wide, *(np.array([FRAME[1], FRAME[0]]) / size))
        width, height = np.maximum(np.round(size * scale), 8).astype(int)
        factor = np.array([width / pixels.shape[1], height / pixels.shape[0]])
        x, y = (place * [FRAME[1] - width, FRAME[0] - height]).astype(int)
        frame = np.full((*FRAME, 3), 114, np.uint8)
        frame[y : y + height, x : x + width] = cv2.resize(
            pixels, (int(width), int(height)), interpolation=cv2.INTER_AREA
        )
        placed = (boxes * np.tile(factor, 2) + [x, y, x, y]).astype(np.float32)
        yield Sample(frame, placed, ("",) * len(boxes), _boxes_of([]))
