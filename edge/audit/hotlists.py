"""PURE: which version of each hot list was in force, from when to when, as the log says it.

A run of the program says it anew. Of one that does not, as of a program from before there was this word, nothing is
known: the last word of the run before ends with its start.
"""

from dataclasses import dataclass
from datetime import datetime

from edge.ledger.entries import Entry, HotListsInForce, Start
from edge.policy.issued import ListVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class HotListPeriod:
    """A version of a hot list in force; `since` None: since before the log begins, `until` None: still at its end.
    Every hit of the reads that follow the entry at `position` is a hit on this version; that a read is none may also
    mean that it was decided while the list was not at hand. `version` is its source's number and `digest` the sha256 of
    its source's word, the file beside it that ends in .sig; 0 and the sha256 of the list, where the city signs it
    itself."""

    hotlist: str
    version: int
    digest: str
    position: int
    since: datetime | None
    until: datetime | None


@dataclass(slots=True, kw_only=True)
class Listed:
    """The same with times in milliseconds."""

    of: ListVersion
    position: int
    since: int | None
    until: int | None


class HotListsFollowed:
    """Takes the entries in order. `periods` are in the order in which they began.

    From the position `first` on the log is whole; of the words before it only the last counts, for others are gone.
    """

    def __init__(self, *, first: int = 0) -> None:
        self._first = first
        self.periods: list[Listed] = []
        self._standing: dict[ListVersion, Listed] = {}
        self._before: dict[ListVersion, Listed] = {}

    def entry(self, position: int, at: int, entry: Entry) -> None:
        """Any entry that is of no read."""
        match entry:
            case Start() if position < self._first:
                self._carry((), position)
            case HotListsInForce(lists=lists) if position < self._first:
                self._carry(lists, position)
            case Start():
                self._before, self._standing = self._standing, {}
                _end(self._before, at)
            case HotListsInForce(lists=lists):
                gone, self._standing = self._standing, {}
                for one in lists:
                    found = gone.pop(one, None)
                    self._standing[one] = found or self._again(one) or self._new(one, position, at)
                _end(gone, at)
                self._before = {}

    def _carry(self, lists: tuple[ListVersion, ...], position: int) -> None:
        self.periods, self._standing = [], {}
        for one in lists:
            self._standing[one] = self._new(one, position, None)

    def _again(self, one: ListVersion) -> Listed | None:
        """What the run before looked for at its end, and this one from its beginning."""
        found = self._before.get(one)
        if found is not None:
            found.until = None
        return found

    def _new(self, one: ListVersion, position: int, at: int | None) -> Listed:
        made = Listed(of=one, position=position, since=at, until=None)
        self.periods.append(made)
        return made


def _end(periods: dict[ListVersion, Listed], at: int) -> None:
    for one in periods.values():
        one.until = at
