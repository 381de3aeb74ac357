"""Checkpoints of the open ledger: made with the device's key, and kept beside the log."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.ledger import checkpoint
from edge.ledger.entries import Begun
from edge.ledger.ledgerfile import LedgerFile
from edge.values import Checkpoint


class Signer:
    """Signs for one device and one log."""

    def __init__(self, file: LedgerFile, begun: Begun, key: Ed25519PrivateKey) -> None:
        self._file, self._begun, self._key = file, begun, key
        self._latest: Checkpoint | None = None

    def sign(self, at: int) -> Checkpoint:
        """The signed state of the tree, made and kept now if there is none of it. Inside a transaction."""
        log, latest = self._file.log, self.latest()
        if latest is not None and latest.size == log.size:
            return latest
        made = checkpoint.sign(self._begun.device, self._begun.ledger_id, log.size, log.root, self._key)
        self._file.keep_note(made.size, made.note, at)
        return made

    @property
    def size(self) -> int:
        """Number of entries that the last one speaks of."""
        return self._file.latest_size()

    def latest(self) -> Checkpoint | None:
        """The one that was kept last; signs and writes nothing."""
        with self._file.reading():
            note = self._file.latest_note()
        if note is None:
            return None
        if self._latest is None or self._latest.note != note:
            self._latest = checkpoint.open_note(note, self._key.public_key())
        return self._latest
