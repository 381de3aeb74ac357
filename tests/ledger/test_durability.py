"""What `record` said is recorded is there after kill -9, and a failed commit leaves memory and file agreed."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.ledgerfile import commit_now
from edge.ledger.verify import verify
from tests.ledger.builders import KEY, HandClock, decide, open_ledger, outcomes, record, seal, tagged_read, token_of
from tests.ledger.counted import counted

ALL = ("a-pd", "b-pd", "c-so")

WRITER = """
import sys
from pathlib import Path
from random import Random
from edge.values import Acknowledgement, Recorded
from tests.ledger.builders import HandClock, decide, open_ledger, record, seal, tagged_read, token_of
ALL = ("a-pd", "b-pd", "c-so")
clock = HandClock(chance=Random(int(sys.argv[2])))
ledger = open_ledger(Path(sys.argv[1]), clock)

def read():
    read_id, shared = clock.new_id(), ["a-pd", "b-pd"]
    envelopes = tuple(seal(read_id, name, at=clock.at) for name in shared)
    tagged = tagged_read(read_id, at=clock.at)
    return Recorded(tagged=tagged, decisions=tuple(decide(read_id, ALL, shared)), envelopes=envelopes)

def say(word, names):
    print("".join(f"{word} {name}\\n" for name in names), end="", flush=True)

def acknowledgements(rows):
    for row in rows:
        name, message_id = row.envelope.subscriber_id, row.envelope.message_id
        if name == "a-pd":
            yield Acknowledgement(subscriber_id=name, message_id=message_id, ack_token=token_of(message_id))

rows = []
while True:
    reads = [read() for _ in range(clock.chance.randint(1, 3))]
    ledger.record_many(reads)
    say("recorded", [each.tagged.read.read_id for each in reads])
    with ledger.together():
        said = list(acknowledgements(rows))
        ledger.acknowledge_many(said)
        rows = ledger.mark_sent(ledger.due(clock.at, limit=6))
    say("acknowledged", [each.message_id for each in said])
    say("sent", [row.envelope.message_id for row in rows])
    if clock.chance.random() < 0.2:
        ledger.idle()
    if clock.chance.random() < 0.1:
        print("checkpoint", ledger.checkpoint().size, flush=True)
    clock.move(1)
"""


def killed_writer(path: Path, seed: int, lines: int) -> list[list[str]]:
    """Lets a process write until it has said so many lines, kills it, and gives all that it said."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", WRITER, str(path), str(seed)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": root}
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    return [line.split() for line in said if line.endswith("\n")]


def test_what_was_said_to_be_recorded_survives_kill_9(tmp_path: Path, full: bool) -> None:
    path, chance = tmp_path / "ledger.sqlite", Random(5)
    said: list[list[str]] = []
    for seed in range(60 if full else 6):
        said += killed_writer(path, seed, chance.randint(1, 120))
        assert verify(path, KEY.public_key()).faults == ()
    ledger = open_ledger(path, HandClock())
    recorded = {read_id for read_id, _ in outcomes(ledger)}
    ledger.close()
    tally = counted(path)
    assert {"recorded", "sent", "acknowledged"} <= {line[0] for line in said}
    assert {line[1] for line in said if line[0] == "recorded"} <= recorded
    assert tally["a-pd"]["acknowledged"] >= len({line[1] for line in said if line[0] == "acknowledged"})
    assert tally["b-pd"]["sent"] >= len({line[1] for line in said if line[0] == "sent" and line[1].endswith("b-pd")})
    assert tally["a-pd"]["reads"] == len(recorded)


class Disk:
    """Commits, until it is told to fail the next commit before or after it happened."""

    def __init__(self) -> None:
        self.fails = ""

    def commit(self, db: sqlite3.Connection) -> None:
        fails, self.fails = self.fails, ""
        if fails == "before":
            raise sqlite3.OperationalError("disk I/O error")
        commit_now(db)
        if fails == "after":
            raise sqlite3.OperationalError("disk I/O error")


def life(ledger: Ledger, clock: HandClock) -> dict[str, Callable[[], object]]:
    """One call of each thing that writes, on a ledger with one sent and one unsent row."""
    message_id = f"{record(ledger, clock, ALL, ['a-pd'])}.a-pd"
    sent = ledger.mark_sent(ledger.due(clock.at, limit=1))[0]
    record(ledger, clock, ALL, ["b-pd"])
    unsent = ledger.due(clock.at, limit=1)[0]
    read_id = unsent.envelope.tags.read_id
    parts = (tagged_read("r" * 22), decide("r" * 22, ALL, ["a-pd"]), [seal("r" * 22, "a-pd")])
    return {
        "record": lambda: ledger.record(*parts),
        "mark_sent": lambda: ledger.mark_sent([unsent]),
        "refuse": lambda: ledger.refuse(unsent, decide(read_id, ["b-pd"], [])[0]),
        "acknowledge": lambda: ledger.acknowledge("a-pd", sent.envelope.message_id, token_of(message_id)),
        "expire": lambda: ledger.expire(clock.move(7200)),
        "drop": lambda: ledger.drop_rows("b-pd", ["opted_out"]),
        "checkpoint": lambda: ledger.checkpoint(),
    }


@pytest.mark.parametrize("fails", ["before", "after"])
@pytest.mark.parametrize("step", ["record", "mark_sent", "refuse", "acknowledge", "expire", "drop", "checkpoint"])
def test_after_a_failed_commit_the_same_may_be_tried_again(tmp_path: Path, fails: str, step: str) -> None:
    clock, disk = HandClock(), Disk()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock, commit=disk.commit)
    act = life(ledger, clock)[step]
    disk.fails = fails
    with pytest.raises(LedgerError, match=r"ledger\.sqlite"):
        act()
    act()
    ledger.close()
    assert verify(tmp_path / "ledger.sqlite", KEY.public_key()).faults == ()


@pytest.mark.parametrize(("fails", "rows"), [("before", 0), ("after", 1)])
def test_a_failed_record_has_happened_wholly_or_not_at_all(tmp_path: Path, fails: str, rows: int) -> None:
    clock, disk = HandClock(), Disk()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock, commit=disk.commit)
    parts = (tagged_read("r" * 22), decide("r" * 22, ALL, ["a-pd"]), [seal("r" * 22, "a-pd")])
    disk.fails = fails
    with pytest.raises(LedgerError):
        ledger.record(*parts)
    assert (ledger.waiting(), len(list(outcomes(ledger)))) == (rows, rows)
    ledger.record(*parts)
    assert (ledger.waiting(), len(list(outcomes(ledger)))) == (1, 1)
    ledger.close()


def test_a_send_that_was_reported_as_failed_is_not_counted_as_a_first_send_twice(tmp_path: Path) -> None:
    clock, disk = HandClock(), Disk()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock, commit=disk.commit)
    record(ledger, clock, ALL, ["a-pd"])
    rows = ledger.due(clock.at, limit=1)
    disk.fails = "after"
    with pytest.raises(LedgerError):
        ledger.mark_sent(rows)
    ledger.mark_sent(rows)
    ledger.close()
    assert counted(tmp_path / "ledger.sqlite")["a-pd"]["sent"] == 1


def test_an_acknowledged_envelope_is_overwritten_on_the_disk(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = open_ledger(path, clock)
    message_id = f"{record(ledger, clock, ALL, ['a-pd'])}.a-pd"
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    sealed = f"sealed for {message_id}".encode()
    assert any(sealed in file.read_bytes() for file in tmp_path.iterdir())
    ledger.acknowledge("a-pd", message_id, token_of(message_id))
    assert ledger.idle()
    assert not any(sealed in file.read_bytes() for file in tmp_path.iterdir())
    ledger.close()
    assert not any(sealed in file.read_bytes() for file in tmp_path.iterdir())


def test_a_reader_of_the_ledger_keeps_the_log_on_disk_and_nobody_waiting(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = open_ledger(path, clock)
    record(ledger, clock, ALL, ["a-pd"])
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM outbox").fetchone()
    record(ledger, clock, ALL, ["a-pd"])
    assert not ledger.idle()
    reader.close()
    assert ledger.idle()
    ledger.close()


def test_the_size_is_the_number_of_entries(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"])
    assert ledger.size == len(list(ledger.entries()))
    ledger.close()
