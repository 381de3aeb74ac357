"""A camera with a small stream on a road where long nothing moves: its seconds are counted, not waited for."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from edge.capture import LiveCamera
from edge.capture import live as live_module
from edge.capture.picture import Plain
from edge.clock import SystemClock
from edge.config import Camera
from edge.daemon.pace import LATE, Pace
from edge.decoding.gated import GatedStream
from edge.decoding.stream import Arrival
from tests.broker import wait_until
from tests.capture.test_gated import PACE, Packet, Road, Stream
from tests.capture.watching import said

__all__ = ["said"]

CHANCE = np.random.default_rng(3)


class Filmed(Stream):
    """Decodes to pictures with a sensor's noise. Its one watcher takes each at once, and judges the pace by it.

    From second `rubbish_from` on nothing can be decoded, until `slow_until` all is decoded a second late. When the
    packets are over, time stands still unless it `goes_on` without any.
    """

    def __init__(
        self,
        *,
        seconds: float,
        whole_every: float,
        size: int = 10_000,
        rubbish_from: float = float("inf"),
        slow_until: float = 0.0,
        goes_on: bool = False,
    ) -> None:
        super().__init__(count=round(seconds / PACE), every=round(whole_every / PACE), size=size)
        self.camera: LiveCamera | None = None
        self.pace = Pace("lane-1")
        self.paces: list[float] = []
        self.lags: list[float] = []
        self.taken: list[float] = []
        self._rubbish_from, self._slow_until, self._goes_on = rubbish_from, slow_until, goes_on

    def packet(self) -> Packet | None:
        self._watch()
        if self.left:
            return super().packet()
        self.now += PACE if self._goes_on else 0.0
        return None

    def decoded(self, packet: Packet, at: float) -> list[Arrival]:
        self._watch()
        given = super().decoded(packet, at)
        if at >= self._rubbish_from:
            return []
        picture = Plain(CHANCE.integers(0, 255, (9, 16, 3)).astype(np.uint8))
        late = 1.0 if at < self._slow_until else 0.0
        return [Arrival(at=arrival.at - late, told=None, picture=picture) for arrival in given]

    def _watch(self) -> None:
        """By the camera's own thread, so that a test is the same each time."""
        if self.camera is not None and self.camera.frame(0.0) is not None:
            self.pace.judge(self.camera.lag, self.now)
            self.paces.append(self.pace.value)
            self.lags.append(self.camera.lag)
            self.taken.append(self.now)


@contextmanager
def filming(stream: Filmed, road: Road, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveCamera]:
    """A live camera whose seconds and packets are those of `stream`."""
    gated = GatedStream(stream, road, now=lambda: stream.now)
    monkeypatch.setattr(live_module, "opened", lambda *_, **__: gated)
    monkeypatch.setattr(live_module, "monotonic", lambda: stream.now)
    stream.camera = LiveCamera(Camera(id="lane-1", url="rtsp://camera/1"), clock=SystemClock(trusted=True))
    stream.camera.start()
    try:
        yield stream.camera
    finally:
        stream.camera.close()


def plays(stream: Filmed) -> None:
    wait_until(lambda: not stream.left, what="all packets are read", within=30)


def test_a_minute_on_which_nothing_moves_is_no_lag_and_no_reason_to_look_less_often(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    stream = Filmed(seconds=62.0, whole_every=2.0)
    with filming(stream, Road([(0.0, 2.0)]), monkeypatch):
        plays(stream)
    assert [at for at in stream.taken if at > 55.0], "a whole picture now and then, until the end"
    assert max(stream.lags) < 0.01
    assert set(stream.paces) == {1.0}
    assert said == []


def test_a_passage_that_was_decoded_late_is_no_reason_to_look_less_often_once_nothing_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Filmed(seconds=62.0, whole_every=2.0, slow_until=3.0)
    with filming(stream, Road([(0.0, 3.0)]), monkeypatch):
        plays(stream)
    assert max(stream.lags) > LATE, "it was late"
    idle = [(lag, pace) for at, lag, pace in zip(stream.taken, stream.lags, stream.paces, strict=True) if at > 4.0]
    assert {lag for lag, _ in idle} == {0.0}
    assert idle[-1][1] == 1.0


@pytest.mark.parametrize("whole_every", [4.4, 5.0, 10.0, 30.0])
def test_the_end_of_a_passage_is_no_trouble_however_seldom_whole_pictures_come(
    whole_every: float, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    stream = Filmed(seconds=120.0, whole_every=whole_every)
    road = Road([(0.0, 3.0), (22.0, 26.0), (50.5, 52.0), (90.1, 94.0)])
    with filming(stream, road, monkeypatch) as camera:
        plays(stream)
        assert (camera.state().connected, camera.gaps(), said) == (True, [], [])


def test_packets_that_stay_away_while_nothing_moves_are_noticed(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    stream = Filmed(seconds=30.0, whole_every=10.0, goes_on=True)
    with filming(stream, Road([(0.0, 3.0)]), monkeypatch):
        wait_until(lambda: said, what="something is said")
    assert "sent nothing for 5 s" in said[0]


@pytest.mark.parametrize("whole_every", [2.0, 10.0])
def test_rubbish_is_noticed_while_nothing_moves(
    whole_every: float, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    stream = Filmed(seconds=60.0, whole_every=whole_every, rubbish_from=15.0)
    with filming(stream, Road([(0.0, 3.0)]), monkeypatch):
        wait_until(lambda: said, what="something is said")
        assert stream.now < 15.0 + whole_every + 10.0
    assert "nothing that can be decoded for 5 s" in said[0]


def test_rubbish_without_a_whole_picture_in_it_is_noticed_once_no_more_can_be_held(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    stream = Filmed(seconds=60.0, whole_every=600.0, size=1_000_000, rubbish_from=4.0)
    with filming(stream, Road([(0.0, 3.0)]), monkeypatch):
        wait_until(lambda: said, what="something is said")
    assert "nothing that can be decoded for 5 s" in said[0]
