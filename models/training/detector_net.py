"""The plate detector's network: one level, stride 8, a heat map of plate centres and a box at every cell.

Plain 3x3 convolutions, batch norm and ReLU only: at these widths they are faster on a CPU than depthwise ones, and
everything folds into nine-tap convolutions that any runtime has. Heat map after CenterNet (arXiv:1904.07850), distances
to the box's sides after FCOS (arXiv:1904.01355).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIDE = 8


def conv(inside: int, outside: int, *, stride: int = 1, size: int = 3, relu: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, unless told otherwise, ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(inside, outside, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(outside, momentum=0.03),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Two convolutions added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels)
        self.second = conv(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, height, width] to the same."""
        return torch.relu(x + self.second(self.first(x)))


class PlateDetector(nn.Module):
    """About 0.55 M parameters; fully convolutional, so the size of the picture is free (multiples of 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.to4 = nn.Sequential(conv(3, 16, stride=2), conv(16, 24, stride=2))
        self.to8 = nn.Sequential(conv(24, 48, stride=2), Residual(48))
        self.to16 = nn.Sequential(conv(48, 80, stride=2), Residual(80))
        self.to32 = nn.Sequential(conv(80, 112, stride=2), Residual(112))
        self.across8 = conv(48, 48, size=1, relu=False)
        self.across16 = conv(80, 48, size=1, relu=False)
        self.across32 = conv(112, 48, size=1, relu=False)
        self.head = conv(48, 64)
        self.out = nn.Conv2d(64, 5, 1)
        # A plate is in about one cell of a hundred; distances start at two cells.
        start = torch.tensor([-4.6, 0.7, 0.7, 0.7, 0.7])
        self.out.bias = nn.Parameter(start)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """RGB in 0..1 [batch, 3, height, width] to heat logits [batch, 1, h, w] and log distances [batch, 4, h, w].

        The distances run from the cell's centre to the left, top, right and bottom side, in strides, as logarithms.
        """
        p8 = self.to8(self.to4(images * 4 - 2))
        p16 = self.to16(p8)
        p32 = self.to32(p16)
        top = self.across16(p16) + nn.functional.interpolate(self.across32(p32), scale_factor=2.0, mode="nearest")
        fine = self.across8(p8) + nn.functional.interpolate(torch.relu(top), scale_factor=2.0, mode="nearest")
        out = self.out(self.head(torch.relu(fine)))
        return out[:, :1], out[:, 1:]


def boxes_of(distances: Tensor) -> Tensor:
    """Log distances [batch, 4, h, w] to boxes x1, y1, x2, y2 in pixels of the picture, same shape."""
    height, width = distances.shape[-2:]
    x = (torch.arange(width, dtype=torch.float32) + 0.5) * STRIDE
    y = (torch.arange(height, dtype=torch.float32) + 0.5) * STRIDE
    away = torch.exp(distances.clamp(-4.0, 4.5)) * STRIDE
    x, y = x.view(1, 1, width), y.view(1, height, 1)
    return torch.stack([x - away[:, 0], y - away[:, 1], x + away[:, 2], y + away[:, 3]], dim=1)


def parameters_of(net: nn.Module) -> int:
    """How many numbers the network learns."""
    return sum(learned.numel() for learned in net.parameters())
