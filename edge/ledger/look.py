"""A look into an audit log that may be in use. Nothing is changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection

from edge.errors import LedgerError
from edge.ledger.bundles import Bundles
from edge.ledger.codec import decode
from edge.ledger.database import content, faults_named, only_row, open_readonly, pruned_upto
from edge.ledger.entries import BundleAccepted, Logged
from edge.ledger.outbox import Outbox
from edge.ledger.store import LEDGER_NAME
from edge.values import BundleFiles

_TOGETHER = 4096


class Look:
    """One state of a ledger file, however much is written meanwhile. Every method raises LedgerError."""

    def __init__(self, path: Path, db: Connection) -> None:
        self._path, self._db = path, db

    @property
    def where(self) -> str:
        """The file, for a person."""
        return str(self._path)

    @property
    def first(self) -> int:
        """From this position on the log is whole; what stands before it is only what later entries name."""
        with faults_named(self._path):
            return pruned_upto(self._db)

    @property
    def last(self) -> int | None:
        """One past the last entry of a part of a log; None, because this is all of it."""
        return None

    @property
    def size(self) -> int:
        """How many entries the log has had."""
        with faults_named(self._path):
            return int(only_row(self._db, "SELECT size FROM tree")[0])

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Position and canonical bytes of each entry, in order."""
        with faults_named(self._path):
            found = self._db.execute("SELECT position, bytes FROM entries ORDER BY position")
            while rows := found.fetchmany(_TOGETHER):
                yield from ((position, content(raw)) for position, raw in rows)

    def bundle(self, position: int) -> BundleFiles:
        """The files that the entry at `position` accepted, byte for byte as they are kept."""
        with faults_named(self._path):
            return Bundles(self._db).at(position)

    def last_bundle(self) -> tuple[BundleFiles, BundleAccepted] | None:
        """The bundle that was accepted last, and its entry."""
        with faults_named(self._path):
            return Bundles(self._db).last()

    def unlogged(self) -> dict[str, list[int]]:
        """Acknowledgements that are not in the log yet: positions of reads by subscriber."""
        with faults_named(self._path):
            return Outbox(self._db).unlogged()

    def notes(self) -> list[str]:
        """The checkpoints that are kept, signed notes, by their size."""
        with faults_named(self._path):
            return [row[0] for row in self._db.execute("SELECT note FROM checkpoints ORDER BY size")]


@contextmanager
def looking(path: Path) -> Iterator[Look]:
    """Opens a ledger file for reading, at one state. LedgerError if it is none."""
    db = open_readonly(path)
    try:
        with faults_named(path):
            db.execute("BEGIN")
            db.execute("SELECT size FROM tree").fetchone()
        yield Look(path, db)
    finally:
        db.close()


def ledger_file(path: Path) -> Path:
    """The file that is meant by itself, or by the folder that it is in. LedgerError where that holds none."""
    if not path.is_dir():
        return path
    if not (path / LEDGER_NAME).is_file():
        raise LedgerError(f"{path}: there is no `{LEDGER_NAME}` in this folder; name the ledger file itself")
    return path / LEDGER_NAME


def look(path: Path, kinds: frozenset[str]) -> Iterator[Logged]:
    """Every entry whose kind is among `kinds`. LedgerError if the file is no ledger or an entry cannot be read."""
    starts = tuple(f'["{kind}",'.encode() for kind in kinds)
    with looking(path) as found:
        for position, raw in found.entries():
            if raw.startswith(starts):
                at, entry = decode(raw)
                yield Logged(position=position, at=at, entry=entry)
