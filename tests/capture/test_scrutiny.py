"""Pictures that come but show nothing."""

import io
from collections.abc import Iterable

import av
import numpy as np
import pytest

from edge.capture.picture import Converter
from edge.capture.scrutiny import Scrutiny
from edge.decoding.trouble import Why

CHANCE = np.random.default_rng(4)
ROAD = CHANCE.integers(20, 200, (90, 160)).astype(np.uint8)


def noisy(plane: np.ndarray, levels: float) -> np.ndarray:
    return np.clip(plane + CHANCE.normal(0, levels, plane.shape), 0, 255).astype(np.uint8)


def whys(planes: list[np.ndarray], *, every: float = 1.0) -> list[Why | None]:
    scrutiny = Scrutiny(frozen_seconds=30, black_seconds=10)
    troubles = [scrutiny.look(plane, every * number) for number, plane in enumerate(planes)]
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


def test_a_few_samples_that_waver_by_one_level_are_no_life() -> None:
    planes = [ROAD.copy() for _ in range(40)]
    for plane in planes[1:]:
        plane[CHANCE.integers(0, 90, 10), CHANCE.integers(0, 160, 10)] += 1
    assert whys(planes) == [None] * 30 + [Why.FROZEN] * 10


def test_noise_of_one_level_in_one_sample_of_fifty_is_life() -> None:
    assert set(whys([ROAD + (CHANCE.random(ROAD.shape) < 0.02).astype(np.uint8) for _ in range(120)])) == {None}


def test_a_covered_lens_is_black_though_its_noise_goes_on() -> None:
    found = whys([noisy(np.full((90, 160), 16), 0.8) for _ in range(20)])
    assert found == [None] * 10 + [Why.BLACK] * 10


def test_the_trouble_is_over_with_the_first_good_picture() -> None:
    black = np.full((90, 160), 16, np.uint8)
    assert whys([black] * 12 + [ROAD])[-2:] == [Why.BLACK, None]


# Twice as wide as a plane of the scrutiny's, a few a second: what an encoder makes of them is the same at any size.
HIGH, WIDE, FPS = 180, 320, 4
EVERY = (FPS + 1) / FPS
"""A look comes a little later than a second after the last one: each time at another place between whole pictures."""
ROWS, COLUMNS = np.mgrid[:HIGH, :WIDE]
TEXTURE = CHANCE.normal(0, 1, (HIGH, WIDE))
DAY = 60 + ROWS / 2 + 40 * (COLUMNS // 20 % 2) + 4 * TEXTURE
NIGHT = 16 + 30 * np.exp(-((COLUMNS - 200) ** 2 + (ROWS - 70) ** 2) / 5000) + 4 * (COLUMNS // 20 % 2)
LAMP = np.where((abs(COLUMNS - 135) < 35) & (abs(ROWS - 75) < 25), 60 - abs(COLUMNS - 135) / 2, 16.0)
"""In black, and no more than six percent of the picture."""

STILL_AS_EVER = {"preset": "ultrafast", "crf": "23"}
AT_A_RATE = {"preset": "veryfast", "b": "250k"}
POORLY = {"preset": "ultrafast", "qp": "44"}


def live(scene: np.ndarray, levels: float, seconds: int) -> list[np.ndarray]:
    """With what is left of a sensor's noise after the camera has smoothed it over time."""
    chance, pictures = np.random.default_rng(5), []
    noise = levels * chance.normal(0, 1, scene.shape)
    for _ in range(seconds * FPS):
        noise = 0.9 * noise + 0.44 * levels * chance.normal(0, 1, scene.shape)
        pictures.append(scene + noise * np.sqrt(np.maximum(0.0, scene - 15.9) / 20))
    return pictures


def through_an_encoder(
    pictures: Iterable[np.ndarray], options: dict[str, str], *, whole_every: int
) -> list[np.ndarray]:
    """One plane EVERY seconds of what an H.264 decoder gives, as a camera of the daemon's takes it."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=FPS, options=options | {"bf": "0", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = WIDE, HIGH, "yuv420p", whole_every * FPS
        for number, picture in enumerate(pictures):
            samples = np.full((HIGH * 3 // 2, WIDE), 128, np.uint8)
            samples[:HIGH] = np.clip(np.rint(picture), 16, 235)
            frame = av.VideoFrame.from_ndarray(samples, format="yuv420p")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file) as coded:
        frames = list(coded.decode(video=0))
    return [Converter().shown(frame).luma(2) for frame in frames[:: FPS + 1]]


@pytest.mark.parametrize("options", [STILL_AS_EVER, AT_A_RATE], ids=["at a quality", "at a rate"])
@pytest.mark.parametrize("scene", [DAY, NIGHT], ids=["day", "night"])
def test_a_picture_that_stands_still_behind_an_encoder_is_frozen_within_a_minute(
    scene: np.ndarray, options: dict[str, str]
) -> None:
    still = live(scene, 2.0, 1)[0]
    planes = through_an_encoder([*live(scene, 0.5, 10), *[still] * 90 * FPS], options, whole_every=2)
    assert any((one != other).any() for one, other in zip(planes[-30:], planes[-29:], strict=False)), "bit by bit"
    found = whys(planes, every=EVERY)
    said = found.index(Why.FROZEN)
    assert 10 + 30 <= said * EVERY <= 10 + 60
    assert set(found[said:]) == {Why.FROZEN}


@pytest.mark.parametrize("options", [STILL_AS_EVER, AT_A_RATE, POORLY], ids=["at a quality", "at a rate", "poorly"])
@pytest.mark.parametrize("scene", [DAY, NIGHT, LAMP], ids=["day", "night", "a lamp in black"])
def test_a_clean_camera_with_weak_noise_is_never_frozen(scene: np.ndarray, options: dict[str, str]) -> None:
    assert set(whys(through_an_encoder(live(scene, 0.1, 80), options, whole_every=2), every=EVERY)) == {None}


def test_a_film_that_is_shown_again_and_again_is_not_frozen() -> None:
    film = [noisy(ROAD, 0.6) for _ in range(10)]
    for second in range(3):
        film[second][40:50, 20 * second : 20 * second + 30] = 255
    assert set(whys(film * 10)) == {None}


def test_light_that_grows_slowly_is_life() -> None:
    assert set(whys([(20 + ROAD // 2 + second // 8).astype(np.uint8) for second in range(120)])) == {None}
