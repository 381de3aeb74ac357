"""The log names the hot lists before a read is looked up in them, and a read stands behind the word for its own."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import LedgerError, Superseded
from edge.ledger import Ledger
from edge.ledger.entries import HotListsInForce, Read, Start
from edge.ledger.ledgerfile import commit_now
from edge.ledger.verify import verify
from edge.policy.issued import ListVersion
from edge.values import Recorded
from tests.ledger.builders import KEY, HandClock, decide, open_ledger, tagged_read

FIRST, SECOND = ("metro", 1, "ab" * 32), ("metro", 2, "cd" * 32)
CITYS = ("county-stolen", 0, "ef" * 32)


class Disk:
    """A ledger on a disk that does with a commit what it is told."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock, self.does = path, HandClock(), ""
        self.ledger = self.opened()

    def opened(self) -> Ledger:
        return open_ledger(self.path, self.clock, commit=self.commit)

    def commit(self, db: sqlite3.Connection) -> None:
        does, self.does = self.does, ""
        if does != "failed":
            commit_now(db)
        if does:
            raise sqlite3.OperationalError("disk I/O error")

    def opens_anew(self) -> None:
        """As the daemon does after a fault of the disk, without a start."""
        self.ledger.close()
        self.ledger = self.opened()

    def starts(self) -> None:
        self.opens_anew()
        self.ledger.note(Start(software="1.0", after="stop"))

    def said(self) -> list[tuple[ListVersion, ...]]:
        return [one.entry.lists for one in self.ledger.entries() if isinstance(one.entry, HotListsInForce)]

    def read(self, *lists: ListVersion, read_id: str = "") -> Recorded:
        """A read that was looked up in these."""
        tagged = tagged_read(read_id or self.clock.new_id(), at=self.clock.at)
        decisions = tuple(decide(tagged.tags.read_id, ["a-pd"], []))
        return Recorded(tagged=tagged, decisions=decisions, envelopes=(), hotlists=lists)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "ledger.sqlite")
    yield made
    made.ledger.close()


def test_what_is_in_force_is_said_once_and_again_when_it_changes(disk: Disk) -> None:
    for lists in ([FIRST, CITYS], [CITYS, FIRST], [SECOND, CITYS], [CITYS], [CITYS]):
        disk.ledger.look_for(lists)
    assert disk.said() == [(CITYS, FIRST), (CITYS, SECOND), (CITYS,)]
    assert verify(disk.path, KEY.public_key()).unknown == 0


def test_a_list_of_which_nothing_is_known_yet_stays_as_it_was_said(disk: Disk) -> None:
    disk.ledger.look_for([FIRST, CITYS])
    disk.ledger.look_for([CITYS], unread={"metro"})
    assert disk.said() == [(CITYS, FIRST)]


def test_a_read_stands_behind_the_word_for_what_it_was_looked_up_in(disk: Disk) -> None:
    with pytest.raises(Superseded):
        disk.ledger.record_many([disk.read(FIRST)])
    disk.ledger.look_for([FIRST])
    (position,) = disk.ledger.record_many([disk.read(FIRST)])
    assert isinstance(next(disk.ledger.entries(position)).entry, Read)


def test_a_read_that_was_looked_up_in_the_version_before_is_to_be_decided_again(disk: Disk) -> None:
    disk.ledger.look_for([FIRST, CITYS])
    late = disk.read(FIRST, CITYS)
    disk.ledger.look_for([SECOND, CITYS])
    size = disk.ledger.size
    with pytest.raises(Superseded):
        disk.ledger.record_many([late])
    assert disk.ledger.size == size
    disk.ledger.record_many([replace(late, hotlists=(SECOND, CITYS))])


def test_a_read_of_a_list_that_is_none_any_more_is_to_be_decided_again(disk: Disk) -> None:
    disk.ledger.look_for([FIRST])
    disk.ledger.look_for([])
    with pytest.raises(Superseded):
        disk.ledger.record_many([disk.read(FIRST)])


def test_while_a_list_is_not_at_hand_reads_are_recorded(disk: Disk) -> None:
    disk.ledger.look_for([FIRST, CITYS])
    disk.ledger.record_many([disk.read(CITYS), disk.read()])


def test_a_read_that_was_recorded_before_the_next_version_stays_recorded(disk: Disk) -> None:
    disk.ledger.look_for([FIRST])
    known = disk.read(FIRST)
    positions = disk.ledger.record_many([known])
    disk.ledger.look_for([SECOND])
    assert disk.ledger.record_many([known]) == positions


@pytest.mark.parametrize(("does", "stands", "does_not"), [("failed", FIRST, SECOND), ("lied", SECOND, FIRST)])
def test_of_a_word_that_failed_the_log_alone_says_whether_it_was_written(
    disk: Disk, does: str, stands: ListVersion, does_not: ListVersion
) -> None:
    disk.ledger.look_for([FIRST])
    disk.does = does
    with pytest.raises(LedgerError):
        disk.ledger.look_for([SECOND])
    with pytest.raises(Superseded):
        disk.ledger.record_many([disk.read(does_not)])
    disk.ledger.record_many([disk.read(stands)])
    disk.ledger.look_for([SECOND])
    disk.ledger.record_many([disk.read(SECOND)])
    assert disk.said() == [(FIRST,), (SECOND,)]


def test_a_start_says_it_anew(disk: Disk) -> None:
    """The one before may not have known this word: nothing is to be read out of its silence."""
    disk.ledger.look_for([FIRST])
    disk.starts()
    with pytest.raises(Superseded):
        disk.ledger.record_many([disk.read(FIRST)])
    disk.ledger.look_for([FIRST])
    assert disk.said() == [(FIRST,), (FIRST,)]


def test_a_start_that_finds_none_says_so(disk: Disk) -> None:
    disk.ledger.look_for([FIRST])
    disk.starts()
    disk.ledger.look_for([])
    disk.ledger.look_for([])
    assert disk.said() == [(FIRST,), ()]


def test_a_list_that_is_gone_when_the_log_is_opened_anew_is_none_for_it(disk: Disk) -> None:
    disk.ledger.look_for([FIRST])
    disk.opens_anew()
    disk.ledger.look_for([])
    assert disk.said() == [(FIRST,), ()]


def test_a_read_from_before_a_fault_is_recorded_after_it_while_its_list_is_not_read_yet(disk: Disk) -> None:
    disk.ledger.look_for([FIRST, CITYS])
    waits = disk.read(FIRST, CITYS)
    disk.opens_anew()
    disk.ledger.record_many([waits])
    disk.ledger.look_for([CITYS], unread={"metro"})
    disk.ledger.look_for([FIRST, CITYS])
    assert disk.said() == [(CITYS, FIRST)]
