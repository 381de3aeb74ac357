"""Writes the trained reader as `us-plate-reader.onnx` with its plate config, in the form that fast-plate-ocr loads, and
checks that onnxruntime gives the same probabilities as the net it came from.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from reader_net import ALPHABET, HEIGHT, SLOTS, WIDTH, Exported, reader_of

NAME = "us-plate-reader"
CONFIG = f"""\
# Read by fast-plate-ocr beside {NAME}.onnx.
max_plate_slots: {SLOTS}
alphabet: '{ALPHABET}'
pad_char: '_'
img_height: {HEIGHT}
img_width: {WIDTH}
keep_aspect_ratio: false
interpolation: linear
image_color_mode: rgb
"""


def export(weights: Path, models: Path, temperature: float = 1.0) -> float:
    """Write model and config into `models`; the largest difference in probability between the two runtimes."""
    exported = Exported(reader_of(torch.load(weights, weights_only=True)), temperature).eval()
    crops = torch.randint(0, 256, (3, HEIGHT, WIDTH, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    models.mkdir(parents=True, exist_ok=True)
    path, part = models / f"{NAME}.onnx", models / f"{NAME}.onnx.part"
    torch.onnx.export(
        exported,
        (crops[:1],),
        str(part),
        input_names=["input"],
        output_names=["plate"],
        dynamic_axes={"input": {0: "batch"}, "plate": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(part), providers=["CPUExecutionProvider"])
    got = session.run(None, {"input": crops.numpy()})[0]
    with torch.no_grad():
        difference = float(np.abs(got - exported(crops).numpy()).max())
    if got.shape != (3, SLOTS, len(ALPHABET)) or difference > 1e-3:
        part.unlink()
        raise SystemExit(f"the exported reader differs from the trained one by {difference:.5f}, shape {got.shape}")
    part.replace(path)
    (models / f"{NAME}.yaml").write_text(CONFIG, encoding="utf-8")
    return difference


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="reader.pt, written by train_reader.py")
    parser.add_argument("models", type=Path, help="folder for the .onnx and .yaml files")
    parser.add_argument("--temperature", type=float, default=1.0, help="what temperature.py fitted")
    given = parser.parse_args()
    difference = export(given.weights, given.models, given.temperature)
    print(f"{given.models / NAME}.onnx written, largest difference {difference:.6f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
