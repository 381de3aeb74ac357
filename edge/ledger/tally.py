"""PURE: what became of every read for every subscriber, counted from the log.

withheld + refused at the door + never sent + sent + acknowledged = reads, for each subscriber, in every report.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.errors import LedgerError
from edge.ledger.entries import (
    Acknowledged,
    Discarded,
    Dropped,
    Expired,
    Logged,
    Name,
    Pattern,
    Read,
    Refused,
    Runs,
    Sent,
)
from edge.values import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of reads for one subscriber; each read is in exactly one of the five groups from `withheld` on.

    Of never sent and sent, `expired` were deleted at the end of their time, `dropped` when a right was taken away,
    `discarded` because too many were waiting or for too long.
    """

    reads: int = 0
    withheld: int = 0
    refused: int = 0
    never_sent: int = 0
    sent: int = 0
    acknowledged: int = 0
    expired: int = 0
    dropped: int = 0
    discarded: int = 0


class _Counts:
    def __init__(self) -> None:
        self.reads = self.shared = self.refused = self.sent = self.acknowledged = 0
        self.expired = self.dropped = self.discarded = 0

    def tally(self) -> Tally:
        return Tally(
            reads=self.reads,
            withheld=self.reads - self.shared,
            refused=self.refused,
            never_sent=self.shared - self.refused - self.sent,
            sent=self.sent - self.acknowledged,
            acknowledged=self.acknowledged,
            expired=self.expired,
            dropped=self.dropped,
            discarded=self.discarded,
        )


class _Counting:
    """Takes entries in order; counts by subscriber id."""

    def __init__(self) -> None:
        self.counts: dict[str, _Counts] = {}
        self._names: dict[int, str] = {}
        self._patterns: dict[int, Pattern] = {}
        self._decided: dict[int, int] = {}

    def of(self, subscriber_id: str) -> _Counts:
        return self.counts.setdefault(subscriber_id, _Counts())

    def take(self, logged: Logged) -> None:
        match logged.entry:
            case Name(sort="subscriber", name=name):
                self._names[logged.position] = name
            case Pattern() as pattern:
                self._patterns[logged.position] = pattern
            case Read(pattern=position):
                self._decided[position] = self._decided.get(position, 0) + 1
            case Sent(reads=reads):
                self._add(reads, "sent")
            case Acknowledged(reads=reads):
                self._add(reads, "acknowledged")
            case Refused(pattern=position, sent=0):
                self.of(self._patterns[position].outcomes[0][0]).refused += 1
            case Expired(unsent=unsent, sent=sent):
                self._add((*unsent, *sent), "expired")
            case Dropped(unsent=unsent, sent=sent):
                self._add((*unsent, *sent), "dropped")
            case Discarded(unsent=unsent, sent=sent):
                self._add((*unsent, *sent), "discarded")

    def add_reads(self) -> None:
        """Once all entries are taken: how many reads there were of each pattern, for each of its subscribers."""
        for position, number in self._decided.items():
            for subscriber_id, effect, *_ in self._patterns[position].outcomes:
                self.of(subscriber_id).reads += number
                self.of(subscriber_id).shared += number if effect == Effect.SHARE else 0

    def _add(self, batches: Iterable[Runs], field: str) -> None:
        for batch in batches:
            found = self.of(self._names[batch[0]])
            setattr(found, field, getattr(found, field) + sum(batch[2::2]))


def tally(entries: Iterable[Logged], unlogged: Mapping[str, int]) -> dict[str, Tally]:
    """Counts by subscriber id. `unlogged`: acknowledgements not in the log yet. LedgerError if a reference is wrong."""
    counting = _Counting()
    try:
        for logged in entries:
            counting.take(logged)
        counting.add_reads()
    except (LookupError, ValueError) as error:
        raise LedgerError("the log refers to an entry that is not there; run `homerule audit verify` on it") from error
    for subscriber_id, number in unlogged.items():
        counting.of(subscriber_id).acknowledged += number
    return {subscriber_id: counts.tally() for subscriber_id, counts in sorted(counting.counts.items())}
