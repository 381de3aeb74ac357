"""Entries have exactly one byte string, and it lasts."""

import string
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import LedgerError
from edge.ledger.batches import Runs, positions, runs
from edge.ledger.codec import decode, encode
from edge.ledger.entries import (
    Acknowledged,
    Alarm,
    AlarmEnded,
    Begun,
    BundleAccepted,
    ClockTrusted,
    Discarded,
    Dropped,
    Entry,
    Expired,
    Gap,
    Granted,
    GrantFailed,
    Held,
    HoldEnded,
    HotListsInForce,
    Known,
    Name,
    Opaque,
    Pattern,
    Pinned,
    Read,
    Refused,
    RevocationFailed,
    RightsApplied,
    Sent,
    SentAgain,
    SentToAll,
    Switch,
)
from edge.policy.policy import HIGHEST

AT = 1_795_435_200_000
numbers = st.integers(-HIGHEST, HIGHEST)
places = st.lists(st.integers(0, 300), min_size=1, unique=True)
batches = st.dictionaries(st.integers(0, 9), places).map(
    lambda found: tuple(runs(name, found[name]) for name in sorted(found))
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    if hint is int:
        return numbers
    if hint is str:
        return st.text(max_size=8)
    if hint == tuple[Runs, ...]:
        return batches
    parts = get_args(hint)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=3).map(tuple)
    return st.tuples(*(values(part) for part in parts))


def any_entry() -> st.SearchStrategy[Entry]:
    def of(maker: Any) -> st.SearchStrategy[Entry]:
        hints = get_type_hints(maker)
        return st.builds(maker, **{field.name: values(hints[field.name]) for field in fields(maker)})

    return st.one_of([of(maker) for maker in get_args(Known)])


def test_the_highest_number_fits_and_the_next_one_does_not() -> None:
    def named(version: int) -> bytes:
        return encode(HotListsInForce(lists=(("county", version, "ab" * 32),)), AT)

    assert decode(named(HIGHEST))[1] == HotListsInForce(lists=(("county", HIGHEST, "ab" * 32),))
    with pytest.raises(LedgerError, match="beyond 53 bits"):
        named(HIGHEST + 1)


@given(any_entry(), numbers)
def test_an_entry_comes_back_from_its_bytes(entry: Entry, at: int) -> None:
    assert decode(encode(entry, at)) == (at, entry)


@given(st.from_regex(r"[A-Za-z0-9_.-]*", fullmatch=True), numbers, numbers, numbers)
def test_the_usual_entries_come_back_from_their_bytes(word: str, one: int, other: int, at: int) -> None:
    read = Read(read_id=word, camera=one, pattern=other, age=one, replaces=other, payloads=word)
    for entry in (read, SentToAll(back=one, count=other)):
        assert decode(encode(entry, at)) == (at, entry)


@given(st.lists(st.integers(1, 500), unique=True))
def test_runs_name_the_positions_they_were_made_of(reads: list[int]) -> None:
    assert list(positions(runs(4, reads))) == sorted(reads)


LASTING = [
    (
        Begun(version=1, ledger_id="L1", device="pole-7", public_key="AAA=", mode="production"),
        b'["ledger",1795435200000,1,"L1","pole-7","AAA=","production"]',
    ),
    (Name(sort="camera", name="north-1"), b'["name",1795435200000,"camera","north-1"]'),
    (
        Pattern(
            bundle="ab12",
            outcomes=(("owner", "share", "direct", ("owner",), ("no_onward",)), ("x", "withhold", "", (), ())),
        ),
        b'["pattern",1795435200000,"ab12",[["owner","share","direct",["owner"],["no_onward"]],["x","withhold","",[],[]]]]',
    ),
    (
        Read(read_id="AAAAAAAAAAAAAAAAAAAAAA", camera=2, pattern=3, age=140, replaces=0, payloads="q1w2"),
        b'["read",1795435200000,"AAAAAAAAAAAAAAAAAAAAAA",2,3,140,0,"q1w2"]',
    ),
    (Sent(reads=((5, 10, 3), (6, 10, 1, 12, 1))), b'["sent.2",1795435200000,[[[5],10,3],[[6],10,1,1,1]]]'),
    (SentToAll(back=4, count=3), b'["out",1795435200000,4,3]'),
    (SentAgain(reads=((5, 10, 3),)), b'["sent-again.2",1795435200000,[[[5],10,3]]]'),
    (Acknowledged(reads=((5, 0, 3, 7, 1), (6, 0, 3, 7, 1))), b'["ack.2",1795435200000,[[[5,6],0,3,4,1]]]'),
    (Refused(pattern=9, read=10, sent=1), b'["refused",1795435200000,9,10,1]'),
    (Expired(unsent=((5, 10, 3),), sent=()), b'["expired.2",1795435200000,[[[5],10,3]],[]]'),
    (Dropped(reasons=("opted_out",), unsent=(), sent=()), b'["dropped.2",1795435200000,["opted_out"],[],[]]'),
    (Discarded(limit="age", unsent=((5, 10, 3),), sent=()), b'["discarded.2",1795435200000,"age",[[[5],10,3]],[]]'),
    (Pinned(key="AAA="), b'["pinned",1795435200000,"AAA="]'),
    (Held(why="policy.toml is missing"), b'["held",1795435200000,"policy.toml is missing"]'),
    (HoldEnded(), b'["hold-ended",1795435200000]'),
    (Granted(subscriber="x", steps=(("purge", 2),)), b'["granted",1795435200000,"x",[["purge",2]]]'),
    (GrantFailed(subscriber="x", step="role"), b'["grant-failed",1795435200000,"x","role"]'),
    (RevocationFailed(subscriber="x", step="role"), b'["revocation-failed",1795435200000,"x","role"]'),
    (RightsApplied(granted=3, took=12), b'["rights-applied",1795435200000,3,12]'),
    (ClockTrusted(trusted=1, source="chrony"), b'["clock-trust",1795435200000,1,"chrony"]'),
    (Alarm(what="floor", why="it is lower"), b'["alarm",1795435200000,"floor","it is lower"]'),
    (AlarmEnded(what="floor"), b'["alarm-ended",1795435200000,"floor"]'),
    (
        BundleAccepted(digest="ab", version=3, revision=1, signed=0, signature="", files=(("policy.toml", "cd"),)),
        b'["bundle",1795435200000,"ab",3,1,0,"",[["policy.toml","cd"]]]',
    ),
    (
        HotListsInForce(lists=(("county-stolen", 0, "ab"), ("metro", 7, "cd"))),
        b'["hotlists",1795435200000,[["county-stolen",0,"ab"],["metro",7,"cd"]]]',
    ),
    (
        Switch(switch="national_lookup", before="true", after="false", by="clerk"),
        b'["switch",1795435200000,"national_lookup","true","false","clerk"]',
    ),
    (
        Gap(what="north-1", began=1, ended=2, why="Stra\u00dfe\n\u007f"),
        '["gap",1795435200000,"north-1",1,2,"Stra\u00dfe\\n\u007f"]'.encode(),
    ),
]


@pytest.mark.parametrize(("entry", "raw"), LASTING, ids=lambda value: getattr(value, "kind", ""))
def test_the_bytes_of_an_entry_last(entry: Entry, raw: bytes) -> None:
    assert encode(entry, AT) == raw


@pytest.mark.parametrize(
    ("entry", "raw"),
    [
        (Sent(reads=((6, 10, 3), (5, 10, 1, 12, 1))), b'["sent",1795435200000,[[6,10,3],[5,10,1,12,1]]]'),
        (SentAgain(reads=((5, 10, 3),)), b'["sent-again",1795435200000,[[5,10,3]]]'),
        (Acknowledged(reads=((5, 10, 3),)), b'["ack",1795435200000,[[5,10,3]]]'),
        (Expired(unsent=((5, 10, 3),), sent=()), b'["expired",1795435200000,[[5,10,3]],[]]'),
        (Dropped(reasons=("opted_out",), unsent=(), sent=()), b'["dropped",1795435200000,["opted_out"],[],[]]'),
        (Discarded(limit="age", unsent=((5, 10, 3),), sent=()), b'["discarded",1795435200000,"age",[[5,10,3]],[]]'),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_what_version_1_wrote_is_read_as_it_was_meant(entry: Entry, raw: bytes) -> None:
    assert decode(raw) == (AT, entry)


@pytest.mark.parametrize(
    "reads", [((6, 10, 3), (5, 10, 3)), ((5, 10, 3), (5, 20, 1)), ((5, 10, 3, 13, 1),), ((5, 10, 0),), ((5,),)]
)
def test_a_batch_that_has_no_one_form_cannot_be_written(reads: tuple[Runs, ...]) -> None:
    with pytest.raises(LedgerError, match="an entry cannot name"):
        encode(Sent(reads=reads), AT)


def test_an_unknown_kind_is_kept_as_it_is() -> None:
    raw = b'["from-the-future",1795435200000,[1,["a"]],"b"]'
    assert decode(raw) == (AT, Opaque(kind="from-the-future", fields=((1, ("a",)), "b")))
    assert encode(decode(raw)[1], AT) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'"stop"',
        b'["stop"]',
        b'["stop",1.0,"x"]',
        b'["stop",true,"x"]',
        b'["stop",1,null]',
        b'["stop",1,"x","y"]',
        b'["stop",1]',
        b'["stop", 1,"x"]',
        b'["stop",1,"\\u0041"]',
        b'["stop",01,"x"]',
        b'["stop",1,"x"] ',
        b'["stop",-0,"x"]',
        b'["stop",1,"\xff"]',
        b'["stop",1,"\\ud800"]',
        b'["stop",9007199254740992,"x"]',
        b'["future",1,1.5]',
        b'["future",1,NaN]',
        b'["future",1,{"a":1}]',
        b'["read",1,"id",2,3,4,0]',
        b'["sent",1,[[1,"2",3]]]',
        b'["out",1,1]',
        b'["out",1,01,1]',
        b'["out",1,-0,1]',
        b'["out",1,9007199254740992,1]',
        b'["out",1,1,1]\n',
        b'["read",01,"id",2,3,4,0,""]',
        b'["read",1,"id",2,3,-0,0,""]',
        b'["read",1,"id",2,3,4,0,""] ',
        b'["sent.2",1,[[1,2,3]]]',
        b'["sent.2",1,[[[1],2,"3"]]]',
        b'["sent.2",1,[[[1,1],2,3]]]',
        b'["sent.2",1,[[[2,1],2,3]]]',
        b'["sent.2",1,[[[2],2,3],[[1],2,4]]]',
        b'["sent.2",1,[[[1],2,3],[[2],2,3]]]',
        b'["sent.2",1,[[[1],2,3,0,1]]]',
        b'["sent.2",1,[[[1],2,0]]]',
        b'["sent.2",1,[[[1],2,3,1]]]',
        b'["sent.2",1,[[[1],-2,3]]]',
        b'["sent.2",1,[[[1]]]]',
        b'["sent.2",1,[[[true],2,3]]]',
        b'["sent.2",1,"ab"]',
        b'["sent.2",1,7]',
        b'["name",1,"camera",7]',
        b"[" * 100_000,
    ],
    ids=range(47),
)
def test_bytes_that_are_not_the_one_form_of_an_entry_are_refused(raw: bytes) -> None:
    with pytest.raises(LedgerError):
        decode(raw)


def test_an_entry_with_half_a_character_cannot_be_written() -> None:
    with pytest.raises(LedgerError, match="not valid unicode"):
        encode(Name(sort="camera", name="\ud800"), AT)


def test_every_kind_has_its_own_name() -> None:
    kinds = [maker.kind for maker in get_args(Known)]
    assert len(set(kinds)) == len(kinds)
    assert all(set(kind) <= set(string.ascii_lowercase + "-") for kind in kinds)
