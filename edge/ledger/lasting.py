"""PURE: what of the log before a cut must stay readable, so that what comes after it can be understood.

Kept are the ledger's own entry, names, what the city decided and when, the last word of the hot lists in force, and
whatever a later entry refers to.
"""

from collections.abc import Iterable, Iterator
from typing import get_args

from edge.ledger.batches import Runs
from edge.ledger.codec import decode
from edge.ledger.deviceentries import (
    BundleAccepted,
    BundleRefused,
    Exported,
    Held,
    HoldEnded,
    HotListsInForce,
    Pinned,
    Pruned,
    Start,
    SubscriberChanged,
    Switch,
    Tightened,
)
from edge.ledger.entries import (
    Acknowledged,
    AcknowledgementRefused,
    Begun,
    Discarded,
    Dropped,
    Entry,
    Expired,
    Known,
    Name,
    Read,
    Refused,
    Sent,
    SentAgain,
    SentToAll,
)

_LASTING = (
    Begun, Name, BundleAccepted, BundleRefused, Tightened, Switch, SubscriberChanged, Pinned, Held, HoldEnded, Exported,
    Pruned
)  # fmt: skip
_STARTS = tuple(f'["{kind.kind}",'.encode() for kind in _LASTING)
_OF_HOTLISTS = tuple(f'["{kind.kind}",'.encode() for kind in (HotListsInForce, Start))
_REFERRING = (
    Read, Sent, SentToAll, SentAgain, Acknowledged, AcknowledgementRefused, Refused, Expired, Dropped, Discarded
)  # fmt: skip
_PLAIN = tuple(f'["{kind.kind}",'.encode() for kind in get_args(Known) if kind not in _REFERRING)


def lasting(entries: Iterable[tuple[int, bytes]], before: int) -> list[tuple[int, bytes]]:
    """Those of some entries, given as position and canonical bytes, that stay in any case, ascending.

    One of them says which hot lists are in force `before` the cut; if a start was the last word on it, that none is.
    """
    kept: dict[int, bytes] = {}
    word: tuple[int, bytes] | None = None
    for position, raw in entries:
        if raw.startswith(_STARTS):
            kept[position] = raw
        elif position < before and raw.startswith(_OF_HOTLISTS):
            word = position, raw
    return sorted([*kept.items(), *([word] if word is not None else [])])


def referred(position: int, raw: bytes, before: int) -> Iterator[int]:
    """The positions below `before` that the entry at `position` names, apart from names. LedgerError if it is none."""
    if not raw.startswith(_PLAIN):
        yield from (named for named in _named(position, decode(raw)[1], before) if named < before)


def _named(position: int, entry: Entry, before: int) -> Iterator[int]:
    match entry:
        case SentToAll(back=back, count=count):
            yield from range(position - back, min(position - back + count, before))
        case Read(pattern=pattern, replaces=replaces):
            yield pattern
            if replaces:
                yield replaces
        case Refused(pattern=pattern, read=read):
            yield pattern
            yield read
        case AcknowledgementRefused(read=read):
            yield read
        case Sent(reads=reads) | SentAgain(reads=reads) | Acknowledged(reads=reads):
            yield from _first(reads, before)
        case (
            Expired(unsent=unsent, sent=sent) | Dropped(unsent=unsent, sent=sent) | Discarded(unsent=unsent, sent=sent)
        ):
            yield from _first((*unsent, *sent), before)


def _first(batches: tuple[Runs, ...], before: int) -> Iterator[int]:
    for batch in batches:
        for first, count in zip(batch[1::2], batch[2::2], strict=True):
            yield from range(first, min(first + count, before))
