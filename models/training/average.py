"""Averages the weights of two readers of one size, the second usually trained on from the first.

    python models/training/average.py FIRST.pt SECOND.pt SHARE OUT.pt

SHARE (0 to 1) is how much the second counts. What a short training on real crops took from the drawn and the foreign
plates comes back, and most of what it gave stays (after Wortsman and others, arXiv:2109.01903).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch


def average(first: Path, second: Path, share: float, out: Path) -> None:
    """Write the weighted mean of both; ValueError when they are of two sizes."""
    ours, theirs = (torch.load(path, weights_only=True) for path in (first, second))
    if ours.keys() != theirs.keys():
        raise ValueError(f"`{first}` and `{second}` are weights of two sizes; give two of the same")
    mean = {
        name: torch.lerp(ours[name], value, share) if value.is_floating_point() else value
        for name, value in theirs.items()
    }
    torch.save(mean, out)


def main() -> int:
    if len(sys.argv) != 5:
        print("usage: average.py FIRST.pt SECOND.pt SHARE OUT.pt", file=sys.stderr)
        return 2
    average(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
