"""Who is told that a read was wrong: those who were sent it and may still be, and nobody else.

An agency that was sent it for a hit, which the corrected plate is not, learns that it was none, not the new plate.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta

from edge.policy.bundle import Bundle
from edge.policy.decide import decide_all, ordered, withhold
from edge.policy.reasons import Reason
from edge.values import Decision, Effect, Hit, Instant, Tags

_IN_FORCE = timedelta(seconds=1)  # from now on: of a hit about which it is not asked whether it has run out


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The agencies that an earlier read was sealed for, and the hits that it had."""

    to: frozenset[str]
    hits: tuple[Hit, ...]


def given(tags: Tags, decisions: Collection[Decision]) -> Given:
    """What is to be remembered of a read in case that it is corrected."""
    to = frozenset(one.subscriber_id for one in decisions if one.effect is Effect.SHARE)
    return Given(to=to, hits=tags.hits)


def taken_back(tags: Tags, before: Given) -> Tags:
    """The tags under which a hit is taken back: what holds for the correction, with the hits of the read before it."""
    return replace(tags, hits=before.hits)


def unexpired(tags: Tags, now: Instant) -> Tags:
    """The facts on which a hit is taken back: it need not be in force any more."""
    return replace(tags, hits=tuple(replace(hit, expires_at=now.at + _IN_FORCE) for hit in tags.hits))


def correct_all(tags: Tags, before: Given, bundle: Bundle, now: Instant) -> tuple[tuple[Decision, ...], frozenset[str]]:
    """One decision about a correction for every agency, in the order of their ids; and those that only lose a hit.

    For these the decision holds for `taken_back` tags. It is not asked what held meanwhile: who has the read, and may
    have it now, must hear that it was wrong.
    """
    lost = unexpired(taken_back(tags, before), now)
    decisions: list[Decision] = []
    losing: set[str] = set()
    for decision, back in zip(decide_all(tags, bundle, now), decide_all(lost, bundle, now), strict=True):
        name = decision.subscriber_id
        if decision.effect is Effect.SHARE and name not in before.to:
            decision = withhold(tags, name, (Reason.DENY_CORRECTION,), bundle.digest)
        elif decision.effect is Effect.WITHHOLD and name in before.to and back.effect is Effect.SHARE:
            decision = _withdrawal(back)
            losing.add(name)
        decisions.append(decision)
    return tuple(decisions), frozenset(losing)


def _withdrawal(decision: Decision) -> Decision:
    """The decision that the hit was to be shared says, as the grounds to take it back, that only that is told."""
    grounds = ordered(reason for reason in Reason if reason in (*decision.reasons, Reason.ALLOW_WITHDRAWAL))
    return replace(decision, reasons=tuple(reason.value for reason in grounds))
