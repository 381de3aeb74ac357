"""The clock is believed only while somebody vouches for it, and never across a step that nobody explains."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import HOLDOVER, STEP, ClockTrust, SystemClock, Vouched, wall
from edge.timekeeping import Timekeepers, tracking

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass
class Hand:
    """A computer's two clocks, and who vouches for the one on the wall; moved by hand."""

    wall_at: float = 1_800_000_000.0
    since_boot: float = 100.0
    says: Vouched | None = None

    def pass_by(self, seconds: float) -> None:
        self.wall_at += seconds
        self.since_boot += seconds
        if self.says is not None and self.says.stamp is not None:
            self.says = Vouched(by=self.says.by, age=self.says.age + seconds, stamp=self.says.stamp)

    def set_by(self, seconds: float) -> None:
        self.wall_at += seconds

    def trust(self, *, injected: bool = False) -> ClockTrust:
        return ClockTrust(
            vouches=lambda: self.says, injected=injected, wall=lambda: self.wall_at, boottime=lambda: self.since_boot
        )


def kernel() -> Vouched:
    return Vouched(by="kernel")


def test_a_clock_that_nobody_vouches_for_is_not_believed() -> None:
    trust = Hand().trust()
    assert (trust.now().trusted, trust.by) == (False, "nobody")


def test_it_is_believed_from_the_moment_that_somebody_vouches_for_it() -> None:
    hand = Hand()
    trust = hand.trust()
    hand.says = kernel()
    trust.look()
    assert (trust.now().trusted, trust.by) == (True, "kernel")


def test_it_is_believed_for_a_day_after_the_last_word_and_no_longer() -> None:
    hand = Hand(says=kernel())
    trust = hand.trust()
    hand.says = None
    hand.pass_by(DAY - 1)
    trust.look()
    assert trust.now().trusted
    hand.pass_by(2)
    assert (trust.now().trusted, trust.by) == (False, "nobody")


def test_the_day_counts_from_when_it_was_known_not_from_when_it_was_read() -> None:
    trust = Hand(since_boot=2 * DAY, says=Vouched(by="timesyncd", age=DAY + 1, stamp=7)).trust()
    assert not trust.now().trusted


@pytest.mark.parametrize("seconds", [-3 * HOUR, -1.0, 1.0, 400 * DAY])
def test_a_step_ends_the_trust_at_once_and_is_told(seconds: float) -> None:
    hand = Hand(says=kernel())
    trust = hand.trust()
    hand.set_by(seconds)
    assert not trust.now().trusted
    assert [round(step.seconds, 3) for step in trust.steps()] == [seconds]
    assert trust.steps() == []


def test_all_steps_together_are_told_too() -> None:
    hand = Hand()
    trust = hand.trust()
    for seconds in (3600.0, -60.0):
        hand.set_by(seconds)
        trust.now()
    trust.steps()
    assert trust.moved == pytest.approx(3540.0)


def test_slewing_is_no_step() -> None:
    hand = Hand(says=kernel())
    trust = hand.trust()
    for _ in range(5000):
        hand.pass_by(1.0)
        hand.set_by(0.0005)
        assert trust.now().trusted
    assert trust.steps() == []


def test_after_a_step_what_was_known_before_it_counts_no_more() -> None:
    hand = Hand(since_boot=1000.0, says=Vouched(by="timesyncd", age=10.0, stamp=1))
    trust = hand.trust()
    hand.set_by(-5.0)
    hand.says = Vouched(by="timesyncd", age=5.0, stamp=1)
    for _ in range(100):
        hand.pass_by(30.0)
        trust.look()
        assert not trust.now().trusted


def test_a_step_back_does_not_make_an_old_word_young() -> None:
    hand = Hand(since_boot=1000.0, says=Vouched(by="timesyncd", age=10.0, stamp=1))
    trust = hand.trust()
    hand.pass_by(2.0)
    hand.set_by(-11.9)
    hand.says = Vouched(by="timesyncd", age=0.1, stamp=1)
    trust.look()
    assert not trust.now().trusted


def test_a_word_of_before_a_step_does_not_count_though_it_is_heard_after_it() -> None:
    hand = Hand(since_boot=1000.0)
    trust = hand.trust()
    hand.pass_by(5.0)
    trust.now()
    hand.pass_by(5.0)
    hand.set_by(3600.0)
    hand.says = Vouched(by="timesyncd", age=3607.0, stamp=1)
    trust.look()
    assert not trust.now().trusted


def test_a_clock_that_is_moved_while_somebody_is_asked_is_not_believed() -> None:
    hand = Hand(since_boot=1000.0)

    def vouches() -> Vouched:
        hand.pass_by(0.1)
        hand.set_by(7 * DAY)
        return kernel()

    trust = ClockTrust(vouches=vouches, wall=lambda: hand.wall_at, boottime=lambda: hand.since_boot)
    assert not trust.now().trusted
    hand.pass_by(5.0)
    trust.look()
    assert not trust.now().trusted


def test_after_a_step_it_is_believed_again_once_somebody_vouches_anew() -> None:
    hand = Hand(since_boot=1000.0, says=Vouched(by="timesyncd", age=10.0, stamp=1))
    trust = hand.trust()
    hand.set_by(-5.0)
    trust.now()
    hand.pass_by(60.0)
    hand.says = Vouched(by="timesyncd", age=1.0, stamp=2)
    trust.look()
    assert (trust.now().trusted, trust.by) == (True, "timesyncd")


def test_a_step_by_the_timekeeper_itself_is_believed_though_it_is_noticed_later() -> None:
    hand = Hand(since_boot=1000.0)
    trust = hand.trust()
    hand.pass_by(2.0)
    hand.set_by(3600.0)
    hand.says = Vouched(by="timesyncd", age=0.5, stamp=1)
    trust.look()
    assert trust.now().trusted
    assert len(trust.steps()) == 1


def test_an_injected_trust_holds_over_everything_and_says_that_it_is_one() -> None:
    hand = Hand()
    trust = hand.trust(injected=True)
    hand.set_by(1000.0)
    hand.pass_by(3 * DAY)
    assert (trust.now().trusted, trust.by) == (True, "injected")
    assert len(trust.steps()) == 1, "steps are told all the same"


def test_the_time_is_the_wall_clock_in_utc() -> None:
    hand = Hand(wall_at=1_700_000_000.0)
    assert SystemClock(trust=hand.trust()).now().at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


Act = tuple[str, float]
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0.1, 2 * DAY)),
        st.tuples(st.just("set"), st.floats(-2 * DAY, 2 * DAY)),
        st.tuples(st.just("kernel"), st.just(0.0)),
        st.tuples(st.just("nobody"), st.just(0.0)),
        st.tuples(st.just("touch"), st.just(0.0)),
        st.tuples(st.just("look"), st.just(0.0)),
    ),
    max_size=40,
)


class Model:
    """What the trust should be, in the plainest words: the last good word must be fresh and later than any step."""

    def __init__(self) -> None:
        self.word: float | None = None

    def expect(self, hand: Hand) -> bool:
        return self.word is not None and hand.since_boot - self.word < HOLDOVER.total_seconds()


@given(ACTS)
def test_it_is_never_believed_without_a_fresh_word_that_came_after_every_step(acts: list[Act]) -> None:
    hand = Hand()
    trust, model, stamp = hand.trust(), Model(), 0
    for act, seconds in acts:
        if act == "pass":
            hand.pass_by(seconds)
        elif act == "set":
            hand.set_by(seconds)
            if abs(seconds) >= STEP:
                model.word = None
        elif act == "kernel":
            hand.says = kernel()
        elif act == "touch":
            stamp += 1
            hand.says = Vouched(by="timesyncd", age=0.0, stamp=stamp)
            trust.now()
        elif act == "nobody":
            hand.says = None
        else:
            trust.look()
            if hand.says is not None and hand.says.stamp is None:
                model.word = hand.since_boot
            elif hand.says is not None:
                model.word = max(model.word or 0.0, hand.since_boot - hand.says.age)
        # the model may believe a stamp of before a step; the program may only believe less
        if trust.now().trusted:
            assert model.expect(hand)


@given(ACTS)
def test_every_step_is_told_once_and_the_sum_is_how_far_the_clock_was_moved(acts: list[Act]) -> None:
    hand = Hand()
    trust, moved = hand.trust(), 0.0
    for act, seconds in acts:
        if act == "pass":
            hand.pass_by(seconds)
        elif act == "set" and abs(seconds) >= STEP:
            hand.set_by(seconds)
            moved += seconds
            trust.now()
    assert sum(step.seconds for step in trust.steps()) == pytest.approx(moved, abs=0.01)


# -- who vouches


def keepers(tmp_path: Path, kernel: Callable[[], bool]) -> Timekeepers:
    return Timekeepers(kernel=kernel, timesyncd=tmp_path / "synchronized", chrony=tmp_path / "no-chrony")


def refuses() -> bool:
    raise OSError(1, "Operation not permitted")


def test_the_kernel_is_asked_first(tmp_path: Path) -> None:
    vouched = keepers(tmp_path, lambda: True)()
    assert vouched is not None
    assert vouched.by == "kernel"


@pytest.mark.parametrize("kernel", [lambda: False, refuses])
def test_without_the_kernel_and_without_timesyncd_nobody_vouches(tmp_path: Path, kernel: Callable[[], bool]) -> None:
    assert keepers(tmp_path, kernel)() is None
    unknown = Timekeepers(kernel=kernel, timesyncd=tmp_path / ("x" * 300), chrony=tmp_path / ("x" * 300))
    assert unknown() is None, "a folder that cannot even be looked up is no daemon"


def test_timesyncd_vouches_from_the_time_at_which_it_touched_its_file(tmp_path: Path) -> None:
    file = tmp_path / "synchronized"
    file.touch()
    os.utime(file, (wall() - 500, wall() - 500))
    vouched = keepers(tmp_path, lambda: False)()
    assert vouched is not None
    assert (vouched.by, round(vouched.age, -1)) == ("timesyncd", 500)


def test_a_file_of_the_future_is_of_a_clock_that_was_put_back_and_vouches_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "synchronized"
    file.touch()
    os.utime(file, (wall() + 500, wall() + 500))
    assert keepers(tmp_path, lambda: False)() is None


@pytest.mark.parametrize(
    "said",
    [
        "",
        "506 Cannot talk to daemon\n",
        "7F7F0101,,0,0.000000000,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n",
        "C0A80001,ntp,3,never,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,64.2,Normal\n",
    ],
)
def test_chrony_that_is_not_synchronised_vouches_for_nothing(said: str) -> None:
    assert tracking(said, wall()) is None


def test_chrony_vouches_from_its_last_update() -> None:
    vouched = tracking(
        f"C0A80001,ntp.example,3,{wall() - 60:.9f},0.0,0.0,0.0,0.1,0.0,0.0,0.01,0.01,64.2,Normal\n", wall()
    )
    assert vouched is not None
    assert (vouched.by, round(vouched.age)) == ("chrony", 60)
