"""That no sealed read is kept beyond its time, also when the relay stands still; one that is, is an alarm.

The relay deletes what is over. This looks whether it did, and deletes by itself while the disk is too full to share or
the broker's rights are not read back yet. Bytes of deleted envelopes leave the disk with the write-ahead log.
"""

import logging
from datetime import datetime, timedelta

from edge.clock import Clock, monotonic
from edge.daemon.storage import Storage
from edge.ledger import Ledger
from edge.ledger.entries import Alarm, AlarmEnded, Purge
from edge.relay.tidy import AHEAD

GRACE = timedelta(seconds=5)
_EVERY = 1.0
_LINGERS = 120.0
_WHAT = "purge"

_log = logging.getLogger(__name__)


class Purging:
    """`alarm` stands while something is kept too long, and is None otherwise. One thread looks, any may read."""

    def __init__(self, *, storage: Storage, clock: Clock) -> None:
        self._storage, self._clock = storage, clock
        self._next = monotonic()
        self._due: datetime | None = None
        self.alarm: str | None = None
        self.alarm_since: datetime | None = None

    def look(self, ledger: Ledger | None, *, alone: bool) -> None:
        """To be called over and over; `alone`: no relay deletes; no `ledger`: it is closed. Raises LedgerError."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + _EVERY
        now, lingers = self._clock.now().at, False
        try:
            if ledger is not None:
                if alone:
                    ledger.expire(now, ahead=AHEAD)
                    ledger.idle()
                self._due = ledger.next_expiry()
                lingers = ledger.unemptied_for > _LINGERS
        finally:
            self._judge(now, lingers)

    def _judge(self, now: datetime, lingers: bool) -> None:
        late = self._due is not None and now > self._due + GRACE
        if late or lingers:
            what = "a sealed read is kept" if late else "bytes of deleted reads are kept on the disk"
            mend = "see that the disk can be written" if late else "end what reads the ledger file for so long"
            self._stand(f"{what} beyond the time that the policy gives; {mend}", now)
        elif self.alarm is not None:
            self.alarm = None
            self._storage.note(Purge(what="envelopes", count=0, failed=0))
            self._storage.note(AlarmEnded(what=_WHAT))
            _log.warning("purge: mended")

    def _stand(self, said: str, now: datetime) -> None:
        if self.alarm is None:
            self.alarm_since = now
            self._storage.note(Purge(what="envelopes", count=0, failed=1))
            self._storage.note(Alarm(what=_WHAT, why="late"))
            _log.error("%s", said)
        self.alarm = said
