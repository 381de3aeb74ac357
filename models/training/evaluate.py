"""Measure a model on photographs it never saw, one processor thread, and print one line per score.

    python models/training/evaluate.py detector --model MODEL.onnx --data DIR
    python models/training/evaluate.py reader --model MODEL.onnx --data DIR
    python models/training/evaluate.py joint --detector MODEL.onnx --reader MODEL.onnx --data DIR
    python models/training/evaluate.py groups --detector MODEL.onnx --reader MODEL.onnx --data DIR

DIR holds truth.csv (image, x, y, w, h, plate) beside its photographs, or boxes.csv as for training: then its `val`
photographs are measured, each set into a frame so that its first plate is 4.5 to 14 % of the frame's width.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from finding import Detector, Found, Sample, count, right_and_shown
from groups import measure_groups
from joined import measure_joint
from reads import measure_reader
from samples import of_crops, samples

SCORES = (0.3, 0.5)


def measure_detector(model: Path, folders: Sequence[Path]) -> None:
    """Print recall at overlap 0.5 and precision at each score, the median overlap, and the median ms a frame."""
    detector = Detector(model)
    for folder in folders:
        results: list[tuple[Sample, Found]] = []
        spent: list[float] = []
        for sample in samples(folder):
            began = time.perf_counter()
            found = detector.find(sample.pixels)
            spent.append(time.perf_counter() - began)
            results.append((sample, found))
        plates = sum(len(sample.boxes) for sample, _ in results)
        for score in SCORES:
            right, good, shown, shares = 0, 0, 0, list[float]()
            for sample, found in results:
                boxes = found.boxes[found.scores >= score]
                shares += count(sample.boxes, boxes)[1]
                here = right_and_shown(sample, boxes)
                right, good, shown = right + here[0], good + here[1], shown + here[2]
            print(
                f"{model.stem}  {folder.name}  score {score}: recall {100 * right / max(plates, 1):.1f} %"
                f"  precision {100 * good / max(shown, 1):.1f} %  overlap {np.median(shares or [0]):.3f}"
                f"  ({right} of {plates} plates, {shown} boxes)  {1000 * np.median(spent):.1f} ms a frame"
            )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="measure a model on photographs it never saw")
    commands = parser.add_subparsers(dest="command", required=True)
    detector = commands.add_parser("detector", help="recall and precision of a plate detector")
    detector.add_argument("--model", type=Path, required=True)
    detector.add_argument("--data", type=Path, required=True, nargs="+", help="folder with truth.csv or boxes.csv")
    both = commands.add_parser("joint", help="recall and precision of both together, and plates read end to end")
    both.add_argument("--detector", type=Path, required=True)
    both.add_argument("--reader", type=Path, required=True)
    both.add_argument("--data", type=Path, required=True, nargs="+", help="folder with truth.csv or boxes.csv")
    reader = commands.add_parser("reader", help="how many plates a reader gets right on true and on loose boxes")
    reader.add_argument("--model", type=Path, required=True)
    reader.add_argument("--config", type=Path, help="the plate config; by default the .yaml beside the model")
    reader.add_argument("--data", type=Path, required=True, nargs="+", help="folder with truth.csv or boxes.csv")
    reader.add_argument("--typed", type=Path, help="texts of val crops that were looked at: image, x1, y1, plate")
    reader.add_argument("--chart", type=Path, help="a PNG to draw the reliability of its confidence into")
    reader.add_argument("--reference", type=Path, help="a second reader, whose sure reads are the truth for boxes.csv")
    groups = commands.add_parser("groups", help="the figures by plate width, light, and source or state")
    groups.add_argument("--reader", type=Path, required=True)
    groups.add_argument("--detector", type=Path)
    groups.add_argument("--data", type=Path, required=True, nargs="+", help="folder with truth.csv or boxes.csv")
    groups.add_argument("--reference", type=Path, help="a second reader, whose sure reads are the truth for boxes.csv")
    groups.add_argument("--typed", type=Path, help="texts of val crops that were looked at: image, x1, y1, plate")
    found = parser.parse_args()
    photographs = [folder for folder in found.data if not of_crops(folder)]
    if found.command == "detector":
        measure_detector(found.model, photographs)
    elif found.command == "joint":
        measure_joint(found.detector, found.reader, photographs)
    elif found.command == "groups":
        measure_groups(found.reader, found.detector, found.data, found.reference, found.typed)
    else:
        config = found.config or found.model.with_suffix(".yaml")
        measure_reader(found.model, config, found.data, found.reference, found.typed, found.chart)


if __name__ == "__main__":
    main()
