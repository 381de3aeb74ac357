"""PURE: what one decided read becomes in the log; nothing is recorded that does not belong together."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from edge.errors import LedgerError
from edge.ledger.entries import Outcome, Pattern
from edge.values import Decision, Effect, Envelope, TaggedRead


def check(tagged: TaggedRead, decisions: Sequence[Decision], envelopes: Sequence[Envelope], *, test: bool) -> None:
    """LedgerError unless all parts are of one read, one decision for each subscriber, and only shared ones sealed."""
    read_id = tagged.tags.read_id
    if tagged.read.read_id != read_id or any(decision.read_id != read_id for decision in decisions):
        raise LedgerError(f"read `{read_id}` comes with tags or a decision of another read; it was not recorded")
    if tagged.tags.test != test:
        raise LedgerError(
            f"read `{read_id}` is {_mode(tagged.tags.test)}, but the ledger is {_mode(test)}; it was not recorded"
        )
    subscribers = [decision.subscriber_id for decision in decisions]
    if len(set(subscribers)) != len(subscribers):
        raise LedgerError(f"read `{read_id}` has two decisions for one subscriber; it was not recorded")
    if len({decision.bundle_digest for decision in decisions}) > 1:
        raise LedgerError(f"read `{read_id}` was decided under two bundles; it was not recorded")
    shared = {decision.subscriber_id for decision in decisions if decision.effect is Effect.SHARE}
    for envelope in envelopes:
        if envelope.subscriber_id not in shared or envelope.message_id != f"{read_id}.{envelope.subscriber_id}":
            raise LedgerError(
                f"read `{read_id}` comes with an envelope for `{envelope.subscriber_id}` that no decision allows; "
                "it was not recorded"
            )
        if replace(envelope.tags, hits=tagged.tags.hits) != tagged.tags:
            raise LedgerError(f"an envelope of read `{read_id}` was sealed with other tags; it was not recorded")
        shared.remove(envelope.subscriber_id)


def pattern(decisions: Sequence[Decision]) -> Pattern:
    """The set of decisions, without the read, so that reads decided alike share it."""
    ordered = sorted(decisions, key=lambda decision: decision.subscriber_id)
    return Pattern(bundle=ordered[0].bundle_digest if ordered else "", outcomes=tuple(map(_outcome, ordered)))


def refusal(message_id: str, decision: Decision) -> Pattern:
    """The decision that a waiting envelope may not go. LedgerError if it is another one's."""
    if f"{decision.read_id}.{decision.subscriber_id}" != message_id:
        raise LedgerError(f"envelope `{message_id}` was refused with the decision of another one")
    return pattern([decision])


def payloads_digest(envelopes: Sequence[Envelope]) -> str:
    """sha256, base64url without padding, over the sha256 of each payload in subscriber order; "" if there is none."""
    if not envelopes:
        return ""
    ordered = sorted(envelopes, key=lambda envelope: envelope.subscriber_id)
    digest = sha256(b"".join(sha256(envelope.payload).digest() for envelope in ordered)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _outcome(decision: Decision) -> Outcome:
    return (
        decision.subscriber_id,
        decision.effect.value,
        decision.channel or "",
        decision.reasons,
        decision.obligations,
    )


def _mode(test: bool) -> str:
    return "test" if test else "production"
