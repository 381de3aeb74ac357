"""Signing while others sign, and on a full disk: what was signed fits together, and a failure leaves nothing."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import desk, disk
from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.manifest import parse_manifest

from .house import LEDGER, NOW, OTHER_LEDGER, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def everything(folder: Path) -> dict[str, bytes | None]:
    """Every file, hidden ones too, and every folder."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_of_two_who_sign_at_once_the_second_builds_on_what_the_first_has_made(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ("log-tri-AAAAAAAAAAAAAA", OTHER_LEDGER)
    signed: list[Bundle] = []
    second_is_there, first_is_done = threading.Event(), threading.Event()
    signing = sys.modules["edge.desk.sign"]
    real = signing.hotlist_digests

    def adopt(log: str) -> None:
        signed.append(house.sign(adopt=(log,)))
        second_is_there.set()

    second = threading.Thread(target=adopt, args=(both[1],))

    def between_reading_and_writing(*given: object) -> dict[str, str]:
        if not second.ident:
            second.start()
            assert second_is_there.wait(30)
        return dict(real(*given))

    def waits(seconds: float) -> None:
        second_is_there.set()
        assert first_is_done.wait(30)

    monkeypatch.setattr(signing, "hotlist_digests", between_reading_and_writing)
    monkeypatch.setattr(disk, "sleep", waits, raising=False)
    adopt(both[0])
    first_is_done.set()
    second.join()
    assert [bundle.version for bundle in signed] == [2, 3]
    manifest = parse_manifest((house.folder / "manifest.json").read_bytes())
    assert (manifest.version, manifest.ledgers) == (3, (LEDGER, *both))
    assert desk.load(house.folder, pin=house.pin)[1].signed
    assert [name for name in everything(house.folder) if name.startswith(".")] == []


def full(call: str) -> Callable[..., None]:
    """`os.fsync` or `os.replace`, for which there is no room when it comes to the manifest."""
    real = getattr(os, call)

    def fails(*given: int | Path) -> None:
        name = os.readlink(f"/proc/self/fd/{given[0]}") if isinstance(given[0], int) else str(given[0])
        if name.endswith("/.manifest.json.new"):
            raise OSError(28, "No space left on device")
        real(*given)

    return fails


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("emptied", [False, True])
def test_a_manifest_for_which_there_is_no_room_leaves_the_folder_as_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch, call: str, emptied: bool
) -> None:
    """With `emptied` the law packs are missing, and their folder too, which signing would put back."""
    if emptied:
        for path in (house.folder / "laws").iterdir():
            path.unlink()
        (house.folder / "laws").rmdir()
    before = everything(house.folder)
    with monkeypatch.context() as disk_is_full:
        disk_is_full.setattr(os, call, full(call))
        with pytest.raises(PolicyError, match="no space left on device; nothing was changed"):
            house.sign()
    assert everything(house.folder) == before
    assert house.sign().version == 2
    assert (house.folder / "laws").is_dir()
    assert desk.load(house.folder, pin=house.pin)[1].signed


def test_a_first_signature_for_which_there_is_no_room_leaves_nothing(
    tmp_path: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tmp_path / "fresh"
    desk.copy_examples(fresh, now=NOW)
    before = everything(fresh)
    monkeypatch.setattr(os, "replace", full("replace"))
    with pytest.raises(PolicyError, match="no space left on device; nothing was changed"):
        house.sign(folder=fresh)
    assert everything(fresh) == before
