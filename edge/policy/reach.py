"""What an agency could get at the very best: the decision on a read taken now that is the best hit for it.

That read has a hit for each purpose that the agency declares, of a grade and a state that count, in each case that an
instrument names; it is taken under the switches as they stand. Nothing that is left out here could be shared.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from edge.policy.bundle import Bundle
from edge.policy.channels import closed
from edge.policy.decide import objections, ordered
from edge.policy.reads import gets_all
from edge.policy.reasons import Reason
from edge.policy.standing import Standing, everybody, stand
from edge.policy.subscribers import Subscriber
from edge.policy.tag import flags
from edge.policy.vocabulary import NAMED_GRADE, Obligation, Purpose
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
    terms: tuple[object, ...]
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
    """For each agency in the registry the most that it could get; worked out once for those that stand alike."""
    known = everybody(bundle, now.at)
    policy, packs = bundle.policy, tuple((pack.id, pack.digest) for pack in bundle.packs)
    worked_out: dict[object, tuple[_Most, tuple[Reason, ...]]] = {}
    made = {}
    for name, place in known.places:
        subscriber = bundle.subscribers[name]
        key = (place, cases := _cases(subscriber))
        if key not in worked_out:
            rank, declared = known.groups[place]
            worked_out[key] = _most(known.standings[rank], known.purposes[declared], cases, bundle, now)
        (channels, full, obligations), reasons = worked_out[key]
        made[name] = Best(
            channels=channels,
            full=full,
            obligations=obligations,
            terms=(subscriber, policy.jurisdiction, policy.owner, policy.purposes, policy.hotlist, packs),
            reasons=reasons,
        )
    return made


def next_change(bundle: Bundle, now: Instant) -> datetime | None:
    """The next moment at which some agency's best is another than now; None: never again under this bundle."""
    of_all = [bundle.valid_until] if bundle.begins is None else [bundle.begins, bundle.valid_until]
    turns: dict[datetime, set[str]] = {}
    for name, subscriber in bundle.subscribers.items():
        held = [one for party in (subscriber, *subscriber.members) for one in party.agreements]
        for moment in (*of_all, *(edge for one in held for edge in (one.begins, one.ends))):
            if moment > now.at:
                turns.setdefault(moment, set()).add(name)
    as_now: dict[str, _Most] = {}
    for moment in sorted(turns):
        for name in turns[moment]:
            subscriber = bundle.subscribers[name]
            if name not in as_now:
                as_now[name] = _most_of(subscriber, bundle, now)
            if _most_of(subscriber, bundle, Instant(at=moment, trusted=now.trusted)) != as_now[name]:
                return moment
    return None


def reach(subscriber: Subscriber, bundle: Bundle, now: Instant) -> tuple[Reach, ...]:
    """One answer for each channel that the agency is on, for a read that is a hit for each of its purposes.

    Whether the bundle is signed is left aside: this says what the policy would do once it is.
    """
    standing = stand(subscriber, bundle, now.at)
    answers = _answers(standing, subscriber.purposes, _cases(subscriber), bundle, now)
    by_channel = {one.channel: one for one in answers}
    return answers if standing.owner else tuple(by_channel[channel] for channel in subscriber.channels)


_Most = tuple[frozenset[str], frozenset[str], frozenset[str]]
"""The channels that are open, those of them for every read, and the obligations."""


def _most_of(subscriber: Subscriber, bundle: Bundle, now: Instant) -> _Most:
    standing = stand(subscriber, bundle, now.at)
    return _most(standing, subscriber.purposes, _cases(subscriber), bundle, now)[0]


def _most(
    standing: Standing, purposes: frozenset[Purpose], cases: frozenset[str], bundle: Bundle, now: Instant
) -> tuple[_Most, tuple[Reason, ...]]:
    """The most that agencies of this standing could get, and every reason that there is on any channel."""
    answers = _answers(standing, purposes, cases, bundle, now)
    found = [one for one in answers if one.open]
    full = frozenset(one.channel for one in found if one.full)
    taken_on = {*standing.obligations, *(() if full else (Obligation.HIT_ONLY,))} if found else set()
    reasons = ordered(reason for one in answers for reason in one.reasons) or (Reason.DENY_DEFAULT,)
    channels = frozenset(one.channel for one in found)
    return (channels, full, frozenset(one.value for one in taken_on)), reasons


def _answers(
    standing: Standing, purposes: frozenset[Purpose], cases: frozenset[str], bundle: Bundle, now: Instant
) -> tuple[Reach, ...]:
    """One answer for each channel of the standing, in the order in which channels are taken."""
    tags = _welcome(purposes, cases, bundle, now)
    own = frozenset(purpose.value for purpose in purposes)
    against = [reason for _, found in objections(tags, standing, own, bundle, now) for reason in found]
    made = []
    for way in standing.ways:
        shut = closed(way, tags.flags)
        reasons = ordered(against if shut is None else [*against, shut])
        made.append(Reach(channel=way.channel, open=not reasons, full=gets_all(tags, standing), reasons=reasons))
    return tuple(made)


def _cases(subscriber: Subscriber) -> frozenset[str]:
    """Every case that an instrument of the agency, or of a member, names."""
    held = (one.cases for party in (subscriber, *subscriber.members) for one in party.agreements)
    return frozenset().union(*(cases for cases in held if cases is not None))


def _welcome(purposes: frozenset[Purpose], cases: frozenset[str], bundle: Bundle, now: Instant) -> Tags:
    in_turn: list[str | None] = [None, *sorted(cases)]
    hits = tuple(_hit(purpose, case, bundle, now) for purpose in sorted(purposes) for case in in_turn)
    return Tags(
        read_id="any",
        camera_id="any",
        captured_at=now.at,
        jurisdiction=bundle.jurisdiction,
        owner=bundle.owner,
        flags=flags(bundle, frames=2, test=True),
        hits=hits,
        retain_until=now.at + bundle.ceiling,
        test=True,
    )


def _hit(purpose: Purpose, case: str | None, bundle: Bundle, now: Instant) -> Hit:
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
