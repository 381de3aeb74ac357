"""Pictures that come but show nothing."""

import numpy as np

from edge.capture.scrutiny import Scrutiny
from edge.decoding.trouble import Why

CHANCE = np.random.default_rng(4)
ROAD = CHANCE.integers(20, 200, (90, 160)).astype(np.uint8)


def noisy(plane: np.ndarray, levels: float) -> np.ndarray:
    return np.clip(plane + CHANCE.normal(0, levels, plane.shape), 0, 255).astype(np.uint8)


def whys(planes: list[np.ndarray]) -> list[Why | None]:
    scrutiny = Scrutiny(frozen_seconds=30, black_seconds=10)
    troubles = [scrutiny.look(plane, float(second)) for second, plane in enumerate(planes)]
    return [trouble.why if trouble else None for trouble in troubles]


def test_an_empty_road_is_no_trouble() -> None:
    assert set(whys([noisy(ROAD, 0.6) for _ in range(120)])) == {None}


def test_a_dark_street_with_one_lamp_is_no_trouble() -> None:
    street = np.full((90, 160), 17, np.uint8)
    street[10:30, 20:60] = 60
    assert set(whys([noisy(street, 0.6) for _ in range(60)])) == {None}


def test_a_picture_that_stands_still_is_frozen_after_its_time() -> None:
    found = whys([ROAD] * 40)
    assert found == [None] * 30 + [Why.FROZEN] * 10


def test_a_single_pixel_that_changes_is_life() -> None:
    planes = [ROAD.copy() for _ in range(60)]
    for second, plane in enumerate(planes):
        plane[4, 4] = second
    assert set(whys(planes)) == {None}


def test_a_covered_lens_is_black_though_its_noise_goes_on() -> None:
    found = whys([noisy(np.full((90, 160), 16), 0.8) for _ in range(20)])
    assert found == [None] * 10 + [Why.BLACK] * 10


def test_the_trouble_is_over_with_the_first_good_picture() -> None:
    black = np.full((90, 160), 16, np.uint8)
    assert whys([black] * 12 + [ROAD])[-2:] == [Why.BLACK, None]
