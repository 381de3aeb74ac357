"""What a live camera makes of pictures that are wrong, over connections that end: no second is waited for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.capture import LiveCamera, Plain, Trouble, Why
from edge.capture import live as live_module
from edge.capture.sizes import CALM_SECONDS
from edge.config import Camera
from edge.decoding.stream import Arrival
from edge.values import Instant
from tests.broker import wait_until
from tests.capture.watching import said

__all__ = ["said"]

CHANCE = np.random.default_rng(6)
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
PACE = 0.25
"""Seconds between two pictures."""

Shown = Callable[[float], NDArray[np.uint8]]


def noise(high: int) -> NDArray[np.uint8]:
    return CHANCE.integers(0, 255, (high, 16, 3)).astype(np.uint8)


def road(at: float) -> NDArray[np.uint8]:
    return noise(9)


def black(at: float) -> NDArray[np.uint8]:
    return np.zeros((9, 16, 3), np.uint8)


class Film:
    """A camera whose connections each show something for so many seconds; its time is the clock's, too."""

    apart, resting = "", False

    def __init__(self, *connections: tuple[float, Shown]) -> None:
        self.at = 0.0
        self.fed = 0
        self.camera = LiveCamera(Camera(id="lane-1", url="rtsp://camera/1"), clock=self)
        self.told: list[tuple[float, str]] = []
        """Each change of what the state says is wrong, and when."""
        self.over = False
        self._left = list(connections)
        self._shown, self._until = road, 0.0

    def now(self) -> Instant:
        return Instant(at=NOON + timedelta(seconds=self.at), trusted=True)

    def new_id(self) -> str:
        return "unused"

    def connect(self, *_: object, **__: object) -> "Film":
        self.fed = 0
        seconds, self._shown = self._left.pop(0)
        self._until = self.at + seconds
        return self

    def read(self) -> list[Arrival[Plain]]:
        why = self.camera.state().why
        told = why.value if why else ""
        if told != (self.told[-1][1] if self.told else ""):
            self.told.append((self.at, told))
        if self.at >= self._until:
            self.over = not self._left
            if self.over:
                return []
            raise Trouble(Why.ENDED, "the camera ended the stream; connecting again")
        self.at += PACE
        self.fed += 1
        return [Arrival(at=self.at, told=None, picture=Plain(self._shown(self.at)))]

    def close(self) -> None: ...


@contextmanager
def played(film: Film, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveCamera]:
    """A live camera that has seen all of it."""
    monkeypatch.setattr(live_module, "opened", film.connect)
    monkeypatch.setattr(live_module, "monotonic", lambda: film.at)
    monkeypatch.setattr(live_module, "_PAUSES", (0.0,))
    film.camera.start()
    try:
        wait_until(lambda: film.over, what="all is shown", within=30)
        yield film.camera
    finally:
        film.camera.close()


def spans(camera: LiveCamera) -> list[tuple[str, float, float]]:
    return [
        (gap.why.value, (gap.began - NOON).total_seconds(), (gap.ended - NOON).total_seconds()) for gap in camera.gaps()
    ]


def test_a_size_that_changes_again_and_again_is_one_trouble_until_it_stays(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def restless(at: float) -> NDArray[np.uint8]:
        return noise(9 + (int(at / PACE) % 2 if 10.0 <= at < 100.0 else 0))

    film = Film((150.0, restless))
    with played(film, monkeypatch) as camera:
        gaps = spans(camera)
    assert [line.partition(";")[0] for line in said] == [
        "camera lane-1: the picture is 16x10 now, it was 16x9",
        "camera lane-1: the picture changes its size again and again",
        said[-1],
    ]
    assert "good pictures again" in said[-1]
    (_, began, ended), (_, standing, well) = gaps
    assert 9.5 <= began < ended <= standing <= 11.0
    assert 100.0 + CALM_SECONDS - 1.0 <= well <= 100.0 + CALM_SECONDS + 1.5


def test_a_size_that_changes_now_and_then_is_told_each_time(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    film = Film((95.0, lambda at: noise(9 + int(at / 30.0) % 2)))
    with played(film, monkeypatch) as camera:
        assert [why for why, _, _ in spans(camera)] == ["changed-size"] * 3
    assert film.told == []
    assert all("look whether it is still aimed well" in line for line in said)


def stills() -> Shown:
    """A camera that hangs: one picture for ever."""
    still = noise(9)
    return lambda at: still


@pytest.mark.parametrize(
    ("bad", "why", "noticed"), [(black, "black", 10.0), (stills(), "frozen", 30.0)], ids=["black", "frozen"]
)
def test_pictures_that_are_as_bad_after_connecting_again_are_never_called_good(
    bad: Shown, why: str, noticed: float, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    film = Film((noticed + 5.0, bad), (8.0, bad), (8.0, bad))
    with played(film, monkeypatch):
        pass
    assert [told for _, told in film.told] == [why, "ended", why, "ended", why]
    assert len(said) == 2
    assert not any("good pictures again" in line for line in said)


def test_good_pictures_after_connecting_again_are_called_good_at_once(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    film = Film((15.0, black), (10.0, road))
    with played(film, monkeypatch):
        pass
    assert [told for _, told in film.told] == ["black", "ended", ""]
    assert film.told[-1][0] <= 15.0 + 3.0
