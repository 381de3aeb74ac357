"""PURE: which reads of which subscribers an entry is about, as it is handed round and in the shorter form of its bytes.

In the bytes those whose reads are the same stand together: their names, then the first read, how many in a row, how
many entries lie between, how many in a row, ... For `((5, 10, 3, 14, 1), (6, 10, 3, 14, 1))` that is
`[[[5,6],10,3,1,1]]`. There is exactly one such form.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from edge.errors import LedgerError

Runs = tuple[int, ...]
"""One subscriber's share of a batch: position of its name, then pairs of first position and count of reads in a row."""


def runs(name: int, positions: Iterable[int]) -> Runs:
    """Batches positions of reads for the subscriber whose name stands at `name`."""
    batch: list[int] = [name]
    for position in sorted(positions):
        if len(batch) > 1 and batch[-2] + batch[-1] == position:
            batch[-1] += 1
        else:
            batch += (position, 1)
    return tuple(batch)


def positions(batch: Runs) -> Iterator[int]:
    """The positions of reads that a batch names, ascending."""
    for first, count in zip(batch[1::2], batch[2::2], strict=True):
        yield from range(first, first + count)


def packed(batches: Sequence[Runs]) -> list[list[Any]]:
    """The shorter form. LedgerError where names or reads are not ascending."""
    groups: dict[Runs, list[int]] = {}
    for name, *reads in batches:
        groups.setdefault(tuple(reads), []).append(name)
    if any(this[0] >= following[0] for this, following in pairwise(batches)):
        raise LedgerError("an entry cannot name its subscribers out of order")
    return [[names, *_gaps(reads)] for reads, names in groups.items()]


def unpacked(groups: Any) -> tuple[Runs, ...]:
    """The inverse of `packed`. TypeError, ValueError or LedgerError if it is not the one form of some batches."""
    found: list[Runs] = []
    for names, *gaps in groups:
        reads = tuple(_reads(gaps))
        found += [(name, *reads) for name in names]
    found.sort()
    if packed(found) != groups or not all(type(number) is int for batch in found for number in batch):
        raise ValueError
    return tuple(found)


def _gaps(reads: Runs) -> Iterator[int]:
    """The positions of all runs but the first by how many entries lie before them."""
    ended = -1
    for first, count in zip(reads[::2], reads[1::2], strict=True):
        if first <= ended or count < 1:
            raise LedgerError("an entry cannot name its reads out of order")
        yield first - max(ended, 0)
        yield count
        ended = first + count
    if ended < 0:
        raise LedgerError("an entry cannot name a subscriber without a read")


def _reads(gaps: Sequence[int]) -> Iterator[int]:
    """The inverse of `_gaps`."""
    ended = 0
    for gap, count in zip(gaps[::2], gaps[1::2], strict=True):
        yield ended + gap
        yield count
        ended += gap + count
