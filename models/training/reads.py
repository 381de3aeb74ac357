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
import onnxruntime  # type: ignore[import-untyped]
from agreed import folded
from calibration import calibration_error, draw_chart
from fast_plate_ocr import LicensePlateRecognizer
from numpy.typing import NDArray
from shelf import Shelf

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
    kind: str = ""
    """The source of a training photograph, or the state that issued the plate, where the folder tells."""


def known_plates(folder: Path, reference: Path | None, typed: Path | None = None) -> Iterator[Plate]:
    """The plates of a folder with truth.csv (`image,x,y,w,h,plate`, or `image,...,plate` for crops).

    A folder with boxes.csv has no texts: of its `val` crops those are taken whose text was typed, and, with a reference
    reader, those that it reads surely.
    """
    if (folder / "boxes.csv").exists():
        if reference is None and typed is None:
            raise SystemExit(f"{folder}: boxes.csv gives no texts; name --typed, or a second reader with --reference")
        for crop in Shelf(folder, None, typed, None).held_out(reference):
            rows, columns = crop.crop.shape[:2]
            # Those crops carry a margin of 20 % of the plate on each side, so the plate is 5/7 of the crop.
            box = (columns / 7, rows / 7, columns * 5 / 7, rows * 5 / 7)
            yield Plate(picture=crop.crop, box=box, text=crop.text, boxed=True, kind=crop.source)
        return
    with (folder / "truth.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = next(place for place in (folder / row["image"], folder / "images" / row["image"]) if place.exists())
            picture = np.asarray(cv2.imread(str(path)), dtype=np.uint8)
            boxed = "w" in row
            whole = (0.0, 0.0, float(picture.shape[1]), float(picture.shape[0]))
            x, y, w, h = (float(row[key]) for key in "xywh") if boxed else whole
            kind = row.get("state", "")
            yield Plate(picture=picture, box=(x, y, w, h), text=row["plate"].upper(), boxed=boxed, kind=kind)


def crop_of(plate: Plate, margins: NDArray[np.float64]) -> Pixels:
    """The RGB crop of a plate whose sides left, top, right, bottom lie outside the box by these shares of it."""
    x, y, w, h = plate.box
    rows, columns = plate.picture.shape[:2]
    x1, y1 = max(round(x - margins[0] * w), 0), max(round(y - margins[1] * h), 0)
    x2, y2 = min(round(x + w + margins[2] * w), columns), min(round(y + h + margins[3] * h), rows)
    return np.ascontiguousarray(plate.picture[y1:y2, x1:x2, ::-1])


def measure_reader(
    model: Path,
    config: Path,
    folders: list[Path],
    reference: Path | None,
    typed: Path | None = None,
    chart: Path | None = None,
) -> None:
    """Print one line per folder: plates, share right (exact, folded) on true and on loose boxes; then the time.

    Also how far the confidence (the mean over the characters) is from the share of reads that are right.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    reader = LicensePlateRecognizer(
        onnx_model_path=model, plate_config_path=config, providers=["CPUExecutionProvider"], sess_options=options
    )
    curves = {}
    for folder in folders:
        plates = list(known_plates(folder, reference, typed))
        if not plates:
            print(f"{model.stem} {folder.name}: no plate with a text")
            continue
        score = _read_all(reader, plates, None)
        line = f"{model.stem} {folder.name}: {len(plates)} plates, true boxes {score}"
        if all(plate.boxed for plate in plates):
            score = _read_all(reader, plates, np.random.default_rng(1))
            line += f", loose boxes {score}"
        curves[folder.name] = (score.confidences, score.right)
        print(line, flush=True)
    if chart:
        draw_chart(chart, curves)
    times = _milliseconds(reader)
    print(
        f"{model.stem}: {times.min():.2f} ms a crop, one thread (least of {len(times)}; median {np.median(times):.2f})"
    )


@dataclass(frozen=True, kw_only=True)
class Score:
    """How a set of plates was read: shares right in per cent, and for each its confidence and whether it is right."""

    exact: float
    folded: float
    confidences: NDArray[np.float64]
    right: NDArray[np.bool_]

    def __str__(self) -> str:
        error = 100 * calibration_error(self.confidences, self.right)
        sure = self.confidences >= 0.9
        return (
            f"{self.exact:.1f} exact {self.folded:.1f} folded (calibration error {error:.1f}; sure of"
            f" {100 * sure.mean():.0f} %, {100 * self.right[sure].mean() if sure.any() else 0:.1f} of them right)"
        )


def _read_all(reader: LicensePlateRecognizer, plates: list[Plate], rng: np.random.Generator | None) -> Score:
    margins = rng.uniform(*LOOSE, (len(plates), 4)) if rng else np.zeros((len(plates), 4))
    exact, same, confidences = [], [], []
    for plate, sides in zip(plates, margins, strict=True):
        answer = reader.run(crop_of(plate, sides), return_confidence=True, remove_pad_char=False)[0]
        shares = np.asarray(answer.char_probs, np.float64)
        kept = [(sign, float(share)) for sign, share in zip(answer.plate, shares, strict=False) if sign != "_"]
        text = "".join(sign for sign, _ in kept)
        exact.append(text == plate.text)
        same.append(folded(text) == folded(plate.text))
        confidences.append(float(np.mean([share for _, share in kept])) if kept else 0.0)
    return Score(
        exact=100 * float(np.mean(exact)),
        folded=100 * float(np.mean(same)),
        confidences=np.array(confidences),
        right=np.array(same),
    )


def _milliseconds(reader: LicensePlateRecognizer) -> NDArray[np.float64]:
    crop = np.random.default_rng(1).integers(0, 256, (70, 140, 3)).astype(np.uint8)
    times = []
    for _ in range(220):
        before = time.perf_counter()
        reader.run(crop)
        times.append(time.perf_counter() - before)
    return np.array(times[20:]) * 1000
