"""How long a read may be kept holds for what the eyes remember as well, from the first frame under it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.errors import ModelError
from edge.pipeline import UNRULED
from edge.vision import Vision
from tests.relay.house import House
from tests.test_pipeline import NOBODY_LISTENS, frame_of
from tests.vision.scene import START, Eyes, draw, standing
from tests.vision.test_forgetting import plates_in

MINUTES = timedelta(minutes=3)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house", NOBODY_LISTENS)
    yield house
    house.close()


def rule(house: House, *, minutes: float) -> None:
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=minutes / 60))
    house.take_up(signed=True)


TELLS: list[Callable[[House], object]] = [
    lambda house: house.pipeline.step(frame_of(house)),
    lambda house: house.pipeline.rest(),
]


@pytest.mark.parametrize("tells", TELLS, ids=["a frame", "no frame"])
def test_the_eyes_are_told_how_long_anything_may_be_kept_by_what_is_in_force_or_was_last(
    house: House, tells: Callable[[House], object]
) -> None:
    in_force, kept = house.pipeline._in_force, []
    for minutes in (None, 3.0, None, 60.0):
        if minutes is not None:
            rule(house, minutes=minutes)
        house.pipeline._in_force = in_force if minutes else lambda: None
        tells(house)
        kept.append(house.eyes.kept)
    house.pipeline._collects = lambda: False
    tells(house)
    assert [*kept, house.eyes.kept] == [UNRULED, MINUTES, MINUTES, timedelta(hours=1), timedelta(0)]


def passes(house: House) -> Vision:
    """A vehicle that stood there and was recorded."""
    rule(house, minutes=3)
    vision = house.pipeline._vision = Vision(models=Eyes(scene := {10: standing("PARKED1")}), clock=house.clock)
    assert len([one for frame in draw(scene, seconds=10, fps=5) for one in house.pipeline.step(frame)]) == 1
    house.clock.at = START + timedelta(seconds=10)
    assert plates_in(vision) == ({"PARKED1"}, 2)  # in view: the best look, and the read that may still be corrected
    return vision


def test_the_plate_of_the_last_vehicle_is_gone_when_no_frame_comes_for_so_long(house: House) -> None:
    vision = passes(house)
    house.pipeline.rest()
    house.clock.move(MINUTES.total_seconds())
    house.pipeline.rest()
    assert plates_in(vision) == (set(), 0)


def test_the_plate_of_the_last_vehicle_is_gone_though_the_models_have_failed_since(house: House) -> None:
    vision = passes(house)
    vision._models.failing = ModelError("model `finds`: inference failed")
    failed = 0
    for frame in draw({}, seconds=240, fps=0.3, begins=10):
        try:
            house.pipeline.step(frame)
        except ModelError:
            failed += 1
    assert failed > 60
    assert plates_in(vision) == (set(), 0)
