"""Old entries leave the ledger, once an archive holds them: what is left still verifies and can still be proven.

Kept are what later entries refer to and the hashes of what is gone. First the log says what may go, then it goes, a
few thousand entries with each transaction; after any of them, and after a power cut, the ledger verifies.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from edge.errors import LedgerError
from edge.ledger.codec import decode
from edge.ledger.entries import Pruned, Read
from edge.ledger.lasting import lasting, referred
from edge.ledger.ledgerfile import LedgerFile
from edge.ledger.log import TILE
from edge.ledger.tree import around

BLOCK = 1 << TILE
_BLOCKS_A_STEP = 64


class Pruning:
    """Deletes the entries before `cut`, a multiple of 256, that nothing refers to any more."""

    def __init__(self, file: LedgerFile, cut: int) -> None:
        """Reads all entries from `cut` on. LedgerError if the ledger has none there, or it is no place to cut."""
        self._file, self._cut = file, cut
        with file.reading():
            self.first, self._swept, size = file.log.pruned(), file.log.swept(), file.log.size
        if cut % BLOCK or not self.first <= cut < size:
            raise LedgerError(f"the ledger cannot be cut at entry {cut}: it has {self.first} to {size - 1}")
        self._kept: set[int] = set()
        self._seen = cut
        while self._seen < size:
            with file.reading():
                self._follow()
        self._kept.update(position for position, _ in lasting(file.raw(self._swept, cut), cut))

    def begin(self, archives: Sequence[str], at: int) -> None:
        """Says in the log what may go from here on, and which archives (sha256) hold it."""
        with self._file.writing():
            self._complete()
            self._file.log.forget_patterns(self.first, self._cut, self._kept)
            self._file.log.append(Pruned(first=self.first, last=self._cut, archives=tuple(archives)), at)
            self._file.log.prune(self._cut)

    def steps(self) -> Iterator[int]:
        """Deletes, one transaction at a time; gives how far it has come."""
        while self._swept < self._cut:
            with self._file.unreferenced():
                self._complete()
                last = min(self._swept + _BLOCKS_A_STEP * BLOCK, self._cut)
                self._delete(self._swept, last)
                self._file.log.sweep(last)
            self._swept = last
            yield last

    def _complete(self) -> None:
        """Within a transaction: nothing that is referred to now is missing among what is kept."""
        while self._seen < self._file.log.size:
            self._follow()
        self._kept.update(position for position in self._file.outbox.positions() if position < self._cut)
        for position in [each for each in self._kept if self._raw(each).startswith(b'["read",')]:
            self._kept.update(at for at in referred(position, self._raw(position), self._cut) if self._is_pattern(at))

    def _delete(self, first: int, last: int) -> None:
        """The entries from `first` up to `last` but the kept ones; the hashes of what goes beside those stay."""
        log = self._file.log
        kept = sorted(position for position in self._kept if first <= position < last)
        for block, positions in groupby(kept, key=lambda position: position - position % BLOCK):
            stay = list(positions)
            for level, number in around(block, block + BLOCK, stay):
                if level or number not in stay:
                    log.keep_subtree(level, number)
        gone = [(position, raw) for position, raw in self._file.raw(first, last) if position not in self._kept]
        for position, raw in gone:
            entry = decode(raw)[1]
            log.delete(position, entry.read_id if isinstance(entry, Read) else None)

    def _follow(self) -> None:
        """Some of the entries that nobody has looked at yet: what they refer to stays."""
        for position, raw in self._file.log.raw(self._seen, self._file.log.size):
            self._kept.update(referred(position, raw, self._cut))
            self._seen = position + 1

    def _raw(self, position: int) -> bytes:
        found = self._file.log.raw(position, position + 1)
        if not found:
            raise LedgerError(f"the ledger has no entry {position}; run `homerule audit verify` on it")
        return found[0][1]

    def _is_pattern(self, position: int) -> bool:
        found = self._file.log.raw(position, position + 1)
        return bool(found) and found[0][1].startswith(b'["pattern",')
