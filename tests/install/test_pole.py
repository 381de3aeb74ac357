"""From a bare Debian root to a device that serves three agencies: what the README says, typed, and nothing else.

systemd is the first process of a container here, without a network but its own. Two things are played: the camera is a
drawn road over RTSP at the address that the README uses, and a file says that the time service has set the clock.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alone import inside
from tests.broker import wait_until
from tests.daemon.pole import PLATES, STOLEN, clip
from tests.install import debian
from tests.install.root import Booted, Root, over
from tests.rtsp import camera_at

pytestmark = debian.needs
README = debian.CHECKOUT / "README.md"
RAISED = 'raise LedgerError("not today")'
OWNER, COUNTY, TEXAS = "mount-aspen-pd", "cook-auto-theft", "brazos-bend-so"


def walk() -> tuple[str, str]:
    """The README's lines: what needs a network, up to the package, and all after it."""
    (block,) = re.findall(r"^```bash\n(.*?)^```", README.read_text(), flags=re.MULTILINE | re.DOTALL)
    first, line, rest = block.partition("apt-get install ./homerule_*.deb\n")
    return first + line, rest


def receive(agency: str) -> str:
    """The README's command, for an agency on this computer."""
    found = re.search(r"`(homerule receive --broker .*?)`", README.read_text())
    assert found
    said = found.group(1).replace("broker.example.org", "127.0.0.1").replace("mount-aspen-pd", agency)
    said = said.replace("agency.sealing", f"{agency}.sealing").replace("agency.crt", f"{agency}.crt")
    said = said.replace("agency.key", f"{agency}.key").replace("reads.jsonl", f"{agency}.jsonl")
    said = said.replace("--ca ca.crt", "--ca /etc/homerule/broker/ca/ca.crt")
    return said.replace("device.key.pub", "/etc/homerule/device.key.pub")


@pytest.fixture(scope="module")
def root() -> Iterator[Root]:
    """A clean Debian with the package, installed as the README says; here there is a network."""
    package = debian.package()
    with over(debian.clean_root(), debian.CHECKOUT, network=True) as made:
        made.write("/etc/resolv.conf", Path("/etc/resolv.conf").read_text())
        assert made.run("apt-get", "update").returncode == 0
        made.path("/root").joinpath(package.name).symlink_to(package)
        first, _ = walk()
        typed = f"cd /root\n{first}".replace("apt-get install", "apt-get install --yes")
        done = made.run("bash", "-euxc", typed, DEBIAN_FRONTEND="noninteractive")
        assert done.returncode == 0, done.stdout + done.stderr
        yield made


@pytest.fixture(scope="module")
def pole(root: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    """The device that came of it, with its camera, and the three agencies, which receive."""
    folder = tmp_path_factory.mktemp("pole")
    _, rest = walk()
    before, status = rest.rstrip().rsplit("\n", 1)
    assert status == "homerule status"
    with (
        root.booted("pole-1", folder / "console") as made,
        camera_at(folder, clip(), user="user", password="password", fps=12.5) as camera,
    ):
        made.typed("ip addr add 192.0.2.10/32 dev lo; mkdir -p /run/systemd/timesync")
        made.typed("touch /run/systemd/timesync/synchronized; echo declared > declaration.pdf")
        camera.address, camera.port = "192.0.2.10", 554
        with inside(Path(f"/proc/{made.leader}/ns/net")):
            camera.start()
        made.typed(before)
        wait_until(lambda: made.run("homerule", "status").returncode == 0, what="all is well", within=120)
        agencies = [
            subprocess.Popen(made.command("bash", "-c", f"exec {receive(name)} 2> {name}.log"), env=made.environment)
            for name in (OWNER, COUNTY, TEXAS)
        ]
        try:
            yield made
        finally:
            for agency in agencies:
                agency.kill()
                agency.wait()


def plates(pole: Booted, agency: str) -> list[str]:
    """What an agency holds."""
    path = pole.path(f"/root/{agency}.jsonl")
    text = path.read_text() if path.exists() else ""
    return [json.loads(line)["data"]["plate"] for line in text.splitlines() if line.endswith("}")]


@pytest.mark.needs("lintian")
def test_lintian_finds_nothing_wrong_with_the_package() -> None:
    judged = ["lintian", "--allow-root", "--fail-on=error,warning", debian.package()]
    found = subprocess.run(judged, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_each_agency_receives_what_the_policy_allows(pole: Booted) -> None:
    wait_until(lambda: set(PLATES) <= set(plates(pole, OWNER)), what="the owner receives all", within=300)
    wait_until(lambda: len(plates(pole, OWNER)) >= 2 * len(PLATES), what="it receives on", within=180)
    wait_until(lambda: STOLEN in plates(pole, COUNTY), what="the county receives the hit", within=60)
    wait_until(lambda: STOLEN in plates(pole, TEXAS), what="Texas receives the hit", within=60)
    assert set(plates(pole, COUNTY)) == set(plates(pole, TEXAS)) == {STOLEN}


def test_what_was_installed_is_readable_by_those_who_need_it(pole: Booted) -> None:
    shown = pole.typed("stat -c '%A %U %G %n' " + " ".join(MODES)).splitlines()
    assert {line.split()[3]: " ".join(line.split()[:3]) for line in shown} == MODES


MODES = {
    "/etc/homerule": "drwxr-xr-x root root",
    "/etc/homerule/device.toml": "-rw-r--r-- root root",
    "/etc/homerule/device.key": "-rw------- root root",
    "/etc/homerule/city.pub": "-rw-r--r-- root root",
    "/etc/homerule/policy": "drwxrwsr-x root homerule-clerk",
    "/etc/homerule/policy/hotlists": "drwxr-s--- root homerule",
    "/etc/homerule/policy/hotlists/stolen.toml": "-rw-r----- root homerule",
    "/etc/homerule/broker/ca/ca.key": "-rw------- root root",
    "/etc/homerule/broker/device/control": "-rw------- homerule homerule",
    "/opt/homerule/current/bin/python": "lrwxrwxrwx root root",
    "/var/lib/homerule": "drwx------ homerule homerule",
    "/var/lib/homerule/ledger.sqlite": "-rw------- homerule homerule",
    "/var/lib/homerule-floor": "drwx------ homerule homerule",
    "/run/homerule": "drwxr-xr-x homerule homerule",
    "/run/homerule/control.sock": "srw-rw-rw- homerule homerule",
}


@pytest.mark.parametrize("service", ["homerule-purge", "homerule-checkpoint", "homerule-renew"])
def test_what_the_timers_start_does_its_work_within_its_walls(pole: Booted, service: str) -> None:
    done = pole.run("systemctl", "start", f"{service}.service")
    said = pole.run("journalctl", "-u", service, "--no-pager", "-n", "20").stdout
    assert done.returncode == 0, said
    assert pole.run("systemctl", "is-active", f"{service}.timer").stdout.strip() == "active"
    if service == "homerule-checkpoint":
        assert pole.typed("ls /var/lib/homerule-checkpoints").startswith("pole-1-")


def test_the_lookup_closed_by_the_clerk_ends_what_came_through_it(pole: Booted) -> None:
    pole.typed("homerule policy opt-out /etc/homerule/policy national-lookup")
    held = len(plates(pole, TEXAS))
    county = len(plates(pole, COUNTY))
    wait_until(lambda: len(plates(pole, COUNTY)) >= county + 2, what="two more hits", within=180)
    assert len(plates(pole, TEXAS)) == held


def process(pole: Booted) -> str:
    return pole.typed("systemctl show -p MainPID --value homerule").strip()


def active(pole: Booted) -> bool:
    return pole.run("systemctl", "is-active", "homerule").stdout.strip() == "active"


def test_killed_it_is_back_by_itself(pole: Booted) -> None:
    before = process(pole)
    pole.typed("systemctl kill --signal=KILL homerule")
    wait_until(lambda: process(pole) not in {"0", before} and active(pole), what="it is back", within=120)


def test_frozen_it_is_ended_by_the_watchdog_and_started_again(pole: Booted) -> None:
    before = process(pole)
    pole.typed("systemctl kill --signal=STOP homerule")
    wait_until(lambda: process(pole) not in {"0", before} and active(pole), what="it is back", within=180)
    assert "Watchdog timeout" in pole.typed("journalctl -u homerule --no-pager -n 200")


def test_installed_once_more_nothing_changes(pole: Booted) -> None:
    before = process(pole)
    pole.typed("/usr/share/homerule/deploy/install.sh")
    assert process(pole) == before


def updated(pole: Booted, folder: Path, version: str, *edits: tuple[str, str, str]) -> subprocess.CompletedProcess[str]:
    """What postinst does when a package of that version was unpacked; its packages are the same."""
    share = pole.path("/usr/share/homerule")
    for old in share.glob("wheels/homerule-*.whl"):
        old.unlink()
    shutil.copy(debian.wheel(folder / version, version, *edits), share / "wheels")
    (share / "version").write_text(f"{version}\n")
    for name in ("deploy/install.sh", "deploy/setup"):
        shutil.copy(debian.CHECKOUT / name, share / name)
    shutil.rmtree(share / "systemd")
    shutil.copytree(folder / version / "systemd", share / "systemd")
    return pole.run("/usr/share/homerule/deploy/install.sh")


def version(pole: Booted) -> str:
    return pole.typed("homerule --version").split()[1]


def test_an_update_is_switched_to_and_serves_on(pole: Booted, tmp_path: Path) -> None:
    done = updated(pole, tmp_path, "0.9.1")
    assert done.returncode == 0, done.stderr
    assert (version(pole), active(pole)) == ("0.9.1", True)
    held = len(plates(pole, OWNER))
    wait_until(lambda: len(plates(pole, OWNER)) > held, what="the owner receives on", within=120)


def test_an_update_that_fails_its_self_test_is_not_switched_to(pole: Booted, tmp_path: Path) -> None:
    before = process(pole)
    done = updated(pole, tmp_path, "0.9.2", ("models/manifest.toml", 'sha256 = "', 'sha256 = "0'))
    assert done.returncode == 1
    assert "version 0.9.2 does not pass its self-test, see above; what ran before runs on" in done.stderr
    assert (version(pole), process(pole)) == ("0.9.1", before)


def test_an_update_that_does_not_become_ready_is_taken_back_with_its_migration(pole: Booted, tmp_path: Path) -> None:
    """It has brought the ledger to a shape that the version before does not know, and written to it."""
    done = updated(
        pole,
        tmp_path,
        "0.9.3",
        ("edge/ledger/migrations.py", "_FOURTH, _FIFTH)", '_FOURTH, _FIFTH, ("CREATE TABLE later (x)",))'),
        (
            "edge/ledger/migrations.py",
            "WAYS_BACK = {",
            'WAYS_BACK = {6: WayBack(("DROP TABLE later",), "SELECT 1 FROM later", ""),',
        ),
        (
            "edge/daemon/daemon.py",
            '        _log.info("homerule %s runs',
            f'        {RAISED}\n        _log.info("homerule %s runs',
        ),
        ("systemd/homerule-purge.timer", "[Timer]", "[Timer]\n# of 0.9.3"),
    )
    assert done.returncode == 1
    assert "the new version does not become ready, see above; 0.9.1-" in done.stderr, done.stderr
    assert (version(pole), active(pole)) == ("0.9.1", True)
    assert pole.typed("homerule ledger shape").strip() == "5"
    assert "0.9.3" not in pole.typed("cat /etc/systemd/system/homerule-purge.timer; systemctl cat homerule-purge.timer")
    pole.typed("grep -aqF 'homerule 0.9.3' /var/lib/homerule/ledger.sqlite*")  # its start stays in the log


def test_the_log_of_all_that_verifies(pole: Booted) -> None:
    pole.typed("homerule audit verify /var/lib/homerule/ledger.sqlite --device-key /etc/homerule/device.key.pub")


def test_removed_it_leaves_policy_keys_and_audit_log(pole: Booted) -> None:
    pole.typed("dpkg --purge homerule")
    left = pole.typed("find / -xdev -iname '*homerule*' -not -path '/proc/*' -not -path '/root/*' -not -path '/tmp/*'")
    assert set(left.split()) >= {"/etc/homerule", "/var/lib/homerule", "/var/lib/homerule-floor"}
    ours = ("/opt", "/usr/local", "/etc/systemd/system/homerule")
    assert [line for line in left.split() if line.startswith(ours)] == []
    pole.typed("test -s /var/lib/homerule/ledger.sqlite; test -s /etc/homerule/device.key")
    pole.typed("test -s /etc/homerule/policy/policy.toml; test -s /etc/homerule/city.pub; getent passwd homerule")
    assert pole.run("systemctl", "is-active", "homerule").stdout.strip() == "inactive"
