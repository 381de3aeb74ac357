"""`homerule status`: a page for a person, one object for a program, and an exit code that tells of alarms."""

import json
import subprocess
import sys
from pathlib import Path

from edge.control.status import AlarmStatus, Status
from tests.control.test_socket import AT, Device, device, path, status

__all__ = ["device", "path"]


def homerule(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edge", *words], capture_output=True, text=True, check=False)


def test_the_page_says_what_is_in_force_and_who_is_served(path: Path) -> None:
    run = homerule("status", "--socket", str(path))
    assert run.returncode == 0, run.stderr
    for words in (
        "version 3.1 of village-pd, signed 5 days ago, in force until 2026-12-13 12:00 UTC (20 days)",
        "national-lookup, private",
        "trusted, by timesyncd",
        "north: NOT connected, for 9 minutes, 3 passages with fewer than eight looks, refused-login",
        "No reads    north: 5 too small to read, 2 not sure enough\n",
        "12 reads are not acknowledged yet",
        "5231 entries, id some-id, 900 MB free on its disk",
        "Texas (texas-so)",
        "National Lookup is off.",
    ):
        assert words in run.stdout
    assert "By hand     national-lookup off; it stays" in run.stdout


def test_an_alarm_comes_first_and_is_the_exit_code(path: Path, device: Device) -> None:
    device.alarms = (AlarmStatus(what="floor", said="floor: cannot be written, mend it", since=AT),)
    run = homerule("status", "--socket", str(path))
    assert run.returncode == 1
    assert run.stdout.startswith("ALARM floor, since 2026-11-23 12:00 UTC: floor: cannot be written, mend it\n")


def test_a_program_gets_one_object(path: Path) -> None:
    run = homerule("status", "--json", "--socket", str(path))
    assert run.returncode == 0
    assert Status.model_validate(json.loads(run.stdout)) == status()


def test_nobody_to_ask_is_exit_code_1(tmp_path: Path) -> None:
    run = homerule("status", "--socket", str(tmp_path / "nobody.sock"))
    assert run.returncode == 1
    assert "no daemon is running here" in run.stderr
