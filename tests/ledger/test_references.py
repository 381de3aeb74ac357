"""A log in which an entry does not follow from those before it is refused, even when every byte and hash is right."""

from dataclasses import replace

import pytest

from edge.errors import LedgerError
from edge.ledger.entries import (
    Acknowledged,
    AcknowledgementRefused,
    Begun,
    BundleAccepted,
    Discarded,
    Dropped,
    Entry,
    Expired,
    Name,
    Pattern,
    Read,
    Refused,
    Sent,
    SentAgain,
    SentToAll,
)
from edge.ledger.references import References

BEGUN = Begun(version=1, ledger_id="L", device="d", public_key="", mode="production")
BUNDLE = BundleAccepted(digest="ab", version=1, revision=0, signed=1, signature="", files=())
SHARED, WITHHELD = ("a-pd", "share", "direct", (), ()), ("b-pd", "withhold", "", (), ())
READ = Read(read_id="r", camera=2, pattern=4, age=0, replaces=0, payloads="")
# 0 ledger, 1 bundle, 2 camera, 3 a-pd, 4 pattern, 5 and 6 reads, 7 b-pd, 8 one decision
BASE: list[Entry] = [
    BEGUN,
    BUNDLE,
    Name(sort="camera", name="north-1"),
    Name(sort="subscriber", name="a-pd"),
    Pattern(bundle="ab", outcomes=(SHARED, WITHHELD)),
    READ,
    READ,
    Name(sort="subscriber", name="b-pd"),
    Pattern(bundle="ab", outcomes=(("a-pd", "withhold", "", (), ()),)),
]
FIRST = ((3, 5, 1),)


def check(*entries: Entry) -> None:
    references = References()
    for entry in entries:
        references.check(entry)


@pytest.mark.parametrize(
    "rest",
    [
        [Sent(reads=((3, 5, 2),)), SentAgain(reads=FIRST), Acknowledged(reads=((3, 5, 2),))],
        [Sent(reads=FIRST), Expired(unsent=((3, 6, 1),), sent=FIRST), Acknowledged(reads=FIRST)],
        [Dropped(reasons=("x",), unsent=((3, 5, 2),), sent=())],
        [SentToAll(back=4, count=2), SentAgain(reads=FIRST), Acknowledged(reads=((3, 5, 2),))],
        [Sent(reads=FIRST), AcknowledgementRefused(subscriber=3, read=5), Refused(pattern=8, read=5, sent=1)],
    ],
)
def test_what_can_happen_is_taken(rest: list[Entry]) -> None:
    check(*BASE, *rest)


@pytest.mark.parametrize(
    "rest",
    [
        [BEGUN],
        [READ, Read(read_id="r", camera=3, pattern=4, age=0, replaces=0, payloads="")],
        [Read(read_id="r", camera=2, pattern=9, age=0, replaces=0, payloads="")],
        [Read(read_id="r", camera=2, pattern=4, age=0, replaces=4, payloads="")],
        [replace(BUNDLE, digest="cd"), READ],
        [Pattern(bundle="unknown", outcomes=(SHARED,))],
        [Pattern(bundle="ab", outcomes=(WITHHELD, SHARED))],
        [Pattern(bundle="ab", outcomes=(SHARED, SHARED))],
        [Sent(reads=((7, 5, 1),))],
        [Sent(reads=((2, 5, 1),))],
        [Sent(reads=((3, 4, 1),))],
        [Sent(reads=((3, 5, 10**9),))],
        [Sent(reads=((3, 6, 1, 5, 1),))],
        [Sent(reads=((3, 5, 0),))],
        [Sent(reads=((3, 5),))],
        [Sent(reads=((),))],
        [Sent(reads=FIRST), Sent(reads=FIRST)],
        [SentToAll(back=5, count=1)],
        [SentToAll(back=4, count=3)],
        [SentToAll(back=0, count=1)],
        [SentToAll(back=4, count=0)],
        [SentToAll(back=4, count=5)],
        [SentToAll(back=10, count=1)],
        [SentToAll(back=4, count=1), SentToAll(back=5, count=1)],
        [SentToAll(back=4, count=1), Sent(reads=FIRST)],
        [Expired(unsent=FIRST, sent=()), SentToAll(back=5, count=1)],
        [SentAgain(reads=FIRST)],
        [Acknowledged(reads=FIRST)],
        [Sent(reads=FIRST), Acknowledged(reads=FIRST), Acknowledged(reads=FIRST)],
        [AcknowledgementRefused(subscriber=3, read=5)],
        [Expired(unsent=FIRST, sent=()), Sent(reads=FIRST)],
        [Sent(reads=FIRST), Expired(unsent=(), sent=FIRST), SentAgain(reads=FIRST)],
        [Expired(unsent=FIRST, sent=()), Dropped(reasons=(), unsent=FIRST, sent=())],
        [Sent(reads=FIRST), Expired(unsent=FIRST, sent=())],
        [Expired(unsent=(), sent=FIRST)],
        [Discarded(limit="age", unsent=FIRST, sent=()), Sent(reads=FIRST)],
        [Discarded(limit="age", unsent=(), sent=FIRST)],
        [Refused(pattern=4, read=5, sent=0)],
        [Refused(pattern=8, read=5, sent=1)],
        [Sent(reads=FIRST), Refused(pattern=8, read=5, sent=0)],
        [Refused(pattern=8, read=5, sent=0), Refused(pattern=8, read=5, sent=0)],
    ],
    ids=range(41),
)
def test_what_cannot_happen_is_refused_at_the_entry_that_says_it(rest: list[Entry]) -> None:
    check(*BASE, *rest[:-1])
    with pytest.raises(LedgerError):
        check(*BASE, *rest)


def test_a_log_that_begins_with_something_else_is_refused() -> None:
    with pytest.raises(LedgerError, match="does not begin"):
        check(*BASE[1:])
