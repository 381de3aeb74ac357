"""What the outbox may hold, and for how long; and that nothing of a deleted envelope is left on the disk."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.ledger.store import Ledger

AHEAD = timedelta(seconds=10)
"""How long before its time an envelope is deleted (or its last tenth), so that its bytes are off the disk by then."""
_EVERY = timedelta(seconds=1)
_QUIET_FOR, _AT_LATEST = timedelta(seconds=5), timedelta(seconds=60)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How old a waiting read may become, and how many may wait in all; beyond that the oldest go first."""

    max_age: timedelta
    max_waiting: int


NO_LIMITS = Limits(max_age=timedelta(days=3650), max_waiting=2**31)


class Tidy:
    """Deletes what is over; `step` and `rest` are called over and over from one thread and work when it is time."""

    def __init__(self, *, ledger: Ledger, limits: Limits) -> None:
        self._ledger, self._limits = ledger, limits
        self._next: datetime | None = None
        self._rested: datetime | None = None
        self._discarding = self._owes = False

    def step(self, now: datetime) -> None:
        """Deletes rows whose time is over or that are beyond the limits. Raises LedgerError."""
        if self._next is not None and self._next - _EVERY <= now < self._next:
            return
        self._next = now + _EVERY
        self._owes |= self._ledger.expire(now, ahead=AHEAD) > 0
        limits = self._limits
        discarded = self._ledger.discard(now, older_than=limits.max_age, beyond=limits.max_waiting)
        if discarded and not self._discarding:
            _log.warning(
                "outbox: more than %d reads or %.0f h of them are waiting, the oldest are discarded from here on",
                limits.max_waiting,
                limits.max_age / timedelta(hours=1),
            )
        self._discarding = bool(discarded)

    def rest(self, now: datetime, *, quiet: bool) -> None:
        """Empties the write-ahead log, where deleted bytes linger: when it is quiet or the time of some was over, at
        the latest after a minute."""
        since = timedelta(days=1) if self._rested is None or now < self._rested else now - self._rested
        if since >= (_QUIET_FOR if quiet or self._owes else _AT_LATEST):
            self._rested = now
            self._owes &= not self._ledger.idle()
