"""Fits the reader's temperature on plates it never learned from: held-out rendered ones, and the `val` crops.

    python models/training/temperature.py reader.pt DATA_DIR [--reference REFERENCE.onnx] [--typed TYPED.csv]

Prints the temperature alone on the last line: the one at which whole reads are as sure as they are right. A read's
confidence is a mean, and one wrong character is enough, so the characters alone, printed too, ask for less.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from agreed import AgreedCrop
from calibration import calibration_error, fitted_temperature, honest_temperature, tempered
from kitchen import Kitchen
from numpy.typing import NDArray
from reader_net import Exported, reader_of
from shelf import Shelf
from teacher import text_of
from train_reader import targets

from edge.measure.looks import folded

RENDERED = 24
"""Batches."""


def shares_of(reader: Exported, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Probabilities (n, 10, 37) of crops as uint8 RGB (n, 64, 128, 3)."""
    with torch.no_grad():
        parts = [reader(torch.from_numpy(pixels[start : start + 64])) for start in range(0, len(pixels), 64)]
    return torch.cat(parts).double().numpy()


def rendered(folder: Path, seed: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Rendered crops that no training seed makes, easy and hard ones."""
    kitchen = Kitchen(folder, np.random.default_rng(seed), pictures=250)
    batches = [kitchen.batch(0.25) for _ in range(RENDERED)]
    return np.concatenate([batch.pixels for batch in batches]), [text for batch in batches for text in batch.texts]


def real(crops: list[AgreedCrop]) -> tuple[NDArray[np.uint8], list[str]]:
    """Held-out real crops."""
    return np.stack([crop.tight() for crop in crops]), [crop.text for crop in crops]


def right_of(shares: NDArray[np.float64], texts: list[str]) -> NDArray[np.bool_]:
    """Which texts are read right, O as 0 and I as 1."""
    return np.array([folded(text_of(row)) == folded(text) for row, text in zip(shares, texts, strict=True)])


def fitted(name: str, shares: NDArray[np.float64], texts: list[str]) -> None:
    """Print the temperature that the written characters of these plates ask for, and what it does to the figures."""
    truth = targets(texts)[0].numpy()
    # Slots beyond the text are easy and many; only what is read, or should have been, has a confidence.
    kept = (shares.argmax(-1) != shares.shape[-1] - 1) | (truth != shares.shape[-1] - 1)
    temperature = fitted_temperature(shares[kept], truth[kept])
    for value in (1.0, temperature):
        now = tempered(shares[kept], value)
        error = calibration_error(now.max(-1), now.argmax(-1) == truth[kept])
        print(f"{name}: temperature {value:.2f}, calibration error of {kept.sum()} characters {100 * error:.1f} %")


def main() -> None:
    """Read the command line, fit, print."""
    parser = argparse.ArgumentParser(description="fit the reader's temperature on held-out plates")
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path, help="photographs: boxes.csv and images/")
    parser.add_argument("--reference", type=Path, help="a second reader whose sure reads are the truth of val crops")
    parser.add_argument("--typed", type=Path, help="texts of val crops that were looked at")
    parser.add_argument("--seed", type=int, default=7_000_001)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    reader = Exported(reader_of(torch.load(given.weights, weights_only=True))).eval()
    pixels, texts = rendered(given.folder, given.seed)
    sets = {"rendered": rendered(given.folder, given.seed)}
    crops = Shelf(given.folder, None, given.typed, None).held_out(given.reference)
    if len(crops) >= 100:
        sets["val"] = real(crops)
    judged = []
    for name, (pixels, texts) in sets.items():
        shares = shares_of(reader, pixels)
        fitted(name, shares, texts)
        judged.append((shares, right_of(shares, texts)))
    print(f"{honest_temperature(judged):.3f}")


if __name__ == "__main__":
    main()
