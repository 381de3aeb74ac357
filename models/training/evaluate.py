"""Measure a model on photographs it never saw, one processor thread, and print one line per score.

    python models/training/evaluate.py detector --model MODEL.onnx --data DIR
    python models/training/evaluate.py reader --model MODEL.onnx --data DIR

DIR holds truth.csv (image, x, y, w, h, plate) beside its photographs, or boxes.csv as for training: then its `val`
photographs are measured, each set into a frame so that its first plate is 4.5 to 14 % of the frame's width.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray
from reads import measure_reader

SCORES = (0.3, 0.5)
LOWEST_SCORE = 0.05
OVERLAP = 0.5
FRAME = (720, 1280)

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """A photograph (BGR) and its plates, [plates, 4] as x1, y1, x2, y2; `read` says the plates' texts."""

    pixels: Pixels
    boxes: Boxes
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What a detector found in a photograph: [n, 4] boxes in its pixels, [n] scores, best first."""

    boxes: Boxes
    scores: NDArray[np.float32]


def samples(folder: Path) -> Iterator[Sample]:
    """The photographs of a folder with truth.csv, or the `val` ones of a folder with boxes.csv; OSError if neither."""
    if (folder / "boxes.csv").exists():
        yield from _framed(folder)
        return
    rows: dict[str, list[dict[str, str]]] = {}
    with (folder / "truth.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["image"], []).append(row)
    for image, found in rows.items():
        path = next(p for p in (folder / image, folder / "images" / image) if p.exists())
        corners = np.array([[float(row[key]) for key in ("x", "y", "w", "h")] for row in found], np.float32)
        corners[:, 2:] += corners[:, :2]
        yield Sample(_read(path), corners, tuple(row["plate"] for row in found))


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
            yield Sample(pixels, boxes, ("",) * len(boxes))
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
        yield Sample(frame, (boxes * np.tile(factor, 2) + [x, y, x, y]).astype(np.float32), ("",) * len(boxes))


class Detector:
    """A detector in the end-to-end form: images [1, 3, h, w] in, rows of batch, x1, y1, x2, y2, class, score out."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]
        self.height, self.width = (int(size) for size in self.input.shape[2:])

    def find(self, pixels: Pixels) -> Found:
        """Plates in a BGR picture of any size."""
        height, width = pixels.shape[:2]
        scale = min(self.height / height, self.width / width)
        size = (round(width * scale), round(height * scale))
        left, top = (self.width - size[0]) // 2, (self.height - size[1]) // 2
        boxed = np.full((self.height, self.width, 3), 114, np.uint8)
        boxed[top : top + size[1], left : left + size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        images = boxed[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        rows = np.asarray(self.session.run(None, {self.input.name: images})[0])
        rows = rows[rows[:, 6] >= LOWEST_SCORE]
        boxes = (rows[:, 1:5] - [left, top, left, top]) * np.tile([width / size[0], height / size[1]], 2)
        return _without_doubles(boxes.astype(np.float32), rows[:, 6])


def _without_doubles(boxes: Boxes, scores: NDArray[np.float32]) -> Found:
    """Keep the best of boxes that overlap by half."""
    order = np.argsort(-scores)
    kept: list[int] = []
    for i in order:
        if not kept or float(overlaps(boxes[i : i + 1], boxes[kept]).max()) < OVERLAP:
            kept.append(int(i))
    return Found(boxes[kept], scores[kept])


def overlaps(ours: Boxes, theirs: Boxes) -> Boxes:
    """Intersection over union of every box of [n, 4] with every box of [m, 4]: [n, m]."""
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (ours, theirs)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9), np.float32)


def count(truth: Boxes, found: Boxes) -> tuple[int, list[float]]:
    """How many found boxes are right, and the overlap of each plate found; a plate counts once, best score first."""
    free = list(range(len(truth)))
    matched: list[float] = []
    for box in found:
        if not free:
            break
        shares = overlaps(box[None], truth[free])[0]
        best = int(np.argmax(shares))
        if shares[best] >= OVERLAP:
            matched.append(float(shares[best]))
            free.pop(best)
    return len(matched), matched


def measure_detector(model: Path, folders: Sequence[Path]) -> None:
    """Print recall at overlap 0.5 and precision at each score, the median overlap, and the median ms a frame."""
    detector = Detector(model)
    for folder in folders:
        results: list[tuple[Boxes, Found]] = []
        spent: list[float] = []
        for sample in samples(folder):
            began = time.perf_counter()
            found = detector.find(sample.pixels)
            spent.append(time.perf_counter() - began)
            results.append((sample.boxes, found))
        plates = sum(len(truth) for truth, _ in results)
        for score in SCORES:
            right, shown, shares = 0, 0, list[float]()
            for truth, found in results:
                boxes = found.boxes[found.scores >= score]
                hits, matched = count(truth, boxes)
                right, shown = right + hits, shown + len(boxes)
                shares += matched
            print(
                f"{model.stem}  {folder.name}  score {score}: recall {100 * right / max(plates, 1):.1f} %"
                f"  precision {100 * right / max(shown, 1):.1f} %  overlap {np.median(shares or [0]):.3f}"
                f"  ({right} of {plates} plates, {shown} boxes)  {1000 * np.median(spent):.1f} ms a frame"
            )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="measure a model on photographs it never saw")
    commands = parser.add_subparsers(dest="command", required=True)
    detector = commands.add_parser("detector", help="recall and precision of a plate detector")
    detector.add_argument("--model", type=Path, required=True)
    detector.add_argument("--data", type=Path, required=True, nargs="+", help="folder with truth.csv or boxes.csv")
    reader = commands.add_parser("reader", help="how many plates a reader gets right on true and on loose boxes")
    reader.add_argument("--model", type=Path, required=True)
    reader.add_argument("--config", type=Path, help="the plate config; by default the .yaml beside the model")
    reader.add_argument("--data", type=Path, required=True, nargs="+", help="folder with truth.csv or boxes.csv")
    reader.add_argument("--reference", type=Path, help="a second reader, whose sure reads are the truth for boxes.csv")
    found = parser.parse_args()
    if found.command == "detector":
        measure_detector(found.model, found.data)
    else:
        measure_reader(found.model, found.config or found.model.with_suffix(".yaml"), found.data, found.reference)


if __name__ == "__main__":
    main()
