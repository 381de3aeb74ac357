"""What happens to a picture between the road and the detector: light, night, lens, sensor, compression, captions.

All colour changes are one table look-up and the noise comes from a bank, because a training crop must cost little.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from photographs import Pixels

BANK = 24


@cache
def _noise() -> NDArray[np.int16]:
    """Gaussian noise of deviation 16, twice the crop's size, fine and coarse by turns."""
    rng = np.random.default_rng(7)
    bank = rng.normal(0, 16, (BANK, 512, 512, 3))
    for i in range(0, BANK, 3):
        bank[i] = cv2.GaussianBlur(bank[i], (0, 0), 0.8) * 2.2
    for i in range(1, BANK, 3):
        bank[i] = bank[i][..., :1]
    return bank.astype(np.int16)


def disturb(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The same crop as a camera might have delivered it, BGR."""
    chance = rng.random(6)
    if chance[0] < 0.30:
        pixels = _blurred(pixels, rng)
    pixels = _u8(cv2.LUT(pixels, _table(rng, night=bool(chance[1] < 0.15))))
    if chance[2] < 0.12:
        pixels = _u8(cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR))
    if chance[3] < 0.35:
        pixels = _noisy(pixels, rng)
    if chance[4] < 0.30:
        quality = int(rng.uniform(25, 85))
        written = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        pixels = _u8(cv2.imdecode(written, cv2.IMREAD_COLOR))
    if chance[5] < 0.08:
        pixels = _u8(cv2.convertScaleAbs(pixels, alpha=rng.uniform(0.5, 0.9), beta=rng.uniform(10, 90)))
    return pixels


def _u8(pixels: object) -> Pixels:
    """What cv2 returns, which its stubs type too widely."""
    return np.asarray(pixels, np.uint8)


def _table(rng: np.random.Generator, *, night: bool) -> NDArray[np.uint8]:
    """One look-up table for gamma, contrast, brightness and white balance, [256, 1, 3]."""
    tone = np.arange(256) / 255.0
    gamma = np.exp(rng.normal(0, 0.25)) * (rng.uniform(1.2, 2.2) if night else 1.0)
    tone = tone**gamma
    contrast = np.exp(rng.normal(0, 0.2))
    tone = (tone - 0.45) * contrast + 0.45 + rng.normal(0, 0.06)
    if night:
        tone = tone * rng.uniform(0.3, 0.9)
    balance = np.exp(rng.normal(0, 0.10 if rng.random() < 0.7 else 0.25, 3))
    table: NDArray[np.float64] = np.clip(tone[:, None] * balance[None, :] * 255, 0, 255)
    if rng.random() < 0.02:
        table = 255 - table
    return table.astype(np.uint8)[:, None, :]


def _blurred(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    kind = rng.random()
    if kind < 0.5:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.4, 1.3)), np.uint8)
    if kind < 0.75:
        size = int(rng.choice([3, 5, 7]))
        kernel = np.zeros((size, size), np.float32)
        slope = rng.uniform(-0.6, 0.6) * size / 2
        cv2.line(kernel, (0, round(size / 2 - slope)), (size - 1, round(size / 2 + slope)), 1.0, 1)
        return np.asarray(cv2.filter2D(pixels, -1, kernel / max(float(kernel.sum()), 1.0)), np.uint8)
    height, width = pixels.shape[:2]
    share = rng.uniform(0.55, 0.9)
    small = cv2.resize(pixels, (int(width * share), int(height * share)), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _noisy(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    y, x = rng.integers(512 - height + 1), rng.integers(512 - width + 1)
    noise = _noise()[int(rng.integers(BANK)), y : y + height, x : x + width]
    strength = int(rng.uniform(4, 40))
    return np.clip(pixels + (noise * strength >> 5), 0, 255).astype(np.uint8)


def scribble(pixels: Pixels, rng: np.random.Generator) -> None:
    """Burn in what is text but no plate: a camera's caption, or lettering as on vans and walls. Changes `pixels`."""
    height, width = pixels.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        letters = "0123456789:-/ " if rng.random() < 0.5 else "ABCDEFGHIKLMNOPRSTUVWXYZ abcdefghilmnoprstu 0123"
        text = "".join(rng.choice(list(letters), int(rng.integers(5, 22))))
        colour = tuple(int(c) for c in (rng.choice([0, 255]) if rng.random() < 0.6 else 128) + rng.integers(-40, 40, 3))
        font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN]))
        scale = float(np.exp(rng.uniform(np.log(0.3), np.log(1.2))))
        place = (int(rng.uniform(-20, width * 0.8)), int(rng.uniform(8, height)))
        cv2.putText(pixels, text, place, font, scale, colour, int(rng.integers(1, 3)), cv2.LINE_AA)
