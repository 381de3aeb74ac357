"""The built-in set: a drawn street by day and by night, plates from near to far. Drawn, so nobody's plate comes along.

It tells variants of a model from one another. It does not tell how a model does on real roads: for that there is
`homerule models evaluate` on photographs of one's own.
"""

from functools import lru_cache

import cv2
import numpy as np

from edge.measure.labelled import Photograph
from edge.measure.overlaps import rows
from edge.road.clip import Pass, Road
from edge.values import Pixels

_PASSES = (
    Pass(text="ABX 4725"),
    Pass(text="K71 834", state="WISCONSIN", colour="red", body="suv", towards=True),
    Pass(text="PMN 206", state="IOWA", colour="white"),
    Pass(text="8 HTV 39", state="MICHIGAN", colour="blue", towards=True),
)
SHOWN = 32
"""How many pictures there are."""
_SEED = 11


@lru_cache(maxsize=1)
def known(shown: int = SHOWN) -> tuple[Photograph, ...]:
    """The pictures, 1280 x 720, always the same; every other one is by night, and some are out of focus."""
    road = Road(passes=_PASSES, seed=_SEED)
    readable = [number for number in range(road.length) if road.plates(number)]
    chance = np.random.default_rng(_SEED)
    made = []
    for place in range(shown):
        number = readable[place * len(readable) // shown]
        plates = road.plates(number)
        pixels = road.frame(number)
        if place % 2:
            pixels = _by_night(pixels, chance)
        if place % 3 == 2:
            pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.1), np.uint8)
        made.append(
            Photograph(
                name=str(number),
                pixels=pixels,
                boxes=rows([box for _, box in plates]),
                texts=tuple(text for text, _ in plates),
                unlabelled=rows([]),
            )
        )
    return tuple(made)


def _by_night(pixels: Pixels, chance: np.random.Generator) -> Pixels:
    """What an infrared lamp shows: grey, dark away from the middle of the road, and grainy."""
    high, wide = pixels.shape[:2]
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32)
    along, down = np.meshgrid(np.linspace(-1, 1, wide), np.linspace(-1, 1, high))
    light = np.exp(-0.9 * (along**2 + 0.6 * (down - 0.2) ** 2)).astype(np.float32)
    dark = 0.55 * grey * light + chance.normal(6, 7, (high, wide)).astype(np.float32)
    return np.asarray(np.repeat(np.clip(dark, 0, 255)[:, :, None], 3, axis=2), np.uint8)
