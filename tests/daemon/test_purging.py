"""Sealed reads leave the disk in their time, whoever stands still; one that does not is an alarm."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.daemon import purging
from edge.daemon.purging import GRACE, Purging
from edge.daemon.storage import Storage
from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.entries import Alarm, AlarmEnded, Expired, Purge
from edge.relay.tidy import NO_LIMITS, Tidy
from tests.ledger.builders import HandClock, open_ledger, record

THREE_MINUTES = 180.0


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks whenever it is called."""
    monkeypatch.setattr(purging, "_EVERY", 0.0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: HandClock) -> Iterator[Ledger]:
    made = open_ledger(tmp_path / "ledger.sqlite", clock)
    yield made
    made.close()


@pytest.fixture
def storage(tmp_path: Path, clock: HandClock, ledger: Ledger) -> Storage:
    made = Storage(folder=tmp_path, least_megabytes=0, clock=clock)
    made.use(ledger)
    return made


def on_disk(tmp_path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in tmp_path.glob("ledger.sqlite*"))


def test_three_minutes_after_the_capture_no_byte_of_a_sealed_read_is_on_the_disk(
    tmp_path: Path, clock: HandClock, ledger: Ledger
) -> None:
    read_id = record(ledger, clock, ("a-pd",), ["a-pd"], seconds=THREE_MINUTES)
    began, tidy = clock.at, Tidy(ledger=ledger, limits=NO_LIMITS)
    assert f"sealed for {read_id}".encode() in on_disk(tmp_path)
    while clock.move(1) < began + timedelta(seconds=THREE_MINUTES):
        tidy.step(clock.at)
        tidy.rest(clock.at, quiet=False)
    assert f"sealed for {read_id}".encode() not in on_disk(tmp_path)
    assert sum(isinstance(logged.entry, Expired) for logged in ledger.entries()) == 1


def test_a_short_time_is_cut_by_a_tenth_at_most(clock: HandClock, ledger: Ledger) -> None:
    record(ledger, clock, ("a-pd",), ["a-pd"], seconds=20)
    assert ledger.expire(clock.move(17.9), ahead=timedelta(seconds=10)) == 0
    assert ledger.expire(clock.move(0.2), ahead=timedelta(seconds=10)) == 1


def test_while_the_relay_stands_still_what_is_over_is_deleted_all_the_same(
    tmp_path: Path, clock: HandClock, ledger: Ledger, storage: Storage
) -> None:
    read_id = record(ledger, clock, ("a-pd",), ["a-pd"], seconds=THREE_MINUTES)
    watch = Purging(storage=storage, clock=clock)
    clock.move(THREE_MINUTES - 9)
    watch.look(ledger, alone=True)
    assert ledger.waiting() == 0
    assert f"sealed for {read_id}".encode() not in on_disk(tmp_path)
    assert watch.alarm is None


def test_a_purge_that_did_not_happen_is_an_alarm_until_it_has(
    clock: HandClock, ledger: Ledger, storage: Storage
) -> None:
    record(ledger, clock, ("a-pd",), ["a-pd"], seconds=60)
    watch = Purging(storage=storage, clock=clock)
    watch.look(ledger, alone=False)
    clock.move(61)
    watch.look(ledger, alone=False)
    assert watch.alarm is None
    clock.move(GRACE.total_seconds())
    watch.look(ledger, alone=False)
    assert watch.alarm is not None
    assert "beyond the time" in watch.alarm
    ledger.expire(clock.at)
    watch.look(ledger, alone=False)
    assert watch.alarm is None
    storage.write_notes()
    noted = [logged.entry for logged in ledger.entries() if isinstance(logged.entry, Purge | Alarm | AlarmEnded)]
    assert [getattr(entry, "failed", entry.kind) for entry in noted] == [1, "alarm", 0, "alarm-ended"]


def test_a_ledger_that_is_closed_beyond_the_time_of_what_is_in_it_is_an_alarm(
    clock: HandClock, ledger: Ledger, storage: Storage
) -> None:
    record(ledger, clock, ("a-pd",), ["a-pd"], seconds=60)
    watch = Purging(storage=storage, clock=clock)
    watch.look(ledger, alone=False)
    clock.move(66)
    watch.look(None, alone=True)
    assert watch.alarm is not None


def test_a_disk_that_fails_the_purge_is_an_alarm(
    clock: HandClock, ledger: Ledger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(ledger, clock, ("a-pd",), ["a-pd"], seconds=60)
    watch = Purging(storage=storage, clock=clock)
    watch.look(ledger, alone=True)
    clock.move(66)

    def fails(_: object) -> None:
        raise LedgerError("the disk failed")

    monkeypatch.setattr(ledger._file, "_commit", fails)
    with pytest.raises(LedgerError):
        watch.look(ledger, alone=True)
    monkeypatch.undo()
    assert watch.alarm is not None


def test_bytes_that_a_reader_keeps_on_the_disk_for_too_long_are_an_alarm(
    clock: HandClock, ledger: Ledger, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "_LINGERS", 0.0)
    record(ledger, clock, ("a-pd",), ["a-pd"], seconds=60)
    watch = Purging(storage=storage, clock=clock)
    watch.look(ledger, alone=False)
    assert watch.alarm is not None
    assert "reads the ledger file" in watch.alarm
    assert ledger.idle()
    watch.look(ledger, alone=False)
    assert watch.alarm is None
