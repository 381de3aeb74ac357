"""An archive tells an edit from a truncation from a gap from a fork, to the program and to a verifier beside it."""

import ast
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from subprocess import run
from sys import executable
from typing import IO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.audit import container, manifest
from edge.audit.archive import open_archive
from edge.audit.export import Export, export
from edge.audit.held import held as held_in
from edge.audit.proof import prove, proven
from edge.audit.verify import verify_archive
from edge.errors import LedgerError
from edge.keys import public_text
from edge.ledger import Ledger, checkpoint
from edge.ledger.entries import Opaque, Pinned, SelfTest
from edge.ledger.log import mark
from edge.ledger.tree import Frontier, leaf_hash
from edge.ledger.verify import verify
from edge.receive.witness import Witness
from tests.audit.logs import (
    CITY,
    SECOND_VERIFIER,
    archived,
    begun,
    faults,
    lived_in,
    second_word,
    signed,
    some_reads,
    word,
)
from tests.ledger.builders import KEY, PLATE, HandClock, accept

STRANGER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, str]:
    """A ledger file, the bytes of its archive, and a checkpoint from its middle."""
    folder = tmp_path_factory.mktemp("lived")
    held = lived_in(folder / "ledger.sqlite")
    return folder / "ledger.sqlite", archived(folder / "ledger.sqlite", folder / "a.zip").read_bytes(), held


@pytest.fixture
def archive(lived: tuple[Path, bytes, str], tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    path.write_bytes(lived[1])
    return path


@pytest.fixture
def ledger(lived: tuple[Path, bytes, str], tmp_path: Path) -> Path:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(lived[0].read_bytes())
    return path


def entries_in(archive: Path) -> tuple[str, int, int]:
    """The file of entries that a small archive has, and where its content begins and ends."""
    with open_archive(archive) as found:
        name = next(one.name for one in found.members if one.name.startswith("entries/"))
        return name, found.place(name), found.place(name) + len(found.content(name))


def test_an_untouched_archive_is_as_it_was_written(archive: Path, lived: tuple[Path, bytes, str]) -> None:
    assert word(archive, [lived[2]]) == "ok"


def test_an_export_that_another_user_has_taken_away_is_not_announced(
    lived: tuple[Path, bytes, str], tmp_path: Path
) -> None:
    fresh, announced = tmp_path / ".b.zip.new", list[str]()

    class TakenAway(Export):
        def write(self, file: IO[bytes]) -> str:
            fresh.unlink()
            fresh.write_bytes(b"theirs")
            return super().write(file)

    with closing(Ledger.open(lived[0], clock=HandClock(), key=KEY, device="pole-7")) as ledger:
        made = TakenAway(ledger.history, KEY, software="1.0")
        with pytest.raises(LedgerError, match="somebody else is writing it"):
            export(made, tmp_path / "b.zip", announce=announced.append)
    assert (announced, list(tmp_path.iterdir())) == ([], [fresh])


def test_the_same_log_gives_the_same_bytes(lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    assert archived(lived[0], tmp_path / "b.zip").read_bytes() == lived[1]


def test_an_export_stands_although_the_device_writes_on_meanwhile(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    for _ in range(3):
        some_reads(ledger, clock, 5)
        ledger.checkpoint()
    some_reads(ledger, clock, 5)
    made = Export(ledger.history, KEY, software="1.0")
    some_reads(ledger, clock, 10)
    ledger.checkpoint()
    export(made, tmp_path / "a.zip")
    held = ledger.checkpoint().note
    ledger.close()
    assert word(tmp_path / "a.zip") == "ok"
    assert word(tmp_path / "a.zip", [held]) == "truncation"


def test_any_zip_program_opens_it(archive: Path) -> None:
    with zipfile.ZipFile(archive) as found:
        assert found.testzip() is None
        assert found.read("keys/device.pub").startswith(b"A6EHv")
        assert all(info.compress_type == zipfile.ZIP_STORED for info in found.infolist())


def test_it_holds_every_entry_and_bundle_byte_for_byte(archive: Path, lived: tuple[Path, bytes, str]) -> None:
    found = Ledger.open(lived[0], clock=HandClock(), key=KEY, device="pole-7")
    with open_archive(archive) as opened:
        assert list(opened.entries()) == list(found.history.raw(0, found.size))
        assert opened.bundle(3) == found.history.bundle(3)
        assert opened.notes()[-1] == found.checkpoint().note
    found.close()


def test_no_plate_is_in_it(lived: tuple[Path, bytes, str]) -> None:
    assert PLATE.encode() not in lived[1]


def test_any_changed_byte_is_found_where_it_is(archive: Path, lived: tuple[Path, bytes, str], full: bool) -> None:
    chance = Random(3)
    for at in range(len(lived[1])) if full else sorted(chance.sample(range(len(lived[1])), 120)):
        spoiled = bytearray(lived[1])
        spoiled[at] ^= chance.randrange(1, 256)
        archive.write_bytes(spoiled)
        (fault,) = faults(archive)
        assert fault.sort == "edit"
        assert fault.place is not None
        assert fault.place[0] <= at < fault.place[1] or b"PK" not in spoiled[:2], (at, fault)


def test_the_second_verifier_finds_any_changed_byte(archive: Path, lived: tuple[Path, bytes, str], full: bool) -> None:
    chance = Random(4)
    for at in range(0, len(lived[1]), 7) if full else sorted(chance.sample(range(len(lived[1])), 60)):
        spoiled = bytearray(lived[1])
        spoiled[at] ^= 1 << chance.randrange(8)
        archive.write_bytes(spoiled)
        assert second_word(archive) in ("edit", "truncation", "gap"), at


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """The bytes of the archive of a few reads, and where those of its entries, bundles and checkpoints are."""
    folder = tmp_path_factory.mktemp("small")
    clock, path = HandClock(), folder / "ledger.sqlite"
    ledger = begun(path, clock)
    some_reads(ledger, clock, 12)
    ledger.checkpoint()
    ledger.close()
    archive = archived(path, folder / "a.zip")
    with open_archive(archive) as found:
        names = [one.name for one in found.members if one.name.startswith(("entries/", "bundles/", "checkpoints"))]
        places = [found.place(name) + at for name in names for at in range(len(found.content(name)))]
    return archive.read_bytes(), places


def test_both_verifiers_find_any_change_of_any_byte_of_every_entry_bundle_and_checkpoint(
    small: tuple[bytes, list[int]], tmp_path: Path, full: bool
) -> None:
    chance, path = Random(8), tmp_path / "a.zip"
    for at in small[1] if full else chance.sample(small[1], 40):
        spoiled = bytearray(small[0])
        spoiled[at] ^= chance.randrange(1, 256)
        path.write_bytes(spoiled)
        assert word(path) == "edit", at


def test_both_verifiers_find_any_byte_that_is_left_out_or_doubled(
    small: tuple[bytes, list[int]], tmp_path: Path, full: bool
) -> None:
    chance, path = Random(9), tmp_path / "a.zip"
    for at in small[1][::11] if full else chance.sample(small[1], 15):
        for piece in (b"", small[0][at : at + 1] * 2):
            path.write_bytes(small[0][:at] + piece + small[0][at + 1 :])
            assert faults(path), at
            assert second_word(path) not in ("", "ok"), at


def test_a_changed_byte_of_an_entry_names_the_entry(archive: Path, lived: tuple[Path, bytes, str]) -> None:
    _, first, _ = entries_in(archive)
    at = first + lived[1][first:].index(b'"national_lookup"')
    spoiled = bytearray(lived[1])
    spoiled[at + 3] ^= 1
    archive.write_bytes(spoiled)
    (fault,) = faults(archive)
    assert fault.position == lived[1][first:at].count(b"\n")
    assert fault.what == "its bytes were changed"
    assert word(archive) == "edit"


def test_an_archive_cut_anywhere_is_a_truncation(archive: Path, lived: tuple[Path, bytes, str], full: bool) -> None:
    every = range(1, len(lived[1]))
    for at in reversed(every if full else sorted(Random(5).sample(every, 40))):
        os.truncate(archive, at)
        assert word(archive) == "truncation", at


def test_a_cut_says_from_which_entry_on_they_are_missing(archive: Path, lived: tuple[Path, bytes, str]) -> None:
    _, first, _ = entries_in(archive)
    cut = first + lived[1][first:].index(b'"national_lookup"')
    archive.write_bytes(lived[1][:cut])
    assert [fault.position for fault in faults(archive)] == [lived[1][first:cut].count(b"\n")]


def test_bytes_added_at_the_end_are_an_edit(archive: Path, lived: tuple[Path, bytes, str]) -> None:
    archive.write_bytes(lived[1] + b"\n")
    assert word(archive) == "edit"


def remade(archive: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Changes the lines of the entries as someone would who has no key: the zip file is well made again."""
    with zipfile.ZipFile(archive) as found:
        contents = {info.filename: found.read(info) for info in found.infolist()}
    name = next(name for name in contents if name.endswith(".jsonl") and name.startswith("entries/"))
    contents[name] = b"".join(change(contents[name].splitlines(keepends=True)))
    write(archive, contents)


def write(archive: Path, contents: dict[str, bytes]) -> None:
    members = [container.member(name, content) for name, content in contents.items()]
    pieces = [one.header + contents[one.name] for one in members]
    archive.write_bytes(b"".join(pieces) + container.directory(members))


def test_everything_made_anew_but_the_devices_signature_is_an_edit(archive: Path) -> None:
    with zipfile.ZipFile(archive) as found:
        contents = {info.filename: found.read(info) for info in found.infolist()}
    contents["bundles/000000000003/files/policy.toml"] += b"national_lookup = true\n"
    rest = [container.member(name, content) for name, content in contents.items()][2:]
    contents["members.json"] = manifest.members_text(rest)
    write(archive, contents)
    assert word(archive) == "edit"
    said = manifest.unsigned(contents["manifest.txt"])
    said = said.model_copy(update={"members": sha256(contents["members.json"]).hexdigest()})
    write(archive, {**contents, "manifest.txt": manifest.sign(said, STRANGER)})
    assert word(archive) in ("edit", "stranger")


def moved(lines: list[bytes]) -> list[bytes]:
    return [*lines[:50], lines[51], lines[50], *lines[52:]]


def exchanged(lines: list[bytes]) -> list[bytes]:
    return [*lines[:50], lines[90], *lines[51:90], lines[50], *lines[91:]]


@pytest.mark.parametrize(
    ("change", "sort", "position"),
    [
        (lambda lines: lines[:60] + lines[61:], "gap", 60),
        (lambda lines: lines[:60] + lines[75:], "gap", 60),
        (lambda lines: lines[1:], "gap", 0),
        (lambda lines: [*lines[:60], lines[59], *lines[60:]], "edit", 60),
        (moved, "edit", 50),
        (exchanged, "edit", 50),
        (lambda lines: [*lines[:60], lines[60].replace(b"1", b"2", 1), *lines[61:]], "edit", 60),
        (lambda lines: [*lines, lines[-1]], "edit", None),
    ],
    ids=["one deleted", "some deleted", "the first deleted", "doubled", "swapped", "exchanged", "changed", "added"],
)
def test_what_was_done_to_the_entries_is_told_apart(
    archive: Path, change: Callable[[list[bytes]], list[bytes]], sort: str, position: int | None
) -> None:
    remade(archive, change)
    assert word(archive) == sort
    if position is not None:
        assert faults(archive)[0].position == position


def test_the_last_entries_deleted_are_found(archive: Path) -> None:
    remade(archive, lambda lines: lines[:-5])
    assert word(archive) in ("gap", "edit", "truncation")


@pytest.mark.parametrize("name", ["bundles/000000000003/files/policy.toml", "checkpoints.jsonl", "keys/city-1.pub"])
def test_a_file_left_out_or_replaced_is_found(archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive) as found:
        contents = {info.filename: found.read(info) for info in found.infolist()}
    write(archive, {each: content for each, content in contents.items() if each != name})
    assert word(archive) == "edit"
    write(archive, {**contents, name: contents[name].replace(b"a", b"b")})
    assert word(archive) == "edit"


def rewritten(ledger: Path, *, checkpoints: bool = False) -> None:
    """What someone does who has the device's key: changes a time, mends the whole file, takes away the checkpoints."""
    db = sqlite3.connect(ledger)
    raw = bytes(db.execute("SELECT bytes FROM entries WHERE position = 40").fetchone()[0])
    kind, at, rest = raw.split(b",", 2)
    db.execute("UPDATE entries SET bytes = ? WHERE position = 40", (b",".join((kind, b"%d" % (int(at) + 1), rest)),))
    frontier = Frontier()
    db.execute("DELETE FROM subtrees")
    if not checkpoints:
        db.execute("DELETE FROM checkpoints")
    for position, raw in db.execute("SELECT position, bytes FROM entries ORDER BY position").fetchall():
        frontier, completed = frontier.append(leaf_hash(raw))
        db.execute("UPDATE entries SET mark = ? WHERE position = ?", (mark(leaf_hash(raw)), position))
        rows = [(node.level, node.number, node.digest) for node in completed if node.level % 8 == 0]
        db.executemany("INSERT INTO subtrees VALUES (?, ?, ?)", rows)
    db.execute("UPDATE tree SET size = ?, frontier = ?", (frontier.size, b"".join(frontier.hashes)))
    db.commit()
    db.close()


def test_a_log_rewritten_with_the_devices_key_is_a_fork_from_a_checkpoint_held_elsewhere(
    ledger: Path, lived: tuple[Path, bytes, str], tmp_path: Path
) -> None:
    rewritten(ledger)
    forged = archived(ledger, tmp_path / "forged.zip")
    assert word(forged) == "ok"
    assert word(forged, [lived[2]]) == "fork"


def test_a_log_rewritten_under_its_own_checkpoints_is_a_fork(ledger: Path, tmp_path: Path) -> None:
    rewritten(ledger, checkpoints=True)
    assert word(archived(ledger, tmp_path / "forged.zip")) == "fork"


def test_yesterdays_copy_in_place_of_the_ledger_is_a_truncation_against_what_a_receiver_kept(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    some_reads(ledger, clock, 20)
    ledger.close()
    old = archived(path, tmp_path / "old.zip")
    yesterdays = path.read_bytes()
    ledger, witness = begun(path, clock), Witness(tmp_path / "reads.jsonl", KEY.public_key())
    some_reads(ledger, clock, 5)
    witness.see(ledger.checkpoint().note, "pole-7", clock.at)
    ledger.close()
    (held,) = held_in(tmp_path / "reads.jsonl.checkpoints")
    assert word(old) == "ok"
    assert word(old, [held.note]) == "truncation"
    assert word(archived(path, tmp_path / "new.zip"), [held.note]) == "ok"
    path.write_bytes(yesterdays)
    assert [fault.sort for fault in verify(path, KEY.public_key(), held=[held.note]).faults] == ["truncation"]


def test_a_copied_device_that_writes_on_is_a_fork(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    some_reads(ledger, clock, 20)
    ledger.close()
    (tmp_path / "clone").mkdir()
    clone = tmp_path / "clone" / "ledger.sqlite"
    clone.write_bytes(path.read_bytes())
    notes = []
    for each, reads in ((path, 7), (clone, 4)):
        ledger = begun(each, clock)
        some_reads(ledger, clock, reads)
        notes.append(ledger.checkpoint().note)
        ledger.close()
    assert word(archived(path, tmp_path / "a.zip"), [notes[0]]) == "ok"
    assert word(archived(path, tmp_path / "b.zip"), [notes[1]]) == "fork"


def test_two_logs_of_one_key_are_a_fork(archive: Path, tmp_path: Path) -> None:
    clock = HandClock(chance=Random(99))
    other = begun(tmp_path / "other.sqlite", clock)
    assert word(archive, [other.checkpoint().note]) == "fork"
    other.close()


def test_a_checkpoint_of_another_key_is_a_strangers(archive: Path) -> None:
    note = checkpoint.sign("pole-7", "some-ledger", 3, bytes(32), STRANGER).note
    assert word(archive, [note]) == "stranger"


def test_an_archive_of_another_device_key_is_a_strangers(archive: Path) -> None:
    assert word(archive, key=STRANGER) == "stranger"
    assert len(faults(archive, key=STRANGER)) == 1  # what it vouches for itself is not judged then


def test_a_bundle_that_another_city_signed_is_a_strangers(archive: Path) -> None:
    assert word(archive, city=STRANGER) == "stranger"


def test_a_key_that_the_log_came_to_trust_and_nobody_gave_is_a_strangers(ledger: Path, tmp_path: Path) -> None:
    found = Ledger.open(ledger, clock=HandClock(), key=KEY, device="pole-7")
    found.note(Pinned(key=public_text(STRANGER)))
    found.close()
    assert word(archived(ledger, tmp_path / "b.zip")) == "stranger"


def test_a_bundle_accepted_without_the_citys_signature_is_a_strangers(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    accept(ledger, replace(signed(b"other"), signature=STRANGER.sign(b"other")), version=2)
    ledger.close()
    assert word(archived(path, tmp_path / "a.zip")) == "stranger"


def test_a_bundle_that_was_changed_in_the_ledger_before_the_export_is_an_edit(ledger: Path, tmp_path: Path) -> None:
    db = sqlite3.connect(ledger)
    db.execute("UPDATE blobs SET bytes = ? WHERE bytes = ?", (b"[sharing]\nmore = 1\n", b"[sharing]\n"))
    db.commit()
    db.close()
    forged = archived(ledger, tmp_path / "forged.zip")
    assert word(forged) == "edit"
    assert faults(forged)[0].position == 3


@pytest.mark.parametrize(("first", "last"), [(300, None), (0, 400), (260, 500), (512, 513)])
def test_a_part_of_a_log_stands_by_itself(
    lived: tuple[Path, bytes, str], tmp_path: Path, first: int, last: int | None
) -> None:
    part = archived(lived[0], tmp_path / "part.zip", first=first, last=last)
    assert word(part) == "ok"
    with open_archive(part) as found:
        assert found.first == first - first % 256
        assert found.last == (last or found.size)
        kept = dict(found.entries())
        assert 0 in kept
        assert {json.loads(raw)[0] for position, raw in kept.items() if position < found.first} <= {
            *("ledger", "name", "pattern", "bundle", "pinned", "switch", "read", "start")
        }


def test_a_part_is_checked_against_what_was_held_within_it(
    lived: tuple[Path, bytes, str], ledger: Path, tmp_path: Path
) -> None:
    rewritten(ledger)
    size = int(lived[2].split("\n")[1])
    part = archived(ledger, tmp_path / "part.zip", first=size - 20)
    assert word(part, [lived[2]]) == "fork"


def test_a_change_in_what_is_carried_along_is_found(lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    part = archived(lived[0], tmp_path / "part.zip", first=512)
    whole = part.read_bytes()
    with open_archive(part) as found:
        begins, size = found.place("before.jsonl"), len(found.content("before.jsonl"))
    for at in Random(6).sample(range(begins, begins + size), 25):
        spoiled = bytearray(whole)
        spoiled[at] ^= 4
        part.write_bytes(spoiled)
        assert word(part) == "edit"


def resigned(archive: Path, **changes: object) -> None:
    """What only the device's key can do: another manifest over the same files."""
    with zipfile.ZipFile(archive) as found:
        contents = {info.filename: found.read(info) for info in found.infolist()}
    said = manifest.unsigned(contents["manifest.txt"]).model_copy(update=changes)
    write(archive, {**contents, "manifest.txt": manifest.sign(said, KEY)})


def test_a_part_that_nobody_asked_for_is_a_gap_or_a_truncation(lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    resigned(head := archived(lived[0], tmp_path / "head.zip", last=400), until="")
    assert word(head) == "truncation"
    resigned(tail := archived(lived[0], tmp_path / "tail.zip", first=300), since="")
    assert word(tail) == "gap"


def test_a_manifest_of_another_root_is_found(archive: Path) -> None:
    resigned(archive, root="0" * 64)
    assert faults(archive)
    assert second_word(archive) != "ok"


@pytest.mark.full
def test_a_log_of_many_files_verifies_and_each_entry_is_proven(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    ledger.note(*(SelfTest(model="m", digest="d" * 8, passed=1) for _ in range(66_000)))
    held = ledger.checkpoint()
    ledger.close()
    whole = archived(path, tmp_path / "a.zip")
    assert word(whole, [held.note]) == "ok"
    with open_archive(whole) as found:
        for position in (0, 1, 255, 256, 65_535, 65_536, held.size - 1):
            assert proven(prove(found, position), KEY.public_key()) == (position, found.entry(position))
    spoiled = bytearray(whole.read_bytes())
    spoiled[-3_000_000] ^= 1
    whole.write_bytes(spoiled)
    assert word(whole) == "edit"


def test_every_entry_can_be_proven_and_nothing_else(archive: Path) -> None:
    with open_archive(archive) as found:
        for position in range(0, found.size, 41):
            text = prove(found, position)
            assert proven(text, KEY.public_key()) == (position, found.entry(position))
            for spoiled in (
                text.replace(f"index {position}\n", f"index {position + 1}\n"),
                text.replace("extra W", "extra X"),
                text.replace("homerule/pole-7", "homerule/pole-8"),
                text.replace("tlog-proof@v1", "tlog-proof@v2"),
            ):
                with pytest.raises(LedgerError):
                    proven(spoiled, KEY.public_key())
            with pytest.raises(LedgerError):
                proven(text, STRANGER.public_key())


def test_an_entry_of_a_part_is_proven_and_one_outside_is_not(lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    with open_archive(archived(lived[0], tmp_path / "part.zip", first=300, last=500)) as found:
        for position in (0, 300, 499):
            assert proven(prove(found, position), KEY.public_key())[0] == position
        with pytest.raises(LedgerError, match="it holds the entries 256 to 499, not 600"):
            prove(found, 600)


def test_what_a_receiver_kept_is_taken_as_it_is(lived: tuple[Path, bytes, str], tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger, witness = begun(path, clock), Witness(tmp_path / "reads.jsonl", KEY.public_key())
    for _ in range(5):
        some_reads(ledger, clock, 7)
        witness.see(ledger.checkpoint().note, "pole-7", clock.at)
    ledger.close()
    whole = archived(path, tmp_path / "a.zip")
    kept = held_in(tmp_path / "reads.jsonl.checkpoints")
    assert len(kept) == 5
    assert word(whole, [one.note for one in kept]) == "ok"
    assert second_word(whole, [(tmp_path / "reads.jsonl.checkpoints").read_text()]) == "ok"
    rewritten(path)
    forged = archived(path, tmp_path / "b.zip")
    assert verify_archive(forged, device_key=KEY.public_key(), held=kept).faults[0].sort == "fork"
    assert second_word(forged, [(tmp_path / "reads.jsonl.checkpoints").read_text()]) == "fork"


def test_what_this_version_does_not_know_is_said_once(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    ledger.note(*(Opaque(kind=kind, fields=(1,)) for kind in ("from-the-future", "and-another", "and-another")))
    ledger.close()
    found = verify_archive(
        archived(path, tmp_path / "a.zip"), device_key=KEY.public_key(), city_keys=[CITY.public_key()]
    )
    assert found.faults == []
    assert sum("kinds that this version does not know" in note for note in found.notes) == 1


def test_entries_that_ran_together_are_not_read(archive: Path, lived: tuple[Path, bytes, str]) -> None:
    name, first, _ = entries_in(archive)
    spoiled = bytearray(lived[1])
    spoiled[first + lived[1][first:].index(b"\n")] = ord(" ")
    archive.write_bytes(spoiled)
    with open_archive(archive) as found, pytest.raises(LedgerError, match=f"{name} is damaged"):
        list(found.entries())


def test_without_pinned_keys_it_says_that_the_archive_vouches_for_itself(archive: Path) -> None:
    notes = verify_archive(archive).notes
    assert any("--device-key" in note for note in notes)
    assert any("--city-key" in note for note in notes)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(60), b"SQLite format 3\x00", b"x" * 10_000])
def test_a_file_that_is_no_archive_is_not_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert faults(path)


def test_an_archive_is_readable_by_its_owner_only_and_never_written_over(ledger: Path, tmp_path: Path) -> None:
    out = archived(ledger, tmp_path / "a.zip")
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(LedgerError, match="exists already"):
        archived(ledger, out)


def test_an_export_that_fails_leaves_nothing(ledger: Path, tmp_path: Path) -> None:
    found = Ledger.open(ledger, clock=HandClock(), key=KEY, device="pole-7")

    def fails(_: str) -> None:
        raise LedgerError("the ledger cannot be written")

    with pytest.raises(LedgerError):
        export(Export(found.history, KEY, software="1.0"), tmp_path / "a.zip", announce=fails)
    found.close()
    assert [each.name for each in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_the_second_verifier_is_one_page_and_knows_nothing_of_the_program() -> None:
    text = SECOND_VERIFIER.read_text()
    assert len(text.splitlines()) <= 200
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not any(name.startswith("edge") for name in imported)
    assert {name.split(".")[0] for name in imported} <= {
        *("argparse", "base64", "json", "mmap", "struct", "sys", "zlib", "hashlib", "pathlib", "urllib"),
        "cryptography",
    }


@pytest.mark.parametrize("given", ["archive", "device-key", "city-key", "checkpoint"])
@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe nonsense\n", b"{}\n"], ids=["missing", "empty", "bytes", "{}"]
)
def test_what_the_second_verifier_cannot_read_is_said_in_a_line(
    archive: Path, tmp_path: Path, given: str, content: bytes | None
) -> None:
    files = {"archive": archive, "device-key": tmp_path / "device.pub", "checkpoint": tmp_path / "held"}
    files["device-key"].write_text(public_text(KEY))
    files["checkpoint"].write_text(checkpoint.sign("pole-7", "some-ledger", 3, bytes(32), STRANGER).note)
    files["city-key"] = tmp_path / "city.pub"
    files["city-key"].write_text(public_text(STRANGER))
    files[given].unlink()
    if content is not None:
        files[given].write_bytes(content)
    options = [word for name in ("device-key", "city-key", "checkpoint") for word in (f"--{name}", str(files[name]))]
    done = run([executable, str(SECOND_VERIFIER), str(archive), *options], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(("FAULT ", "what was given cannot be read: "))
