"""The oracle itself: each thing that may not be, planted into an innocent run, is found; the innocent run is not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.ledger.entries import Acknowledged, Dropped, Entry, Logged, Name, Pattern, Read, Sent
from tests.leak.agencies import Receipt
from tests.leak.oracle import Line, Mark, Oracle, Window, account, heard

FAR, NEAR = "far-so", "near-pd"
TOPICS = {name: f"homerule/v1/pole/to/{name}/read" for name in (FAR, NEAR)}
BOTH = Pattern(bundle="b", outcomes=tuple((name, "share", "c", (), ()) for name in (FAR, NEAR)))
ONE = Pattern(bundle="b", outcomes=((FAR, "withhold", "", ("r",), ()), (NEAR, "share", "c", (), ())))


def read(name: str, pattern: int) -> Read:
    return Read(read_id=name, camera=2, pattern=pattern, age=0, replaces=0, payloads="")


ENTRIES: list[Entry] = [
    Name(sort="subscriber", name=FAR),  # 0
    Name(sort="subscriber", name=NEAR),
    Name(sort="camera", name="north"),
    BOTH,  # 3
    ONE,
    read("r1", 3),  # 5
    Sent(reads=((0, 5, 1), (1, 5, 1))),
    read("r2", 3),  # 7
    Dropped(reasons=("r",), unsent=((0, 7, 1),), sent=()),
    read("r3", 4),  # 9
    Sent(reads=((1, 7, 1, 9, 1),)),
    read("r4", 3),  # 11
    Sent(reads=((0, 11, 1), (1, 11, 1))),
    Acknowledged(reads=((1, 5, 1),)),
]


def got(message: str, at: float, *, life: int = 1, topic: str | None = None) -> Receipt:
    name = message.partition(".")[2]
    return Receipt(at=at, life=life, topic=topic or TOPICS[name], payload=message.encode(), message_id=message)


def innocent() -> Oracle:
    shut = Mark(at=10.0, entries=9, log=100, lives={FAR: 1, NEAR: 1})
    opened = Mark(at=20.0, entries=11, log=200, lives={FAR: 2, NEAR: 1})
    return Oracle(
        device="pole",
        topics=TOPICS,
        account=account([Logged(position=at, at=0, entry=entry) for at, entry in enumerate(ENTRIES)]),
        log=[line(50, FAR), line(50, NEAR), line(150, NEAR), line(250, FAR)],
        receipts={
            FAR: (got(f"r1.{FAR}", 5.0), got(f"r4.{FAR}", 25.0, life=3)),
            NEAR: tuple(got(f"r{n}.{NEAR}", 5.0 * n) for n in (1, 2, 3, 4)),
        },
        windows=(Window(names=frozenset({FAR}), shut=shut, opened=opened),),
        complete=frozenset({FAR, NEAR}),
    )


def line(offset: int, name: str, *, out: bool = True, client: str | None = None, retained: bool = False) -> Line:
    return Line(offset=offset, out=out, client=client or name, topic=TOPICS[name], retained=retained)


def test_an_innocent_run_is_innocent() -> None:
    assert innocent().findings() == []


def more(name: str, *receipts: Receipt) -> Callable[[Oracle], Oracle]:
    return lambda one: replace(one, receipts={**one.receipts, name: (*one.receipts[name], *receipts)})


def said(*lines: Line) -> Callable[[Oracle], Oracle]:
    return lambda one: replace(one, log=[*one.log, *lines])


def wrote(*entries: Entry) -> Callable[[Oracle], Oracle]:
    def change(one: Oracle) -> Oracle:
        whole = [*ENTRIES[:9], *entries, *ENTRIES[9:]]
        logged = [Logged(position=at, at=0, entry=entry) for at, entry in enumerate(whole[: 9 + len(entries)])]
        return replace(one, account=account(logged), receipts={FAR: (), NEAR: ()}, complete=frozenset())

    return change


GUILTY: dict[str, tuple[Callable[[Oracle], Oracle], str]] = {
    "the broker sends after the answer": (said(line(150, FAR)), "the broker sent it a message after"),
    "the device publishes after the answer": (said(line(150, FAR, out=False)), "the device published for it after"),
    "the broker sends it to another": (said(line(50, FAR, client=NEAR)), f"sent a message of {FAR} to {NEAR}"),
    "retained": (said(line(50, NEAR, retained=True)), "retained"),
    "old, on a new connection": (more(FAR, got(f"r1.{FAR}", 15.0, life=2)), "came on a connection made after"),
    "old, with the new right": (more(FAR, got(f"r1.{FAR}", 26.0, life=3)), "came on a connection made after"),
    "never decided": (more(FAR, got(f"r3.{FAR}", 15.0)), "was never decided for it"),
    "never sent": (more(FAR, got(f"r2.{FAR}", 5.0)), "left without a word in the ledger"),
    "another's": (more(FAR, replace(got(f"r1.{FAR}", 5.0), topic=TOPICS[NEAR])), "is not its own"),
    "sealed to another": (more(FAR, replace(got(f"r1.{FAR}", 5.0), message_id="")), "is not its own"),
    "labelled": (more(NEAR, replace(got(f"r1.{NEAR}", 30.0), labels=1)), "bears a user property"),
    "out of order": (more(NEAR, got(f"r1.{NEAR}", 30.0)), ""),
    "twice, and not the same": (
        more(NEAR, replace(got(f"r1.{NEAR}", 30.0), payload=b"other")),
        "came twice with different bytes",
    ),
    "decided while shut out": (wrote(read("r9", 3)), "was decided for it while it was shut out"),
    "marked as sent while shut out": (wrote(Sent(reads=((0, 7, 1),))), "was marked as sent while it was shut out"),
    "lost": (
        lambda one: replace(one, receipts={**one.receipts, NEAR: one.receipts[NEAR][:-1]}),
        "was allowed and never arrived",
    ),
}


@pytest.mark.parametrize(("plant", "words"), list(GUILTY.values()), ids=list(GUILTY))
def test_what_is_planted_is_found(plant: Callable[[Oracle], Oracle], words: str) -> None:
    findings = plant(innocent()).findings()
    if words:
        assert any(words in one for one in findings), findings
    else:
        assert findings == []  # the same once more, with the same bytes, is no fault


def test_a_later_message_that_comes_first_is_found() -> None:
    one = innocent()
    turned = replace(one, receipts={**one.receipts, NEAR: one.receipts[NEAR][::-1]})
    assert any("came after a later one" in each for each in turned.findings())


def test_before_the_broker_is_done_only_the_device_is_bound() -> None:
    one = said(line(150, FAR))(innocent())
    untold = replace(one, windows=tuple(replace(each, told=False) for each in one.windows))
    assert untold.findings() == []
    published = said(line(150, FAR, out=False))(untold)
    assert published.findings() != []


def test_the_brokers_own_words_are_understood() -> None:
    log = (
        b"1700000000: Received PUBLISH from elm-street-1 (d0, q1, r0, m1, 'homerule/v1/elm-street-1/to/far-so/read', "
        b"... (4321 bytes))\n"
        b"1700000000: Sending PUBLISH to far-so (d1, q1, r1, m7, 'homerule/v1/elm-street-1/to/far-so/read', "
        b"... (4321 bytes))\n"
    )
    came, went = heard(log)
    assert (came.out, came.client, came.retained) == (False, "elm-street-1", False)
    assert (went.out, went.client, went.retained) == (True, "far-so", True)
    assert went.offset > came.offset
    assert went.topic == "homerule/v1/elm-street-1/to/far-so/read"
