"""A busy year fits an SD card: what a read, its sends and its acknowledgements take in the log."""

import sqlite3
from pathlib import Path

from tests.ledger.builders import HandClock, open_ledger, record, token_of

SUBSCRIBERS = [f"agency-{number:02}-pd" for number in range(20)]
READS = 600


def busy_hours(path: Path) -> None:
    """The owner gets every read, a neighbour every tenth; sends and acknowledgements come in batches."""
    clock = HandClock()
    ledger = open_ledger(path, clock)
    for number in range(READS):
        record(ledger, clock, SUBSCRIBERS, SUBSCRIBERS[:2] if number % 10 == 0 else SUBSCRIBERS[:1])
        clock.move(4)
        if number % 20 == 19:
            for row in ledger.mark_sent(ledger.due(clock.at, limit=100)):
                message_id = row.envelope.message_id
                ledger.acknowledge(row.envelope.subscriber_id, message_id, token_of(message_id))
    ledger.checkpoint()
    ledger.close()


def test_a_read_with_its_sends_and_acknowledgements_takes_at_most_150_bytes_in_the_log(tmp_path: Path) -> None:
    busy_hours(tmp_path / "ledger.sqlite")
    db = sqlite3.connect(tmp_path / "ledger.sqlite")
    (total,) = db.execute("SELECT sum(length(bytes)) FROM entries").fetchone()
    db.close()
    assert total / READS <= 150


def test_a_read_takes_at_most_270_bytes_in_the_file_once_it_is_delivered(tmp_path: Path) -> None:
    # 20,000 reads a day for a year at 270 bytes are 2 GB
    path = tmp_path / "ledger.sqlite"
    busy_hours(path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DELETE FROM settled")  # traces are forgotten a day after the envelope's end
    db.execute("VACUUM")
    fixed = 60_000  # empty tables, indices, the bundle
    db.close()
    assert (path.stat().st_size - fixed) / READS <= 270
