"""A look into an audit log that may be in use: entries of some kinds, in order. Nothing is changed."""

from collections.abc import Iterator
from pathlib import Path

from edge.ledger.codec import decode
from edge.ledger.database import faults_named, open_readonly
from edge.ledger.entries import Logged


def look(path: Path, kinds: frozenset[str]) -> Iterator[Logged]:
    """Every entry whose kind is among `kinds`. LedgerError if the file is no ledger or an entry cannot be read."""
    starts = tuple(f'["{kind}",'.encode() for kind in kinds)
    db = open_readonly(path)
    try:
        with faults_named(path):
            for position, raw in db.execute("SELECT position, bytes FROM entries ORDER BY position"):
                if bytes(raw).startswith(starts):
                    at, entry = decode(raw)
                    yield Logged(position=position, at=at, entry=entry)
    finally:
        db.close()
