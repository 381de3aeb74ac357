"""A detector in the shape of a small YOLO, to hold ours against: 2.9 GFLOP a frame, convolutions
with SiLU, blocks that split and join, three levels that exchange what they know, a head on
each. Its weights are chance.
"""

import numpy as np
from numpy.typing import NDArray

from tests.networks import FLOAT, _model, _node

SIDE = 384
_WIDTHS = (16, 40, 72, 112, 128)


class Yardstick:
    """Builds the network node by node, and counts its multiply-adds."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(1)
        self._nodes: list[bytes] = []
        self._tables: dict[str, NDArray[np.float32]] = {}
        self.macs = 0

    def written(self) -> bytes:
        """The ONNX file: rows of batch, x1, y1, x2, y2, class, score, none of them sure."""
        self._nodes, self._tables, self.macs = [], {}, 0
        stem, narrow, low, middle, high = _WIDTHS
        x = self._conv(self._conv("images", 3, stem, SIDE, 3, 2), stem, narrow, SIDE // 2, 3, 2)
        x = self._block(x, narrow, SIDE // 4)
        eighth = self._block(self._conv(x, narrow, low, SIDE // 4, 3, 2), low, SIDE // 8)
        sixteenth = self._block(self._conv(eighth, low, middle, SIDE // 8, 3, 2), middle, SIDE // 16)
        x = self._block(self._conv(sixteenth, middle, high, SIDE // 16, 3, 2), high, SIDE // 32)
        down = self._joined(self._larger(x), sixteenth, high + middle, middle, SIDE // 16)
        fine = self._joined(self._larger(down), eighth, middle + low, low, SIDE // 8)
        up = self._joined(self._conv(fine, low, low, SIDE // 8, 3, 2), down, low + middle, middle, SIDE // 16)
        coarse = self._joined(self._conv(up, middle, middle, SIDE // 16, 3, 2), x, middle + high, high, SIDE // 32)
        levels = ((fine, low, 8), (up, middle, 16), (coarse, high, 32))
        rows = [self._head(level, wide, SIDE // stride) for level, wide, stride in levels]
        self._add("Transpose", [self._add("Concat", rows, {"axis": 1})], {"perm": (1, 0)}, "output")
        return _model(self._nodes, self._tables, ("images", FLOAT, [1, 3, SIDE, SIDE]), [("output", ["n", 7])])

    def _add(
        self, kind: str, given: list[str], attributes: dict[str, int | tuple[int, ...]] | None = None, name: str = ""
    ) -> str:
        name = name or f"{kind}{len(self._nodes)}"
        self._nodes.append(_node(kind, given, [name], attributes))
        return name

    def _conv(self, x: str, inside: int, outside: int, side: int, size: int = 3, stride: int = 1) -> str:
        """A convolution of a square of `side`, then SiLU."""
        plain = self._plain(x, inside, outside, side, size, stride)
        return self._add("Mul", [plain, self._add("Sigmoid", [plain])])

    def _plain(self, x: str, inside: int, outside: int, side: int, size: int, stride: int = 1) -> str:
        weights, shift = f"w{len(self._tables)}", f"b{len(self._tables)}"
        spread = (2 / (inside * size * size)) ** 0.5
        self._tables[weights] = self._chance.normal(0, spread, (outside, inside, size, size)).astype(np.float32)
        self._tables[shift] = np.zeros(outside, np.float32)
        self.macs += (side // stride) ** 2 * inside * outside * size * size
        shape = {"kernel_shape": (size, size), "strides": (stride, stride), "pads": (size // 2,) * 4}
        return self._add("Conv", [x, weights, shift], dict(shape))

    def _block(self, x: str, wide: int, side: int) -> str:
        """Two halves, one of them looked at twice more; all that came of it is joined again."""
        half = wide // 2
        parts = [self._conv(x, wide, half, side, 1), self._conv(x, wide, half, side, 1)]
        for _ in range(2):
            inner = self._conv(parts[-1], half, half, side)
            parts.append(self._conv(inner, half, half, side))
        return self._conv(self._add("Concat", parts, {"axis": 1}), 4 * half, wide, side, 1)

    def _joined(self, x: str, other: str, inside: int, outside: int, side: int) -> str:
        both = self._add("Concat", [x, other], {"axis": 1})
        return self._block(self._conv(both, inside, outside, side, 1), outside, side)

    def _larger(self, x: str) -> str:
        self._tables["twice"] = np.array([1, 1, 2, 2], np.float32)
        return self._add("Resize", [x, "", "twice"])

    def _head(self, x: str, wide: int, side: int) -> str:
        """Seven numbers for each place of a level, as the detector's door takes them: (7, places)."""
        inner = self._conv(self._conv(x, wide, wide, side), wide, wide, side)
        self._tables["doubt"] = np.array([1e-3], np.float32)
        sure = self._add("Sigmoid", [self._plain(inner, wide, 7, side, 1)])
        return self._add("Flatten", [self._add("Mul", [sure, "doubt"])], {"axis": 2})
