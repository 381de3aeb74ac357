"""Looks at parts of the picture: cheaper, and nothing is seen otherwise for it."""

from dataclasses import dataclass

import numpy as np
import pytest
from av import VideoFrame

from edge.capture import Plain
from edge.capture.picture import Converter
from edge.clock import ReplayClock
from edge.values import Box, Detection, Picture
from edge.vision import Detector, Models, Vision
from edge.vision.parts import Size, covers, part_around
from tests import networks
from tests.vision.scene import START, WIDE, Eyes, Vehicle, crossing, draw, standing, texts, unsure

REACH = (256.0, 160.0)


@dataclass
class Narrow(Eyes):
    """Eyes that see no further than the part that they look at, and say how often they looked at how much."""

    whole: int = 0
    parts: int = 0

    def reach(self, size: tuple[int, int]) -> Size:
        return REACH

    def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
        found = super().look(picture)
        if part is None:
            self.whole += 1
            return found
        self.parts += 1
        cut = [(max(one.box.x1, part.x1), min(one.box.x2, part.x2), one) for one in found]
        return [
            Detection(box=Box(x1=x1, y1=one.box.y1, x2=x2, y2=one.box.y2), confidence=one.confidence)
            for x1, x2, one in cut
            if x2 - x1 > 2 and part.y1 <= one.box.y1 and one.box.y2 <= part.y2
        ]


def seen(*vehicles: object, seconds: float, fps: float = 30, every: int = 1) -> tuple[list[str], int, Narrow]:
    """The texts, the looks that the first read took, and whose eyes they were; all but `every` few frames dropped."""
    numbered = dict(enumerate(vehicles, start=10))
    eyes = Narrow(numbered)  # type: ignore[arg-type]
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    drawn = draw(numbered, seconds=seconds, fps=fps)  # type: ignore[arg-type]
    frames = (frame for frame in drawn if frame.sequence % every == 0)
    reads = [read for frame in frames for read in vision.passages(frame)] + vision.finish()
    assert (vision.counts.looks, vision.counts.parts) == (eyes.whole + eyes.parts, eyes.parts)
    return texts(reads), reads[0].frames, eyes


def test_a_passing_vehicle_gets_its_looks_at_parts() -> None:
    said, looks, eyes = seen(crossing("AB12345", begins=1.0, width=50), seconds=5)
    assert said == ["AB12345"]
    assert looks >= 8
    assert eyes.parts >= 10
    assert eyes.whole <= 3 + 5 / 2  # at the start, and every two seconds


def test_a_vehicle_larger_than_a_part_is_seen_too() -> None:
    said, looks, eyes = seen(crossing("AB12345", begins=1.0, lasts=2.5, width=150), seconds=6)
    assert said == ["AB12345"]
    assert looks >= 8
    assert eyes.parts >= 5


def test_two_vehicles_far_apart_are_one_read_each() -> None:
    one, other = crossing("AB12345", begins=1.0, width=50, top=60), crossing("XY98765", begins=1.2, width=50, top=300)
    said, _, _ = seen(one, other, seconds=5)
    assert sorted(said) == ["AB12345", "XY98765"]


def test_a_plate_that_has_become_too_small_to_read_keeps_no_looks_from_the_next_vehicle() -> None:
    away = Vehicle(text="AB12345", at=lambda seconds: (400 + 25 * seconds, 20.0, max(14.0, 60 - 16 * seconds)))
    said, _, eyes = seen(away, crossing("XY98765", begins=3.6, lasts=0.8, width=60, top=300), seconds=6)
    assert sorted(said) == ["AB12345", "XY98765"]
    assert eyes.looks[11] >= 8


def few(fps: float) -> tuple[list[str], Narrow]:
    """Six vehicles, of which each is in view for less than two seconds, in a stream of few frames."""
    passing = [crossing(f"AB1234{n}", begins=1.0 + 2.8 * n, width=50) for n in range(6)]
    said, _, eyes = seen(*passing, seconds=20, fps=fps)
    return said, eyes


def test_with_two_frames_a_second_each_vehicle_is_one_read() -> None:
    assert few(2)[0] == [f"AB1234{n}" for n in range(6)]


def test_with_three_frames_a_second_none_is_spent_where_a_plate_was_before() -> None:
    said, eyes = few(3)
    assert said == [f"AB1234{n}" for n in range(6)]
    assert min(eyes.looks.values()) >= 4  # of the five that show it


def test_a_device_that_drops_most_frames_does_not_look_at_the_whole_all_the_time_for_it() -> None:
    far_apart = crossing("AB12345", begins=1.0, width=50, top=60), crossing("XY98765", begins=1.2, width=50, top=300)
    _, _, busy = seen(*far_apart, seconds=5, every=10)
    assert busy.parts >= busy.whole
    _, _, sparse = seen(*far_apart, seconds=5, fps=3)
    assert sparse.parts < sparse.whole


def test_a_parked_vehicle_is_not_lost_while_others_are_looked_at() -> None:
    passing = [crossing(f"AB1234{n}", begins=2.0 + 2.2 * n, width=50, top=290) for n in range(5)]
    said, _, _ = seen(standing("PARKED1"), *passing, seconds=15)
    assert sorted(said) == [*(f"AB1234{n}" for n in range(5)), "PARKED1"]


def test_a_plate_that_has_left_the_picture_unsaid_costs_no_look_at_the_whole() -> None:
    passing = [unsure(crossing(f"AB1234{n}", begins=1.0 + 2.8 * n, width=50)) for n in range(5)]
    said, _, eyes = seen(*passing, seconds=15)
    assert said == [f"AB1234{n}" for n in range(5)]
    assert eyes.whole <= 1 + 15 / 3  # at the start, and every three seconds
    assert eyes.parts <= 13 * len(passing)


def test_a_vehicle_that_stops_at_the_edge_of_the_picture_gets_its_looks_where_it_stands() -> None:
    def brakes(seconds: float) -> tuple[float, float, float]:
        return min(20 + 320 * seconds, WIDE - 60.0), 200.0, 50.0

    _, _, eyes = seen(unsure(Vehicle(text="AB12345", at=brakes)), seconds=6)
    _, _, until_then = seen(unsure(Vehicle(text="AB12345", at=brakes)), seconds=2)
    assert eyes.looks[10] >= until_then.looks[10] + 8
    assert eyes.whole <= 1 + 6 / 3


@pytest.mark.parametrize("middle", [(10, 10), (320, 180), (630, 350)])
def test_a_part_lies_inside_the_picture_and_holds_what_it_is_made_for(middle: tuple[int, int]) -> None:
    x, y = middle
    part = part_around(Box(x1=x - 9, y1=y - 5, x2=x + 9, y2=y + 5), REACH, (640, 360))
    assert (part.x2 - part.x1, part.y2 - part.y1) == REACH
    assert 0 <= part.x1 <= max(0, x - 9) < min(WIDE, x + 9) <= part.x2 <= 640
    assert 0 <= part.y1 <= part.y2 <= 360


def test_what_is_found_in_a_part_is_told_in_pixels_of_the_picture() -> None:
    near = Detector(name="near", written=networks.detector([(0, 8, 16, 48, 32, 0, 0.9)], (64, 32)))
    far = Detector(name="far", written=networks.detector([(0, 0, 0, 9, 9, 0, 0.9)], (128, 64)), parts=near)
    picture = Plain(networks.blank((1280, 640)))
    assert far.reach((1280, 640)) == (640, 320)
    (found,) = far.look(picture, Box(x1=100, y1=200, x2=740, y2=520))
    assert found.box == Box(x1=180, y1=360, x2=580, y2=520)
    assert far.look(picture)[0].box == Box(x1=0, y1=0, x2=90, y2=90)


def test_the_built_in_detector_sees_a_part_as_large_as_the_whole() -> None:
    assert Models.load().detector.reach((1920, 1080)) == (768, 480)
    assert covers((768, 480), Box(x1=0, y1=0, x2=768, y2=480))


@pytest.mark.parametrize("kind", ["yuv420p", "yuv444p", "nv12"])
def test_a_part_in_another_size_is_that_part(kind: str) -> None:
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[60:180, 80:240] = (200, 120, 40)
    frame = VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format=kind)
    picture = Converter().shown(frame)
    small = picture.scaled((40, 30), (80, 60, 240, 180))
    assert small.shape == (30, 40, 3)
    assert np.abs(small.astype(int) - (200, 120, 40)).max() < 12
    assert np.abs(Plain(pixels).scaled((40, 30), (80, 60, 240, 180)).astype(int) - (200, 120, 40)).max() == 0
