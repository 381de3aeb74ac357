"""The reader: convolutions squeeze a 64 x 128 plate into 32 columns, two transformer layers let the columns see one
another, and ten learned slots each pick out one character. The column head (CTC) helps to learn and stays behind.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
PAD = ALPHABET.index("_")
SLOTS = 10
WIDTH, HEIGHT = 128, 64
_COLUMNS = 32
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


class Reader(nn.Module):
    """RGB 0..255 of shape (n, 3, 64, 128) in; logits of the slots (n, 10, 37) and of the columns (n, 32, 37) out."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            _conv(3, 16, (2, 2)),
            _conv(16, 32),
            _conv(32, 48, (2, 2)),
            Residual(48),
            _conv(48, 64, (2, 1)),
            Residual(64),
            _conv(64, _DEPTH, (2, 1)),
            nn.Conv2d(_DEPTH, _DEPTH, (4, 1), bias=False),
            nn.BatchNorm2d(_DEPTH),
            nn.ReLU(inplace=True),
        )
        self.place = nn.Parameter(torch.randn(1, _COLUMNS, _DEPTH) * 0.02)
        self.layers = nn.Sequential(Layer(_DEPTH), Layer(_DEPTH))
        self.calm = nn.LayerNorm(_DEPTH)
        self.columns = nn.Linear(_DEPTH, len(ALPHABET))
        self.slots = nn.Parameter(torch.randn(1, SLOTS, _DEPTH) * 0.5)
        self.pick = Attention(_DEPTH)
        self.mixer = _mixer(_DEPTH)
        self.name = nn.Sequential(nn.LayerNorm(_DEPTH), nn.Linear(_DEPTH, len(ALPHABET)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.look((x - 127.5) * (1 / 64.0))
        x = x.squeeze(2).transpose(1, 2) + self.place
        x = self.calm(self.layers(x))
        slots = self.slots.expand(x.shape[0], -1, -1)
        slots = slots + self.pick(slots, x)
        slots = slots + self.mixer(slots)
        return self.name(slots), self.columns(x)


class Exported(nn.Module):
    """The reader as it is shipped: uint8 (n, 64, 128, 3) RGB in, probabilities (n, 10, 37) out."""

    def __init__(self, reader: Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, crops: Tensor) -> Tensor:
        return torch.softmax(self.reader(crops.float().permute(0, 3, 1, 2))[0], dim=-1)


def text_of(slots: Tensor) -> list[str]:
    """Texts out of the slots' logits or probabilities, pad characters dropped."""
    return ["".join(ALPHABET[k] for k in row if k != PAD) for row in slots.argmax(-1).tolist()]
