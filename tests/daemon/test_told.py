"""What a daemon tells of itself, all in one run: metrics, log, status and a support archive, and who is in none of it.

The road is drawn, the log of the journal is played with all that must never stand in one.
"""

import http.client
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge import keys
from tests.broker import free_port, wait_until
from tests.control.test_metrics import samples
from tests.daemon.pole import CLOSED_PORT, COUNTY, DEVICE, OWNER, PLATES, STOLEN, TEXAS, Pole, clip

PASSWORD = "geheim-3141"
JOURNAL = f"""2026-11-28 homerule: camera lane-1: rtsp://viewer:{PASSWORD}@192.0.2.17/stream refuses, plate {STOLEN}
2026-11-28 homerule: {DEVICE} of Prospect Grove hands {OWNER} to 2001:db8:0:0:0:0:0:7 and clerk@example.org
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1
-----END PRIVATE KEY-----
2026-11-28 homerule: the key is KEY, login viewer:{PASSWORD}, all of it, broker lost
"""


@dataclass
class Told:
    """What came of one run."""

    pole: Pole
    metrics: str = ""
    elsewhere: int = 0
    log: str = ""
    listens: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    mode: int = 0
    again: subprocess.CompletedProcess[str] | None = None


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    pole = Pole(folder / "pole", CLOSED_PORT)
    pole.look_at(clip())
    login = pole.folder / "lane-2.login"
    login.touch(0o600)
    login.write_text(f"viewer:{PASSWORD}\n")
    pole.device["camera"].append(
        {"id": "elm-and-3rd", "url": "rtsp://192.0.2.17/stream?token=1234567", "credentials": str(login)}
    )
    pole.device["device"] |= {"metrics_port": free_port(), "log_format": "logfmt", "isolate_decoder": False}
    try:
        yield lived(Told(pole=pole), pole)
    finally:
        pole.close()


def lived(told: Told, pole: Pole) -> Told:
    daemon = pole.run()
    daemon.await_words("runs on", within=180)
    wait_until(lambda: pole.count_reads() >= 2, what="two reads", within=180)
    told.metrics, _ = scraped(pole, "/metrics")
    _, told.elsewhere = scraped(pole, "/")
    told.listens = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    archive = pole.folder / "support.tar.gz"
    doctor(pole, archive)
    told.mode = stat.S_IMODE(archive.stat().st_mode)
    with tarfile.open(archive) as opened:
        for one in opened.getmembers():
            told.parts[Path(one.name).name] = opened.extractfile(one).read().decode()
    told.again = doctor(pole, archive)
    daemon.end(within=90)
    told.log = daemon.said
    return told


def doctor(pole: Pole, archive: Path) -> subprocess.CompletedProcess[str]:
    """`homerule doctor`, with a journal that holds what none should hold."""
    tools = pole.folder / "bin"
    tools.mkdir(exist_ok=True)
    journal = JOURNAL.replace("KEY", keys.public_text(pole.device_key))
    (pole.folder / "journal").write_text(journal)
    (tools / "journalctl").write_text(f"#!/bin/sh\ncat {pole.folder / 'journal'}\n")
    (tools / "journalctl").chmod(0o755)
    words = ["doctor", "--config", str(pole.folder / "device.toml"), "--out", str(archive)]
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "edge", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, env=os.environ | path)


def scraped(pole: Pole, path: str) -> tuple[str, int]:
    line = http.client.HTTPConnection("127.0.0.1", int(pole.device["device"]["metrics_port"]), timeout=20)
    line.request("GET", path)
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    return text, answer.status


def secrets(pole: Pole) -> set[str]:
    """Everything that may stand in no archive."""
    entries = tomllib.loads((pole.policy / "hotlists" / "county-stolen.toml").read_text())["entry"]
    named = tomllib.loads((pole.policy / "subscribers.toml").read_text())["subscriber"]
    place = tomllib.loads((pole.policy / "policy.toml").read_text())["jurisdiction"]["place"]
    private = pole.folder / "device.key"
    return {
        *PLATES, PASSWORD, place, DEVICE, OWNER, COUNTY, TEXAS, "192.0.2.17", "token=1234567", "elm-and-3rd", "lane-1",
        "PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIJ1", "viewer", "example.org", "2001:db8", "Prospect Grove",
        keys.public_text(pole.device_key), private.read_text().splitlines()[1],
        *(entry["pattern"] for entry in entries if "?" not in entry["pattern"]),
        *(one["name"] for one in named), *(one["id"] for one in named),
    }  # fmt: skip


def test_the_metrics_are_told_and_name_no_plate_and_no_agency(told: Told) -> None:
    found = samples(told.metrics)
    assert found["homerule_up"] == 1
    assert found['homerule_camera_connected{camera="lane-1"}'] == 1
    assert found["homerule_audit_entries_total"] > 2
    assert not [word for word in (*PLATES, OWNER, COUNTY, TEXAS) if word in told.metrics]
    assert told.elsewhere == 404


def test_the_metrics_are_told_at_home_alone(told: Told) -> None:
    port = f":{int(told.pole.device['device']['metrics_port']):04X} "
    listening = [line.split()[1] for line in told.listens.splitlines() if port in line and " 0A " in line]
    assert listening == [f"0100007F{port.strip()}"]


def test_the_log_is_logfmt_and_speaks_of_changes(told: Told) -> None:
    lines = told.log.splitlines()
    assert all(re.match(r"level=(info|warning|error) room=[a-z.]+ msg=", line) for line in lines), told.log
    assert not [word for word in (*PLATES, PASSWORD) if word in told.log]
    # the dead camera is tried again and again, and said once
    assert sum("192.0.2.17" in line for line in lines) <= 1


def test_the_archive_has_what_one_looks_for(told: Told) -> None:
    assert set(told.parts) == {
        "about.txt", "device.toml.txt", "status.json", "check.txt", "unit.txt", "log.txt", "disk.txt", "models.txt",
        "audit.txt",
    }  # fmt: skip
    status = json.loads(told.parts["status.json"])
    assert [one["id"] for one in status["report"]["cameras"]] == ["(camera 1)", "(camera 2)"]
    assert "broker lost" in told.parts["log.txt"]
    assert "(an address)" not in told.parts["about.txt"]
    assert "camera (camera 1): (a path) is there" in told.parts["check.txt"]
    assert "camera[2].url = rtsp: (not shown)" in told.parts["device.toml.txt"]
    assert "limits.min_free_megabytes = 10" in told.parts["device.toml.txt"]
    assert re.search(r"^detector .* [0-9a-f]{64} unchanged$", told.parts["models.txt"], re.MULTILINE)
    assert re.search(r"^ +\d+ Read$", told.parts["audit.txt"], re.MULTILINE)
    assert "wrong: camera (camera 2)" in told.parts["check.txt"]
    assert not any("could not be gathered" in text or "left out" in text for text in told.parts.values()), told.parts


def test_nothing_in_the_archive_names_or_opens_anything(told: Told) -> None:
    for name, text in told.parts.items():
        found = [word for word in secrets(told.pole) if word.casefold() in text.casefold()]
        assert not found, (name, found)


def test_the_archive_is_for_its_owner_alone_and_never_written_over(told: Told) -> None:
    assert told.mode == 0o600
    assert told.again.returncode == 1
    assert "is not written over, name another with `--out`" in told.again.stderr
