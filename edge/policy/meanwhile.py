"""What held since a read was taken: what was in force, and the hot-list entries when it was handed on.

A read may be decided long after its vehicle went by, while the disk is full. What was closed or not yet listed then
stays so for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from edge.policy.bundle import Bundle
from edge.policy.decide import decide, decide_all, hits_for, ordered, stranger, withhold
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.policy.reasons import Reason
from edge.policy.vocabulary import Obligation
from edge.values import Decision, Effect, Instant, PlateRead, TaggedRead, Tags

MOST_REMEMBERED = 64
"""Of what was in force; a read from before the oldest of it is treated as one from before there was any."""

_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was in force, one after the other by number, and from when: a bundle, marked when it was held, and whether
    the clock was trusted."""

    number: int
    since: datetime
    bundle: Bundle
    trusted: bool

    def is_of(self, bundle: Bundle, now: Instant) -> bool:
        """Whether this is what is in force `now`."""
        mine = (self.bundle.digest, self.bundle.held, self.trusted)
        return mine == (bundle.digest, bundle.held, now.trusted)

    def at(self, tags: Tags) -> Instant:
        """When a read is asked about here: when it was taken, or if that was before, when this came into force."""
        return Instant(at=max(self.since, tags.captured_at), trusted=self.trusted)

    def decide_all(self, tags: Tags) -> dict[str, Decision]:
        """What was to be decided then."""
        return {one.subscriber_id: one for one in decide_all(tags, self.bundle, self.at(tags))}

    def told(self, tags: Tags, subscriber_id: str) -> Tags:
        """The tags with those hits only that an agency was to be told of then."""
        subscriber = self.bundle.subscribers.get(subscriber_id)
        hits = () if subscriber is None else hits_for(tags, subscriber, self.bundle, self.at(tags))
        return replace(tags, hits=hits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What is remembered of a read from when it was handed on: the number of what was in force at its capture, None
    if nothing was; and the entries (list and id) that it matched."""

    held: int | None
    listed: frozenset[tuple[str, str]]


class Meanwhile:
    """Told what is in force whenever anybody looks. Any thread may: what is remembered is replaced whole, and of two
    that look at once the later look sees what the other one missed."""

    def __init__(self) -> None:
        self._held: tuple[Held, ...] = ()
        self._looked = False
        self._lists = NO_LISTS
        self._taken: dict[str, Taken] = {}

    def look(self, bundle: Bundle | None, lists: HotLists, now: Instant) -> None:
        """What there is now. What is found at first was there before; a bundle that is gone still binds, and lists not
        read yet are as they were: while the ledger is closed there is neither, and no other can come."""
        held = self._held
        if held and held[-1].since > now.at:  # the clock was put back
            held = tuple(replace(one, since=min(one.since, now.at)) for one in held)
        if bundle is None and held:
            bundle = held[-1].bundle
        if bundle is not None and not (held and held[-1].is_of(bundle, now)):
            number = held[-1].number + 1 if held else 0
            since = now.at if self._looked else _EVER
            held = (
                *self._thinned(held, bundle, now),
                Held(number=number, since=since, bundle=bundle, trusted=now.trusted),
            )
        self._held = held[-MOST_REMEMBERED:]
        if lists is not NO_LISTS:
            self._lists = lists
        self._looked = True

    def _thinned(self, held: tuple[Held, ...], bundle: Bundle, now: Instant) -> tuple[Held, ...]:
        """What a read may still ask about: nothing that ended longer ago than a read from then may be kept; and of what
        comes and goes, as a hold, the first time and the last, which are as strict as all between."""
        while len(held) > 1 and held[1].since + held[0].bundle.ceiling <= now.at:
            held = held[1:]
        same = [one.number for one in held if one.is_of(bundle, now)]
        spare = {*same[1:]}.difference(one.held for one in list(self._taken.values()))
        return tuple(one for one in held if one.number not in spare)

    def hand_on(self, read: PlateRead, now: datetime) -> None:
        """Remembers of a read, which is complete now, what held when it was taken; until it is forgotten."""
        at = min(read.first_seen, read.best_seen)
        begun = [one.number for one in self._held if one.since <= at]
        hits = self._lists.look_up(read.text, now)
        self._taken[read.read_id] = Taken(
            held=begun[-1] if begun else None, listed=frozenset((hit.list_id, hit.entry_id) for hit in hits)
        )

    def since(self, read_id: str) -> tuple[tuple[Held, ...], frozenset[tuple[str, str]]]:
        """What was in force from a read's capture on, oldest first, none if nothing was or it is forgotten; and the
        entries that it matched when it was handed on."""
        taken, held = self._taken[read_id], self._held
        if taken.held is None or not held or taken.held < held[0].number:
            return (), taken.listed
        return tuple(one for one in held if one.number >= taken.held), taken.listed

    def forget(self, read_id: str) -> None:
        """The read is recorded or lost."""
        self._taken.pop(read_id, None)


def bundles_of(since: Sequence[Held]) -> list[Bundle]:
    """The bundles that were in force since a read's capture, oldest first."""
    return [one.bundle for one in since]


def decide_since(tags: Tags, since: Sequence[Held], bundle: Bundle, now: Instant) -> tuple[Decision, ...]:
    """As `decide_all`, but an agency gets only what it would have got at every time `since` the capture too."""
    before = [one.decide_all(tags) for one in since]
    decisions = (_narrowed(one, tags, before) for one in decide_all(tags, bundle, now))
    return tuple(_of_its_hits(one, tags, since, bundle, now) if tags.hits else one for one in decisions)


def told_since(tagged: TaggedRead, decision: Decision, since: Sequence[Held]) -> TaggedRead:
    """The read with those hits only that an agency was to be told of at every time `since` the capture."""
    if not tagged.tags.hits or decision.effect is Effect.WITHHOLD:
        return tagged
    return replace(tagged, tags=_told(tagged.tags, decision.subscriber_id, since))


def _told(tags: Tags, name: str, since: Sequence[Held]) -> Tags:
    for one in since:
        tags = one.told(tags, name)
    return tags


def _of_its_hits(decision: Decision, tags: Tags, since: Sequence[Held], bundle: Bundle, now: Instant) -> Decision:
    """Withheld when it was shared for a hit of now, and at an earlier time for another one."""
    if decision.effect is Effect.WITHHOLD:
        return decision
    name = decision.subscriber_id
    then = decide(_told(tags, name, since), bundle.subscribers[name], bundle, now)
    return decision if then.effect is Effect.SHARE else _withheld(tags, decision, then)


def _withheld(tags: Tags, decision: Decision, then: Decision) -> Decision:
    reasons = ordered(one for one in Reason if one in (Reason.DENY_READ_FLAG, *then.reasons))
    return withhold(tags, decision.subscriber_id, reasons, decision.bundle_digest)


def _narrowed(decision: Decision, tags: Tags, before: Sequence[Mapping[str, Decision]]) -> Decision:
    """Withheld for the reasons of then, or shared with the obligations of then too."""
    name, owed = decision.subscriber_id, set(decision.obligations)
    if decision.effect is Effect.WITHHOLD:
        return decision
    for decided in before:
        then = decided.get(name) or stranger(tags, name, decision.bundle_digest)
        if then.effect is Effect.WITHHOLD:
            return _withheld(tags, decision, then)
        owed.update(then.obligations)
    if len(owed) == len(decision.obligations):
        return decision
    return replace(decision, obligations=tuple(one.value for one in Obligation if one.value in owed))
