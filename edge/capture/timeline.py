"""When a picture was taken, from the stream's own time stamps, which run evenly, and its arrival, which does not.

The network only ever delays: the quickest picture of the last half minute says how the two clocks lie. A clock that is
steadily slow is followed at its own speed. Pure.
"""

from collections import deque

_BLOCK = 0.9
"""Of each so many seconds the quickest picture is remembered."""
_BLOCKS = 33
_STEADY = 5
"""So many blocks in a row tell the speed of the stream's clock, if they lie on a line."""
_UNEVEN = 0.025
_FAR = 2.0
"""Seconds behind arrival at which time stamps are not believed any more."""
_FAR_BEHIND = 10.0
"""While the decoder does not keep up its pictures are late indeed."""
_LEAP = 2.0
"""Seconds by which time stamps may run ahead of the clock before they count as begun anew."""
_LEAST_STEP = 0.001
_SLOWEST = 0.5
"""Of the clock's speed: when pictures turn out to be earlier than was thought, time never stands still for that."""


class Timeline:
    """Follows one stream. All times are in seconds."""

    def __init__(self) -> None:
        self._last = self._before = float("-inf")
        self.begin()

    def begin(self) -> None:
        """A stream was opened anew: its time stamps have nothing to do with those before."""
        self._told, self._arrived = float("-inf"), float("inf")
        self._block_began = self._anew = float("-inf")
        self._quickest: deque[tuple[float, float]] = deque(maxlen=_BLOCKS)
        """When it arrived, and by how much its time stamp lay before that; one of each block, the newest last."""
        self._drift = 0.0
        """Seconds that the stream's clock loses in a second."""

    def captured(self, arrived: float, told: float | None, *, in_time: bool = True) -> float:
        """When the picture was taken, on the clock of `arrived`; later than that of the picture before.

        `told` is the stream's own time stamp, None when it has none; `in_time`: the decoder keeps up with the stream.
        """
        at = arrived if told is None else arrived - self._late(arrived, told, in_time=in_time)
        if at <= self._last:
            at = min(arrived, self._last + _SLOWEST * (arrived - self._before))
        self._before = arrived
        self._last = max(at, self._last + _LEAST_STEP)
        return self._last

    def _late(self, arrived: float, told: float, *, in_time: bool) -> float:
        """By how much the picture came later than the quickest would have come."""
        step = told - self._told
        # Time stamps that stand still, go back or leap ahead are those of a stream that was begun anew.
        if step <= 0 or step > arrived - self._arrived + _LEAP:
            self.begin()
        self._told, self._arrived = told, arrived
        offset = arrived - told
        if in_time or not self._quickest:
            self._note(arrived, offset)
        known = [(at, least) for at, least in self._quickest if at >= self._anew]
        late = max((offset - least - self._drift * (arrived - at) for at, least in known), default=0.0)
        if late > (_FAR if in_time else _FAR_BEHIND):
            self._anew = arrived
            return 0.0
        return max(0.0, late)

    def _note(self, arrived: float, offset: float) -> None:
        if arrived - self._block_began >= _BLOCK:
            self._learn()
            self._block_began = arrived
            self._quickest.append((arrived, offset))
        elif offset < self._quickest[-1][1]:
            self._quickest[-1] = (arrived, offset)

    def _learn(self) -> None:
        """The speed of the stream's clock, when the last blocks agree on one; else it stays what it was."""
        last = list(self._quickest)[-_STEADY:]
        if len(last) < _STEADY:
            return
        (began, first), (ended, latest) = last[0], last[-1]
        drift = (latest - first) / (ended - began)
        if all(abs(least - first - drift * (at - began)) < _UNEVEN for at, least in last):
            self._drift = max(0.0, drift)
