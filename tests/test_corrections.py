"""A correction through the pipeline: to those who hold what it replaces, and recorded as what it is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import tomlkit
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import desk, keys
from edge.audit.agencies import reads_received
from edge.audit.asked import Asked
from edge.audit.make import make
from edge.audit.page import render
from edge.audit.source import open_source
from edge.capture import Plain
from edge.delivery.envelope import Opened
from edge.delivery.wire import Kind
from edge.errors import LedgerError
from edge.ledger.entries import Read
from edge.ledger.verify import verify
from edge.pipeline import MOST_UNRECORDED, Outcome
from edge.policy.hotlists import NO_LISTS, gather
from edge.policy.vocabulary import Obligation
from edge.relay.door import decide_again, sorted_out, stands
from edge.values import Effect, Frame, PlateRead, Waiting
from tests.relay.house import COUNTY, INNOCENT, OWNER, STOLEN, TEXAS, House
from tests.test_pipeline import NOBODY_LISTENS, Doubtful, opted_out

MISREAD = "AB1Z345"
ANOTHER = keys.public_text(X25519PrivateKey.generate())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house", NOBODY_LISTENS)
    yield house
    house.close()


def hand_on(house: House, *reads: PlateRead) -> list[Outcome]:
    house.eyes.seen = list(reads)
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    return house.pipeline.step(Frame(camera_id="north", sequence=0, captured_at=house.clock.at, picture=Plain(pixels)))


def correction(house: House, first: Outcome, text: str) -> PlateRead:
    read = first.tagged.read
    return replace(read, read_id=house.clock.new_id(), replaces=read.read_id, text=text)


def messages(house: House, read_id: str) -> dict[str, Opened]:
    """What lies in the outbox of one read, opened by those whom it is for."""
    house.clock.move(1)
    opened = {}
    for row in house.ledger.due(house.clock.at, limit=999):
        name = row.envelope.subscriber_id
        if row.envelope.tags.read_id == read_id and name in house.sealing_keys:
            opened[name] = house.opened(row.envelope.payload, name)
    return opened


def kinds(house: House, outcome: Outcome) -> dict[str, Kind]:
    return {name: one.body.type for name, one in messages(house, outcome.tagged.read.read_id).items()}


def test_who_was_sent_a_read_is_sent_its_correction_and_what_it_replaces(house: House) -> None:
    first = house.passes(INNOCENT)
    (second,) = hand_on(house, correction(house, first, "QXK9271"))
    (opened,) = messages(house, second.tagged.read.read_id).values()
    assert opened.body.type is Kind.CORRECTION
    assert (opened.body.data.replaces, opened.body.data.plate) == (first.tagged.read.read_id, "QXK9271")


def test_a_hit_that_vanishes_is_withdrawn_without_the_new_plate(house: House) -> None:
    first = house.passes(STOLEN)
    (second,) = hand_on(house, correction(house, first, MISREAD))
    assert kinds(house, second) == {OWNER: Kind.CORRECTION, COUNTY: Kind.WITHDRAWAL, TEXAS: Kind.WITHDRAWAL}
    withdrawn = messages(house, second.tagged.read.read_id)[COUNTY].body
    assert MISREAD not in withdrawn.model_dump_json()
    assert withdrawn.data.replaces == first.tagged.read.read_id


def test_a_hit_that_vanishes_is_withdrawn_though_its_entry_has_run_out(house: House) -> None:
    def ends(table: tomlkit.TOMLDocument) -> None:
        table["entry"][0]["expires_at"] = house.clock.at + timedelta(seconds=5)

    house.edit("hotlists/county-stolen.toml", ends)
    house.take_up(signed=True)
    first = house.passes(STOLEN)
    house.clock.move(10)
    (second,) = hand_on(house, correction(house, first, MISREAD))
    assert kinds(house, second)[COUNTY] is Kind.WITHDRAWAL


@pytest.mark.parametrize(
    ("text", "told"), [(MISREAD, Kind.WITHDRAWAL), (STOLEN, Kind.CORRECTION)], ids=["no hit", "a hit still"]
)
@pytest.mark.parametrize("doubt", ["hold", "clock", "suspension"])
def test_who_has_a_read_hears_that_it_was_wrong_whatever_was_in_doubt_in_between(
    house: House, doubt: str, text: str, told: Kind
) -> None:
    first, bundle = house.passes(STOLEN), house.bundle
    for on in (True, False):
        if doubt == "hold":
            house.bundle = replace(bundle, held=on)
        elif doubt == "clock":
            house.clock.trusted = not on
        else:
            house.agency(TEXAS, suspended=on)
            house.take_up(signed=True)
        house.pipeline.record()  # it looks at what is in force
    (second,) = hand_on(house, correction(house, first, text))
    assert kinds(house, second) == {OWNER: Kind.CORRECTION, COUNTY: told, TEXAS: told}


def test_a_hit_that_appears_is_told_to_the_owner_only(house: House) -> None:
    first = house.passes(MISREAD)
    (second,) = hand_on(house, correction(house, first, STOLEN))
    assert kinds(house, second) == {OWNER: Kind.CORRECTION}
    reasons = {one.subscriber_id: one.reasons for one in second.decisions}
    assert reasons[COUNTY] == ("deny_correction",)


def test_who_lost_the_right_in_between_is_not_even_told_that_a_hit_was_none(house: House) -> None:
    first = house.passes(STOLEN)
    opted_out(house)
    (second,) = hand_on(house, correction(house, first, MISREAD))
    assert set(kinds(house, second)) == {OWNER, COUNTY}


def test_who_gained_a_right_in_between_is_not_sent_the_correction(house: House) -> None:
    opted_out(house)
    first = house.passes(STOLEN)
    desk.opt_in(house.policy, "national-lookup")
    house.take_up(signed=True)
    (second,) = hand_on(house, correction(house, first, STOLEN))
    assert TEXAS not in kinds(house, second)
    house.clock.move(3)
    assert TEXAS in {one.subscriber_id for one in house.passes(STOLEN).decisions if one.effect is Effect.SHARE}


def test_a_withdrawal_still_stands_at_the_door_and_falls_with_the_right(house: House) -> None:
    first = house.passes(STOLEN)
    (second,) = hand_on(house, correction(house, first, MISREAD))
    due = house.ledger.due(house.clock.move(1), limit=99)
    (row,) = [
        row
        for row in due
        if row.envelope.subscriber_id == TEXAS and row.envelope.tags.read_id == second.tagged.read.read_id
    ]
    now, before = house.clock.now(), {row.envelope.original}
    assert stands(row, decide_again(row, house.bundle, house.lists, now, before=before))
    opted_out(house)
    assert not stands(row, decide_again(row, house.bundle, house.lists, now, before=before))


def withdrawal(house: House) -> Waiting:
    """What waits for Texas: that the hit which it was sent was none."""
    first = house.passes(STOLEN)
    (second,) = hand_on(house, correction(house, first, MISREAD))
    rows = {row.envelope.message_id: row for row in house.ledger.due(house.clock.move(1), limit=99)}
    return rows[f"{second.tagged.read.read_id}.{TEXAS}"]


def goes(house: House, row: Waiting) -> bool:
    standing, falling = sorted_out([row], house.bundle, house.lists, house.clock.now(), {row.envelope.original or ""})
    assert len(standing + falling) <= 1
    return standing == [row]


def struck(house: House) -> None:
    house.edit("hotlists/county-stolen.toml", lambda table: table.update(entry=tomlkit.aot()))
    house.take_up(signed=True)


def unlisted(house: House) -> None:
    house.edit("policy.toml", lambda table: table.pop("hotlist"))
    house.take_up(signed=True)


def doubted(house: House) -> None:
    house.lists = gather((), {one.id: "not vouched for" for one in house.lists.lists})


def unread(house: House) -> None:
    house.lists = NO_LISTS


@pytest.mark.parametrize("change", [struck, unlisted, doubted, unread])
def test_that_a_hit_was_none_goes_whatever_has_become_of_its_list(
    house: House, change: Callable[[House], object]
) -> None:
    row = withdrawal(house)
    change(house)
    assert goes(house, row)
    assert not goes(house, replace(row, withdrawal=False))


def test_that_a_hit_was_none_goes_though_its_entry_has_run_out(house: House) -> None:
    row = withdrawal(house)
    (hit,), tags = row.envelope.tags.hits, row.envelope.tags
    over = replace(row.envelope, tags=replace(tags, hits=(replace(hit, expires_at=house.clock.at),)))
    assert goes(house, replace(row, envelope=over))
    assert not goes(house, replace(row, envelope=over, withdrawal=False))


def test_that_a_hit_was_none_goes_though_it_does_not_say_an_obligation_or_a_retention_that_is_new(house: House) -> None:
    row = withdrawal(house)
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=1))
    house.take_up()
    bound = replace(row, obligations=tuple(one for one in row.obligations if one != Obligation.NO_SALE))
    assert len(bound.obligations) < len(row.obligations)
    assert goes(house, bound)
    assert not goes(house, replace(bound, withdrawal=False))


def no_purpose(house: House) -> None:
    house.edit("policy.toml", lambda table: table["purposes"]["banned"].append("stolen_vehicle"))
    house.take_up()


RIGHTS: dict[str, Callable[[House], object]] = {
    "is suspended": lambda house: (house.agency(TEXAS, suspended=True), house.take_up()),
    "is on a channel that was closed": opted_out,
    "has another key": lambda house: (house.agency(TEXAS, sealing_key=ANOTHER), house.take_up(signed=True)),
    "may no longer be told the time": lambda house: (
        house.agency(TEXAS, redact=["coarse_time"]),
        house.take_up(signed=True),
    ),
    "has no purpose left": no_purpose,
}


@pytest.mark.parametrize("change", RIGHTS.values(), ids=RIGHTS)
def test_not_even_that_a_hit_was_none_goes_to_an_agency_that(house: House, change: Callable[[House], object]) -> None:
    row = withdrawal(house)
    change(house)
    assert not goes(house, row)


def test_the_log_names_the_read_that_is_corrected(house: House) -> None:
    first = house.passes(STOLEN)
    hand_on(house, correction(house, first, MISREAD))
    read, corrected = [one for one in house.ledger.entries() if isinstance(one.entry, Read)]
    assert corrected.entry.replaces == read.position
    assert not verify(house.folder / "ledger.sqlite", house.device_key.public_key()).faults


def test_the_log_and_the_report_tell_a_withdrawal_from_a_read_that_was_shared(house: House) -> None:
    first = house.passes(STOLEN)
    (second,) = hand_on(house, correction(house, first, MISREAD))
    told = [{one.subscriber_id: one.reasons for one in outcome.decisions}[COUNTY] for outcome in (first, second)]
    assert told == [("allow_in_state",), ("allow_in_state", "allow_withdrawal")]
    house.clock.move(1)
    for _ in (first, second):  # a correction goes when its original has
        house.ledger.mark_sent([row for row in house.ledger.due(house.clock.at, limit=99) if row.sent_at is None])
    with open_source(house.folder / "ledger.sqlite") as source:
        report = make(source, Asked(), made_at=house.clock.at)
    agencies = {one.subscriber: one for one in report.agencies}
    left = {name: (agencies[name].counts.left, reads_received(agencies[name])) for name in (OWNER, COUNTY)}
    assert left == {OWNER: (2, 2), COUNTY: (2, 1)}
    assert "only took a hit back" in render(report)
    assert not verify(house.folder / "ledger.sqlite", house.device_key.public_key()).faults


def test_a_read_and_its_correction_may_be_recorded_together(house: House) -> None:
    doubtful = Doubtful(house)
    doubtful.fails, doubtful.happened = [LedgerError("the disk failed")], False
    house.pipeline._ledger = doubtful
    with pytest.raises(LedgerError):
        house.passes(STOLEN)
    (waiting,) = house.pipeline._unrecorded
    late = replace(waiting, read_id=house.clock.new_id(), replaces=waiting.read_id, text=MISREAD)
    first, second = hand_on(house, late)
    assert second.tagged.tags.replaces == first.tagged.tags.read_id
    assert kinds(house, second) == {OWNER: Kind.CORRECTION, COUNTY: Kind.WITHDRAWAL, TEXAS: Kind.WITHDRAWAL}


def test_a_correction_decided_again_under_another_bundle_is_still_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, record, left = house.passes(STOLEN), house.ledger.record_many, [1]

    def later(reads):
        if left and left.pop():
            opted_out(house)
        return record(reads)

    monkeypatch.setattr(house.ledger, "record_many", later)
    (second,) = hand_on(house, correction(house, first, MISREAD))
    assert kinds(house, second) == {OWNER: Kind.CORRECTION, COUNTY: Kind.WITHDRAWAL}


def test_the_correction_of_a_read_that_was_lost_is_a_first_read(house: House) -> None:
    doubtful = Doubtful(house)
    doubtful.fails, doubtful.happened = [LedgerError("the disk failed")] * 1000, False
    house.pipeline._ledger = doubtful
    with pytest.raises(LedgerError):
        house.passes(MISREAD)
    lost = house.pipeline._unrecorded[0]
    for _ in range(MOST_UNRECORDED):
        with pytest.raises(LedgerError):
            house.passes(INNOCENT)
    doubtful.fails = []
    house.pipeline.record()
    later = lost.best_seen + timedelta(seconds=1)
    late = replace(lost, read_id=house.clock.new_id(), replaces=lost.read_id, text=STOLEN, last_seen=later)
    (outcome,) = hand_on(house, late)
    assert outcome.tagged.tags.replaces is None
    assert set(kinds(house, outcome).values()) == {Kind.READ}
    assert {OWNER, COUNTY, TEXAS} <= {one.subscriber_id for one in outcome.decisions if one.effect is Effect.SHARE}
