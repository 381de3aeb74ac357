"""What an agency could receive at the very best: the decision on a read taken now that hits for each of its purposes."""

from datetime import timedelta

from edge.policy.bundle import Bundle
from edge.policy.decide import decide
from edge.policy.reasons import Reason
from edge.policy.subscribers import Subscriber
from edge.values import Decision, Effect, Hit, Instant, Tags


def at_best(subscriber: Subscriber, bundle: Bundle, now: Instant, *, test: bool) -> Decision:
    """The most favourable decision that the bundle has for this agency; WITHHOLD means that it can get nothing."""
    later = now.at + timedelta(hours=1)
    hits = tuple(
        Hit(
            list_id="any",
            entry_id=purpose.value,
            source_agency="any",
            purpose=purpose.value,
            offence_grade=None,
            expires_at=later,
        )
        for purpose in sorted(subscriber.purposes)
    )
    best = Tags(
        read_id="any",
        camera_id="any",
        captured_at=now.at,
        jurisdiction=bundle.jurisdiction,
        owner=bundle.owner,
        flags=frozenset(),
        hits=hits,
        retain_until=later,
        test=test,
    )
    return decide(best, subscriber, bundle, now)


def losses(old: Bundle, new: Bundle, now: Instant, *, test: bool) -> dict[str, tuple[str, ...]]:
    """Whoever has less under `new` than under `old`, with the reasons; those that the registry no longer names too.

    Less is: nothing at all any more, another channel, hits only where it was every read, or more obligations.
    """
    lost: dict[str, tuple[str, ...]] = {}
    for name, before in old.subscribers.items():
        had = at_best(before, old, now, test=test)
        if had.effect is not Effect.SHARE:
            continue
        if name not in new.subscribers:
            lost[name] = (Reason.DENY_UNKNOWN_SUBSCRIBER.value,)
            continue
        has = at_best(new.subscribers[name], new, now, test=test)
        if has.effect is not Effect.SHARE or has.channel != had.channel or set(has.obligations) - set(had.obligations):
            lost[name] = has.reasons
    return lost
