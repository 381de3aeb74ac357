"""Files made durable and put in place: whole or not at all, with the mode and group they had."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import disk


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_regular_file_is_refused_and_nothing_stays_open(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "file")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="it is not a regular file"):
        disk.read(tmp_path / "file", most=10)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    content, status = disk.read(tmp_path / "file", most=4)
    assert (content, status.st_size) == (b"0123", 10)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_put_in_place_keeps_the_mode_of_the_one_before(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    disk.put(path, b"new", mode=0o644)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_put_in_place_by_root_keeps_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 12345, 54321)
    disk.put(path, b"new", mode=0o644)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)


def test_a_new_file_has_the_mode_that_was_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        disk.put(tmp_path / "file", b"new", mode=0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_link_stays_and_what_it_leads_to_changes(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real/file")
    disk.put(tmp_path / "link", b"new", mode=0o644)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"new"


def failing(at: int) -> Callable[[int], None]:
    """An fsync that works until the one numbered `at`, from 0."""
    real, seen = os.fsync, []

    def fsync(descriptor: int) -> None:
        seen.append(descriptor)
        if len(seen) > at:
            raise OSError(5, "Input/output error")
        real(descriptor)

    return fsync


def test_a_file_that_cannot_be_made_durable_is_not_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", failing(0))
    with pytest.raises(OSError, match="Input/output error"):
        disk.put(tmp_path / "file", b"new", mode=0o644)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_a_file_that_was_put_in_place_and_told_otherwise_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", failing(1))
    with pytest.raises(disk.NotDurable, match="Input/output error"):
        disk.put(tmp_path / "file", b"new", mode=0o644)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"new"}


def test_a_file_that_somebody_else_has_written_meanwhile_is_left_to_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"theirs")
    with pytest.raises(disk.Overtaken):
        disk.put(tmp_path / "file", b"ours", mode=0o644, over=b"old")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"theirs"}
    disk.put(tmp_path / "file", b"ours", mode=0o644, over=b"theirs")
    assert (tmp_path / "file").read_bytes() == b"ours"


def test_what_a_run_before_left_half_written_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".file.new").write_bytes(b"hal")
    disk.put(tmp_path / "file", b"new", mode=0o644)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_of_two_who_write_at_once_the_one_that_was_told_so_has_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    told: dict[bytes, str] = {}
    second_is_there, first_is_done = threading.Event(), threading.Event()
    replace, fsync = os.replace, os.fsync

    def write(content: bytes) -> None:
        try:
            disk.put(path, content, mode=0o644, over=b"old")
            told[content] = "written"
        except disk.Overtaken:
            told[content] = "nothing was changed"

    second = threading.Thread(target=write, args=(b"second",))

    def between_comparing_and_replacing(*names: str) -> None:
        if not second.ident:
            second.start()
            assert second_is_there.wait(30)
        replace(*names)

    def held_up(*_: object) -> None:
        if threading.current_thread() is second:
            second_is_there.set()
            assert first_is_done.wait(30)

    monkeypatch.setattr(os, "replace", between_comparing_and_replacing)
    monkeypatch.setattr(os, "fsync", lambda descriptor: (held_up(), fsync(descriptor)))
    monkeypatch.setattr(disk, "sleep", held_up, raising=False)
    write(b"first")
    first_is_done.set()
    second.join()
    assert told == {b"first": "written", b"second": "nothing was changed"}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"first"}


def test_nothing_that_many_count_together_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0")
    ready = threading.Barrier(4)

    def count(times: int) -> None:
        ready.wait()
        while times:
            before = path.read_bytes()
            try:
                disk.put(path, b"%d" % (int(before) + 1), mode=0o644, over=before)
                times -= 1
            except disk.Overtaken:
                continue

    counting = [threading.Thread(target=count, args=(25,)) for _ in range(4)]
    for one in counting:
        one.start()
    for one in counting:
        one.join()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"100"}


def test_who_writes_is_waited_for_and_once_killed_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = "import pathlib, sys; from edge import disk\nwith disk.alone(pathlib.Path(sys.argv[1])): print(), input()"
    other = subprocess.Popen(
        [sys.executable, "-u", "-c", holds, str(tmp_path / ".file.new")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline()
    with monkeypatch.context() as patience:
        patience.setattr(disk, "sleep", lambda seconds: None)
        with pytest.raises(OSError, match="somebody else is writing it"):
            disk.put(tmp_path / "file", b"ours", mode=0o644)
    assert [path.name for path in tmp_path.iterdir()] == [".file.new"]
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert (tmp_path / ".file.new").exists()
    disk.put(tmp_path / "file", b"ours", mode=0o644)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("make", [os.link, os.symlink, lambda theirs, name: os.mkfifo(name)])
def test_what_others_put_where_the_new_file_is_made_is_not_written_to(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "theirs").chmod(0o640)
    make(tmp_path / "theirs", tmp_path / ".file.new")
    disk.put(tmp_path / "file", b"ours", mode=0o644)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"ours", "theirs": b"theirs"}
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("file", "theirs")] == [0o644, 0o640]


def test_where_files_cannot_be_locked_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlocked(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", unlocked)
    with pytest.raises(OSError, match="no locks available"):
        disk.put(tmp_path / "file", b"ours", mode=0o644)
    assert list(tmp_path.iterdir()) == []


def test_where_no_file_was_expected_one_that_came_meanwhile_stays(tmp_path: Path) -> None:
    disk.put(tmp_path / "file", b"first", mode=0o644, over=b"")
    with pytest.raises(disk.Overtaken):
        disk.put(tmp_path / "file", b"second", mode=0o644, over=b"")
    assert (tmp_path / "file").read_bytes() == b"first"


def two(folder: Path) -> dict[Path, bytes]:
    return {folder / "one": b"new one", folder / "two": b"new two"}


@pytest.mark.parametrize("before", [{}, {"one": b"old"}, {"one": b"old", "two": b"older"}])
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_of_several_files_all_are_put_in_place_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: dict[str, bytes], call: str
) -> None:
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    real, seen = getattr(os, call), []

    def second_fails(*given: object) -> None:
        seen.append(given)
        if len(seen) == 2:
            raise OSError(28, "No space left on device")
        real(*given)

    monkeypatch.setattr(os, call, second_fails)
    with pytest.raises(OSError, match="No space left"):
        disk.put_all(two(tmp_path), mode=0o644)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    disk.put_all(two(tmp_path), mode=0o644)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one": b"new one", "two": b"new two"}


def test_several_files_of_which_the_first_cannot_be_taken_back_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_bytes(b"old")
    real, seen = os.replace, []

    def only_the_first(*given: Path) -> None:
        seen.append(given)
        if len(seen) > 1:
            raise OSError(5, "Input/output error")
        real(*given)

    monkeypatch.setattr(os, "replace", only_the_first)
    with pytest.raises(disk.Halfway, match="Input/output error"):
        disk.put_all(two(tmp_path), mode=0o644)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one": b"new one"}


def test_a_name_is_shown_so_that_any_file_may_hold_it() -> None:
    path = Path(os.fsdecode(b"gr\xc3\xbcn/\xff.mp4"))
    assert disk.shown(path) == "gr\u00fcn/\\xff.mp4"
    assert [disk.is_utf8(each) for each in (path, path.parent, Path(r"a\xff"))] == [False, True, True]
