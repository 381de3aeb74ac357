"""The ledger file itself: made, migrated, shared by processes and threads, and refused with the mend."""

import os
import resource
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.errors import LedgerError
from edge.ledger import Ledger, migrations
from edge.ledger.database import faults_named, open_readonly, open_writable
from edge.ledger.look import looking
from edge.ledger.verify import verify
from tests.ledger.builders import DEVICE, KEY, HandClock, open_ledger, outcomes, record

ALL = ("a-pd", "b-pd")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def made(path: Path) -> Path:
    open_ledger(path, HandClock()).close()
    return path


def sql(path: Path, statement: str) -> None:
    db = sqlite3.connect(path)
    db.execute(statement)
    db.commit()
    db.close()


def refused(path: Path, match: str, *, key: Ed25519PrivateKey = KEY, device: str = DEVICE, test: bool = False) -> None:
    with pytest.raises(LedgerError, match=match):
        Ledger.open(path, clock=HandClock(), key=key, device=device, test=test)


def test_a_new_ledger_is_readable_by_its_owner_only(path: Path) -> None:
    ledger = open_ledger(path, HandClock())
    modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    ledger.close()
    assert modes == {0o600}


def test_a_ledger_keeps_its_id(path: Path) -> None:
    first = open_ledger(path, HandClock())
    first.close()
    second = open_ledger(path, HandClock())
    second.close()
    assert second.ledger_id == first.ledger_id


def test_commits_are_durable_and_what_is_deleted_is_overwritten(path: Path) -> None:
    ledger = open_ledger(path, HandClock())
    pragmas = [
        ledger._file._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "secure_delete")
    ]
    ledger.close()
    assert pragmas == ["wal", 2, 1]


def test_a_ledger_of_a_newer_homerule_is_refused_unchanged(path: Path) -> None:
    sql(made(path), "PRAGMA user_version = 99")
    before = path.read_bytes()
    refused(path, "newer homerule .shape 99.*update homerule")
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_unchanged(path: Path) -> None:
    sql(path, "CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    refused(path, "a database, but not a ledger")
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_unchanged(path: Path) -> None:
    path.write_text("shopping list\n" * 500)
    refused(path, "it is not a ledger")
    assert path.read_text() == "shopping list\n" * 500


def test_a_ledger_with_a_damaged_byte_among_its_tables_is_refused(path: Path) -> None:
    content = bytearray(made(path).read_bytes())
    content[content.index(b"CREATE TABLE") + 3] = 0xAD
    path.write_bytes(content)
    refused(path, "it is damaged; keep a copy, then run `homerule audit verify` on it")
    with pytest.raises(LedgerError, match="it is damaged"), looking(path):
        pass


@pytest.mark.parametrize("table", ["tree", "hotlists", "pruned"])
def test_a_ledger_that_lost_a_row_is_refused_at_the_latest_when_it_is_needed(path: Path, table: str) -> None:
    sql(made(path), f"DELETE FROM {table}")

    def used() -> None:
        ledger = open_ledger(path, HandClock())
        ledger.look_for([])
        assert ledger.history.pruned == 0

    with pytest.raises(LedgerError, match="lost a row that it cannot be without"):
        used()


def test_a_migration_that_fails_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ("CREATE TABLE half (x)", "CREATE TABLE half (x)")
    monkeypatch.setattr("edge.ledger.database.MIGRATIONS", (*migrations.MIGRATIONS, broken))
    refused(path, "already exists")
    monkeypatch.undo()
    open_ledger(path, HandClock()).close()
    db = sqlite3.connect(path)
    assert db.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchone() is None
    db.close()


def test_an_older_ledger_gets_the_missing_migrations(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(path)
    monkeypatch.setattr("edge.ledger.database.MIGRATIONS", (*migrations.MIGRATIONS, ("CREATE TABLE later (x)",)))
    open_ledger(path, HandClock()).close()
    db = open_readonly(path)
    assert db.execute("PRAGMA user_version").fetchone()[0] == len(migrations.MIGRATIONS) + 1
    db.close()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere" / "ledger.sqlite", "the folder is missing; make it first")


def test_a_name_that_the_disk_cannot_even_look_up_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened \\(file name too long\\)"):
        open_readonly(tmp_path / ("x" * 300))


def test_a_folder_in_the_files_place_is_said(tmp_path: Path) -> None:
    refused(tmp_path, "cannot be opened for writing")


def test_a_ledger_of_another_device_is_refused(path: Path) -> None:
    refused(made(path), "it belongs to device `pole-7`.*give device `pole-8`", device="pole-8")


def test_a_ledger_of_another_key_is_refused(path: Path) -> None:
    refused(made(path), "put back the key", key=Ed25519PrivateKey.from_private_bytes(b"z" * 32))


def test_a_production_ledger_is_refused_in_test_mode(path: Path) -> None:
    refused(made(path), "it is a production ledger; use another file for test", test=True)


def test_a_ledger_whose_last_entries_are_gone_is_refused(path: Path) -> None:
    sql(made(path), "DELETE FROM entries WHERE position = 1")
    refused(path, "do not fit together")


def record_many(ledger: Ledger, clock: HandClock, count: int) -> None:
    for _ in range(count):
        record(ledger, clock, ALL, ["a-pd"])


def test_a_full_disk_is_said_and_nothing_is_half_written(path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(path, clock)
    ledger._file._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(LedgerError, match="the disk is full"):
        record_many(ledger, clock, 500)
    ledger._file._db.execute("PRAGMA max_page_count = 100000")
    record(ledger, clock, ALL, ["a-pd"])
    ledger.close()
    assert verify(path, KEY.public_key()).faults == ()


def test_a_disk_with_no_room_for_sqlites_shared_memory_is_full_and_not_broken(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))  # stands in for it: SQLite asks for 32 kB at once
    try:
        with pytest.raises(LedgerError, match="the disk is full; free some space"):
            open_writable(tmp_path / "ledger.sqlite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_ledger_that_may_not_be_written_is_said(path: Path) -> None:
    db = sqlite3.connect(f"file:{made(path)}?mode=ro", uri=True)
    with pytest.raises(LedgerError, match="cannot be written"), faults_named(path):
        db.execute("DELETE FROM outbox")
    db.close()


def test_a_ledger_that_another_process_holds_is_said(path: Path) -> None:
    other = sqlite3.connect(made(path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    db = sqlite3.connect(path, timeout=0, isolation_level=None)
    with pytest.raises(LedgerError, match="another process is holding it"), faults_named(path):
        db.execute("BEGIN IMMEDIATE")
    db.close()
    other.close()


def test_a_ledger_that_was_closed_raises_no_foreign_error(path: Path) -> None:
    ledger = open_ledger(path, HandClock())
    ledger.close()
    with pytest.raises(LedgerError):
        ledger.waiting()


def test_two_that_write_the_same_ledger_see_each_others_entries(path: Path) -> None:
    clock = HandClock()
    one, two = open_ledger(path, clock), open_ledger(path, clock)
    for _ in range(5):
        record(one, clock, ALL, ["a-pd"])
        record(two, clock, ALL, ["b-pd"])
    counts = [len(list(outcomes(ledger))) for ledger in (one, two)]
    one.close()
    two.close()
    assert counts == [10, 10]
    assert verify(path, KEY.public_key()).faults == ()


def test_a_ledger_that_is_reached_through_a_link_is_the_same_to_the_last_entry(path: Path, tmp_path: Path) -> None:
    clock, link = HandClock(), tmp_path / "elsewhere" / "link.sqlite"
    link.parent.mkdir()
    link.symlink_to(path)
    ledger = open_ledger(path, clock)
    record(ledger, clock, ALL, ["a-pd"])  # nothing of this is in the file itself yet
    itself, linked = verify(path, KEY.public_key()), verify(link, KEY.public_key())
    ledger.close()
    assert linked == itself
    assert (itself.reads, itself.faults) == (1, ())


def test_many_threads_share_one_ledger(path: Path) -> None:
    ledger, clock = open_ledger(path, HandClock()), HandClock()
    ids = [[clock.new_id() for _ in range(25)] for _ in range(4)]

    def write(names: list[str]) -> None:
        for name in names:
            fixed = HandClock()
            fixed.new_id = lambda name=name: name  # type: ignore[method-assign,misc]
            record(ledger, fixed, ALL, ["a-pd"])

    threads = [threading.Thread(target=write, args=(names,)) for names in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorded = {read_id for read_id, _ in outcomes(ledger)}
    ledger.close()
    assert recorded == {name for names in ids for name in names}
    assert verify(path, KEY.public_key()).faults == ()


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
@pytest.mark.parametrize("how", ["taken away", "replaced"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_ledger_whose_file_is_gone_from_under_it_writes_nothing_more(
    path: Path, tmp_path: Path, name: str, how: str, linked: bool
) -> None:
    clock, link = HandClock(), tmp_path / "link.sqlite"
    link.symlink_to(path)
    ledger = open_ledger(link if linked else path, clock)
    record(ledger, clock, ["a-pd"], ["a-pd"])
    rows = ledger.due(clock.at, limit=1)
    there = path.with_name(name)
    content = there.read_bytes()
    there.rename(path.with_name("elsewhere"))
    if how == "replaced":
        there.write_bytes(content)
    for act in (lambda: ledger.mark_sent(rows), lambda: record(ledger, clock, ["a-pd"], [])):
        with pytest.raises(LedgerError, match="replaced or taken away"):
            act()
    there.unlink(missing_ok=True)
    path.with_name("elsewhere").rename(there)
    assert len(ledger.mark_sent(rows)) == 1
    ledger.close()


def test_a_copy_of_yesterday_is_told_by_a_size_and_a_root_that_were_kept(path: Path, tmp_path: Path) -> None:
    clock, copy = HandClock(), tmp_path / "copy.sqlite"
    ledger = open_ledger(path, clock)
    ledger.close()
    copy.write_bytes(path.read_bytes())
    ledger = open_ledger(path, clock)
    for _ in range(300):
        record(ledger, clock, ["a-pd"], [])
    kept = ledger.checkpoint()
    for _ in range(20):
        record(ledger, clock, ["a-pd"], [])
    assert ledger.history.root_at(kept.size) == kept.root
    ledger.close()
    yesterday = open_ledger(copy, clock)
    with pytest.raises(LedgerError, match="cut short or replaced"):
        yesterday.history.root_at(kept.size)
    while yesterday.size < kept.size:
        record(yesterday, clock, ["b-pd"], [])
    assert yesterday.history.root_at(kept.size) != kept.root
    yesterday.close()


def test_a_ledger_whose_name_is_no_utf_8_is_opened_for_reading_and_writing(tmp_path: Path) -> None:
    named = made(tmp_path / os.fsdecode(b"b\xff #1?.sqlite"))
    open_readonly(named).close()
    assert verify(named, KEY.public_key()).faults == ()
    assert [path.name for path in tmp_path.iterdir()] == [named.name]
