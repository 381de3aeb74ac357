"""PURE: the hash tree over the entries, exactly as RFC 6962 section 2.1 defines it.

A proof is made and checked from hashes alone, so that an auditor needs neither the ledger nor this program.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()

# Hash of a complete subtree: `node(level, number)` covers the leaves number * 2**level up to (number + 1) * 2**level.
Lookup = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one leaf, 32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node, 32 bytes (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def subtree(hashes: Sequence[bytes]) -> bytes:
    """Hash of the complete subtree over a power of two of hashes, 32 bytes."""
    while len(hashes) > 1:
        hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree of 2**level leaves, the `number`-th of its level."""

    level: int
    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: one hash for each complete subtree that the size is made of, largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, digest: bytes, level: int = 0) -> "tuple[Frontier, list[Node]]":
        """The edge after one more leaf hash, and the inner nodes which that completed, lowest first.

        With a `level` it is the hash of a complete subtree of 2**level leaves; ValueError where none can begin.
        """
        if self.size & (1 << level) - 1:
            raise ValueError(f"a subtree of {1 << level} leaves cannot begin at {self.size}")
        size, number, hashes, completed = self.size + (1 << level), self.size >> level, list(self.hashes), []
        while number & 1:
            digest = node_hash(hashes.pop(), digest)
            number >>= 1
            level += 1
            completed.append(Node(level, number, digest))
        hashes.append(digest)
        return Frontier(size, tuple(hashes)), completed

    def root(self) -> bytes:
        """The root hash, 32 bytes; of an empty tree the hash of nothing."""
        if not self.hashes:
            return EMPTY_ROOT
        digest = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            digest = node_hash(left, digest)
        return digest

    @property
    def fits(self) -> bool:
        """Whether there are as many hashes as a tree of this size has at its edge."""
        return self.size >= 0 and len(self.hashes) == self.size.bit_count()


def root_at(size: int, node: Lookup) -> bytes:
    """The root over the first `size` leaves."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Lookup) -> tuple[bytes, ...]:
    """The path from leaf `index` to the root of the first `size` leaves (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    first, last, path = 0, size, []
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(_range_root(middle, last, node))
            last = middle
        else:
            path.append(_range_root(first, middle, node))
            first = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, node: Lookup) -> tuple[bytes, ...]:
    """What shows that the first `old` leaves are the same in the tree of `new` (RFC 6962 section 2.1.2)."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} cannot come before a tree of {new}")
    if old in (0, new):
        return ()
    first, last, path, at_left_edge = 0, new, [], True
    while old != last:
        middle = first + _split(last - first)
        if old <= middle:
            path.append(_range_root(middle, last, node))
            last = middle
        else:
            path.append(_range_root(first, middle, node))
            first, at_left_edge = middle, False
    if not at_left_edge:
        path.append(_range_root(first, last, node))
    return tuple(reversed(path))


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` leads from a leaf hash at `index` to `root` in a tree of `size` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, digest = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            digest = node_hash(sibling, digest)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and digest == root


def extends(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that the tree of `new` only appended to the tree of `old` (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    steps = [old_root, *path] if old.bit_count() == 1 else list(path)
    if not steps:
        return False
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    was = now = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


def covering(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The fewest complete subtrees, (level, number), that together are the leaves `first` up to, not with, `last`."""
    while first < last:
        level = (first & -first).bit_length() - 1 if first else last.bit_length()
        while 1 << level > last - first:
            level -= 1
        yield level, first >> level
        first += 1 << level


def around(first: int, last: int, kept: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The fewest subtrees that are the leaves `first` to `last`, each of `kept` (ascending) as a leaf by itself."""
    pending = list(covering(first, last))[::-1]
    while pending:
        level, number = pending.pop()
        at = bisect_left(kept, number << level)
        if level and at < len(kept) and kept[at] < number + 1 << level:
            pending += [(level - 1, 2 * number + 1), (level - 1, 2 * number)]
        else:
            yield level, number


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(first: int, last: int, node: Lookup) -> bytes:
    """Root over the leaves `first` up to `last`, put together from complete subtrees."""
    size = last - first
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, first >> level)
    middle = first + _split(size)
    return node_hash(_range_root(first, middle, node), _range_root(middle, last, node))
