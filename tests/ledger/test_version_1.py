"""A ledger and an archive that version 1 wrote, kept here as they were: they verify, are counted, and go on."""

import gzip
import sqlite3
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from edge.audit.archive import open_archive
from edge.audit.proof import prove, proven
from edge.ledger.verify import verify
from tests.audit.logs import archived, begun, signed, some_reads, word
from tests.ledger.builders import KEY, HandClock
from tests.ledger.counted import counted

OLD = Path(__file__).parent / "version-1"
HELD = (OLD / "checkpoint.txt").read_text()
# what the program of then counted: reads, the five groups, and of the deleted expired, dropped, discarded
BEFORE = {
    "a-pd": (85, 29, 0, 5, 7, 44, 4, 0, 7),
    "b-pd": (85, 60, 0, 0, 3, 22, 2, 1, 0),
    "c-so": (85, 79, 1, 2, 1, 2, 0, 0, 1),
}


def unpacked(name: str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(gzip.decompress((OLD / f"{name}.gz").read_bytes()))
    return path


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return unpacked("ledger.sqlite", tmp_path)


def kinds(path: Path) -> Counter[str]:
    db = sqlite3.connect(path)
    found = Counter(raw.split(b'"')[1].decode() for (raw,) in db.execute("SELECT bytes FROM entries"))
    db.close()
    return found


def test_it_has_every_kind_that_version_2_writes_shorter(ledger: Path) -> None:
    assert kinds(ledger).keys() >= {"sent", "sent-again", "ack", "expired", "dropped", "discarded"}


def test_the_ledger_and_the_archive_verify_by_both_verifiers(ledger: Path, tmp_path: Path) -> None:
    report = verify(ledger, KEY.public_key(), held=[HELD])
    assert (report.faults, report.entries, report.reads) == ((), 205, 85)
    assert word(unpacked("archive.zip", tmp_path), [HELD]) == "ok"


def test_an_export_of_the_ledger_still_gives_the_bytes_of_then_but_for_the_schema(ledger: Path, tmp_path: Path) -> None:
    again, old = archived(ledger, tmp_path / "again.zip"), unpacked("archive.zip", tmp_path)
    with open_archive(again) as fresh, open_archive(old) as kept:
        assert fresh.manifest.root == kept.manifest.root
        same = [one.name for one in kept.members[2:] if not one.name.startswith("schema/")]
        assert [fresh.content(name) for name in same] == [kept.content(name) for name in same]


def test_its_proofs_hold(tmp_path: Path) -> None:
    with open_archive(unpacked("archive.zip", tmp_path)) as kept:
        for position in range(0, kept.size, 17):
            assert proven(prove(kept, position), KEY.public_key()) == (position, kept.entry(position))


def test_it_is_counted_as_it_was(ledger: Path) -> None:
    assert {name: tuple(tally.values()) for name, tally in counted(ledger).items()} == BEFORE


def test_it_goes_on_in_version_2_and_the_checkpoint_of_before_holds(ledger: Path, tmp_path: Path) -> None:
    clock = HandClock(chance=Random(11))
    clock.move(200_000)
    files = signed(b'{"version":2}', **{"laws/../\u00e9.toml": b"y"})
    opened = begun(ledger, clock)
    some_reads(opened, clock, 40, files)
    opened.checkpoint()
    opened.close()
    assert kinds(ledger).keys() >= {"sent", "ack", "out", "ack.2"}
    assert verify(ledger, KEY.public_key(), held=[HELD]).faults == ()
    assert word(archived(ledger, tmp_path / "on.zip"), [HELD]) == "ok"
    tally = counted(ledger)["a-pd"]
    assert tally["reads"] > 85
    assert tally["acknowledged"] > 44
