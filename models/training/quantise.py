"""Makes the int8 twin of an exported model: weights and activations of its convolutions as 8-bit numbers.

    python models/training/quantise.py MODEL.onnx DATA_DIR --out TWIN.onnx

Static quantisation with QDQ nodes, one scale for each channel; the ranges of the activations are those of photographs
of the `train` split, set into frames as `mine.py` does. What follows the last convolution stays in floating point: it
picks and decodes boxes, or it is a reader's transformer. Whether a twin is quicker depends on the processor, and is
measured on each one (`homerule models tune`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
from crops import cut, labelled_boxes
from mine import framed, labels_of
from numpy.typing import NDArray
from onnxruntime.quantization import (  # type: ignore[import-untyped]
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process  # type: ignore[import-untyped]

KINDS = ["Conv", "Relu", "Add", "Resize", "MaxPool"]
PICTURES = 160
WIDEST = 0.14
"""Of the frame's width: the widest plate that the ranges are taken from."""

Batch = NDArray[np.generic]


class Shown(CalibrationDataReader):  # type: ignore[misc]
    """Hands the batches over one by one, as onnxruntime wants them."""

    def __init__(self, name: str, batches: Iterator[Batch]) -> None:
        self._name, self._batches = name, batches

    def get_next(self) -> dict[str, Batch] | None:
        """The next batch, or None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def frames(folder: Path, wide: int, high: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Training photographs as the detector gets them: [1, 3, high, wide], RGB in 0..1, letterboxed on grey."""
    labels = labels_of(folder, "train")
    for image in rng.permutation(sorted(labels))[:PICTURES]:
        source, boxes = labels[str(image)]
        pixels = np.asarray(cv2.imread(str(folder / "images" / str(image))), np.uint8)
        stretch = 1.0 if source == "ro-license-plates" else 1.4
        width = float((boxes[:, 2] - boxes[:, 0]).max()) * stretch
        frame = framed(pixels, stretch, float(rng.uniform(0.04, WIDEST)) * 1280 / width, rng)[0]
        scale = min(wide / frame.shape[1], high / frame.shape[0])
        small = cv2.resize(frame, (round(frame.shape[1] * scale), round(frame.shape[0] * scale)))
        boxed = np.full((high, wide, 3), 114, np.uint8)
        top, left = (high - small.shape[0]) // 2, (wide - small.shape[1]) // 2
        boxed[top : top + small.shape[0], left : left + small.shape[1]] = small
        yield boxed[None, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255


def crops(folder: Path, wide: int, high: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Training plates as the reader gets them: uint8 RGB [1, high, wide, 3]."""
    boxes = labelled_boxes(folder, "train")
    for number in rng.permutation(len(boxes))[: 2 * PICTURES]:
        box = boxes[int(number)]
        pixels = np.asarray(cv2.imread(str(folder / "images" / box.image)), np.uint8)
        yield cv2.resize(cut(pixels, box, float(rng.uniform(0.0, 0.12))), (wide, high))[None, :, :, ::-1].copy()


def left_in_float(model: onnx.ModelProto) -> list[str]:
    """The nodes that follow the last convolution."""
    nodes = list(model.graph.node)
    last = max(place for place, node in enumerate(nodes) if node.op_type == "Conv")
    reached = set(nodes[last].output)
    after = []
    for node in nodes[last + 1 :]:
        if reached & set(node.input) or node.op_type not in KINDS:
            reached |= set(node.output)
            after.append(node.name)
    # what lies behind it in the file without coming out of it, such as a grid of places, is decoding too
    return after + [node.name for node in nodes[last + 1 :] if node.name not in after]


def quantise(model: Path, folder: Path, out: Path, method: str) -> None:
    """Write the twin of `model`; the photographs are always the same."""
    rng = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as work:
        ready = Path(work) / "ready.onnx"
        quant_pre_process(str(model), str(ready), skip_symbolic_shape=True)
        prepared = onnx.load(ready)
        given = prepared.graph.input[0]
        sides = [side.dim_value for side in given.type.tensor_type.shape.dim]
        reads = sides[-1] == 3
        batches = crops(folder, sides[2], sides[1], rng) if reads else frames(folder, sides[3], sides[2], rng)
        quantize_static(
            str(ready),
            str(out),
            Shown(given.name, batches),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=KINDS,
            nodes_to_exclude=left_in_float(prepared),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[method],
        )


def main() -> None:
    """Read the command line and quantise."""
    parser = argparse.ArgumentParser(description="make the int8 twin of an exported model")
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path, help="photographs: boxes.csv and images/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ranges", choices=["MinMax", "Percentile", "Entropy"], default="MinMax")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    quantise(given.model, given.folder, given.out, given.ranges)
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.2f} MB, of {given.model.stat().st_size / 1e6:.2f}")


if __name__ == "__main__":
    main()
