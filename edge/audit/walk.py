"""One pass over an audit log: counted, its time covered, its policies followed, and its bytes hashed on the way.

The entries that there are many of are read by their shape alone; all others are decoded as they were written.
"""

import re
from dataclasses import dataclass

from edge.audit.asked import Asked
from edge.audit.counting import WRONG, Counting
from edge.audit.coverage import Coverage
from edge.audit.hotlists import HotListsFollowed
from edge.audit.policies import Policies
from edge.audit.rights import RightsTaken
from edge.audit.source import Source
from edge.errors import LedgerError
from edge.ledger.codec import decode
from edge.ledger.entries import Begun, Entry, Opaque, Read
from edge.ledger.tree import Frontier, leaf_hash, subtree

_READ = re.compile(rb'\["read",(\d+),"[A-Za-z0-9_.-]*",(\d+),(\d+),-?\d+,(\d+),"[A-Za-z0-9_-]*"\]')
_OUT = re.compile(rb'\["out",(\d+),(\d+),(\d+)\]')
_LEVELS = 12


@dataclass(slots=True, kw_only=True)
class Walk:
    """All that one pass has found; `roots` are those that the tree had at the sizes that were asked for."""

    counting: Counting
    coverage: Coverage
    policies: Policies
    hotlists: HotListsFollowed
    rights: RightsTaken
    begun: Begun
    entries: int
    unknown_kinds: int
    root: bytes | None
    root_at: bytes | None


class Hashing:
    """The tree over leaves that come one after another, 4096 at a time. Its root at `mark` leaves is kept."""

    def __init__(self, mark: int | None) -> None:
        self._mark = mark
        self.at_mark: bytes | None = None
        self._whole = Frontier()
        self._leaves: list[bytes] = []

    def add(self, raw: bytes) -> None:
        """One more entry."""
        self._leaves.append(raw)
        if len(self._leaves) == 1 << _LEVELS:
            self._note()
            self._whole, _ = self._whole.append(subtree([leaf_hash(one) for one in self._leaves]))
            self._leaves.clear()

    def root(self) -> bytes:
        """The root of all that came; to be called once, at the end."""
        self._note()
        return self._root(len(self._leaves))

    def _note(self) -> None:
        base = self._whole.size << _LEVELS
        if self._mark is not None and base <= self._mark <= base + len(self._leaves):
            self.at_mark = self._root(self._mark - base)

    def _root(self, count: int) -> bytes:
        frontier = Frontier(self._whole.size << _LEVELS, self._whole.hashes)
        for raw in self._leaves[:count]:
            frontier, _ = frontier.append(leaf_hash(raw))
        return frontier.root()


class _Walking:
    def __init__(self, source: Source, asked: Asked, mark: int | None) -> None:
        self._source = source
        self.counting, self.coverage = Counting(asked, first=source.first), Coverage(first=source.first)
        self.policies = Policies(source.bundle, lambda: self.counting.sends)
        self.hotlists, self.rights = HotListsFollowed(first=source.first), RightsTaken(asked)
        self.hashing = Hashing(mark)
        self.begun: Begun | None = None
        self.entries = self.unknown = 0

    def run(self) -> None:
        """Takes every entry."""
        tick, add, policies = self.coverage.tick, self.hashing.add, self.policies
        read, out = _READ.fullmatch, _OUT.fullmatch
        count_read, send_to_all = self.counting.read, self.counting.sent_to_all
        follow, patterns = self.policies.read, self.counting.patterns
        for position, raw in self._source.entries():
            add(raw)
            found = read(raw)
            if found is not None:
                at, camera, pattern, replaces = map(int, found.groups())
                tick(position, at)
                policies.tick(at)
                count_read(position, at, camera, pattern, replaces)
                follow(at, pattern, patterns[pattern])
            elif (found := out(raw)) is not None:
                at, back, count = map(int, found.groups())
                tick(position, at)
                policies.tick(at)
                send_to_all(position, at, back, count)
            else:
                self._take(position, raw)
            self.entries += 1

    def _take(self, position: int, raw: bytes) -> None:
        at, entry = decode(raw)
        self.coverage.tick(position, at)
        self.policies.tick(at)
        self._hand_round(position, at, entry)

    def _hand_round(self, position: int, at: int, entry: Entry) -> None:
        if isinstance(entry, Begun):
            self.begun = self.begun or entry
        elif isinstance(entry, Opaque):
            self.unknown += 1
        elif isinstance(entry, Read):  # written in a way that `_READ` does not expect
            self.counting.read(position, at, entry.camera, entry.pattern, entry.replaces)
            self.policies.read(at, entry.pattern, self.counting.patterns[entry.pattern])
        else:
            self.counting.entry(position, at, entry)
            self.coverage.entry(at, entry)
            self.policies.entry(position, at, entry)
            self.hotlists.entry(position, at, entry)
            self.rights.entry(at, entry)


def walk(source: Source, asked: Asked, *, mark: int | None = None) -> Walk:
    """Reads all of a log once; `mark` is a size whose root is wanted too. LedgerError if it does not make sense."""
    walking = _Walking(source, asked, mark)
    unlogged = source.unlogged()
    try:
        walking.run()
        walking.counting.acknowledged_unlogged(unlogged)
    except (LookupError, ValueError, TypeError) as error:
        raise LedgerError(f"{source.where}: {WRONG}") from error
    walking.coverage.close()
    walking.policies.close()
    if walking.begun is None:
        raise LedgerError(f"{source.where}: the log does not begin with the ledger's own entry; {WRONG}")
    whole = walking.coverage.missing == 0
    root = walking.hashing.root()
    return Walk(
        counting=walking.counting,
        coverage=walking.coverage,
        policies=walking.policies,
        hotlists=walking.hotlists,
        rights=walking.rights,
        begun=walking.begun,
        entries=walking.entries,
        unknown_kinds=walking.unknown,
        root=root if whole else None,
        root_at=walking.hashing.at_mark if whole else None,
    )
