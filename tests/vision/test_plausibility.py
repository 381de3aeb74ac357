"""What is no plate: other lettering, pieces of a plate, things that always stand there, burnt-in times."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from edge.clock import ReplayClock
from edge.rejection import Rejection
from edge.values import Box, Detection, Picture, PlateRead
from edge.vision import Plausibility, Reading, Vision
from edge.vision.area import Area
from edge.vision.passage import is_a_time, is_lettering
from edge.vision.tracker import Look, Track, match
from tests.vision.scene import START, Eyes, Vehicle, crossing, draw, standing, texts, unsure, watch

SIZE = (640, 360)


def beside(
    vehicle: Vehicle, text: str, *, up: float, lasts: tuple[float, float] = (0, 99), width: float = 70
) -> Vehicle:
    """Lettering that goes with a vehicle, so many pixels above its plate."""

    def at(seconds: float) -> tuple[float, float, float] | None:
        place = vehicle.at(seconds)
        if place is None or not lasts[0] <= seconds <= lasts[1]:
            return None
        return place[0] + 10, place[1] - up, 70.0

    return Vehicle(text=text, at=at)


def rejected(vision: Vision) -> set[str]:
    return set(vision.counts.rejected)


def test_a_name_on_a_vehicle_whose_plate_is_read_is_no_vehicle() -> None:
    car = crossing("AB12345", begins=0.5, top=280)
    reads, vision, _ = watch(car, beside(car, "TOYOTA", up=160), seconds=5)
    assert texts(reads) == ["AB12345"]
    assert rejected(vision) == {Rejection.LETTERING}


def test_a_name_on_a_vehicle_is_none_at_the_end_of_a_recording_either() -> None:
    car = unsure(crossing("AB12345", begins=0.2, lasts=2.4, top=150))
    name = replace(beside(car, "TOYOTA", up=-48), says=lambda look: ("TOYOTA", 0.85))
    reads, vision, _ = watch(name, car, seconds=2)
    assert texts(reads) == ["AB12345"]
    assert rejected(vision) == {Rejection.LETTERING}


def test_a_plate_of_letters_alone_is_a_plate() -> None:
    reads, _, _ = watch(crossing("NEILDMND", begins=0.5), seconds=5)
    assert texts(reads) == ["NEILDMND"]


def test_a_number_that_is_seen_for_a_moment_on_a_vehicle_is_no_vehicle() -> None:
    car = crossing("AB12345", begins=0.5, lasts=2.5, top=280)
    reads, vision, _ = watch(car, beside(car, "3768750", up=160, lasts=(1.1, 1.6)), seconds=5)
    assert texts(reads) == ["AB12345"]
    assert rejected(vision) == {Rejection.LETTERING}


def followed(
    text: str,
    *,
    looks: int,
    found: float,
    top: float,
    sure: float = 0.95,
    pace: float = 80.0,
    last: float | None = None,
) -> Track:
    """A track of something that drives by, found and read with that confidence at each look; `last` is that of the
    last character, if it is another.
    """
    confidences = (*(sure,) * (len(text) - 1), sure if last is None else last)

    def look(number: int) -> Look:
        box = Box(x1=pace * number, y1=top, x2=pace * number + 70, y2=top + 35)
        reading = Reading(text=text, confidences=confidences)
        return Look(detection=Detection(box=box, confidence=found), reading=reading)

    track = Track(look(0), START)
    for number in range(1, looks):
        track.update(look(number), START + timedelta(seconds=0.1 * number))
    return track


@pytest.mark.parametrize(("found", "is_dropped"), [(0.42, True), (0.8, False)])
def test_what_hardly_looks_like_a_plate_and_is_read_half_as_often_as_the_plate_beside_it_is_lettering(
    found: float, is_dropped: bool
) -> None:
    plate, number = followed("AB12345", looks=8, found=0.8, top=200), followed("3768750", looks=4, found=found, top=90)
    vote = number.ballot.result()
    assert vote is not None
    assert is_lettering(number, vote, [plate, number]) == is_dropped


@pytest.mark.parametrize(
    ("text", "sure", "found", "pace", "reason"),
    [
        ("UP16AB1234", 0.95, 0.4, 0.0, None),
        ("UP16AB1234", 0.8, 0.4, 80.0, None),
        ("UP16AB1234", 0.8, 0.8, 0.0, Rejection.LENGTH),
        ("UP16AB1234", 0.6, 0.8, 80.0, Rejection.LENGTH),
        ("UP16AB12345", 0.95, 0.8, 80.0, Rejection.LENGTH),
        ("747", 0.8, 0.8, 80.0, None),
        ("747", 0.6, 0.8, 80.0, Rejection.LENGTH),
        ("747", 0.95, 0.4, 80.0, Rejection.LENGTH),
        ("747", 0.95, 0.8, 0.0, Rejection.LENGTH),
        ("74", 0.95, 0.8, 80.0, Rejection.LENGTH),
    ],
)
def test_a_text_of_an_unusual_length_is_believed_when_it_goes_by_and_is_read_well(
    text: str, sure: float, found: float, pace: float, reason: Rejection | None
) -> None:
    track = followed(text, looks=8, found=found, top=200, sure=sure, pace=pace)
    assert Plausibility().rejection(track, track.ballot.result(), SIZE) == reason


@pytest.mark.parametrize(("pace", "reason"), [(80.0, None), (0.0, Rejection.UNSURE_CHARACTER)])
def test_one_doubtful_character_is_no_reason_not_to_believe_what_goes_by(pace: float, reason: Rejection | None) -> None:
    track = followed("AB12345", looks=8, found=0.4, top=200, pace=pace, last=0.2)
    assert Plausibility().rejection(track, track.ballot.result(), SIZE) == reason


@pytest.mark.parametrize(("sure", "reason"), [(0.6, None), (0.5, Rejection.UNSURE)])
def test_what_goes_by_may_be_hard_to_read_if_it_looks_like_a_plate(sure: float, reason: Rejection | None) -> None:
    track = followed("AB12345", looks=8, found=0.5, top=200, sure=sure)
    assert Plausibility().rejection(track, track.ballot.result(), SIZE) == reason


def test_a_piece_of_a_plate_that_was_seen_first_is_the_same_vehicle() -> None:
    car = crossing("AB12345", begins=0.5)
    piece = Vehicle(text="B1234", at=lambda seconds: (10.0, 120.0, 60.0) if 0.5 <= seconds <= 0.75 else None)
    reads, vision, _ = watch(car, piece, seconds=5)
    assert texts(reads) == ["AB12345"]
    assert rejected(vision) == {Rejection.SAME_VEHICLE}


def test_a_vehicle_that_goes_by_before_a_thing_like_a_plate_is_read_and_the_thing_is_not() -> None:
    thing = standing("DQ", left=300.0)
    passing = [crossing(f"AB1234{n}", begins=2.5 + 2.5 * n, top=100.0, width=70.0) for n in range(4)]
    reads, _, _ = watch(thing, *passing, seconds=14)
    assert texts(reads) == [f"AB1234{n}" for n in range(4)]


def test_a_burnt_in_date_is_no_plate() -> None:
    date = Vehicle(text="20261102", at=lambda seconds: (500.0, 4.0, 80.0))
    reads, vision, _ = watch(date, crossing("AB12345", begins=1.0), seconds=8)
    assert texts(reads) == ["AB12345"]
    assert rejected(vision) == {Rejection.TIMESTAMP}


def test_a_burnt_in_clock_is_no_plate() -> None:
    ticks = [Vehicle(text=f"9{n:02d}731", at=_during(n)) for n in range(20)]
    reads, _, _ = watch(*ticks, seconds=20)
    assert reads == []


def _during(second: int):
    return lambda seconds: (300.0, 170.0, 80.0) if int(seconds) == second else None


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("20261123", True),
        ("20261123120159", True),
        ("23112026", True),
        ("235959", True),
        ("20261341", False),
        ("246060", False),
        ("AB12345", False),
        ("1366026", False),
    ],
)
def test_what_is_written_like_a_time_is_one(text: str, is_one: bool) -> None:
    assert is_a_time(text) is is_one


def test_outside_the_zones_nothing_is_read() -> None:
    scene = {10: crossing("AB12345", begins=0.5, top=280), 11: crossing("XY98765", begins=0.5, top=110)}
    lower = Area(zones=(((0.0, 0.6), (1.0, 0.6), (1.0, 1.0), (0.0, 1.0)),))
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START), area=lower)
    reads = [read for frame in draw(scene, seconds=5, fps=25) for read in vision.passages(frame)]
    assert texts(reads + vision.finish()) == ["AB12345"]
    assert vision.counts.rejected[Rejection.OUTSIDE] >= 8


def test_a_sign_that_always_stands_there_is_soon_no_vehicle() -> None:
    hours = 3600.0
    sign = standing("SIGN42", hidden=lambda seconds: seconds % hours > 600)
    scene = {10: sign}
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    reads: list[PlateRead] = []
    for frame in draw(scene, seconds=6 * hours, fps=0.05):
        reads += vision.passages(frame)
    assert texts(reads) == ["SIGN42"] * 3
    assert vision.counts.rejected == {Rejection.FIXTURE: 3}


@pytest.mark.parametrize(
    ("thing", "sureness", "said"),
    [
        (standing("3768750"), 0.35, []),
        (standing("3768750"), 0.38, ["3768750"]),
        (crossing("3768750", begins=0.5), 0.3, ["3768750"]),
    ],
)
def test_lettering_that_hardly_looks_like_a_plate_is_none_where_it_stands(
    thing: Vehicle, sureness: float, said: list[str]
) -> None:
    class Doubting(Eyes):
        def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
            return [replace(one, confidence=sureness) for one in super().look(picture, part)]

    scene = {10: thing}
    vision = Vision(models=Doubting(scene), clock=ReplayClock(start=START))
    reads = [read for frame in draw(scene, seconds=6, fps=25) for read in vision.passages(frame)] + vision.finish()
    assert texts(reads) == said
    assert rejected(vision) == (set() if said else {Rejection.UNSURE})


def test_a_parked_vehicle_that_is_hidden_again_and_again_is_no_sign_and_one_read_when_it_leaves() -> None:
    leaves = 4 * 3600.0

    def at(seconds: float) -> tuple[float, float, float] | None:
        is_hidden = 600 <= seconds % 3600 < 720 and seconds < leaves
        return None if is_hidden else (100.0 + 90.0 * max(0.0, seconds - leaves), 100.0, 70.0)

    scene = {10: Vehicle(text="AB12345", at=at)}
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    frames = [*draw(scene, seconds=leaves, fps=0.05), *draw(scene, seconds=8, fps=25, begins=leaves)]
    assert texts([read for frame in frames for read in vision.passages(frame)]) == ["AB12345"]
    assert vision.counts.rejected == {Rejection.SAME_VEHICLE: 4}


def test_a_clock_that_is_put_forward_makes_no_fixture_of_a_vehicle() -> None:
    scene = {10: standing("AB12345", hidden=lambda seconds: seconds % 500 > 200)}
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START), reread_after=timedelta(minutes=1))
    reads: list[PlateRead] = []
    for frame in draw(scene, seconds=2200, fps=0.05):
        if frame.captured_at == START + timedelta(seconds=900):
            reads += vision.finish()
            vision.moved(timedelta(hours=3))
        if frame.captured_at >= START + timedelta(seconds=900):
            frame = replace(frame, captured_at=frame.captured_at + timedelta(hours=3))
        reads += vision.passages(frame)
    assert texts(reads) == ["AB12345"] * 5


def test_a_vehicle_that_parks_at_the_same_place_every_hour_is_a_read_each_time() -> None:
    def at(seconds: float) -> tuple[float, float, float] | None:
        hour, within = divmod(seconds, 3600.0)
        if within > 600:
            return None
        return 100.0 + 9.0 * hour, 100.0 + 4.0 * hour, 70.0  # nobody parks to the inch

    scene = {10: Vehicle(text="AB12345", at=at)}
    vision = Vision(models=Eyes(scene), clock=ReplayClock(start=START))
    frames = draw(scene, seconds=6 * 3600.0, fps=0.05)
    assert texts([read for frame in frames for read in vision.passages(frame)]) == ["AB12345"] * 6


def track_of(*, wide: float, high: float, text: str = "AB12345", looks: int = 9, sure: float = 0.9) -> Track:
    def look(number: int) -> Look:
        left = 20.0 * number
        box = Box(x1=left, y1=100.0, x2=left + wide, y2=100.0 + high)
        reading = Reading(text=text, confidences=(sure,) * len(text))
        return Look(detection=Detection(box=box, confidence=0.7), reading=reading, sharpness=9.0)

    track = Track(look(0), START)
    for number in range(1, looks):
        track.update(look(number), START + timedelta(seconds=number / 10))
    return track


@pytest.mark.parametrize(
    ("wide", "high", "reason"),
    [
        (80, 40, None),
        (80, 62, None),
        (150, 32, None),
        (150, 15, Rejection.SHAPE),
        (40, 60, Rejection.SHAPE),
        (30, 15, Rejection.TOO_SMALL),
    ],
)
def test_a_plate_has_the_shape_and_the_size_of_one(wide: float, high: float, reason: Rejection | None) -> None:
    track = track_of(wide=wide, high=high)
    assert Plausibility().rejection(track, track.ballot.result(), SIZE) is reason


def test_a_plate_that_is_followed_for_long_is_believed_however_hard_it_is_to_read() -> None:
    followed, glimpsed = (track_of(wide=80, high=40, looks=looks, sure=0.5) for looks in (12, 3))
    assert Plausibility().rejection(followed, followed.ballot.result(), SIZE) is None
    assert Plausibility().rejection(glimpsed, glimpsed.ballot.result(), SIZE) is Rejection.UNSURE


def test_who_asks_for_sure_reads_only_gets_no_others() -> None:
    track = track_of(wide=80, high=40, looks=12, sure=0.5)
    assert Plausibility(confidence=0.7).rejection(track, track.ballot.result(), SIZE) is Rejection.UNSURE


def test_a_vehicle_that_got_fewer_than_eight_looks_is_counted() -> None:
    _, hurried, _ = watch(crossing("AB12345", begins=0.5, lasts=1.0), seconds=4, fps=6)
    _, calm, _ = watch(crossing("AB12345", begins=0.5), seconds=4, fps=25)
    assert (hurried.counts.hurried, calm.counts.hurried) == (1, 0)


def test_looks_at_a_plate_that_the_edge_cuts_off_are_not_among_its_eight_and_not_hurried_for() -> None:
    scene = {10: crossing("AB12345", begins=1.0)}
    eyes = Eyes(scene)
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    vision.pace = 0.25
    cut_off = (START + timedelta(seconds=2.6), START + timedelta(seconds=2.8))
    looked_at: list[datetime] = []
    for frame in draw(scene, seconds=6, fps=25):
        before = eyes.found
        vision.passages(frame)
        looked_at += [frame.captured_at] * (eyes.found - before)
    assert (eyes.looks[10], vision.counts.passages, vision.counts.hurried) == (4, 1, 1)
    assert sum(cut_off[0] <= at <= cut_off[1] for at in looked_at) <= 1


def test_a_device_that_is_behind_looks_less_often() -> None:
    scene = {10: unsure(crossing("AB12345", begins=0.2, lasts=4.0))}

    def found(pace: float) -> int:
        eyes = Eyes(scene)
        vision = Vision(models=eyes, clock=ReplayClock(start=START))
        vision.pace = pace
        for frame in draw(scene, seconds=5, fps=25):
            vision.passages(frame)
        return eyes.found

    assert found(0.25) < 0.6 * found(1.0)


def seen(left: float) -> Look:
    """A plate of 80 pixels' width at that place, not read."""
    return Look(detection=Detection(box=Box(x1=left, y1=100.0, x2=left + 80.0, y2=140.0), confidence=0.4))


def test_what_stands_takes_no_look_beside_its_place_and_what_moves_does() -> None:
    def matched(step: float) -> int:
        track = Track(seen(300.0), START)
        for number in range(1, 20):
            track.update(seen(300.0 + step * number), START + timedelta(seconds=number / 10))
        beside = seen(300.0 + 19 * step + 45.0)
        return len(match([track], [beside], START + timedelta(seconds=2)))

    assert (matched(0.0), matched(12.0)) == (0, 1)


def test_a_plate_that_is_found_again_is_looked_for_where_it_goes_on_to() -> None:
    lost = Track(seen(0.0), START)
    lost.update(seen(20.0), START + timedelta(seconds=0.1))
    lost.take(Track(seen(420.0), START + timedelta(seconds=0.3)))
    assert 500.0 < lost.predicted(START + timedelta(seconds=0.4)).x1 < 620.0
