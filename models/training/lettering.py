"""Lettering that is no plate: names on vans and shop fronts, stickers, badges, signs. The detector must leave it be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_ALL = (
    "al am an au ber ca che co da de do el en er fa fo ga go ha he in ka ko la le li lo ma mi mo ne no ol on "
    "or pa pe po ra re ri ro sa se shi so su ta te ti to un va ve wa xi yo za"
)
SYLLABLES = _ALL.split()
TALL = 48


def draw_lettering(rng: np.random.Generator, fonts: Sequence[Path]) -> NDArray[np.uint8]:
    """One piece of lettering as BGRA, any size: bare letters, a panel of several lines or one long word, a badge."""
    from PIL import Image, ImageDraw, ImageFont

    kind = rng.choice(["bare", "panel", "badge"], p=[0.55, 0.3, 0.15])
    font = ImageFont.truetype(str(fonts[int(rng.integers(len(fonts)))]), TALL)
    lines = [_words(rng, kind) for _ in range(int(rng.integers(2, 5)) if kind == "panel" and rng.random() < 0.7 else 1)]
    text = "\n".join(lines)
    probe = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = (int(v) for v in probe.multiline_textbbox((0, 0), text, font=font, align="center"))
    margin = int(rng.uniform(4, 30)) if kind != "bare" else 3
    size = (right - left + 2 * margin, bottom - top + 2 * margin)
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).multiline_text((margin - left, margin - top), text, font=font, fill=255, align="center")
    ink, ground = rng.integers(0, 256, 3), rng.integers(0, 256, 3)
    if rng.random() < 0.6:
        ink, ground = (np.full(3, v) for v in rng.permutation([rng.uniform(0, 60), rng.uniform(190, 255)]))
    letters = np.asarray(mask, np.float32)[..., None] / 255
    alpha = np.asarray(mask, np.uint8)
    if kind == "panel":
        alpha = np.full(size[::-1], 255, np.uint8)
    if kind == "badge":
        alpha = np.zeros(size[::-1], np.uint8)
        cv2.ellipse(alpha, (size[0] // 2, size[1] // 2), (size[0] // 2, size[1] // 2), 0, 0, 360, 255, -1, cv2.LINE_AA)
    colours = ground * (1 - letters) + ink * letters if kind != "bare" else np.broadcast_to(ink, (*size[::-1], 3))
    return np.dstack([colours.astype(np.uint8), alpha])


def _words(rng: np.random.Generator, kind: str) -> str:
    """A made-up word or two; a panel with one line of capitals would be a plate, so panels are long or lower case."""
    length = int(rng.integers(4, 8)) if kind == "panel" else int(rng.integers(1, 5))
    word = "".join(rng.choice(SYLLABLES, length))
    if kind == "panel" or rng.random() < 0.4:
        return word.capitalize() if rng.random() < 0.6 else word
    return word.upper()


def paste_lettering(
    pixels: NDArray[np.uint8], piece: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put a piece into the picture at a random place and size; where it now lies, as low and high (x, y)."""
    height, width = piece.shape[:2]
    scale = float(np.exp(rng.uniform(np.log(14), np.log(110)))) / width
    size = np.maximum(np.round(np.array([width, height]) * scale), 4).astype(int)
    size = np.minimum(size, np.array(pixels.shape[1::-1]))
    small = cv2.resize(piece, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    low = (rng.random(2) * (np.array(pixels.shape[1::-1]) - size)).astype(int)
    high = low + size
    patch = pixels[low[1] : high[1], low[0] : high[0]]
    light = np.clip(float(patch.mean()) / 100, 0.3, 1.1)
    alpha = small[..., 3:].astype(np.float32) / 255
    patch[:] = np.clip(small[..., :3] * light * alpha + patch * (1 - alpha), 0, 255).astype(np.uint8)
    return low.astype(np.float64), high.astype(np.float64)
