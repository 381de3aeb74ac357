"""What the installer refuses, what the units allow, and what they are opened for on one device."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "deploy" / "install.sh"
UNITS = [unit for unit in sorted((ROOT / "systemd").iterdir()) if unit.is_file()]
PROGRAM = "/opt/homerule/current/bin/homerule"
PYTHON = "/opt/homerule/current/bin/python"
MOST_EXPOSED = 15
"""Tenths, of the measure of `systemd-analyze security`."""
DEVICE = """
[device]
id = "pole-1"
ledger = "/var/lib/homerule/ledger.sqlite"
key = "/etc/homerule/device.key"
{cameras}
[broker]
host = "127.0.0.1"
access = "mosquitto"
control_port = 1884
control_credential = "/etc/homerule/broker/device/control"
[policy]
folder = "/etc/homerule/policy"
pin = "/etc/homerule/city.pub"
"""
NORTH = '[[camera]]\nid = "north"\nurl = "rtsp://192.0.2.10/stream1"\nsub_url = "rtsp://192.0.2.11/stream2"'
HERE = '[[camera]]\nid = "here"\nurl = "usb:3"'


def checked(
    folder: Path, release: str, *, user: int = 0, architecture: str = "arm64", python: str = "python3"
) -> subprocess.CompletedProcess[str]:
    """`deploy/install.sh --check` on a system of that kind."""
    (folder / "bin").mkdir()
    for name, script in {
        "id": f"echo {user}",
        "dpkg": f'case $1 in --print-architecture) echo {architecture};; *) exec /usr/bin/dpkg "$@";; esac',
    }.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / "bin" / name).chmod(0o755)
    (folder / "os-release").write_text(release)
    return subprocess.run(
        ["/bin/sh", SCRIPT, "--check"],
        env={
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "HOMERULE_OS_RELEASE": str(folder / "os-release"),
            "HOMERULE_PYTHON": python,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("release", "architecture", "said"),
    [
        (
            'ID=fedora\nVERSION_ID=43\nPRETTY_NAME="Fedora Linux 43"',
            "arm64",
            "this is Fedora Linux 43; Homerule is installed on",
        ),
        ("ID=raspbian\nVERSION_ID=12\nPRETTY_NAME=Raspbian", "armhf", "Raspberry Pi OS 12 (64-bit)"),
        (
            "ID=debian\nVERSION_ID=12\nPRETTY_NAME=Debian",
            "armhf",
            "put the 64-bit image of the same system on the card",
        ),
        ("ID=debian\nVERSION_ID=11\nPRETTY_NAME=Debian", "arm64", "version 12 or later is needed"),
        ('ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME="Ubuntu 22.04"', "arm64", "a Jetson: to JetPack 7"),
    ],
)
def test_a_system_that_does_not_fit_is_refused_with_the_mend(
    tmp_path: Path, release: str, architecture: str, said: str
) -> None:
    found = checked(tmp_path, release, architecture=architecture)
    assert found.returncode == 1
    assert said in found.stderr


@pytest.mark.parametrize(
    "release", ["ID=debian\nVERSION_ID=12", 'ID=ubuntu\nVERSION_ID="24.04"', "ID=debian\nVERSION_ID=13"]
)
def test_a_system_that_fits_is_told_so_and_nothing_is_changed(tmp_path: Path, release: str) -> None:
    found = checked(tmp_path, release)
    assert found.returncode == 0, found.stderr
    assert "this computer fits" in found.stderr


@pytest.mark.parametrize("number", ["3.10.12", "3.14.0"])
def test_a_python_that_the_wheels_are_not_made_for_is_refused_with_the_mend(tmp_path: Path, number: str) -> None:
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\n[ "$1" = -V ] && echo Python {number}\nexit 1\n')
    python.chmod(0o755)
    found = checked(tmp_path, "ID=debian\nVERSION_ID=12", python=str(python))
    assert found.returncode == 1
    assert "no Python from 3.11 to 3.13 with venv here" in found.stderr
    assert "apt-get install python3 python3-venv" in found.stderr


def test_without_root_it_says_how_to_call_it(tmp_path: Path) -> None:
    found = checked(tmp_path, "ID=debian\nVERSION_ID=12", user=1000)
    assert (found.returncode, found.stderr) == (1, f"homerule: must be run as root: sudo {SCRIPT}\n")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as they are installed, but for the program, which is not here."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(ROOT / "systemd", folder, dirs_exist_ok=True)
    for unit in folder.glob("*.service"):
        unit.write_text(unit.read_text().replace(PROGRAM, "/bin/true").replace(PYTHON, "/bin/true"))
    return folder


@pytest.mark.needs("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    named = [units / unit.name for unit in UNITS]
    found = subprocess.run(["systemd-analyze", "verify", *named], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("name", [unit.name for unit in UNITS if unit.suffix == ".service"])
def test_a_service_is_hardly_exposed(name: str, units: Path) -> None:
    judged = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", units / name]
    found = subprocess.run(judged, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def allowed(unit: Path) -> set[str]:
    """The system calls that a unit leaves, line by line as systemd.exec(5) says: a set is spelt out by systemd."""
    left: set[str] = set()
    for line in unit.read_text().splitlines():
        if line.startswith("SystemCallFilter="):
            told = line.partition("=")[2]
            named = {call for name in told.removeprefix("~").split() for call in spelt_out(name)}
            left = left - named if told.startswith("~") else left | named
    return left


def spelt_out(name: str) -> set[str]:
    """The calls of a set; a call is itself."""
    if not name.startswith("@"):
        return {name}
    asked = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    calls = {line.strip() for line in told if line.strip() and not line.strip().startswith("#")}
    return {call for each in calls for call in spelt_out(each)}


@pytest.mark.needs("systemd-analyze")
def test_the_daemon_may_ask_the_kernel_about_the_clock_and_not_set_it() -> None:
    left = allowed(ROOT / "systemd" / "homerule.service")
    assert {"read", "openat", "adjtimex", "clock_adjtime"} <= left  # which of the two is asked, the C library chooses
    assert left.isdisjoint({"clock_settime", "settimeofday", "setuid", "chown", "keyctl"})


@pytest.mark.parametrize("unit", [*UNITS, *(ROOT / "systemd").glob("*.d/*.conf")], ids=lambda unit: unit.name)
def test_every_line_of_a_unit_has_its_reason(unit: Path) -> None:
    bare, before = [], ""
    for line in unit.read_text().splitlines():
        if "=" in line and not before.startswith("#") and not line.startswith(("#", "Description=", "WantedBy=")):
            bare.append(line)
        before = line
    assert unit.read_text().startswith("# ")
    assert bare == []


@pytest.mark.parametrize("timer", [unit for unit in UNITS if unit.suffix == ".timer"], ids=lambda unit: unit.name)
def test_every_timer_has_its_service(timer: Path) -> None:
    assert timer.with_suffix(".service") in UNITS


def opened(homerule: Path, folder: Path, *cameras: str, options: tuple[str, ...] = ()) -> list[str]:
    """What `homerule unit` opens for a device with these cameras."""
    (folder / "device.toml").write_text(DEVICE.format(cameras="\n".join(cameras)))
    said = subprocess.run(
        [homerule, "unit", "--config", folder / "device.toml", *options], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in said.splitlines() if line and not line.startswith("#")]


CAMERAS = ["IPAddressAllow=192.0.2.10", "IPAddressAllow=192.0.2.11"]


def test_only_the_decoder_reaches_the_cameras(tmp_path: Path, homerule: Path) -> None:
    assert opened(homerule, tmp_path, NORTH) == ["[Unit]", "Wants=mosquitto.service", "[Service]"]
    assert opened(homerule, tmp_path, NORTH, options=("--decoder",)) == ["[Service]", *CAMERAS]


def test_without_a_decoder_the_daemon_reaches_the_cameras_and_nothing_else(tmp_path: Path, homerule: Path) -> None:
    both = f"isolate_decoder = false\n{NORTH}"
    assert opened(homerule, tmp_path, both) == ["[Unit]", "Wants=mosquitto.service", "[Service]", *CAMERAS]


def test_a_decoder_reaches_its_own_computer_only_for_a_camera_there(tmp_path: Path, homerule: Path) -> None:
    here = NORTH.replace("192.0.2.11", "127.0.0.1")
    found = opened(homerule, tmp_path, here, options=("--decoder",))
    assert found == ["[Service]", "IPAddressAllow=192.0.2.10", "IPAddressAllow=127.0.0.1"]


def test_a_camera_at_the_computer_is_the_one_device_that_is_opened(tmp_path: Path, homerule: Path) -> None:
    found = opened(homerule, tmp_path, HERE)
    assert [line for line in found if line.startswith("DeviceAllow")] == ["DeviceAllow=/dev/video3 rw"]
    assert not any(line.startswith("IPAddress") for line in found)


@pytest.mark.parametrize(
    ("url", "lines"),
    [
        ("picamera:0", {"DeviceAllow=char-media rw", "RestrictAddressFamilies=AF_NETLINK", "PrivateDevices=no"}),
        ("jetson:0", {"PrivateTmp=no", "DevicePolicy=auto", "SupplementaryGroups=video"}),
    ],
)
def test_a_csi_camera_is_opened_with_what_belongs_to_it(
    tmp_path: Path, homerule: Path, url: str, lines: set[str]
) -> None:
    assert lines <= set(opened(homerule, tmp_path, f'[[camera]]\nid = "csi"\nurl = "{url}"'))


ODD = '/srv/my "disk" 100%\\a'


def unit_of(folder: Path, homerule: Path, key: str) -> subprocess.CompletedProcess[str]:
    """`homerule unit` for a device with an odd ledger and an odd camera, and its key in this file."""
    written = DEVICE.format(cameras="[[camera]]\nid = 'here'\nurl = '/dev/my cam%'")
    written = written.replace('"/var/lib/homerule/', f"'{ODD}/").replace('sqlite"', "sqlite'")
    (folder / "device.toml").write_text(written.replace('"/etc/homerule/device.key"', f"'{key}'"))
    return subprocess.run(
        [homerule, "unit", "--config", folder / "device.toml"], capture_output=True, text=True, check=False
    )


def test_a_path_is_written_as_systemd_reads_it(tmp_path: Path, homerule: Path) -> None:
    lines = unit_of(tmp_path, homerule, "/etc/my keys/100%/the device.key").stdout.splitlines()
    assert 'ReadWritePaths="/srv/my \\"disk\\" 100%%\\\\a"' in lines
    assert 'DeviceAllow="/dev/my cam%%" rw' in lines
    assert "LoadCredential=the device.key:/etc/my keys/100%%/the device.key" in lines


@pytest.mark.needs("systemd-analyze")
def test_systemd_takes_the_line_of_an_odd_path(tmp_path: Path, homerule: Path) -> None:
    said = unit_of(tmp_path, homerule, "/etc/my keys/100%/the device.key").stdout
    (tmp_path / "odd.service").write_text(f"{said}\nExecStart=/bin/true\n".replace("Wants=mosquitto.service", ""))
    asked = ["systemd-analyze", "verify", "--man=no", tmp_path / "odd.service"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stderr == ""


@pytest.mark.parametrize("key", ["/etc/a:b.key", "/etc/schlüssel.key", "/etc/device.key "])
def test_a_key_that_systemd_would_not_hand_over_is_refused(tmp_path: Path, homerule: Path, key: str) -> None:
    run = unit_of(tmp_path, homerule, key)
    assert (run.returncode, run.stdout) == (1, "")
    assert "name the file with letters, digits and dots" in run.stderr


@pytest.fixture
def homerule() -> Path:
    return Path(sys.executable).with_name("homerule")
