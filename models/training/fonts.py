"""Alphabets for the plate renderer: masks of 0-9 A-Z made from open-licence fonts found on this machine and from the
project's own die letters. No font file is kept in the project; README.md lists the Debian packages that bring them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.road.glyphs import GLYPHS, VARIANTS, strokes

Mask = NDArray[np.uint8]

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CAP = 56
"""Height in pixels of a capital letter in every mask."""
ABOVE, BELOW = 5, 11
"""Rows kept above the capitals and below the base line, for round letters and for the tail of a Q."""

# Sans faces near enough to what is pressed into plates, a few with serifs or of one width; italics are left out.
_WANTED = re.compile(
    r"^(Cabin|Carlito|ClearSans|DejaVuSans|Dosis|FreeSans|Hack|3270|Inter-|Inter\b|JetBrainsMono|Jura|Karla|Lato|LiberationSans|"
    r"LiberationMono|NimbusSans|NotoSans-|NotoSans\[|NotoMono|NationalPark|national-park|OCR|ocr|OpenSans|Oxygen|Play|PT|Quicksand|"
    r"Roboto|routed-gothic|BebasNeue|bebas|URWGothic|mononoki|osifont|NanumGothic|NanumSquare|Comfortaa|LinBiolinum|"
    r"FiraCode|Inconsolata|Cantarell|Ubuntu|courier-prime|CourierPrime|FantasqueSansMono|b612|B612|agave|Anonymous|"
    r"Andika|Oswald|LeagueGothic|Saira|Barlow|Overpass|Gidole|Manrope|Yanone|Signika|Titillium|Montserrat|Junction)",
)
_UNWANTED = re.compile(
    r"(Italic|Oblique|Thin|Hairline|ExtraLight|UltraLight|-Light|Light\.|-It\.|BI\.|-I\.|Slanted|Coding|Kbd|_RI|_I\b|"
    r"Linear|Outline|_Kah|PTF|PTZ|Biolinum_K|OCRB[EFSX]|Pro I|Minus I|PTS56|PTS76|half-italic|ExtLt|Caption)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Alphabet:
    """Masks of one face: uint8 (ABOVE + CAP + BELOW, width), 255 is ink; `gap` is its space between letters."""

    name: str
    masks: dict[str, Mask]
    gap: float
    die: bool


def font_files(roots: tuple[str, ...] = ("/usr/share/fonts", "/usr/local/share/fonts")) -> list[Path]:
    """The font files of the wanted faces, sorted by path, at most one for each file name."""
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(Path(root).rglob("*")):
            wanted = _WANTED.match(path.name) and not _UNWANTED.search(path.name)
            if wanted and path.suffix.lower() in (".ttf", ".otf", ".pfb"):
                found.setdefault(path.stem, path)
    return sorted(found.values())


def load_alphabets(rng: np.random.Generator, dies: int = 160) -> list[Alphabet]:
    """One alphabet for each font on the machine and `dies` of our own with random shapes, weights and slants."""
    fonts = [alphabet for path in font_files() if (alphabet := _from_font(path)) is not None]
    return fonts + die_alphabets(rng, dies)


def die_alphabets(rng: np.random.Generator, dies: int) -> list[Alphabet]:
    """`dies` alphabets of our own letters, which need no font."""
    return [_from_dies(rng, number) for number in range(dies)]


def _from_font(path: Path) -> Alphabet | None:
    from PIL import Image, ImageDraw, ImageFont  # only where font files are used: the tests draw with the dies

    font = ImageFont.truetype(str(path), 100)
    _, top, _, bottom = font.getbbox("H", anchor="ls")
    if bottom - top < 20:
        return None
    font = ImageFont.truetype(str(path), round(100 * CAP / (bottom - top)))
    masks = {}
    for character in CHARACTERS:
        sheet = Image.new("L", (2 * CAP + 40, ABOVE + CAP + BELOW), 0)
        ImageDraw.Draw(sheet).text((40, ABOVE + CAP), character, font=font, fill=255, anchor="ls")
        mask = np.asarray(sheet)
        columns = np.flatnonzero(mask.max(0) > 40)
        if len(columns) < 4:
            return None
        masks[character] = np.ascontiguousarray(mask[:, columns[0] : columns[-1] + 1])
    return Alphabet(name=path.stem, masks=masks, gap=0.16 * CAP, die=False)


def _from_dies(rng: np.random.Generator, number: int) -> Alphabet:
    """Our own letters: every character is the usual shape or one of its variants, the same within one alphabet."""
    shapes = dict(GLYPHS)
    for character, others in VARIANTS.items():
        if rng.random() < 0.5:
            shapes[character] = others[int(rng.integers(len(others)))]
    if rng.random() < 0.5:
        # On most plates a letter O cannot be told from a zero by its shape.
        shapes["O"] = shapes["0"] if "|" not in shapes["0"] else GLYPHS["0"]
    thick = float(rng.uniform(5.0, 12.5))
    broad = float(rng.uniform(0.85, 1.45))
    slant = float(rng.choice([0.0, 0.0, 0.0, 0.06, 0.12]))
    masks = {character: _die_mask(shapes[character], thick, broad, slant) for character in CHARACTERS}
    return Alphabet(name=f"die-{number}", masks=masks, gap=float(rng.uniform(0.1, 0.24)) * CAP, die=True)


def _die_mask(shape: str, thick: float, broad: float, slant: float) -> Mask:
    fine = 3
    tall = (CAP - thick) / 20.0
    lines = strokes(shape)
    left = min(float(line[:, 0].min()) for line in lines)
    length = max(float(line[:, 0].max()) for line in lines) - left
    wide = round(length * tall * broad + thick + slant * CAP) + 2
    canvas = np.zeros(((ABOVE + CAP + BELOW) * fine, wide * fine), np.uint8)
    for line in lines:
        x = (line[:, 0] - left) * tall * broad + thick / 2 + 1 + slant * tall * (20.0 - line[:, 1])
        y = line[:, 1] * tall + thick / 2 + ABOVE
        points = np.rint(np.stack([x, y], 1) * fine * 16).astype(np.int32)
        cv2.polylines(canvas, [points], False, 255, max(round(thick * fine), 1), cv2.LINE_8, 4)
    return np.asarray(cv2.resize(canvas, (wide, ABOVE + CAP + BELOW), interpolation=cv2.INTER_AREA), dtype=np.uint8)
