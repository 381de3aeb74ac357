"""Whose turn it is, over any history: oldest first, nobody rests for ever, and one goes first after a rest."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from edge.relay.rounds import Rounds

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GATE = object()


def test_whatever_begins_with_the_oldest_sends_it_alone_and_then_all() -> None:
    rounds = Rounds()
    rounds.turn("a", GATE, NOW)
    for begin in (lambda: GATE, lambda: rounds.begin_again() or GATE, object):
        gate = begin()
        under_way, most = rounds.turn("a", gate, NOW)
        assert (under_way < 0, most) == (True, 1)
        rounds.taken("a", 7)
        under_way, most = rounds.turn("a", gate, NOW)
        assert under_way == 7
        assert most > 1000


def test_after_a_read_was_taken_the_later_ones_may_go() -> None:
    rounds = Rounds()
    rounds.turn("a", GATE, NOW)
    rounds.taken("a", 7)
    assert rounds.turn("a", GATE, NOW)[0] == 7


def test_one_that_was_not_taken_rests_and_then_sends_one_from_the_beginning() -> None:
    rounds = Rounds()
    rounds.turn("a", GATE, NOW)
    rounds.taken("a", 7)
    rounds.not_taken("a", NOW)
    assert rounds.turn("a", GATE, NOW) is None
    under_way, most = rounds.turn("a", GATE, NOW + timedelta(seconds=1))
    assert (under_way < 0, most) == (True, 1)


def test_nobody_else_rests_with_it() -> None:
    rounds = Rounds()
    for name in "ab":
        rounds.turn(name, GATE, NOW)
    rounds.not_taken("a", NOW)
    assert rounds.turn("b", GATE, NOW) is not None


def test_rests_grow_to_a_minute_and_are_short_again_once_the_subscriber_was_heard() -> None:
    rounds, rests = Rounds(), []
    now = NOW
    for _ in range(9):
        rounds.turn("a", GATE, now)
        rounds.not_taken("a", now)
        began = now
        while rounds.turn("a", GATE, now) is None:
            now += timedelta(seconds=1)
        rests.append((now - began).total_seconds())
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    rounds.not_taken("a", now)
    rounds.heard("a")
    assert rounds.turn("a", GATE, now) is not None


def test_another_gate_and_another_connection_begin_again() -> None:
    rounds = Rounds()
    rounds.turn("a", GATE, NOW)
    rounds.taken("a", 7)
    rounds.begin_again()
    assert rounds.turn("a", GATE, NOW)[0] < 0
    rounds.taken("a", 7)
    assert rounds.turn("a", object(), NOW)[0] < 0


@example(steps=[-1], failures=7)
@given(steps=st.lists(st.integers(-(10**7), 10**7), max_size=8), failures=st.integers(0, 20))
def test_whatever_the_clock_does_nobody_rests_longer_than_a_minute(steps: list[int], failures: int) -> None:
    rounds, now = Rounds(), NOW
    for _ in range(failures):
        rounds.turn("a", GATE, now)
        rounds.not_taken("a", now)
    for step in steps:
        now += timedelta(seconds=step)
        rounds.turn("a", GATE, now)
    assert rounds.turn("a", GATE, now + timedelta(seconds=60)) is not None
