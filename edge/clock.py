"""The only door to time and chance. Everything else is handed a `Clock`, so that a replay runs the same twice.

The computer's clock is believed only while somebody vouches for it (edge/timekeeping.py), and for a while after. Until
it is vouched for in this boot, and after a step that nobody has vouched for since, only the owner is served.
"""

import random
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from edge.values import Instant

HOLDOVER = timedelta(hours=24)
"""How long a clock that nobody vouches for any more is still believed."""

STEP = 0.5
"""Seconds; a greater difference from the time since boot is a step. Slewing moves at most 0.5 ms in a second."""

YEARS = range(1970, 3000)
"""Those that a person may ask about: a deadline counted from the last year that Python knows lies in none."""


def too_far(option: str, text: str, years: range = YEARS) -> str:
    """What is said of a time that no policy and no log can be of."""
    return f"`{option} {text}` is too far away, name a year from {years[0]} to {years[-1]}"


_READ_WITHIN = 0.05


class Clock(Protocol):
    """Tells the time, says whether it may be believed, and draws random names."""

    def now(self) -> Instant:
        """The time, in UTC."""
        ...

    def new_id(self) -> str:
        """A fresh random name of 22 characters [A-Za-z0-9_-] (128 bits), for read ids and ack tokens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Somebody says that the clock is right. `age`: seconds since that was known, 0 where it is known now.

    `stamp` tells one such saying from the next; None where each answer is fresh.
    """

    by: str
    age: float = 0.0
    stamp: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The clock was moved by `seconds`; noticed at `at`, the time after it."""

    at: datetime
    seconds: float


class ClockTrust:
    """Reads the computer's clock beside the time since boot, and knows whether it may be believed. Any thread."""

    def __init__(
        self,
        *,
        vouches: Callable[[], Vouched | None],
        injected: bool = False,
        wall: Callable[[], float] = time.time,
        boottime: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        """`vouches` is asked at every `look`. With `injected` the clock is believed because a person says so."""
        self._vouches, self._wall, self._boottime = vouches, wall, boottime
        self.injected = injected
        self._lock = threading.Lock()
        self._offset, self._since = self._read()
        self._known_at: float | None = None
        self._by = "nobody"
        self._moved_at = float("-inf")
        self._stamp: int | None = None
        self._stale: int | None = None
        self._steps: list[Step] = []
        self._moved = 0.0
        self.look()

    def now(self) -> Instant:
        """The time, and whether it may be believed. A step is noticed here, at once."""
        with self._lock:
            wall, since = self._notice()
            trusted = self.injected or self._within_holdover(since)
        return Instant(at=datetime.fromtimestamp(wall, UTC), trusted=trusted)

    def look(self) -> None:
        """Asks again whether somebody vouches for the clock. Meant for every few seconds."""
        with self._lock:
            _, asked = self._notice()
        vouched = self._vouches()
        with self._lock:
            self._notice()
            if vouched is None:
                return
            fresh = vouched.stamp is None or vouched.stamp != self._stale
            self._stamp = vouched.stamp
            # not from when the answer was heard: the clock may have been moved since it was given
            known_at = asked - vouched.age
            # what was known before the clock was moved says nothing about where it stands now
            if fresh and known_at > self._moved_at and (self._known_at is None or known_at >= self._known_at):
                self._known_at, self._by = known_at, vouched.by

    def steps(self) -> list[Step]:
        """The steps since the last call."""
        with self._lock:
            steps, self._steps = self._steps, []
        return steps

    @property
    def moved(self) -> float:
        """Seconds by which the clock was moved so far, all steps that were noticed together."""
        with self._lock:
            return self._moved

    @property
    def by(self) -> str:
        """Who vouches: `kernel`, `timesyncd`, `chrony`, `injected`, or `nobody`."""
        with self._lock:
            if self.injected:
                return "injected"
            return self._by if self._within_holdover(self._notice()[1]) else "nobody"

    def _within_holdover(self, since: float) -> bool:
        return self._known_at is not None and since - self._known_at < HOLDOVER.total_seconds()

    def _notice(self) -> tuple[float, float]:
        """Wall clock and seconds since boot; a step between them ends the trust."""
        offset, since = self._read()
        moved, before = offset - self._offset, self._since
        self._offset, self._since = offset, since
        if abs(moved) >= STEP:
            # somewhere after the reading before; who moved it may have vouched for it in between
            self._moved_at, self._stale = before, self._stamp
            self._known_at, self._by = None, "nobody"
            self._steps.append(Step(at=datetime.fromtimestamp(offset + since, UTC), seconds=moved))
            self._moved += moved
        return offset + since, since

    def _read(self) -> tuple[float, float]:
        """Wall clock less seconds since boot, and seconds since boot, both of one moment."""
        while True:
            before = self._boottime()
            wall = self._wall()
            after = self._boottime()
            if after - before <= _READ_WITHIN:
                return wall - after, after


class SystemClock:
    """The computer's own clock. `trusted` is injected by who knows whether it is synchronised, or `trust` finds out."""

    def __init__(self, *, trusted: bool = False, trust: ClockTrust | None = None) -> None:
        self._trusted, self._trust = trusted, trust

    def now(self) -> Instant:
        if self._trust is not None:
            return self._trust.now()
        return Instant(at=datetime.now(UTC), trusted=self._trusted)

    def new_id(self) -> str:
        return secrets.token_urlsafe(16)


class ReplayClock:
    """Follows the frames of a recording and draws names from a seed: the same recording gives the same reads.

    Its names are predictable, so they never leave test mode.
    """

    def __init__(self, *, start: datetime, seed: int = 0) -> None:
        self._now = start
        self._chance = random.Random(seed)  # noqa: S311 - a replay must be repeatable; its names guard nothing  # nosec B311

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


def busy() -> float:
    """Processor seconds of this thread so far, for measuring what something costs on a computer that others use too."""
    return time.thread_time()


def busy_all() -> float:
    """Processor seconds of all threads of this process so far."""
    return time.process_time()


def wall() -> float:
    """Seconds since 1970 UTC as the computer tells them, believed or not; for comparing with time stamps of files."""
    return time.time()


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970 UTC, the form of every time in the ledger."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    """The inverse of `milliseconds`."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)


def stamp(at: datetime) -> str:
    """RFC 3339, UTC, milliseconds: the form of every time that others are told."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _name(bits: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(alphabet[(bits >> (6 * place)) & 63] for place in range(22))
