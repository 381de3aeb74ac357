"""One read per vehicle, whatever the look of each frame."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from edge.capture import Plain
from edge.clock import ReplayClock
from edge.errors import ModelError
from edge.values import Box, Detection, Picture, PlateRead
from edge.vision import Vision
from tests.vision.scene import START, Eyes, Vehicle, crossing, draw, standing, texts, unsure, watch


def test_a_passing_vehicle_is_one_read() -> None:
    reads, _, _ = watch(crossing("AB12345", begins=1.0), seconds=6)
    assert texts(reads) == ["AB12345"]


def test_a_read_says_from_when_to_when_the_plate_was_in_view_until_it_was_handed_on() -> None:
    (read,), _, _ = watch(unsure(crossing("AB12345", begins=1.0, lasts=2.0)), seconds=6)
    assert 0.9 < (read.first_seen - START).total_seconds() < 1.4
    assert 2.5 < (read.last_seen - START).total_seconds() <= 3.05
    assert read.first_seen <= read.best_seen <= read.last_seen


def test_the_best_look_is_the_one_at_the_largest_plate() -> None:
    def nearer(seconds: float) -> tuple[float, float, float] | None:
        return (40 + 100 * seconds, 100.0, 40 + 30 * seconds) if 0.5 <= seconds <= 3 else None

    (read,), _, _ = watch(unsure(Vehicle(text="AB12345", at=nearer)), seconds=6)
    assert (read.best_seen - START).total_seconds() > 2.7
    assert read.box.width > 118


def test_vehicles_that_follow_one_another_are_one_read_each() -> None:
    passing = [crossing(f"AB1234{n}", begins=1.0 + 2.2 * n) for n in range(5)]
    reads, _, _ = watch(*passing, seconds=14)
    assert texts(reads) == [f"AB1234{n}" for n in range(5)]


def test_vehicles_side_by_side_are_one_read_each() -> None:
    reads, _, _ = watch(crossing("AB12345", begins=1, top=110), crossing("XY98765", begins=1.3, top=280), seconds=5)
    assert sorted(texts(reads)) == ["AB12345", "XY98765"]


@pytest.mark.parametrize("other", ["AB12385", "AB19345"])
def test_vehicles_of_one_fleet_side_by_side_are_one_read_each(other: str) -> None:
    ways = crossing("AB12345", begins=0.5, lasts=2.5, top=120), crossing(other, begins=0.8, lasts=2.5, top=260)
    assert sorted(texts(watch(*ways, seconds=6)[0])) == ["AB12345", other]
    parked = standing("AB12345", left=100), standing(other, left=400)
    assert sorted(texts(watch(*parked, seconds=8, fps=12.5)[0])) == ["AB12345", other]


def test_look_alikes_far_apart_in_one_look_are_a_plate_and_its_reflection() -> None:
    ways = (crossing(text, begins=0.5, lasts=2.5, top=top) for text, top in (("AB12345", 80.0), ("A812345", 300.0)))
    reads, vision, _ = watch(*ways, seconds=6)
    assert (len(reads), vision.counts.rejected) == (1, {"the same vehicle again": 1})


def test_a_plate_that_is_found_twice_all_the_time_is_one_read() -> None:
    plate, again = (unsure(crossing("AB12345", begins=1.0, lasts=1.1, top=top)) for top in (150.0, 250.0))
    reads, vision, _ = watch(plate, again, seconds=5)
    assert (texts(reads), vision.counts.rejected) == (["AB12345"], {"the same vehicle again": 1})


class Once(Eyes):
    """Finds a plate once, and never again."""

    def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
        found = super().look(picture, part)
        return [] if self.looks else found


def test_a_plate_that_is_missed_after_its_first_look_is_looked_for_a_few_times_more_at_once() -> None:
    scene = {10: crossing("AB12345", begins=1.0)}
    eyes, looked = Once(scene), list[float]()
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    for frame in draw(scene, seconds=3, fps=20):
        before = eyes.found
        vision.passages(frame)
        if eyes.looks and eyes.found > before:
            looked.append((frame.captured_at - START).total_seconds())
    gaps = [round(later - earlier, 2) for earlier, later in pairwise(looked)]
    assert gaps[:4] == [0.05, 0.05, 0.05, 0.15]


def handed_on(vehicle: Vehicle, *, seconds: float, fps: float = 25.0) -> list[tuple[float, PlateRead]]:
    """The reads of a scene with one vehicle, each with the second at which it was handed on."""
    scene = {10: vehicle}
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    frames = draw(scene, seconds=seconds, fps=fps)
    return [((frame.captured_at - START).total_seconds(), read) for frame in frames for read in vision.passages(frame)]


def test_a_vehicle_is_handed_on_while_it_passes_as_soon_as_its_text_is_stable() -> None:
    ((at, read),) = handed_on(crossing("AB12345", begins=0.5), seconds=6)
    assert 1.0 < at < 2.0
    assert read.frames >= 8


def test_a_vehicle_whose_text_is_not_stable_is_handed_on_soon_after_it_has_gone() -> None:
    ((at, _),) = handed_on(unsure(crossing("AB12345", begins=0.5)), seconds=6)
    assert 2.3 < at < 4.5


def better_later(wrong: str, right: str, *, after: int, begins: float = 0.5) -> Vehicle:
    """A slow vehicle that is surely misread in its first looks, and surely read right in all later ones."""
    slow = crossing(right, begins=begins, lasts=5.0)
    return replace(slow, says=lambda look: (wrong, 0.97) if look <= after else (right, 0.99))


def test_a_text_that_later_looks_change_is_corrected_once() -> None:
    (_, first), (_, second) = handed_on(better_later("AB12346", "AB12345", after=8), seconds=9)
    assert (first.text, first.replaces) == ("AB12346", None)
    assert (second.text, second.replaces) == ("AB12345", first.read_id)
    assert second.read_id != first.read_id
    assert second.frames > first.frames


def test_a_correction_is_no_passage() -> None:
    _, vision, _ = watch(better_later("AB12346", "AB12345", after=8), seconds=9)
    assert (vision.counts.passages, vision.counts.corrections) == (1, 1)


def test_a_vehicle_that_stays_is_corrected_within_seconds_or_never() -> None:
    def says(after: float) -> Vehicle:
        return standing("PARKED1", says=lambda look: ("PARKED1" if look > after else "PARKEDI", 0.99))

    soon = handed_on(says(8), seconds=120, fps=2)
    assert [read.text for _, read in soon] == ["PARKEDI", "PARKED1"]
    assert soon[1][0] - soon[0][0] < 35
    late = handed_on(says(40), seconds=300, fps=2)
    assert [read.text for _, read in late] == ["PARKEDI"]


def test_what_is_in_view_at_the_end_is_corrected_too() -> None:
    vehicle = better_later("AB12346", "AB12345", after=8)
    reads, _, _ = watch(vehicle, seconds=4.5)
    assert [read.text for read in reads] == ["AB12346", "AB12345"]


def test_a_parked_vehicle_is_one_read_for_the_whole_recording() -> None:
    reads, _, _ = watch(standing("PARKED1"), crossing("AB12345", begins=3.0), seconds=12)
    assert sorted(texts(reads)) == ["AB12345", "PARKED1"]


def test_a_parked_vehicle_is_seen_although_nothing_moves() -> None:
    reads, _, _ = watch(standing("PARKED1"), seconds=5)
    assert texts(reads) == ["PARKED1"]


def test_a_parked_vehicle_that_a_bus_hides_is_one_read() -> None:
    parked = standing("PARKED1", hidden=lambda seconds: 4 <= seconds < 9)
    reads, _, _ = watch(parked, crossing("BUS4321", begins=3.5, lasts=6.0), seconds=14)
    assert sorted(texts(reads)) == ["BUS4321", "PARKED1"]


def test_a_parked_vehicle_whose_text_jitters_between_look_alikes_is_one_read() -> None:
    says = ("PAR08D1", "PARO8D1", "PAROBD1")
    parked = standing("PAR08D1", hidden=lambda seconds: 5 <= seconds < 8, says=lambda look: (says[look % 3], 0.8))
    reads, _, _ = watch(parked, crossing("AB12345", begins=4.0, lasts=5.0, top=250), seconds=14)
    assert len(reads) == 2


def test_a_parked_vehicle_that_reads_a_little_otherwise_after_a_bus_is_one_read() -> None:
    looks_before_the_bus = 9
    parked = standing(
        "PARKED1",
        hidden=lambda seconds: 5 <= seconds < 8,
        says=lambda look: ("PARKED1" if look < looks_before_the_bus else "PAWKEN1", 0.95),
    )
    reads, vision, eyes = watch(parked, crossing("AB12345", begins=2.0, lasts=9.0, top=250), seconds=14)
    assert eyes.looks[10] > looks_before_the_bus
    assert (len(reads), vision.counts.rejected) == (2, {})


def test_a_vehicle_that_stays_is_handed_on_once() -> None:
    ((at, _),) = handed_on(standing("PARKED1"), seconds=150, fps=2)
    assert 3 <= at < 30


def test_a_vehicle_that_stays_and_is_never_sure_is_handed_on_after_a_minute() -> None:
    ((at, _),) = handed_on(unsure(standing("PARKED1")), seconds=150, fps=2)
    assert 60 <= at <= 63  # the first look after a minute


def test_a_parked_vehicle_that_is_hidden_for_minutes_is_not_read_again() -> None:
    parked = standing("PARKED1", hidden=lambda seconds: 70 <= seconds < 200)
    reads, vision, _ = watch(parked, seconds=230, fps=2)
    assert texts(reads) == ["PARKED1"]
    assert vision.counts.rejected == {"the same vehicle again": 1}


def test_a_parked_vehicle_that_is_to_be_forgotten_is_one_that_nobody_has_seen() -> None:
    scene = {10: standing("PARKED1")}
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    for begins, forgotten, expected in ((0, False, ["PARKED1"]), (20, True, []), (40, False, ["PARKED1"])):
        reads = [read for frame in draw(scene, seconds=10, fps=5, begins=begins) for read in vision.passages(frame)]
        assert texts(reads + vision.finish()) == expected
        if forgotten:
            for hours in (0, 24):
                vision.forget(START + timedelta(seconds=begins + 10), kept=timedelta(hours=hours))
    assert vision.counts.rejected == {"the same vehicle again": 1}


def test_a_parked_vehicle_that_was_hidden_is_not_forgotten_while_it_stands() -> None:
    parked = standing("PARKED1", hidden=lambda seconds: 100 <= seconds < 200 or 700 <= seconds < 800)
    passing = Vehicle(text="AB12345", at=lambda s: (100 + 5 * (s - 550), 250.0, 80.0) if 550 <= s < 600 else None)
    scene = {10: parked, 11: passing}
    eyes = Vision(models=Eyes(scene), clock=ReplayClock(start=START), reread_after=timedelta(minutes=5))
    reads = [read for frame in draw(scene, seconds=900, fps=0.2) for read in eyes.passages(frame)]
    assert texts(reads) == ["PARKED1", "AB12345"]
    assert eyes.counts.rejected == {"the same vehicle again": 2}


def test_another_vehicle_in_the_same_place_is_another_read() -> None:
    first = standing("AB12345", hidden=lambda seconds: seconds >= 5)
    second = standing("XY98760", hidden=lambda seconds: seconds < 5)
    reads, _, _ = watch(first, second, seconds=10)
    assert texts(reads) == ["AB12345", "XY98760"] or texts(reads) == ["XY98760", "AB12345"]


def test_a_plate_that_is_lost_for_a_moment_is_the_same_passage() -> None:
    way = crossing("AB12345", begins=0.5, lasts=3.0)
    reads, _, _ = watch(Vehicle(text="AB12345", at=lambda s: None if 1.5 < s < 2.1 else way.at(s)), seconds=6)
    assert texts(reads) == ["AB12345"]


def test_a_vehicle_that_brakes_while_it_is_hidden_is_the_same_passage() -> None:
    def brakes(seconds: float) -> tuple[float, float, float] | None:
        if 1.2 < seconds < 2.0 or seconds > 4:
            return None
        return (20 + 300 * min(seconds, 1.2), 150.0, 70.0)

    reads, vision, _ = watch(Vehicle(text="AB12345", at=brakes), seconds=8)
    assert (texts(reads), vision.counts.rejected) == (["AB12345"], {})


def test_a_vehicle_that_is_hidden_for_seconds_and_then_reads_a_look_alike_is_one_read() -> None:
    def way(seconds: float) -> tuple[float, float, float] | None:
        return (20 + 45 * (seconds - 1), 200.0, 80.0) if 1 <= seconds <= 13 else None

    before = Vehicle(text="ABO2345", at=lambda seconds: way(seconds) if seconds < 5 else None)
    after = Vehicle(text="AB02345", at=lambda seconds: way(seconds) if seconds > 8 else None)
    reads, vision, _ = watch(before, after, seconds=16, fps=12)
    assert (texts(reads), vision.counts.rejected) == (["ABO2345"], {"the same vehicle again": 1})


def test_what_is_left_of_a_plate_at_the_edge_is_no_second_vehicle() -> None:
    way = crossing("AB12345", begins=0.5)
    rest = Vehicle(text="2345", at=lambda seconds: (5.0, 300.0, 40.0) if 3.0 <= seconds < 3.2 else None)
    reads, vision, _ = watch(way, rest, seconds=7)
    assert (texts(reads), vision.counts.rejected) == (["AB12345"], {"the same vehicle again": 1})


def test_a_plate_that_is_seen_for_most_of_a_second_gets_eight_looks() -> None:
    (read,), _, _ = watch(crossing("AB12345", begins=1.0, lasts=1.1), seconds=4, fps=30)
    assert read.frames >= 8


def test_an_empty_road_is_looked_at_only_now_and_then() -> None:
    _, vision, eyes = watch(seconds=20)
    assert eyes.found == vision.counts.looks
    # The first frame counts as motion, then a look every two seconds.
    assert eyes.found <= 8 + 20 / 2


def test_a_plate_seen_in_one_frame_says_so() -> None:
    glimpse = Vehicle(text="AB12345", at=lambda seconds: (300, 100, 80) if 1.0 <= seconds < 1.07 else None)
    (read,), _, _ = watch(glimpse, seconds=4)
    assert read.frames == 1


def test_an_unsure_glimpse_is_dropped_and_counted() -> None:
    glimpse = Vehicle(
        text="AB12345",
        at=lambda seconds: (300, 100, 80) if 1.0 <= seconds < 1.07 else None,
        says=lambda look: ("AB12345", 0.8),
    )
    reads, vision, _ = watch(glimpse, seconds=4)
    assert reads == []
    assert vision.counts.rejected == {"seen once only, and not surely": 1}


def glimpses(*, apart: float, said: tuple[str, str] = ("AB12345", "AB12345")) -> Vehicle:
    """A vehicle that is seen for a moment on one side and so many seconds later on the other, never surely."""

    def at(seconds: float) -> tuple[float, float, float] | None:
        moments = ((1.0, 60), (1.0 + apart, 400))
        return next(((left, 100, 80) for begins, left in moments if begins <= seconds < begins + 0.07), None)

    return Vehicle(text="AB12345", at=at, says=lambda look: (said[min(look, 2) - 1], 0.8))


def test_two_unsure_glimpses_of_one_vehicle_are_one_read() -> None:
    (read,), vision, _ = watch(glimpses(apart=1.8), seconds=6)
    assert (read.text, read.frames) == ("AB12345", 2)
    assert vision.counts.rejected == {"seen once only, and not surely": 1}


@pytest.mark.parametrize(("apart", "other"), [(2.5, "AB12345"), (1.8, "AB98765")])
def test_two_unsure_glimpses_of_what_may_be_two_vehicles_are_none(apart: float, other: str) -> None:
    assert watch(glimpses(apart=apart, said=("AB12345", other)), seconds=8)[0] == []


@pytest.mark.parametrize(
    ("said", "sure", "reason"),
    [
        ("AB1", 0.95, "not as long as a plate's text"),
        ("AB123456789", 0.95, "not as long as a plate's text"),
        ("AB12345", 0.4, "not sure enough"),
        ("", 0.0, "no text in it"),
    ],
)
def test_what_is_no_plate_is_dropped_and_counted(said: str, sure: float, reason: str) -> None:
    sign = standing("SIGN", says=lambda look: (said, sure))
    reads, vision, _ = watch(sign, seconds=4)
    assert reads == []
    assert vision.counts.rejected == {reason: 1}


def test_a_parked_vehicle_is_not_read_over_and_over() -> None:
    _, _, eyes = watch(standing("PARKED1"), crossing("AB12345", begins=0.5, lasts=18.0, top=280), seconds=20)
    assert eyes.found > 60
    assert 10 <= eyes.looks[10] < 35


def test_what_stands_and_says_nothing_is_hardly_ever_read() -> None:
    _, _, eyes = watch(standing("", says=lambda look: ("", 0.0)), seconds=60, fps=2)
    assert eyes.found >= 20
    assert eyes.looks[10] <= 8


def test_a_parked_vehicle_whose_plate_comes_clear_only_later_is_read() -> None:
    reads, _, _ = watch(standing("PARKED1", says=lambda look: ("PARKED1" if look > 4 else "", 0.97)), seconds=70, fps=2)
    assert texts(reads) == ["PARKED1"]


def test_a_plate_that_passes_is_read_less_often_once_its_text_is_stable() -> None:
    """After eight readings every other look, at least while it does not grow."""
    way = crossing("AB12345", begins=0.5, lasts=6.0)
    _, vision, eyes = watch(way, seconds=8)
    _, doubtful, _ = watch(unsure(way), seconds=8)
    assert 8 <= eyes.looks[10] <= 15
    assert vision.counts.readings < 0.6 * doubtful.counts.readings


def test_a_plate_too_small_to_read_is_dropped_and_counted() -> None:
    far = Vehicle(text="AB12345", at=lambda seconds: (300.0, 100.0, 20.0))
    reads, vision, _ = watch(far, seconds=4)
    assert reads == []
    assert vision.counts.rejected == {"too small to read": 1}


def test_a_plate_that_is_half_out_of_the_picture_is_not_read_there() -> None:
    _, _, eyes = watch(Vehicle(text="AB12345", at=lambda s: (-30.0, 100.0, 80.0)), seconds=4)
    assert eyes.looks == {}


def test_the_same_frames_give_the_same_reads() -> None:
    first, _, _ = watch(crossing("AB12345", begins=1.0), standing("PARKED1"), seconds=6)
    again, _, _ = watch(crossing("AB12345", begins=1.0), standing("PARKED1"), seconds=6)
    assert first == again


def test_every_read_has_a_name_of_its_own() -> None:
    reads, _, _ = watch(crossing("AB12345", begins=1.0), standing("PARKED1"), seconds=6)
    assert len({read.read_id for read in reads}) == 2


def test_the_crop_shows_the_plate() -> None:
    (read,), _, _ = watch(crossing("AB12345", begins=1.0), seconds=5)
    assert read.crop is not None
    assert (read.crop[:, :, 2] == 201).mean() > 0.6


def test_the_crop_is_never_that_of_another_vehicle_that_comes_in_between() -> None:
    car = Vehicle(text="AB12345", at=lambda s: (200 + 60 * s, 150.0, 70.0) if s < 0.9 else None)
    lorry = Vehicle(text="XY98760", at=lambda s: (200 + 60 * s, 140.0, 100.0) if 0.9 <= s < 3.0 else None)
    reads, _, _ = watch(car, lorry, seconds=6)
    shown = {read.text: int(np.bincount(read.crop[read.crop[:, :, 2] == 201][:, 0]).argmax()) for read in reads}
    assert shown == {"AB12345": 10, "XY98760": 11}
    assert all(read.first_seen <= read.best_seen <= read.last_seen for read in reads)


def stepped(vehicle: Vehicle, *, seconds: float, at: float, by: timedelta, told: bool = True) -> list[str]:
    """The texts of the reads of a vehicle when the clock is moved at a second, which the eyes are told of or not."""
    scene, reads, is_moved = {10: vehicle}, list[PlateRead](), False
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    for frame in draw(scene, seconds=seconds, fps=12.5):
        if frame.captured_at >= START + timedelta(seconds=at):
            if told and not is_moved:
                reads += vision.finish()
                vision.moved(by)
            frame, is_moved = replace(frame, captured_at=frame.captured_at + by), True
        reads += vision.passages(frame)
    return texts(reads + vision.finish())


@pytest.mark.parametrize("hours", [1, -1])
def test_a_parked_vehicle_is_one_read_though_the_clock_is_moved(hours: int) -> None:
    assert stepped(standing("PARKED1"), seconds=12, at=6, by=timedelta(hours=hours)) == ["PARKED1"]


@pytest.mark.parametrize("told", [True, False])
def test_a_vehicle_that_comes_again_after_the_clock_was_put_back_is_a_read_again(told: bool) -> None:
    ways = crossing("AB12345", begins=0.5), crossing("AB12345", begins=18.0)
    twice = Vehicle(text="AB12345", at=lambda seconds: ways[0].at(seconds) or ways[1].at(seconds))
    assert stepped(twice, seconds=21, at=10, by=timedelta(hours=-2), told=told) == ["AB12345"] * 2


def test_a_detector_that_fails_is_not_an_empty_road() -> None:
    eyes = Eyes({}, failing=ModelError("model `broken`: inference failed"))
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    frame = next(draw({}, seconds=1, fps=25))
    with pytest.raises(ModelError):
        vision.passages(frame)


def test_a_camera_that_changes_its_size_goes_on() -> None:
    scene = {10: crossing("AB12345", begins=0.2)}
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    frames = list(draw(scene, seconds=3, fps=25))
    reads = [read for frame in frames for read in vision.passages(frame)]
    other = {11: standing("XY98765")}
    vision._models = Eyes(other)
    for frame in draw(other, seconds=3, fps=25):
        smaller = frame.pixels[:300, :500].copy()
        later = frame.captured_at + timedelta(seconds=3)
        reads += vision.passages(
            type(frame)(camera_id="north", sequence=frame.sequence, captured_at=later, picture=Plain(smaller))
        )
    assert texts(reads + vision.finish()) == ["AB12345", "XY98765"]
