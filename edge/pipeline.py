"""The whole program, read aloud: a frame comes in, and what may leave is in the ledger before anything can be sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clock import Clock
from edge.delivery.crop import jpeg
from edge.delivery.envelope import seal
from edge.errors import EnvelopeError
from edge.ledger.store import Ledger
from edge.policy.bundle import Bundle
from edge.policy.decide import decide_all, grant_ends, hits_for, withhold
from edge.policy.hotlists import HotLists
from edge.policy.reasons import Reason
from edge.policy.tag import tag
from edge.values import Decision, Effect, Envelope, Flag, Frame, Instant, PlateRead, TaggedRead


class Eyes(Protocol):
    """Frames in, one read per passing vehicle out (edge.vision.Vision)."""

    def passages(self, frame: Frame) -> Sequence[PlateRead]: ...

    def finish(self) -> Sequence[PlateRead]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One read and what was decided about it for every subscriber."""

    tagged: TaggedRead
    decisions: tuple[Decision, ...]


class Pipeline:
    """Turns frames into recorded decisions and sealed envelopes. It sends nothing: that is the relay's work."""

    def __init__(
        self,
        *,
        vision: Eyes,
        in_force: Callable[[], Bundle],
        hotlists: Callable[[], HotLists],
        ledger: Ledger,
        clock: Clock,
        device_id: str,
        device_key: Ed25519PrivateKey,
        test: bool,
    ) -> None:
        self._vision = vision
        self._in_force = in_force
        self._hotlists = hotlists
        self._ledger = ledger
        self._clock = clock
        self._device_id = device_id
        self._device_key = device_key
        self._test = test

    def step(self, frame: Frame) -> list[Outcome]:
        """Takes one frame; returns the reads that it completed. Raises ModelError, LedgerError."""
        return [self._settle(read) for read in self._vision.passages(frame)]

    def finish(self) -> list[Outcome]:
        """Completes the passages that are still in view, at the end of a recording."""
        return [self._settle(read) for read in self._vision.finish()]

    def _settle(self, read: PlateRead) -> Outcome:
        bundle, now = self._in_force(), self._clock.now()
        tagged = tag(read, bundle, self._hotlists(), test=self._test, now=now)
        decisions, envelopes = self._sealed(tagged, decide_all(tagged.tags, bundle, now), bundle, now)
        self._ledger.record(tagged, decisions, envelopes)
        return Outcome(tagged=tagged, decisions=decisions)

    def _sealed(
        self, tagged: TaggedRead, decided: Sequence[Decision], bundle: Bundle, now: Instant
    ) -> tuple[tuple[Decision, ...], tuple[Envelope, ...]]:
        """The decisions, and one envelope for each subscriber that is allowed the read, sealed to its own key.

        A subscriber whose key cannot be sealed to gets nothing, and the decision says so; the others are not held up.
        """
        note = self._ledger.latest_checkpoint()
        decisions: list[Decision] = []
        envelopes: list[Envelope] = []
        for decision in decided:
            if decision.effect is Effect.SHARE:
                try:
                    envelopes.append(self._envelope(tagged, decision, bundle, now, note.note if note else None))
                except EnvelopeError:
                    decision = withhold(tagged.tags, decision.subscriber_id, (Reason.DENY_PAYLOAD_KEY,), bundle.digest)
            decisions.append(decision)
        return tuple(decisions), tuple(envelopes)

    def _envelope(
        self, tagged: TaggedRead, decision: Decision, bundle: Bundle, now: Instant, checkpoint: str | None
    ) -> Envelope:
        subscriber = bundle.subscribers[decision.subscriber_id]
        return seal(
            tagged,
            decision,
            subscriber.sealing_key or "",
            device_id=self._device_id,
            device_key=self._device_key,
            hits=hits_for(tagged.tags, subscriber, bundle, now),
            granted_until=grant_ends(subscriber, bundle, now.at),
            ack_token=self._clock.new_id(),
            checkpoint=checkpoint,
            crop=self._crop(tagged, decision),
        )

    @staticmethod
    def _crop(tagged: TaggedRead, decision: Decision) -> bytes | None:
        """The plate crop for the owner, when the policy says so; nobody else ever gets a picture."""
        wanted = decision.subscriber_id == tagged.tags.owner and Flag.NO_IMAGE not in tagged.tags.flags
        return jpeg(tagged.read.crop) if wanted and tagged.read.crop is not None else None
