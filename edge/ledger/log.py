"""The audit log inside the ledger file: entries are only appended, and the tree's edge moves with them.

Trusted with nothing secret: times, outcomes, digests. Whoever edits it is found against any checkpoint held elsewhere.
"""

import sqlite3
from collections.abc import Collection, Mapping
from hashlib import sha256

from edge.errors import LedgerError
from edge.ledger.codec import decode, encode
from edge.ledger.database import content, only_row, pruned_upto
from edge.ledger.entries import Entry, HotListsInForce, Logged, Name, Pattern, Read, Start
from edge.ledger.tree import Frontier, consistency_proof, inclusion_proof, leaf_hash, node_hash, root_at, subtree
from edge.policy.reasons import Reason
from edge.values import Effect

TILE = 8  # levels between stored subtrees: a proof reads at most 256 entries and 256 hashes of each stored level
_CHUNK = 2000
_REMEMBERED = 4096


class Log:
    """Appends and reads entries over one connection; whoever holds it holds the lock and the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.load()

    def load(self) -> None:
        """Takes the state from the file: at the start, and after a transaction that failed or was another process's."""
        size, hashes = only_row(self._db, "SELECT size, frontier FROM tree")
        self._frontier = Frontier(size, tuple(hashes[at : at + 32] for at in range(0, len(hashes), 32)))
        last = self._db.execute("SELECT max(position) FROM entries").fetchone()[0]
        if not self._frontier.fits or size != (0 if last is None else last + 1):
            raise LedgerError("the ledger's entries and tree do not fit together; run `homerule audit verify` on it")
        self._known: dict[Name | Pattern, int] = {}
        self._shared: dict[int, dict[str, tuple[str, bool]]] = {}

    @property
    def size(self) -> int:
        """Number of entries."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """Root hash of the tree over all entries."""
        return self._frontier.root()

    def append(self, entry: Entry, at: int) -> int:
        """Writes an entry and gives its position; `save` must follow before the commit."""
        raw, position = encode(entry, at), self._frontier.size
        leaf = leaf_hash(raw)
        self._db.execute("INSERT INTO entries VALUES (?, ?, ?)", (position, raw, mark(leaf)))
        self._frontier, completed = self._frontier.append(leaf)
        for node in completed:
            if node.level % TILE == 0:
                self._db.execute("INSERT INTO subtrees VALUES (?, ?, ?)", (node.level, node.number, node.digest))
        if isinstance(entry, HotListsInForce | Start):
            word = position if isinstance(entry, HotListsInForce) else None
            self._db.execute("UPDATE hotlists SET position = ?", (word,))
        return position

    def save(self) -> None:
        """Writes the tree's edge; part of every transaction that appends."""
        frontier = self._frontier
        self._db.execute("UPDATE tree SET size = ?, frontier = ?", (frontier.size, b"".join(frontier.hashes)))

    def name(self, sort: str, name: str, at: int) -> int:
        """Position of a camera's or subscriber's name, written now if it is new."""
        entry = Name(sort=sort, name=name)
        return self._once(entry, "names", "sort = ? AND name = ?", (sort, name), at)

    def pattern(self, pattern: Pattern, at: int) -> int:
        """Position of a set of decisions, written now if it is new."""
        known = self._known.get(pattern)
        if known is not None:
            return known
        digest = pattern_digest(pattern)
        return self._once(pattern, "patterns", "digest = ?", (digest,), at)

    def add_read(self, read: Read, at: int) -> int:
        """Writes a read's entry and gives its position."""
        position = self.append(read, at)
        self._db.execute("INSERT INTO reads VALUES (?, ?)", (read.read_id, position))
        return position

    def hotlists(self) -> HotListsInForce | None:
        """The last word for the hot lists in force since the last start; None if there is none."""
        position = only_row(self._db, "SELECT position FROM hotlists")[0]
        word = None if position is None else self.entry(position).entry
        return word if isinstance(word, HotListsInForce) else None

    def find_read(self, read_id: str) -> int | None:
        """Position of a read's entry, None if it was never recorded."""
        row = self._db.execute("SELECT position FROM reads WHERE read_id = ?", (read_id,)).fetchone()
        return None if row is None else int(row[0])

    def shared_with(self, position: int) -> Mapping[str, tuple[str, bool]]:
        """With whom the read at a position is shared, each with the channel and whether it only takes a hit back."""
        read = self.entry(position).entry
        if not isinstance(read, Read):
            raise LedgerError(f"entry {position} of the ledger is no read; run `homerule audit verify` on it")
        if read.pattern not in self._shared:
            pattern = self.entry(read.pattern).entry
            outcomes = pattern.outcomes if isinstance(pattern, Pattern) else ()
            if len(self._shared) >= _REMEMBERED:
                self._shared.clear()
            self._shared[read.pattern] = {
                one[0]: (one[2], Reason.ALLOW_WITHDRAWAL.value in one[3]) for one in outcomes if one[1] == Effect.SHARE
            }
        return self._shared[read.pattern]

    def entry(self, position: int) -> Logged:
        """The entry at a position; LedgerError if there is none."""
        row = self._db.execute("SELECT bytes FROM entries WHERE position = ?", (position,)).fetchone()
        if row is None:
            raise LedgerError(f"the ledger has no entry {position}")
        at, entry = decode(content(row[0]))
        return Logged(position=position, at=at, entry=entry)

    def last_of(self, *kinds: str) -> Logged | None:
        """The last entry of these kinds. The others, months of reads perhaps, are passed over by their first bytes."""
        marks, starts = ", ".join("?" * len(kinds)), [f'["{kind}"'.encode() for kind in kinds]
        query = f"SELECT max(position) FROM entries WHERE substr(bytes, 1, instr(bytes, x'2C') - 1) IN ({marks})"  # noqa: S608  # nosec B608
        position = self._db.execute(query, starts).fetchone()[0]
        return None if position is None else self.entry(position)

    def root_at(self, size: int) -> bytes:
        """Root hash of the tree when it had so many entries; LedgerError if it never had."""
        if not 0 <= size <= self.size:
            raise LedgerError(f"the ledger has {self.size} entries, not {size}: it was cut short or replaced")
        return root_at(size, self.node)

    def inclusion(self, position: int, size: int) -> tuple[bytes, ...]:
        """Proof that the entry at `position` is in the tree of the first `size` entries; hashes of 32 bytes."""
        return inclusion_proof(position, size, self.node)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Proof that the tree of `new` entries only appended to that of `old`; hashes of 32 bytes."""
        return consistency_proof(old, new, self.node)

    def raw(self, first: int, last: int) -> list[tuple[int, bytes]]:
        """The canonical bytes of some entries from `first` on, all before `last`, by position; empty at the end."""
        query = "SELECT position, bytes FROM entries WHERE position >= ? AND position < ? ORDER BY position LIMIT ?"
        rows = self._db.execute(query, (first, last, _CHUNK)).fetchall()
        return [(int(position), content(raw)) for position, raw in rows]

    def pruned(self) -> int:
        """Before this position only what later entries refer to is still there; 0 if nothing was pruned."""
        return pruned_upto(self._db)

    def swept(self) -> int:
        """Before this position nothing is left that later entries do not refer to."""
        return int(only_row(self._db, "SELECT swept FROM pruned")[0])

    def prune(self, upto: int) -> None:
        """From now on entries before `upto` may be missing; the checkpoints of before are let go."""
        self._db.execute("UPDATE pruned SET upto = ?", (upto,))
        self._db.execute("DELETE FROM checkpoints WHERE size < ?", (upto,))

    def sweep(self, swept: int) -> None:
        """Notes how far what may be missing is gone."""
        self._db.execute("UPDATE pruned SET swept = ?", (swept,))

    def keep_subtree(self, level: int, number: int) -> None:
        """Stores the hash of a subtree whose entries are about to go."""
        self._db.execute("INSERT INTO subtrees VALUES (?, ?, ?)", (level, number, self.node(level, number)))

    def delete(self, position: int, read_id: str | None) -> None:
        """Deletes an entry, and what leads to it if it is a read's."""
        self._db.execute("DELETE FROM entries WHERE position = ?", (position,))
        if read_id is not None:
            self._db.execute("DELETE FROM reads WHERE read_id = ? AND position = ?", (read_id, position))

    def forget_patterns(self, first: int, last: int, kept: Collection[int]) -> None:
        """Lets no read name the patterns between these positions any more, but the kept ones."""
        found = self._db.execute("SELECT position FROM patterns WHERE position >= ? AND position < ?", (first, last))
        gone = [(position,) for (position,) in found.fetchall() if position not in kept]
        self._db.executemany("DELETE FROM patterns WHERE position = ?", gone)
        self._known.clear()

    def _once(self, entry: Name | Pattern, table: str, where: str, values: tuple[object, ...], at: int) -> int:
        known = self._known.get(entry)
        if known is not None:
            return known
        row = self._db.execute(f"SELECT position FROM {table} WHERE {where}", values).fetchone()  # noqa: S608 - fixed texts  # nosec B608
        if row is None:
            position = self.append(entry, at)
            marks = ", ".join("?" * (len(values) + 1))
            self._db.execute(f"INSERT INTO {table} VALUES ({marks})", (*values, position))  # noqa: S608  # nosec B608
        else:
            position = int(row[0])
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[entry] = position
        return position

    def node(self, level: int, number: int) -> bytes:
        """Hash of a complete subtree, from the nearest stored level below it; LedgerError if it is not known."""
        base = level - level % TILE
        first, count = number << (level - base), 1 << (level - base)
        if base:
            query = "SELECT hash FROM subtrees WHERE level = ? AND number >= ? AND number < ? ORDER BY number"
            hashes = [content(row[0]) for row in self._db.execute(query, (base, first, first + count))]
        else:
            query = "SELECT bytes FROM entries WHERE position >= ? AND position < ? ORDER BY position"
            hashes = [leaf_hash(content(row[0])) for row in self._db.execute(query, (first, first + count))]
        if len(hashes) != count:
            return self._node_beside_a_hole(level, number)
        return subtree(hashes)

    def _node_beside_a_hole(self, level: int, number: int) -> bytes:
        """The same where entries were pruned: the hashes of the largest subtrees that are gone are stored."""
        query = "SELECT hash FROM subtrees WHERE level = ? AND number = ?"
        row = self._db.execute(query, (level, number)).fetchone()
        if row is not None:
            return content(row[0])
        if level == 0:
            raise LedgerError("the ledger's tree has a hole; run `homerule audit verify` on it")
        return node_hash(self.node(level - 1, 2 * number), self.node(level - 1, 2 * number + 1))


def mark(leaf: bytes) -> int:
    """The short mark that is stored beside an entry: the first four bytes of its leaf hash."""
    return int.from_bytes(leaf[:4], "big", signed=True)


def pattern_digest(pattern: Pattern) -> bytes:
    """What a pattern is found by: sha256 over its bytes at time 0."""
    return sha256(encode(pattern, 0)).digest()
