"""What the log has still to be told while it cannot be written: in order, and what is too much of it counted."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.daemon import storage as storages
from edge.daemon.storage import Storage
from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.entries import Alarm, Purge
from tests.ledger.builders import HandClock, open_ledger

MOST = 5


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the disk has little to do."""
    monkeypatch.setattr(storages, "MOST_NOTES", MOST)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(tmp_path / "ledger.sqlite", HandClock())
    yield made
    made.close()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    """Its ledger is closed."""
    return Storage(folder=tmp_path, least_megabytes=0, clock=HandClock())


def note(storage: Storage, *numbers: int) -> None:
    for number in numbers:
        storage.note(Alarm(what=f"{number}", why="test"))


def told(ledger: Ledger) -> list[int | str]:
    """What the log says: the numbers of the notes, and how many it says were lost."""
    entries = [logged.entry for logged in ledger.entries()]
    said = {Alarm: lambda one: int(one.what), Purge: lambda one: f"{one.count} lost"}
    return [said[type(one)](one) for one in entries if type(one) in said]


def test_what_was_kept_is_written_in_order_when_the_ledger_is_open(storage: Storage, ledger: Ledger) -> None:
    note(storage, *range(MOST))
    with pytest.raises(LedgerError):
        storage.write_notes()
    storage.use(ledger)
    storage.write_notes()
    assert told(ledger) == list(range(MOST))


def test_of_too_much_the_oldest_is_lost_and_the_log_says_how_many(storage: Storage, ledger: Ledger) -> None:
    note(storage, *range(MOST + 3))
    storage.use(ledger)
    storage.write_notes()
    assert told(ledger) == ["3 lost", *range(3, MOST + 3)]
    note(storage, 1)
    storage.write_notes()
    assert told(ledger)[-2:] == [MOST + 2, 1]


def test_a_write_that_fails_loses_no_entry_and_no_count(storage: Storage, ledger: Ledger) -> None:
    note(storage, *range(MOST + 1))
    storage.use(ledger)
    commit = ledger._file._commit

    def fail(db: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    ledger._file._commit = fail
    with pytest.raises(LedgerError):
        storage.write_notes()
    ledger._file._commit = commit
    storage.write_notes()
    assert told(ledger) == ["1 lost", *range(1, MOST + 1)]


def test_of_two_threads_that_write_the_notes_the_later_one_finds_nothing_left(
    storage: Storage, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(storage, 1)
    storage.use(ledger)
    usable = storage._usable

    def meanwhile() -> Ledger:
        monkeypatch.undo()
        storage.write_notes()  # the other one's
        return usable()

    monkeypatch.setattr(storage, "_usable", meanwhile)
    storage.write_notes()
    assert told(ledger) == [1]


def test_what_comes_while_another_is_written_takes_nothing_away_silently(storage: Storage, ledger: Ledger) -> None:
    note(storage, *range(MOST))
    storage.use(ledger)
    commit = ledger._file._commit

    def meanwhile(db: sqlite3.Connection) -> None:
        ledger._file._commit = commit
        note(storage, MOST, MOST + 1)
        commit(db)

    ledger._file._commit = meanwhile
    storage.write_notes()
    assert told(ledger) == [0, "1 lost", *range(2, MOST + 2)]


def test_only_an_error_of_the_ledger_that_is_written_now_stops_the_sharing(storage: Storage, tmp_path: Path) -> None:
    former, present = (open_ledger(tmp_path / name, HandClock()) for name in ("former", "present"))
    for ledger in (former, present):
        storage.use(ledger)
    former.close()
    with pytest.raises(LedgerError), storage.watched(former):
        former.note(Alarm(what="1", why="test"))
    with storage.quietly(former):
        former.note(Alarm(what="1", why="test"))
    assert storage.trouble is None
    present.close()
    with storage.quietly(present):
        present.note(Alarm(what="1", why="test"))
    assert "closed" in storage.trouble
