"""What is learned of a reference reader's whole distributions, and where it is not believed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from agreed import AgreedCrop, agreed_crops, place_of, said_of, taught, told_crops
from crops import labelled_boxes
from teacher import ALPHABET, Teacher, certain, text_of

from tests import networks

PLATE = np.full((40, 120, 3), 200, np.uint8)
FIRST = ("a.png", 40, 60)


def teacher(tmp_path: Path, text: str, sure: float = 0.9) -> Teacher:
    """A reference that reads `text` everywhere."""
    path = tmp_path / "reference.onnx"
    path.write_bytes(networks.reader(text, sure=sure, size=(128, 64)))
    return Teacher(path)


def crop(text: str) -> AgreedCrop:
    return AgreedCrop(crop=PLATE, text=text, place=FIRST)


def test_a_text_and_its_certain_distribution_are_the_same() -> None:
    assert text_of(certain("AB01")) == "AB01"
    assert certain("AB01").sum(-1).tolist() == [1.0] * 10


def test_where_one_shape_serves_for_both_the_reference_says_which(tmp_path: Path) -> None:
    shares = teacher(tmp_path, "A0B1").weighed(PLATE, "AOB1", "O0")
    assert 0.7 < shares[1, ALPHABET.index("0")] < 0.8
    assert shares[1].sum() == pytest.approx(1)
    assert np.array_equal(shares[[0, 2, 3]], certain("AOB1")[[0, 2, 3]])


@pytest.mark.parametrize(("said", "alike"), [("A0C1", "O0"), ("A0B1", "")])
def test_a_reference_that_misreads_the_plate_or_is_not_needed_changes_nothing(
    tmp_path: Path, said: str, alike: str
) -> None:
    assert np.array_equal(teacher(tmp_path, said).weighed(PLATE, "AOB1", alike), certain("AOB1"))


def test_its_doubts_soften_a_label_that_it_reads_the_same() -> None:
    said = 0.8 * certain("AB01") + 0.2 * certain("AB8I")
    softened = taught(crop("ABO1"), said).shares
    assert softened is not None
    assert softened[2, [ALPHABET.index(sign) for sign in "O08"]] == pytest.approx([0.5, 0.4, 0.1])
    assert taught(crop("XB01"), said).shares is None


def test_a_crop_that_nobody_typed_counts_as_far_as_the_reference_is_certain(photographs: Path) -> None:
    said = dict.fromkeys(places(photographs), certain("KL34") / 2 + certain("MN56") / 2.5)
    assert [(one.text, one.weight) for one in told_crops(photographs, "train", said, {})] == [
        ("KL34", pytest.approx(0.5))
    ] * len(said)
    assert told_crops(photographs, "train", said, dict.fromkeys(said, "")) == [], "too hard to be typed"
    assert told_crops(photographs, "train", said, dict.fromkeys(said, "KL34")) == [], "typed"


def test_a_crop_that_ours_reads_the_same_counts_in_full() -> None:
    told = replace(crop("KL34"), shares=certain("KL34") * np.float32(0.6), weight=0.6)
    assert agreed_crops([told], lambda pixels: ["KL34"])[0].weight == 1.0
    assert agreed_crops([told], lambda pixels: ["KL84"])[0].weight == 0.6


def test_what_the_reference_said_is_kept_for_the_next_time(tmp_path: Path, photographs: Path) -> None:
    np.save(tmp_path / "said.npy", np.stack([certain("KL34") for _ in places(photographs)]))
    said = said_of(photographs, "train", tmp_path / "away.onnx", tmp_path / "said.npy")
    assert {place: text_of(shares) for place, shares in said.items()} == dict.fromkeys(places(photographs), "KL34")


def places(folder: Path) -> list[tuple[str, int, int]]:
    return [place_of(box) for box in labelled_boxes(folder, "train")]
