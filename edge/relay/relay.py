"""From the outbox to the broker, at least once, and decided again immediately before every send.

A row leaves the outbox when its subscriber acknowledges it, when it is refused at the door, or when its time is over;
never because the broker took it. Whoever takes a right away shuts the subscriber's gate, until nothing is in flight.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from edge import keys
from edge.clock import Clock
from edge.delivery.broker import ANSWER_WITHIN, MOST_IN_FLIGHT, Broker, Handover
from edge.delivery.envelope import sealed_to
from edge.delivery.topics import ack_filter, acknowledging
from edge.delivery.wire import Acknowledgement, parse
from edge.errors import EnvelopeError
from edge.ledger.store import Ledger
from edge.policy.bundle import Bundle
from edge.policy.decide import decide, hits_for, stranger, withhold
from edge.policy.reasons import Reason
from edge.relay.gates import Gates, Pass
from edge.values import Decision, Effect, Instant, Waiting

_ROWS_A_STEP = 4 * MOST_IN_FLIGHT
_ACKS_A_STEP = 256
_EXPIRE_EVERY = timedelta(seconds=1)
_SHUT_WITHIN = 2.0  # seconds in which what is in flight must land, or the connection is thrown away

_log = logging.getLogger(__name__)


class Relay:
    """Moves sealed reads. `step` is called over and over from one thread; the gates are worked from any."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        broker: Broker,
        in_force: Callable[[], Bundle | None],
        clock: Clock,
        device_id: str,
        test: bool,
        shut: bool = False,
    ) -> None:
        """Subscribes to this device's acknowledgements; BrokerError when a connected broker refuses that.

        `in_force` must not wait for anybody who shuts a gate; while it gives None nothing is sent. `shut`: every gate
        is shut until it is opened.
        """
        self._ledger, self._broker, self._in_force, self._clock = ledger, broker, in_force, clock
        self._gates = Gates(shut=shut)
        self._next_expiry: datetime | None = None
        self._said: set[tuple[str, str]] = set()
        broker.subscribe(ack_filter(device_id, test=test))

    def step(self, *, patience: float = 0.0) -> int:
        """Takes acknowledgements, waiting `patience` seconds for the first, then sends what is due.

        Returns how many envelopes the broker took. Raises LedgerError; then nothing more may be shared.
        """
        self._take_acknowledgements(patience)
        now = self._clock.now().at
        if self._next_expiry is None or now >= self._next_expiry:
            self._ledger.expire(now)
            self._next_expiry = now + _EXPIRE_EVERY
        if not self._broker.ready():
            return 0
        taken = 0
        for subscriber_id, rows in _queues(self._ledger.due(now, limit=_ROWS_A_STEP, to=self.is_open)):
            for at in range(0, len(rows), MOST_IN_FLIGHT):
                if not self._broker.connected:
                    return taken
                taken += self._send(subscriber_id, rows[at : at + MOST_IN_FLIGHT])
        return taken

    def open(self, subscriber_id: str) -> None:
        """Opens the subscriber's gate: its rows are decided again and sent, from the next step on."""
        self._gates.open(subscriber_id)

    def shut(self, subscriber_id: str) -> None:
        """Shuts the subscriber's gate; its rows stay, and run out as ever. When this returns, nothing is in flight.

        That takes about two seconds at most: then the whole connection to the broker is thrown away.
        """
        if not self._gates.shut(subscriber_id, patience=_SHUT_WITHIN):
            self._broker.cut()

    def is_open(self, subscriber_id: str) -> bool:
        """Whether the subscriber's gate is open."""
        return self._gates.is_open(subscriber_id)

    def settle(self, subscriber_id: str) -> None:
        """Returns when nothing decided before is in flight to the subscriber; its gate stands as before."""
        was_open = self.is_open(subscriber_id)
        self.shut(subscriber_id)
        if was_open:
            self.open(subscriber_id)

    def _send(self, subscriber_id: str, rows: Sequence[Waiting]) -> int:
        """Decides again and hands over, if the gate has not been shut between; gives how many the broker took."""
        passes = self._gates.passes([subscriber_id])  # before the bundle: one put in force later shuts this gate first
        bundle, now = self._in_force(), self._clock.now()
        if bundle is None or not passes:
            return 0
        standing = []
        for row in rows:
            decision = _again(row, bundle, now)
            if _stands(row, decision, bundle, now):
                standing.append(row)
            else:
                self._ledger.refuse(row, decision)
        # "sent" is on disk before the first byte leaves: a read in flight counts as possibly received
        marked = self._ledger.mark_sent(standing)
        outcomes = self._hand_over(marked, passes, now.at) if self._in_force() == bundle else []
        self._say(subscriber_id, outcomes)
        return outcomes.count(Handover.TAKEN)

    def _hand_over(self, rows: Sequence[Waiting], passes: Mapping[str, Pass], now: datetime) -> list[Handover]:
        """What the broker says to each row; those whose gate was shut meanwhile are not handed over."""
        try:
            through = self._gates.let_through(
                [(row.envelope.subscriber_id, row) for row in rows],
                passes,
                lambda row: self._broker.hand_over(row.envelope, now=now),
            )
            return [handed.outcome(ANSWER_WITHIN) for _, _, handed in through]
        finally:
            self._gates.landed()

    def _take_acknowledgements(self, patience: float) -> None:
        for taken in range(_ACKS_A_STEP):
            arrival = self._broker.take(patience if taken == 0 else 0.0)
            if arrival is None:
                return
            subscriber_id = acknowledging(arrival.topic)
            if subscriber_id is not None:
                self._acknowledge(subscriber_id, arrival.payload)
            arrival.done()

    def _acknowledge(self, subscriber_id: str, payload: bytes) -> None:
        try:
            said = parse(Acknowledgement, payload, what="the acknowledgement")
        except EnvelopeError as error:
            self._say_once(subscriber_id, str(error))
            return
        if not self._ledger.acknowledge(subscriber_id, said.message_id, said.acktoken):
            self._say_once(subscriber_id, "an acknowledgement fits no envelope that was sent")

    def _say(self, subscriber_id: str, outcomes: Iterable[Handover]) -> None:
        """A broker that refuses is said when it begins to, and not again before it has taken something."""
        for outcome in outcomes:
            if outcome in (Handover.DENIED, Handover.REFUSED):
                self._say_once(subscriber_id, f"{outcome.value}, see the device's right to publish")
            elif outcome is Handover.TAKEN:
                self._said = {said for said in self._said if said[0] != subscriber_id}

    def _say_once(self, subscriber_id: str, what: str) -> None:
        if (subscriber_id, what) not in self._said:
            self._said.add((subscriber_id, what))
            _log.warning("subscriber %s: %s", subscriber_id, what)


def _again(row: Waiting, bundle: Bundle, now: Instant) -> Decision:
    """The decision about a row as things stand now."""
    subscriber_id = row.envelope.subscriber_id
    subscriber = bundle.subscribers.get(subscriber_id)
    if subscriber is None:
        return stranger(row.envelope.tags, subscriber_id, bundle.digest)
    decision = decide(row.envelope.tags, subscriber, bundle, now)
    if decision.effect is Effect.SHARE and not _sealed_to_its_key(row, subscriber.sealing_key):
        # the key was replaced, perhaps because it was lost: what was sealed to the old one stays here
        return withhold(row.envelope.tags, subscriber_id, (Reason.DENY_PAYLOAD_KEY,), bundle.digest)
    return decision


def _stands(row: Waiting, decision: Decision, bundle: Bundle, now: Instant) -> bool:
    """Whether what was sealed may still go: shared, with no new obligation, and every hit in it still good."""
    if decision.effect is not Effect.SHARE or not set(decision.obligations) <= set(row.obligations):
        return False
    if decision.subscriber_id == bundle.owner:
        return True
    subscriber, tags = bundle.subscribers[decision.subscriber_id], row.envelope.tags
    return hits_for(tags, subscriber, bundle, now) == tags.hits


def _sealed_to_its_key(row: Waiting, sealing_key: str | None) -> bool:
    if sealing_key is None:
        return False
    return sealed_to(row.envelope) == keys.key_id(keys.sealing_public(sealing_key, where=row.envelope.subscriber_id))


def _queues(rows: Sequence[Waiting]) -> Iterator[tuple[str, list[Waiting]]]:
    """The rows of each subscriber, in their order."""
    ordered = sorted(rows, key=lambda row: row.envelope.subscriber_id)
    for subscriber_id, queue in groupby(ordered, key=lambda row: row.envelope.subscriber_id):
        yield subscriber_id, list(queue)
