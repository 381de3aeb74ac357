"""What an agency could get at the very best: the decision on a read taken now that hits for each of its purposes."""

from dataclasses import dataclass
from datetime import timedelta

from edge.policy.bundle import Bundle
from edge.policy.case import Case
from edge.policy.channels import closed
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
