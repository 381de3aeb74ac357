"""Each trouble is said once, and all of the time without pictures is a gap."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from edge.capture import CameraGap, Trouble, Why
from edge.capture.trouble import Diary
from edge.values import Instant

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> Instant:
        return Instant(at=self.at, trusted=True)

    def new_id(self) -> str:
        return "unused"

    def pass_by(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def diary(clock: SetClock, caplog: pytest.LogCaptureFixture) -> Diary:
    caplog.set_level(logging.INFO, logger="edge")
    return Diary("north", clock=clock)


def spans(gaps: list[CameraGap]) -> list[tuple[str, float, float]]:
    return [(gap.why.value, (gap.began - NOON).total_seconds(), (gap.ended - NOON).total_seconds()) for gap in gaps]


def test_a_trouble_is_said_once_however_often_it_is_met(diary: Diary, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(20):
        diary.trouble(Trouble(Why.NOT_REACHED, "does not answer"), since=NOON)
    assert [record.getMessage() for record in caplog.records] == ["camera north: does not answer"]


def test_its_end_is_said_once_with_how_long_it_was(
    diary: Diary, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    diary.trouble(Trouble(Why.STALLED, "no picture"), since=NOON - timedelta(seconds=7))
    diary.well(clock.pass_by(1))
    diary.well(clock.pass_by(1))
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert said == ["camera north: good pictures again after 7 s"]


def test_an_outage_whose_reason_changes_is_one_gap_after_the_other(diary: Diary, clock: SetClock) -> None:
    diary.trouble(Trouble(Why.ENDED, ""), since=NOON)
    clock.pass_by(2)
    diary.trouble(Trouble(Why.NOT_REACHED, ""), since=NOON)
    assert spans(diary.gaps()) == [("ended", 0, 2)]
    assert diary.since == NOON
    diary.well(clock.pass_by(30))
    assert diary.since is None
    assert spans(diary.gaps()) == [("not-reached", 2, 32)]
    assert diary.gaps() == []


def test_reasons_that_take_turns_are_said_and_kept_once_each(
    diary: Diary, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(50):
        for why in (Why.STALLED, Why.NOT_REACHED):
            diary.trouble(Trouble(why, ""), since=clock.pass_by(1))
    assert len(caplog.records) == 2
    assert len(diary.gaps()) == 1


def test_what_there_is_now_is_the_last_that_was_met_and_each_mend_is_said_once(
    diary: Diary, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    login, power = Trouble(Why.REFUSED_LOGIN, "refuses the login"), Trouble(Why.NOT_REACHED, "check its power")
    path, waited = Trouble(Why.NOT_REACHED, "check the path"), Trouble(Why.STALLED, "nothing for 5 s")
    for trouble in (login, power, login, path, waited, Trouble(Why.STALLED, "nothing for 6 s"), login):
        diary.trouble(trouble, since=clock.pass_by(1))
        assert (diary.why, diary.mend) == (trouble.why, str(trouble))
    said = [record.getMessage().removeprefix("camera north: ") for record in caplog.records]
    assert said == ["refuses the login", "check its power", "check the path", "nothing for 5 s"]
    diary.well(clock.pass_by(1))
    assert (diary.why, diary.mend) == (None, "")
    assert spans(diary.gaps()) == [("refused-login", 1, 2), ("not-reached", 2, 5), ("stalled", 5, 8)]


def test_a_gap_that_is_open_at_the_end_ends_there_and_nothing_is_said_after(
    diary: Diary, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    diary.trouble(Trouble(Why.STALLED, "no picture"), since=NOON)
    clock.pass_by(5)
    diary.close()
    diary.trouble(Trouble(Why.NOT_REACHED, "does not answer"), since=clock.at)
    assert spans(diary.gaps()) == [("stalled", 0, 5)]
    assert len(caplog.records) == 1


def test_a_gap_never_ends_before_it_began_even_if_the_clock_is_set_back(diary: Diary, clock: SetClock) -> None:
    diary.trouble(Trouble(Why.STALLED, ""), since=NOON)
    diary.well(clock.pass_by(-3600))
    assert spans(diary.gaps()) == [("stalled", 0, 0)]
