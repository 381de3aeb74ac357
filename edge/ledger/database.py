"""The one SQLite file: opened, migrated, and each of its faults turned into a LedgerError that names the mend.

A commit is on the disk when it returns (WAL, synchronous=FULL), and what is deleted is overwritten (secure_delete).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edge import disk
from edge.errors import LedgerError
from edge.ledger.migrations import APPLICATION_ID, MIGRATIONS, PRUNES_SINCE, WAYS_BACK

PATIENCE = 5.0  # seconds to wait for another process that is writing
LOOK = "run `homerule audit verify` on it"
_DAMAGED = f"it is damaged; keep a copy, then {LOOK}"

_FULL = "the disk is full; free some space, until then nothing is shared"

_MENDS = {
    "SQLITE_FULL": _FULL,
    "SQLITE_IOERR_SHMSIZE": _FULL,  # no room for the file of its shared memory, which it calls an error of the disk
    "SQLITE_READONLY": "it cannot be written; make the file and its folder writable for this user",
    "SQLITE_PERM": "it cannot be written; make the file and its folder writable for this user",
    "SQLITE_CANTOPEN": "it cannot be opened; check that the folder exists and is this user's",
    "SQLITE_NOTADB": "it is not a ledger; name another file or move this one away",
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_BUSY": "another process is holding it; stop that process first",
    "SQLITE_LOCKED": "another process is holding it; stop that process first",
    "SQLITE_IOERR": "the disk failed; check the card and the cable, until then nothing is shared",
}


@contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Turns sqlite3's errors into LedgerError with file and mend."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", None) or ""
        mends = [text for start, text in _MENDS.items() if code.startswith(start)] or [
            f"{error} {code}".strip().lower()
        ]
        raise LedgerError(f"{path}: {mends[0]}") from error
    except UnicodeDecodeError as error:  # sqlite3 complains of a schema in which a byte was changed, and quotes it
        raise LedgerError(f"{path}: {_DAMAGED}") from error


def open_writable(path: Path) -> sqlite3.Connection:
    """Opens the ledger file (made if missing, readable by its owner only) and brings it to the newest shape."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except FileNotFoundError as error:
        raise LedgerError(f"{path}: the folder is missing; make it first") from error
    except OSError as error:
        raise LedgerError(f"{path}: cannot be opened for writing ({disk.why(error)})") from error
    with faults_named(path):
        db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            _shape(db, path)  # before anything is changed in a file that is not ours
            _configure(db)
            _migrate(db, path)
        except BaseException:
            db.close()
            raise
    return db


def open_readonly(path: Path) -> sqlite3.Connection:
    """Opens a ledger file that may be in use, or lie on a medium that cannot be written; nothing is changed."""
    _must_be_there(path)
    # Without a write-ahead log nobody is writing, and SQLite need not make its shared memory beside the file.
    real = path.resolve()  # SQLite writes its log beside the file itself, not beside a link to it
    immutable = "" if real.with_name(real.name + "-wal").exists() else "&immutable=1"
    with faults_named(path):
        db = sqlite3.connect(f"file:{quote(os.fsencode(real))}?mode=ro{immutable}", uri=True, isolation_level=None)
        try:
            known = _shape(db, path)
        except BaseException:
            db.close()
            raise
    if known == 0:
        db.close()
        raise LedgerError(f"{path}: it is not a ledger")
    return db


def take_back(path: Path, shape: int) -> None:
    """Gives a ledger that nobody has open the shape that an older program reads. Every entry stays, or LedgerError."""
    _must_be_there(path)
    with faults_named(path):
        db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            found = _shape(db, path)
            db.execute(
                "PRAGMA journal_mode = DELETE"
            )  # refused while anybody else has it open; and it is one file then
            db.execute("BEGIN EXCLUSIVE")  # all the way, or not a step
            for at in range(found, shape, -1):
                way = WAYS_BACK.get(at)
                if way is None:
                    raise LedgerError(f"{path}: there is no way back from shape {at}; use a program that knows it")
                if way.barred_by is not None and db.execute(way.barred_by).fetchone():
                    raise LedgerError(f"{path}: there is no way back from shape {at}: {way.why}")
                for statement in (*way.statements, f"PRAGMA user_version = {at - 1}"):
                    db.execute(statement)
            db.execute("COMMIT")
        finally:
            db.close()  # ends what was not committed


def pruned_upto(db: sqlite3.Connection) -> int:
    """Before this position only what later entries refer to is still in the file; 0 if nothing was pruned."""
    if int(db.execute("PRAGMA user_version").fetchone()[0]) < PRUNES_SINCE:
        return 0
    return int(only_row(db, "SELECT upto FROM pruned")[0])


def only_row(db: sqlite3.Connection, query: str) -> Any:
    """The row of a table that always has one; LedgerError where somebody took it away."""
    row = db.execute(query).fetchone()
    if row is None:
        raise LedgerError(f"the ledger has lost a row that it cannot be without; keep a copy, then {LOOK}")
    return row


def content(value: object, fault: str = f"the ledger is damaged; keep a copy, then {LOOK}") -> bytes:
    """The bytes that a column holds; LedgerError with `fault` where a damaged file says that it is something else."""
    if not isinstance(value, bytes):
        raise LedgerError(fault)
    return value


def _configure(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA foreign_keys = ON")


def _shape(db: sqlite3.Connection, path: Path) -> int:
    """How many migrations the file has seen; refuses a file that is not ours or is newer than this program."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    application = int(db.execute("PRAGMA application_id").fetchone()[0])
    if application != APPLICATION_ID and (version or db.execute("SELECT 1 FROM sqlite_master").fetchone()):
        raise LedgerError(f"{path}: it is a database, but not a ledger; name another file")
    if version > len(MIGRATIONS):
        raise LedgerError(
            f"{path}: it was written by a newer homerule (shape {version}, this one knows {len(MIGRATIONS)}); "
            f"update homerule, or let the newer one take it back: `homerule ledger take-back {len(MIGRATIONS)}`"
        )
    return version


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Applies the missing migrations, each in one transaction together with its number."""
    while (version := _shape(db, path)) < len(MIGRATIONS):
        db.execute("BEGIN IMMEDIATE")
        try:
            if _shape(db, path) == version:  # another process may have been quicker
                for statement in MIGRATIONS[version]:
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {version + 1}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _must_be_there(path: Path) -> None:
    try:
        there = path.is_file()  # raises where a folder above may not be searched
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be opened ({disk.why(error)}), check whose the folders above it are"
        ) from error
    if not there:
        raise LedgerError(f"{path}: no such ledger file")
