"""The outbox inside the ledger file: envelopes until their subscriber acknowledges them, then a trace without bytes.

A row is settled by the subscriber's own acknowledgement, never by the broker's. Whoever reads it sees sealed bytes.
"""

import hmac
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from edge.clock import from_milliseconds, milliseconds
from edge.ledger.facts import kept_since, tags_from, tags_text
from edge.values import Decision, Envelope, Waiting

WINDOW = 64  # reads of one subscriber that may be on their way unacknowledged
RESEND_FIRST = 5_000  # milliseconds after the first send
RESEND_LONGEST = 60_000
REMEMBERED_FOR = 86_400_000  # milliseconds past the expiry in which a late acknowledgement is still taken

Turn = Callable[[str], tuple[int, int] | None]
"""For a subscriber: the position up to which its rows are on their way, and how many more may go; None for none."""

_COLUMNS = (
    "message_id, subscriber_id, position, topic, header, payload, expires_at, ack_digest, tags, obligations, "
    "bundle_digest, decided_at, sent_at, attempts"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Which read a row of the outbox is of, and whether it was ever sent."""

    message_id: str
    subscriber_id: str
    position: int
    sent: bool


class Outbox:
    """Rows over one connection; whoever holds it holds the lock and the transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._served = ""

    def add(self, envelope: Envelope, decision: Decision, position: int, at: int) -> None:
        """Puts an envelope into the outbox, due at once."""
        values = (
            envelope.message_id,
            envelope.subscriber_id,
            position,
            envelope.topic,
            envelope.header,
            envelope.payload,
            milliseconds(envelope.expires_at),
            envelope.ack_digest,
            tags_text(envelope.tags),
            json.dumps(decision.obligations, separators=(",", ":")),
            decision.bundle_digest,
            at,
        )
        self._db.execute("INSERT INTO outbox VALUES (?,?,?,?,?,?,?,?,?,?,?,?,NULL,0,0)", values)

    def due(self, now: int, limit: int, turn: Turn) -> list[Waiting]:
        """Rows to send: of each subscriber the oldest first, and the subscribers in turn.

        Only a subscriber's oldest `WINDOW` rows can be on their way. When the oldest of all has not been acknowledged
        for too long, what is on its way begins again with it, so that reads arrive in their order.
        """
        queues = [(name, found) for name in self._in_turn() if (found := self._queue(name, now, limit, turn(name)))]
        chosen: list[str] = []
        for rank in range(limit):
            for subscriber_id, found in queues:
                if rank < len(found) and len(chosen) < limit:
                    chosen.append(found[rank])
                    self._served = subscriber_id
        return [waiting for message_id in chosen if (waiting := self.get(message_id)) is not None]

    def _queue(self, subscriber_id: str, now: int, limit: int, turn: tuple[int, int] | None) -> list[str]:
        """The message ids of one subscriber that may go now, oldest first."""
        if turn is None:
            return []
        under_way, most = turn
        query = (
            "SELECT message_id, position, sent_at, attempts FROM outbox WHERE subscriber_id = ? AND expires_at > ? "
            "ORDER BY position LIMIT ?"
        )
        rows = self._db.execute(query, (subscriber_id, now, WINDOW)).fetchall()
        if not (rows and _is_overdue(rows[0][2], rows[0][3], now)):
            rows = [row for row in rows if row[1] > under_way or row[2] is None]
        return [row[0] for row in rows[: min(limit, most)]]

    def get(self, message_id: str) -> Waiting | None:
        """One row, None if it is no longer waiting."""
        query = f"SELECT {_COLUMNS} FROM outbox WHERE message_id = ?"  # noqa: S608 - fixed texts  # nosec B608
        row = self._db.execute(query, (message_id,)).fetchone()
        if row is None:
            return None
        waiting = _waiting(row)
        original = waiting.envelope.original
        return waiting if original is None else replace(waiting, original_sent=self._was_sent(original))

    def find(self, message_id: str) -> Row | None:
        """What the log needs to know of a waiting row."""
        return next(iter(self._rows("message_id = ?", (message_id,))), None)

    def of(self, subscriber_id: str) -> list[Row]:
        """All rows of a subscriber, oldest first."""
        return self._rows("subscriber_id = ?", (subscriber_id,))

    def unsure(self, subscriber_id: str, digest: str, since: int) -> list[str]:
        """The messages to a subscriber, oldest first, that were not decided under this bundle after that moment."""
        query = "subscriber_id = ? AND NOT (bundle_digest = ? AND decided_at > ?)"
        return [row.message_id for row in self._rows(query, (subscriber_id, digest, since))]

    def expired(self, now: int, ahead: int = 0) -> list[Row]:
        """All rows whose time is over, or is in `ahead` milliseconds or the last tenth of it, whichever is less."""
        query = "expires_at <= ? AND expires_at - min(?, (expires_at - decided_at) / 10) <= ?"
        return self._rows(query, (now + ahead, ahead, now))

    def next_expiry(self) -> int | None:
        """When the time of the first waiting row is over."""
        found: int | None = self._db.execute("SELECT min(expires_at) FROM outbox").fetchone()[0]
        return found

    def decided(self, before: int) -> list[Row]:
        """All rows decided at `before` or earlier."""
        return self._rows("decided_at <= ?", (before,))

    def oldest(self, number: int) -> list[Row]:
        """The oldest rows of all subscribers together; none for a number below one."""
        return self._rows("rowid IN (SELECT rowid FROM outbox ORDER BY rowid LIMIT ?)", (max(number, 0),))

    def mark_sent(self, row: Waiting, at: int) -> tuple[Row, Waiting] | None:
        """Counts one send: the row as it was and as it is; None if it is gone or its time is over."""
        sealed = row.envelope
        changed = self._db.execute(
            "UPDATE outbox SET sent_at = ?, attempts = attempts + 1 WHERE message_id = ? AND expires_at > ? "
            "RETURNING attempts",
            (at, sealed.message_id, at),
        ).fetchall()
        if not changed:
            return None
        attempts = int(changed[0][0])
        was = Row(
            message_id=sealed.message_id, subscriber_id=sealed.subscriber_id, position=row.position, sent=attempts > 1
        )
        return was, replace(row, sent_at=from_milliseconds(at), attempts=attempts)

    def delete(self, rows: Iterable[Row]) -> None:
        """Deletes rows; of those that were sent a trace is kept, so that a late acknowledgement still counts."""
        for row in rows:
            if row.sent:
                self._remember(row.message_id, "sent")
            self._db.execute("DELETE FROM outbox WHERE message_id = ?", (row.message_id,))

    def acknowledge(self, subscriber_id: str, message_id: str, token: str) -> tuple[bool, Row | None]:
        """Whether this token settles the message, now or before; and the waiting row whose first wrong token it is."""
        given = sha256(token.encode(errors="replace")).digest()
        waiting = self._db.execute(
            "SELECT ack_digest, wrong_acks FROM outbox "
            "WHERE message_id = ? AND subscriber_id = ? AND sent_at IS NOT NULL",
            (message_id, subscriber_id),
        ).fetchone()
        if waiting is not None:
            if hmac.compare_digest(waiting[0], given):
                self._remember(message_id, "acknowledged")
                self._db.execute("DELETE FROM outbox WHERE message_id = ?", (message_id,))
                return True, None
            self._db.execute("UPDATE outbox SET wrong_acks = wrong_acks + 1 WHERE message_id = ?", (message_id,))
            return False, self.find(message_id) if waiting[1] == 0 else None
        settled = self._db.execute(
            "SELECT ack_digest FROM settled WHERE message_id = ? AND subscriber_id = ?", (message_id, subscriber_id)
        ).fetchone()
        if settled is None or not hmac.compare_digest(settled[0], given):
            return False, None
        query = "UPDATE settled SET state = 'acknowledged' WHERE message_id = ? AND state = 'sent'"
        self._db.execute(query, (message_id,))
        return True, None

    def unlogged(self) -> dict[str, list[int]]:
        """Acknowledgements that are not in the log yet: positions of reads by subscriber."""
        found: dict[str, list[int]] = {}
        query = "SELECT subscriber_id, position FROM settled WHERE state = 'acknowledged' ORDER BY 1, 2"
        for subscriber_id, position in self._db.execute(query):
            found.setdefault(subscriber_id, []).append(position)
        return found

    def count_unlogged(self) -> int:
        """Number of acknowledgements that are not in the log yet."""
        return int(self._db.execute("SELECT count(*) FROM settled WHERE state = 'acknowledged'").fetchone()[0])

    def logged(self) -> None:
        """Marks all acknowledgements as written to the log."""
        self._db.execute("UPDATE settled SET state = 'logged' WHERE state = 'acknowledged'")

    def forget(self, now: int) -> None:
        """Deletes the traces that no late acknowledgement can need any more."""
        self._db.execute("DELETE FROM settled WHERE forget_at <= ? AND state <> 'acknowledged'", (now,))

    def clock_moved_back(self, by: int) -> None:
        """Lets no row wait longer than it would have, by milliseconds. Rows of before and after a step look alike, so
        that the few from between it and its note, which know the new time, wait so much less.
        """
        self._db.execute("UPDATE outbox SET expires_at = expires_at - ?, decided_at = decided_at - ?", (by, by))

    def shorten(self, ceiling: int) -> None:
        """Lets no row wait longer than `ceiling` milliseconds after its capture; none waits longer than before."""
        query = "SELECT json_extract(tags, '$.captured_at'), decided_at, obligations, rowid FROM outbox"
        ends = [(kept_since(*facts) + ceiling, row) for *facts, row in self._db.execute(query)]
        query = "UPDATE outbox SET expires_at = ? WHERE rowid = ? AND expires_at > ?"
        self._db.executemany(query, [(end, row, end) for end, row in ends])

    def positions(self) -> list[int]:
        """The reads of waiting rows, and of those whose late acknowledgement is still taken."""
        return [row[0] for row in self._db.execute("SELECT position FROM outbox UNION SELECT position FROM settled")]

    def count(self) -> int:
        """Number of waiting rows."""
        return int(self._db.execute("SELECT count(*) FROM outbox").fetchone()[0])

    def _was_sent(self, message_id: str) -> bool:
        """Whether a message went out at least once, as far as that is still remembered."""
        query = (
            "SELECT 1 FROM outbox WHERE message_id = ? AND sent_at IS NOT NULL "
            "UNION ALL SELECT 1 FROM settled WHERE message_id = ?"
        )
        return self._db.execute(query, (message_id, message_id)).fetchone() is not None

    def _remember(self, message_id: str, state: str) -> None:
        self._db.execute(
            "INSERT INTO settled SELECT message_id, subscriber_id, position, ack_digest, ?, expires_at + ? "
            "FROM outbox WHERE message_id = ?",
            (state, REMEMBERED_FOR, message_id),
        )

    def _rows(self, where: str, values: tuple[object, ...]) -> list[Row]:
        query = f"SELECT message_id, subscriber_id, position, sent_at FROM outbox WHERE {where} ORDER BY position"  # noqa: S608  # nosec B608
        return [
            Row(message_id=message_id, subscriber_id=subscriber_id, position=position, sent=sent_at is not None)
            for message_id, subscriber_id, position, sent_at in self._db.execute(query, values)
        ]

    def _in_turn(self) -> list[str]:
        """Every subscriber with rows, beginning after the one that was served last."""
        found: list[str] = []
        query = "SELECT min(subscriber_id) FROM outbox WHERE subscriber_id > ?"
        while (row := self._db.execute(query, (found[-1] if found else "",)).fetchone())[0] is not None:
            found.append(row[0])
        return [name for name in found if name > self._served] + [name for name in found if name <= self._served]


def by_subscriber(rows: Iterable[Row], *, sent: bool) -> Mapping[str, list[int]]:
    """Positions of the reads of those rows that were, or were never, sent; by subscriber."""
    found: dict[str, list[int]] = {}
    for row in rows:
        if row.sent == sent:
            found.setdefault(row.subscriber_id, []).append(row.position)
    return found


def _is_overdue(sent_at: int | None, attempts: int, now: int) -> bool:
    """Whether a row was sent so long ago that it is sent again; a clock that was moved back does not make it wait."""
    pause = min(RESEND_LONGEST, RESEND_FIRST << min(attempts - 1, 16)) if attempts else 0
    return sent_at is not None and not sent_at <= now < sent_at + pause


def _waiting(row: tuple[str, str, int, str, bytes, bytes, int, bytes, str, str, str, int, int | None, int]) -> Waiting:
    message_id, subscriber_id, position, topic, header, payload, expires_at = row[:7]
    ack_digest, tags, obligations, bundle, decided_at, sent_at, attempts = row[7:]
    envelope = Envelope(
        message_id=message_id,
        subscriber_id=subscriber_id,
        topic=topic,
        header=header,
        payload=payload,
        expires_at=from_milliseconds(expires_at),
        ack_digest=ack_digest,
        tags=tags_from(tags),
    )
    return Waiting(
        envelope=envelope,
        position=position,
        obligations=tuple(json.loads(obligations)),
        bundle_digest=bundle,
        decided_at=from_milliseconds(decided_at),
        sent_at=None if sent_at is None else from_milliseconds(sent_at),
        attempts=attempts,
    )
