"""From the outbox to the broker, at least once, and decided again immediately before every send.

A row leaves the outbox when its subscriber acknowledges it, when it is refused at the door, or when its time is over;
never because the broker took it. Whoever takes a right away shuts the subscriber's gate, until nothing is in flight.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice

from edge.clock import Clock
from edge.delivery import wire
from edge.delivery.broker import ANSWER_WITHIN, MOST_IN_FLIGHT, Arrival, Broker, Handover
from edge.delivery.topics import ack_filter, acknowledging
from edge.delivery.wire import parse
from edge.errors import EnvelopeError
from edge.ledger.store import Ledger
from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.relay.door import may_wait, sorted_out
from edge.relay.gates import Gates, Pass
from edge.relay.rounds import Rounds
from edge.relay.tidy import NO_LIMITS, Limits, Tidy
from edge.values import Acknowledgement, Instant, Waiting

_ROWS_A_STEP = 4 * MOST_IN_FLIGHT
_ACKS_A_STEP = 256
_SURE_AFTER = timedelta(seconds=5)  # what is recorded now was decided a moment ago
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
        hotlists: Callable[[], HotLists],
        clock: Clock,
        device_id: str,
        test: bool,
        shut: bool = False,
        limits: Limits = NO_LIMITS,
    ) -> None:
        """Subscribes to this device's acknowledgements; BrokerError when a connected broker refuses that.

        `in_force` must not wait for anybody who shuts a gate; while it gives None nothing is sent. `hotlists` are those
        at hand now. `shut`: every gate is shut until it is opened.
        """
        self._ledger, self._broker, self._clock = ledger, broker, clock
        self._in_force, self._hotlists = in_force, hotlists
        self._gates = Gates(shut=shut)
        self._rounds = Rounds()
        self._connection = 0
        self._tidy = Tidy(ledger=ledger, limits=limits)
        self._said: set[tuple[str, str]] = set()
        broker.subscribe(ack_filter(device_id, test=test))

    def step(self, *, patience: float = 0.0) -> int:
        """Takes acknowledgements, waiting `patience` seconds for the first, then sends what is due.

        Returns how many envelopes the broker took. Raises LedgerError; then nothing more may be shared.
        """
        arrivals = self._arrived(patience)
        now, ready = self._clock.now().at, self._broker.ready()
        if self._broker.connections != self._connection:
            self._connection = self._broker.connections
            self._rounds.begin_again()
        passes: dict[str, Pass] = {}
        # one commit for all. "sent" is on disk before the first byte leaves: what is in flight counts as received
        with self._ledger.together():
            self._settle(arrivals)
            self._tidy.step(now)
            bundle, marked = self._decide(passes, now) if ready else (None, [])
        for arrival in arrivals:
            arrival.done()
        taken = self._hand_over_all(marked, passes, bundle)
        self._tidy.rest(now, quiet=not arrivals and not marked)
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

    def decide_again(
        self, subscriber_id: str, bundle: Bundle, lists: HotLists, now: Instant, *, counted: datetime
    ) -> None:
        """Deletes what waits for the subscriber since before `now` and may not go under `bundle` and `lists` as things
        stand then.

        To be called, from any thread, before it is given more: what was forbidden until now does not wait for that.
        What was decided under the same bundle since it was `counted` what it gives is left aside. Raises LedgerError.
        """
        rows = self._ledger.unsure(subscriber_id, bundle.digest, counted + _SURE_AFTER)
        going = set[str]()
        while batch := list(islice(rows, _ROWS_A_STEP)):
            before = [row for row in batch if row.decided_at <= now.at]
            _, falling = sorted_out(before, bundle, lists, now, going)
            self._ledger.mark_sent([], refused=falling)

    def _decide(self, passes: dict[str, Pass], now: datetime) -> tuple[Bundle | None, list[Waiting]]:
        """Decides again on what is due, and under which bundle; notes the pass of each gate that was open before.

        Gives what may go and is marked as sent. Whoever puts another bundle in force shuts the gates of those who lose
        by it first: so the passes come before the bundle.
        """

        def turn(subscriber_id: str) -> tuple[int, int] | None:
            opening = self._gates.opening(subscriber_id)
            if opening is None:
                return None
            passes[subscriber_id] = opening
            return self._rounds.turn(subscriber_id, opening, now)

        rows = self._ledger.due(now, limit=_ROWS_A_STEP, turn=turn)
        bundle, instant = self._in_force(), self._clock.now()
        if bundle is None:
            return None, []
        standing, falling = sorted_out(rows, bundle, self._hotlists(), instant, set())
        if may_wait(bundle, instant):
            for row, _ in falling:
                self._rounds.not_taken(row.envelope.subscriber_id, now)
            falling = []
        return bundle, self._ledger.mark_sent(standing, refused=falling)

    def _hand_over_all(self, rows: Sequence[Waiting], passes: dict[str, Pass], bundle: Bundle | None) -> int:
        """Hands over as long as nobody puts another bundle in force; gives how many the broker took."""
        taken = 0
        for at in range(0, len(rows), MOST_IN_FLIGHT):
            if self._in_force() != bundle:
                break
            taken += self._hand_over(rows[at : at + MOST_IN_FLIGHT], passes)
        return taken

    def _hand_over(self, rows: Sequence[Waiting], passes: dict[str, Pass]) -> int:
        """Hands over those rows whose gate still is that of its pass, and waits for the broker's word on each."""
        now, taken = self._clock.now().at, 0
        try:
            through = self._gates.let_through(
                [(row.envelope.subscriber_id, row) for row in rows],
                passes,
                lambda row: self._broker.hand_over(row.envelope, now=now),
            )
            for subscriber_id, row, handed in through:
                outcome = handed.outcome(ANSWER_WITHIN)
                self._say(subscriber_id, outcome)
                if subscriber_id not in passes:
                    continue
                if outcome is Handover.TAKEN:
                    self._rounds.taken(subscriber_id, row.position)
                    taken += 1
                else:
                    self._rounds.not_taken(subscriber_id, now)
                    del passes[subscriber_id]  # what was to follow waits for its turn behind this one
        finally:
            self._gates.landed()
        return taken

    def _arrived(self, patience: float) -> list[Arrival]:
        """What has come, waiting `patience` seconds for the first."""
        arrivals: list[Arrival] = []
        while len(arrivals) < _ACKS_A_STEP:
            arrival = self._broker.take(0.0 if arrivals else patience)
            if arrival is None:
                break
            arrivals.append(arrival)
        return arrivals

    def _settle(self, arrivals: Sequence[Arrival]) -> None:
        """Settles what is acknowledged."""
        said = [each for arrival in arrivals if (each := self._acknowledgement(arrival)) is not None]
        for each, settled in zip(said, self._ledger.acknowledge_many(said) if said else [], strict=True):
            if settled:
                self._rounds.heard(each.subscriber_id)
            else:
                self._say_once(each.subscriber_id, "an acknowledgement fits no envelope that was sent")

    def _acknowledgement(self, arrival: Arrival) -> Acknowledgement | None:
        subscriber_id = acknowledging(arrival.topic)
        if subscriber_id is None:
            return None
        try:
            said = parse(wire.Acknowledgement, arrival.payload, what="the acknowledgement")
        except EnvelopeError as error:
            self._say_once(subscriber_id, str(error))
            return None
        return Acknowledgement(subscriber_id=subscriber_id, message_id=said.message_id, ack_token=said.acktoken)

    def _say(self, subscriber_id: str, outcome: Handover) -> None:
        """A broker that refuses is said when it begins to, and not again before it has taken something."""
        if outcome in (Handover.DENIED, Handover.REFUSED):
            self._say_once(subscriber_id, f"{outcome.value}, see the device's right to publish")
        elif outcome is Handover.TAKEN:
            self._said = {said for said in self._said if said[0] != subscriber_id}

    def _say_once(self, subscriber_id: str, what: str) -> None:
        if (subscriber_id, what) not in self._said:
            self._said.add((subscriber_id, what))
            _log.warning("subscriber %s: %s", subscriber_id, what)
