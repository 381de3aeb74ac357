"""A camera's large stream, decoded only while its small one shows motion; now and then a whole picture besides.

When something begins to move, what came shortly before is decoded too: nothing of a passage is lost, it only comes a
little later.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from edge.clock import monotonic
from edge.decoding.backlog import Backlog, Held
from edge.decoding.stream import WAITED, Apart, Arrival

LEAD_SECONDS = 1.0
"""So much before the first motion is decoded: the small stream may lag behind, and a gate needs a few pixels."""
BLIND_SECONDS = 0.75
"""Without a small picture for so long nobody sees the road, and it is open since that picture. A passage takes longer;
two small pictures a second may come unevenly. Less than LEAD_SECONDS: what was held up comes at once and looks new."""
_KEPT_SECONDS = LEAD_SECONDS + BLIND_SECONDS
LOOK_SECONDS = 5.0
"""Between two whole pictures that are decoded although nothing moves, so that a parked vehicle is seen."""
_CAUGHT_UP_WITHIN = 5.0


P = TypeVar("P")


class Coded(Protocol[P]):
    """A stream whose packets are decoded one by one (edge.decoding.stream.Stream)."""

    fed: int

    def packet(self) -> Any: ...

    def decoded(self, packet: Any, at: float) -> list[Arrival[P]]: ...

    def drained(self, at: float) -> list[Arrival[P]]: ...

    def restart(self) -> None: ...

    def close(self) -> None: ...


class Asks(Protocol):
    """Whether something moves (edge.capture.lookout.Lookout)."""

    def open_since(self, now: float) -> float | None:
        """When it first says so, that is no more than BLIND_SECONDS ago."""
        ...


class GatedStream(Generic[P]):
    """Stands where a Stream stands. Belongs to the thread that opened it."""

    apart: Apart = ""

    def __init__(self, stream: Coded[P], lookout: Asks, *, now: Callable[[], float] = monotonic) -> None:
        """`now` is the second in which a packet has come."""
        self._stream, self._lookout, self._now = stream, lookout, now
        self._backlog: Backlog[Any] = Backlog()
        self._looked = self._late_until = float("-inf")
        self._moves = self._gives = False

    @property
    def fed(self) -> int:
        """Packets so far, decoded or not."""
        return self._stream.fed

    @property
    def resting(self) -> bool:
        """Nothing moves and what was last decoded gave a picture, so that no picture is no trouble."""
        return self._gives and not self._moves

    def read(self) -> Iterator[Arrival[P]]:
        """The pictures that are wanted now that the next packet has come. Raises Trouble."""
        before = self._now()
        packet = self._stream.packet()
        if packet is None:
            return
        at = self._now()
        if at - before > WAITED:
            self._late_until = float("-inf")
        since = self._lookout.open_since(at)
        self._moves = since is not None
        self._backlog.add(Held(packet=packet, at=at, whole=packet.is_keyframe, size=packet.size))
        if since is None:
            yield from self._hold(at)
        else:
            self._backlog.forget(since - LEAD_SECONDS)
            yield from self._pass(at, since - LEAD_SECONDS)

    def close(self) -> None:
        """Lets the stream go."""
        self._stream.close()

    def _pass(self, at: float, since: float) -> Iterator[Arrival[P]]:
        """All that is held, of which only what came from second `since` on is wanted."""
        if self._backlog.anew:
            self._backlog.anew = False
            self._stream.restart()
        while (held := self._backlog.take()) is not None:
            if held.at < at:
                self._late_until = at + _CAUGHT_UP_WITHIN
            late = held.at < self._late_until
            for arrival in self._stream.decoded(held.packet, held.at):
                self._gives = True
                if held.at >= since:
                    yield replace(arrival, late=late)

    def _hold(self, at: float) -> Iterator[Arrival[P]]:
        """Only a whole picture now and then; it is late, for it was held on purpose and not for want of time."""
        if self._backlog.is_full:
            self._gives = False
            yield from self._pass(at, at)
            return
        whole = self._backlog.forget(at - _KEPT_SECONDS)
        if whole is None or whole.at - self._looked < LOOK_SECONDS:
            return
        self._looked = whole.at
        self._stream.restart()
        arrivals = self._stream.decoded(whole.packet, whole.at) or self._stream.drained(whole.at)
        self._backlog.anew = True
        self._gives = bool(arrivals)
        yield from (replace(arrival, late=True) for arrival in arrivals)
