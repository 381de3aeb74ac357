"""The only door to time and chance. Everything else is handed a `Clock`, so that a replay runs the same twice."""

import random
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from edge.values import Instant


class Clock(Protocol):
    """Tells the time, says whether it may be believed, and draws random names."""

    def now(self) -> Instant:
        """The time, in UTC."""
        ...

    def new_id(self) -> str:
        """A fresh random name of 22 characters [A-Za-z0-9_-] (128 bits), for read ids and ack tokens."""
        ...


class SystemClock:
    """The computer's own clock. `trusted` is injected by who knows whether it is synchronised."""

    def __init__(self, *, trusted: bool) -> None:
        self._trusted = trusted

    def now(self) -> Instant:
        return Instant(at=datetime.now(UTC), trusted=self._trusted)

    def new_id(self) -> str:
        return secrets.token_urlsafe(16)


class ReplayClock:
    """Follows the frames of a recording and draws names from a seed: the same recording gives the same reads.

    Its names are predictable, so they never leave test mode.
    """

    def __init__(self, *, start: datetime, seed: int = 0) -> None:
        self._now = start
        self._chance = random.Random(seed)  # noqa: S311 - a replay must be repeatable; its names guard nothing

    def now(self) -> Instant:
        return Instant(at=self._now, trusted=True)

    def new_id(self) -> str:
        return _name(self._chance.getrandbits(128))

    def move_to(self, at: datetime) -> None:
        """Moves on to `at`; never back, so that a recording with odd time stamps cannot undo an expiry."""
        self._now = max(self._now, at)


def monotonic() -> float:
    """Seconds that only grow, for measuring how long something took."""
    return time.monotonic()


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970 UTC, the form of every time in the ledger."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    """The inverse of `milliseconds`."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)


def _name(bits: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(alphabet[(bits >> (6 * place)) & 63] for place in range(22))
