"""What the installer does on a whole system, in a root over this one that is thrown away.

Python, pip and systemd are stand-ins here, so that each run takes a second; tests/install/test_pole.py has the real
ones. The stand-in for `homerule` passes or fails its self-test, and the daemon becomes ready or not, as a file says.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from edge import __version__
from tests.install.root import Root, over

CHECKOUT = Path(__file__).parent.parent.parent
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount an overlay, run as root"),
    pytest.mark.needs("unshare"),
]
PYTHON = """#!/bin/sh
[ "$1" != -V ] || { cat /stand-in/python; exit; }
[ "$1 $2" != "-m venv" ] || { mkdir -p "$3/bin"; cp /stand-in/bin/python3 "$3/bin/python"; }
[ "$1 $2" != "-m venv" ] || cp /stand-in/homerule "$3/bin/homerule"
[ "$1 $2" != "-m pip" ] || exit "$(cat /stand-in/pip)"
"""
HOMERULE = """#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
echo "homerule $* by $(basename "$here")" >> /stand-in/calls
case "$1 $2" in
    check*) exit "$(cat /stand-in/selftest)" ;;
    keygen*) (umask 077; echo secret > "$2") ;;
    unit*) cat /stand-in/unit ;;
    'ledger shape') echo 3 ;;
    --version*) echo "homerule $(basename "$here")" ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >> /stand-in/calls
case "$*" in
    'restart homerule') readlink /opt/homerule/current | grep -q "$(cat /stand-in/ready)" && touch /stand-in/active ;;
    '--quiet is-active homerule') [ -e /stand-in/active ] ;;
esac
"""


class Computer:
    """A camera computer on which the installer runs as root, from the folder of a Debian package of some version."""

    def __init__(self, root: Root, folder: Path) -> None:
        self.root, self.folder = root, folder
        root.environment["HOMERULE_PYTHON"] = "/stand-in/bin/python3"
        root.environment["HOMERULE_OS_RELEASE"] = "/stand-in/os-release"
        root.environment["PATH"] = f"/stand-in/bin:{root.environment['PATH']}"
        root.write("/stand-in/bin/python3", PYTHON, 0o755)
        root.write("/stand-in/homerule", HOMERULE, 0o755)
        root.write("/stand-in/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n')
        for name, words in {"python": "Python 3.12.3\n", "pip": "0", "selftest": "0", "unit": "[Service]\n"}.items():
            root.write(f"/stand-in/{name}", words)
        root.write("/stand-in/calls", "", 0o666)  # take-back is typed as the daemon's user
        self.unpack("1.0.0")

    def unpack(self, version: str) -> None:
        """As dpkg unpacks the package of that version."""
        for name in ("deploy/install.sh", "deploy/setup", "deploy/requirements.txt", "deploy/examples/device.toml"):
            self.root.write(f"/usr/share/homerule/{name}", (CHECKOUT / name).read_text(), 0o755)
        shutil.rmtree(units := self.root.path("/usr/share/homerule/systemd"), ignore_errors=True)
        shutil.copytree(CHECKOUT / "systemd", units)
        self.root.write("/usr/share/homerule/version", f"{version}\n")
        self.root.write(f"/usr/share/homerule/wheels/homerule-{version}.whl", version)

    def install(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What postinst runs."""
        return self.root.run("/usr/share/homerule/deploy/install.sh", *words)

    def installed(self) -> None:
        done = self.install()
        assert done.returncode == 0, done.stderr

    def boot(self, *, ready: str = "") -> None:
        """From now on systemd runs, and the daemon becomes ready if the name of its release holds `ready`."""
        self.root.path("/run/systemd/system").mkdir(parents=True)
        self.root.write("/stand-in/bin/systemctl", SYSTEMCTL, 0o755)
        self.root.write("/stand-in/bin/journalctl", "#!/bin/sh\n", 0o755)
        self.root.write("/stand-in/ready", ready)

    def runs(self) -> str:
        """The version that is switched to."""
        return Path(os.readlink(self.root.path("/opt/homerule/current"))).name.partition("-")[0]

    def releases(self) -> list[str]:
        return sorted(path.name.partition("-")[0] for path in self.root.path("/opt/homerule/releases").iterdir())

    def calls(self) -> list[str]:
        """What was asked of homerule and systemd since the last time."""
        path = self.root.path("/stand-in/calls")
        said = path.read_text().splitlines()
        path.write_text("")
        return said

    def files(self) -> dict[str, tuple[object, ...]]:
        """All that the installer makes or may have touched: kind and mode, owner, time of change, content."""
        found = {}
        for place in ("/etc", "/opt/homerule", "/usr/local/bin", "/usr/share/homerule", "/var/lib/homerule"):
            here = self.root.path(place)
            for path in [here, *here.rglob("*")] if here.exists() else []:
                status = path.lstat()
                content = sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
                name = str(path).partition("/root/")[2].partition("/root/")[2]
                found[name] = (stat.filemode(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, content)
        return found


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Computer]:
    with over(Path("/"), CHECKOUT) as root:
        yield Computer(root, tmp_path)


def test_the_same_command_once_more_changes_nothing(computer: Computer) -> None:
    computer.boot()
    computer.installed()
    computer.installed()  # device.toml is there now, so the daemon starts
    before = computer.files()
    assert "etc/homerule/device.key" in before
    computer.calls()
    computer.installed()
    assert computer.files() == before
    assert not any("restart" in call or "keygen" in call for call in computer.calls())


def test_nothing_that_was_installed_can_be_written_by_others(computer: Computer) -> None:
    computer.installed()
    found = {name: mode for name, (mode, *_) in computer.files().items() if "homerule" in name}
    assert found["etc/homerule/device.key"] == "-rw-------"
    assert found["etc/homerule/policy"] == "drwxrwsr-x"
    assert found["etc/systemd/system/homerule.service"] == "-rw-r--r--"
    assert found["opt/homerule/releases"] == "drwxr-xr-x"
    wide = {name for name, mode in found.items() if "w" in mode[5] + mode[8] and mode[0] != "l"}
    assert wide == {"etc/homerule/policy"}  # the clerk's group


def test_what_people_wrote_is_never_written_over(computer: Computer) -> None:
    computer.root.write("/etc/homerule/device.toml", "# ours\n")
    computer.root.write("/etc/homerule/policy/policy.toml", "# the city's\n")
    computer.installed()
    computer.unpack("1.1.0")
    computer.installed()
    assert computer.root.path("/etc/homerule/device.toml").read_text() == "# ours\n"
    assert computer.root.path("/etc/homerule/policy/policy.toml").read_text() == "# the city's\n"


@pytest.mark.needs("mosquitto")
def test_from_a_checkout_it_is_the_same_and_nothing_is_written_there(computer: Computer) -> None:
    """Which cannot be written here."""
    done = computer.root.run(CHECKOUT / "deploy" / "install.sh")
    assert done.returncode == 0, done.stderr
    assert computer.runs() == __version__


def test_an_update_is_switched_to_and_the_version_before_stays(computer: Computer) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        computer.unpack(version)
        computer.root.run("rm", "-rf", "/usr/share/homerule/wheels/homerule-1.0.0.whl")
        computer.installed()
        assert computer.runs() == version
    assert computer.releases() == ["1.1.0", "1.2.0"]


def test_a_version_that_fails_its_self_test_is_not_switched_to(computer: Computer) -> None:
    computer.installed()
    computer.unpack("1.1.0")
    computer.root.write("/stand-in/selftest", "1")
    done = computer.install()
    assert (done.returncode, computer.runs()) == (1, "1.0.0")
    assert "version 1.1.0 does not pass its self-test, see above; what ran before runs on" in done.stderr
    computer.root.write("/stand-in/selftest", "0")
    computer.installed()
    assert computer.runs() == "1.1.0"


def test_packages_that_cannot_be_installed_leave_nothing_behind(computer: Computer) -> None:
    computer.root.write("/stand-in/pip", "1")
    done = computer.install()
    assert (done.returncode, computer.releases()) == (1, [])
    assert "version 1.0.0 could not be installed, see above; nothing was changed" in done.stderr


def test_a_version_that_does_not_become_ready_is_taken_back_with_the_audit_log(computer: Computer) -> None:
    computer.installed()
    computer.boot(ready="1.0.0")
    computer.installed()
    computer.unpack("1.1.0")
    computer.calls()
    done = computer.install()
    assert (done.returncode, computer.runs()) == (1, "1.0.0")
    assert "the new version does not become ready, see above; 1.0.0-" in done.stderr
    said = " ".join(computer.calls())
    # stopped; the shape that the old one knows; given by the new one; then the old one starts
    order = ["systemctl stop homerule", "ledger shape", "by 1.0.0", "ledger take-back 3", "by 1.1.0", "restart"]
    at = said.index("restart")
    for words in order:
        at = said.index(words, at + 1)


LATER = "homerule-weekly"
"""A timer that a later version has, with its service and what is opened for it."""


def with_a_timer_more(computer: Computer, version: str) -> None:
    computer.unpack(version)
    for name in (f"{LATER}.timer", f"{LATER}.service", f"{LATER}.service.d/limits.conf"):
        computer.root.write(f"/usr/share/homerule/systemd/{name}", "[Unit]\n")


def units(computer: Computer) -> dict[str, str]:
    here = computer.root.path("/etc/systemd/system")
    found = [path for path in here.rglob("homerule*/*") if path.is_file()] + list(here.glob("homerule*.*"))
    return {str(path.relative_to(here)): path.read_text() for path in found if path.is_file()}


def test_a_unit_that_a_later_version_lacks_goes_and_what_police_it_put_there_stays(computer: Computer) -> None:
    computer.boot()
    computer.installed()
    before = units(computer)
    with_a_timer_more(computer, "1.1.0")
    computer.installed()
    assert set(units(computer)) - set(before) > {f"{LATER}.timer", f"{LATER}.service.d/limits.conf"}
    ours = {"homerule-ours.timer": "[Timer]\n", f"{LATER}.service.d/ours.conf": "[Service]\n"}
    for name, words in ours.items():
        computer.root.write(f"/etc/systemd/system/{name}", words)
    computer.root.write(f"/etc/systemd/system/{LATER}.service.d/device.conf", "[Service]\n")
    computer.calls()
    computer.unpack("1.2.0")
    computer.installed()
    opened = {name for name in units(computer) if name.endswith("/device.conf")}  # by the start
    assert {name: words for name, words in units(computer).items() if name not in opened} == {**before, **ours}
    assert not any(LATER in name for name in opened)
    said = computer.calls()
    assert said.index(f"systemctl disable --now --quiet {LATER}.timer") < said.index("systemctl daemon-reload")
    assert not any(LATER in call for call in said if "disable" not in call)


@pytest.mark.parametrize("more", ["new", "old"])
def test_a_version_that_is_taken_back_has_its_own_units_again(computer: Computer, more: str) -> None:
    unpack = {"new": [Computer.unpack, with_a_timer_more], "old": [with_a_timer_more, Computer.unpack]}[more]
    unpack[0](computer, "1.0.0")
    computer.installed()
    computer.boot(ready="1.0.0")
    computer.installed()
    before = units(computer)
    unpack[1](computer, "1.1.0")
    changed = computer.root.path("/usr/share/homerule/systemd/homerule.service")
    changed.write_text(changed.read_text() + "# of the new version\n")
    computer.calls()
    done = computer.install()
    assert (done.returncode, computer.runs()) == (1, "1.0.0"), done.stderr
    assert units(computer) == before
    said = computer.calls()
    again = said[len(said) - 1 - said[::-1].index("systemctl daemon-reload") :]
    assert any(call.startswith("systemctl enable") for call in again)
    assert any(f"{LATER}.timer" in call for call in again) == (more == "old")
    assert again[-1] == "systemctl restart homerule"


def test_a_unit_that_cannot_be_started_takes_the_update_back(computer: Computer) -> None:
    computer.installed()
    computer.boot()
    computer.installed()
    fails = f"case \"$*\" in 'start '*{LATER}*) exit 1 ;; esac\n"
    computer.root.write("/stand-in/bin/systemctl", SYSTEMCTL + fails, 0o755)
    with_a_timer_more(computer, "1.1.0")
    done = computer.install()
    assert (done.returncode, computer.runs()) == (1, "1.0.0")
    assert "1.0.0-" in done.stderr.splitlines()[-1]
    assert not any(LATER in name for name in units(computer))


def test_a_new_python_makes_a_new_release(computer: Computer) -> None:
    computer.installed()
    before = os.readlink(computer.root.path("/opt/homerule/current"))
    computer.root.write("/stand-in/python", "Python 3.13.5\n")
    computer.installed()
    assert os.readlink(computer.root.path("/opt/homerule/current")) != before


def test_a_wrong_device_toml_stops_the_start_and_keeps_what_was_opened(computer: Computer) -> None:
    computer.boot()
    computer.installed()
    computer.installed()
    opened = computer.root.path("/etc/systemd/system/homerule.service.d/device.conf")
    before = opened.read_text()
    computer.root.path("/stand-in/unit").unlink()
    done = computer.install()
    assert done.returncode == 1
    assert "/etc/homerule/device.toml must be mended first" in done.stderr
    assert opened.read_text() == before


def test_uninstalled_it_leaves_policy_keys_and_audit_log_and_nothing_else(computer: Computer) -> None:
    computer.boot()
    before = computer.files()
    computer.installed()
    computer.root.write("/etc/homerule/policy/policy.toml", "# the city's\n")
    computer.root.write("/var/lib/homerule/ledger.sqlite", "entries\n", 0o600)
    done = computer.install("--uninstall")
    assert done.returncode == 0, done.stderr
    left = {name for name in set(computer.files()) - set(before) if "homerule" in name}
    assert left == {
        "etc/homerule",
        "etc/homerule/device.key",
        "etc/homerule/device.toml",
        "etc/homerule/policy",
        "etc/homerule/policy/policy.toml",
        "var/lib/homerule",
        "var/lib/homerule/ledger.sqlite",
    }
    assert "Left as they are: /etc/homerule" in done.stderr
    assert "systemctl disable --now --quiet homerule.service homerule-checkpoint.timer" in " ".join(computer.calls())
