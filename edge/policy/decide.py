"""The decision: pure, total and small. Share only if a channel stands and no rule objects; an error in a rule objects.

Every reason is kept, in the fixed order of `reasons.Reason`; the first one is the primary.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from edge.policy.bundle import Bundle
from edge.policy.channels import taken
from edge.policy.reads import READ, STATE, fault, feed, flagged, gets_all, state, validity
from edge.policy.reasons import ORDER, Reason
from edge.policy.rules import CLASS, RULES
from edge.policy.standing import BROKEN, Standing, everybody, stand
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
        return _decide(tags, standing, _own(tags, subscriber.purposes), subscriber.id, bundle, now)
    except BROKEN:
        return withhold(tags, subscriber.id, (Reason.DENY_EVALUATION_ERROR,), bundle.digest)


def decide_all(tags: Tags, bundle: Bundle, now: Instant) -> tuple[Decision, ...]:
    """One decision for every agency in the registry, in the order of their ids; each as `decide` would make it."""
    try:
        known = everybody(bundle, now.at)
    except BROKEN:
        error = (Reason.DENY_EVALUATION_ERROR,)
        return tuple(withhold(tags, name, error, bundle.digest) for name in bundle.subscribers)
    made: dict[tuple[int, frozenset[str]], Decision] = {}
    of_group: list[Decision] = []
    for rank, purposes in known.groups:
        own = _own(tags, purposes)
        if (rank, own) not in made:
            made[rank, own] = _safely(tags, known.standings[rank], own, bundle, now)
        of_group.append(made[rank, own])
    return tuple(_for(name, of_group[place]) for name, place in known.places)


def stranger(tags: Tags, subscriber_id: str, bundle_digest: str) -> Decision:
    """The decision for an agency that the registry does not know, or no longer."""
    return withhold(tags, subscriber_id, (Reason.DENY_UNKNOWN_SUBSCRIBER,), bundle_digest)


def explain(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Verdict, ...]:
    """What each rule family says, the channels last, in the order in which they are told."""
    standing = stand(subscriber, bundle, now.at)
    found: dict[str, list[Reason]] = {family: [] for family in FAMILIES}
    for family, reasons in objections(tags, standing, _own(tags, subscriber.purposes), bundle, now):
        found[family].extend(reasons)
    chosen, closed = taken(standing.ways, tags.flags)
    found[CHANNEL] = closed or ([Reason.DENY_DEFAULT] if chosen is None else [])
    return tuple(Verdict(family=family, reasons=ordered(reasons)) for family, reasons in found.items())


def hits_for(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Hit, ...]:
    """The hits of the read that this agency may be told of: its own purposes, in force, none banned."""
    if not tags.hits:
        return ()
    standing, own = stand(subscriber, bundle, now.at), _own(tags, subscriber.purposes)
    return tuple(hit for hit in tags.hits if fault(hit, standing, own, bundle, now) is None)


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


def _decide(
    tags: Tags, standing: Standing, own: frozenset[str], subscriber_id: str, bundle: Bundle, now: Instant
) -> Decision:
    against = [reason for _, reasons in objections(tags, standing, own, bundle, now) for reason in reasons]
    channel, closed = taken(standing.ways, tags.flags)
    if against or channel is None:
        reasons = ordered((*against, *closed)) or (Reason.DENY_DEFAULT,)
        return withhold(tags, subscriber_id, reasons, bundle.digest)
    taken_on = set(standing.obligations)
    if not gets_all(tags, standing):
        taken_on.add(Obligation.HIT_ONLY)
    return Decision(
        read_id=tags.read_id,
        subscriber_id=subscriber_id,
        effect=Effect.SHARE,
        channel=channel,
        reasons=tuple(reason.value for reason in ordered((standing.basis, *closed))),
        obligations=tuple(obligation.value for obligation in Obligation if obligation in taken_on),
        bundle_digest=bundle.digest,
    )


def _safely(tags: Tags, standing: Standing | None, own: frozenset[str], bundle: Bundle, now: Instant) -> Decision:
    """The decision for a group of agencies, in nobody's name yet."""
    try:
        if standing is not None:
            return _decide(tags, standing, own, "", bundle, now)
    except BROKEN:
        pass
    return withhold(tags, "", (Reason.DENY_EVALUATION_ERROR,), bundle.digest)


def _for(name: str, one: Decision) -> Decision:
    return Decision(
        read_id=one.read_id,
        subscriber_id=name,
        effect=one.effect,
        channel=one.channel,
        reasons=one.reasons,
        obligations=one.obligations,
        bundle_digest=one.bundle_digest,
    )
