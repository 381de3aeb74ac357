"""PURE: the entries in an archive: one a line, 65536 a file, and beside each file an index that finds one of them.

The index of `count` entries: for each the first four bytes of its leaf hash, by which an edit is told from a gap; then
for each block of 256 the place of its first line (4 bytes, big endian) and the hash of its subtree (32 bytes, zeros
for a block that is not full), by which a proof is made without reading the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.errors import LedgerError
from edge.ledger.tree import leaf_hash, subtree

SEGMENT = 1 << 16
BLOCK = 1 << 8
_NOT_FULL = bytes(32)
_PLACE = 4 + 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """`lines` are the canonical bytes of the entries from `first` on, each with a newline."""

    first: int
    lines: bytes
    index: bytes


def segment(first: int, entries: Sequence[bytes]) -> Segment:
    """The file of these entries and its index."""
    lines = b"".join(raw + b"\n" for raw in entries)
    return Segment(first=first, lines=lines, index=index_of(entries, list(map(leaf_hash, entries))))


def index_of(entries: Sequence[bytes], leaves: Sequence[bytes]) -> bytes:
    """The index of a file of these entries, which have these leaf hashes."""
    index, place = bytearray(b"".join(leaf[:4] for leaf in leaves)), 0
    for at in range(0, len(entries), BLOCK):
        block = leaves[at : at + BLOCK]
        index += place.to_bytes(4, "big")
        index += subtree(block) if len(block) == BLOCK else _NOT_FULL
        place += sum(len(raw) + 1 for raw in entries[at : at + BLOCK])
    return bytes(index)


def marks(index: bytes, count: int) -> list[bytes]:
    """The first four bytes of each entry's leaf hash."""
    return [index[at : at + 4] for at in range(0, 4 * count, 4)]


def places_in(blocks: bytes, count: int) -> list[tuple[int, bytes]]:
    """Of what follows the marks in an index: where each block's first line begins, and the hash of its subtree."""
    if len(blocks) != _PLACE * -(-count // BLOCK):
        raise LedgerError("the index of an archive's entries is damaged; run `homerule audit verify` on it")
    return [
        (int.from_bytes(blocks[at : at + 4], "big"), blocks[at + 4 : at + _PLACE])
        for at in range(0, len(blocks), _PLACE)
    ]


def files(first: int, last: int) -> list[tuple[int, int]]:
    """First position and count of each file for the entries from `first` up to, not with, `last`."""
    found = []
    while first < last:
        end = min(last, first - first % SEGMENT + SEGMENT)
        found.append((first, end - first))
        first = end
    return found


def lines_name(first: int) -> str:
    """The name of the file whose first entry stands at `first`."""
    return f"entries/{first:012}.jsonl"


def index_name(first: int) -> str:
    """The name of its index."""
    return f"entries/{first:012}.index"
