"""PURE: what became of every read for every subscriber, counted from the log.

withheld + refused at the door + never sent + sent + acknowledged = reads, for each subscriber, in every report.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edge.errors import LedgerError
from edge.ledger.entries import Acknowledged, Dropped, Expired, Logged, Name, Pattern, Read, Refused, Runs, Sent
from edge.values import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of reads for one subscriber; each read is in exactly one of the five groups from `withheld` on.

    Of never sent and sent, `expired` were deleted at the end of their time, `dropped` when a right was taken away.
    """

    reads: int = 0
    withheld: int = 0
    refused: int = 0
    never_sent: int = 0
    sent: int = 0
    acknowledged: int = 0
    expired: int = 0
    dropped: int = 0


class _Counts:
    def __init__(self) -> None:
        self.reads = self.shared = self.refused = self.sent = self.acknowledged = self.expired = self.dropped = 0

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
        )


def tally(entries: Iterable[Logged], unlogged: Mapping[str, int]) -> dict[str, Tally]:
    """Counts by subscriber id. `unlogged`: acknowledgements not in the log yet. LedgerError if a reference is wrong."""
    counts: dict[str, _Counts] = {}
    names: dict[int, str] = {}
    patterns: dict[int, Pattern] = {}
    decided: dict[int, int] = {}

    def of(subscriber_id: str) -> _Counts:
        return counts.setdefault(subscriber_id, _Counts())

    def add(batches: Iterable[Runs], *fields: str) -> None:
        for batch in batches:
            found = of(names[batch[0]])
            for field in fields:
                setattr(found, field, getattr(found, field) + sum(batch[2::2]))

    try:
        for logged in entries:
            match logged.entry:
                case Name(sort="subscriber", name=name):
                    names[logged.position] = name
                case Pattern() as pattern:
                    patterns[logged.position] = pattern
                case Read(pattern=position):
                    decided[position] = decided.get(position, 0) + 1
                case Sent(reads=reads):
                    add(reads, "sent")
                case Acknowledged(reads=reads):
                    add(reads, "acknowledged")
                case Refused(pattern=position, sent=0):
                    of(patterns[position].outcomes[0][0]).refused += 1
                case Expired(unsent=unsent, sent=sent):
                    add((*unsent, *sent), "expired")
                case Dropped(unsent=unsent, sent=sent):
                    add((*unsent, *sent), "dropped")
        for position, number in decided.items():
            for subscriber_id, effect, *_ in patterns[position].outcomes:
                of(subscriber_id).reads += number
                of(subscriber_id).shared += number if effect == Effect.SHARE else 0
    except (LookupError, ValueError) as error:
        raise LedgerError("the log refers to an entry that is not there; run `homerule audit verify` on it") from error
    for subscriber_id, number in unlogged.items():
        of(subscriber_id).acknowledged += number
    return {subscriber_id: counts[subscriber_id].tally() for subscriber_id in sorted(counts)}
