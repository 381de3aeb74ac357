"""What held since a read was taken: the bundles in force, and the hot-list entries when it was handed on.

A read may be decided long after its vehicle went by, while the disk is full. What was closed or not yet listed then
stays so for it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edge.policy.bundle import Bundle
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.policy.tag import Terms, terms
from edge.values import PlateRead

MOST_BUNDLES = 64
"""Bundles that are remembered; a read from before the oldest of them is treated as one from before there was any."""

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A bundle that came into force, one after the other by number, and when."""

    number: int
    since: datetime
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is remembered of a read from when it was handed on: the number of the bundle in force at its capture, None
    if there was none; and the entries (list and id) that it matched."""

    bundle: int | None
    listed: frozenset[tuple[str, str]]


class Meanwhile:
    """Told what is in force whenever anybody looks. Any thread may: what is remembered is replaced whole, and of two
    that look at once the later look sees what the other one missed."""

    def __init__(self) -> None:
        self._held: tuple[Held, ...] = ()
        self._looked = False
        self._digest: str | None = None
        self._lists = NO_LISTS
        self._taken: dict[str, Taken] = {}

    def look(self, bundle: Bundle | None, lists: HotLists, now: datetime) -> None:
        """What there is now. What is found at first was there before; a bundle that is gone still binds, and lists not
        read yet are as they were: while the ledger is closed there is neither, and no other can come."""
        held = self._held
        if held and held[-1].since > now:  # the clock was put back
            held = tuple(replace(one, since=min(one.since, now)) for one in held)
        if bundle is not None and bundle.digest != self._digest:
            number = held[-1].number + 1 if held else 0
            held = (*held, Held(number=number, since=now if self._looked else _EVER, terms=terms(bundle)))
            self._digest = bundle.digest
        self._held = held[-MOST_BUNDLES:]
        if lists is not NO_LISTS:
            self._lists = lists
        self._looked = True

    def hand_on(self, read: PlateRead, now: datetime) -> None:
        """Remembers of a read, which is complete now, what held when it was taken; until it is forgotten."""
        at = min(read.first_seen, read.best_seen)
        begun = [one.number for one in self._held if one.since <= at]
        hits = self._lists.look_up(read.text, now)
        self._taken[read.read_id] = Taken(
            bundle=begun[-1] if begun else None, listed=frozenset((hit.list_id, hit.entry_id) for hit in hits)
        )

    def since(self, read_id: str) -> tuple[tuple[Terms, ...], frozenset[tuple[str, str]]]:
        """The terms that held from a read's capture on, oldest first, none if there were none or they are forgotten;
        and the entries that it matched when it was handed on."""
        taken, held = self._taken[read_id], self._held
        if taken.bundle is None or not held or taken.bundle < held[0].number:
            return (), taken.listed
        return tuple(one.terms for one in held if one.number >= taken.bundle), taken.listed

    def forget(self, read_id: str) -> None:
        """The read is recorded or lost."""
        self._taken.pop(read_id, None)
