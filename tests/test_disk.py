"""Files made durable and put in place: whole or not at all, with the mode and group they had."""

import os
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
