"""Ledgers of every shape that ever was, as the programs of their time left them: brought to the newest, and back."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from edge.errors import LedgerError
from edge.ledger.codec import KINDS
from edge.ledger.database import take_back
from edge.ledger.migrations import MIGRATIONS, WAYS_BACK
from edge.ledger.verify import verify
from tests.ledger.builders import KEY, START, HandClock, open_ledger, record, token_of

FROZEN = Path(__file__).parent / "shapes"
SHAPES = range(1, len(MIGRATIONS) + 1)


def thawed(shape: int, path: Path) -> Path:
    """The ledger of that shape: four reads for three agencies, four sent, two of these acknowledged."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript((FROZEN / f"{shape}.sql").read_text())
    return path


def later() -> HandClock:
    """A clock a little later, whose ids are others than those that are frozen."""
    return HandClock(at=START + timedelta(seconds=100), chance=Random(2))


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [f"shape {db.execute('PRAGMA user_version').fetchone()[0]}", *db.iterdump()]


def migrated(shape: int, path: Path) -> Path:
    """The same after this program has opened it once."""
    open_ledger(thawed(shape, path), later()).close()
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_was_frozen_as_its_migrations_make_it(shape: int, tmp_path: Path) -> None:
    """So a released migration is not edited, and a new one brings its frozen ledger along."""
    with (
        closing(sqlite3.connect(":memory:")) as made,
        closing(sqlite3.connect(thawed(shape, tmp_path / "l"))) as frozen,
    ):
        for statement in (statement for migration in MIGRATIONS[:shape] for statement in migration):
            made.execute(statement)
        listed = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
        assert frozen.execute(listed).fetchall() == made.execute(listed).fetchall()


@pytest.mark.parametrize("shape", SHAPES)
def test_an_old_ledger_is_migrated_with_every_entry_and_every_waiting_read(shape: int, tmp_path: Path) -> None:
    before = verify(thawed(shape, tmp_path / "old"), KEY.public_key())
    after = verify(migrated(shape, tmp_path / "new"), KEY.public_key())
    assert after.faults == ()
    assert (after.entries, after.root, after.reads, after.waiting) == (before.entries, before.root, 4, 4)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_migrated_ledger_goes_on_where_the_old_program_stopped(shape: int, tmp_path: Path) -> None:
    clock = later()
    ledger = open_ledger(thawed(shape, tmp_path / "l"), clock)
    waiting = ledger.due(clock.at, limit=10)
    sent = ledger.mark_sent(waiting)
    message = sent[0].envelope.message_id
    assert ledger.acknowledge(sent[0].envelope.subscriber_id, message, token_of(message))
    record(ledger, clock, ["a-pd"], ["a-pd"])
    ledger.close()
    assert verify(tmp_path / "l", KEY.public_key()).faults == ()


@pytest.mark.parametrize("shape", WAYS_BACK)
def test_taken_back_it_is_what_the_older_program_had_left(shape: int, tmp_path: Path) -> None:
    path = migrated(shape - 1, tmp_path / "l")
    take_back(path, shape - 1)
    assert content(path) == content(thawed(shape - 1, tmp_path / "old"))


def test_taken_back_it_keeps_what_the_newer_program_recorded(tmp_path: Path) -> None:
    path = thawed(len(MIGRATIONS) - 1, tmp_path / "l")
    clock = later()
    ledger = open_ledger(path, clock)
    record(ledger, clock, ["a-pd"], ["a-pd"])
    ledger.close()
    before = verify(path, KEY.public_key())
    take_back(path, len(MIGRATIONS) - 1)
    found = verify(path, KEY.public_key())
    assert (found.faults, found.entries, found.root, found.reads) == ((), before.entries, before.root, 5)


def test_every_migration_since_the_first_installed_program_has_its_way_back() -> None:
    assert set(WAYS_BACK) == set(range(3, len(MIGRATIONS) + 1))


def kinds_of(shape: int) -> set[str]:
    """Those that a program of that shape understands."""
    return set((FROZEN / f"{shape}.kinds").read_text().split())


def test_a_kind_of_entry_that_no_program_knew_yet_is_a_new_shape() -> None:
    """An older program would keep such an entry, and count as if it were not there."""
    assert set(KINDS) == kinds_of(len(MIGRATIONS))


def unchanged(path: Path, shape: int, match: str) -> None:
    before = content(path)
    with pytest.raises(LedgerError, match=match):
        take_back(path, shape)
    assert content(path) == before


def test_a_pruned_ledger_is_not_taken_back_to_a_program_that_would_miss_the_entries(tmp_path: Path) -> None:
    path = thawed(3, tmp_path / "l")
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE pruned SET upto = 2")
        db.commit()
    unchanged(path, 2, "no way back from shape 3: entries were pruned")


@pytest.mark.parametrize("kind", sorted(kinds_of(4) - kinds_of(3)))
def test_a_ledger_with_an_entry_that_the_older_program_does_not_know_is_not_taken_back(
    kind: str, tmp_path: Path
) -> None:
    path = migrated(3, tmp_path / "l")
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO entries VALUES (999, ?, 0)", (f'["{kind}",1795435204000,[]]'.encode(),))
        db.commit()
    unchanged(path, 3, "no way back from shape 4: reads were sent or settled since")


def test_the_word_for_the_hot_lists_bars_no_way_back_and_stays(tmp_path: Path) -> None:
    path = migrated(4, tmp_path / "l")
    ledger = open_ledger(path, later())
    ledger.look_for([("metro", 7, "ab" * 32)])
    ledger.close()
    before = verify(path, KEY.public_key())
    take_back(path, 4)
    after = verify(path, KEY.public_key())
    assert (content(path)[0], after.faults, after.root) == ("shape 4", (), before.root)


def test_what_the_newer_program_sent_is_not_taken_back(tmp_path: Path) -> None:
    unchanged(thawed(4, tmp_path / "l"), 3, "no way back from shape 4: reads were sent or settled since")


def test_where_no_way_leads_back_the_ledger_stays_as_it_is(tmp_path: Path) -> None:
    unchanged(thawed(2, tmp_path / "l"), 1, "no way back from shape 2")


def test_a_ledger_in_use_is_not_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.ledger.database.PATIENCE", 0.05)
    path = thawed(3, tmp_path / "l")
    ledger = open_ledger(path, later())
    with pytest.raises(LedgerError, match="another process is holding it"):
        take_back(path, 2)
    ledger.close()
    assert content(path)[0] == f"shape {len(MIGRATIONS)}"


def test_the_older_program_names_the_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.ledger.database.MIGRATIONS", MIGRATIONS[:2])
    with pytest.raises(LedgerError, match="let the newer one take it back: `homerule ledger take-back 2`"):
        open_ledger(thawed(3, tmp_path / "l"), later())
