"""The decision: pure, total and small. Share only if a channel stands and no rule objects; an error in a rule objects.

Every reason is kept, in the fixed order of `reasons.Reason`; the first one is the primary.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from edge.policy.bundle import Bundle
from edge.policy.case import Case, classes, usable
from edge.policy.channels import standing
from edge.policy.reasons import ORDER, Reason
from edge.policy.rules import FAMILIES
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import HEALTH, Obligation, Purpose, RecipientClass
from edge.values import Decision, Effect, Hit, Instant, Tags

_BROKEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a rule could raise on values that no parser made; it ends as "withhold", never as a crash of the pipeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule family said; no reasons: it does not object."""

    family: str
    reasons: tuple[Reason, ...]


def decide(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> Decision:
    """Whether `subscriber` gets the read that `tags` describe, at this moment. Never raises: what fails is withheld."""
    case = Case(tags=tags, subscriber=subscriber, bundle=bundle, now=now)
    try:
        return _decide(case)
    except _BROKEN:
        return withhold(case.tags, subscriber.id, (Reason.DENY_EVALUATION_ERROR,), bundle.digest)


def decide_all(tags: Tags, bundle: Bundle, now: Instant) -> tuple[Decision, ...]:
    """One decision for every agency in the registry, in the order of their ids."""
    made: dict[str, Decision] = {}
    for group in bundle.alike:
        one = decide(tags, bundle.subscribers[group[0]], bundle, now)
        made[group[0]] = one
        for other in group[1:]:
            made[other] = Decision(
                read_id=one.read_id,
                subscriber_id=other,
                effect=one.effect,
                channel=one.channel,
                reasons=one.reasons,
                obligations=one.obligations,
                bundle_digest=one.bundle_digest,
            )
    return tuple(made[name] for name in bundle.subscribers)


def stranger(tags: Tags, subscriber_id: str, bundle_digest: str) -> Decision:
    """The decision for an agency that the registry does not know, or no longer."""
    return withhold(tags, subscriber_id, (Reason.DENY_UNKNOWN_SUBSCRIBER,), bundle_digest)


def explain(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Verdict, ...]:
    """What each rule family says, the channels last, in the order in which they are asked."""
    case = Case(tags=tags, subscriber=subscriber, bundle=bundle, now=now)
    verdicts = [
        Verdict(family=family, reasons=_ordered(rule(case)) if binds_owner or not case.is_owner else ())
        for family, rule, binds_owner in FAMILIES
    ]
    chosen, closed = standing(case)
    nothing = (Reason.DENY_DEFAULT,) if chosen is None and not closed else ()
    return (*verdicts, Verdict(family="channel", reasons=_ordered((*closed, *nothing))))


def hits_for(tags: Tags, subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Hit, ...]:
    """The hits of the read that this agency may be told of: its own purposes, in force, none banned."""
    case = Case(tags=tags, subscriber=subscriber, bundle=bundle, now=now)
    return tuple(hit for hit in tags.hits if usable(hit, case))


def grant_ends(subscriber: Subscriber, bundle: Bundle, now: datetime) -> datetime | None:
    """When what the agency has runs out at the earliest: the policy, or an instrument now in force. The owner: None."""
    if subscriber.id == bundle.owner:
        return None
    held = [one.ends for party in (subscriber, *subscriber.members) for one in party.agreements]
    return min([bundle.valid_until, *(end for end in held if end > now)])


def _decide(case: Case) -> Decision:
    owner = case.is_owner
    against = [reason for _, rule, binds_owner in FAMILIES if binds_owner or not owner for reason in rule(case)]
    channel, closed = standing(case)
    if against or channel is None:
        reasons = _ordered((*against, *closed)) or (Reason.DENY_DEFAULT,)
        return withhold(case.tags, case.subscriber.id, reasons, case.bundle.digest)
    return Decision(
        read_id=case.tags.read_id,
        subscriber_id=case.subscriber.id,
        effect=Effect.SHARE,
        channel=channel,
        reasons=tuple(reason.value for reason in _ordered((_basis(case), *closed))),
        obligations=_obligations(case),
        bundle_digest=case.bundle.digest,
    )


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


def _basis(case: Case) -> Reason:
    if case.is_owner:
        return Reason.ALLOW_OWNER
    groups = {group for party in case.parties for group in classes(party, case.bundle)}
    if RecipientClass.FEDERAL in groups:
        return Reason.ALLOW_WARRANT
    return Reason.ALLOW_AGREEMENT if RecipientClass.OUT_OF_STATE in groups else Reason.ALLOW_IN_STATE


def _obligations(case: Case) -> tuple[str, ...]:
    banned, owner = case.bundle.banned, case.is_owner
    taken_on = {
        Obligation.HIT_ONLY: not case.full_feed,
        Obligation.NO_IMAGE: not owner or not case.bundle.policy.owner.plate_crop,
        Obligation.NO_ONWARD: not owner,
        Obligation.NO_SALE: not owner,
        Obligation.HUMAN_VERIFY_BEFORE_ACTION: bool(case.tags.hits),
        Obligation.NO_IMMIGRATION_USE: Purpose.IMMIGRATION_ENFORCEMENT in banned,
        Obligation.NO_HEALTH_USE: bool(HEALTH & banned),
        Obligation.NO_PROTECTED_ACTIVITY_USE: Purpose.PROTECTED_ACTIVITY in banned,
    }
    return tuple(obligation.value for obligation, taken in taken_on.items() if taken)


def _ordered(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(set(reasons), key=ORDER.__getitem__))
