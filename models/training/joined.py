"""Detector and reader together: a box counts as far as both believe in it, and the best box of a photograph is read.

The joint score is the detector's times the reader's mean certainty over the characters; a box that the reader finds
fewer than three characters in scores nothing. Plates that the benchmark did not label are left out of precision (the
committed list `unlabelled.csv`, made by looking at the photographs, not at anybody's boxes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from finding import Boxes, Detector, Sample, matches, right_and_shown
from samples import samples

from edge.measure.looks import folded, joint
from edge.values import Box
from edge.vision.reader import Reader, cut_out, two_margins

LEAST_DETECTOR_SCORE = 0.15
JOINT_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What both nets said of one photograph: boxes [n, 4], joint scores [n] and texts, best first."""

    sample: Sample
    boxes: Boxes
    scores: tuple[float, ...]
    texts: tuple[str, ...]


def judged(detector: Detector, reader: Reader, photographs: Iterable[Sample]) -> list[Judged]:
    """Find and read every photograph's plates."""
    results = []
    for sample in photographs:
        found = detector.find(sample.pixels)
        kept = [i for i, score in enumerate(found.scores) if score >= LEAST_DETECTOR_SCORE]
        rows = []
        for i in kept:
            x1, y1, x2, y2 = (float(side) for side in found.boxes[i])
            if x2 - x1 < 2 or y2 - y1 < 2 or x2 <= 0 or y2 <= 0:
                continue
            box = Box(x1=x1, y1=y1, x2=x2, y2=y2)
            reading = reader.read(
                *(cut_out(sample.pixels, box, margin=margin) for margin in two_margins(reader.margin))
            )
            rows.append((joint(float(found.scores[i]), reading.confidences), reading.text, found.boxes[i]))
        rows.sort(key=lambda row: -row[0])
        boxes = np.array([box for _, _, box in rows], np.float32).reshape(-1, 4)
        results.append(
            Judged(
                sample=sample, boxes=boxes, scores=tuple(row[0] for row in rows), texts=tuple(row[1] for row in rows)
            )
        )
    return results


def ends(results: Sequence[Judged]) -> tuple[int, int, int]:
    """Plates with a text, and how many of them the best box that lies on them reads right, exactly and folded."""
    plates = exact = same = 0
    for one in results:
        for truth, text in zip(one.sample.boxes, one.sample.texts, strict=True):
            if not text:
                continue
            plates += 1
            on = [k for k, box in enumerate(one.boxes) if matches(box, truth)]
            read = one.texts[on[0]] if on else ""
            exact += read == text
            same += folded(read) == folded(text)
    return plates, exact, same


def measure_joint(detector: Path, reader: Path, folders: Sequence[Path]) -> None:
    """Print recall and precision at each joint score, and the share of plates read right from the detector's boxes."""
    finds = Detector(detector)
    reads = Reader(name=reader.stem, file=reader, config=reader.with_suffix(".yaml"))
    for folder in folders:
        results = judged(finds, reads, samples(folder))
        for score in JOINT_SCORES:
            counted = [
                right_and_shown(one.sample, one.boxes[: sum(value >= score for value in one.scores)]) for one in results
            ]
            plates = sum(len(one.sample.boxes) for one in results)
            right, good, shown = (sum(row[k] for row in counted) for k in range(3))
            print(
                f"{detector.stem} + {reader.stem}  {folder.name}  joint score {score}: recall"
                f" {100 * right / max(plates, 1):.1f} %  precision {100 * good / max(shown, 1):.1f} %"
                f"  ({right} of {plates} plates, {shown} boxes)",
                flush=True,
            )
        texts, exact, same = ends(results)
        if texts:
            print(
                f"{detector.stem} + {reader.stem}  {folder.name}  end to end: {100 * exact / texts:.1f} exact"
                f" {100 * same / texts:.1f} folded of {texts}",
                flush=True,
            )
