"""Whoever dies, before or after whichever step of taking a right away: what was promised holds, before and afterwards.

Where a scene lives through several deaths in a row, everybody is served again before the next.
"""

from pathlib import Path

import pytest

from tests.leak.device import STEPS, VICTIMS
from tests.leak.events import EVENTS
from tests.leak.rounds import Plan, play
from tests.leak.scene import Nursery, acted

pytestmark = pytest.mark.needs("mosquitto")

EVERY_DAY = Plan(event="suspension", death=("session", "before", "both"), before="unwritable")


def lived(folder: Path, nursery: Nursery, *plans: Plan) -> list[str]:
    """What the oracle finds after all of them."""
    with acted(folder / "scene", nursery) as scene:
        EVENTS[plans[0].event].prepare(scene)
        scene.begin()
        for plan in plans:
            play(scene, plan)
        scene.drain()
        return scene.oracle().findings()


def test_a_death_at_a_step_of_it_lets_nothing_through(tmp_path: Path, nursery: Nursery) -> None:
    assert lived(tmp_path, nursery, EVERY_DAY) == []


@pytest.mark.full
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("step", [step for step in STEPS if step != "rows"])
def test_a_death_at_any_step_lets_nothing_through(tmp_path: Path, nursery: Nursery, step: str, victim: str) -> None:
    plans = [Plan(event="socket", death=(step, when, victim)) for when in ("before", "after")]
    assert lived(tmp_path, nursery, *plans) == []


@pytest.mark.full
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("event", ["stale bundle", "agreement"])
def test_a_death_when_time_takes_the_right_lets_nothing_through(
    tmp_path: Path, nursery: Nursery, event: str, when: str, victim: str
) -> None:
    assert lived(tmp_path, nursery, Plan(event=event, death=("rows", when, victim))) == []


@pytest.mark.full
@pytest.mark.parametrize("after", ["old rights restored", "rights corrupt"])
@pytest.mark.parametrize("before", ["", "unwritable", "broker away", "broker frozen"])
def test_a_broker_that_remembers_wrongly_lets_nothing_through(
    tmp_path: Path, nursery: Nursery, before: str, after: str
) -> None:
    assert lived(tmp_path, nursery, Plan(before=before, after=(after, "both die"))) == []
