"""Which text a real crop gets: typed by who looked at it, or agreed on by two readers."""

from pathlib import Path

import pytest
from agreed import own_boxes, own_margins, typed_crops
from mine import Mined
from shelf import Shelf
from typed import masked, typed_texts

FIRST = ("a.png", 40, 60)


def typed(folder: Path, *rows: str) -> Path:
    path = folder / "typed.csv"
    path.write_text("\n".join(("image,x1,y1,plate", *rows)) + "\n")
    return path


def test_a_typed_text_is_the_label_of_its_box_alone(photographs: Path) -> None:
    found, _ = typed_crops(photographs, "train", typed(photographs, "a.png,40,60,KLM345"))
    assert [(one.place, one.text) for one in found] == [(FIRST, "KLM345")]


def test_what_nobody_can_read_is_no_crop_and_is_not_asked_again(photographs: Path) -> None:
    found, seen = typed_crops(photographs, "train", typed(photographs, "a.png,40,60,"))
    assert (found, seen) == ([], {FIRST: ""})


def test_a_typed_text_of_the_other_split_is_not_learned(photographs: Path) -> None:
    found, _ = typed_crops(photographs, "train", typed(photographs, "c.png,100,100,B11XYZ"))
    assert found == []


def test_without_a_reference_the_shelf_holds_what_was_typed(photographs: Path) -> None:
    shelf = Shelf(photographs, None, typed(photographs, "a.png,40,60,KLM345"), None)
    assert [one.text for one in shelf.crops(lambda crops: [])] == ["KLM345"]


def test_a_crop_knows_where_the_detector_saw_its_plate(photographs: Path) -> None:
    own = own_boxes(photographs, "train", [Mined(image="a.png", box=(38, 58, 142, 112), score=0.9, plate=0)])
    found, _ = typed_crops(photographs, "train", typed(photographs, "a.png,40,60,KLM345"), own)
    (x1, y1, x2, y2) = found[0].seen[0]
    # the crop runs from 20 to 160 and from 50 to 120
    assert (x1 * 140 + 20, y1 * 70 + 50, x2 * 140 + 20, y2 * 70 + 50) == pytest.approx((38, 58, 142, 112), abs=1)


def test_the_detectors_margins_are_shares_of_its_own_box(photographs: Path) -> None:
    own = own_boxes(photographs, "train", [Mined(image="b.png", box=(95, 100, 160, 135), score=0.9, plate=0)])
    assert own_margins(photographs, "train", own).tolist() == [pytest.approx([5 / 65, 0, 0, 5 / 35])]


def test_a_masked_text_comes_back_with_its_photograph_and_with_no_other(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"one photograph")
    place = ("a.jpg", 12, 34)
    hidden = masked("AB12345", place, tmp_path)
    (tmp_path / "typed.csv").write_text(f"image,x1,y1,masked\na.jpg,12,34,{hidden}\n")
    assert "AB12345" not in hidden
    assert typed_texts(tmp_path / "typed.csv", tmp_path) == {place: "AB12345"}
    elsewhere = tmp_path / "other"
    (elsewhere / "images").mkdir(parents=True)
    (elsewhere / "images" / "a.jpg").write_bytes(b"another photograph")
    assert typed_texts(tmp_path / "typed.csv", elsewhere) != {place: "AB12345"}
