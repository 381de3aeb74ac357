"""Write the trained detector as ONNX files, peak picking and the hundred best boxes included.

    python models/training/export_detector.py --weights latest.pt --out models

The form is the one that open-image-models' end-to-end models have: `images` [1, 3, h, w] RGB in 0..1, letterboxed; out
come rows of batch, x1, y1, x2, y2, class, score in letterboxed pixels. Scores are not cut and doubles not removed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from detector_net import PlateDetector, boxes_of
from torch import Tensor, nn

BOXES = 100
SIZES = {
    "plate-detector-640x384": (384, 640),
    "plate-detector-416x256": (256, 416),
    "plate-detector-256x160": (160, 256),
}


class EndToEnd(nn.Module):
    """The detector with its peaks picked and its boxes decoded, one picture at a time."""

    def __init__(self, net: PlateDetector) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """[1, 3, height, width] to [100, 7]."""
        logits, distances = self.net(images)
        heat = torch.sigmoid(logits)
        highest = nn.functional.max_pool2d(heat, 3, 1, 1)
        peaks = torch.where(highest == heat, heat, torch.zeros_like(heat)).reshape(-1)
        scores, places = torch.topk(peaks, BOXES)
        boxes = boxes_of(distances)[0].reshape(4, -1)[:, places].transpose(0, 1)
        zeros = torch.zeros_like(scores)[:, None]
        return torch.cat([zeros, boxes, zeros, scores[:, None]], dim=1)


def export(
    weights: Path, out: Path, small: Path | None = None, *, shift: float = 0.0, names: Sequence[str] = tuple(SIZES)
) -> None:
    """Write one ONNX file per size; `small` keeps the averaged weights alone, to go on from.

    `shift` is added to every score's logit, and kept in the weights: scores may come to mean something else in training
    while the daemon's threshold stays.
    """
    state = torch.load(weights, weights_only=True)
    state = state.get("average", state)
    net = PlateDetector()
    net.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in state.items()})
    with torch.no_grad():
        net.out.bias[0] += shift
    end = EndToEnd(net).eval()
    for name in names:
        height, width = SIZES[name]
        torch.onnx.export(
            end,
            (torch.zeros(1, 3, height, width),),
            str(out / f"{name}.onnx"),
            dynamo=False,
            input_names=["images"],
            output_names=["output"],
            opset_version=17,
        )
    if small is not None:
        small.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(net.state_dict()), small)


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description="write the trained detector as ONNX files")
    parser.add_argument("--weights", type=Path, required=True, help="latest.pt of a run, or averaged weights alone")
    parser.add_argument("--out", type=Path, required=True, help="folder for the ONNX files")
    parser.add_argument("--small", type=Path, help="also keep the averaged weights alone in this file")
    parser.add_argument("--shift", type=float, default=0.0, help="added to the logit of every score")
    parser.add_argument("--only", choices=sorted(SIZES), nargs="+", default=sorted(SIZES), help="write these alone")
    found = parser.parse_args()
    export(found.weights, found.out, found.small, shift=found.shift, names=found.only)


if __name__ == "__main__":
    main()
