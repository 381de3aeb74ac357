"""A busy year fits an SD card: what a read, its sends and its acknowledgements take in the log."""

import sqlite3
from pathlib import Path

import pytest

from edge.ledger import Ledger
from edge.ledger.batches import runs
from edge.ledger.codec import encode
from edge.ledger.entries import Acknowledged, Read, SentToAll
from tests.ledger.builders import HandClock, open_ledger, record, token_of

SUBSCRIBERS = [f"agency-{number:02}-pd" for number in range(50)]
READS = 450
MOST = 150


def hours(path: Path, shared: int, reads: int) -> None:
    """A read each four seconds, sent by itself; what came of acknowledgements is written once a minute."""
    clock = HandClock()
    ledger = open_ledger(path, clock)
    for _ in range(0, reads, 15):
        with ledger.together():
            for number in range(15):
                record(ledger, clock, SUBSCRIBERS, SUBSCRIBERS[: 40 if number == 7 else shared])
                deliver(ledger, clock)
                clock.move(4)
            ledger.checkpoint()
    ledger.close()


def deliver(ledger: Ledger, clock: HandClock) -> None:
    """All that waits is sent and acknowledged."""
    for row in ledger.mark_sent(ledger.due(clock.at, limit=100)):
        message_id = row.envelope.message_id
        ledger.acknowledge(row.envelope.subscriber_id, message_id, token_of(message_id))


@pytest.fixture(scope="module", params=[1, 3, 6], ids=lambda shared: f"{shared} full feeds")
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half an hour, in which so many get every read, and each fifteenth is a hit that goes to forty."""
    path = tmp_path_factory.mktemp("hours") / "ledger.sqlite"
    hours(path, request.param, READS)
    return path


def in_the_log(path: Path) -> float:
    db = sqlite3.connect(path)
    query = "SELECT sum(length(bytes)) FROM entries WHERE substr(CAST(bytes AS TEXT), 3, 4) NOT IN ('name', 'patt')"
    (total,) = db.execute(query).fetchone()
    db.close()
    return float(total) / READS


def test_a_read_with_its_sends_and_acknowledgements_takes_at_most_150_bytes_in_the_log(lived: Path) -> None:
    assert in_the_log(lived) <= MOST - 2 * len("0000")  # later the same year two positions have four digits more


def test_at_the_end_of_a_busy_year_it_still_does() -> None:
    position, at = 15_500_000, 1_795_435_200_000  # 7,300,000 reads, as many sends, an acknowledgement a minute
    read = Read(read_id="x" * 22, camera=99, pattern=position - 9, age=59_999, replaces=0, payloads="x" * 43)
    minute = [position - 2 * number for number in range(14)]
    acknowledged = Acknowledged(reads=tuple(runs(name, minute) for name in range(2, 8)))
    size = len(encode(read, at)) + len(encode(SentToAll(back=1, count=1), at)) + len(encode(acknowledged, at)) / 14
    assert size <= MOST


def test_a_read_takes_at_most_270_bytes_in_the_file_once_it_is_delivered(tmp_path: Path) -> None:
    # 20,000 reads a day for a year at 270 bytes are 2 GB
    sizes = []
    for reads in (300, 900):
        path = tmp_path / f"{reads}.sqlite"
        hours(path, 3, reads)
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("DELETE FROM settled")  # traces are forgotten a day after the envelope's end
        db.execute("VACUUM")
        db.close()
        sizes.append(path.stat().st_size)
    assert (sizes[1] - sizes[0]) / 600 <= 270
