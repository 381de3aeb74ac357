"""A camera that gives no picture for a while: what was in view before is not what is in view afterwards."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from edge.clock import ReplayClock
from edge.errors import ModelError
from edge.values import Frame, PlateRead
from edge.vision import Vision
from tests.vision.scene import START, Eyes, Vehicle, draw, standing, texts

STOPS = 10.0
"""When the frames stop, in seconds."""

Scene = dict[int, Vehicle]


def replaced(first: str, second: str, *, comes: float, speed: float = 0.0, is_unsure: bool = False) -> Scene:
    """A vehicle until the frames stop, and from when they come again another one at the same place."""
    unsure = (first, first[:-2] + "B5", first[:1] + "8" + first[2:])

    def before(seconds: float) -> tuple[float, float, float] | None:
        return (100.0 + speed * seconds, 100.0, 70.0) if seconds < STOPS else None

    def after(seconds: float) -> tuple[float, float, float] | None:
        return (108.0 + speed * (seconds - comes + STOPS), 100.0, 70.0) if seconds >= comes else None

    says = (lambda look: (unsure[look % 3], 0.75)) if is_unsure else None
    return {10: Vehicle(text=first, at=before, says=says), 11: Vehicle(text=second, at=after)}


def with_outage(scene: Scene, *, comes: float) -> Iterator[Frame]:
    yield from draw(scene, seconds=STOPS, fps=5)
    yield from draw(scene, seconds=12, fps=5, begins=comes)


def seen(scene: Scene, frames: Iterator[Frame]) -> list[PlateRead]:
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    return [read for frame in frames for read in vision.passages(frame)] + vision.finish()


@pytest.mark.parametrize("other", ["AB12876", "KX98VPR"])
@pytest.mark.parametrize(("comes", "speed"), [(1810.0, 0.0), (70.0, 0.0), (70.0, 18.0), (15.0, 18.0)])
def test_another_vehicle_at_the_same_place_after_an_outage_is_another_read(
    other: str, comes: float, speed: float
) -> None:
    scene = replaced("AB12345", other, comes=comes, speed=speed)
    reads = seen(scene, with_outage(scene, comes=comes))
    assert texts(reads) == ["AB12345", other]
    assert reads[1].frames >= 8
    assert reads[1].first_seen >= START + timedelta(seconds=comes)


@pytest.mark.parametrize("comes", [15.0, 70.0])
def test_what_was_in_view_before_an_outage_keeps_its_own_text_time_and_crop_and_is_never_corrected(
    comes: float,
) -> None:
    scene = replaced("AB12345", "KX98VPR", comes=comes, speed=18.0, is_unsure=True)
    first, second = seen(scene, with_outage(scene, comes=comes))
    assert (first.text, second.text) == ("AB12345", "KX98VPR")
    assert first.best_seen <= first.last_seen < START + timedelta(seconds=STOPS)
    assert first.crop is not None
    assert set(first.crop[first.crop[:, :, 2] == 201][:, 0]) == {np.uint8(10)}
    assert second.replaces is None


@pytest.mark.parametrize("says", [("AB12345",), ("AB12345", "AB12B45", "A812X45", "AB13345")])
@pytest.mark.parametrize("every", [4.0, 10.0, 19.0])
def test_a_vehicle_at_the_light_of_which_a_picture_comes_every_few_seconds_is_one_read(
    every: float, says: tuple[str, ...]
) -> None:
    """The large stream of a camera is decoded for two seconds after the last motion, and then now and then."""

    def at(seconds: float) -> tuple[float, float, float] | None:
        return (min(40.0 * seconds, 120.0) + max(0.0, 90.0 * (seconds - 60.0)), 150.0, 70.0)

    sure = 0.97 if len(says) == 1 else 0.75
    scene = {10: Vehicle(text="AB12345", at=at, says=lambda look: (says[look % len(says)], sure))}

    def frames() -> Iterator[Frame]:
        yield from draw(scene, seconds=5, fps=10)
        yield from draw(scene, seconds=59 - every, fps=1 / every, begins=4.9 + every)
        yield from draw(scene, seconds=10, fps=10, begins=59.0)

    assert len(seen(scene, frames())) == 1


def test_a_parked_vehicle_of_which_a_picture_comes_twice_a_minute_is_one_read() -> None:
    scene = {10: standing("PARKED1")}
    assert texts(seen(scene, draw(scene, seconds=300, fps=1 / 30))) == ["PARKED1"]


def test_another_vehicle_at_the_same_place_after_the_models_had_failed_is_another_read() -> None:
    comes = 70.0
    scene = replaced("AB12345", "AB12876", comes=comes)
    eyes, reads = Eyes(scene), list[PlateRead]()
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    for frame in draw(scene, seconds=comes + 12, fps=5):
        is_dead = STOPS <= (frame.captured_at - START).total_seconds() < comes
        eyes.failing = ModelError("model `finds`: inference failed") if is_dead else None
        try:
            reads += vision.passages(frame)
        except ModelError:
            assert is_dead
    assert texts(reads) == ["AB12345", "AB12876"]


def test_what_an_outage_completes_is_not_lost_when_the_look_after_it_fails() -> None:
    scene = replaced("AB12345", "KX98VPR", comes=70.0, speed=18.0, is_unsure=True)
    eyes, reads = Eyes(scene), list[PlateRead]()
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    for frame in with_outage(scene, comes=70.0):
        eyes.failing = ModelError("inference failed") if frame.captured_at > START + timedelta(seconds=STOPS) else None
        try:
            reads += vision.passages(frame)
        except ModelError:
            continue
    assert texts(reads) == ["AB12345"]
