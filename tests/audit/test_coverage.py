"""Where a log knows nothing: each sort of gap is found, and a log without any is not said to have one."""

from edge.audit import words
from edge.audit.coverage import BLIND, SILENT_AFTER, Coverage, Stretch, union
from edge.ledger.entries import (
    Alarm,
    AlarmEnded,
    ClockStep,
    ClockTrusted,
    Entry,
    Exported,
    Gap,
    Held,
    HoldEnded,
    SelfTest,
    Start,
    Stop,
)

NOON = 1_795_435_200_000
MINUTE, HOUR = 60_000, 3_600_000
START = Start(software="1.0", after="first")
PASSED, FAILED = (SelfTest(model="plates", digest="ab", passed=passed) for passed in (1, 0))


def covered(*entries: tuple[int, Entry | None], first: int = 0, positions: list[int] | None = None) -> Coverage:
    """What is known after these entries, each with its minute; None is a read."""
    coverage = Coverage(first=first)
    for place, (minute, entry) in enumerate(entries):
        at = NOON + minute * MINUTE
        coverage.tick(place if positions is None else positions[place], at)
        if entry is not None:
            coverage.entry(at, entry)
    coverage.close()
    return coverage


def told(coverage: Coverage) -> list[tuple[str, float, float | None]]:
    """Each stretch with its minutes."""
    return [
        (one.what, (one.began - NOON) / MINUTE, None if one.ended is None else (one.ended - NOON) / MINUTE)
        for one in coverage.stretches
    ]


def test_a_device_that_runs_and_tests_itself_hourly_has_no_gap() -> None:
    assert told(covered((0, START), (1, None), *((60 * hour, PASSED) for hour in range(1, 9)))) == []


def test_a_log_without_any_start_says_that_nothing_is_known_to_have_run() -> None:
    assert told(covered((0, None), (5, None))) == [("not-running", 0, None)]


def test_the_time_between_a_stop_and_the_next_start_is_one_in_which_it_did_not_run() -> None:
    found = covered((0, START), (5, Stop(why="sigterm")), (90, Start(software="1.0", after="stop")))
    assert told(found) == [("not-running", 5, 90)]
    assert [run.how for run in found.runs] == ["stop", "running"]


def test_after_the_last_stop_it_does_not_run() -> None:
    assert told(covered((0, START), (5, Stop(why="sigterm")))) == [("not-running", 5, None)]


def test_what_is_written_beside_a_device_that_is_stopped_breaks_no_silence() -> None:
    made = Exported(first=0, last=2, sha256="ab")
    found = covered((0, START), (5, Stop(why="sigterm")), (300, made), (301, Start(software="1.0", after="stop")))
    assert told(found) == [("not-running", 5, 301)]


def test_a_time_in_which_the_law_let_nothing_be_collected_is_blind_and_said_to_be_no_empty_road() -> None:
    forbidden = Alarm(what="collection", why="law")
    (found,) = covered((0, START), (5, forbidden), (60, AlarmEnded(what="collection")), (61, PASSED)).stretches
    assert found.what in BLIND
    assert (words.stretch(found.what, found.why), words.why(found.what, found.why)) == (
        "The law did not let the device collect: no vehicle that went by was read.",
        "",
    )


def test_a_crash_is_a_gap_from_the_last_entry_to_the_next_start() -> None:
    gap = Gap(what="daemon", began=NOON + 7 * MINUTE, ended=NOON + 500 * MINUTE, why="crash")
    found = covered((0, START), (7, None), (500, gap), (500, Start(software="1.0", after="crash")))
    assert told(found) == [("crash", 7, 500)]
    assert (found.runs[0].how, found.runs[0].ended) == ("crash", NOON + 7 * MINUTE)


def test_a_second_start_without_a_word_of_the_end_is_a_crash() -> None:
    found = covered((0, START), (7, None), (30, Start(software="1.0", after="crash")))
    assert told(found) == [("not-running", 7, 30)]
    assert found.stretches[0].why == "crash"


def test_a_silence_longer_than_the_self_test_allows_is_a_gap() -> None:
    minutes = SILENT_AFTER // MINUTE + 1
    assert told(covered((0, START), (minutes, None))) == [("silence", 0, minutes)]


def test_a_silence_as_long_as_the_self_test_allows_is_none() -> None:
    assert told(covered((0, START), (SILENT_AFTER // MINUTE, None))) == []


def test_a_clock_put_forward_is_a_step_and_no_silence() -> None:
    assert told(covered((0, START), (600, ClockStep(by=599 * MINUTE)))) == [("clock-step", 1, 600)]


def test_a_step_after_the_longest_time_without_an_entry_is_still_no_silence() -> None:
    longest = SILENT_AFTER // MINUTE
    found = covered((0, START), (longest + 600, ClockStep(by=600 * MINUTE)))
    assert told(found) == [("clock-step", longest, longest + 600)]


def test_a_clock_put_back_is_a_step_over_the_time_that_was_told_twice() -> None:
    assert told(covered((0, START), (60, None), (10, ClockStep(by=-50 * MINUTE)))) == [("clock-step", 10, 60)]


def test_the_ends_of_the_log_are_those_of_its_times_and_not_of_its_order() -> None:
    found = covered((0, START), (60, None), (10, ClockStep(by=-50 * MINUTE)), (20, None))
    assert (found.earliest, found.latest) == (NOON, NOON + 60 * MINUTE)


def test_entries_that_are_not_here_are_a_gap_with_their_number() -> None:
    found = covered((0, START), (1, None), (9, None), positions=[0, 1, 5])
    assert told(found) == [("missing-entries", 1, 9)]
    assert (found.missing, found.stretches[0].why) == (3, "entries 2 to 4 are not here")


def test_what_stands_before_a_pruned_part_is_one_gap() -> None:
    found = covered((0, None), (3, None), (50, START), (60, None), first=40, positions=[0, 7, 40, 41])
    assert [one for one in told(found) if one[0] == "missing-entries"] == [("missing-entries", 0, 50)]
    assert found.missing == 38


def test_models_that_fail_are_a_gap_until_they_pass() -> None:
    assert told(covered((0, START), (5, FAILED), (9, PASSED))) == [("models", 5, 9)]


def test_models_that_never_pass_again_are_a_gap_that_is_not_over() -> None:
    assert told(covered((0, START), (5, FAILED), (9, None))) == [("models", 5, None)]


def test_the_devices_own_word_on_its_models_takes_the_place_of_what_the_self_test_says() -> None:
    gap = Gap(what="models", began=NOON + 4 * MINUTE, ended=NOON + 9 * MINUTE, why="model-error")
    assert told(covered((0, START), (5, FAILED), (9, gap), (9, PASSED))) == [("models", 4, 9)]


def test_holds_alarms_and_an_untrusted_clock_last_from_their_first_word_to_their_last() -> None:
    found = covered(
        (0, START),
        (1, Held(why="files")),
        (2, Alarm(what="floor", why="not-written")),
        (3, ClockTrusted(trusted=0, source="nobody")),
        (4, HoldEnded()),
        (5, AlarmEnded(what="floor")),
        (6, ClockTrusted(trusted=1, source="kernel")),
    )
    assert told(found) == [("held", 1, 4), ("alarm:floor", 2, 5), ("clock-untrusted", 3, 6)]


def test_what_still_stood_at_a_crash_ends_with_the_next_start() -> None:
    found = covered((0, START), (1, Held(why="files")), (30, Start(software="1.0", after="crash")))
    assert ("held", 1, 30) in told(found)


def test_time_before_the_log_and_after_it_is_unknown() -> None:
    found = covered((0, START), (60, None))
    asked = found.of(NOON - HOUR, NOON + 3 * HOUR)
    assert [(one.what, one.began, one.ended) for one in asked] == [
        ("before", NOON - HOUR, NOON),
        ("after", NOON + HOUR, NOON + 3 * HOUR),
    ]


def test_an_empty_log_knows_nothing_of_any_time() -> None:
    coverage = Coverage()
    coverage.close()
    assert [one.what for one in coverage.of(NOON, NOON + HOUR)] == ["before"]


def test_a_gap_outside_the_time_asked_about_is_not_told() -> None:
    gap = Gap(what="camera:north-1", began=NOON, ended=NOON + 5 * MINUTE, why="stalled")
    found = covered((0, START), (5, gap), (90, None))
    assert [one.what for one in found.of(NOON + 10 * MINUTE, NOON + HOUR)] == []
    assert [one.what for one in found.of(NOON + 4 * MINUTE, NOON + HOUR)] == ["camera:north-1"]


def test_stretches_that_overlap_count_once() -> None:
    told = [Stretch(what="ledger", why="", began=began, ended=ended) for began, ended in ((0, 10), (5, 20), (30, None))]
    assert union(told, 2, 40) == [(2, 20), (30, 40)]


def test_a_hot_list_that_was_not_at_hand_is_told_and_no_camera_is_blind_for_it() -> None:
    gap = Gap(what="hotlist:metro", began=NOON + 5 * MINUTE, ended=NOON + 6 * MINUTE, why="not-at-hand")
    found = covered((0, START), (5, None), (6, gap))
    assert told(found) == [("hotlist:metro", 5, 6)]
    assert "hotlist:metro" not in BLIND
    said = words.stretch("hotlist:metro", "not-at-hand")
    assert said == "The hot list metro was not at hand, so that no read was a hit on it."
    assert words.why("hotlist:metro", "not-at-hand") == ""
