"""What an agency could get at the very best: the decision on a read taken now that is the best hit for it.

That read has a hit for each purpose that the agency declares, of a grade and a state that count, in each case that an
instrument names; it is taken under the switches as they stand. Nothing that is left out here could be shared.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge.policy.bundle import Bundle
from edge.policy.channels import closed
from edge.policy.decide import decide, objections, ordered
from edge.policy.reads import gets_all
from edge.policy.reasons import Reason
from edge.policy.standing import stand
from edge.policy.subscribers import Subscriber
from edge.policy.tag import flags
from edge.policy.vocabulary import NAMED_GRADE, Purpose
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
    return {name: _most(subscriber, bundle, now) for name, subscriber in bundle.subscribers.items()}


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
                as_now[name] = _most(subscriber, bundle, now)
            if _most(subscriber, bundle, Instant(at=moment, trusted=now.trusted)) != as_now[name]:
                return moment
    return None


def reach(subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Reach, ...]:
    """One answer for each channel that the agency is on, for a read that is a hit for each of its purposes.

    Whether the bundle is signed is left aside: this says what the policy would do once it is.
    """
    tags, standing = _welcome(subscriber, bundle, now), stand(subscriber, bundle, now.at)
    own = frozenset(purpose.value for purpose in subscriber.purposes)
    against = [reason for _, found in objections(tags, standing, own, bundle, now) for reason in found]
    by_channel = {way.channel: closed(way, tags.flags) for way in standing.ways}
    full = gets_all(tags, standing)
    return tuple(
        _on(channel, [*against, *([by_channel[channel]] if by_channel[channel] else [])], full)
        for channel in (subscriber.channels if not standing.owner else by_channel)
    )


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
    return {name: tuple(reason.value for reason in ordered(why)) for name, why in lost.items()}


def _most(subscriber: Subscriber, bundle: Bundle, now: Instant) -> Best:
    answers = reach(subscriber, bundle, now)
    policy = bundle.policy
    packs = tuple((pack.id, pack.digest) for pack in bundle.packs)
    against = {reason for one in answers for reason in one.reasons} or {Reason.DENY_DEFAULT}
    return Best(
        channels=frozenset(one.channel for one in answers if one.open),
        full=frozenset(one.channel for one in answers if one.open and one.full),
        obligations=frozenset(decide(_welcome(subscriber, bundle, now), subscriber, bundle, now).obligations),
        terms=(subscriber, policy.jurisdiction, policy.owner, policy.purposes, packs),
        reasons=ordered(against),
    )


def _on(channel: str, reasons: list[Reason | None], full: bool) -> Reach:
    found = ordered(reason for reason in reasons if reason is not None)
    return Reach(channel=channel, open=not found, full=full, reasons=found)


def _welcome(subscriber: Subscriber, bundle: Bundle, now: Instant) -> Tags:
    held = [one for party in (subscriber, *subscriber.members) for one in party.agreements]
    cases: list[str | None] = [None, *sorted(frozenset().union(*(one.cases or () for one in held)))]
    hits = tuple(_best(purpose, case, bundle, now) for purpose in sorted(subscriber.purposes) for case in cases)
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


def _best(purpose: Purpose, case: str | None, bundle: Bundle, now: Instant) -> Hit:
    """A hit of the grade that the purpose names, else of any that counts."""
    grades = sorted(bundle.grades or ())
    grade = NAMED_GRADE.get(purpose) or (grades[0] if grades else None)
    return Hit(
        list_id="any",
        entry_id=purpose,
        source_agency="any",
        purpose=purpose,
        offence_grade=grade,
        expires_at=now.at + timedelta(hours=1),
        offence_state=bundle.policy.jurisdiction.state,
        case=case,
    )
