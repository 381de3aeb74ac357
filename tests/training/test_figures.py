"""The figures: what counts as found, as right, and as sure."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from calibration import bins, calibration_error, draw_chart, fitted_temperature, honest_temperature, tempered
from finding import Sample, right_and_shown
from joined import joint
from samples import UNLABELLED, samples

PLATE = np.array([[10, 10, 60, 35]], np.float32)
OTHER = np.array([[200, 10, 250, 35]], np.float32)
NONE = np.zeros((0, 4), np.float32)


def sample(unlabelled: np.ndarray = NONE, *, complete: bool = True) -> Sample:
    return Sample(np.zeros((100, 300, 3), np.uint8), PLATE, ("AB12",), unlabelled, complete)


def test_a_box_off_every_plate_counts_against_precision() -> None:
    assert right_and_shown(sample(), np.concatenate([PLATE, OTHER])) == (1, 1, 2)


def test_a_box_on_a_plate_that_nobody_labelled_is_neither_right_nor_wrong() -> None:
    assert right_and_shown(sample(OTHER), np.concatenate([PLATE, OTHER + 3])) == (1, 1, 1)


def test_a_second_box_on_the_same_plate_counts_against_precision() -> None:
    assert right_and_shown(sample(), np.concatenate([PLATE, PLATE + 2])) == (1, 1, 2)


def test_a_photograph_with_unlabelled_plates_says_nothing_about_precision() -> None:
    assert right_and_shown(sample(complete=False), np.concatenate([PLATE, OTHER])) == (1, 0, 0)


def test_the_committed_list_of_unlabelled_plates_holds_boxes() -> None:
    with UNLABELLED.open(newline="") as file:
        boxes = [[float(row[key]) for key in ("x1", "y1", "x2", "y2")] for row in csv.DictReader(file)]
    assert len(boxes) > 10
    assert [box for box in boxes if not (0 <= box[0] < box[2] and 0 <= box[1] < box[3])] == []


def test_dash_camera_frames_count_for_recall_alone(photographs: Path) -> None:
    assert [(len(one.boxes), one.complete) for one in samples(photographs)] == [(1, False)]


def test_a_box_without_three_characters_scores_nothing() -> None:
    assert joint(0.9, (1.0, 1.0)) == 0
    assert joint(0.8, (1.0, 0.5, 0.75)) == pytest.approx(0.6)


def test_a_confidence_that_means_what_it_says_has_no_calibration_error(rng: np.random.Generator) -> None:
    confidences = rng.uniform(0, 1, 60_000)
    right = rng.random(60_000) < confidences
    assert calibration_error(confidences, right) < 0.01
    assert calibration_error(np.sqrt(confidences), right) > 0.1


def test_every_read_lies_in_one_bin() -> None:
    assert sum(one.count for one in bins(np.array([0.0, 0.55, 1.0]), np.array([False, True, True]))) == 3


def test_the_fitted_temperature_undoes_what_made_the_shares_too_sure(rng: np.random.Generator) -> None:
    honest = tempered(np.exp(rng.normal(0, 2, (8000, 6))), 1.0)
    truth = np.array([rng.choice(6, p=row) for row in honest])
    assert fitted_temperature(tempered(honest, 0.5), truth) == pytest.approx(2.0, rel=0.1)


def test_the_temperature_is_one_at_which_nine_in_ten_of_the_sure_reads_are_right() -> None:
    sure, less = [[0.97, 0.02, 0.01]], [[0.93, 0.06, 0.01]]
    shares = np.array([sure] * 80 + [less] * 20)
    cooler = honest_temperature([(shares, np.ones(100, np.bool_))])
    warmer = tempered(shares, honest_temperature([(shares, np.arange(100) < 80)]))
    assert cooler < 1
    assert warmer[0].max() >= 0.9 > warmer[-1].max() or warmer.max() < 0.9


def test_the_chart_is_a_picture(tmp_path: Path, rng: np.random.Generator) -> None:
    confidences = rng.uniform(0, 1, 200)
    draw_chart(tmp_path / "chart.png", {"a": (confidences, confidences > 0.5)})
    assert np.asarray(cv2.imread(str(tmp_path / "chart.png"))).shape[2] == 3
