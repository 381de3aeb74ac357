"""Writes `models/manifest.toml` from the model files that are there: digests, sizes, sources and figures measured last.
Run it again whenever a weight changes; a model whose digest differs from its manifest is not loaded.
"""

from __future__ import annotations

import hashlib
import math
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import onnx

_PHOTOGRAPHS = (
    "experiment-plates (1,784 photographs, MIT)",
    "ro-license-plates (534 dash-camera frames, MIT)",
    "open-images-plates (350 photographs out of Open Images; images CC BY 2.0, boxes CC BY 4.0)",
)
_RENDERED = (
    "plates rendered by models/training/plates.py (Apache-2.0) with open-licence fonts, see models/training/README.md"
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """A model that this project makes."""

    name: str
    kind: str
    default: bool = False
    parts: str | None = None


KNOWN = (
    Known(name="plate-detector-640x384", kind="detector", default=True, parts="plate-detector-256x160"),
    Known(name="plate-detector-416x256", kind="detector"),
    Known(name="plate-detector-256x160", kind="detector"),
    Known(name="us-plate-reader", kind="reader", default=True),
)

_HEADER = """\
# The models that homerule carries. Written by models/training/manifest.py; do not edit by hand.
"""


def table(known: Known, models: Path, figures: dict[str, dict[str, str]]) -> str:
    """One [[model]] table as TOML text."""
    path = models / f"{known.name}.onnx"
    graph = onnx.load(path).graph
    sides = [side.dim_value for side in graph.input[0].type.tensor_type.shape.dim]
    high, wide = (sides[1], sides[2]) if sides[-1] == 3 else (sides[2], sides[3])
    lines = ["[[model]]", f'name = "{known.name}"', f'kind = "{known.kind}"']
    if known.default:
        lines.append("default = true")
    if known.parts:
        lines.append(f'parts = "{known.parts}"')
    lines += [f'file = "{path.name}"', f'sha256 = "{_digest(path)}"']
    config = models / f"{known.name}.yaml"
    if config.exists():
        lines += [f'config = "{config.name}"', f'config_sha256 = "{_digest(config)}"']
    lines += ['licence = "Apache-2.0"', f"input = [{wide}, {high}]", f"parameters = {_parameters(graph)}"]
    lines += [f"gflop = {_gflop(path)}", "data = ["]
    lines += [f"    {_quoted(source)}," for source in (*_PHOTOGRAPHS, _RENDERED)]
    lines += ["]", f"accuracy = {_quoted(_measured(figures.get(known.name, {}), path))}"]
    return "\n".join(lines) + "\n"


def _measured(figure: dict[str, str], path: Path) -> str:
    """The figures, if it was this very file that they were measured on."""
    return figure["text"] if figure.get("sha256") == _digest(path) else "not measured yet"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _parameters(graph: onnx.GraphProto) -> int:
    """Learned numbers: the floating-point tensors of more than one element that the graph carries."""
    return sum(
        math.prod(tensor.dims)
        for tensor in graph.initializer
        if tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16) and math.prod(tensor.dims) > 1
    )


def _gflop(path: Path) -> float:
    """Floating-point operations of one picture in milliards: two for each multiply-add of convolutions and products."""
    model = onnx.load(path)
    for side in (
        model.graph.input[0].type.tensor_type.shape.dim[0],
        model.graph.output[0].type.tensor_type.shape.dim[0],
    ):
        side.dim_value = side.dim_value or 1
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        shapes[value.name] = tuple(max(side.dim_value, 1) for side in value.type.tensor_type.shape.dim)
    multiplied = 0
    for node in graph.node:
        if node.op_type == "Conv":
            multiplied += math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
        elif node.op_type in ("MatMul", "Gemm"):
            multiplied += math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return round(2 * multiplied / 1e9, 3)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def main() -> int:
    if len(sys.argv) > 2:
        print("usage: manifest.py [MODELS]", file=sys.stderr)
        return 2
    here = Path(__file__).resolve().parent
    models = Path(sys.argv[1]) if len(sys.argv) == 2 else here.parent
    figures = tomllib.loads((here / "figures.toml").read_text(encoding="utf-8"))
    there = [known for known in KNOWN if (models / f"{known.name}.onnx").exists()]
    tables = [table(known, models, figures) for known in there]
    (models / "manifest.toml").write_text(_HEADER + "\n" + "\n".join(tables), encoding="utf-8")
    print(f"{models / 'manifest.toml'}: " + ", ".join(known.name for known in there))
    return 0


if __name__ == "__main__":
    sys.exit(main())
