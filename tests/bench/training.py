"""Runs the whole training on ten made-up photographs for a minute and loads what comes out; needs the training's own
packages (models/training/requirements.txt).

    python tests/bench/training.py [--minutes 0.3] [--scratch]

It says nothing about how well anything reads: it says that every step still fits the next one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from edge.road.plate import draw_plate
from edge.vision import Models

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPHS = 10


def make_photographs(folder: Path) -> Path:
    """Photographs of 360 x 270 with a drawn plate each, labelled; and the texts of two as if typed. The texts' file."""
    rng = np.random.default_rng(1)
    (folder / "images").mkdir(parents=True)
    corners = ",".join(f"q{axis}{i}" for i in (1, 2, 3, 4) for axis in "xy")
    rows, typed = [f"image,split,source,x1,y1,x2,y2,{corners}"], ["image,x1,y1,plate"]
    for number in range(PHOTOGRAPHS):
        ground = cv2.resize(rng.integers(40, 200, (9, 12, 3)).astype(np.uint8), (360, 270))
        text = f"AB{number}{number}CD"
        plate = draw_plate(text, width=120)
        x, y = (int(place) for place in rng.integers(20, 180, 2))
        ground[y : y + plate.shape[0], x : x + plate.shape[1]] = plate
        name, split = f"p{number}.png", "val" if number >= PHOTOGRAPHS - 2 else "train"
        cv2.imwrite(str(folder / "images" / name), ground)
        rows.append(f"{name},{split},experiment-plates,{x},{y},{x + plate.shape[1]},{y + plate.shape[0]}{',' * 8}")
        typed.append(f"{name},{x},{y},{text}")
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    (folder / "typed.csv").write_text("\n".join(typed) + "\n")
    return folder / "typed.csv"


def main() -> int:
    parser = argparse.ArgumentParser(description="run the whole training once, on made-up photographs")
    parser.add_argument("--minutes", type=float, default=0.3)
    parser.add_argument("--scratch", action="store_true", help="from nothing, with the mining in between")
    found = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, models = Path(folder) / "data", Path(folder) / "models"
        typed = make_photographs(data)
        given = {
            "MINUTES": str(found.minutes),
            "SCRATCH": "1" if found.scratch else "",
            "MODELS": str(models),
            "TYPED": str(typed),
            "PYTHON": sys.executable,
        }
        command = [str(ROOT / "models" / "training" / "run"), str(data), str(Path(folder) / "work")]
        subprocess.run(command, env={**os.environ, **given}, check=True)
        loaded = Models.load(models)
        looked = loaded.detector.find(np.zeros((270, 360, 3), np.uint8))
        reading = loaded.reader.read(draw_plate("AB12CD", width=120))
        print(f"the models load; {len(looked)} boxes on black, {len(reading.text)} characters read on a drawn plate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
