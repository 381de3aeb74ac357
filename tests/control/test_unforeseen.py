"""What nobody foresaw: files at which the desk fails hold; anything else shuts every gate for good."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.errors import LedgerError, PolicyError
from edge.ledger.entries import BundleRefused, Held
from tests.control.world import ALL, TEXAN, Wish, World, open_gates
from tests.policy.city import OWNER


@pytest.fixture
def served(tmp_path: Path) -> Iterator[World]:
    """A world in which everybody is served."""
    world = World(tmp_path / "ledger.sqlite")
    world.control.tick()
    assert open_gates(world) == set(ALL)
    yield world
    world.steps.clear()
    world.ledger.close()


def test_files_at_which_the_desk_fails_hold_and_those_that_follow_are_taken_up(served: World) -> None:
    served.desk.refused, served.desk.news = KeyError("AB12345"), True
    served.control.tick()
    assert open_gates(served) == {OWNER}
    served.passes(2)
    served.control.tick()
    (alarm,) = served.control.standing().alarms
    assert "cannot be read by this version (KeyError in world.py, line " in alarm.said
    assert "AB12345" not in alarm.said
    assert served.entries(Held)
    assert served.entries(BundleRefused) == [BundleRefused(digest="", version=0, why="unreadable")]
    with pytest.raises(PolicyError, match="cannot be read by this version"):
        served.take_up()
    served.wish(Wish(national=False))
    served.control.tick()
    assert open_gates(served) == set(ALL) - {TEXAN}


def test_a_device_starts_with_files_at_which_the_desk_fails_and_serves_the_owner(served: World) -> None:
    served.desk.refused = KeyError()
    served.crash()
    for _ in range(3):
        served.passes(2)
        served.control.tick()
        assert open_gates(served) == {OWNER}


def test_a_device_that_fails_at_what_is_in_force_starts_and_serves_nobody(served: World) -> None:
    served.desk.forbids = KeyError()
    served.crash()
    for _ in range(3):
        served.passes(2)
        served.control.tick()
        assert (open_gates(served), served.control.in_force()) == (set(), None)


def in_a_tick(world: World) -> None:
    world.desk.unkept = KeyError()
    world.passes(61)
    world.control.tick()


def while_a_change_is_taken_up(world: World) -> None:
    world.desk.unkept = KeyError()
    world.wish(Wish(statewide=False))
    world.take_up()


def at_the_broker(world: World) -> None:
    world.rights.generation = {}.popitem  # type: ignore[assignment]
    world.control.settle()


def where_it_is_counted_who_is_served(world: World) -> None:
    world.control._course.wanted = lambda elapsed: {}[elapsed]  # type: ignore[method-assign]
    world.clock.trusted = False
    world.control.tick()


@pytest.mark.parametrize(
    "broken", [in_a_tick, while_a_change_is_taken_up, at_the_broker, where_it_is_counted_who_is_served]
)
def test_what_nobody_foresaw_shuts_every_gate_and_is_raised_until_the_daemon_ends(
    served: World, broken: Callable[[World], None]
) -> None:
    with pytest.raises(KeyError):
        broken(served)
    assert open_gates(served) == set()
    for _ in range(3):
        served.passes(2)
        served.control.settle()
        with pytest.raises(KeyError):
            served.control.tick()
        with pytest.raises(KeyError):
            served.take_up()
        assert open_gates(served) == set()
    assert not served.control.standing().clear


def test_who_asks_again_and_again_afterwards_does_not_keep_the_daemon_from_ending(served: World) -> None:
    with pytest.raises(KeyError):
        in_a_tick(served)
    for _ in range(3):
        served.passes(0.5)
        with pytest.raises(KeyError):
            served.take_up()
    with pytest.raises(KeyError):
        served.control.tick()


def test_a_ledger_that_fails_afterwards_mends_nothing(served: World) -> None:
    with pytest.raises(KeyError):
        in_a_tick(served)
    with pytest.raises(LedgerError), served.control._shutting():
        raise LedgerError("it cannot be written")
    served.passes(2)
    with pytest.raises(KeyError):
        served.control.tick()
    assert open_gates(served) == set()
