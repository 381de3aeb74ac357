"""PURE: what is decided again at the door, immediately before every send, from the plate-free facts in the row.

Of a withdrawal everything is asked that concerns its agency's right and the seal, and nothing about the hit that it
takes back: it holds no plate and no hit, and whoever was told of a hit that was none must hear it, whatever has become
of the list.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import lru_cache

from edge import keys
from edge.delivery.envelope import sealed_to
from edge.policy.bundle import Bundle
from edge.policy.correct import unexpired
from edge.policy.decide import channel_shut, decide, hits_against, stranger, withhold
from edge.policy.hotlists import HotLists
from edge.policy.reasons import Reason
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import Redaction
from edge.values import Decision, Effect, Hit, Instant, Waiting


def decide_again(
    row: Waiting, bundle: Bundle, lists: HotLists, now: Instant, *, before: Collection[str] = ()
) -> Decision:
    """The decision about a row as things stand now. `before` are the messages that go out just before it.

    What was sealed cannot be changed any more: it goes as it is, by the channel and with the hits that it was decided
    with, or stays.
    """
    subscriber_id = row.envelope.subscriber_id
    subscriber = bundle.subscribers.get(subscriber_id)
    if subscriber is None:
        return stranger(row.envelope.tags, subscriber_id, bundle.digest)
    if not row.original_sent and row.envelope.original not in before:
        # who was never told of a read is not told either that it was wrong
        return withhold(row.envelope.tags, subscriber_id, (Reason.DENY_CORRECTION,), bundle.digest)
    tags = row.envelope.tags
    decision = decide(unexpired(tags, now) if row.withdrawal else tags, subscriber, bundle, now)
    if decision.effect is Effect.SHARE:
        against = _against(row, subscriber, bundle, lists, now) or _unsaid(row, decision, bundle)
        if against:
            return withhold(row.envelope.tags, subscriber_id, against, bundle.digest)
    return decision


def stands(row: Waiting, decision: Decision) -> bool:
    """Whether what was sealed may still go: it is shared, with no new obligation.

    A withdrawal has nothing in it that one could use, so that only what keeps its time and place coarse counts.
    """
    new = set(decision.obligations).difference(row.obligations)
    return decision.effect is Effect.SHARE and not (new.intersection(Redaction) if row.withdrawal else new)


def _unsaid(row: Waiting, decision: Decision, bundle: Bundle) -> tuple[Reason, ...]:
    """What was sealed does not say that something holds now: an obligation, or an earlier end of its retention.

    The owner loses no read of its own by the latter, nor anybody a withdrawal: what it got yesterday says the same.
    """
    tags = row.envelope.tags
    passed = row.withdrawal or tags.owner == row.envelope.subscriber_id
    in_time = passed or tags.retain_until <= tags.captured_at + bundle.ceiling
    return () if in_time and stands(row, decision) else (Reason.DENY_SEALED_BEFORE,)


def _against(row: Waiting, subscriber: Subscriber, bundle: Bundle, lists: HotLists, now: Instant) -> tuple[Reason, ...]:
    """What speaks against sending what was sealed, though a read like it would be shared; nothing: it may go."""
    tags = row.envelope.tags
    if not _sealed_to_its_key(row, subscriber.sealing_key):
        # the key was replaced, perhaps because it was lost: what was sealed to the old one stays here
        return (Reason.DENY_PAYLOAD_KEY,)
    # the way by which it was to go may be closed since, although another one has opened
    closed = channel_shut(tags, row.channel, subscriber, bundle, now)
    if closed is not None:
        return (closed,)
    if row.withdrawal:
        return ()
    # the owner's read is not lost because a hit has run out that was in force when the vehicle passed, or because the
    # list of it cannot be believed as it lies there now
    is_owner = subscriber.id == bundle.owner
    at = replace(now, at=tags.captured_at) if is_owner else now
    asked = [hit for hit in tags.hits if not (is_owner and hit.list_id in lists.refused)]
    if any(_is_struck(hit, bundle) for hit in tags.hits) or any(lists.has_struck(hit, at.at, now.at) for hit in asked):
        return (Reason.DENY_HOTLIST_STALE,)
    return hits_against(tags, subscriber, bundle, at)


def _is_struck(hit: Hit, bundle: Bundle) -> bool:
    """Whether the city has taken the hit's list out of its policy."""
    return all(one.id != hit.list_id for one in bundle.policy.hotlist)


def _knows_too_little(row: Waiting, lists: HotLists) -> bool:
    """Whether a list that would have to vouch for the row is not read yet."""
    return not (row.withdrawal or all(lists.has_read(hit.list_id) for hit in row.envelope.tags.hits))


def sorted_out(
    rows: Iterable[Waiting], bundle: Bundle, lists: HotLists, now: Instant, going: set[str]
) -> tuple[list[Waiting], list[tuple[Waiting, Decision]]]:
    """The rows that may go; and those that may not, each with the decision.

    In neither are those that wait for a hot list to be read, and what would go to the same agency after them. The
    messages of all that may go, now or then, are added to `going`.
    """
    standing: list[Waiting] = []
    falling: list[tuple[Waiting, Decision]] = []
    held = set[str]()
    for row in rows:
        decision = decide_again(row, bundle, lists, now, before=going)
        if not stands(row, decision):
            falling.append((row, decision))
            continue
        going.add(row.envelope.message_id)
        if row.envelope.subscriber_id in held or _knows_too_little(row, lists):
            held.add(row.envelope.subscriber_id)
        else:
            standing.append(row)
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
