"""The reader: convolutions squeeze a 64 x 128 plate into 32 columns, two transformer layers (the larger net has three)
let the columns see one another, and ten slots each pick out one character. The column head (CTC) helps to learn.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
PAD = ALPHABET.index("_")
SLOTS = 10
WIDTH, HEIGHT = 128, 64
_COLUMNS = 32
_ROWS = 4
_DEPTH = 96


def _conv(inside: int, outside: int, stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two convolutions beside a straight path."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class Attention(nn.Module):
    """Multi-head attention written out in plain products, so that every ONNX runtime has its operators."""

    def __init__(self, depth: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(depth, depth)
        self.key_value = nn.Linear(depth, 2 * depth)
        self.out = nn.Linear(depth, depth)

    def forward(self, asking: Tensor, asked: Tensor) -> Tensor:
        n, slots, depth = asking.shape
        size = depth // self.heads
        query = self.query(asking).view(n, slots, self.heads, size).transpose(1, 2)
        key, value = self.key_value(asked).view(n, -1, 2, self.heads, size).permute(2, 0, 3, 1, 4).unbind(0)
        share = torch.softmax(query @ key.transpose(2, 3) * size**-0.5, dim=-1)
        return self.out((share @ value).transpose(1, 2).reshape(n, slots, depth))


def _mixer(depth: int) -> nn.Sequential:
    return nn.Sequential(nn.LayerNorm(depth), nn.Linear(depth, 2 * depth), nn.GELU(), nn.Linear(2 * depth, depth))


class Layer(nn.Module):
    """One pre-norm transformer layer over the columns."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(depth)
        self.attention = Attention(depth)
        self.mixer = _mixer(depth)

    def forward(self, x: Tensor) -> Tensor:
        calm = self.norm(x)
        x = x + self.attention(calm, calm)
        return x + self.mixer(x)


class Again(nn.Module):
    """A second look: the slots hear what the others picked, and look at the rows that the columns were made of.

    It changes nothing until it has learned something.
    """

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(1, _ROWS * _COLUMNS, depth) * 0.02)
        self.calm = nn.LayerNorm(depth)
        self.heard = Layer(depth)
        self.norm = nn.LayerNorm(depth)
        self.pick = Attention(depth)
        self.mixer = _mixer(depth)
        for last in (self.heard.attention.out, self.heard.mixer[3], self.pick.out, self.mixer[3]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, slots: Tensor, rows: Tensor) -> Tensor:
        slots = self.heard(slots)
        slots = slots + self.pick(self.norm(slots), self.calm(rows.flatten(2).transpose(1, 2) + self.place))
        return slots + self.mixer(slots)


class Reader(nn.Module):
    """RGB 0..255 of shape (n, 3, 64, 128) in; logits of the slots (n, 10, 37) and of the columns (n, 32, 37) out."""

    def __init__(self, larger: bool = False) -> None:
        super().__init__()
        self.larger = larger
        self.look = nn.Sequential(
            _conv(3, 16, (2, 2)),
            _conv(16, 32),
            _conv(32, 48, (2, 2)),
            Residual(48),
            _conv(48, 64, (2, 1)),
            *(Residual(64) for _ in range(1 + larger)),
            _conv(64, _DEPTH, (2, 1)),
            *(Residual(_DEPTH) for _ in range(int(larger))),
            nn.Conv2d(_DEPTH, _DEPTH, (4, 1), bias=False),
            nn.BatchNorm2d(_DEPTH),
            nn.ReLU(inplace=True),
        )
        self.place = nn.Parameter(torch.randn(1, _COLUMNS, _DEPTH) * 0.02)
        self.layers = nn.Sequential(*(Layer(_DEPTH) for _ in range(2 + larger)))
        self.calm = nn.LayerNorm(_DEPTH)
        self.columns = nn.Linear(_DEPTH, len(ALPHABET))
        self.slots = nn.Parameter(torch.randn(1, SLOTS, _DEPTH) * 0.5)
        self.pick = Attention(_DEPTH)
        self.mixer = _mixer(_DEPTH)
        self.again = Again(_DEPTH) if larger else None
        self.name = nn.Sequential(nn.LayerNorm(_DEPTH), nn.Linear(_DEPTH, len(ALPHABET)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        rows = self.look[:-3]((x - 127.5) * (1 / 64.0))
        x = self.look[-3:](rows)
        x = x.squeeze(2).transpose(1, 2) + self.place
        x = self.calm(self.layers(x))
        slots = self.slots.expand(x.shape[0], -1, -1)
        slots = slots + self.pick(slots, x)
        slots = slots + self.mixer(slots)
        if self.again is not None:
            slots = self.again(slots, rows)
        return self.name(slots), self.columns(x)


_MOVED = {"look.6": "look.7", "look.7": "look.9", "look.8": "look.10"}
"""Where the parts of the smaller reader (two residual blocks, two layers) stand in the larger one."""
_LARGER = "layers.2.norm.weight"


def reader_of(weights: Mapping[str, Tensor]) -> Reader:
    """A reader of the size of these weights, with them."""
    reader = Reader(larger=_LARGER in weights)
    reader.load_state_dict(weights)
    return reader


def grown(small: Mapping[str, Tensor]) -> Reader:
    """A larger reader that answers as the smaller one with these weights does: the blocks it gained change nothing yet.

    Weights of this size are taken as they are.
    """
    reader = Reader(larger=True)
    if _LARGER in small:
        reader.load_state_dict(small)
        return reader
    with torch.no_grad():
        for block in (reader.look[6], reader.look[8]):
            nn.init.zeros_(block.second[1].weight)
        for last in (reader.layers[2].attention.out, reader.layers[2].mixer[3]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
    state = reader.state_dict()
    for name, kept in small.items():
        part = ".".join(name.split(".")[:2])
        state[name.replace(part, _MOVED.get(part, part), 1)] = kept
    reader.load_state_dict(state)
    return reader


class Exported(nn.Module):
    """The reader as it is shipped: uint8 (n, 64, 128, 3) RGB in, probabilities (n, 10, 37) out.

    The logits are divided by `temperature`, fitted on held-out plates, so that a probability means what it says.
    """

    def __init__(self, reader: Reader, temperature: float = 1.0) -> None:
        super().__init__()
        self.reader = reader
        self.temperature = temperature

    def forward(self, crops: Tensor) -> Tensor:
        return torch.softmax(self.reader(crops.float().permute(0, 3, 1, 2))[0] / self.temperature, dim=-1)


def text_of(slots: Tensor) -> list[str]:
    """Texts out of the slots' logits or probabilities, pad characters dropped."""
    return ["".join(ALPHABET[k] for k in row if k != PAD) for row in slots.argmax(-1).tolist()]
