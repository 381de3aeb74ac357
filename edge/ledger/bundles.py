"""Accepted bundles, kept whole in the ledger file: this, not a folder, is what is in force after a restart.

Trusted only to shut: every byte is vouched for by a digest in the audit log.
"""

import sqlite3
from hashlib import sha256

from edge.errors import LedgerError
from edge.ledger.codec import decode
from edge.ledger.entries import BundleAccepted
from edge.values import BundleFiles


class Bundles:
    """Bundles over one connection; whoever holds it holds the lock and the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def holds(self, digest: str) -> bool:
        """Whether a bundle with this digest was ever accepted here."""
        return self._db.execute("SELECT 1 FROM bundles WHERE digest = ?", (digest,)).fetchone() is not None

    def require(self, digest: str) -> None:
        """LedgerError unless a bundle with this digest was accepted here."""
        if not self.holds(digest):
            raise LedgerError(f"bundle `{digest}` was never accepted in this ledger; accept it first")

    def in_force(self) -> str | None:
        """The digest of the bundle that was accepted last."""
        row = self._db.execute("SELECT digest FROM bundles ORDER BY position DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0])

    def keep(self, position: int, digest: str, files: BundleFiles) -> None:
        """Keeps the bytes beside the entry at `position` that accepted them; equal files are kept once."""
        self._db.execute("INSERT INTO bundles VALUES (?, ?, ?, ?)", (position, digest, files.manifest, files.signature))
        for name, content in sorted(files.files.items()):
            key = sha256(content).digest()
            self._db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (key, content))
            self._db.execute("INSERT INTO bundle_files VALUES (?, ?, ?)", (position, name, key))

    def last(self) -> tuple[BundleFiles, BundleAccepted] | None:
        """The bundle that was accepted last, and its entry; LedgerError if its bytes do not fit that entry."""
        row = self._db.execute(
            "SELECT b.position, manifest, signature, bytes FROM bundles b JOIN entries e ON e.position = b.position "
            "ORDER BY b.position DESC LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        position, manifest, signature, raw = row
        files = BundleFiles(manifest=manifest, signature=signature, files=self._files(position))
        entry = decode(raw)[1]
        if not isinstance(entry, BundleAccepted) or not fits(entry, files):
            raise LedgerError("the bundle in force was changed inside the ledger; run `homerule audit verify` on it")
        return files, entry

    def at(self, position: int) -> BundleFiles:
        """The bytes that are kept beside the entry at `position`; LedgerError if it accepted no bundle."""
        row = self._db.execute("SELECT manifest, signature FROM bundles WHERE position = ?", (position,)).fetchone()
        if row is None:
            raise LedgerError(f"no bundle is kept beside entry {position}; run `homerule audit verify` on the ledger")
        return BundleFiles(manifest=row[0], signature=row[1], files=self._files(position))

    def _files(self, position: int) -> dict[str, bytes]:
        query = "SELECT name, bytes FROM bundle_files JOIN blobs USING (sha256) WHERE position = ? ORDER BY name"
        return dict(self._db.execute(query, (position,)))


def fits(entry: BundleAccepted, files: BundleFiles) -> bool:
    """Whether every byte of these files is what the entry says was accepted."""
    return entry == accepted(files, entry.version, entry.revision, bool(entry.signed))


def accepted(files: BundleFiles, version: int, revision: int, signed: bool) -> BundleAccepted:
    """The entry for accepting these files; it holds a digest of every byte of them."""
    return BundleAccepted(
        digest=sha256(files.manifest).hexdigest(),
        version=version,
        revision=revision,
        signed=int(signed),
        signature="" if files.signature is None else sha256(files.signature).hexdigest(),
        files=tuple((name, sha256(content).hexdigest()) for name, content in sorted(files.files.items())),
    )
