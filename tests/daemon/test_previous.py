"""What a new run says of the one before, from the ledger alone."""

from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import milliseconds
from edge.daemon.previous import opening, previous
from edge.ledger import log as logs
from edge.ledger.codec import decode
from edge.ledger.entries import ClockStep, Entry, Gap, HoldEnded, Start, Stop
from tests.ledger.builders import HandClock, open_ledger

BEGUN, ENDED = Start(software="homerule", after="first"), Stop(why="terminated")
MANY = [HoldEnded()] * 1500


@pytest.mark.parametrize(
    ("log", "ended"),
    [
        ([], "first"),
        ([BEGUN], "crash"),
        ([BEGUN, *MANY], "crash"),
        ([BEGUN, ENDED], "stop"),
        ([BEGUN, ENDED, *MANY], "stop"),
        ([BEGUN, ENDED, BEGUN, *MANY], "crash"),
    ],
)
def test_how_the_run_before_ended_is_told_by_its_last_start_or_stop(
    tmp_path: Path, log: list[Entry], ended: str
) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    if log:
        ledger.note(*log)
    last = milliseconds(clock.at)
    clock.move(90)
    said = opening(previous(ledger), software="homerule", clock=clock)
    ledger.close()
    assert said[-1] == Start(software="homerule", after=ended)
    gap = Gap(what="daemon", began=last, ended=last + 90_000, why="crash")
    assert said[:-1] == ([gap] if ended == "crash" else [])


def test_a_run_of_months_is_passed_over_without_reading_its_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, read = open_ledger(tmp_path / "ledger.sqlite", HandClock()), list[bytes]()
    ledger.note(BEGUN, *[HoldEnded()] * 20_000)
    monkeypatch.setattr(logs, "decode", lambda raw: (read.append(raw), decode(raw))[1])
    assert previous(ledger).ended == "crash"
    assert len(read) <= 2
    ledger.close()


def test_a_clock_that_was_put_back_meanwhile_is_told_by_the_last_entry(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    ledger.note(BEGUN, ENDED)
    clock.at -= timedelta(hours=2)
    said = opening(previous(ledger), software="homerule", clock=clock)
    ledger.close()
    assert said[0] == ClockStep(by=-7_200_000)
