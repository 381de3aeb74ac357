"""A small stream that stutters, falls silent or is slow: no passage is lost for that, and an empty road stays cheap."""

from collections.abc import Sequence

import numpy as np
import pytest

from edge.capture.lookout import Lookout
from edge.capture.picture import Plain
from edge.config import Camera
from edge.decoding.gated import BLIND_SECONDS, LEAD_SECONDS, LOOK_SECONDS, GatedStream
from edge.vision.gate import MotionGate
from tests.capture.test_gated import PACE, Stream

CAR = (10.1, 11.8)
"""When it passes."""
SECONDS = 16.0

Shown = tuple[float, float]
"""When a small picture comes, and which second it shows."""


def evenly(pace: float, first: float = 0.0, last: float = SECONDS) -> list[Shown]:
    return [(at, at) for at in np.arange(first, last, pace)]


def held_up(first: float, last: float) -> list[Shown]:
    """What the network holds up comes all at once."""
    return [(max(at, last + (at - first) / 100) if at >= first else at, at) for at, _ in evenly(0.1, 0.0, last)]


class Street:
    """What the small stream shows: noise, and sometimes a car."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(0)
        self._empty = self._chance.integers(20, 200, (90, 160, 3)).astype(np.uint8)

    def picture(self, at: float) -> Plain:
        pixels = np.clip(self._empty + self._chance.normal(0, 1, self._empty.shape), 0, 255).astype(np.uint8)
        if CAR[0] <= at <= CAR[1]:
            left = int(112 * (at - CAR[0]) / (CAR[1] - CAR[0]))
            pixels[40:60, left : left + 40] = 255
        return Plain(pixels)


def decoded(small: Sequence[Shown], *, every: int = 10, seconds: float = SECONDS) -> list[float]:
    """When those pictures of the large stream came that were decoded."""
    lookout = Lookout(Camera(id="a", url="rtsp://h/1", sub_url="rtsp://h/2"), gate=MotionGate())
    stream, street, coming, given = Stream(count=round(seconds / PACE), every=every), Street(), list(small), []
    gated = GatedStream(stream, lookout, now=lambda: stream.now)
    while stream.left:
        while coming and coming[0][0] <= stream.now + PACE:
            at, shows = coming.pop(0)
            lookout.saw(street.picture(shows), at)
        given += [arrival.at for arrival in gated.read()]
    return given


def passage(given: Sequence[float]) -> int:
    return sum(CAR[0] <= at <= CAR[1] for at in given)


WHOLE = passage(np.arange(1, SECONDS / PACE) * PACE)

BACK = [evenly(0.1, back) for back in (10.7, 11.0, 11.5, 11.9, SECONDS)]


@pytest.mark.parametrize("every", [1, 5, 7, 10, 20])
@pytest.mark.parametrize("back", BACK, ids=["0.7 s", "1 s", "1.5 s", "1.9 s", "for good"])
def test_a_passage_is_whole_though_the_small_stream_falls_silent_as_it_begins(back: list[Shown], every: int) -> None:
    assert passage(decoded(evenly(0.1, last=10.05) + back, every=every)) == WHOLE


@pytest.mark.parametrize("last", [10.5, 10.7, 11.0, 11.5, 11.9])
def test_a_passage_is_whole_though_the_small_streams_pictures_are_held_up(last: float) -> None:
    assert passage(decoded(held_up(10.05, last) + evenly(0.1, last + 0.1))) == WHOLE


@pytest.mark.parametrize("lag", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("first", [0.0, 0.1, 0.2, 0.3, 0.4])
def test_a_passage_is_whole_with_two_small_pictures_a_second_that_lag_behind(first: float, lag: float) -> None:
    assert passage(decoded([(at + lag, at) for at, _ in evenly(0.5, first)])) == WHOLE


UNEVEN = [(at + 0.2 * (number % 2), at) for number, (at, _) in enumerate(evenly(0.5, last=120.0))]


@pytest.mark.parametrize("small", [evenly(0.2, last=120.0), evenly(0.5, last=120.0), UNEVEN], ids=["5", "2", "uneven"])
def test_an_empty_road_stays_cheap_however_slow_the_small_stream(small: list[Shown]) -> None:
    given = [at for at in decoded(small, seconds=120.0) if at > CAR[1] + 5.0]
    assert 20 <= len(given) <= 100 / LOOK_SECONDS + 1


def test_what_was_held_up_and_comes_at_once_began_within_the_lead() -> None:
    assert BLIND_SECONDS < LEAD_SECONDS


def test_a_small_stream_of_one_picture_a_second_is_said_once_and_taken_for_blind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lookout, street = Lookout(Camera(id="a", url="rtsp://h/1", sub_url="rtsp://h/2"), gate=MotionGate()), Street()
    caplog.set_level("INFO")

    def watched(first: float, last: float, pace: float) -> list[str]:
        caplog.clear()
        for at, _ in evenly(pace, first, last):
            lookout.saw(street.picture(0.0), at)
        return caplog.messages

    assert watched(0.0, 20.0, 0.4) == []
    assert lookout.gate(19.7) == "shut"
    (said,) = watched(20.0, 60.0, 1.0)
    assert "fewer than two pictures a second" in said
    assert lookout.gate(59.1) == "blind"
    assert watched(60.0, 70.0, 0.4) == ["camera a: its sub-stream is watched again"]
    assert lookout.gate(69.7) == "shut"
