"""What of a large stream is decoded while a small one is watched: nothing of a passage is lost, little else is done."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decoding.backlog import Backlog, Held
from edge.decoding.gated import BLIND_SECONDS, LEAD_SECONDS, LOOK_SECONDS, GatedStream
from edge.decoding.stream import Arrival

PACE = 0.1
"""Seconds between two packets."""


@dataclass(frozen=True)
class Packet:
    number: int
    is_keyframe: bool
    size: int = 1000


class Stream:
    """Packets at an even pace, whole ones `every` so many; a decoder that fails where a real one would give rubbish."""

    def __init__(self, *, count: int, every: int, size: int = 1000, keeps_back: bool = False) -> None:
        self.left = [Packet(number, number % every == 0, size) for number in range(count)]
        self.fed = 0
        self.now = 0.0
        self.decodes: list[int] = []
        self._stands: int | None = None
        self._keeps_back = keeps_back
        self._drained = False
        self._back: list[Arrival] = []

    def packet(self) -> Packet:
        self.fed += 1
        self.now = self.fed * PACE
        return self.left.pop(0)

    def decoded(self, packet: Packet, at: float) -> list[Arrival]:
        assert not self._drained, "must be restarted"
        assert packet.is_keyframe or self._stands == packet.number - 1, "cannot be decoded"
        self.decodes.append(packet.number)
        self._stands = packet.number
        given = Arrival(at=at, told=None, picture=packet)
        if self._keeps_back:
            given, self._back = self._back, [given]
            return given
        return [given]

    def drained(self, at: float) -> list[Arrival]:
        given, self._back, self._stands = self._back, [], None
        self._drained = True
        return given

    def restart(self) -> None:
        self._stands, self._back, self._drained = None, [], False

    def close(self) -> None: ...


@dataclass
class Road:
    """Something moves from second to second, and is seen `after` so many."""

    moves: list[tuple[float, float]]
    after: float = 0.0

    def open_since(self, now: float) -> float | None:
        return next((since for since, until in self.moves if since + self.after <= now <= until), None)


def played(stream: Stream, road: Road) -> list[Arrival]:
    camera, given = GatedStream(stream, road, now=lambda: stream.now), []
    while stream.left:
        given += list(camera.read())
    return given


def numbers(given: list[Arrival]) -> list[int]:
    return [arrival.picture.number for arrival in given]


@settings(deadline=None)
@given(
    every=st.integers(1, 60),
    moves=st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 6)), max_size=4),
    after=st.floats(0, BLIND_SECONDS),
)
def test_whatever_moves_when_each_picture_from_a_second_before_is_decoded_and_in_order(
    every: int, moves: list[tuple[float, float]], after: float
) -> None:
    road = Road(sorted((since, since + lasts) for since, lasts in moves), after)
    given = played(Stream(count=300, every=every), road)
    times = [(number + 1) * PACE for number in range(300)]
    opened = [(at, since) for at in times if (since := road.open_since(at)) is not None]
    wanted = {
        number for number, at in enumerate(times) if any(since - LEAD_SECONDS <= at <= now for now, since in opened)
    }
    assert wanted <= set(numbers(given))
    assert numbers(given) == sorted(numbers(given))


@settings(deadline=None)
@given(st.integers(1, 60), st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 6)), max_size=4))
def test_too_much_to_hold_is_decoded_at_once_and_in_order(every: int, moves: list[tuple[float, float]]) -> None:
    """The decoder of this test fails where a picture was left out."""
    road = Road(sorted((since, since + lasts) for since, lasts in moves))
    given = played(Stream(count=300, every=every, size=4_000_000), road)
    assert numbers(given) == sorted(numbers(given))


def test_on_an_empty_road_only_a_whole_picture_now_and_then_is_decoded() -> None:
    stream = Stream(count=300, every=20)
    given = played(stream, Road([]))
    assert all(number % 20 == 0 for number in numbers(given))
    assert len(stream.decodes) == len(given)
    assert 30 / (LOOK_SECONDS + 20 * PACE) - 1 <= len(given) <= 30 / LOOK_SECONDS + 1


def test_what_came_before_the_motion_is_marked_as_late_and_what_comes_is_not() -> None:
    stream = Stream(count=100, every=20)
    given = played(stream, Road([(4.05, 6.0)]))
    late = [arrival.at for arrival in given if arrival.late and 2.5 < arrival.at <= 6.0]
    assert min(late) <= 4.05 - LEAD_SECONDS + PACE
    assert max(late) <= 4.05 + PACE
    assert [arrival.late for arrival in given if 4.2 < arrival.at <= 6.0] == [False] * 18


def test_no_more_of_what_came_before_is_decoded_than_the_next_whole_picture_asks_for() -> None:
    stream = Stream(count=100, every=1)
    given = played(stream, Road([(8.05, 9.0)]))
    assert len(stream.decodes) <= len(given) + 1


def test_a_whole_picture_of_an_empty_road_is_held_on_purpose_and_so_marked_as_late() -> None:
    given = played(Stream(count=300, every=20), Road([]))
    assert given
    assert all(arrival.late for arrival in given)


def test_a_decoder_that_keeps_a_picture_back_gives_it_all_the_same() -> None:
    stream = Stream(count=300, every=20, keeps_back=True)
    assert len(played(stream, Road([(12.0, 13.0)]))) >= 15


def test_a_camera_that_never_sends_a_whole_picture_again_fills_no_memory() -> None:
    backlog: Backlog[int] = Backlog(most_bytes=10_000)
    for number in range(11):
        backlog.add(Held(packet=number, at=number, whole=number == 0, size=1000))
    assert backlog.is_full
    assert backlog.forget(-1.0) is None
    while backlog.take() is not None:
        pass
    assert not backlog.is_full


def test_the_backlog_begins_with_the_newest_whole_picture_that_is_old_enough() -> None:
    backlog: Backlog[int] = Backlog()
    for number in range(10):
        backlog.add(Held(packet=number, at=number, whole=number % 3 == 0, size=1))
    head = backlog.forget(7.5)
    assert head is not None
    assert (head.packet, backlog.anew) == (6, True)
    assert [backlog.take().packet for _ in range(4)] == [6, 7, 8, 9]
