"""A labelled folder: what it may say, and that a mistake in it is said with the file, the line and the mend."""

import os
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.measure import Photograph, photographs
from tests.measure.street import labelled


def first(folder: Path, unlabelled: Path | None = None) -> Photograph:
    return next(iter(photographs(folder, unlabelled)))


def test_two_plates_of_one_photograph_are_one_photograph(tmp_path: Path) -> None:
    folder = labelled(tmp_path, ["1.png,10,20,40,20,AB12", "1.png,100,20,40,20,CD34"])
    shown = list(photographs(folder))
    assert len(shown) == 1
    assert shown[0].boxes.tolist() == [[10, 20, 50, 40], [100, 20, 140, 40]]
    assert shown[0].texts == ("AB12", "CD34")


def test_a_plate_is_compared_as_readers_write_it(tmp_path: Path) -> None:
    assert first(labelled(tmp_path, ["1.png,10,20,40,20,ab-1 2"])).texts == ("AB12",)


def test_a_photograph_may_have_no_plate(tmp_path: Path) -> None:
    assert len(first(labelled(tmp_path, ["1.png,,,,,"])).boxes) == 0


def test_crops_need_no_boxes_and_may_have_further_columns(tmp_path: Path) -> None:
    shown = first(labelled(tmp_path, ["1.png,ak,FHG521"], head="image,state,plate"))
    assert not shown.boxed
    assert shown.boxes.tolist() == [[0, 0, 200, 100]]


def test_plates_that_the_truth_leaves_out_are_read_from_their_file(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "a", ["1.png,10,20,40,20,AB12"])
    (folder / "unlabelled.csv").write_text("image,x,y,w,h\n1.png,100,50,40,20\n2.png,1,1,4,4\n")
    assert first(folder).unlabelled.tolist() == [[100, 50, 140, 70]]


def test_a_list_for_several_folders_counts_by_the_folders_name(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "a", ["1.png,10,20,40,20,AB12"])
    listed = tmp_path / "listed.csv"
    listed.write_text("folder,image,x1,y1,x2,y2\na,1.png,100,50,140,70\nb,1.png,1,1,9,9\n")
    assert first(folder, listed).unlabelled.tolist() == [[100, 50, 140, 70]]


@pytest.mark.parametrize(
    ("head", "line", "said"),
    [
        ("image,x,y,w,plate", "1.png,1,2,3,AB12", "no column `h`"),
        ("picture,plate", "1.png,AB12", "no column `image`"),
        ("image,x,y,w,h,plate", "1.png,a,2,3,4,AB12", "line 2: x, y, w, h must be numbers"),
        ("image,x,y,w,h,plate", "1.png,1,2,,4,AB12", "line 2"),
        ("image,x,y,w,h,plate", "1.png,1,2,nan,4,AB12", "wider and higher"),
        ("image,x,y,w,h,plate", "1.png,1,2,-3,4,AB12", "wider and higher"),
        ("image,x,y,w,h,plate", "1.png,900,2,3,4,AB12", "outside that picture"),
        ("image,x,y,w,h,plate", "9.png,1,2,3,4,AB12", "line 2 names a picture"),
        ("image,x,y,w,h,plate", ",1,2,3,4,AB12", "names no image"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, head: str, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        list(photographs(labelled(tmp_path, [line], head=head)))
    assert said in str(raised.value)
    assert "truth.csv" in str(raised.value)


@pytest.mark.parametrize(
    ("head", "lines", "said"),
    [
        ("plate,image", ["1.png,AB12", "1.png,CZ48213"], "line 2 names a picture that is not in that folder"),
        ("image,plate", ["1.png,AB12", f"CZ48213{'X' * 300},AB12"], "line 3 names a picture that is not in that"),
        ("image,plate", ['"1.png,AB12', "1.png,CZ48213"], "is no CSV text in UTF-8, its quotation marks closed"),
    ],
)
def test_no_plate_is_repeated_where_a_picture_s_name_should_be(
    tmp_path: Path, head: str, lines: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        list(photographs(labelled(tmp_path, lines, head=head)))
    assert not [plate for plate in ("AB12", "CZ48213") if plate in str(refused.value)]


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    folder = labelled(tmp_path, ["1.png,1,2,3,4,AB12"])
    (folder / "1.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match=r"1\.png"):
        list(photographs(folder))


def test_a_folder_without_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"truth\.csv"):
        list(photographs(tmp_path))


def test_a_folder_whose_name_is_no_utf_8_is_read(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "plain", ["1.png,10,20,40,20,AB12"]).rename(tmp_path / os.fsdecode(b"ev\xff"))
    assert first(folder).pixels.shape == (100, 200, 3)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_in_it_a_file_that_is_no_picture_is_refused_like_any_other(tmp_path: Path, content: bytes) -> None:
    folder = labelled(tmp_path / "plain", ["1.png,10,20,40,20,AB12"]).rename(tmp_path / os.fsdecode(b"ev\xff"))
    (folder / "1.png").write_bytes(content)
    with pytest.raises(ConfigError, match="is no picture that can be read; save it as JPEG or PNG"):
        first(folder)
