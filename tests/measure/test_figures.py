"""What counts as found, as right and as sure."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.measure import Figures, count, folded, joint, looks, photographs
from edge.measure.calibration import bins, calibration_error
from edge.measure.overlaps import pairs, strays
from edge.shares import Share
from tests.measure.street import Eyes, Found, labelled

PLATE: Found = (10, 20, 50, 40, 0.9)
NEARLY: Found = (12, 20, 52, 40, 0.8)
HALF: Found = (35, 20, 75, 40, 0.9)
AWAY: Found = (100, 60, 140, 80, 0.9)


def figures(folder: Path, eyes: Eyes) -> Figures:
    return count([look for _, look in looks(eyes, photographs(folder))])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One photograph with one plate, and one with another."""
    return labelled(tmp_path, ["1.png,10,20,40,20,AB12", "2.png,10,20,40,20,AB1O"])


def test_every_plate_found_and_read(folder: Path) -> None:
    found = figures(folder, Eyes({10: [PLATE], 20: [PLATE]}))
    assert found.recall == found.precision == Share(right=2, of=2)
    assert found.reader.exact == Share(right=1, of=2)
    assert found.end_to_end is not None
    assert found.end_to_end.exact == Share(right=1, of=2)


def test_o_is_0_and_i_is_1_in_the_folded_figure_alone(tmp_path: Path) -> None:
    folder = labelled(tmp_path, ["1.png,10,20,40,20,OI01"])
    found = figures(folder, Eyes({10: [PLATE]}, text="0101"))
    assert (found.reader.exact.right, found.reader.folded.right) == (0, 1)


def test_a_plate_that_is_not_found_is_read_wrong_end_to_end_and_right_from_its_box(folder: Path) -> None:
    found = figures(folder, Eyes({20: [PLATE]}))
    assert found.recall == Share(right=1, of=2)
    assert found.reader.exact.right == 1
    assert found.end_to_end is not None
    assert found.end_to_end.exact.right == 0


@pytest.mark.parametrize("wrong", [AWAY, HALF, NEARLY])
def test_a_box_on_no_plate_or_a_second_one_counts_against_precision(folder: Path, wrong: Found) -> None:
    found = figures(folder, Eyes({10: [PLATE, wrong], 20: [PLATE]}))
    assert found.precision == Share(right=2, of=3)
    assert found.recall == Share(right=2, of=2)


def test_a_box_on_an_unlabelled_plate_is_neither_right_nor_wrong(folder: Path) -> None:
    (folder / "unlabelled.csv").write_text("image,x,y,w,h\n1.png,98,58,44,24\n")
    assert figures(folder, Eyes({10: [PLATE, AWAY], 20: [PLATE]})).precision == Share(right=2, of=2)


def test_an_unlabelled_plate_does_not_excuse_a_second_box_on_a_labelled_one(folder: Path) -> None:
    (folder / "unlabelled.csv").write_text("image,x,y,w,h\n1.png,10,20,40,20\n")
    assert figures(folder, Eyes({10: [PLATE, NEARLY], 20: [PLATE]})).precision == Share(right=2, of=3)


def test_a_box_that_the_reader_does_not_believe_in_counts_for_the_detector_alone(folder: Path) -> None:
    found = figures(folder, Eyes({10: [PLATE], 20: [PLATE, AWAY]}, sure=0.3))
    assert found.recall == Share(right=0, of=2)
    assert found.precision == Share(right=0, of=0)
    assert (found.alone_recall, found.alone_precision) == (Share(right=2, of=2), Share(right=2, of=3))


def test_of_two_boxes_on_a_plate_the_one_that_both_believe_in_more_is_read(folder: Path) -> None:
    class Doubtful(Eyes):
        def read(self, crop, roomier=None):  # type: ignore[no-untyped-def]
            # the better of the two boxes is one pixel wider than the plate
            self.text = "AB12" if crop.shape[1] == 41 else "XX99"
            return super().read(crop)

    found = figures(folder, Doubtful({10: [(10, 20, 50, 40, 0.7), (10, 20, 51, 40, 0.8)]}))
    assert found.end_to_end is not None
    assert found.end_to_end.exact.right == 1


def test_crops_say_nothing_of_the_detector(tmp_path: Path) -> None:
    found = figures(labelled(tmp_path, ["1.png,AB12"], head="image,plate"), Eyes({10: [PLATE]}, margin=0.1))
    assert found.recall is None
    assert found.end_to_end is None
    assert found.reader.exact == Share(right=1, of=1)
    assert found.table()["detector"] is None


def test_a_plate_without_a_known_text_counts_for_the_detector_alone(tmp_path: Path) -> None:
    found = figures(labelled(tmp_path, ["1.png,10,20,40,20,"]), Eyes({10: [PLATE]}))
    assert found.recall == Share(right=1, of=1)
    assert found.reader.exact.of == 0


def test_every_plate_is_in_one_class_of_widths(folder: Path) -> None:
    found = figures(folder, Eyes({10: [PLATE]}))
    assert [(one.least, one.found) for one in found.widths] == [(40, Share(right=1, of=2))]


def test_a_box_without_three_characters_scores_nothing() -> None:
    assert joint(0.9, (1.0, 1.0)) == 0
    assert joint(0.8, (1.0, 0.5, 0.75)) == pytest.approx(0.6)


def test_an_overlap_of_half_is_a_plate_found() -> None:
    truth = np.array([[0, 0, 100, 50]], np.float32)
    assert pairs(truth, np.array([[0, 0, 100, 26], [0, 0, 100, 24]], np.float32)) == {0: 0}
    assert pairs(truth, np.array([[0, 0, 100, 24]], np.float32)) == {}


BOXES = st.lists(
    st.tuples(*[st.integers(0, 80)] * 2, *[st.integers(5, 60)] * 2).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    max_size=6,
).map(lambda rows: np.array(rows, np.float32).reshape(-1, 4))


@settings(deadline=None)
@given(truth=BOXES, found=BOXES)
def test_every_box_is_right_or_stray_and_no_plate_is_found_twice(truth: np.ndarray, found: np.ndarray) -> None:
    right = pairs(truth, found)
    wrong = strays(truth, found, np.zeros((0, 4), np.float32))
    assert sorted([*right, *wrong]) == list(range(len(found)))
    assert len(set(right.values())) == len(right)


def test_a_confidence_that_means_what_it_says_has_no_calibration_error() -> None:
    rng = np.random.default_rng(1)
    confidences = rng.uniform(0, 1, 60_000)
    right = rng.random(60_000) < confidences
    assert calibration_error(confidences, right) < 0.01
    assert calibration_error(np.sqrt(confidences), right) > 0.1


def test_every_read_lies_in_one_bin() -> None:
    assert sum(one.count for one in bins(np.array([0.0, 0.55, 1.0]), np.array([False, True, True]))) == 3


@settings(deadline=None)
@given(right=st.integers(0, 400), more=st.integers(0, 400))
def test_an_interval_holds_its_share_and_stays_within_0_and_1(right: int, more: int) -> None:
    share = Share(right=right, of=right + more)
    low, high = share.interval
    assert 0 <= low <= high <= 1
    assert not share.of or low - 1e-12 <= share.value <= high + 1e-12


def test_the_interval_is_wilsons() -> None:
    low, high = Share(right=86, of=99).interval
    assert (round(low, 3), round(high, 3)) == (0.788, 0.922)


@settings(deadline=None)
@given(st.text(alphabet="0O1IAB"))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_a_labelled_box_is_read_with_the_margin_that_the_reader_wants(tmp_path: Path) -> None:
    shapes = []

    class Looking(Eyes):
        def read(self, crop, roomier=None):  # type: ignore[no-untyped-def]
            shapes.append(crop.shape[:2])
            return super().read(crop)

    figures(labelled(tmp_path, ["1.png,50,40,40,20,AB12"]), Looking(margin=0.1))
    assert shapes == [(24, 48)]
