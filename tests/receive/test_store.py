"""What may be kept no longer goes from the file in time, in one piece, with a receipt; and nothing else goes."""

import json
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import disk
from edge.errors import ConfigError
from edge.receive import LinesFile
from tests.receive.lines import line

NOON = datetime.fromisoformat("2026-06-01T12:00:00Z")


def until(hours: float) -> str:
    return (NOON + timedelta(hours=hours)).isoformat()


def filled(path: Path, *hours: float) -> LinesFile:
    """A store with reads r0, r1... that may be kept for so many hours after noon."""
    store = LinesFile(path)
    for number, each in enumerate(hours):
        store.add(line(f"r{number}.b", retainuntil=until(each)))
    return store


def held(path: Path) -> list[str]:
    return [json.loads(each)["id"] for each in path.read_bytes().splitlines()]


def receipts(path: Path) -> list[list[str]]:
    beside = path.with_name(path.name + ".receipts")
    return [json.loads(each)["ids"] for each in beside.read_bytes().splitlines()] if beside.exists() else []


def test_a_read_is_deleted_when_its_time_is_over_and_no_other_is(tmp_path: Path) -> None:
    path = tmp_path / "reads.jsonl"
    store = filled(path, 1, 3, 2)
    assert store.purge(NOON + timedelta(hours=1) - timedelta(milliseconds=1)) == 0
    assert store.purge(NOON + timedelta(hours=1)) == 1
    assert held(path) == ["r1.b", "r2.b"]
    assert not store.holds("r0.b")
    store.close()


def test_a_receipt_says_what_was_deleted_and_when_without_a_plate(tmp_path: Path) -> None:
    path = tmp_path / "reads.jsonl"
    store = LinesFile(path)
    store.add(line("r0.b", retainuntil=until(1), data={"plate": "QX7 K219"}))
    store.purge(NOON + timedelta(hours=1))
    said = path.with_name("reads.jsonl.receipts").read_text()
    assert json.loads(said) == {
        "deletedat": "2026-06-01T13:00:00.000Z",
        "why": "retention",
        "count": 1,
        "ids": ["r0.b"],
    }
    assert sorted(each.name for each in tmp_path.iterdir()) == ["reads.jsonl", "reads.jsonl.receipts"]
    assert [each.stat().st_mode & 0o777 for each in tmp_path.iterdir()] == [0o600, 0o600]
    store.close()


def test_what_came_while_nobody_was_there_to_delete_it_goes_at_the_next_look(tmp_path: Path) -> None:
    path = tmp_path / "reads.jsonl"
    filled(path, 1, 2, 9).close()
    store = LinesFile(path)
    assert store.purge(NOON + timedelta(hours=5)) == 2
    assert held(path) == ["r2.b"]
    store.close()


def test_reads_are_added_after_a_purge_as_before(tmp_path: Path) -> None:
    path = tmp_path / "reads.jsonl"
    store = filled(path, 1, 2)
    store.purge(NOON + timedelta(hours=1))
    store.add(line("new.b", retainuntil=until(3)))
    store.purge(NOON + timedelta(hours=2))
    assert held(path) == ["new.b"]
    assert receipts(path) == [["r0.b"], ["r1.b"]]
    store.close()


def test_a_test_read_is_kept_as_long_after_it_came_as_a_real_one_after_it_was_taken(tmp_path: Path) -> None:
    of_a_recording = line(
        "r0.b", test=True, time="2020-01-01T00:00:00Z", retainuntil="2020-01-01T01:00:00Z", receivedat=until(0)
    )
    store = LinesFile(tmp_path / "reads.jsonl")
    store.add(of_a_recording)
    assert store.purge(NOON + timedelta(minutes=59)) == 0
    assert store.purge(NOON + timedelta(minutes=60)) == 1
    store.close()


def test_nobody_takes_the_file_over_during_or_after_a_purge(tmp_path: Path) -> None:
    path = tmp_path / "reads.jsonl"
    store = filled(path, 1, 2)
    store.purge(NOON + timedelta(hours=1))
    with pytest.raises(ConfigError, match="another `homerule receive` writes it"):
        LinesFile(path)
    store.close()


def test_what_a_power_cut_left_of_a_purge_is_gone_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / ".reads.jsonl.new").write_bytes(line("r0.b").line)
    LinesFile(tmp_path / "reads.jsonl").close()
    assert [each.name for each in tmp_path.iterdir()] == ["reads.jsonl"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "reads.jsonl")
    store = filled(tmp_path / "link", 1, 2)
    store.purge(NOON + timedelta(hours=1))
    assert held(tmp_path / "reads.jsonl") == ["r1.b"]
    assert (tmp_path / "link").is_symlink()
    store.close()


def test_a_pipe_is_no_store(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is no regular file"):
        LinesFile(tmp_path / "pipe")


def test_what_cannot_be_deleted_is_said_and_the_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "reads.jsonl"
    store = filled(path, 1, 2)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.receive.store._write", full)
    with pytest.raises(ConfigError, match="cannot be deleted, no space left on device, make room"):
        store.purge(NOON + timedelta(hours=1))
    monkeypatch.undo()
    assert held(path) == ["r0.b", "r1.b"]
    assert receipts(path) == []
    assert store.purge(NOON + timedelta(hours=1)) == 1
    assert receipts(path) == [["r0.b"]]
    store.close()


def dying(path: Path, moment: int) -> bool:
    """A process that purges and is killed before its system call number `moment`; whether it came to the end."""
    child = os.fork()
    if child:
        _, ended = os.waitpid(child, 0)
        assert ended in (0, signal.SIGKILL)
        return ended == 0
    calls = count()

    def mortal(call: Callable) -> Callable:
        def instead(*words: object, **more: object) -> object:
            if next(calls) >= moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*words, **more)

        return instead

    for name in ("open", "write", "replace", "fsync", "fdopen", "unlink", "ftruncate"):
        setattr(os, name, mortal(getattr(os, name)))
    LinesFile(path).purge(NOON + timedelta(hours=1))
    os._exit(0)


def test_killed_at_any_moment_of_a_purge_it_is_all_there_or_all_gone_and_the_receipt_is_true(tmp_path: Path) -> None:
    for moment in range(100):
        path = tmp_path / f"{moment}" / "reads.jsonl"
        path.parent.mkdir()
        filled(path, 1, 1, 2).close()
        done = dying(path, moment)
        assert held(path) in (["r0.b", "r1.b", "r2.b"], ["r2.b"])
        if receipts(path):
            assert held(path) == ["r2.b"]
        store = LinesFile(path)
        store.purge(NOON + timedelta(hours=1.5))
        store.close()
        assert held(path) == ["r2.b"]
        assert receipts(path) == [["r0.b", "r1.b"]]
        assert sorted(each.name for each in path.parent.iterdir()) == ["reads.jsonl", "reads.jsonl.receipts"]
        if done:
            assert moment > 15
            return
    pytest.fail("it never came to its end")


@settings(deadline=None, max_examples=30)
@given(hours=st.lists(st.integers(0, 20), max_size=8), looks=st.lists(st.integers(0, 20), max_size=5))
def test_nothing_is_kept_too_long_and_nothing_lost_that_may_be_kept(
    tmp_path_factory: pytest.TempPathFactory, hours: list[int], looks: list[int]
) -> None:
    path = tmp_path_factory.mktemp("store") / "reads.jsonl"
    store = filled(path, *hours)
    for look in sorted(looks):
        store.purge(NOON + timedelta(hours=look))
        assert held(path) == [f"r{number}.b" for number, each in enumerate(hours) if each > look]
    store.close()
    gone = [name for each in receipts(path) for name in each]
    assert len(gone) == len(set(gone))
    assert set(gone) | set(held(path)) == {f"r{number}.b" for number in range(len(hours))}
    assert disk.read(path, most=1 << 20)[0].count(b"\n") == len(held(path))
