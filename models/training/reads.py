"""Measures a reader on plates whose text is known, through the class that the daemon uses, on one processor thread.

Exact counts the text as it stands; folded takes O for 0 and I for 1 on both sides, since most plates use one shape for
both and ground truths differ on which to write.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from agreed import SURE, folded, reference_crops
from fast_plate_ocr import LicensePlateRecognizer
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

LOOSE = (-0.05, 0.15)
"""How far a side of a loose box lies outside the true one, as a share of the plate's width or height."""


@dataclass(frozen=True, kw_only=True)
class Plate:
    """A picture (BGR), the plate's box x y w h in it and its text; not `boxed`: the picture is a crop already."""

    picture: Pixels
    box: tuple[float, float, float, float]
    text: str
    boxed: bool


def known_plates(folder: Path, reference: Path | None) -> Iterator[Plate]:
    """The plates of a folder with truth.csv (`image,x,y,w,h,plate`, or `image,...,plate` for crops).

    A folder with boxes.csv has no texts: with a reference reader, the `val` crops that it reads surely are taken.
    """
    if (folder / "boxes.csv").exists():
        if reference is None:
            raise SystemExit(f"{folder}: boxes.csv gives no texts; name a second reader with --reference")
        for crop in reference_crops(folder, "val", reference, SURE):
            rows, columns = crop.crop.shape[:2]
            # Those crops carry a margin of 20 % of the plate on each side, so the plate is 5/7 of the crop.
            box = (columns / 7, rows / 7, columns * 5 / 7, rows * 5 / 7)
            yield Plate(picture=crop.crop, box=box, text=crop.text, boxed=True)
        return
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = next(place for place in (folder / row["image"], folder / "images" / row["image"]) if place.exists())
            picture = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
            boxed = "w" in row
            whole = (0.0, 0.0, float(picture.shape[1]), float(picture.shape[0]))
            x, y, w, h = (float(row[key]) for key in "xywh") if boxed else whole
            yield Plate(picture=picture, box=(x, y, w, h), text=row["plate"].upper(), boxed=boxed)


def crop_of(plate: Plate, margins: NDArray[np.float64]) -> Pixels:
    """The RGB crop of a plate whose sides left, top, right, bottom lie outside the box by these shares of it."""
    x, y, w, h = plate.box
    rows, columns = plate.picture.shape[:2]
    x1, y1 = max(round(x - margins[0] * w), 0), max(round(y - margins[1] * h), 0)
    x2, y2 = min(round(x + w + margins[2] * w), columns), min(round(y + h + margins[3] * h), rows)
    return np.ascontiguousarray(plate.picture[y1:y2, x1:x2, ::-1])


def measure_reader(model: Path, config: Path, folders: list[Path], reference: Path | None) -> None:
    """Print one line per folder: plates, share right (exact, folded) on true and on loose boxes; then the time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    reader = LicensePlateRecognizer(
        onnx_model_path=model, plate_config_path=config, providers=["CPUExecutionProvider"], sess_options=options
    )
    for folder in folders:
        plates = list(known_plates(folder, reference))
        texts = [plate.text for plate in plates]
        line = f"{model.stem} {folder.name}: {len(plates)} plates, true boxes {_score(reader, plates, texts, None)}"
        if all(plate.boxed for plate in plates):
            line += f", loose boxes {_score(reader, plates, texts, np.random.default_rng(1))}"
        print(line, flush=True)
    times = _milliseconds(reader)
    print(
        f"{model.stem}: {times.min():.2f} ms a crop, one thread (least of {len(times)}; median {np.median(times):.2f})"
    )


def _score(
    reader: LicensePlateRecognizer, plates: list[Plate], texts: list[str], rng: np.random.Generator | None
) -> str:
    margins = rng.uniform(*LOOSE, (len(plates), 4)) if rng else np.zeros((len(plates), 4))
    seen = [reader.run(crop_of(plate, sides))[0].plate for plate, sides in zip(plates, margins, strict=True)]
    pairs = list(zip(seen, texts, strict=True))
    exact = sum(a == b for a, b in pairs) / max(len(pairs), 1)
    same = sum(folded(a) == folded(b) for a, b in pairs) / max(len(pairs), 1)
    return f"{100 * exact:.1f} exact {100 * same:.1f} folded"


def _milliseconds(reader: LicensePlateRecognizer) -> NDArray[np.float64]:
    crop = np.random.default_rng(1).integers(0, 256, (70, 140, 3)).astype(np.uint8)
    times = []
    for _ in range(220):
        before = time.perf_counter()
        reader.run(crop)
        times.append(time.perf_counter() - before)
    return np.array(times[20:]) * 1000
