"""What an agency is to this camera at one moment, worked out before any read is there.

A read is decided from the agency's standing and from those of its purposes that the read's hits serve, and from nothing
else of it. So agencies of equal standing get equal decisions, and one is worked out for all of them.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from edge.policy.bundle import Bundle
from edge.policy.case import Case, classes
from edge.policy.channels import Way, ways
from edge.policy.instruments import limits
from edge.policy.policy import Federal, OutOfState
from edge.policy.reasons import Reason
from edge.policy.rules import RULES
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import HEALTH, Feed, Obligation, Purpose, RecipientClass
from edge.values import Flag

BROKEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a rule could raise on values that no parser made; it ends as "withhold", never as a crash of the pipeline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """`against`: what objects whatever the read, by family. `barred_by`: flags on a read that object, and whether
    against a member only. `full`: reads without a hit too. `cases`: a hit must be for one of each set.
    """

    owner: bool
    against: tuple[tuple[str, tuple[Reason, ...]], ...]
    barred_by: frozenset[tuple[Flag, bool]]
    ways: tuple[Way, ...]
    feed: Feed
    full: bool
    cases: frozenset[frozenset[str]]
    basis: Reason
    obligations: frozenset[Obligation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Everybody:
    """All agencies of a registry, by the groups that get one decision between them.

    `groups` are the different pairs of a standing and declared purposes, by their places in `standings` and `purposes`.
    `places` gives for each agency, in the order of their ids, the place of its group.
    """

    standings: tuple[Standing, ...]
    purposes: tuple[frozenset[Purpose], ...]
    groups: tuple[tuple[int, int], ...]
    places: tuple[tuple[str, int], ...]


def stand(subscriber: Subscriber, bundle: Bundle, at: datetime) -> Standing:
    """The standing of one agency at one moment."""
    case = Case(subscriber=subscriber, bundle=bundle, at=at)
    owner = case.is_owner
    groups = frozenset(group for party in case.parties for group in classes(party, bundle))
    cases = frozenset() if owner else limits(case)
    return Standing(
        owner=owner,
        against=tuple((family, tuple(rule(case))) for family, rule, binds in RULES if binds or not owner),
        barred_by=frozenset() if owner else frozenset(_barred_by(case)),
        ways=ways(case),
        feed=subscriber.feed,
        full=subscriber.feed is Feed.ALL and (owner or (_named_for_all(case, groups) and not cases)),
        cases=cases,
        basis=_basis(owner, groups),
        obligations=frozenset(_obligations(case, groups, bound=bool(cases))),
    )


def everybody(bundle: Bundle, at: datetime) -> Everybody:
    """The standing of every agency; worked out anew only when an agreement has begun or ended since."""
    place = bisect_right(bundle.moments, at)
    known = bundle.memo.get(place)
    if not isinstance(known, Everybody):
        known = _everybody(bundle, at)
        while len(bundle.memo) > 1:  # a read may be asked about as of then and as of now
            del bundle.memo[next(iter(bundle.memo))]
        bundle.memo[place] = known
    return known


def _everybody(bundle: Bundle, at: datetime) -> Everybody:
    standings: dict[Standing, int] = {}
    purposes: dict[frozenset[Purpose], int] = {}
    groups: dict[tuple[int, int], int] = {}
    places = []
    for name, subscriber in bundle.subscribers.items():
        standing = stand(subscriber, bundle, at)
        group = (
            standings.setdefault(standing, len(standings)),
            purposes.setdefault(subscriber.purposes, len(purposes)),
        )
        places.append((name, groups.setdefault(group, len(groups))))
    return Everybody(standings=tuple(standings), purposes=tuple(purposes), groups=tuple(groups), places=tuple(places))


def _barred_by(case: Case) -> Iterator[tuple[Flag, bool]]:
    """Flags that object to a class whose switch does not: the read was taken while it was closed.

    The switches for private parties and for those abroad never open, so their flags never have to object.
    """
    sharing = case.bundle.policy.sharing
    objecting: dict[RecipientClass, Flag] = {}
    if sharing.out_of_state is not OutOfState.NEVER:
        objecting[RecipientClass.OUT_OF_STATE] = Flag.NO_OUT_OF_STATE
    if sharing.federal is not Federal.NEVER:
        objecting[RecipientClass.FEDERAL] = Flag.NO_FEDERAL
    for party in case.parties:
        for group in classes(party, case.bundle):
            if group in objecting:
                yield objecting[group], party is not case.subscriber


def _named_for_all(case: Case, groups: frozenset[RecipientClass]) -> bool:
    """Named for reads without a hit, and no law that speaks of hits alone: of grades, of offences, of hits."""
    bundle = case.bundle
    hits_alone = any(
        pack.recipients[group].hits_only for pack in bundle.packs for group in groups & set(pack.recipients)
    )
    named = case.subscriber.id in bundle.policy.sharing.full_feed
    return named and bundle.grades is None and not bundle.own_offences and not hits_alone


def _basis(owner: bool, groups: frozenset[RecipientClass]) -> Reason:
    if owner:
        return Reason.ALLOW_OWNER
    if RecipientClass.FEDERAL in groups:
        return Reason.ALLOW_WARRANT
    return Reason.ALLOW_AGREEMENT if RecipientClass.OUT_OF_STATE in groups else Reason.ALLOW_IN_STATE


def _obligations(case: Case, groups: frozenset[RecipientClass], *, bound: bool) -> Iterator[Obligation]:
    """What goes along with every read; whether it is bound to hits depends on the read."""
    bundle, owner, banned = case.bundle, case.is_owner, case.bundle.banned
    yield Obligation.HUMAN_VERIFY_BEFORE_ACTION
    if not owner or not bundle.policy.owner.plate_crop:
        yield Obligation.NO_IMAGE
    if Purpose.IMMIGRATION_ENFORCEMENT in banned:
        yield Obligation.NO_IMMIGRATION_USE
    if HEALTH & banned:
        yield Obligation.NO_HEALTH_USE
    if Purpose.PROTECTED_ACTIVITY in banned:
        yield Obligation.NO_PROTECTED_ACTIVITY_USE
    if owner:
        return
    yield from (Obligation.NO_ONWARD, Obligation.NO_SALE, Obligation.PURPOSE_BOUND)
    if bound:
        yield Obligation.CASE_BOUND
    for pack in bundle.packs:
        yield from pack.obligations
        for group in groups & set(pack.recipients):
            yield from (Obligation(word.value) for word in pack.recipients[group].redact)
    for group in groups:
        yield from (Obligation(word.value) for word in bundle.policy.redaction.of(group))
    for party in case.parties:
        yield from (Obligation(word.value) for word in party.redact)
