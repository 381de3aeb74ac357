"""A device that is behind looks less often, says so once, and goes back when it keeps up."""

import logging

import pytest

from edge.daemon.pace import IN_TIME, LATE, LEAST, Pace


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_pictures_in_time_are_looked_at_at_full_pace(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace("lane-1")
    for second in range(60):
        pace.judge(LATE, second)
    assert pace.value == 1.0
    assert caplog.text == ""


def test_late_pictures_slow_it_down_as_far_as_the_least_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pace = Pace("lane-1")
    for second in range(60):
        pace.judge(2.0, second)
    assert pace.value == LEAST
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "pictures come 2.0 s late" in caplog.text


def test_it_does_not_slow_down_faster_than_a_new_pace_can_show(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace("lane-1")
    for picture in range(25):
        pace.judge(2.0, picture / 25)
    assert pace.value == pytest.approx(0.7)


def test_once_it_keeps_up_it_goes_back_to_full_pace_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace("lane-1")
    pace.judge(2.0, 0.0)
    for second in range(1, 60):
        pace.judge(IN_TIME - 0.01, second)
    assert pace.value == 1.0
    assert "keeps up again" in caplog.text


def test_between_late_and_in_time_the_pace_stays(caplog: pytest.LogCaptureFixture) -> None:
    pace = Pace("lane-1")
    pace.judge(2.0, 0.0)
    for second in range(1, 60):
        pace.judge((LATE + IN_TIME) / 2, second)
    assert pace.value == pytest.approx(0.7)
