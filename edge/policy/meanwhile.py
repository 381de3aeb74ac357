"""What held since a read was taken: the bundles in force, and the hot-list entries when it was handed on.

A read may be decided long after its vehicle went by, while the disk is full. What was closed or not yet listed then
stays so for it.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from edge.policy.bundle import Bundle
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.policy.tag import Terms, terms
from edge.values import PlateRead

MOST_BUNDLES = 64
"""Bundles that are remembered; a read from before the oldest of them is treated as one from before there was any."""

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is remembered of a read from when it was handed on: the number of the bundle in force at its capture, None
    if there was none; and the entries (list and id) that it matched."""

    bundle: int | None
    listed: frozenset[tuple[str, str]]


class Meanwhile:
    """Told what is in force whenever anybody looks; who uses it from several threads holds a lock."""

    def __init__(self) -> None:
        self._held: deque[tuple[datetime, Terms]] = deque(maxlen=MOST_BUNDLES)
        self._count = 0
        self._looked = False
        self._digest: str | None = None
        self._lists = NO_LISTS
        self._taken: dict[str, Taken] = {}

    def look(self, bundle: Bundle | None, lists: HotLists, now: datetime) -> None:
        """What there is now. What is found at first was there before; a bundle that is gone still binds, and lists not
        read yet are as they were: while the ledger is closed there is neither, and no other can come."""
        if bundle is not None and bundle.digest != self._digest:
            self._held.append((now if self._looked else _EVER, terms(bundle)))
            self._count += 1
            self._digest = bundle.digest
        if lists is not NO_LISTS:
            self._lists = lists
        self._looked = True

    def hand_on(self, read: PlateRead, now: datetime) -> None:
        """Remembers of a read, which is complete now, what held when it was taken; until it is forgotten."""
        at, first = min(read.first_seen, read.best_seen), self._count - len(self._held)
        begun = [number for number, (since, _) in enumerate(self._held, start=first) if since <= at]
        hits = self._lists.look_up(read.text, now)
        self._taken[read.read_id] = Taken(
            bundle=begun[-1] if begun else None, listed=frozenset((hit.list_id, hit.entry_id) for hit in hits)
        )

    def since(self, read_id: str) -> tuple[tuple[Terms, ...], frozenset[tuple[str, str]]]:
        """The terms that held from a read's capture on, oldest first, none if there were none or they are forgotten;
        and the entries that it matched when it was handed on."""
        taken, first = self._taken[read_id], self._count - len(self._held)
        if taken.bundle is None or taken.bundle < first:
            return (), taken.listed
        return tuple(held for _, held in self._held)[taken.bundle - first :], taken.listed

    def forget(self, read_id: str) -> None:
        """The read is recorded or lost."""
        self._taken.pop(read_id, None)
