"""Whether the ledger may be written now. While it may not, nothing is shared and what was read waits.

The ledger is closed and opened anew after a fault, with everything that rests on it; this is what stays meanwhile.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from edge.clock import Clock, milliseconds, monotonic
from edge.errors import LedgerError, Superseded
from edge.ledger import Ledger
from edge.ledger.entries import Entry, Gap, Purge
from edge.values import Checkpoint, Recorded

MOST_NOTES = 1000
"""Entries that are kept while the log cannot be written; beyond it the oldest is lost, and counted."""
_SAYS_IT = "nothing is shared"
_BACK_AT = 1.1  # times the least, so that it does not come and go at the edge

_log = logging.getLogger(__name__)


class Storage:
    """Stands between those who write and the ledger. Used from any thread; nobody waits here for another."""

    def __init__(self, *, folder: Path, least_megabytes: int, clock: Clock) -> None:
        """`folder` is where the ledger lies; with less than `least_megabytes` free nothing is shared."""
        self._folder, self._least, self._clock = folder, least_megabytes, clock
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._fault: str | None = None
        self._full: str | None = None
        self._since: tuple[float, datetime, str] | None = None
        self._notes: deque[Entry] = deque()
        self._lost = 0

    @property
    def trouble(self) -> str | None:
        """Why nothing may be written or sent now, None when all is well."""
        with self._lock:
            return self._fault or self._full

    @property
    def faulty(self) -> bool:
        """Whether the ledger must be opened anew."""
        with self._lock:
            return self._fault is not None

    @property
    def since(self) -> datetime | None:
        """Since when there is trouble."""
        since = self._since
        return None if since is None else since[1]

    def use(self, ledger: Ledger | None) -> None:
        """From now on this ledger is written; None while it is closed."""
        with self._lock:
            self._ledger = ledger
            if ledger is not None:
                self._fault = None
        self._say()

    def look(self) -> None:
        """Looks how much room there is on the disk. Meant for every second or two."""
        try:
            status = os.statvfs(self._folder)
        except OSError:
            return  # the ledger's own fault will name it
        free = status.f_bavail * status.f_frsize // 1_000_000
        with self._lock:
            if free < self._least:
                self._full = f"{self._folder}: less than {self._least} MB are free, free some space"
            elif free >= self._least * _BACK_AT:
                self._full = None
        self._say()

    def record_many(self, reads: Sequence[Recorded]) -> list[int]:
        """As the ledger's; raises LedgerError at once while it may not be written."""
        ledger = self._usable()
        with self.watched(ledger):
            return ledger.record_many(reads)

    def latest_checkpoint(self) -> Checkpoint | None:
        """As the ledger's."""
        ledger = self._usable()
        with self.watched(ledger):
            return ledger.latest_checkpoint()

    @contextmanager
    def watched(self, ledger: Ledger) -> Iterator[None]:
        """Around any use of `ledger`: a LedgerError inside stops the sharing, and is raised on.

        Sharing does not stop for one that is no longer written: a thread that did not end in time comes upon it closed,
        and the one in its place is well.
        """
        try:
            yield
        except Superseded:
            raise  # nothing is wrong with the disk
        except LedgerError as error:
            with self._lock:
                if self._fault is None and self._ledger is ledger:
                    self._fault = str(error)
            self._say()
            raise

    @contextmanager
    def quietly(self, ledger: Ledger) -> Iterator[None]:
        """As `watched`, for a thread that has nothing to give back: it goes on, and finds out by `trouble`."""
        try:
            with self.watched(ledger):
                yield
        except LedgerError:
            return

    def note(self, entry: Entry) -> None:
        """Keeps an entry for the log until `write_notes`."""
        with self._lock:
            self._keep(entry)

    def write_notes(self) -> None:
        """Writes how many were lost, and what was kept, in order. Raises LedgerError; then the rest is kept."""
        while self._notes:
            ledger = self._usable()
            with self._lock:  # others may keep more meanwhile, and what is being written is not theirs to lose
                if not self._notes:
                    return  # another thread has written it: one that closes the house does not wait for one that hangs
                (lost, self._lost), first = (self._lost, 0), self._notes.popleft()
            try:
                ledger.note(*([Purge(what="entries not recorded", count=lost, failed=1)] if lost else []), first)
            except LedgerError:
                with self._lock:
                    self._lost += lost
                    self._notes.appendleft(first)
                raise

    def _keep(self, entry: Entry) -> None:
        self._notes.append(entry)
        if len(self._notes) > MOST_NOTES:
            self._notes.popleft()
            self._lost += 1

    def _usable(self) -> Ledger:
        with self._lock:
            if self._ledger is None or self._fault or self._full:
                raise LedgerError(self._fault or self._full or f"{self._folder}: the ledger is closed")
            return self._ledger

    def _say(self) -> None:
        """Says once that sharing has stopped, and once that it is back, and notes the time between."""
        with self._lock:
            trouble = self._fault or self._full
            if trouble is not None and self._since is None:
                why = "disk-full" if self._fault is None or "disk is full" in self._fault else "disk"
                self._since = (monotonic(), self._clock.now().at, why)
                _log.error("%s", trouble if _SAYS_IT in trouble else f"{trouble}; until then {_SAYS_IT}")
            elif trouble is None and self._since is not None and self._ledger is not None:
                (since, began, why), self._since = self._since, None
                ended = milliseconds(self._clock.now().at)
                self._keep(Gap(what="ledger", began=milliseconds(began), ended=ended, why=why))
                _log.warning("the ledger can be written again after %.0f s", monotonic() - since)
