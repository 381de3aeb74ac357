"""Very small networks, written byte by byte, so that tests need no model of other people and no further package.

Only what these need of the ONNX format (protobuf, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3).
"""

import numpy as np
from numpy.typing import NDArray

FLOAT, UINT8, INT64 = 1, 2, 7

CONFIG = """max_plate_slots: 4
alphabet: '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_'
pad_char: '_'
img_height: 8
img_width: 16
keep_aspect_ratio: false
interpolation: linear
image_color_mode: rgb
"""
Pixels = NDArray[np.uint8]
Shape = list[int | str]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"


def blank(size: tuple[int, int]) -> Pixels:
    """A grey picture of this width and height."""
    return np.full((size[1], size[0], 3), 100, np.uint8)


def detector(rows: list[tuple[float, ...]], size: tuple[int, int] = (64, 64)) -> bytes:
    """Finds the same rows (batch, x1, y1, x2, y2, class, score) in every picture; `size` is width and height."""
    answer = np.array(rows, np.float32).reshape(-1, 7)
    wide, high = size
    nodes = [_node("Identity", ["rows"], ["output"])]
    return _model(nodes, {"rows": answer}, ("images", FLOAT, _shape(1, 3, high, wide)), [("output", _shape("n", 7))])


def broken_detector(size: tuple[int, int] = (64, 64)) -> bytes:
    """Loads, and fails at every inference: it asks for a row that is not there."""
    wide, high = size
    nodes, tables = _breaks()
    return _model(nodes, tables, ("images", FLOAT, _shape(1, 3, high, wide)), [("output", _shape(7))])


def broken_reader() -> bytes:
    """The same for a reader."""
    nodes, tables = _breaks()
    nodes.insert(0, _node("Cast", ["input"], ["images"], {"to": FLOAT}))
    return _model(nodes, tables, ("input", UINT8, _shape("batch", 8, 16, 3)), [("output", _shape(7))])


def _breaks() -> tuple[list[bytes], dict[str, NDArray[np.float32]]]:
    tables = {
        "rows": np.zeros((1, 7), np.float32),
        "zero": np.array(0.0, np.float32),
        "shift": np.array(3.0, np.float32),
    }
    nodes = [
        _node("ReduceMean", ["images"], ["mean"], {"keepdims": 0}),
        _node("Mul", ["mean", "zero"], ["nothing"]),
        _node("Add", ["nothing", "shift"], ["far"]),
        _node("Cast", ["far"], ["index"], {"to": INT64}),
        _node("Gather", ["rows", "index"], ["output"]),
    ]
    return nodes, tables


def reader(text: str, *, sure: float = 0.9, region: bool = False, size: tuple[int, int] = (16, 8)) -> bytes:
    """Reads the same text in every crop of this width and height.

    With a second output `region`, as the readers of the second version have it.
    """
    slots = np.full((1, 4, len(ALPHABET)), (1 - sure) / (len(ALPHABET) - 1), np.float32)
    for slot, sign in enumerate(text.ljust(4, "_")):
        slots[0, slot, ALPHABET.index(sign)] = sure
    nodes = [_node("Identity", ["slots"], ["plate"])]
    tables, outputs = {"slots": slots}, [("plate", _shape(1, 4, len(ALPHABET)))]
    if region:
        nodes.insert(0, _node("Identity", ["regions"], ["region"]))
        tables["regions"] = np.array([[0.25, 0.75]], np.float32)
        outputs.insert(0, ("region", _shape(1, 2)))
    return _model(nodes, tables, ("input", UINT8, _shape("batch", size[1], size[0], 3)), outputs)


def _shape(*sizes: int | str) -> Shape:
    return list(sizes)


def _model(
    nodes: list[bytes],
    tables: dict[str, NDArray[np.float32]],
    given: tuple[str, int, Shape],
    outputs: list[tuple[str, Shape]],
) -> bytes:
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, b"g")
    graph += b"".join(_bytes(5, _tensor(name, table)) for name, table in tables.items())
    graph += _bytes(11, _value(*given)) + b"".join(_bytes(12, _value(name, FLOAT, shape)) for name, shape in outputs)
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, b"") + _number(2, 13))


def _node(
    kind: str, inputs: list[str], outputs: list[str], attributes: dict[str, int | tuple[int, ...]] | None = None
) -> bytes:
    written = b"".join(_bytes(1, name.encode()) for name in inputs)
    written += b"".join(_bytes(2, name.encode()) for name in outputs) + _bytes(4, kind.encode())
    for name, value in (attributes or {}).items():
        if isinstance(value, int):
            said = _number(3, value) + _number(20, 2)
        else:
            said = b"".join(_number(8, each) for each in value) + _number(20, 7)
        written += _bytes(5, _bytes(1, name.encode()) + said)
    return written


def _tensor(name: str, table: NDArray[np.float32]) -> bytes:
    written = b"".join(_number(1, size) for size in table.shape) + _number(2, FLOAT)
    return written + _bytes(8, name.encode()) + _bytes(9, table.astype("<f4").tobytes())


def _value(name: str, kind: int, shape: Shape) -> bytes:
    sizes = b"".join(
        _bytes(1, _number(1, size) if isinstance(size, int) else _bytes(2, size.encode())) for size in shape
    )
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])
