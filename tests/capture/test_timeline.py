"""When a picture was taken: evenly as the stream says, on the clock of whoever receives it."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.timeline import Timeline

DELAYS = st.lists(st.floats(0, 1.5), min_size=2, max_size=60)


def arrivals(delays: list[float], *, first: float = 100.0, step: float = 0.04) -> list[float]:
    """When pictures taken every `step` seconds arrive: each after its delay, none before the one before it."""
    arrived: list[float] = []
    for place, delay in enumerate(delays):
        arrived.append(max(arrived[-1] if arrived else 0.0, first + place * step + delay))
    return arrived


@given(DELAYS)
def test_a_picture_is_taken_after_the_one_before_and_never_after_it_arrived(delays: list[float]) -> None:
    line = Timeline()
    came = arrivals(delays)
    taken = [line.captured(at, place * 0.04) for place, at in enumerate(came)]
    assert all(later > earlier for earlier, later in pairwise(taken))
    # by the least step at most, where the network made several wait and then let them all go
    assert all(at <= arrived + 0.001 * len(came) for at, arrived in zip(taken, came, strict=True))


@given(DELAYS)
def test_once_a_picture_came_quickly_the_delays_of_others_do_not_show(delays: list[float]) -> None:
    line = Timeline()
    came = arrivals([0.0, *delays])
    taken = [line.captured(at, place * 0.04) for place, at in enumerate(came)]
    assert [round(at - 100.0, 6) for at in taken] == [round(place * 0.04, 6) for place in range(len(taken))]


def test_a_camera_whose_clock_runs_slow_is_followed() -> None:
    line = Timeline()
    for place in range(25 * 600):
        arrived = place * 0.04 * 1.001
        taken = line.captured(arrived, place * 0.04)
    assert arrived - taken < 0.1


@pytest.mark.parametrize("speed", [0.5, 0.6, 0.9, 0.99])
def test_a_clock_that_is_steadily_slow_is_followed_at_its_own_speed(speed: float) -> None:
    line = Timeline()
    came = [100.0 + place * 0.04 for place in range(25 * 60)]
    taken = [line.captured(at, place * 0.04 * speed) for place, at in enumerate(came)]
    assert all(at - captured <= 2.0 for at, captured in zip(came, taken, strict=True))
    settled = [(at, captured) for at, captured in zip(came, taken, strict=True) if at > 105.0]
    assert all(at - captured < 0.01 for at, captured in settled)
    assert [round(later - earlier, 6) for (_, earlier), (_, later) in pairwise(settled)] == [0.04] * (len(settled) - 1)


def test_a_delay_that_swings_is_no_clock_that_is_slow() -> None:
    line = Timeline()
    came = arrivals([0.6 - 0.6 * math.cos(place * 0.02) for place in range(25 * 120)])
    taken = [line.captured(at, place * 0.04) for place, at in enumerate(came)]
    steps = [later - earlier for earlier, later in pairwise(taken)]
    assert all(at - captured < 1.3 for at, captured in zip(came, taken, strict=True))
    assert sum(steps) == pytest.approx(came[-1] - came[0], abs=1.3)
    assert min(steps) > 0.02, "time never stands still"


def test_a_time_stamp_that_stands_still_is_none() -> None:
    line = Timeline()
    told = [place if place < 250 else max(250, place - 50) for place in range(500)]
    taken = [line.captured(100.0 + place * 0.04, at * 0.04) for place, at in enumerate(told)]
    assert [round(at - 100.0, 6) for at in taken] == [round(place * 0.04, 6) for place in range(500)]


def test_what_lies_far_behind_its_arrival_is_set_anew() -> None:
    line = Timeline()
    for place in range(250):
        line.captured(100.0 + place * 0.04, place * 0.04)
    assert line.captured(112.1, 10.0) == 112.1
    assert line.captured(112.2, 10.04) == pytest.approx(112.14)


def test_a_decoder_that_falls_behind_is_no_clock_that_is_slow() -> None:
    line = Timeline()
    for place in range(25 * 20):
        behind = place * 0.04 * 0.2
        arrived = 100.0 + place * 0.04 + behind
        taken = line.captured(arrived, place * 0.04, in_time=place < 25)
    assert arrived - taken == pytest.approx(behind, abs=0.3)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(allow_nan=False, allow_infinity=False)), max_size=60))
def test_no_time_stamp_makes_a_picture_older_than_can_be(seen: list[tuple[float, float]]) -> None:
    line, arrived = Timeline(), 100.0
    for place, (passed, told) in enumerate(seen):
        arrived += passed
        assert -2.001 <= line.captured(arrived, told) - arrived <= 0.001 * place + 0.001


def test_a_stream_that_begins_anew_goes_on_in_time() -> None:
    line = Timeline()
    assert line.captured(10.0, 5000.0) == 10.0
    assert line.captured(11.0, 5001.0) == 11.0
    assert line.captured(14.0, 0.0) == 14.0
    assert line.captured(14.5, 0.4) == 14.4


def test_time_stamps_that_leap_ahead_and_back_do_no_harm() -> None:
    line = Timeline()
    taken = [line.captured(10.0 + place, told) for place, told in enumerate((0.0, 1.0, 90_000.0, 3.0, 4.0))]
    assert taken == [10.0, 11.0, 12.0, 13.0, 14.0]


def test_a_picture_without_a_time_stamp_was_taken_when_it_came() -> None:
    line = Timeline()
    assert [line.captured(at, None) for at in (7.0, 7.5)] == [7.0, 7.5]
