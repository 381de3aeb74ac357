"""PURE: which version of each hot list reads were held against, from when to when, as the log says it.

A run of the program says it anew. Of one that does not, as of a program from before there was this word, nothing is
known: the last word of the run before ends with its start.
"""

from dataclasses import dataclass
from datetime import datetime

from edge.ledger.entries import Entry, HotListsInForce, Start
from edge.policy.issued import ListVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class HotListPeriod:
    """A version of a hot list in force; `until` None: still at the end of the log. It holds for the reads that follow
    the entry at `position`. `version` is its source's number and `digest` the sha256 of its source's word, the file
    beside it that ends in .sig; 0 and the sha256 of the list, where the city signs it itself."""

    hotlist: str
    version: int
    digest: str
    position: int
    since: datetime
    until: datetime | None


@dataclass(slots=True, kw_only=True)
class Listed:
    """The same with times in milliseconds."""

    of: ListVersion
    position: int
    since: int
    until: int | None


class HotListsFollowed:
    """Takes the entries in order. `periods` are in the order in which they began."""

    def __init__(self) -> None:
        self.periods: list[Listed] = []
        self._standing: dict[ListVersion, Listed] = {}
        self._before: dict[ListVersion, Listed] = {}

    def entry(self, position: int, at: int, entry: Entry) -> None:
        """Any entry that is of no read."""
        match entry:
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

    def _again(self, one: ListVersion) -> Listed | None:
        """What the run before looked for at its end, and this one from its beginning."""
        found = self._before.get(one)
        if found is not None:
            found.until = None
        return found

    def _new(self, one: ListVersion, position: int, at: int) -> Listed:
        made = Listed(of=one, position=position, since=at, until=None)
        self.periods.append(made)
        return made


def _end(periods: dict[ListVersion, Listed], at: int) -> None:
    for one in periods.values():
        one.until = at
