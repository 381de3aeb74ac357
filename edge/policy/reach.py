"""What an agency could get at the very best: the decision on a read taken now that hits for each of its purposes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge.policy.bundle import Bundle
from edge.policy.case import Case
from edge.policy.channels import closed
from edge.policy.decide import decide
from edge.policy.reasons import ORDER, Reason
from edge.policy.rules import FAMILIES
from edge.policy.subscribers import Subscriber
from edge.policy.tag import flags
from edge.policy.vocabulary import OWNER
from edge.values import Hit, Instant, Tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What an agency could get on one channel: every read (`full`), hits only, or nothing, and why nothing."""

    channel: str
    open: bool
    full: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The most that an agency could get by all its channels together. False when that is nothing, for these `reasons`.

    `terms` is all else that a decision could turn on; where terms differ, either may give what the other does not.
    """

    channels: frozenset[str]
    full: frozenset[str]
    obligations: frozenset[str]
    terms: tuple[object, ...] = field(repr=False)
    reasons: tuple[Reason, ...] = field(compare=False)

    def __bool__(self) -> bool:
        return bool(self.channels)

    def covers(self, other: "Best") -> bool:
        """Whether nothing that `other` could give is missing here, nor has an obligation been added to it."""
        return not other or (
            other.channels <= self.channels
            and other.full <= self.full
            and other.obligations >= self.obligations
            and other.terms == self.terms
        )


def best(bundle: Bundle, now: Instant) -> dict[str, Best]:
    """For each agency in the registry the most that it could get."""
    return {name: _best(subscriber, bundle, now) for name, subscriber in bundle.subscribers.items()}


def next_change(bundle: Bundle, now: Instant) -> datetime | None:
    """The next moment at which some agency's best is another than now; None: never again under this bundle."""
    turns: dict[datetime, set[str]] = {}
    for name, subscriber in bundle.subscribers.items():
        held = [one for party in (subscriber, *subscriber.members) for one in party.agreements]
        for moment in (bundle.valid_until, *(edge for one in held for edge in (one.begins, one.ends))):
            if moment > now.at:
                turns.setdefault(moment, set()).add(name)
    as_now: dict[str, Best] = {}
    for moment in sorted(turns):
        for name in turns[moment]:
            subscriber = bundle.subscribers[name]
            if name not in as_now:
                as_now[name] = _best(subscriber, bundle, now)
            if _best(subscriber, bundle, Instant(at=moment, trusted=now.trusted)) != as_now[name]:
                return moment
    return None


def reach(subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Reach, ...]:
    """One answer for each channel that the agency is on, for a read that is a hit for each of its purposes.

    Whether the bundle is signed is left aside: this says what the policy would do once it is.
    """
    case = Case(tags=_welcome(subscriber, bundle, now), subscriber=subscriber, bundle=bundle, now=now)
    against = [reason for _, rule, binds_owner in FAMILIES if binds_owner or not case.is_owner for reason in rule(case)]
    channels = (OWNER,) if case.is_owner else subscriber.channels
    return tuple(_on(case, channel, against) for channel in channels)


def losses(old: Bundle, new: Bundle, now: Instant) -> dict[str, tuple[str, ...]]:
    """Who loses a channel, or every read on one where hits are left, by going from `old` to `new`, and the reasons."""
    lost: dict[str, set[Reason]] = {}
    for name, before in old.subscribers.items():
        if name not in new.subscribers:
            lost[name] = {Reason.DENY_UNKNOWN_SUBSCRIBER}
            continue
        left = {each.channel: each for each in reach(new.subscribers[name], new, now)}
        for had in reach(before, old, now):
            has = left.get(had.channel)
            if had.open and (has is None or not has.open or (had.full and not has.full)):
                lost.setdefault(name, set()).update(has.reasons if has and has.reasons else [Reason.DENY_DEFAULT])
    return {name: tuple(reason.value for reason in sorted(why, key=ORDER.__getitem__)) for name, why in lost.items()}


def _best(subscriber: Subscriber, bundle: Bundle, now: Instant) -> Best:
    answers = reach(subscriber, bundle, now)
    policy = bundle.policy
    packs = tuple((pack.id, pack.digest) for pack in bundle.packs)
    return Best(
        channels=frozenset(one.channel for one in answers if one.open),
        full=frozenset(one.channel for one in answers if one.open and one.full),
        obligations=frozenset(decide(_welcome(subscriber, bundle, now), subscriber, bundle, now).obligations),
        terms=(subscriber, policy.jurisdiction, policy.owner, policy.purposes, packs),
        reasons=_against(answers),
    )


def _against(answers: tuple[Reach, ...]) -> tuple[Reason, ...]:
    found = {reason for one in answers for reason in one.reasons} or {Reason.DENY_DEFAULT}
    return tuple(sorted(found, key=ORDER.__getitem__))


def _on(case: Case, channel: str, against: list[Reason]) -> Reach:
    shut = None if case.is_owner else closed(case, channel)
    reasons = {*against, *([shut] if shut else [])}
    return Reach(
        channel=channel,
        open=not reasons,
        full=case.full_feed,
        reasons=tuple(sorted(reasons, key=ORDER.__getitem__)),
    )


def _welcome(subscriber: Subscriber, bundle: Bundle, now: Instant) -> Tags:
    hits = tuple(
        Hit(
            list_id="any",
            entry_id=purpose,
            source_agency="any",
            purpose=purpose,
            offence_grade=None,
            expires_at=now.at + timedelta(hours=1),
        )
        for purpose in sorted(subscriber.purposes)
    )
    return Tags(
        read_id="any",
        camera_id="any",
        captured_at=now.at,
        jurisdiction=bundle.jurisdiction,
        owner=bundle.owner,
        flags=flags(bundle, single_frame=False, test=True),
        hits=hits,
        retain_until=now.at + bundle.ceiling,
        test=True,
    )
