"""PURE: what is decided again at the door, immediately before every send, from the plate-free facts in the row."""

from collections.abc import Collection, Iterable
from functools import lru_cache

from edge import keys
from edge.delivery.envelope import sealed_to
from edge.policy.bundle import Bundle
from edge.policy.decide import decide, hits_for, stranger, withhold
from edge.policy.reasons import Reason
from edge.values import Decision, Effect, Instant, Waiting


def decide_again(row: Waiting, bundle: Bundle, now: Instant, *, before: Collection[str] = ()) -> Decision:
    """The decision about a row as things stand now. `before` are the messages that go out just before it."""
    subscriber_id = row.envelope.subscriber_id
    subscriber = bundle.subscribers.get(subscriber_id)
    if subscriber is None:
        return stranger(row.envelope.tags, subscriber_id, bundle.digest)
    if not row.original_sent and row.envelope.original not in before:
        # who was never told of a read is not told either that it was wrong
        return withhold(row.envelope.tags, subscriber_id, (Reason.DENY_CORRECTION,), bundle.digest)
    decision = decide(row.envelope.tags, subscriber, bundle, now)
    if decision.effect is Effect.SHARE and not _sealed_to_its_key(row, subscriber.sealing_key):
        # the key was replaced, perhaps because it was lost: what was sealed to the old one stays here
        return withhold(row.envelope.tags, subscriber_id, (Reason.DENY_PAYLOAD_KEY,), bundle.digest)
    return decision


def stands(row: Waiting, decision: Decision, bundle: Bundle, now: Instant) -> bool:
    """Whether what was sealed may still go: shared, with no new obligation, and every hit in it still good."""
    if decision.effect is not Effect.SHARE or not set(decision.obligations) <= set(row.obligations):
        return False
    if decision.subscriber_id == bundle.owner:
        return True
    subscriber, tags = bundle.subscribers[decision.subscriber_id], row.envelope.tags
    return hits_for(tags, subscriber, bundle, now) == tags.hits


def sorted_out(
    rows: Iterable[Waiting], bundle: Bundle, now: Instant, going: set[str]
) -> tuple[list[Waiting], list[tuple[Waiting, Decision]]]:
    """The rows that may go, whose messages are added to `going`; and those that may not, each with the decision."""
    standing: list[Waiting] = []
    falling: list[tuple[Waiting, Decision]] = []
    for row in rows:
        decision = decide_again(row, bundle, now, before=going)
        if stands(row, decision, bundle, now):
            standing.append(row)
            going.add(row.envelope.message_id)
        else:
            falling.append((row, decision))
    return standing, falling


def may_wait(bundle: Bundle, now: Instant) -> bool:
    """Whether a row that may not go now stays: a hold, or a clock without trust, deletes nothing."""
    return bundle.held or not now.trusted


def _sealed_to_its_key(row: Waiting, sealing_key: str | None) -> bool:
    if sealing_key is None:
        return False
    return sealed_to(row.envelope) == _key_id(sealing_key, row.envelope.subscriber_id)


@lru_cache(maxsize=256)
def _key_id(sealing_key: str, subscriber_id: str) -> str:
    return keys.key_id(keys.sealing_public(sealing_key, where=subscriber_id))
