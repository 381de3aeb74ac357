"""The figures by group: how wide the plate is in the picture, by day or in the dark, and by the state that issued it.

Reader: share of plates read right on true boxes, exact / folded. Detector: share of plates found at an overlap of 0.5
and a score of 0.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from agreed import folded
from finding import Detector, Pixels, count
from reads import Plate, crop_of, known_plates
from samples import of_crops, samples

from edge.vision.reader import Reader

WIDTHS = (0, 45, 60, 80, 110, 160, 10_000)
DARK = 70.0
"""Mean brightness, 0 to 255, below which a picture counts as dark."""
SCORE = 0.3

Outcome = tuple[bool, bool]


def width_group(wide: float) -> str:
    """The group of a plate's width in pixels."""
    low = max(edge for edge in WIDTHS if edge <= wide)
    high = WIDTHS[WIDTHS.index(low) + 1]
    return f"{low}-{high - 1} px" if high < WIDTHS[-1] else f"{low} px and more"


def light_group(picture: Pixels) -> str:
    """`dark` or `light`, by the mean brightness of the picture."""
    return "dark" if float(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).mean()) < DARK else "light"


def measure_groups(
    reader: Path, detector: Path | None, folders: Sequence[Path], reference: Path | None, typed: Path | None
) -> None:
    """Print one line for each group of each folder."""
    reads = Reader(name=reader.stem, file=reader, config=reader.with_suffix(".yaml"))
    for folder in folders:
        _print_groups(f"{reader.stem} {folder.name}", _read_groups(reads, known_plates(folder, reference, typed)))
    if detector:
        finds = Detector(detector)
        for folder in folders:
            if not of_crops(folder):
                _print_groups(f"{detector.stem} {folder.name}", _found_groups(finds, folder))


def _read_groups(reader: Reader, plates: Iterable[Plate]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for plate in plates:
        crop = crop_of(plate, np.zeros(4))[:, :, ::-1]
        text = reader.read(np.ascontiguousarray(crop)).text
        outcome = (text == plate.text, folded(text) == folded(plate.text))
        names = [f"width {width_group(plate.box[2])}", light_group(plate.picture)]
        for name in [*names, *([f"kind {plate.kind}"] if plate.kind else [])]:
            groups.setdefault(name, []).append(outcome)
    return groups


def _found_groups(detector: Detector, folder: Path) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for sample in samples(folder):
        found = detector.find(sample.pixels)
        boxes = found.boxes[found.scores >= SCORE]
        for k, box in enumerate(sample.boxes):
            hit = count(sample.boxes[k : k + 1], boxes)[0] == 1
            for name in (f"width {width_group(float(box[2] - box[0]))}", light_group(sample.pixels)):
                groups.setdefault(name, []).append((hit, hit))
    return groups


def _print_groups(title: str, groups: dict[str, list[Outcome]]) -> None:
    for name in sorted(groups, key=lambda name: (name.split()[0], _first_number(name), name)):
        outcomes = np.array(groups[name])
        exact, same = 100 * outcomes.mean(0)
        print(f"{title}  {name}: {exact:.1f} / {same:.1f} of {len(outcomes)}", flush=True)


def _first_number(name: str) -> int:
    digits = "".join(sign if sign.isdigit() else " " for sign in name).split()
    return int(digits[0]) if digits else 0
