"""Reads arrive in their order, nobody waits for a slow, absent or forbidden neighbour, and what is over is gone."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge import desk
from edge.delivery.topics import read_topic
from edge.errors import LedgerError
from edge.ledger.entries import Discarded, Dropped, Expired, SentAgain
from edge.ledger.outbox import WINDOW
from edge.relay.tidy import Limits
from edge.values import Instant
from tests.broker import Mosquitto, mosquitto, wait_until
from tests.relay.house import COUNTY, DEVICE, INNOCENT, OWNER, STOLEN, TEXAS, Agency, House, agency, house

__all__ = ["agency", "house", "mosquitto"]


def entries(house: House, kind: type) -> list:
    return [logged.entry for logged in house.ledger.entries() if isinstance(logged.entry, kind)]


def numbered(house: House, count: int, *, first: int = 0) -> list[str]:
    """So many vehicles go by; gives their plates."""
    plates = [f"QXK{number:04}" for number in range(first, first + count)]
    for plate in plates:
        house.passes(plate)
    return plates


def in_no_time(house: House, agency: Agency, count: int) -> None:
    """The agency gets so many reads while the clock stands still: nobody was waited for."""

    def work() -> bool:
        house.relay.step()
        agency.receiver.step(patience=0.01)
        return len(agency.plates()) == count

    wait_until(work, what=f"{count} reads have arrived", within=60)


@contextmanager
def forbidden(folder: Path, name: str) -> Iterator[Mosquitto]:
    """A broker that lets nobody publish to one agency."""
    rights = folder / "rights"
    rights.write_text(f"topic readwrite #\ntopic deny {read_topic(DEVICE, name, test=False)}\n")
    broker = Mosquitto(folder, f"listener {{port}} 127.0.0.1\nallow_anonymous true\nacl_file {rights}\n")
    broker.start()
    yield broker
    broker.kill()


def test_a_subscriber_that_never_acknowledges_keeps_nobody_waiting(
    house: House, agency: Callable[[str], Agency]
) -> None:
    owner, _silent = agency(OWNER), agency(COUNTY)
    for _ in range(3 * WINDOW):
        house.passes(STOLEN)
    in_no_time(house, owner, 3 * WINDOW)
    assert house.tally()[COUNTY]["sent"] == WINDOW


def test_a_subscriber_whose_topic_is_denied_keeps_nobody_waiting(tmp_path: Path) -> None:
    with forbidden(tmp_path, COUNTY) as broker:
        house = House(tmp_path / "house", broker.port)
        owner = Agency(house, OWNER)
        try:
            for _ in range(99):
                house.passes(STOLEN)
            in_no_time(house, owner, 99)
            assert house.tally()[COUNTY]["never_sent"] >= 99 - WINDOW
        finally:
            owner.close()
            house.close()


def test_an_absent_subscriber_gets_its_reads_in_their_order_when_it_comes(
    house: House, agency: Callable[[str], Agency]
) -> None:
    plates = numbered(house, 30)
    for _ in range(20):
        house.relay.step()
        house.clock.move(3)
    owner = agency(OWNER)
    plates += numbered(house, 30, first=30)  # new ones do not overtake those that wait
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="all are settled")
    assert owner.plates() == plates


def test_one_read_at_a_time_is_tried_with_a_subscriber_that_is_absent(house: House) -> None:
    numbered(house, 30)
    house.relay.step()
    before = sum(sum(batch[2::2]) for entry in entries(house, SentAgain) for batch in entry.reads)
    for _ in range(240):  # two minutes: after 1, 2, 4, 8, 16, 32 s, and then once a minute
        house.clock.move(0.5)
        house.relay.step()
    tried = sum(sum(batch[2::2]) for entry in entries(house, SentAgain) for batch in entry.reads) - before
    assert 5 <= tried <= 8


def test_reads_keep_their_order_across_the_death_of_the_broker(
    mosquitto: Mosquitto, house: House, agency: Callable[[str], Agency]
) -> None:
    owner = agency(OWNER)
    plates = numbered(house, 100)
    house.step_until(lambda: len(owner.plates()) > 10, owner, what="some have arrived")
    mosquitto.kill()
    plates += numbered(house, 20, first=100)
    mosquitto.start()
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="all are settled")
    assert owner.plates() == plates


def test_what_was_lost_with_the_broker_is_sent_again_at_once(
    mosquitto: Mosquitto, house: House, agency: Callable[[str], Agency]
) -> None:
    lost = agency(OWNER)
    plates = numbered(house, 10)
    assert house.relay.step() + house.relay.step() == 10
    mosquitto.kill()
    lost.close()
    mosquitto.start()
    owner = agency(OWNER)
    in_no_time(house, owner, 10)
    assert owner.plates() == plates


def test_reads_keep_their_order_across_the_end_of_the_program(house: House, agency: Callable[[str], Agency]) -> None:
    plates = numbered(house, 20)
    house.relay.step()  # nobody is there, and the broker forgets them
    house.close()
    house.open()
    owner = agency(OWNER)
    plates += numbered(house, 20, first=20)
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="all are settled")
    assert owner.plates() == plates


def test_a_read_that_is_never_acknowledged_holds_up_none_of_the_later_ones(
    house: House, agency: Callable[[str], Agency]
) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    house.relay.step()
    lost = owner.broker.take(5)
    assert lost is not None
    numbered(house, 2 * WINDOW)
    in_no_time(house, owner, 2 * WINDOW)
    house.clock.move(60)
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="the first one too")
    assert owner.plates()[-1] == INNOCENT


def test_a_read_from_before_an_opt_out_is_not_sent_after_the_opt_in(
    house: House, agency: Callable[[str], Agency]
) -> None:
    texas = agency(TEXAS)
    house.passes(STOLEN)
    bundle = house.bundle
    desk.opt_out(house.policy, "national-lookup")
    house.take_up(drops={TEXAS: ["deny_optout_national_lookup"]})
    desk.opt_in(house.policy, "national-lookup")
    house.take_up(signed=True)
    assert house.bundle.channels == bundle.channels
    second = house.passes(STOLEN).tagged.read.read_id
    house.step_until(texas.plates, texas, what="the second read has arrived")
    assert texas.receiver.step(patience=0.3) is None
    assert [line["id"] for line in texas.lines()] == [f"{second}.{TEXAS}"]
    assert len(entries(house, Dropped)) == 1


@pytest.mark.parametrize("reason", ["held", "clock"])
def test_on_hold_and_without_a_clock_the_owner_alone_is_served_and_no_row_is_deleted(
    house: House, agency: Callable[[str], Agency], reason: str
) -> None:
    owner, county = agency(OWNER), agency(COUNTY)
    house.passes(STOLEN)
    before = house.bundle
    if reason == "held":
        house.bundle = replace(before, held=True)
    else:
        house.clock.now = lambda: Instant(at=house.clock.at, trusted=False)
    house.step_until(owner.plates, owner, county, what="the owner has it")
    assert county.receiver.step(patience=0.3) is None
    house.bundle = before
    if reason == "clock":
        del house.clock.now
    house.step_until(county.plates, county, what="the county has it")


def test_a_gate_that_is_opened_again_begins_with_the_oldest_read(house: House, agency: Callable[[str], Agency]) -> None:
    plates = numbered(house, 10)
    house.relay.step()
    house.relay.shut(OWNER)
    owner = agency(OWNER)
    house.relay.open(OWNER)
    in_no_time(house, owner, 10)
    assert owner.plates() == plates


def test_reads_beyond_the_number_that_may_wait_go_oldest_first_and_are_said_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    relay = house.relaying(limits=Limits(max_age=timedelta(hours=24), max_waiting=10))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            numbered(house, 15)
            house.clock.move(2)
            relay.step()
    assert house.ledger.waiting() == 10
    assert [entry.limit for entry in entries(house, Discarded)] == ["count"] * 3
    assert len([text for text in caplog.messages if "discarded" in text]) == 1
    assert house.tally()[OWNER]["discarded"] == 35


def test_reads_that_waited_too_long_go(house: House) -> None:
    relay = house.relaying(limits=Limits(max_age=timedelta(hours=1), max_waiting=100))
    house.passes(INNOCENT)
    house.clock.move(3000)
    house.passes(INNOCENT)
    house.clock.move(601)
    relay.step()
    assert house.ledger.waiting() == 1
    assert [entry.limit for entry in entries(house, Discarded)] == ["age"]


def test_nothing_of_a_settled_envelope_is_left_on_the_disk(house: House, agency: Callable[[str], Agency]) -> None:
    owner = agency(OWNER)
    numbered(house, 20)
    sealed = [row.envelope.payload[-64:] for row in house.ledger.due(house.clock.at, limit=20)]
    files = lambda: b"".join(path.read_bytes() for path in house.folder.glob("ledger.sqlite*"))  # noqa: E731
    assert all(each in files() for each in sealed)
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="all are settled")
    log = house.folder / "ledger.sqlite-wal"
    house.step_until(lambda: log.stat().st_size == 0, owner, what="the write-ahead log is emptied")
    assert not any(each in files() for each in sealed)


@pytest.mark.parametrize("happened", [False, True])
def test_a_step_that_could_not_be_committed_sends_nothing_and_forgets_nothing(
    house: House, agency: Callable[[str], Agency], happened: bool
) -> None:
    owner = agency(OWNER)
    plates = numbered(house, 3)
    house.relay.step()
    house.relay.step()
    assert owner.receiver.step(patience=5) is not None  # an acknowledgement is on its way
    plates += numbered(house, 3, first=3)
    commit = house.ledger._file._commit

    def fails(db) -> None:
        if happened:
            commit(db)
        raise sqlite3.OperationalError("disk I/O error")

    house.ledger._file._commit = fails
    with pytest.raises(LedgerError):
        house.relay.step(patience=5)
    house.ledger._file._commit = commit
    assert [owner.receiver.step(patience=0.5) is not None for _ in range(3)] == [True, True, False]
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="all are settled")
    assert owner.plates() == plates


def test_a_shorter_retention_ends_what_waits_for_a_broker_that_is_away(house: House) -> None:
    house.broker.close()
    house.passes(STOLEN)
    assert house.ledger.waiting() > 1
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=0.05))
    house.take_up()
    house.clock.move(168)
    house.relay.step()
    assert house.ledger.waiting() == 1  # the owner's: what was sealed to the others says a later end
    house.clock.move(11)
    house.relay.step()
    assert house.ledger.waiting() == 0
    assert entries(house, Expired)
