"""When a picture was taken, from the stream's own time stamps, which run evenly, and its arrival, which does not.

The network only ever delays: the quickest picture of the last half minute says how the two clocks lie. Pure.
"""

_WINDOW = 30.0
_LEAP = 2.0
"""Seconds by which time stamps may run ahead of the clock before they count as begun anew."""
_LEAST_STEP = 0.001


class Timeline:
    """Follows one stream. All times are in seconds."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self.begin()

    def begin(self) -> None:
        """A stream was opened anew: its time stamps have nothing to do with those before."""
        self._told: float | None = None
        self._arrived = 0.0
        self._least = self._before = float("inf")
        self._window_began = float("-inf")

    def captured(self, arrived: float, told: float | None) -> float:
        """When the picture was taken, on the clock of `arrived`; later than that of the picture before.

        `told` is the stream's own time stamp, None when it has none.
        """
        at = arrived if told is None else self._mapped(arrived, told)
        self._last = max(at, self._last + _LEAST_STEP)
        return self._last

    def _mapped(self, arrived: float, told: float) -> float:
        if self._told is not None:
            step = told - self._told
            # Time stamps that go back or leap ahead are those of a stream that was begun anew.
            if step < 0 or step > arrived - self._arrived + _LEAP:
                self.begin()
        self._told, self._arrived = told, arrived
        if arrived - self._window_began > _WINDOW:
            self._before, self._least, self._window_began = self._least, float("inf"), arrived
        self._least = min(self._least, arrived - told)
        return told + min(self._least, self._before)
