"""Rendered plates: what is drawn, and what a reader should say of it."""

import numpy as np
import pytest
import texts
from crops import HEIGHT, WIDTH, Camera
from fonts import die_alphabets
from plates import Press, label, one_shape

SIGNS = set(texts.ALL_LETTERS + texts.DIGITS)


@pytest.fixture(scope="module")
def press() -> Press:
    """Draws with the project's own letters, as where no font is installed."""
    return Press(alphabets=tuple(die_alphabets(np.random.default_rng(1), 6)))


@pytest.fixture(scope="module")
def camera() -> Camera:
    chance = np.random.default_rng(2)
    textures = chance.integers(0, 256, (3, HEIGHT, WIDTH, 3)).astype(np.uint8)
    return Camera(
        around=textures, elsewhere=textures, rng=chance, margins=np.array([[0.02, -0.03, 0.1, 0.05]]), strays=textures
    )


def test_every_text_fits_the_reader_and_its_alphabet(press: Press, rng: np.random.Generator) -> None:
    written = [press.render(rng)[1] for _ in range(300)]
    assert [text for text in written if not (1 <= len(text) <= 10 and set(text) <= SIGNS)] == []


def test_texts_of_ten_characters_occur(rng: np.random.Generator) -> None:
    assert any(len(label(texts.european(rng))) == 10 for _ in range(1000))


def test_marks_between_the_groups_are_not_in_the_label() -> None:
    assert label("AB·12 -C") == "AB12C"


def test_o_and_zero_often_have_one_shape_so_that_the_pattern_must_tell(rng: np.random.Generator) -> None:
    drawn = [one_shape(rng, die_alphabets(rng, 1)[0]).masks for _ in range(60)]
    alike = sum(np.array_equal(masks["O"], masks["0"]) for masks in drawn)
    assert 20 < alike < 60


def test_the_same_chance_draws_the_same_plate(press: Press) -> None:
    first, second = (press.render(np.random.default_rng(9)) for _ in range(2))
    assert first[1] == second[1]
    assert np.array_equal(first[0], second[0])


def test_every_crop_has_the_size_that_the_reader_takes(press: Press, camera: Camera, rng: np.random.Generator) -> None:
    plate, _ = press.render(rng)
    real = rng.integers(0, 256, (40, 120, 3)).astype(np.uint8)
    crops = [camera.rendered(rng, plate, easy=bool(n % 2)) for n in range(60)]
    crops += [camera.real(rng, real, ((0.1, 0.1, 0.9, 0.95),)) for _ in range(30)]
    crops += [camera.background(rng) for _ in range(30)]
    assert {(crop.shape, crop.dtype.name) for crop in crops} == {((HEIGHT, WIDTH, 3), "uint8")}


def test_a_very_tall_real_crop_still_makes_a_crop(camera: Camera, rng: np.random.Generator) -> None:
    tall = rng.integers(0, 256, (400, 70, 3)).astype(np.uint8)
    assert {camera.real(rng, tall).shape for _ in range(20)} == {(HEIGHT, WIDTH, 3)}


def test_a_tiny_real_crop_still_makes_a_crop(camera: Camera, rng: np.random.Generator) -> None:
    tiny = rng.integers(0, 256, (9, 22, 3)).astype(np.uint8)
    assert camera.real(rng, tiny).shape == (HEIGHT, WIDTH, 3)
