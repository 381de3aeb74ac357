"""PURE: whose turn it is. A subscriber's reads are handed over oldest first, and what did not arrive begins again with
the oldest, so that they arrive in their order; one that the broker does not take rests, and nobody waits for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_FIRST_REST, _LONGEST_REST = timedelta(seconds=1), timedelta(seconds=60)
_START = -1
_ALL = 2**31


@dataclass(slots=True)
class _Round:
    """`under_way`: the position of the read that the broker took last; `opening`: the gate's, under which it did."""

    opening: object
    under_way: int = _START
    rests_until: datetime | None = None
    rest: timedelta = _FIRST_REST


class Rounds:
    """One round for each subscriber with reads waiting. Used from one thread."""

    def __init__(self) -> None:
        self._of: dict[str, _Round] = {}

    def turn(self, subscriber_id: str, opening: object, now: datetime) -> tuple[int, int] | None:
        """The position after which its reads may go now, and how many; None while it rests.

        Whenever it begins with the oldest, that one goes alone, to see whether anybody listens: if the broker drops it
        and the next ones meet a subscriber, they would arrive before it. With another `opening` of its gate everything
        begins again.
        """
        found = self._of.get(subscriber_id)
        if found is None or found.opening is not opening:
            found = self._of[subscriber_id] = _Round(opening)
        if found.rests_until is None:
            return found.under_way, 1 if found.under_way == _START else _ALL
        if found.rests_until > now + _LONGEST_REST:  # a clock that was moved back makes nobody rest longer
            found.rests_until = now
        return None if now < found.rests_until else (found.under_way, 1)

    def taken(self, subscriber_id: str, position: int) -> None:
        """The broker took the read at `position`."""
        found = self._of[subscriber_id]
        found.under_way, found.rests_until = position, None

    def not_taken(self, subscriber_id: str, now: datetime) -> None:
        """It did not: the subscriber rests, each time for longer, and then begins with its oldest read."""
        found = self._of[subscriber_id]
        found.under_way, found.rests_until = _START, now + found.rest
        found.rest = min(2 * found.rest, _LONGEST_REST)

    def heard(self, subscriber_id: str) -> None:
        """The subscriber acknowledged something, so it is there."""
        found = self._of.get(subscriber_id)
        if found is not None:
            found.rest = _FIRST_REST
            found.rests_until = None

    def begin_again(self) -> None:
        """The connection ended: what was on its way may be lost with it."""
        for found in self._of.values():
            found.under_way = _START
