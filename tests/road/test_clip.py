"""The drawn road: the same for the same seed, honest about what there is to read, and a video like any other."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import CameraError
from edge.road.clip import Pass, Road, write_video

RED = Pass(text="AB 12345", colour="red")
WHITE = Pass(text="CZ48213", colour="white", towards=True, body="suv")
SMALL = (640, 360)


@pytest.fixture(scope="module")
def road() -> Road:
    return Road(passes=[RED, WHITE], parked=Pass(text="BK77120"), seed=3)


def test_the_same_seed_draws_the_same_frames() -> None:
    first, second = (Road(passes=[RED], seed=5, size=SMALL) for _ in range(2))
    assert np.array_equal(first.frame(30), second.frame(30))


def test_another_seed_draws_other_frames() -> None:
    first, second = (Road(passes=[RED], seed=seed, size=SMALL) for seed in (5, 6))
    assert not np.array_equal(first.frame(30), second.frame(30))


def test_a_frame_does_not_depend_on_the_frames_before_it(road: Road) -> None:
    alone = Road(passes=[RED, WHITE], parked=Pass(text="BK77120"), seed=3).frame(40)
    road.frame(39)
    assert np.array_equal(road.frame(40), alone)


def test_the_truth_names_every_vehicle_in_order_without_spaces(road: Road) -> None:
    assert [text for text, _, _ in road.truth] == ["BK77120", "AB12345", "CZ48213"]


def test_the_parked_plate_is_in_view_from_first_to_last_frame(road: Road) -> None:
    assert road.truth[0] == ("BK77120", 0, road.length - 1)


def test_nothing_that_passes_changes_the_parked_plate(road: Road) -> None:
    plate = (slice(405, 470), slice(1030, 1125))
    changes = [
        float(np.abs(road.frame(number)[plate].astype(int) - road.frame(0)[plate]).mean())
        for number in range(0, road.length, 5)
    ]
    assert max(changes) < 30


def test_every_plate_is_at_least_70_pixels_wide_at_its_best(road: Road) -> None:
    widest: dict[str, float] = {}
    for number in range(road.length):
        for text, box in road.plates(number):
            widest[text] = max(widest.get(text, 0.0), box.width)
    assert {text for text, width in widest.items() if width >= 70} == {"AB12345", "CZ48213"}


def test_two_passes_in_a_row_do_not_hide_each_other(road: Road) -> None:
    (_, _, red_last), (_, white_first, _) = road.truth[1:]
    assert white_first > red_last


def test_a_written_video_has_every_frame(tmp_path: Path) -> None:
    road = Road(passes=[], size=SMALL)
    write_video(road, tmp_path / "road.mp4")
    video = cv2.VideoCapture(str(tmp_path / "road.mp4"))
    count = 0
    while video.read()[0]:
        count += 1
    assert count == road.length


def test_a_folder_that_is_not_there_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="choose a writable folder"):
        write_video(Road(passes=[], size=SMALL), tmp_path / "nowhere" / "road.mp4")


def test_a_name_that_is_no_utf_8_is_refused_and_shown_with_its_bytes(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"r\\xff\.mp4`: is no UTF-8 name, rename it"):
        write_video(Road(passes=[], size=SMALL), tmp_path / os.fsdecode(b"r\xff.mp4"))
    assert list(tmp_path.iterdir()) == []
