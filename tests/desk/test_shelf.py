"""Hot lists on the disk: signed by the city or by their source, replaced while the device runs, each by itself."""

import errno
import json
import os
import shutil
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from subprocess import run

import pytest

from edge import desk, disk
from edge.desk.shelf import Shelf, sign_list
from edge.errors import PolicyError
from edge.keys import load_signing_key, new_signing_key
from edge.policy import issued
from edge.policy.hotlists import HotLists
from edge.policy.policy import HIGHEST
from tests.desk.house import NOW, House
from tests.policy.test_hotlists import as_csv, entry

LIST = "hotlists/metro.csv"


class Town(House):
    """A house whose city lets a source of its own replace the list `metro`."""

    def __post_init__(self) -> None:
        new_signing_key(self.root / "source.key")
        super().__post_init__()
        key = (self.root / "source.key.pub").read_text().strip()
        with (self.folder / "policy.toml").open("a") as written:
            written.write(f'\n[[hotlist]]\nid = "metro"\nsource_agency = "metro"\ncap = 3\nsource_key = "{key}"\n')
            written.write("max_age_hours = 24\n")
        self.send(entry("QW12345"))
        self.sign()
        self.take_up()

    def send(self, *entries: dict[str, object], key: str = "source.key", **how: object) -> None:
        """The source's new list, with its word beside it."""
        (self.folder / LIST).write_text(as_csv(entries))
        self.vouch(key=key, **how)

    def vouch(
        self, *, key: str = "source.key", list_id: str = "metro", version: int | None = None, hours: int = 0
    ) -> None:
        sign_list(
            self.folder / LIST,
            key=load_signing_key(self.root / key),
            list_id=list_id,
            version=version,
            now=NOW + timedelta(hours=hours),
        )

    def vouch_by_hand(self, version: int) -> None:
        """As a source does with a program of its own, which knows of no highest version."""
        word = self.folder / f"{LIST}.sig"
        said = json.loads(word.read_bytes().splitlines()[0]) | {"version": version}
        statement = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
        word.write_bytes(issued.written(statement, load_signing_key(self.root / "source.key").sign(statement)))

    def lists(self) -> HotLists:
        assert self.in_force is not None
        return self.city.hotlists(self.in_force)

    def has(self, plate: str) -> bool:
        return bool(self.lists().look_up(plate, NOW))


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_a_list_of_its_source_is_looked_up(town: Town) -> None:
    assert town.has("QW12345")
    assert not town.lists().refused


def test_a_source_replaces_its_list_without_the_city(town: Town) -> None:
    in_force = town.in_force
    town.send(entry("XY77777"))
    assert town.city.changed()
    assert town.take_up() is in_force
    assert (town.has("XY77777"), town.has("QW12345")) == (True, False)


def sha256sum(path: Path) -> str:
    """As whoever checks a file types it."""
    return run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]


def test_a_version_of_a_sources_list_is_its_number_and_its_word_and_of_the_citys_the_list(town: Town) -> None:
    town.send(entry("XY77777"))
    versions = {version[0]: version[1:] for version in town.lists().versions(NOW)}
    assert versions == {
        "metro": (2, sha256sum(town.folder / f"{LIST}.sig")),
        "county-stolen": (0, sha256sum(town.folder / "hotlists/county-stolen.toml")),
    }


def test_nobody_finds_out_a_plate_by_trying_lists_against_the_version(town: Town) -> None:
    """Who knows all of a list but its plate, and all of its word but the signature, cannot tell the right plate."""
    path, word = town.folder / LIST, town.folder / f"{LIST}.sig"
    said, _ = word.read_bytes().splitlines()
    guesses = {sha256(path.read_bytes()).hexdigest(), sha256(said).hexdigest(), sha256(said + b"\n").hexdigest()}
    assert sha256(path.read_bytes()).hexdigest() in said.decode()
    (digest,) = (version[2] for version in town.lists().versions(NOW) if version[0] == "metro")
    assert digest not in guesses


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n\n"])
def test_a_version_is_the_word_as_it_lies_there_however_that_ends(end: bytes, town: Town) -> None:
    word = town.folder / f"{LIST}.sig"
    word.write_bytes(word.read_bytes().rstrip() + end)
    assert ("metro", 1, sha256sum(word)) in town.lists().versions(NOW)


def test_a_list_that_did_not_change_is_not_read_again(town: Town) -> None:
    first = {one.id: one for one in town.lists().lists}
    town.send(entry("XY77777"))
    second = {one.id: one for one in town.lists().lists}
    assert second["county-stolen"] is first["county-stolen"]
    assert second["metro"] is not first["metro"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda town: (town.folder / LIST).unlink(), "is missing"),
        (lambda town: (town.folder / f"{LIST}.sig").unlink(), f"{LIST}.sig: is missing"),
        (lambda town: (town.folder / f"{LIST}.sig").write_text("{}\n"), "is not the word of a hot list's source"),
        (lambda town: (town.folder / LIST).write_text(as_csv([entry("XY77777")])), "is not the list that its source"),
        (lambda town: town.send(entry(), key="city.key"), "is not signed with the `source_key`"),
        (lambda town: town.vouch(list_id="county-stolen"), "is the word for the list `county-stolen`"),
        (lambda town: town.send(*(entry(id=f"e-{at}") for at in range(4))), "cap of 3"),
        (lambda town: town.send(entry(purpose="immigration_enforcement")), "banned purpose"),
        (lambda town: shutil.copy(town.folder / LIST, town.folder / "hotlists/metro.toml"), "both are there"),
    ],
)
def test_a_list_that_is_wrong_counts_as_none_and_no_other_is_touched(town: Town, spoil: object, said: str) -> None:
    spoil(town)  # type: ignore[operator]
    assert said in town.lists().refused["metro"]
    assert not town.has("QW12345")
    assert town.has("AB12345")
    assert town.take_up() is town.in_force


def test_a_folder_that_cannot_be_looked_into_is_not_taken_for_an_empty_one(town: Town) -> None:
    shutil.rmtree(town.folder / "hotlists")
    (town.folder / "hotlists").symlink_to("hotlists")
    assert "cannot be looked for" in town.lists().refused["metro"]


def test_an_older_version_does_not_come_back(town: Town) -> None:
    old = {name: (town.folder / name).read_bytes() for name in (LIST, f"{LIST}.sig")}
    town.send(entry("XY77777"))
    assert town.has("XY77777")
    for name, content in old.items():
        (town.folder / name).write_bytes(content)
    assert "is not newer than version 2" in town.lists().refused["metro"]


def test_an_older_version_does_not_come_back_after_a_restart_either(town: Town) -> None:
    old = {name: (town.folder / name).read_bytes() for name in (LIST, f"{LIST}.sig")}
    town.send(entry("XY77777"))
    assert town.has("XY77777")
    for name, content in old.items():
        (town.folder / name).write_bytes(content)
    town.boot()
    assert not town.has("QW12345")


def test_the_same_version_comes_back_after_a_restart(town: Town) -> None:
    assert town.has("QW12345")
    town.boot()
    assert town.has("QW12345")


def test_the_same_version_with_other_bytes_is_refused(town: Town) -> None:
    assert town.has("QW12345")
    (town.folder / f"{LIST}.sig").unlink()
    town.send(entry("XY77777"), version=1)
    assert "is not newer than version 1" in town.lists().refused["metro"]


def test_a_list_that_its_source_did_not_renew_counts_as_none(town: Town) -> None:
    lists, late = town.lists(), NOW + timedelta(hours=24)
    assert not lists.stale(NOW)
    assert "older than it may be" in lists.stale(late)["metro"]
    assert not lists.look_up("QW12345", late)
    assert lists.look_up("AB12345", late)


def test_a_list_from_the_future_counts_as_none(town: Town) -> None:
    town.send(entry("QW12345"), hours=1)
    assert "dated in the future" in town.lists().stale(NOW)["metro"]
    assert not town.has("QW12345")


def test_the_citys_own_list_may_be_csv(town: Town) -> None:
    (town.folder / "hotlists/county-stolen.toml").unlink()
    (town.folder / "hotlists/county-stolen.csv").write_text(as_csv([entry("XY77777")]))
    town.sign()
    town.take_up()
    assert town.has("XY77777")


def test_the_citys_own_list_is_not_replaced_by_a_source(town: Town) -> None:
    path = town.folder / "hotlists/county-stolen.toml"
    path.write_text(path.read_text().replace("AB12345", "XY77777"))
    sign_list(path, key=load_signing_key(town.root / "source.key"), list_id="county-stolen", now=NOW)
    assert "is not the list that was signed" in town.lists().refused["county-stolen"]
    assert town.has("QW12345")


def test_a_bundle_cannot_be_signed_over_a_list_that_would_be_refused(town: Town) -> None:
    path = town.folder / "hotlists/county-stolen.toml"
    path.write_text(path.read_text().replace('"stolen_vehicle"', '"immigration_enforcement"'))
    with pytest.raises(PolicyError, match="banned purpose"):
        town.sign()


def test_a_damaged_list_is_not_signed_by_its_source(town: Town) -> None:
    (town.folder / LIST).write_text("id,pattern\n")
    before = (town.folder / f"{LIST}.sig").read_bytes()
    with pytest.raises(PolicyError, match="no column"):
        town.vouch()
    assert (town.folder / f"{LIST}.sig").read_bytes() == before


def test_a_source_does_not_sign_one_version_twice(town: Town) -> None:
    with pytest.raises(PolicyError, match="version 1 was signed already"):
        town.vouch(version=1)


def test_a_source_does_not_sign_a_version_that_the_audit_log_cannot_hold(town: Town) -> None:
    with pytest.raises(PolicyError, match="a version is at most 9007199254740991, take 2 or leave it out"):
        town.vouch(version=HIGHEST + 1)
    town.vouch(version=HIGHEST)
    assert HIGHEST in {number for _, number, _ in town.lists().versions(NOW)}


def test_a_pipe_in_place_of_a_list_does_not_hang(town: Town) -> None:

    (town.folder / LIST).unlink()
    os.mkfifo(town.folder / LIST)
    assert "not a regular file" in town.lists().refused["metro"]


def test_a_list_that_is_not_utf_8_is_refused_without_its_bytes(town: Town) -> None:
    (town.folder / LIST).write_bytes(as_csv([entry("QW12345", source_agency="x")]).encode() + b"\xff\n")
    with pytest.raises(PolicyError, match="not UTF-8") as refused:
        town.vouch()
    assert "QW12345" not in str(refused.value)


def test_a_damaged_memory_of_versions_closes_the_lists_of_sources_until_it_is_put_back_or_removed(town: Town) -> None:
    heights = town.floor.with_name(f"{town.floor.name}.hotlists")
    assert town.has("QW12345")
    whole = heights.read_bytes()
    for mend in (lambda: heights.write_bytes(whole), heights.unlink):
        heights.write_text("[")
        town.boot()
        assert "is damaged, so no list of a source counts" in town.lists().refused["metro"]
        assert town.has("AB12345")
        mend()
        assert town.has("QW12345")


def _disk_gives(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    def fault(*_args: object, **_how: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk, name, fault)


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [("put", errno.ENOSPC, "cannot be written, no space left"), ("read", errno.EIO, "cannot be read, input/output")],
)
def test_a_list_that_a_passing_fault_of_the_disk_refused_counts_when_that_is_over(
    town: Town, monkeypatch: pytest.MonkeyPatch, name: str, number: int, said: str
) -> None:
    with monkeypatch.context() as broken:
        _disk_gives(broken, name, number)
        assert said in town.lists().refused["metro"]
    assert town.has("QW12345")


def test_a_list_that_could_not_be_read_for_a_moment_counts_when_it_can(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def open_(path: object, *how: int) -> int:
        if str(path).endswith(".csv"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *how)  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(os, "open", open_)
        assert "cannot be read, input/output error" in town.lists().refused["metro"]
    assert town.has("QW12345")


def test_a_list_that_is_wrong_is_not_read_again_before_a_file_changes(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.send(entry(purpose="immigration_enforcement"))
    said = town.lists().refused["metro"]
    monkeypatch.setattr(Shelf, "_made", lambda *_: pytest.fail("it was read again"))
    assert town.lists().refused["metro"] == said


def test_one_command_refuses_what_a_device_would_go_on_without(town: Town) -> None:
    (town.folder / LIST).unlink()
    with pytest.raises(PolicyError, match="is missing"):
        desk.hotlists(town.folder, town.in_force)  # type: ignore[arg-type]
