"""The clerk's commands, as a person types them: opt-out and opt-in, history, the registry, signatures and the pin."""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge import desk
from edge.cli import history
from edge.clock import SystemClock
from edge.control.server import Server
from edge.control.status import BundleStatus, Report, Status, SubscriberStatus
from edge.errors import PolicyError
from edge.keys import new_signing_key
from edge.ledger.entries import BundleAccepted, BundleRefused, Logged, Pinned, SubscriberChanged, Switch, Tightened
from edge.ledger.store import Ledger
from tests.desk.house import NOW, House
from tests.desk.test_cli_policy import homerule


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.take_up()
    return house


@dataclass
class Daemon:
    """The socket of a daemon that takes up this house's folder."""

    house: House
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_up(self, by: str, may_tighten: bool) -> None:
        with self.lock:
            self.asked.append(by)
            self.house.take_up()

    def status(self) -> Status:
        bundle = self.house.in_force
        assert bundle is not None
        return Status(
            device="pole-1",
            at=NOW,
            clock_trusted=True,
            bundle=BundleStatus(
                digest=bundle.digest,
                version=bundle.version,
                revision=bundle.revision,
                signed_at=NOW,
                valid_until=bundle.valid_until,
                owner=bundle.owner,
                opt_outs=tuple(name for name, is_open in bundle.channels.items() if not is_open),
            ),
            held=None,
            subscribers=tuple(
                SubscriberStatus(id=one.id, name=one.name, gate="shut", right="none", why="", suspended=one.suspended)
                for one in bundle.subscribers.values()
            ),
            alarms=(),
            report=Report(),
        )


@contextmanager
def running(house: House) -> Iterator[Path]:
    daemon = Daemon(house)
    socket = house.root / "run" / "control.sock"
    socket.parent.mkdir()
    server = Server(path=socket, take_up=daemon.take_up, status=daemon.status)
    server.start()
    try:
        yield socket
    finally:
        server.close()


def nobody(house: House) -> Path:
    return house.root / "nobody.sock"


def test_an_opt_out_is_in_force_when_the_command_returns(house: House) -> None:
    with running(house) as socket:
        code, said, _ = homerule("policy", "opt-out", house.folder, "Statewide Lookup", "--socket", socket)
    assert code == 0
    assert house.in_force is not None
    assert house.in_force.channels["statewide-lookup"] is False
    assert "Statewide Lookup is off now" in said
    assert "loses: Cook County Auto Theft Desk (cook-auto-theft) by statewide-lookup: nothing any more" in said
    assert "in force: version 1.1, closed further by hand since it was signed" in said
    assert f"digest {house.in_force.digest}" in said


def test_without_a_daemon_an_opt_out_is_written_and_that_is_said(house: House) -> None:
    code, said, _ = homerule("policy", "opt-out", house.folder, "statewide-lookup", "--socket", nobody(house))
    assert code == 0
    assert "written; no daemon is running here, it comes into force when one takes it up" in said
    assert house.take_up().channels["statewide-lookup"] is False


def test_an_opt_out_of_an_agency_suspends_it(house: House) -> None:
    with running(house) as socket:
        code, said, _ = homerule("policy", "opt-out", house.folder, "fox-lake-pd", "--socket", socket)
    assert code == 0
    assert house.in_force is not None
    assert house.in_force.subscribers["fox-lake-pd"].suspended
    assert "loses: Fox Lake Police Department, Wisconsin (fox-lake-pd) by direct" in said
    assert f"homerule policy opt-in {house.folder} fox-lake-pd" in said


def test_an_opt_out_a_second_time_is_no_fault(house: House) -> None:
    with running(house) as socket:
        for said_of_it in ("is off now", "was off already"):
            code, said, _ = homerule("policy", "opt-out", house.folder, "statewide-lookup", "--socket", socket)
            assert (code, said_of_it in said) == (0, True)


@pytest.mark.parametrize("switch", ["national-lookup", "out-of-state", "federal", "private"])
def test_the_command_that_an_opt_out_names_turns_it_on_again(house: House, switch: str) -> None:
    _, said, _ = homerule("policy", "opt-out", house.folder, switch)
    told = [line.partition(": homerule ")[2] for line in said.splitlines() if line.startswith("To turn it on again")]
    assert len(told) == (switch != "private")  # nobody is served there, whatever the city wants
    for words in told:
        assert homerule(*words.split("|")[0].split())[0] == 0


def test_an_opt_in_says_what_to_type_and_changes_nothing_before(house: House) -> None:
    with running(house) as socket:
        homerule("policy", "opt-out", house.folder, "statewide-lookup", "--socket", socket)
        tightened = house.in_force
        assert tightened is not None
        code, said, _ = homerule("policy", "opt-in", house.folder, "statewide-lookup", "--socket", socket)
    assert code == 0
    command = f"homerule sign {house.folder} --key CITY.KEY --replaces {tightened.digest}"
    assert command in said
    assert "gains: Cook County Auto Theft Desk (cook-auto-theft) by statewide-lookup: hits only" in said
    assert house.take_up() is tightened
    key = str(house.root / "city.key")
    code, said, _ = homerule(*command.replace("CITY.KEY", key).split()[1:])
    assert code == 0
    assert house.take_up().channels["statewide-lookup"] is True


def test_an_opt_in_closes_nothing(house: House) -> None:
    """A narrower way is no opt-in: it would count at once."""
    homerule("policy", "opt-in", house.folder, "out-of-state", "--to", "agreement", "--socket", nobody(house))
    before = (house.folder / "policy.toml").read_bytes()
    asked = ("policy", "opt-in", house.folder, "out-of-state", "--to", "listed-states", "--socket", nobody(house))
    code, _, complained = homerule(*asked)
    assert (code, "`out-of-state` is `agreement`, which is further open" in complained) == (1, True)
    assert (house.folder / "policy.toml").read_bytes() == before


def test_a_refused_change_is_told_in_the_daemons_words(house: House) -> None:
    house.edit('feed = "hits"', 'feed = "all"', "subscribers.toml")
    with running(house) as socket:
        code, _, complained = homerule("policy", "opt-out", house.folder, "statewide-lookup", "--socket", socket)
    assert code == 1
    assert "written, but not in force: " in complained
    assert "sign it with `homerule sign`" in complained


@pytest.mark.parametrize(
    "asked",
    [
        ("policy", "opt-out", "statewide-lookup"),
        ("policy", "opt-out", "fox-lake-pd"),
        ("subscriber", "suspend", "fox-lake-pd"),
    ],
)
def test_a_daemon_that_goes_by_another_folder_is_found_out(house: House, asked: tuple[str, str, str]) -> None:
    elsewhere, (group, command, name) = house.copied(), asked
    with running(house) as socket:  # where all gates are shut, whoever is suspended
        code, _, complained = homerule(group, command, elsewhere, name, "--socket", socket)
    assert code == 1
    assert "goes by another folder" in complained


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("natonal-lookup", "did you mean `national-lookup`?"),
        ("fox-lake", "did you mean `fox-lake-pd`?"),
        ("flock", "the networks are national-lookup, statewide-lookup"),
    ],
)
def test_a_name_that_nobody_has_is_answered_with_the_nearest(house: House, name: str, said: str) -> None:
    code, _, complained = homerule("policy", "opt-out", house.folder, name, "--socket", nobody(house))
    assert code == 1
    assert said in complained


def test_an_opt_out_works_in_a_folder_that_does_not_hold_together(house: House) -> None:
    (house.folder / "hotlists" / "county-stolen.toml").unlink()
    code, _, _ = homerule("policy", "opt-out", house.folder, "statewide-lookup", "--socket", nobody(house))
    assert code == 0
    assert house.take_up().channels["statewide-lookup"] is False


def test_history_tells_what_was_in_force_when_and_by_which_way() -> None:
    at = int(NOW.timestamp() * 1000)
    entries = [
        Pinned(key="K"),
        BundleAccepted(digest="d1", version=1, revision=0, signed=1, signature="", files=()),
        BundleAccepted(digest="d2", version=1, revision=1, signed=1, signature="", files=()),
        Tightened(before="d1", after="d2", by="file"),
        Switch(switch="national-lookup", before="on", after="off", by="file"),
        SubscriberChanged(subscriber="fox-lake-pd", change="changed", by="socket"),
        BundleRefused(digest="d0", version=1, why="older"),
    ]
    said = list(history.lines(Logged(position=n, at=at, entry=entry) for n, entry in enumerate(entries)))
    assert said == [
        "2026-11-23 12:00:00 UTC  the city's key is K from here on",
        "2026-11-23 12:00:00 UTC  version 1.0 in force, signed by the city; digest d1",
        "2026-11-23 12:00:00 UTC  version 1.1 in force, closed further by hand; digest d2",
        " " * 25 + "needs no signature, because it only takes away (by hand, in the file)",
        " " * 25 + "national-lookup: on -> off (by hand, in the file)",
        " " * 25 + "agency fox-lake-pd: changed (through the socket)",
        "2026-11-23 12:00:00 UTC  version 1 refused: it was older than what was in force",
    ]


def test_history_is_read_from_the_ledger_while_it_is_in_use(house: House) -> None:
    key = new_signing_key(house.root / "device.key")
    path = house.root / "ledger.sqlite"
    ledger = Ledger.open(path, clock=SystemClock(trusted=True), key=key, device="pole-1")
    try:
        code, said, _ = homerule("policy", "history", "--ledger", path)
        assert (code, said) == (0, "Nothing was ever in force here.\n")
        desk.opt_out(house.folder, "statewide-lookup")
        taken = house.take_up()
        notes = [Switch(switch="statewide-lookup", before="on", after="off", by="file")]
        ledger.accept_bundle(taken.files, digest=taken.digest, version=1, revision=1, signed=True, notes=notes)
        code, said, _ = homerule("policy", "history", "--ledger", house.root)
    finally:
        ledger.close()
    assert code == 0
    assert f"version 1.1 in force, closed further by hand; digest {taken.digest}" in said
    assert "statewide-lookup: on -> off (by hand, in the file)" in said


def test_an_agency_is_added_signed_and_listed(house: House) -> None:
    new_signing_key(house.root / "unused.key")
    code, said, _ = homerule(
        "subscriber",
        "add",
        house.folder,
        "dupage-so",
        *("--name", "DuPage County Sheriff", "--kind", "county", "--state", "US-IL", "--agency-id", "IL0220X00"),
        *("--purpose", "stolen_vehicle", "--channel", "statewide-lookup", "--socket", nobody(house)),
    )
    assert code == 0
    assert "nothing can be sealed for it" in said
    assert f"homerule sign {house.folder} --key CITY.KEY" in said
    house.sign()
    assert "dupage-so" in house.take_up().subscribers
    code, said, _ = homerule("subscriber", "list", house.folder)
    assert code == 0
    assert "dupage-so" in said


def added(house: House, *, name: str = "S", kind: str, state: str) -> tuple[int, str, str]:
    """`homerule subscriber add` of an agency of this kind in this state."""
    words = ("--name", name, "--kind", kind, "--state", state, "--agency-id", "IL0990X00")
    return homerule(
        "subscriber", "add", house.folder, "so", *words, "--purpose", "stolen_vehicle", "--socket", nobody(house)
    )


@pytest.mark.parametrize(
    ("state", "meant"), [("il", "US-IL"), ("IL", "US-IL"), ("US-il", "US-IL"), ("us-wi", "US-WI"), ("US-Il", "US-IL")]
)
def test_a_state_that_lacks_its_country_is_not_taken_for_a_country(house: House, state: str, meant: str) -> None:
    before = (house.folder / "subscribers.toml").read_bytes()
    code, _, complained = added(house, kind="county", state=state)
    assert code == 1
    assert f"there is no state `{state}`, did you mean `{meant}`?" in complained
    assert (house.folder / "subscribers.toml").read_bytes() == before


@pytest.mark.parametrize(("kind", "state", "told"), [("foreign", "IL", False), ("county", "XX", True)])
def test_that_an_agency_is_of_another_country_is_said_or_was_asked_for(
    house: House, kind: str, state: str, told: bool
) -> None:
    code, said, _ = added(house, kind=kind, state=state)
    assert code == 0
    assert (f"`{state}` is no state of the United States" in said) is told


def test_a_name_that_is_no_utf_8_is_said_to_be_none(house: House) -> None:
    code, _, complained = added(house, name="Sheriff \udcff", kind="county", state="US-IL")
    assert code == 1
    assert "the new agency: `name` is not UTF-8 text" in complained


def test_a_channel_that_is_no_utf_8_is_said_to_be_none(house: House) -> None:
    words = ("--name", "S", "--kind", "county", "--state", "US-IL", "--agency-id", "IL0990X00", "--channel", "\udcff")
    code, _, complained = homerule(
        "subscriber", "add", house.folder, "so", *words, "--purpose", "stolen_vehicle", "--socket", nobody(house)
    )
    assert code == 1
    assert "the new agency: `channels` is not UTF-8 text" in complained


def test_a_suspension_is_in_force_when_the_command_returns_and_its_end_is_not(house: House) -> None:
    with running(house) as socket:
        code, _, _ = homerule("subscriber", "suspend", house.folder, "fox-lake-pd", "--socket", socket)
        assert code == 0
        suspended = house.in_force
        assert suspended is not None
        assert suspended.subscribers["fox-lake-pd"].suspended
        code, said, _ = homerule("subscriber", "resume", house.folder, "fox-lake-pd", "--socket", socket)
    assert code == 0
    assert f"--replaces {suspended.digest}" in said
    assert house.take_up() is suspended


def test_a_removed_agency_is_gone_and_its_id_stays_taken(house: House) -> None:
    code, said, _ = homerule("subscriber", "remove", house.folder, "johnson-fork-so", "--socket", nobody(house))
    assert code == 0
    assert "never used again" in said
    _, said, _ = homerule("subscriber", "list", house.folder)
    assert "Never used again: johnson-fork-so" in said


def test_an_agreement_is_added_with_the_sha256_of_the_paper(house: House) -> None:
    (house.root / "paper.pdf").write_bytes(b"signed")
    words = ["subscriber", "agreement", "add", house.folder, "johnson-fork-so", "jf-2026"]
    words += ["--form", "declaration", "--signed-by", "Sheriff", "--signed-on", "2026-11-01"]
    words += ["--expires-on", "2027-11-01", "--purpose", "stolen_vehicle", "--socket", nobody(house)]
    words += ["--begins-on", "2026-11-15", "--case", "26-1234", "--state", "US-IL"]
    code, said, _ = homerule(*words, "--document", house.root / "paper.pdf")
    assert code == 0
    assert "until 2027-11-01" in said
    assert hashlib.sha256(b"signed").hexdigest() in (house.folder / "subscribers.toml").read_text()
    house.sign()
    (made,) = house.take_up().subscribers["johnson-fork-so"].agreements
    assert (made.id, f"{made.begins:%F}", made.cases, made.states) == (
        "jf-2026",
        "2026-11-15",
        {"26-1234"},
        {"US-IL"},
    )


def test_a_new_audit_log_is_adopted_by_a_signature(house: House) -> None:
    key = house.root / "city.key"
    code, said, _ = homerule(
        "sign", house.folder, "--key", key, "--adopt", "log-two-AAAAAAAAAAAAAA", "--adopt", "log-three-AAAAAAAAAAAA"
    )
    assert code == 0
    assert "From now on these could receive reads, and nobody else:" in said
    assert json.loads((house.folder / "manifest.json").read_text())["ledgers"] == [
        "log-one-AAAAAAAAAAAAAA",
        "log-two-AAAAAAAAAAAAAA",
        "log-three-AAAAAAAAAAAA",
    ]
    for wrong in ("no good", "xx", "A" * 23):
        code, _, complained = homerule("sign", house.folder, "--key", key, "--adopt", wrong)
        assert code == 1
        assert f"`--adopt {wrong}` is no audit log's name" in complained


def test_no_version_is_signed_after_which_there_is_none(house: House) -> None:
    key, manifest = house.root / "city.key", house.folder / "manifest.json"
    before = manifest.read_bytes()
    for asked in (2_000_000_001, 2**31 - 1, 2**31):
        code, _, complained = homerule("sign", house.folder, "--key", key, "--version", str(asked))
        assert (code, manifest.read_bytes()) == (1, before)
        assert "leaves no room for later ones, take at most 2000000000" in complained
    for more in ([*("--version", "2000000000")], []):
        assert homerule("sign", house.folder, "--key", key, *more)[0] == 0
    manifest.write_text(manifest.read_text().replace('"version": 2000000001', f'"version": {2**31 - 1}'))
    code, _, complained = homerule("sign", house.folder, "--key", key)
    assert code == 1
    assert "version 2147483647 is the last that there can be" in complained


def test_the_pin_is_rotated_with_the_old_key(house: House) -> None:
    new_signing_key(house.root / "new.key")
    code, said, _ = homerule(
        "pin", "rotate", house.pin, "--key", house.root / "city.key", "--new", house.root / "new.key.pub"
    )
    assert code == 0
    assert "counts from now on" in said
    taken = house.in_force
    assert house.take_up() is taken
    assert house.pinned[-1] == (house.root / "new.key.pub").read_text().strip()
    code, said, _ = homerule("pin", "show", house.pin)
    assert code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["subscriber", "suspend", "DIR", "fox-lake"], 1, "did you mean `fox-lake-pd`?"),
        (["subscriber", "remove", "DIR", "fox-lake-pd"], 1, "direct"),
        (["subscriber", "list", "/nowhere"], 1, "subscribers.toml: is missing"),
        (["policy", "history", "--ledger", "/nowhere"], 1, "no such ledger file"),
        (["pin", "show", "/nowhere"], 1, "no such file"),
        (["policy", "opt-in", "DIR", "private"], 1, "cannot be opened"),
        (["policy", "opt-in", "DIR", "national-lookup", "--to", "agreement"], 1, "leave `--to agreement` out"),
        (["policy", "opt-in", "DIR", "fox-lake-pd", "--to", "agreement"], 1, "leave `--to agreement` out"),
        (
            [
                "subscriber",
                "add",
                "DIR",
                "so",
                "--name",
                "S",
                "--kind",
                "county",
                "--state",
                "US-XX",
                "--agency-id",
                "X",
                "--purpose",
                "stolen_vehicle",
            ],
            1,
            "there is no state `US-XX`",
        ),
        (["policy", "opt-in", "DIR", "out-of-state", "--to", "agrement"], 1, "did you mean `agreement`?"),
        (["policy", "opt-out", "DIR"], 2, "NAME"),
    ],
)
def test_bad_input_is_answered_with_the_mend(house: House, words: list[str], code: int, said: str) -> None:
    before = {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()}
    got, _, complained = homerule(*(str(house.folder) if word == "DIR" else word for word in words))
    assert got == code
    assert said in complained
    assert {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "words",
    [
        ("policy", "opt-out", "DIR", "statewide-lookup"),
        ("policy", "opt-out", "DIR", "fox-lake-pd"),
        ("policy", "opt-in", "DIR", "federal"),
        ("subscriber", "suspend", "DIR", "fox-lake-pd"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_told_before_anything_is_changed(
    house: House, words: tuple[str, ...]
) -> None:
    before = {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()}
    typed = [str(house.folder) if word == "DIR" else word for word in words]
    code, said, complained = homerule(*typed, "--config", house.root / "nope")
    assert (code, said) == (1, "")
    assert "nope: cannot be read" in complained
    assert {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()} == before


def test_a_file_that_was_written_though_the_disk_failed_is_not_called_unchanged(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fails_on_folders(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fails_on_folders)
    with pytest.raises(PolicyError, match="is written, but input/output error"):
        desk.opt_out(house.folder, "statewide-lookup")
    monkeypatch.undo()
    assert house.take_up().channels["statewide-lookup"] is False


def test_a_full_disk_leaves_the_files_as_they_were(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (house.folder / "policy.toml").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PolicyError, match="no space left on device; nothing was changed"):
        desk.opt_out(house.folder, "statewide-lookup")
    assert (house.folder / "policy.toml").read_bytes() == before
    assert [path.name for path in house.folder.iterdir() if path.name.endswith(".new")] == []
