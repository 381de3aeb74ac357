"""Quickly drawn American-looking plates for the detector, which needs their look at a distance, not legible states."""

from __future__ import annotations

import cv2
import numpy as np
from photographs import Pixels

WIDTH, HEIGHT = 240, 120
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX)
LETTERS = list("ABCDEFGHJKLMNPRSTUVWXYZ0123456789 ")


def plain_plate(rng: np.random.Generator) -> Pixels:
    """One plate, BGR, 240 x 120: ground (plain, gradient or picture-like), number, state line, bolts, frame."""
    dark = rng.random() < 0.15
    ground = rng.uniform(20, 110, 3) if dark else rng.uniform(150, 255, 3)
    other = np.clip(ground + rng.normal(0, 40, 3), 0, 255)
    slope = np.linspace(0, 1, HEIGHT)[:, None, None] ** rng.uniform(0.5, 3)
    plate = np.broadcast_to(ground * (1 - slope) + other * slope, (HEIGHT, WIDTH, 3)).astype(np.uint8).copy()
    if rng.random() < 0.35:
        coarse = rng.normal(0, 25, (6, 12, 3))
        plate = np.clip(plate + cv2.resize(coarse, (WIDTH, HEIGHT)), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        top = int(rng.uniform(15, 30))
        plate[:top] = rng.uniform(0, 255, 3).astype(np.uint8)
    ink = tuple(int(v) for v in (rng.uniform(190, 255, 3) if dark else rng.uniform(0, 110, 3) * rng.random(3)))
    _write(plate, "".join(rng.choice(LETTERS[:-1], int(rng.integers(4, 12)))), rng, 0.13, 0.15, ink, 0.4, 0.8)
    number = "".join(rng.choice(LETTERS, int(rng.integers(5, 8))))
    _write(plate, number, rng, 0.55, rng.uniform(0.42, 0.55), ink, 0.78, 0.92)
    if rng.random() < 0.6:
        _write(plate, "".join(rng.choice(LETTERS[:-1], int(rng.integers(5, 16)))), rng, 0.92, 0.10, ink, 0.3, 0.7)
    for x in (0.2, 0.8):
        for y in (0.07, 0.93):
            cv2.circle(plate, (int(x * WIDTH), int(y * HEIGHT)), 4, tuple(int(v) for v in rng.uniform(30, 230, 3)), -1)
    if rng.random() < 0.4:
        edge = tuple(int(v) for v in rng.uniform(0, 255, 3))
        cv2.rectangle(plate, (0, 0), (WIDTH - 1, HEIGHT - 1), edge, int(rng.integers(2, 9)))
    return plate


def _write(
    plate: Pixels,
    text: str,
    rng: np.random.Generator,
    middle: float,
    tall: float,
    ink: tuple[int, ...],
    low: float,
    high: float,
) -> None:
    """Letter `text` across the plate: drawn large, then squeezed to its height and width."""
    font = FONTS[int(rng.integers(len(FONTS)))]
    (width, height), _ = cv2.getTextSize(text, font, 2.0, 6)
    mask = np.zeros((height + 8, width + 8), np.uint8)
    cv2.putText(mask, text, (4, height + 3), font, 2.0, 255, int(rng.integers(4, 10)), cv2.LINE_AA)
    size = (int(WIDTH * rng.uniform(low, high)), max(int(HEIGHT * tall), 4))
    alpha = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)[..., None] / 255.0
    y, x = int(HEIGHT * middle - size[1] / 2), (WIDTH - size[0]) // 2
    y = min(max(y, 0), HEIGHT - size[1])
    patch = plate[y : y + size[1], x : x + size[0]]
    patch[:] = (patch * (1 - alpha) + np.array(ink) * alpha).astype(np.uint8)
