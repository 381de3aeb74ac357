"""The whole program, read aloud: a frame comes in, and what may leave is in the ledger before anything can be sent.

A read that cannot be recorded waits here, for no longer than it may be kept, and is tried again with the same bytes: it
may have been written after all. It is bound by the strictest of all that held since its vehicle went by.
A correction goes to those whom the read that it replaces went to, and who may still have it.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clock import Clock
from edge.delivery.crop import picture_for
from edge.delivery.envelope import seal
from edge.errors import EnvelopeError, Superseded
from edge.policy.bundle import Bundle
from edge.policy.correct import Given, correct_all, given, taken_back
from edge.policy.decide import grant_ends, hits_for, withhold
from edge.policy.hotlists import HotLists
from edge.policy.meanwhile import Meanwhile, bundles_of, decide_since, told_since
from edge.policy.reasons import Reason
from edge.policy.tag import nobodys, tag
from edge.values import Checkpoint, Decision, Effect, Envelope, Frame, Instant, PlateRead, Recorded, TaggedRead

MOST_UNRECORDED = 256
"""Reads that wait while the ledger cannot be written; beyond it the oldest is lost, and counted."""

UNRULED = timedelta(hours=1)
"""How long a read may wait for the ledger where no policy has said yet how long it may be kept."""

MOST_CORRECTABLE = 1024
"""Reads of which it is remembered whom they went to; a correction follows within seconds, or never."""

_MOST_TOGETHER = 32  # reads with one commit


class Eyes(Protocol):
    """Frames in, one read per passing vehicle out (edge.vision.Vision)."""

    def passages(self, frame: Frame) -> Sequence[PlateRead]: ...

    def finish(self) -> Sequence[PlateRead]: ...

    def forget(self, at: datetime, *, kept: timedelta) -> None: ...


class Records(Protocol):
    """Where reads are recorded (edge.ledger.Ledger)."""

    def record_many(self, reads: Sequence[Recorded]) -> Sequence[int]: ...

    def latest_checkpoint(self) -> Checkpoint | None: ...


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
        in_force: Callable[[], Bundle | None],
        hotlists: Callable[[], HotLists],
        ledger: Records,
        clock: Clock,
        device_id: str,
        device_key: Ed25519PrivateKey,
        test: bool,
        bell: threading.Event | None = None,
        collects: Callable[[], bool] = lambda: True,
    ) -> None:
        """With a `bell` no step waits for the disk: it rings when another thread has something to `record`. While it
        does not `collects` no frame is looked at, what was read is lost, and what was seen is forgotten.
        """
        self._vision = vision
        self._in_force = in_force
        self._hotlists = hotlists
        self._ledger = ledger
        self._clock = clock
        self._device_id = device_id
        self._device_key = device_key
        self._test = test
        self._unrecorded: deque[PlateRead] = deque()
        self._decided: deque[Recorded] = deque()
        self._given: OrderedDict[str, Given] = OrderedDict()
        self._bell, self._collects = bell, collects
        self._recording = threading.Lock()
        self._meanwhile = Meanwhile()
        self._ceiling, self._behind = UNRULED, False
        self._kept = UNRULED  # as of the last bundle, while the ceiling is that of the reads that wait
        self.lost = 0

    def step(self, frame: Frame) -> list[Outcome]:
        """Takes one frame; returns the reads that it completed. Raises ModelError, LedgerError."""
        if not self._collects():
            return self.rest()
        self._forget(frame.captured_at)  # first: a look may fail
        return self._take(self._vision.passages(frame))

    def rest(self) -> list[Outcome]:
        """Completes the passages that are still in view, when no frame has come for long. Raises LedgerError."""
        found = self._vision.finish()
        self._forget(self._clock.now().at)
        return self._take(found)

    def _forget(self, at: datetime) -> None:
        """What was seen is known for no longer than a read may be kept; where nothing may be collected, not at all."""
        bundle = self._in_force()
        if bundle is not None:
            self._kept = bundle.ceiling
        self._vision.forget(at, kept=self._kept if self._collects() else timedelta(0))

    def _take(self, found: Sequence[PlateRead]) -> list[Outcome]:
        self._hand_on(found)
        if self._bell is None:
            return self.record()
        if found:
            self._bell.set()
        return []

    def finish(self) -> list[Outcome]:
        """Completes the passages that are still in view, at the end of a recording."""
        self._hand_on(self._vision.finish())
        return self.record()

    def record(self) -> list[Outcome]:
        """Records what was read and is not recorded yet, oldest first. Raises LedgerError; then the rest waits."""
        outcomes: list[Outcome] = []
        with self._recording:
            self._let_go()
            self._behind = True
            while self._unrecorded and self._collects():
                count = min(len(self._unrecorded), _MOST_TOGETHER)
                for place in range(len(self._decided), count):
                    self._decided.append(self._decide(self._unrecorded[place]))
                try:
                    self._ledger.record_many(tuple(self._decided))
                except Superseded:
                    count = self._record_oldest()
                for _ in range(count):
                    done = self._decided.popleft()
                    outcomes.append(Outcome(tagged=done.tagged, decisions=done.decisions))
                    self._meanwhile.forget(self._unrecorded.popleft().read_id)
            self._behind = False
        return outcomes

    def _record_oldest(self) -> int:
        """The oldest alone, decided once more if it was not recorded before another bundle or hot list came into force.

        Another one than it was decided under, that is: one that is recorded keeps its decisions. Raises LedgerError.
        """
        try:
            self._ledger.record_many([self._decided[0]])
        except Superseded:
            self._decided.clear()
            self._decided.append(self._decide(self._unrecorded[0]))
            self._ledger.record_many([self._decided[0]])
        return 1

    @property
    def unrecorded(self) -> int:
        """Number of reads that wait to be recorded."""
        return len(self._unrecorded)

    def _look(self) -> Bundle | None:
        """What is in force now, which is remembered for the reads that are on their way."""
        bundle = self._in_force()
        self._meanwhile.look(bundle, self._hotlists(), self._clock.now())
        return bundle

    def _hand_on(self, reads: Sequence[PlateRead]) -> None:
        """Takes reads that are complete; they wait to be recorded."""
        self._look()
        for read in reads:
            self._meanwhile.hand_on(read, self._clock.now().at)
            self._unrecorded.append(read)

    def _let_go(self) -> None:
        """Reads that have waited for as long as they may be kept are lost, and the oldest of too many; counted. Where
        nothing may be collected, none may be kept.
        """
        bundle = self._look()
        if bundle is not None:  # there is none while the ledger is closed
            self._ceiling = min(self._ceiling, bundle.ceiling) if self._behind else bundle.ceiling
        if self._behind:
            over = self._clock.now().at - self._ceiling
            for place in reversed(range(len(self._unrecorded))):  # others may be added meanwhile
                if self._unrecorded[place].best_seen <= over:
                    self._lose(place)
        while len(self._unrecorded) > (MOST_UNRECORDED if self._collects() else 0):
            self._lose(0)

    def _lose(self, place: int) -> None:
        """Loses a read, and the correction that is sealed as one of it: that could never be recorded."""
        lost = self._unrecorded[place].read_id
        self._meanwhile.forget(lost)
        self._given.pop(lost, None)
        del self._unrecorded[place]
        if place < len(self._decided):
            del self._decided[place]
        self.lost += 1
        for later, decided in enumerate(self._decided):
            if decided.tagged.tags.replaces == lost:
                self._lose(later)
                break

    def _decide(self, read: PlateRead) -> Recorded:
        """Decides about one read and seals it; a correction of a read that was lost on the way is a first read."""
        before = None if read.replaces is None else self._given.get(read.replaces)
        if before is None:
            read = replace(read, replaces=None)
        bundle = self._look()
        if bundle is None:  # LedgerError while the ledger is closed: nobody can say then what is in force
            self._ledger.latest_checkpoint()
            bundle = self._look()  # it may have been opened in between
        now = self._clock.now()
        since, listed = self._meanwhile.since(read.read_id)
        recorded = Recorded(tagged=nobodys(read, test=self._test), decisions=(), envelopes=())
        if bundle is not None and since:
            lists = self._hotlists()
            tagged = tag(read, bundle, lists, test=self._test, now=now, since=bundles_of(since), listed=listed)
            if before is None:
                decided, losing = decide_since(tagged.tags, since, bundle, now), frozenset[str]()
                of = [(decision, told_since(tagged, decision, since)) for decision in decided]
            else:
                decided, losing = correct_all(tagged.tags, before, bundle, now)
                back = replace(tagged, tags=taken_back(tagged.tags, before))
                of = [(decision, back if decision.subscriber_id in losing else tagged) for decision in decided]
            decisions, envelopes = self._sealed(of, losing, bundle, now)
            versions = lists.versions(now.at)
            recorded = Recorded(tagged=tagged, decisions=decisions, envelopes=envelopes, hotlists=versions)
        self._remember(recorded)
        return recorded

    def _remember(self, recorded: Recorded) -> None:
        """Whom a read is for, should it be corrected."""
        tags = recorded.tagged.tags
        self._given[tags.read_id] = given(tags, recorded.decisions)
        while len(self._given) > MOST_CORRECTABLE:
            self._given.popitem(last=False)

    def _sealed(
        self, decided: Sequence[tuple[Decision, TaggedRead]], losing: Collection[str], bundle: Bundle, now: Instant
    ) -> tuple[tuple[Decision, ...], tuple[Envelope, ...]]:
        """The decisions, and one envelope for each subscriber that is allowed the read, sealed to its own key.

        Those that are `losing` a hit are sent a withdrawal. A subscriber whose key cannot be sealed to gets nothing,
        and the decision says so; the others are not held up.
        """
        note = self._ledger.latest_checkpoint()
        decisions: list[Decision] = []
        envelopes: list[Envelope] = []
        for decision, tagged in decided:
            name = decision.subscriber_id
            if decision.effect is Effect.SHARE:
                seen = note.note if note else None
                try:
                    envelopes.append(self._envelope(tagged, decision, bundle, now, seen, withdrawal=name in losing))
                except EnvelopeError:
                    decision = withhold(tagged.tags, name, (Reason.DENY_PAYLOAD_KEY,), bundle.digest)
            decisions.append(decision)
        return tuple(decisions), tuple(envelopes)

    def _envelope(
        self,
        tagged: TaggedRead,
        decision: Decision,
        bundle: Bundle,
        now: Instant,
        checkpoint: str | None,
        *,
        withdrawal: bool,
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
            crop=picture_for(tagged, decision),
            withdrawal=withdrawal,
        )
