"""What may be kept for minutes is not in memory after them, whether anything comes by or not."""

import gc
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from types import FunctionType, ModuleType

import numpy as np
import pytest

from edge.capture import Plain
from edge.clock import ReplayClock
from edge.rejection import Rejection
from edge.values import Box, Detection, Frame, PlateRead
from edge.vision import Detector, Reading, Vision, memory
from edge.vision.tracker import Look, Track, match
from tests import networks
from tests.vision.scene import START, Eyes, Vehicle, crossing, draw, standing, texts, unsure

KEPT = timedelta(minutes=3)


def told(
    vehicles: dict[int, Vehicle], *, kept: timedelta = KEPT, reread_after: timedelta = timedelta(minutes=30)
) -> tuple[Vision, Callable[[Iterable[Frame]], list]]:
    """Eyes that are told at every frame how long anything may be kept, and what looks with them."""
    vision = Vision(models=Eyes(vehicles), clock=ReplayClock(start=START), reread_after=reread_after)

    def look(frames: Iterable[Frame]) -> list[PlateRead]:
        reads: list[PlateRead] = []
        for frame in frames:
            vision.forget(frame.captured_at, kept=kept)
            reads += vision.passages(frame)
        return reads

    return vision, look


def held(*roots: object) -> Iterator[object]:
    """Everything that can be reached from here, but not the eyes, which are the scene."""
    seen, left = set[int](), list(roots)
    while left:
        thing = left.pop()
        if id(thing) not in seen and not isinstance(thing, type | ModuleType | FunctionType | Eyes):
            seen.add(id(thing))
            yield thing
            left += gc.get_referents(thing)


def plates_in(vision: Vision) -> tuple[set[str], int]:
    """The texts in memory, and how many pictures."""
    every = list(held(vision))
    pictures = [one for one in every if isinstance(one, np.ndarray) and one.ndim == 3]
    return {one for one in every if isinstance(one, str)} & {"PARKED1", "AB12345", "XY98760"}, len(pictures)


def times_in(vision: Vision) -> list[datetime]:
    return [one for one in held(vision._memory, vision._tracks) if isinstance(one, datetime) and one > START]


SCENE = {
    10: standing("PARKED1", hidden=lambda seconds: seconds > 20),
    11: crossing("AB12345", begins=12.0),
    12: unsure(crossing("XY98760", begins=15.0)),
}


def test_on_an_empty_road_no_text_no_time_and_no_picture_is_left_after_as_long_as_it_may_be_kept() -> None:
    vision, look = told(SCENE)
    assert len(look(draw(SCENE, seconds=20, fps=12.5))) == 3
    assert plates_in(vision)[0] == {"PARKED1", "AB12345", "XY98760"}
    over = KEPT.total_seconds() + 20
    look(draw(SCENE, seconds=over - 22, fps=1, begins=20))
    assert plates_in(vision)[0] == {"PARKED1"}  # it was seen last
    look(draw(SCENE, seconds=3, fps=1, begins=over))
    assert plates_in(vision) == (set(), 0)
    assert min(times_in(vision)) > START + timedelta(seconds=over)


def test_where_no_frame_comes_it_is_gone_as_well() -> None:
    vision, look = told(SCENE)
    look(draw(SCENE, seconds=20, fps=12.5))
    vision.finish()
    vision.forget(START + KEPT + timedelta(seconds=20), kept=KEPT)
    assert plates_in(vision) == (set(), 0)


def test_where_anything_may_be_kept_for_days_a_vehicle_is_known_for_its_own_time_and_no_picture_of_it() -> None:
    vision, look = told(SCENE, kept=timedelta(days=3))
    look(draw(SCENE, seconds=60, fps=12.5))
    assert plates_in(vision)[1] == 0
    assert {known.text for known in vision._memory._known} == {"PARKED1", "AB12345", "XY98760"}
    look(draw(SCENE, seconds=3, fps=1, begins=1860))
    assert vision._memory._known == []


def test_a_parked_vehicle_is_known_for_as_long_as_it_is_seen() -> None:
    scene = {10: standing("PARKED1", hidden=lambda seconds: 600 < seconds < 700)}
    vision, look = told(scene)
    assert texts(look(draw(scene, seconds=900, fps=0.5))) == ["PARKED1"]
    assert vision.counts.rejected == {Rejection.SAME_VEHICLE: 1}
    assert plates_in(vision)[1] == 0


@pytest.mark.parametrize(("away", "reads"), [(150, 1), (200, 2)])
def test_a_vehicle_that_was_hidden_for_longer_than_it_may_be_known_is_read_again(away: float, reads: int) -> None:
    scene = {10: standing("PARKED1", hidden=lambda seconds: 100 <= seconds < 100 + away)}
    _, look = told(scene)
    assert texts(look(draw(scene, seconds=400, fps=2))) == ["PARKED1"] * reads


def test_of_what_stands_there_for_hours_and_cannot_be_read_no_picture_is_older_than_it_may_be() -> None:
    wavering = ("AB12345", "KX98VPR", "77HJ2Q", "MMP0L1")
    clears = 800.0
    scene = {10: standing("", says=lambda look: ("AB12345", 0.97) if now[0] > clears else (wavering[look % 4], 0.6))}
    now, reads = [0.0], list[PlateRead]()
    vision, look = told(scene)
    for frame in draw(scene, seconds=clears + 60, fps=0.5):
        now[0] = (frame.captured_at - START).total_seconds()
        reads += look([frame])
        assert all(frame.captured_at - each.first_seen <= KEPT for each in vision._tracks if each.best.crop is not None)
    reads += vision.finish()
    assert texts(reads) == ["AB12345"]
    assert reads[0].best_seen > START + timedelta(seconds=clears) - KEPT


def test_a_parked_vehicle_of_which_a_picture_comes_now_and_then_is_known_meanwhile() -> None:
    scene = {10: standing("PARKED1")}
    vision, look = told(scene, kept=timedelta(days=3), reread_after=timedelta(seconds=1))
    reads = look(draw(scene, seconds=40, fps=2)) + look(draw(scene, seconds=150, fps=1 / 15, begins=40))
    reads += vision.finish()
    assert texts(reads + look(draw(scene, seconds=10, fps=5, begins=180))) == ["PARKED1"]


def look_at(text: str, *, left: float = 100.0, width: float = 70.0) -> Look:
    box = Box(x1=left, y1=100.0, x2=left + width, y2=100.0 + width / 2)
    reading = Reading(text=text, confidences=(0.97,) * len(text))
    return Look(detection=Detection(box=box, confidence=0.9), reading=reading, crop=np.zeros((9, 9, 3), np.uint8))


def pictures_of(track: Track) -> int:
    return sum(isinstance(one, np.ndarray) for one in held(track))


@pytest.mark.parametrize("before", [1, 9])
def test_a_look_that_may_be_at_another_vehicle_leaves_no_picture(before: int) -> None:
    track, odd = Track(look_at("AB12345"), START), look_at("XY98760")
    for seconds in range(1, before):
        track.update(look_at("AB12345"), START + timedelta(seconds=seconds))
    at = START + timedelta(seconds=before)
    for one, look in match([track], [odd], at):
        one.update(look, at)
    assert odd.crop is not None
    assert pictures_of(track) == 1
    assert all(one is not odd.crop for one in held(track))


def test_what_joins_a_track_of_which_nothing_more_is_handed_on_brings_no_picture() -> None:
    track = Track(look_at("AB12345"), START)
    track.settle()
    track.take(Track(look_at("AB12345", width=90.0), START + timedelta(seconds=2)))
    assert pictures_of(track) == 0


def test_a_sign_stays_one_while_it_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "FORGOTTEN_AFTER", timedelta(hours=1))
    scene = {10: standing("SIGN42", hidden=lambda seconds: seconds % 2700 > 100 and seconds < 10_800)}
    vision, look = told(scene, kept=timedelta(days=365))
    look(draw(scene, seconds=10_800, fps=0.05))
    before = vision.counts.passages
    look(draw(scene, seconds=5400, fps=0.05, begins=10_800))
    vision.finish()
    assert 0 < before == vision.counts.passages
    assert [place.text for place in vision._memory._places] == ["SIGN42"]


def test_a_look_at_the_whole_picture_leaves_nothing_of_the_last_part_that_was_looked_at() -> None:
    near = Detector(name="near", written=networks.detector([], (64, 32)))
    far = Detector(name="far", written=networks.detector([], (128, 64)), parts=near)
    bright = Plain(np.full((640, 1280, 3), 250, np.uint8))
    for _ in range(2):
        far.look(bright, Box(x1=100, y1=200, x2=740, y2=520))
        assert near._batch.max() > 0.9
        far.look(Plain(networks.blank((1280, 640))))
        assert max(one.max() for one in held(near) if isinstance(one, np.ndarray)) < 0.5
