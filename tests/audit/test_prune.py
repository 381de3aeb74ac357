"""What leaves the ledger is in a verified archive, and what is left verifies and is proven as before."""

import sqlite3
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from edge.audit.prune import cut
from edge.clock import milliseconds
from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.entries import Name, Pattern, Read, SelfTest, SentToAll
from edge.ledger.tree import extends, includes, leaf_hash
from edge.ledger.verify import verify
from tests.audit.logs import FIRST, archived, begun, faults, lived_in, some_reads, word
from tests.ledger.builders import KEY, START, HandClock, decide, record, seal, tagged_read, token_of
from tests.ledger.counted import counted
from tests.ledger.disk import FULL, SYNC_FAILED, WRITE_FAILED, Fault, installed

LATER = milliseconds(START + timedelta(days=3650))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, str]:
    """The bytes of a ledger and of its archive, and a checkpoint from its middle."""
    folder = tmp_path_factory.mktemp("pruned")
    held = lived_in(folder / "ledger.sqlite", reads=180)
    whole = archived(folder / "ledger.sqlite", folder / "a.zip").read_bytes()
    return (folder / "ledger.sqlite").read_bytes(), whole, held


@pytest.fixture
def path(lived: tuple[bytes, bytes, str], tmp_path: Path) -> Path:
    (tmp_path / "ledger.sqlite").write_bytes(lived[0])
    (tmp_path / "a.zip").write_bytes(lived[1])
    return tmp_path / "ledger.sqlite"


def opened(path: Path, clock: HandClock | None = None) -> Ledger:
    return Ledger.open(path, clock=clock or HandClock(at=START + timedelta(days=1)), key=KEY, device="pole-7")


def pruned(path: Path, at: int = 512) -> Ledger:
    ledger = opened(path)
    assert list(ledger.prune(at, ("a" * 64,)))[-1] == at
    return ledger


def checked(path: Path, held: str = "") -> list[str]:
    return [
        f"{fault.sort} {fault.what}" for fault in verify(path, KEY.public_key(), held=[held] if held else []).faults
    ]


def test_what_is_left_verifies_against_every_checkpoint(path: Path, lived: tuple[bytes, bytes, str]) -> None:
    pruned(path).close()
    assert checked(path, lived[2]) == []


def test_the_root_and_every_proof_of_what_is_left_are_as_before(path: Path) -> None:
    ledger = opened(path)
    size, root = ledger.size, ledger.history.root_at(ledger.size)
    before = dict(ledger.history.raw(0, size))
    proofs = {position: ledger.history.inclusion_proof(position, size) for position in range(512, size)}
    list(ledger.prune(512, ("a" * 64,)))
    left = dict(ledger.history.raw(0, size))
    assert left == {position: before[position] for position in left}
    assert set(range(512, size)) <= set(left)
    assert 10 < len([position for position in left if position < 512]) < 300
    for position, raw in left.items():
        path_up = ledger.history.inclusion_proof(position, size)
        assert includes(leaf_hash(raw), position, size, path_up, root)
        assert path_up == proofs.get(position, path_up)
    assert extends(512, ledger.history.root_at(512), size, root, ledger.history.consistency_proof(512, size))
    ledger.close()


def test_what_later_entries_refer_to_stays(path: Path) -> None:
    ledger = pruned(path)
    there = {logged.position: logged.entry for logged in ledger.entries()}
    kept = [entry for position, entry in there.items() if isinstance(entry, Read) and position >= 512]
    assert kept
    for entry in kept:
        assert isinstance(there[entry.camera], Name)
        assert isinstance(there[entry.pattern], Pattern)
    ledger.close()


def test_it_is_recorded_on_and_a_pattern_that_went_is_written_again(path: Path) -> None:
    clock = HandClock(at=START + timedelta(days=1), chance=Random(7))
    ledger = opened(path, clock)
    list(ledger.prune(512, ("a" * 64,)))
    last = ledger.bundle_in_force()
    assert last is not None
    some_reads(ledger, clock, 40, last[0])
    held = ledger.checkpoint().note
    ledger.close()
    assert checked(path, held) == []


def test_a_row_that_waits_keeps_its_read_and_is_acknowledged(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    read_id = record(ledger, clock, ("a-pd",), ["a-pd"], seconds=1e8, files=FIRST)
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    some_reads(ledger, clock, 200)
    list(ledger.prune(256, ("a" * 64,)))
    assert ledger.acknowledge("a-pd", f"{read_id}.a-pd", token_of(f"{read_id}.a-pd"))
    ledger.close()
    assert checked(path) == []


def test_a_cut_between_a_read_and_its_send_keeps_the_read(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    record(ledger, clock, ("a-pd",), ["a-pd"], files=FIRST)
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    ledger.note(*(SelfTest(model="m", digest="d", passed=1) for _ in range(ledger.size, 255)))
    record(ledger, clock, ("a-pd",), ["a-pd"], files=FIRST)
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    assert [type(logged.entry) for logged in ledger.entries(255, 257)] == [Read, SentToAll]
    ledger.close()
    part = archived(path, tmp_path / "part.zip", first=256, last=257)
    assert word(part) == "ok"
    assert counted(part)["a-pd"]["reads"] == 0
    cut_off = pruned(path, 256)
    assert any(logged.position == 255 for logged in cut_off.entries())
    cut_off.close()
    assert checked(path) == []


def test_the_entries_that_went_are_not_on_the_disk(path: Path) -> None:
    ledger = opened(path)
    gone = [raw for position, raw in ledger.history.raw(0, 512) if raw.startswith(b'["read"')][:40]
    list(ledger.prune(512, ("a" * 64,)))
    assert ledger.idle()
    there = b"".join(each.read_bytes() for each in path.parent.glob("ledger.sqlite*"))
    left = {raw for _, raw in ledger.history.raw(0, 512)}
    assert 0 < len(left & set(gone)) < len(gone)  # some are still referred to
    assert not [raw for raw in gone if raw in there and raw not in left]
    ledger.close()


def test_it_can_be_pruned_again_and_archived_from_there(path: Path, tmp_path: Path) -> None:
    pruned(path, 256).close()
    pruned(path, 768).close()
    assert checked(path) == []
    rest = archived(path, tmp_path / "rest.zip")
    assert word(rest) == "ok"
    assert [fault.what for fault in faults(rest)] == []


def test_an_archive_of_a_pruned_ledger_says_so_and_an_older_one_still_fits(
    path: Path, lived: tuple[bytes, bytes, str], tmp_path: Path
) -> None:
    ledger = pruned(path)
    now = [ledger.checkpoint().note]
    ledger.close()
    assert word(archived(path, tmp_path / "rest.zip"), now) == "ok"
    assert word(path.parent / "a.zip", [lived[2]]) == "ok"


@pytest.mark.parametrize(
    ("change", "sort"),
    [
        ("UPDATE pruned SET upto = 768", "gap"),
        ("UPDATE pruned SET upto = 256", "gap"),
        ("DELETE FROM entries WHERE position = 0", "gap"),
        ("DELETE FROM subtrees WHERE level = (SELECT min(level) FROM subtrees)", "gap"),
        ("UPDATE subtrees SET hash = zeroblob(32) WHERE level = (SELECT min(level) FROM subtrees)", "edit"),
        ("UPDATE subtrees SET hash = zeroblob(32) WHERE level = 8 AND number = 1", "edit"),
        ("DELETE FROM entries WHERE position = 600", "gap"),
        ("UPDATE entries SET bytes = x'5b5d' WHERE position = 2", "edit"),
    ],
)
def test_a_pruned_ledger_hides_nothing(path: Path, change: str, sort: str) -> None:
    pruned(path).close()
    db = sqlite3.connect(path)
    db.execute(change)
    db.commit()
    db.close()
    found = checked(path)
    assert found
    assert found[0].split()[0] == sort, found


def test_a_part_of_the_log_that_was_deleted_and_not_pruned_is_a_gap(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("UPDATE pruned SET upto = 512")
    db.execute("DELETE FROM entries WHERE position BETWEEN 300 AND 500")
    db.commit()
    db.close()
    assert checked(path)[0].startswith("gap")


def test_only_what_a_whole_archive_of_this_log_holds_may_go(path: Path, tmp_path: Path) -> None:
    ledger, whole = opened(path), path.parent / "a.zip"
    found = cut(ledger.history, [whole], key=KEY.public_key(), before=LATER, allowed=LATER)
    assert 512 <= found.at <= ledger.size - 1
    assert found.at % 256 == 0
    spoiled = tmp_path / "spoiled.zip"
    content = bytearray(whole.read_bytes())
    content[-5000] ^= 1
    spoiled.write_bytes(content)
    with pytest.raises(LedgerError, match="not as it was written"):
        cut(ledger.history, [whole, spoiled], key=KEY.public_key(), before=LATER, allowed=LATER)
    ledger.close()


def test_no_more_goes_than_the_archives_hold(path: Path, tmp_path: Path) -> None:
    parts = [
        archived(path, tmp_path / f"{first}.zip", first=first, last=last) for first, last in ((0, 300), (256, 700))
    ]
    ledger = opened(path)
    one = cut(ledger.history, parts[:1], key=KEY.public_key(), before=LATER, allowed=LATER)
    both = cut(ledger.history, parts, key=KEY.public_key(), before=LATER, allowed=LATER)
    assert (one.at, both.at, len(both.archives)) == (256, 512, 2)
    with pytest.raises(LedgerError, match="no archive holds the entries from 0 on"):
        cut(ledger.history, parts[1:], key=KEY.public_key(), before=LATER, allowed=LATER)
    ledger.close()


def test_an_archive_of_another_log_does_not_count(path: Path, tmp_path: Path) -> None:
    clock = HandClock(chance=Random(5))
    other = begun(tmp_path / "other.sqlite", clock)
    some_reads(other, clock, 5)
    other.close()
    ledger = opened(path)
    strange = archived(tmp_path / "other.sqlite", tmp_path / "other.zip")
    with pytest.raises(LedgerError, match="another log"):
        cut(ledger.history, [strange], key=KEY.public_key(), before=LATER, allowed=LATER)
    ledger.close()


def test_an_archive_of_a_copy_that_went_another_way_does_not_count(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(path.read_bytes())
    for each, model in ((path, "ours"), (copy, "theirs")):
        ledger = opened(each)
        ledger.note(SelfTest(model=model, digest="d", passed=1))
        ledger.close()
    strange = archived(copy, tmp_path / "copy.zip")
    ledger = opened(path)
    with pytest.raises(LedgerError, match="holds other entries"):
        cut(ledger.history, [strange], key=KEY.public_key(), before=LATER, allowed=LATER)
    ledger.close()


def test_an_archive_with_a_changed_bundle_does_not_count(path: Path, tmp_path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("UPDATE blobs SET bytes = ? WHERE bytes = ?", (b"[sharing]\nmore = 1\n", b"[sharing]\n"))
    db.commit()
    db.close()
    forged = archived(path, tmp_path / "forged.zip")
    ledger = opened(path)
    with pytest.raises(LedgerError, match="not as it was written"):
        cut(ledger.history, [forged], key=KEY.public_key(), before=LATER, allowed=LATER)
    ledger.close()


def test_nothing_younger_than_the_years_that_were_written_goes(path: Path) -> None:
    ledger, whole = opened(path), [path.parent / "a.zip"]
    with pytest.raises(LedgerError, match="audit_years"):
        cut(ledger.history, whole, key=KEY.public_key(), before=LATER, allowed=LATER - 1)
    half = milliseconds(START + timedelta(hours=1))
    found = cut(ledger.history, whole, key=KEY.public_key(), before=half, allowed=half)
    assert all(logged.at < half for logged in ledger.entries(0, found.at))
    with pytest.raises(LedgerError, match="too few entries"):
        cut(ledger.history, whole, key=KEY.public_key(), before=milliseconds(START), allowed=LATER)
    ledger.close()


def test_a_prune_that_was_cut_off_anywhere_leaves_a_whole_ledger_and_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.ledger.pruning._BLOCKS_A_STEP", 1)
    ledger = opened(path)
    steps = ledger.prune(512, ("a" * 64,))
    assert next(steps) == 256
    steps.close()
    ledger.close()
    assert checked(path) == []
    ledger = opened(path)
    there = len(list(ledger.history.raw(0, 512)))
    assert list(ledger.prune(None)) == [512]
    assert len(list(ledger.history.raw(0, 512))) < there
    ledger.close()
    assert checked(path) == []


def test_while_it_is_pruned_others_write_and_correct_an_old_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.ledger.pruning._BLOCKS_A_STEP", 1)
    clock, path = HandClock(), tmp_path / "ledger.sqlite"
    ledger = begun(path, clock)
    some_reads(ledger, clock, 300)
    old = [logged.entry for logged in ledger.entries(256, 512) if isinstance(logged.entry, Read)][-1]
    steps = ledger.prune(512, ("a" * 64,))
    next(steps)
    other = opened(path, clock)
    other.record(
        replace(tagged_read("z" * 22, at=clock.at, replaces=old.read_id)),
        decide("z" * 22, ("a-pd",), ["a-pd"], FIRST),
        [
            replace(
                seal("z" * 22, "a-pd", at=clock.at), tags=tagged_read("z" * 22, at=clock.at, replaces=old.read_id).tags
            )
        ],
    )
    other.close()
    list(steps)
    ledger.close()
    assert checked(path) == []


def test_a_ledger_of_before_there_was_pruning_verifies_and_is_pruned(path: Path) -> None:
    db = sqlite3.connect(path)
    for table in ("pruned", "hotlists"):
        db.execute(f"DROP TABLE {table}")
    db.execute("PRAGMA user_version = 2")
    db.commit()
    db.close()
    assert checked(path) == []
    pruned(path).close()
    assert checked(path) == []


@pytest.mark.parametrize(
    ("what", "code", "happens"),
    [("sync", SYNC_FAILED, False), ("sync", SYNC_FAILED, True), ("write", WRITE_FAILED, False), ("write", FULL, False)],
)
def test_a_prune_that_the_disk_fails_or_a_power_cut_ends_may_be_tried_again(
    tmp_path: Path, what: str, code: int, happens: bool
) -> None:
    with installed() as disk:
        for spared in (0, 3, 12):
            path, clock = tmp_path / f"{spared}" / "ledger.sqlite", HandClock()
            path.parent.mkdir()
            ledger = begun(path, clock)
            ledger.note(*(SelfTest(model="m", digest="d", passed=1) for _ in range(500)))
            some_reads(ledger, clock, 12)
            held = ledger.checkpoint().note
            disk.fault = Fault(what, code, happens, spared)
            with suppress(LedgerError):
                list(ledger.prune(512, ("a" * 64,)))
            disk.fault = None
            assert checked(disk.after_a_power_cut(path, tmp_path / f"cut-{spared}"), held) == []
            list(ledger.prune(512 if ledger.history.pruned < 512 else None, ("a" * 64,)))
            assert checked(path, held) == []
            assert ledger.history.pruned == 512
            ledger.close()
