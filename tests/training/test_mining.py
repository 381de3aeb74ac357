"""What a detector fires on in the training photographs, and what becomes of it in a training scene."""

from pathlib import Path

import numpy as np
import pytest
from mine import DOUBTFUL, NO_PLATE, PARTLY, Mined, framed, plate_under, read, write
from photographs import load_photographs
from scenes import SIZE, Scene, SceneMaker, _doubt
from shelf import stray_crops

PLATES = np.array([[40, 60, 140, 110], [180, 60, 280, 110]], np.float32)


def mined(image: str, plate: int) -> Mined:
    return Mined(image=image, box=(10.0, 150.0, 60.0, 175.0), score=0.5, plate=plate)


@pytest.mark.parametrize(
    ("box", "what"),
    [
        ((182, 61, 277, 112), 1),
        ((10, 150, 60, 175), NO_PLATE),
        ((90, 60, 130, 80), PARTLY),
    ],
)
def test_a_box_lies_on_a_plate_on_part_of_one_or_on_none(box: tuple[int, ...], what: int) -> None:
    assert plate_under(np.array(box, np.float32), PLATES) == what


def test_the_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [mined("a.png", 0), mined("b.png", NO_PLATE)]
    assert write(iter(rows), tmp_path / "mined.csv") == 2
    assert read(tmp_path / "mined.csv") == rows


def test_a_point_goes_into_the_frame_and_back(rng: np.random.Generator) -> None:
    picture = np.zeros((240, 300, 3), np.uint8)
    picture[100:140, 150:190] = 255
    frame, factor, shift = framed(picture, 1.4, 0.9, rng)
    rows, columns = np.nonzero(frame[:, :, 0] > 200)
    seen = (np.array([columns.mean(), rows.mean()]) + 0.5 - shift) / factor
    assert seen == pytest.approx([170, 120], abs=1.5)


def test_strays_become_crops_without_a_plate_and_doubtful_ones_do_not(photographs: Path) -> None:
    rows = [mined("a.png", NO_PLATE), mined("b.png", DOUBTFUL), mined("b.png", 0)]
    assert len(stray_crops(photographs, rows)) == 1


def test_a_stray_is_shown_without_a_label(photographs: Path, rng: np.random.Generator) -> None:
    maker = SceneMaker(load_photographs(photographs, "train", mined=[mined("b.png", NO_PLATE)]), [], [], rng)
    assert [photograph.strays.tolist() for photograph in maker.fooled] == [[[10.0, 150.0, 60.0, 175.0]]]


def test_what_may_be_a_plate_is_neither_plate_nor_background(photographs: Path) -> None:
    loaded = load_photographs(photographs, "train", mined=[mined("b.png", DOUBTFUL)])
    scene = Scene(np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((SIZE, SIZE), np.uint8))
    _doubt(scene, next(one for one in loaded if len(one.doubtful)), np.array([[1.0, 0, 20], [0, 1.0, 30]]))
    assert [(label.box.tolist(), label.ignored) for label in scene.labels] == [([30.0, 180.0, 80.0, 205.0], True)]


def test_every_scene_has_the_size_that_is_trained_on(photographs: Path, rng: np.random.Generator) -> None:
    loaded = load_photographs(photographs, "train", mined=[mined("a.png", NO_PLATE), mined("b.png", DOUBTFUL)])
    plates = [np.full((84, 168, 3), 220, np.uint8), np.full((44, 208, 3), 220, np.uint8)]
    maker = SceneMaker(loaded, plates, [np.full((20, 60, 4), 255, np.uint8)], rng)
    assert {maker.make().pixels.shape for _ in range(20)} == {(SIZE, SIZE, 3)}
