"""When a picture was taken: evenly as the stream says, on the clock of whoever receives it."""

from itertools import pairwise

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
