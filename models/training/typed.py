"""Texts that were typed by who looked at a crop, kept so that they tell nothing to who does not have the photograph.

    python models/training/typed.py TYPED.csv DATA_DIR OUT.csv

A row is image, x1, y1 and either `plate`, the text as typed, or `masked`: the same, its characters moved on by the
sha256 of the photograph and the place. With the photograph at hand, where everybody can read the plate anyway, the text
comes back; without it the row is noise. `typed.csv` beside this file is masked.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from functools import cache
from pathlib import Path

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_LONGEST = 10

Place = tuple[str, int, int]


def typed_texts(typed: Path, folder: Path) -> dict[Place, str]:
    """The text at each place that was looked at, "" where nobody can read it; `folder` holds images/.

    Rows of photographs that are not there are passed over.
    """
    with typed.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        place = (row["image"], int(row["x1"]), int(row["y1"]))
        if not (folder / "images" / row["image"]).exists():
            continue
        found[place] = row["plate"] if "plate" in row else unmasked(row["masked"], place, folder)
    return found


def masked(text: str, place: Place, folder: Path) -> str:
    """Ten characters that stand for a text of at most ten of A-Z and 0-9."""
    moved = zip(text.ljust(_LONGEST, "_"), _steps(place, folder), strict=True)
    return "".join(_ALPHABET[(_ALPHABET.index(character) + step) % len(_ALPHABET)] for character, step in moved)


def unmasked(text: str, place: Place, folder: Path) -> str:
    """The inverse of `masked`."""
    moved = zip(text, _steps(place, folder), strict=True)
    plain = "".join(_ALPHABET[(_ALPHABET.index(character) - step) % len(_ALPHABET)] for character, step in moved)
    return plain.rstrip("_")


def _steps(place: Place, folder: Path) -> bytes:
    image, x1, y1 = place
    return hashlib.sha256(f"{x1},{y1}:".encode() + _photograph(folder / "images" / image)).digest()[:_LONGEST]


@cache
def _photograph(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def main() -> None:
    typed, folder, out = (Path(word) for word in sys.argv[1:4])
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "x1", "y1", "masked"))
        for place, text in sorted(typed_texts(typed, folder).items()):
            writer.writerow((*place, masked(text, place, folder)))


if __name__ == "__main__":
    main()
