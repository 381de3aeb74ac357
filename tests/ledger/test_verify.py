"""No byte of an entry, a bundle or a checkpoint changes unseen."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from edge.cli import program
from edge.errors import LedgerError
from edge.keys import public_text
from edge.ledger.entries import Gap, Opaque, Start, Stop
from edge.ledger.log import mark
from edge.ledger.look import look
from edge.ledger.tree import Frontier, leaf_hash
from edge.ledger.verify import Report, verify
from tests.ledger.builders import (
    BUNDLE,
    KEY,
    PLATE,
    HandClock,
    accept,
    decide,
    digest_of,
    open_ledger,
    record,
    seal,
    tagged_read,
    token_of,
)

ALL = ("a-pd", "b-pd", "c-so")
Change = Callable[[sqlite3.Connection], object]


def lived_in(path: Path) -> str:
    """Writes a ledger in which everything happened that can; gives a checkpoint from its middle."""
    clock = HandClock()
    ledger = open_ledger(path, clock)
    ledger.note(Start(software="1.0", after="first"))
    held, files = "", BUNDLE
    for number in range(200):
        seconds = 40 if number % 9 == 5 else 1e5
        read_id = record(ledger, clock, ALL, ["a-pd", "b-pd"][: number % 3], seconds=seconds, files=files)
        marked = ledger.mark_sent(ledger.due(clock.at, limit=4)) if number % 4 and number % 100 < 90 else []
        for row in marked[: number % 5]:
            message_id = row.envelope.message_id
            ledger.acknowledge(row.envelope.subscriber_id, message_id, token_of(message_id) if number % 7 else "wrong")
        for row in ledger.due(clock.move(9), limit=1) if number % 30 == 11 else []:
            ledger.refuse(row, decide(row.envelope.tags.read_id, [row.envelope.subscriber_id], [])[0])
        if number == 98:
            files = replace(BUNDLE, manifest=b"tighter", signature=None)
            drops = {"b-pd": ["opted_out"]}
            ledger.accept_bundle(files, digest=digest_of(files), version=1, revision=1, signed=False, drops=drops)
            held = ledger.checkpoint().note
        if number % 60 == 0:
            ledger.checkpoint()
        ledger.expire(clock.move(20))
        ledger.record(tagged_read(f"{number:022}", replaces=read_id), decide(f"{number:022}", ALL, [], files), [])
    ledger.note(Gap(what="north-1", began=1, ended=2, why="no frames"))
    ledger.note(Opaque(kind="from-the-future", fields=(1, "x")))
    accept(ledger, version=2)
    ledger.note(Stop(why="asked"))
    ledger.checkpoint()
    ledger.close()
    return held


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """The bytes of such a ledger file, and the checkpoint from its middle."""
    path = tmp_path_factory.mktemp("lived") / "ledger.sqlite"
    held = lived_in(path)
    return path.read_bytes(), held


@pytest.fixture
def path(lived: tuple[bytes, str], tmp_path: Path) -> Path:
    copy = tmp_path / "ledger.sqlite"
    copy.write_bytes(lived[0])
    return copy


def change(path: Path, how: Change) -> None:
    db = sqlite3.connect(path)
    how(db)
    db.commit()
    db.close()


def checked(path: Path, held: str = "") -> Report:
    return verify(path, KEY.public_key(), held=[held] if held else [])


def rebuild(db: sqlite3.Connection) -> None:
    """What someone does who changes entries and knows how the file is made."""
    frontier = Frontier()
    db.execute("DELETE FROM subtrees")
    for position, raw in db.execute("SELECT position, bytes FROM entries ORDER BY position").fetchall():
        frontier, completed = frontier.append(leaf_hash(raw))
        db.execute("UPDATE entries SET mark = ? WHERE position = ?", (mark(leaf_hash(raw)), position))
        nodes = [(node.level, node.number, node.digest) for node in completed if node.level % 8 == 0]
        db.executemany("INSERT INTO subtrees VALUES (?, ?, ?)", nodes)
    db.execute("UPDATE tree SET size = ?, frontier = ?", (frontier.size, b"".join(frontier.hashes)))


def test_an_untouched_ledger_has_no_fault(path: Path, lived: tuple[bytes, str]) -> None:
    report = checked(path, lived[1])
    assert report.faults == ()
    assert (report.bundles, report.unknown, report.pinned) == (3, 1, True)
    assert report.reads == 400


def test_the_lived_in_ledger_holds_every_kind_of_delivery_entry(path: Path) -> None:
    db = sqlite3.connect(path)
    kinds = {row[0] for row in db.execute("SELECT json_extract(CAST(bytes AS TEXT), '$[0]') FROM entries")}
    db.close()
    assert kinds >= {"read", "out", "ack-refused", "refused"}
    assert kinds >= {"sent.2", "sent-again.2", "ack.2", "expired.2", "dropped.2"}


def test_verifying_changes_no_byte(path: Path) -> None:
    before = path.read_bytes()
    checked(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_ledger_that_is_in_use_verifies(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"])
    report = checked(tmp_path / "ledger.sqlite")
    ledger.close()
    assert (report.faults, report.reads) == ((), 1)


def test_a_flipped_byte_in_an_entry_is_found_in_that_entry(path: Path, full: bool) -> None:
    chance = Random(11)
    db = sqlite3.connect(path)
    entries = db.execute("SELECT position, bytes FROM entries").fetchall()
    for position, raw in chance.sample(entries, k=len(entries) if full else 30):
        changed = bytearray(raw)
        changed[chance.randrange(len(raw))] ^= chance.randrange(1, 256)
        db.execute("UPDATE entries SET bytes = ? WHERE position = ?", (bytes(changed), position))
        db.commit()
        assert [fault.position for fault in checked(path).faults] == [position]
        db.execute("UPDATE entries SET bytes = ? WHERE position = ?", (raw, position))
        db.commit()
    db.close()


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("blobs", "bytes"),
        ("bundles", "manifest"),
        ("bundles", "signature"),
        ("bundles", "digest"),
        ("bundle_files", "name"),
        ("checkpoints", "note"),
        ("checkpoints", "size"),
        ("subtrees", "hash"),
        ("tree", "frontier"),
        ("tree", "size"),
        ("entries", "mark"),
        ("names", "name"),
        ("patterns", "digest"),
        ("reads", "read_id"),
        ("reads", "position"),
        ("outbox", "position"),
        ("outbox", "message_id"),
        ("settled", "subscriber_id"),
        ("settled", "message_id"),
        ("settled", "position"),
    ],
)
def test_a_flipped_byte_anywhere_else_is_found(
    path: Path, lived: tuple[bytes, str], table: str, column: str, full: bool
) -> None:
    chance = Random(f"{table}.{column}")
    for _ in range(100 if full else 4):
        path.write_bytes(lived[0])
        while not flip(path, table, column, chance):
            pass
        assert checked(path).faults


@pytest.mark.parametrize(("state", "instead"), [("sent", "logged"), ("logged", "acknowledged"), ("logged", "sent")])
def test_an_acknowledgement_beside_the_log_that_says_otherwise_is_found(path: Path, state: str, instead: str) -> None:
    given = (instead, state)
    change(path, lambda db: db.execute("UPDATE settled SET state = ? WHERE state = ?", given))
    faults = checked(path).faults
    assert faults
    assert all(f"`settled` says `{instead}` of" in fault.what for fault in faults)


def test_an_envelope_that_waits_although_it_was_acknowledged_is_found(path: Path) -> None:
    def put_back(db: sqlite3.Connection) -> None:
        """The one row that waits takes the place of one that the log calls acknowledged."""
        found = db.execute("SELECT message_id, subscriber_id, position FROM settled WHERE state = 'logged'").fetchone()
        waiting = db.execute("SELECT message_id FROM outbox").fetchone()
        query = "UPDATE outbox SET message_id = ?, subscriber_id = ?, position = ? WHERE message_id = ?"
        assert db.execute(query, (*found, *waiting)).rowcount == 1

    change(path, put_back)
    (fault,) = checked(path).faults
    assert "`outbox` says `waiting` of" in fault.what


@pytest.mark.parametrize("value", [1_515_248_943, None, "text"])
@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("entries", "bytes", "its bytes were changed"),
        ("subtrees", "hash", "changed"),
        ("settled", "position", "damaged|does not share"),
        ("reads", "position", "does not lead to it"),
        ("tree", "frontier", "changed"),
    ],
)
def test_a_value_of_another_kind_as_a_flipped_bit_leaves_it_is_found(
    path: Path, table: str, column: str, said: str, value: object
) -> None:
    def retype(db: sqlite3.Connection) -> None:
        """The tables let in nothing of another kind; a disk that flips a bit does not ask them."""
        db.execute("PRAGMA writable_schema = ON")
        (strict,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        loose = strict.replace(") STRICT, ", ") ").replace(") STRICT", ")").replace("NOT NULL", "")
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (loose, table))
        db.commit()
        with closing(sqlite3.connect(path)) as again:
            row = "position = 12" if table == "entries" else "1"
            again.execute(f"UPDATE {table} SET {column} = ? WHERE {row}", (value,))
            again.commit()
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (strict, table))

    change(path, retype)
    try:
        found = " ".join(str(fault) for fault in checked(path).faults)
    except LedgerError as error:
        found = str(error)
    assert re.search(said, found)
    if table == "entries":
        with pytest.raises(LedgerError, match="damaged"):
            list(look(path, frozenset({"switch"})))
        with closing(open_ledger(path, HandClock())) as ledger, pytest.raises(LedgerError, match="damaged"):
            list(ledger.history.raw(0, 200))


def flip(path: Path, table: str, column: str, chance: Random) -> bool:
    """Changes one byte, or one number by one, in one row; False if the table's own constraints do not let that in."""
    db = sqlite3.connect(path)
    db.text_factory = bytes
    values = f"SELECT {column}, typeof({column}) FROM {table} WHERE {column} IS NOT NULL"
    found, kind = chance.choice(db.execute(values).fetchall())
    if isinstance(found, int):
        changed = found + chance.choice((-1, 1))
    else:
        at = chance.randrange(len(found))
        changed = found[:at] + bytes([found[at] ^ 1 << chance.randrange(7)]) + found[at + 1 :]
    cast = "CAST(? AS TEXT)" if kind == b"text" else "?"
    try:
        db.execute(f"UPDATE {table} SET {column} = {cast} WHERE {column} = {cast}", (changed, found))
        db.commit()
    except sqlite3.IntegrityError:
        return False
    finally:
        db.close()
    return True


def test_an_edit_that_also_mends_the_marks_is_narrowed_to_a_block(path: Path) -> None:
    def edit(db: sqlite3.Connection) -> None:
        raw = bytes(db.execute("SELECT bytes FROM entries WHERE position = 100").fetchone()[0])
        forged = raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]
        db.execute("UPDATE entries SET bytes = ?, mark = ? WHERE position = 100", (forged, mark(leaf_hash(forged))))

    change(path, edit)
    (fault,) = checked(path).faults
    assert fault.position is not None
    assert 100 <= fault.position <= 255


def forge_time(db: sqlite3.Connection) -> None:
    raw = bytes(db.execute("SELECT bytes FROM entries WHERE position = 100").fetchone()[0])
    kind, at, rest = raw.split(b",", 2)
    forged = b",".join((kind, str(int(at) + 1).encode(), rest))
    db.execute("UPDATE entries SET bytes = ? WHERE position = 100", (forged,))
    rebuild(db)


def test_an_edit_that_mends_the_whole_file_is_found_by_its_checkpoints(path: Path) -> None:
    change(path, forge_time)
    assert any("the log was rewritten" in fault.what for fault in checked(path).faults)


def test_an_edit_that_also_takes_away_the_checkpoints_is_found_by_one_held_elsewhere(
    path: Path, lived: tuple[bytes, str]
) -> None:
    change(path, forge_time)
    change(path, lambda db: db.execute("DELETE FROM checkpoints"))
    assert checked(path).faults == ()
    assert any("the log was rewritten" in fault.what for fault in checked(path, lived[1]).faults)


def test_a_deleted_entry_is_found(path: Path) -> None:
    change(
        path,
        lambda db: (db.execute("PRAGMA foreign_keys = OFF"), db.execute("DELETE FROM entries WHERE position = 77")),
    )
    (fault,) = checked(path).faults
    assert "entry 77 is missing" in fault.what


def test_two_entries_that_changed_places_are_found(path: Path) -> None:
    def exchange(db: sqlite3.Connection) -> None:
        rows = db.execute("SELECT bytes, mark FROM entries WHERE position IN (200, 201) ORDER BY position").fetchall()
        for position, row in zip((201, 200), rows, strict=True):
            db.execute("UPDATE entries SET bytes = ?, mark = ? WHERE position = ?", (*row, position))

    change(path, exchange)
    assert checked(path).faults


def test_a_log_that_was_cut_short_is_found(path: Path) -> None:
    change(path, lambda db: db.execute("DELETE FROM entries WHERE position > 600"))
    assert any("the log ends here" in fault.what for fault in checked(path).faults)


def test_yesterdays_copy_is_found_against_a_checkpoint_held_elsewhere(tmp_path: Path) -> None:
    clock = HandClock()
    path = tmp_path / "ledger.sqlite"
    ledger = open_ledger(path, clock)
    record(ledger, clock, ALL, [])
    ledger.close()
    yesterday = path.read_bytes()
    ledger = open_ledger(path, clock)
    record(ledger, clock, ALL, [])
    held = ledger.checkpoint().note
    ledger.close()
    path.write_bytes(yesterday)
    assert checked(path).faults == ()
    assert any("it was cut short" in fault.what for fault in checked(path, held).faults)


def test_a_ledger_of_another_key_is_found(path: Path) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key()
    assert any("another key" in fault.what for fault in verify(path, stranger).faults)


def test_an_envelope_slipped_into_the_outbox_is_found(path: Path) -> None:
    envelope = seal("9" * 22, "c-so")
    row = (envelope.message_id, "c-so", 50, "t", b"", b"", 2**50, b"", "{}", "[]", "", 0, None, 0, 0)
    change(path, lambda db: db.execute(f"INSERT INTO outbox VALUES ({','.join('?' * 15)})", row))
    assert any("does not share" in fault.what for fault in checked(path).faults)


def test_no_plate_is_in_the_file(path: Path, lived: tuple[bytes, str]) -> None:
    assert PLATE.encode() not in lived[0]


def damaged(path: Path) -> None:
    """Changes one byte of the words by which the file says what it holds."""
    content = bytearray(path.read_bytes())
    content[content.index(b"CREATE TABLE") + 3] = 0xAD
    path.write_bytes(content)


def test_who_looks_at_a_damaged_ledger_is_sent_to_the_archives_and_not_here_again(path: Path) -> None:
    damaged(path)
    result = CliRunner().invoke(program(), ["audit", "verify", str(path)])
    assert isinstance(result.exception, LedgerError)
    assert "it is damaged; keep a copy, then go by the newest of your archives" in str(result.exception)


@pytest.mark.parametrize("table", ["tree", "hotlists"])
def test_a_table_that_lost_its_only_row_is_found(path: Path, table: str) -> None:
    change(path, lambda db: db.execute(f"DELETE FROM {table}"))
    assert f"the table `{table}` has lost its row" in [fault.what for fault in checked(path).faults]


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"not a ledger|damaged"):
        checked(path)


def test_the_command_says_ok_and_exits_0(path: Path) -> None:
    key = path.with_name("device.pub")
    key.write_text(public_text(KEY) + "\n")
    result = CliRunner().invoke(program(), ["audit", "verify", str(path.parent), "--public-key", str(key)])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == ["ok", "ok", "ok", "note"]


def test_the_command_names_the_first_bad_entry_and_exits_1(path: Path) -> None:
    change(path, lambda db: db.execute("UPDATE entries SET bytes = x'5b5d' WHERE position = 42"))
    result = CliRunner().invoke(program(), ["audit", "verify", str(path)])
    assert (result.exit_code, result.output) == (1, f"FAULT edit {path}: entry 42: its bytes were changed\n")
