"""The decision: pure, total and small. Share only if a channel stands and no rule objects; an error in a rule objects.

Every reason is kept, in the fixed order of `reasons.Reason`; the first one is the primary.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from edge.policy.bundle import Bundle
from edge.policy.channels import closed, taken
from edge.policy.reads import READ, STATE, fault, feed, flagged, gets_all, state, validity
from edge.policy.reasons import ORDER, Reason
from edge.policy.rules import CLASS, RULES
from edge.policy.standing import BROKEN, Everybody, Standing, everybody, stand
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import Obligation
from edge.values import Decision, Effect, Hit, Instant, Tags

CHANNEL = "channel"
FAMILIES = (STATE, *(family for family, _, _ in RULES[:-1]), READ, RULES[-1][0], CHANNEL)
"""The families of rules in the order in which they are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule family said; no reasons: it does not object."""

    family: str
    reasons: tuple[Reason, ...]


def decide(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> Decision:
    """Whether `subscriber` gets the read that `tags` describe, at this moment. Never raises: what fails is withheld."""
    try:
        standing = stand(subscriber, bundle, now.at)
        before = _before(tags, standing, _at_large(tags, bundle, now, owner=standing.owner))
        fed = frozenset(feed(tags, standing, _own(tags, subscriber.purposes), bundle, now))
        return _for(subscriber.id, _outcome(before, fed), tags, bundle)
    except BROKEN:
        return withhold(tags, subscriber.id, (Reason.DENY_EVALUATION_ERROR,), bundle.digest)


def decide_all(tags: Tags, bundle: Bundle, now: Instant) -> tuple[Decision, ...]:
    """One decision for every agency in the registry, in the order of their ids; each as `decide` would make it."""
    try:
        known = everybody(bundle, now.at)
        settled = _settled(known, tags, bundle, now)
    except BROKEN:  # one by one, so that what cannot be worked out for one holds nobody else up
        return tuple(decide(tags, subscriber, bundle, now) for subscriber in bundle.subscribers.values())
    return tuple([_for(name, settled[place], tags, bundle) for name, place in known.places])


def stranger(tags: Tags, subscriber_id: str, bundle_digest: str) -> Decision:
    """The decision for an agency that the registry does not know, or no longer."""
    return withhold(tags, subscriber_id, (Reason.DENY_UNKNOWN_SUBSCRIBER,), bundle_digest)


def explain(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Verdict, ...]:
    """What each rule family says, the channels last, in the order in which they are told."""
    standing = stand(subscriber, bundle, now.at)
    found: dict[str, list[Reason]] = {family: [] for family in FAMILIES}
    for family, reasons in objections(tags, standing, _own(tags, subscriber.purposes), bundle, now):
        found[family].extend(reasons)
    chosen, against = taken(standing.ways, tags.flags)
    found[CHANNEL] = against or ([Reason.DENY_DEFAULT] if chosen is None else [])
    return tuple(Verdict(family=family, reasons=ordered(reasons)) for family, reasons in found.items())


def channel_shut(tags: Tags, channel: str, subscriber: Subscriber, bundle: Bundle, now: Instant) -> Reason | None:
    """Why a read that was shared by `channel` may not go by it any more; None: it may."""
    for way in stand(subscriber, bundle, now.at).ways:
        if way.channel == channel:
            return closed(way, tags.flags)
    return Reason.DENY_CHANNEL_UNKNOWN


def hits_for(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Hit, ...]:
    """The hits of the read that this agency may be told of: its own purposes, in force, none banned."""
    return tuple(hit for hit, wrong in _faults(tags, subscriber, bundle, now) if wrong is None)


def hits_against(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Reason, ...]:
    """Why the agency may not be told of some hit of the read any more; none: it may be told of all."""
    return ordered(wrong for _, wrong in _faults(tags, subscriber, bundle, now) if wrong is not None)


def _faults(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> Iterator[tuple[Hit, Reason | None]]:
    if tags.hits:  # most reads have none, and need no standing for it
        standing, own = stand(subscriber, bundle, now.at), _own(tags, subscriber.purposes)
        yield from ((hit, fault(hit, standing, own, bundle, now)) for hit in tags.hits)


def grant_ends(subscriber: Subscriber, bundle: Bundle, now: datetime) -> datetime | None:
    """When what the agency has runs out at the earliest: the policy, or an instrument now in force. The owner: None."""
    if subscriber.id == bundle.owner:
        return None
    held = [one.ends for party in (subscriber, *subscriber.members) for one in party.agreements]
    return min([bundle.valid_until, *(end for end in held if end > now)])


def withhold(tags: Tags, subscriber_id: str, reasons: tuple[Reason, ...], bundle_digest: str) -> Decision:
    """The decision not to share, for `reasons` in their fixed order."""
    return Decision(
        read_id=tags.read_id,
        subscriber_id=subscriber_id,
        effect=Effect.WITHHOLD,
        channel=None,
        reasons=tuple(reason.value for reason in reasons),
        obligations=(),
        bundle_digest=bundle_digest,
    )


def objections(
    tags: Tags, standing: Standing, own: frozenset[str], bundle: Bundle, now: Instant
) -> Iterator[tuple[str, Iterable[Reason]]]:
    """What stands against sharing on any channel, by family."""
    yield STATE, state(tags, bundle, now, owner=standing.owner)
    yield from standing.against
    yield CLASS, flagged(tags, standing)
    yield READ, validity(tags, bundle, now)
    yield READ, feed(tags, standing, own, bundle, now)


def ordered(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons in their fixed order, each once."""
    return tuple(sorted(set(reasons), key=ORDER.__getitem__))


def _own(tags: Tags, purposes: Iterable[str]) -> frozenset[str]:
    """Those of the declared purposes that a hit of the read serves: no more of them may count."""
    return frozenset(hit.purpose for hit in tags.hits).intersection(purposes)


class _Before(NamedTuple):
    """What is known of a read and a standing before the hits are looked at."""

    against: frozenset[Reason]
    channel: str | None
    closed: frozenset[Reason]
    grounds: Reason
    obligations: frozenset[Obligation]


_Outcome = tuple[Effect, str | None, tuple[str, ...], tuple[str, ...]]
"""Effect, channel, reasons and obligations: a decision in nobody's name yet."""


def _settled(known: Everybody, tags: Tags, bundle: Bundle, now: Instant) -> list[_Outcome]:
    """The outcome for each group of agencies that get one decision between them."""
    at_large = {owner: _at_large(tags, bundle, now, owner=owner) for owner in (True, False)}
    before = [_before(tags, standing, at_large[standing.owner]) for standing in known.standings]
    wanted = frozenset(hit.purpose for hit in tags.hits)
    own = [wanted & declared for declared in known.purposes]
    asks = [(standing.owner, standing.feed, standing.full, standing.cases) for standing in known.standings]
    fed: dict[object, frozenset[Reason]] = {}
    made: dict[tuple[int, frozenset[Reason]], _Outcome] = {}
    settled = []
    for rank, declared in known.groups:
        fed_as = (asks[rank], own[declared])
        if fed_as not in fed:
            fed[fed_as] = frozenset(feed(tags, known.standings[rank], own[declared], bundle, now))
        key = (rank, fed[fed_as])
        if key not in made:
            made[key] = _outcome(before[rank], fed[fed_as])
        settled.append(made[key])
    return settled


def _at_large(tags: Tags, bundle: Bundle, now: Instant, *, owner: bool) -> frozenset[Reason]:
    """What stands against the read whoever asks."""
    return frozenset([*state(tags, bundle, now, owner=owner), *validity(tags, bundle, now)])


def _before(tags: Tags, standing: Standing, at_large: frozenset[Reason]) -> _Before:
    channel, against = taken(standing.ways, tags.flags)
    hits_only = frozenset() if gets_all(tags, standing) else frozenset({Obligation.HIT_ONLY})
    return _Before(
        against=at_large.union(flagged(tags, standing), *(reasons for _, reasons in standing.against)),
        channel=channel,
        closed=frozenset(against),
        grounds=standing.basis,
        obligations=standing.obligations | hits_only,
    )


def _outcome(before: _Before, fed: frozenset[Reason]) -> _Outcome:
    """`fed` is what the feed has against it, see `feed`."""
    against = before.against | fed
    if against or before.channel is None:
        reasons = _codes(against | before.closed) or _codes(frozenset({Reason.DENY_DEFAULT}))
        return Effect.WITHHOLD, None, reasons, ()
    return Effect.SHARE, before.channel, _codes(before.closed | {before.grounds}), _terms(before.obligations)


@lru_cache(maxsize=4096)
def _codes(reasons: frozenset[Reason]) -> tuple[str, ...]:
    return tuple(reason.value for reason in ordered(reasons))


@lru_cache(maxsize=4096)
def _terms(obligations: frozenset[Obligation]) -> tuple[str, ...]:
    return tuple(obligation.value for obligation in Obligation if obligation in obligations)


_READ, _AGENCY, _EFFECT, _CHANNEL, _REASONS, _OBLIGATIONS, _BUNDLE = (
    getattr(Decision, name).__set__
    for name in ("read_id", "subscriber_id", "effect", "channel", "reasons", "obligations", "bundle_digest")
)


def _for(name: str, outcome: _Outcome, tags: Tags, bundle: Bundle) -> Decision:
    """The decision in an agency's name. Its fields are set past `__init__`, which would cost three times as much."""
    made = object.__new__(Decision)
    _READ(made, tags.read_id)
    _AGENCY(made, name)
    _EFFECT(made, outcome[0])
    _CHANNEL(made, outcome[1])
    _REASONS(made, outcome[2])
    _OBLIGATIONS(made, outcome[3])
    _BUNDLE(made, bundle.digest)
    return made
