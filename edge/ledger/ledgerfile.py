"""The open ledger file: one connection, one lock, and transactions after which memory and file always agree."""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.clock import monotonic
from edge.errors import LedgerError
from edge.ledger.bundles import Bundles
from edge.ledger.database import PATIENCE, faults_named, open_writable
from edge.ledger.deliveries import Deliveries
from edge.ledger.entries import Begun
from edge.ledger.log import Log
from edge.ledger.outbox import Outbox
from edge.ledger.recorder import Recorder

Commit = Callable[[sqlite3.Connection], None]

_KEPT_APART = 3_600_000  # milliseconds between the checkpoints that are kept for good


def commit_now(db: sqlite3.Connection) -> None:
    """Commits. A test puts its own in this place, to fail before the commit or after it."""
    db.execute("COMMIT")


class LedgerFile:
    """Log, outbox and bundles over one connection. They may be used only inside `writing` or `reading`."""

    def __init__(self, path: Path, commit: Commit) -> None:
        self.path = path
        self._commit = commit
        self._lock = threading.RLock()
        self._db = open_writable(path)
        self._stale = False
        self._unemptied: float | None = monotonic()
        real = path.resolve()  # SQLite writes its log beside the file itself, not beside a link to it
        self._names = path, real.with_name(real.name + "-wal")
        self._places: dict[Path, tuple[int, int]] = {}
        try:
            with faults_named(path):
                self._seen = self._data_version()
                self.log, self.outbox, self.bundles = Log(self._db), Outbox(self._db), Bundles(self._db)
                self.deliveries = Deliveries(self.log, self.outbox)
                self.recorder = Recorder(self.log, self.outbox, self.bundles)
        except BaseException:
            self._db.close()
            raise

    @contextmanager
    def unreferenced(self) -> Iterator[None]:
        """One transaction in which entries are deleted that no row refers to, which is not asked row by row."""
        with self._lock, faults_named(self.path):
            self._db.execute("PRAGMA foreign_keys = OFF")
            try:
                with self.writing():
                    yield
            finally:
                self._db.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: on leaving it is on the disk; after an error, what is on the disk is read again.

        Inside another one of the same thread it is part of that, and stands or falls with it.
        """
        with self._lock, faults_named(self.path):
            if self._db.in_transaction:
                yield
                return
            self._check_place()
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._refresh()
                before, changes = self.log.size, self._db.total_changes
                yield
                if self.log.size != before:
                    self.log.save()
                if self._unemptied is None and self._db.total_changes != changes:
                    self._unemptied = monotonic()
                self._commit(self._db)
            except BaseException:
                self._stale = True
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Reads one state of the file."""
        with self._lock, faults_named(self.path):
            self._refresh()
            yield

    def raw(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Position and canonical bytes of the entries from `first` up to, not with, `last` that are there.

        Each look is short, and others may write between two of them.
        """
        while first < last:
            with self.reading():
                found = self.log.raw(first, last)
            if not found:
                return
            yield from found
            first = found[-1][0] + 1

    def truncate(self) -> bool:
        """Empties the write-ahead log into the file, unless another process is reading it; waits for nobody."""
        with self._lock, faults_named(self.path):
            if self._unemptied is None:
                return True
            self._db.execute("PRAGMA busy_timeout = 0")
            try:
                busy, _, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._db.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000:.0f}")
            if not busy:
                self._unemptied = None
            return not busy

    @property
    def unemptied_for(self) -> float:
        """Seconds since the first write that the write-ahead log may still hold; 0 when it is empty."""
        since = self._unemptied
        return 0.0 if since is None else monotonic() - since

    def close(self) -> None:
        """Empties the write-ahead log into the file and closes it."""
        with self._lock, faults_named(self.path):
            try:
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                self._db.close()

    def begin(self, begun: Begun, at: int) -> Begun:
        """The first entry, `begun` if there is none yet; LedgerError if it names another device, key or mode."""
        with self.writing():
            if self.log.size == 0:
                self.log.append(begun, at)
            found = self.log.entry(0).entry
        if not isinstance(found, Begun):
            raise LedgerError(
                f"{self.path}: its first entry is not that of a ledger; run `homerule audit verify` on it"
            )
        if found.device != begun.device or found.public_key != begun.public_key:
            raise LedgerError(
                f"{self.path}: it belongs to device `{found.device}` and its key; give device `{begun.device}` "
                "a ledger of its own, or put back the key that this one was made with"
            )
        if found.mode != begun.mode:
            raise LedgerError(f"{self.path}: it is a {found.mode} ledger; use another file for {begun.mode}")
        return found

    def abandon(self) -> None:
        """Closes the file as it is."""
        self._db.close()

    def latest_note(self) -> str | None:
        """The checkpoint that was stored last."""
        row = self._db.execute("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0])

    def latest_size(self) -> int:
        """Number of entries that the checkpoint which was stored last speaks of; 0 if there is none."""
        return int(self._db.execute("SELECT coalesce(max(size), 0) FROM checkpoints").fetchone()[0])

    def notes(self) -> list[tuple[int, str]]:
        """All checkpoints that are kept: size and signed note, by size."""
        query = "SELECT size, note FROM checkpoints ORDER BY size"
        return [(int(size), str(note)) for size, note in self._db.execute(query)]

    def keep_note(self, size: int, note: str, at: int) -> None:
        """Stores a checkpoint; of those before it one an hour is kept."""
        last = self._db.execute("SELECT size, made_at FROM checkpoints ORDER BY size DESC LIMIT 2").fetchall()
        if len(last) == 2 and last[0][1] - last[1][1] < _KEPT_APART:
            self._db.execute("DELETE FROM checkpoints WHERE size = ?", (last[0][0],))
        self._db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (size, note, at))

    def _refresh(self) -> None:
        """Takes the log's state from the disk again if a transaction failed or another process has written."""
        version = self._data_version()
        if self._stale or version != self._seen:
            self.log.load()
            self._seen, self._stale = version, False

    def _check_place(self) -> None:
        """That the files under our names are still those that we write; else what we write would be lost unseen."""
        for path in self._names:
            try:
                found = os.stat(path)
                place = (found.st_dev, found.st_ino)
            except OSError:
                place = None
            if place is None and path not in self._places:
                continue  # the write-ahead log is made by the first write
            if place is None or self._places.setdefault(path, place) != place:
                raise LedgerError(
                    f"{path}: it was replaced or taken away while in use; put the right one back and start again, "
                    "until then nothing is shared"
                )

    def _data_version(self) -> int:
        """Changes when another connection has written."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])
