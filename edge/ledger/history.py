"""The log as it was written, for those who copy or judge it: bytes, hashes, bundles, checkpoints.

What was appended never changes, so each look is short, and whoever writes meanwhile waits for nobody.
"""

from collections.abc import Iterator

from edge.errors import LedgerError
from edge.ledger.entries import Begun, Logged
from edge.ledger.ledgerfile import LedgerFile
from edge.values import BundleFiles


class History:
    """Reads one open ledger. Any thread."""

    def __init__(self, file: LedgerFile, begun: Begun) -> None:
        self._file, self.begun = file, begun

    @property
    def size(self) -> int:
        """Number of entries that were ever written."""
        with self._file.reading():
            return self._file.log.size

    @property
    def pruned(self) -> int:
        """Before this position only what later entries refer to is still there."""
        with self._file.reading():
            return self._file.log.pruned()

    def raw(self, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """Position and canonical bytes of the entries from `first` up to, not with, `last` that are there."""
        return self._file.raw(first, last)

    def entry(self, position: int) -> bytes:
        """The canonical bytes of one entry; LedgerError if it is not there."""
        with self._file.reading():
            found = self._file.log.raw(position, position + 1)
        if not found:
            raise LedgerError(f"the ledger has no entry {position}")
        return found[0][1]

    def last_of(self, *kinds: str) -> Logged | None:
        """The last entry of these kinds, however far back it is."""
        with self._file.reading():
            return self._file.log.last_of(*kinds)

    def node(self, level: int, number: int) -> bytes:
        """Hash of the complete subtree over the entries number * 2**level up to (number + 1) * 2**level."""
        with self._file.reading():
            return self._file.log.node(level, number)

    def root_at(self, size: int) -> bytes:
        """Root of the tree, 32 bytes, when it had so many entries; quick, and LedgerError if it never had so many.

        Whoever kept a size and a root, or a checkpoint, sees by it whether this still is the ledger that it was.
        """
        with self._file.reading():
            return self._file.log.root_at(size)

    def inclusion_proof(self, position: int, size: int) -> tuple[bytes, ...]:
        """Proof that the entry at `position` is in the tree of `size` entries, for `tree.includes`."""
        with self._file.reading():
            return self._file.log.inclusion(position, size)

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Proof that the tree of `new` entries only appended to that of `old`, for `tree.extends`."""
        with self._file.reading():
            return self._file.log.consistency(old, new)

    def bundle(self, position: int) -> BundleFiles:
        """The bundle that the entry at `position` accepted, every byte of it."""
        with self._file.reading():
            return self._file.bundles.at(position)

    def notes(self) -> list[tuple[int, str]]:
        """The checkpoints that were kept: size and signed note, by size."""
        with self._file.reading():
            return self._file.notes()
