"""`homerule check`: each fault is found, named and comes with its mend; a device that is well has nothing wrong."""

import os
import socket
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import onnxruntime
import pytest

from edge import desk
from edge.capture.address import address_of
from edge.check import Finding, State, device, program
from edge.check.program import PACKAGES
from edge.clock import ReplayClock
from edge.config import Camera, load
from edge.decoding.trouble import Trouble
from edge.desk import Answers, init, opt_in, opt_out, sign
from edge.keys import load_signing_key
from edge.ledger import Ledger
from edge.timekeeping import Timekeepers

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLOCK = ReplayClock(start=NOW)


@pytest.fixture
def broker() -> Iterator[int]:
    """A port on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def site(tmp_path: Path, broker: int) -> Path:
    """A device that is well: its folder, with device.toml in it."""
    answers = Answers(
        state="US-IL",
        place="Mount Aspen",
        county_fips=None,
        owner_id="mount-aspen-pd",
        owner_name="Mount Aspen Police Department",
        owner_agency_id="mapd",
        device_id="elm-street-north",
    )
    init(tmp_path / "policy", answers, now=NOW)
    for name in ("device.key", "city.key.pub"):
        (tmp_path / "policy" / name).rename(tmp_path / name)
    (tmp_path / "state").mkdir()
    key = load_signing_key(tmp_path / "device.key")
    ledger = Ledger.open(tmp_path / "state" / "ledger.sqlite", clock=CLOCK, key=key, device="elm-street-north")
    sign(tmp_path / "policy", key=load_signing_key(tmp_path / "policy/city.key"), now=NOW, adopt=(ledger.ledger_id,))
    ledger.close()
    (tmp_path / "road.mp4").write_bytes(b"not looked at")
    (tmp_path / "device.toml").write_text(
        f"""
[device]
id = "elm-street-north"
ledger = "state/ledger.sqlite"
key = "device.key"
[[camera]]
id = "lane-1"
url = "{tmp_path}/road.mp4"
[broker]
host = "127.0.0.1"
port = {broker}
access = "none"
[policy]
folder = "policy"
pin = "city.key.pub"
[limits]
min_free_megabytes = 10
"""
    )
    return tmp_path


def findings(site: Path) -> dict[str, Finding]:
    """What a check of this device finds, by thing."""
    return {finding.thing: finding for finding in device(load(site / "device.toml"), clock=CLOCK)}


def fault(site: Path, thing: str) -> str:
    """What is said to be wrong with one thing, which alone must be wrong."""
    found = findings(site)
    assert found[thing].state is State.WRONG
    # the machine that runs the tests may have no time server, and the pin may not be root's
    others = [name for name, one in found.items() if one.state is State.WRONG and name not in (thing, "clock", "pin")]
    assert not others
    return found[thing].said


def write(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_device_that_is_well_has_nothing_wrong(site: Path) -> None:
    wrong = {thing for thing, finding in findings(site).items() if finding.state is State.WRONG}
    assert wrong <= {"clock", "pin"}


def in_force(site: Path) -> None:
    """The device has run: the audit log holds the bundle."""
    key = load_signing_key(site / "device.key")
    ledger = Ledger.open(site / "state" / "ledger.sqlite", clock=CLOCK, key=key, device="elm-street-north")
    files, bundle = desk.load(site / "policy", pin=site / "city.key.pub")
    ledger.accept_bundle(files, digest=bundle.digest, version=bundle.version, revision=0, signed=True)
    ledger.close()


def test_a_floor_that_is_named_later_on_is_begun_as_the_check_says(site: Path) -> None:
    write(site / "device.toml", "[[camera]]", 'floor = "state/floor"\n[[camera]]')
    assert findings(site)["floor"].state is State.OK
    in_force(site)
    said = fault(site, "floor")
    assert "there is no floor file" in said
    (site / "state/floor").write_text(said.split("`")[-2])
    assert findings(site)["floor"].state is State.OK
    write(site / "state/floor", '"revision": 0', '"revision": 1')
    assert "an older copy of the audit log was put back" in fault(site, "floor")


def test_the_clock_finding_is_what_the_kernel_says(site: Path) -> None:
    assert (findings(site)["clock"].state is State.OK) == (Timekeepers()() is not None)


def test_a_pin_that_others_can_change_is_wrong(site: Path) -> None:
    (site / "city.key.pub").chmod(0o666)
    assert "chmod go-w" in fault(site, "pin")


def test_a_pin_that_others_can_change_through_a_link_is_wrong(site: Path) -> None:
    (site / "open").mkdir()
    (site / "open" / "pin").symlink_to(site / "city.key.pub")
    (site / "open").chmod(0o777)
    write(site / "device.toml", '"city.key.pub"', '"open/pin"')
    assert "chmod go-w" in fault(site, "pin")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file that is root's")
def test_a_pin_that_is_roots_is_well(site: Path) -> None:
    assert findings(site)["pin"].state is State.OK


def test_a_missing_pin_is_wrong(site: Path) -> None:
    (site / "city.key.pub").rename(site / "elsewhere.pub")
    found = findings(site)
    assert "not pinned" in found["pin"].said
    assert found["policy"].state is State.WRONG


def test_a_key_that_others_can_read_is_wrong(site: Path) -> None:
    (site / "device.key").chmod(0o644)
    assert "chmod 600" in fault(site, "device key")


def test_a_missing_ledger_folder_is_wrong(site: Path) -> None:
    write(site / "device.toml", "state/ledger", "gone/ledger")
    found = findings(site)
    assert found["ledger folder"].state is State.WRONG
    assert "make it" in found["ledger folder"].said


def test_a_file_that_is_no_ledger_is_wrong(site: Path) -> None:
    (site / "state" / "ledger.sqlite").write_bytes(b"holiday pictures " * 100)
    assert "not a ledger" in fault(site, "ledger")


def test_a_ledger_with_which_no_daemon_starts_is_wrong(site: Path) -> None:
    with closing(sqlite3.connect(site / "state" / "ledger.sqlite")) as db, db:
        db.execute("DELETE FROM tree")
    assert "has lost a row" in fault(site, "ledger")


def test_a_check_leaves_the_ledger_folder_as_it_was(site: Path) -> None:
    before = sorted(path.name for path in (site / "state").iterdir())
    findings(site)
    assert sorted(path.name for path in (site / "state").iterdir()) == before


def test_too_little_free_disk_is_wrong(site: Path) -> None:
    write(site / "device.toml", "min_free_megabytes = 10", "min_free_megabytes = 999999999")
    assert "free some space" in fault(site, "disk")


def test_a_policy_changed_after_the_signature_is_wrong(site: Path) -> None:
    write(site / "policy" / "policy.toml", "Mount Aspen", "Mount Aspern")
    assert "homerule" in fault(site, "policy")


def closed_by_hand(site: Path, *, again: bool = True) -> None:
    """What the city signed is in force, and then somebody turns the switch that the city had opened off."""
    policy, city = site / "policy", load_signing_key(site / "policy" / "city.key")
    opt_in(policy, "statewide-lookup")
    sign(policy, key=city, now=NOW)
    files, bundle = desk.load(policy, pin=site / "city.key.pub")
    key = load_signing_key(site / "device.key")
    with closing(Ledger.open(site / "state/ledger.sqlite", clock=CLOCK, key=key, device="elm-street-north")) as ledger:
        ledger.accept_bundle(files, digest=bundle.digest, version=bundle.version, revision=0, signed=True, notes=())
        opt_out(policy, "statewide-lookup")
        if again:
            made = desk.closed_further(policy, pin=site / "city.key.pub", last=files, revision=0)
            ledger.accept_bundle(
                made.files, digest=made.digest, version=made.version, revision=1, signed=True, notes=()
            )


@pytest.mark.parametrize("taken_up", [True, False])
def test_what_was_closed_by_hand_is_a_note_and_no_fault(site: Path, taken_up: bool) -> None:
    closed_by_hand(site, again=taken_up)
    found = findings(site)["policy"]
    assert found.state is State.NOTE
    assert "version 3, closed by hand since the city signed: statewide-lookup off" in found.said


def test_an_edit_by_hand_that_gives_something_is_wrong_still(site: Path) -> None:
    closed_by_hand(site)
    opt_in(site / "policy", "national-lookup")
    assert "the edit does more than take away ([sharing] national_lookup)" in fault(site, "policy")


def test_hot_lists_that_everybody_can_read_are_noted_with_the_mend(site: Path) -> None:
    folder = site / "policy" / "hotlists"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "stolen.toml").touch(0o644)
    found = findings(site)["hot lists"]
    assert (found.state, "chmod -R o=" in found.said) == (State.NOTE, True)
    folder.chmod(0o750)
    assert findings(site)["hot lists"].state is State.OK


def test_a_policy_for_another_device_is_wrong(site: Path) -> None:
    write(site / "device.toml", '"elm-street-north"', '"oak-street"')
    assert "`--device oak-street`" in fault(site, "policy")


def test_an_audit_log_that_the_city_has_not_adopted_is_wrong(site: Path) -> None:
    (site / "state" / "ledger.sqlite").rename(site / "elsewhere.sqlite")
    key = load_signing_key(site / "device.key")
    with closing(Ledger.open(site / "state" / "ledger.sqlite", clock=CLOCK, key=key, device="elm-street-north")) as new:
        assert f"`--adopt {new.ledger_id}`" in fault(site, "policy")


def test_a_broker_that_is_away_is_wrong(site: Path, broker: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    write(site / "device.toml", f"port = {broker}", f"port = {port}")
    assert "is the broker running" in fault(site, "broker")


@pytest.mark.parametrize("wall", ["apart", "revocation", "retained"])
def test_a_missing_wall_is_said(site: Path, wall: str) -> None:
    assert findings(site)[f"wall: {wall}"].state is State.NOTE


def test_a_camera_that_is_not_there_is_wrong(site: Path) -> None:
    (site / "road.mp4").unlink()
    assert "check the plug and the spelling" in fault(site, "camera lane-1")


def test_a_camera_login_that_others_can_read_is_wrong_and_not_shown(site: Path) -> None:
    (site / "login").write_text("viewer:hunter2\n")
    (site / "login").chmod(0o644)
    write(site / "device.toml", "[broker]", 'credentials = "login"\n[broker]')
    said = fault(site, "camera lane-1")
    assert "chmod 600" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("written", "is_one"),
    [
        ("viewer:hunter2\n", True),
        ("viewer:hunter2\r\na note beside it\n", True),
        ("viewer:\n", True),
        (":hunter2\n", False),
        ("viewer\n", False),
        ("\nviewer:hunter2\n", False),
        (f"viewer:{'x' * 120}\n", False),
    ],
)
def test_what_is_no_camera_login_to_the_daemon_is_none_here(site: Path, written: str, is_one: bool) -> None:
    login = site / "login"
    login.write_text(written, newline="")
    login.chmod(0o600)
    write(site / "device.toml", "[broker]", 'credentials = "login"\n[broker]')
    assert (findings(site)["camera lane-1"].state is not State.WRONG) == is_one
    camera = Camera(id="lane-1", url="rtsp://127.0.0.1/1", credentials=login)
    if is_one:
        assert address_of(camera).name.startswith("rtsp://viewer:")
    else:
        with pytest.raises(Trouble):
            address_of(camera)


def test_a_changed_model_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(
        "".join(
            f'[[model]]\nname = "{kind}"\nkind = "{kind}"\nfile = "m.onnx"\nsha256 = "{"0" * 64}"\n'
            f'licence = "Apache-2.0"\ndefault = true\nconfig = "m.onnx"\nconfig_sha256 = "{"0" * 64}"\n'
            for kind in ("detector", "reader")
        )
    )
    (tmp_path / "m.onnx").write_bytes(b"something else")
    found = {finding.thing: finding for finding in program(clock=CLOCK, models=tmp_path)}
    assert found["models"].state is State.WRONG
    assert "sha256" in found["models"].said
    assert found["known plate"].state is State.WRONG


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this one has CUDA")
def test_the_known_plate_is_read_by_what_is_to_run_the_models() -> None:
    found = {finding.thing: finding for finding in program(clock=CLOCK, provider="cuda")}
    assert [found[thing].state for thing in ("models", "known plate")] == [State.WRONG, State.WRONG]


def test_the_packages_looked_for_are_those_that_the_project_asks_for() -> None:
    asked = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {f"{name}>={least}" for name, least in PACKAGES.items()} == set(asked)


def test_the_command_says_each_thing_in_one_line_and_fails_when_one_is_wrong(site: Path) -> None:
    (site / "device.key").chmod(0o644)
    run = subprocess.run(
        [sys.executable, "-m", "edge", "check", "--config", str(site / "device.toml")], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert not run.stderr
    lines = run.stdout.splitlines()
    assert [line for line in lines if line.startswith("WRONG device key: ")]
    assert lines[-1].endswith("things are wrong")


def test_what_demo_and_replay_need_is_well_here() -> None:
    run = subprocess.run([sys.executable, "-m", "edge", "check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
