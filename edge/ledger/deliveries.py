"""What becomes of envelopes, in the outbox and in the log together: sent, refused, acknowledged, deleted.

Each change of a row has its entry in the same transaction, whoever holds it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from edge.ledger.batches import Runs, runs
from edge.ledger.entries import (
    Acknowledged,
    AcknowledgementRefused,
    Discarded,
    Dropped,
    Expired,
    Pattern,
    Refused,
    Sent,
    SentAgain,
    SentToAll,
)
from edge.ledger.log import Log
from edge.ledger.outbox import Outbox, Row, by_subscriber
from edge.values import Acknowledgement, Waiting

_ACKNOWLEDGED_BATCH = 256

_Maker = Callable[[tuple[Runs, ...], tuple[Runs, ...]], Expired | Dropped | Discarded]


class Deliveries:
    """Used only inside a transaction; `at` is its time in milliseconds since 1970 UTC."""

    def __init__(self, log: Log, outbox: Outbox) -> None:
        self._log, self._outbox = log, outbox

    def send(self, rows: Sequence[Waiting], at: int) -> list[Waiting]:
        """Counts one send of each row that is still waiting and whose time is not over; gives those."""
        found = [self._outbox.mark_sent(row, at) for row in rows]
        marked = [each for each in found if each is not None]
        rows_left = self._send_to_all([row for row, _ in marked], at)
        for maker, again in ((Sent, False), (SentAgain, True)):
            batch = self._batches(rows_left, again, at)
            if batch:
                self._log.append(maker(reads=batch), at)
        return [waiting for _, waiting in marked]

    def with_channel(self, row: Waiting) -> Waiting:
        """What it was decided as stands in the log; a row that nobody decided to share has no channel, and no channel
        has that name."""
        channel, withdrawal = self._log.shared_with(row.position).get(row.envelope.subscriber_id, ("", False))
        return replace(row, channel=channel, withdrawal=withdrawal)

    def _send_to_all(self, rows: Sequence[Row], at: int) -> list[Row]:
        """Writes the first sends of those reads that leave nobody out; gives the other rows."""
        names: dict[int, set[str]] = {}
        for row in rows:
            if not row.sent:
                names.setdefault(row.position, set()).add(row.subscriber_id)
        whole = {position for position, found in names.items() if found == self._log.shared_with(position).keys()}
        batch = runs(0, whole)
        for first, count in zip(batch[1::2], batch[2::2], strict=True):
            self._log.append(SentToAll(back=self._log.size - first, count=count), at)
        return [row for row in rows if row.sent or row.position not in whole]

    def refuse(self, message_id: str, decided: Pattern, at: int) -> bool:
        """Deletes a row, with the decision that it may not go; False if it was gone already."""
        found = self._outbox.find(message_id)
        if found is None:
            return False
        pattern = self._log.pattern(decided, at)
        self._log.append(Refused(pattern=pattern, read=found.position, sent=int(found.sent)), at)
        self._outbox.delete([found])
        return True

    def acknowledge(self, said: Acknowledgement, at: int) -> bool:
        """Settles a row by its token; the first wrong token for a row stands in the log."""
        settled, wrong = self._outbox.acknowledge(said.subscriber_id, said.message_id, said.ack_token)
        if wrong is not None:
            name = self._log.name("subscriber", said.subscriber_id, at)
            self._log.append(AcknowledgementRefused(subscriber=name, read=wrong.position), at)
        return settled

    def log_acknowledgements(self, at: int, *, at_least: int = 1) -> None:
        """Writes the acknowledgements that came since the last time as one entry, if there are enough of them."""
        if at_least > 1 and self._outbox.count_unlogged() < at_least:
            return
        unlogged = self._outbox.unlogged()
        if unlogged:
            self._log.append(Acknowledged(reads=self._runs(unlogged, at)), at)
            self._outbox.logged()

    def log_full_batches(self, at: int) -> None:
        """The same once a batch is full."""
        self.log_acknowledgements(at, at_least=_ACKNOWLEDGED_BATCH)

    def drop(self, subscriber_id: str, reasons: Sequence[str], at: int) -> int:
        """Deletes a subscriber's rows, whose right was taken away; gives their number."""
        rows = self._outbox.of(subscriber_id)
        return self._delete(rows, lambda unsent, sent: Dropped(reasons=tuple(reasons), unsent=unsent, sent=sent), at)

    def expire(self, now: int, ahead: int, at: int) -> int:
        """Deletes the rows whose time is over at `now`, or nearly; gives their number."""
        rows = self._outbox.expired(now, ahead)
        deleted = self._delete(rows, lambda unsent, sent: Expired(unsent=unsent, sent=sent), at)
        self._outbox.forget(now)
        return deleted

    def discard(self, decided_before: int, most: int, at: int) -> int:
        """Deletes the rows decided at `decided_before` or earlier, then the oldest beyond `most`; gives how many."""
        old = self._delete(
            self._outbox.decided(decided_before),
            lambda unsent, sent: Discarded(limit="age", unsent=unsent, sent=sent),
            at,
        )
        return old + self._delete(
            self._outbox.oldest(self._outbox.count() - most),
            lambda unsent, sent: Discarded(limit="count", unsent=unsent, sent=sent),
            at,
        )

    def _delete(self, rows: Sequence[Row], entry: _Maker, at: int) -> int:
        if rows:
            self._log.append(entry(self._batches(rows, False, at), self._batches(rows, True, at)), at)
            self._outbox.delete(rows)
        return len(rows)

    def _batches(self, rows: Iterable[Row], sent: bool, at: int) -> tuple[Runs, ...]:
        return self._runs(by_subscriber(rows, sent=sent), at)

    def _runs(self, reads: Mapping[str, list[int]], at: int) -> tuple[Runs, ...]:
        name = self._log.name
        return tuple(sorted(runs(name("subscriber", one, at), positions) for one, positions in sorted(reads.items())))
