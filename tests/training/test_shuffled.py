"""New texts out of real crops: where a crop may be cut, and what stands in it afterwards."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from agreed import MARGIN, AgreedCrop
from fonts import die_alphabets
from kitchen import Kitchen
from shuffled import shuffled, with_cuts

TEXT = "ABC234"
WIDE, HIGH = 40, 80


def crop(text: str = TEXT) -> AgreedCrop:
    """A plate whose characters are columns of bars, each of another grey, with blank gaps between them."""
    plate = np.full((HIGH, WIDE * len(text), 3), 255, np.uint8)
    for k in range(len(text)):
        plate[10:70:4, k * WIDE + 8 : (k + 1) * WIDE - 8] = 20 * k
    x, y = round(plate.shape[1] * MARGIN), round(HIGH * MARGIN)
    around = cv2.copyMakeBorder(plate, y, y, x, x, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return AgreedCrop(crop=np.asarray(around, np.uint8), text=text, place=("a.png", 0, 0))


def spelled_as(text: str, count: int = len(TEXT)) -> list[tuple[str, float]]:
    """The characters in the middle of their bars, as shares of the crop's tight view."""
    return [(sign, (0.04 + (k + 0.5) / count) / 1.08) for k, sign in enumerate(text)]


def cut(text: str = TEXT) -> AgreedCrop:
    return with_cuts([crop()], lambda _: [spelled_as(text)])[0]


def test_a_crop_is_cut_in_the_gaps_between_its_characters() -> None:
    one = cut()
    left = round(WIDE * len(TEXT) * MARGIN)
    assert [abs(at - left - k * WIDE) <= 9 for k, at in enumerate(one.cuts)] == [True] * 7


def test_a_crop_that_is_not_read_as_its_text_is_not_cut() -> None:
    assert cut("ABC284").cuts == ()


def test_a_crop_without_gaps_is_not_cut() -> None:
    grown = crop()
    grown.crop[::2] = 0
    assert with_cuts([grown], lambda _: [spelled_as(TEXT)])[0].cuts == ()


def test_the_label_follows_the_pieces(rng: np.random.Generator) -> None:
    one = cut()
    for _ in range(20):
        new = shuffled(rng, one)
        assert sorted(new.text) == sorted(TEXT)
        # The first piece's own grey stands where the label says that it stands now.
        at = one.cuts[0] + round((new.text.index("A") + 0.5) * WIDE)
        assert int(new.crop[:, at].min()) == 0


def test_what_only_the_text_around_tells_apart_stays_out_of_new_texts(rng: np.random.Generator) -> None:
    one = with_cuts([crop("O1A2BC")], lambda _: [spelled_as("O1A2BC")])[0]
    assert {sign for _ in range(30) for sign in shuffled(rng, one).text} == set("A2BC")


@pytest.mark.parametrize("text", ["OI01A2", "O0A1I2"])
def test_a_crop_with_too_little_else_stays_as_it_is(text: str, rng: np.random.Generator) -> None:
    one = with_cuts([crop(text)], lambda _: [spelled_as(text)])[0]
    assert shuffled(rng, one).text == text


def test_real_crops_come_into_the_batches(
    photographs: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchen.FIRST", 4)
    monkeypatch.setattr("kitchen.load_alphabets", lambda rng: die_alphabets(rng, 2))
    kitchen = Kitchen(photographs, rng)
    kitchen.add_real([crop("ZZZZ99")])
    batch = kitchen.batch(0.5)
    assert (batch.pixels.shape, "ZZZZ99" in batch.texts, "" in batch.texts) == ((32, 64, 128, 3), True, True)
