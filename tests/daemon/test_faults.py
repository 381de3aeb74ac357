"""Whatever breaks on a pole: status, log and `homerule check` name it and the mend, and nothing is shared beside it.

One daemon, a real Mosquitto with certificates, an agency that gets every read; the faults come and go one by one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from edge.delivery.certificates import Authority, load_certificate, pem
from edge.delivery.site import AUTHORITY
from edge.errors import ControlError
from edge.vision.models import models_folder
from tests.broker import wait_until
from tests.daemon.pole import CLOSED_PORT, DEVICE, OWNER, TEXAS, Pole, Running, dense_clip
from tests.ledger.counted import counted
from tests.site import Site, running

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.full]

FAULTY = Path(__file__).parent / "faults"
NOBODY: frozenset[str] = frozenset()
SETTLES = 4.0
"""Seconds in which a vehicle passes and its read would have arrived."""


@dataclass(kw_only=True)
class House:
    """A running daemon whose surroundings can be broken."""

    pole: Pole
    site: Site
    daemon: Running
    spare: Path

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join((str(FAULTY), str(FAULTY.parents[2])))
        return {"PYTHONPATH": path, "FAULTS": str(self.pole.folder / "faults")}

    def fault(self, name: str, text: str | None) -> None:
        """One of those that tests/daemon/faults plays; None ends it."""
        path = self.pole.folder / "faults" / name
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)

    def alarms(self) -> dict[str, str]:
        try:
            return {one.what: one.said for one in self.pole.status().alarms}
        except ControlError:
            return {}

    def served(self) -> set[str]:
        return {one.id for one in self.pole.status().subscribers if one.gate == "open"}

    def sent(self, name: str) -> int:
        """How many reads were handed to the broker for an agency, as the log has it."""
        found = counted(self.pole.ledger)[name]
        return found["sent"] + found["acknowledged"]

    def checked(self) -> str:
        """What `homerule check` says is wrong."""
        words = [sys.executable, "-m", "edge", "check", "--config", str(self.pole.folder / "device.toml")]
        done = subprocess.run(words, capture_output=True, text=True, env=os.environ | self.environment, check=False)
        return "\n".join(line for line in done.stdout.splitlines() if line.startswith("WRONG"))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row of the table. `served`: who may still be, None: as before; `sent`: whether reads may still arrive."""

    begin: Callable[[House], object]
    end: Callable[[House], object]
    alarm: str
    status: str
    log: str
    check: str
    served: frozenset[str] | None = None
    sent: bool = True


def certificate_of(house: House, days: int) -> None:
    authority = Authority.load(house.site.folder / AUTHORITY)
    path = house.site.table.certificate
    public, now = load_certificate(path).public_key(), datetime.now(UTC)
    path.write_bytes(pem(authority.for_client(DEVICE, public, now=now - timedelta(days=days))))


def restarted(house: House) -> None:
    house.site.kill()
    house.site.start()


def junk(house: House) -> None:
    (house.pole.policy / "policy.toml").write_text("[jurisdiction\nthis is no policy")


def played(name: str, text: str, **said: Any) -> Fault:
    """One that tests/daemon/faults plays alone."""
    return Fault(begin=lambda house: house.fault(name, text), end=lambda house: house.fault(name, None), **said)


FAULTS = {
    "a full disk": played(
        "free",
        "5",
        alarm="ledger",
        status="less than 10 MB are free, free some space",
        log="less than 10 MB are free, free some space; until then nothing is shared",
        check="disk: ",
        sent=False,
    ),
    "a read-only root": Fault(
        begin=lambda house: (house.fault("commit", "before SQLITE_READONLY"), house.fault("readonly", "")),
        end=lambda house: (house.fault("commit", None), house.fault("readonly", None)),
        alarm="ledger",
        status="it cannot be written; make the file and its folder writable",
        log="it cannot be written; make the file and its folder writable",
        check="cannot be written and synced (read-only file system), mend the disk",
        sent=False,
    ),
    "a throttled processor": played(
        "throttled",
        "0x50004",
        alarm="processor",
        status="the processor is throttled; it is too hot or its supply too weak: give the housing shade",
        log="the processor is throttled; it is too hot",
        check="processor: the processor is throttled",
    ),
    "a dead camera": Fault(
        begin=lambda house: (house.pole.folder / "second.mp4").rename(house.spare),
        end=lambda house: house.spare.rename(house.pole.folder / "second.mp4"),
        alarm="camera:lane-2",
        status="camera lane-2: ",
        log="camera lane-2: ",
        check="camera lane-2: ",
    ),
    "a dead broker": Fault(
        begin=lambda house: house.site.kill(),
        end=lambda house: house.site.start(),
        alarm="broker",
        status="is away, reads wait; see that it runs and can be reached",
        log="is away, reads wait",
        check="does not answer (connection refused), is the broker running?",
        sent=False,
    ),
    "a wrong clock": Fault(
        begin=lambda house: (house.fault("vouched", None), house.fault("shift", "7200")),
        end=lambda house: (house.fault("shift", None), house.fault("vouched", "")),
        alarm="clock",
        status="only the owner is served; see that its time service runs",
        log="the clock was moved by +7200",
        check="clock: not synchronised, so that only the owner is served; start systemd-timesyncd or chrony",
        served=frozenset({OWNER}),
        sent=False,
    ),
    "an expired certificate": Fault(
        begin=lambda house: certificate_of(house, 40),
        end=lambda house: certificate_of(house, 0),
        alarm="certificate",
        status="run `homerule broker renew /",
        log="device.crt: ended on ",
        check="certificate: ",
    ),
    "a certificate that is away while the broker restarts": Fault(
        begin=lambda house: (house.site.table.certificate.rename(house.spare), restarted(house)),
        end=lambda house: house.spare.rename(house.site.table.certificate),
        alarm="certificate",
        status="no certificate and key (no such file or directory)",
        log="no certificate and key (no such file or directory)",
        check="certificate: ",
        sent=False,
    ),
    "a junk policy": Fault(
        begin=junk,
        end=lambda house: house.pole.lay(shutil.copytree(house.pole.folder / "good", house.pole.folder / "again")),
        alarm="policy",
        status="policy.toml: line ",
        log="policy.toml: line ",
        check="policy: ",
        served=frozenset({OWNER}),
        sent=False,
    ),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("faults")
    with running(folder / "site", OWNER, TEXAS) as site:
        pole = Pole(folder / "pole", site.port, site=site)
        second = pole.folder / "second.mp4"
        shutil.copy(dense_clip(), second)
        pole.look_at(dense_clip())
        pole.device["camera"].append({"id": "lane-2", "url": str(second), "repeat": True})
        (pole.folder / "faults").mkdir()
        (pole.folder / "faults" / "vouched").touch()
        shutil.copytree(pole.policy, pole.folder / "good")
        made = House(pole=pole, site=site, daemon=None, spare=pole.folder / "spare.mp4")
        pole.receive(OWNER)
        pole.receive(TEXAS)
        try:
            made.daemon = pole.start(["run", "--config", str(pole.written())], **made.environment)
            made.daemon.await_words("runs on", within=180)
            yield made
        finally:
            pole.close()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_mend_and_shares_nothing_more(house: House, name: str) -> None:
    fault = FAULTS[name]
    wait_until(lambda: {OWNER, TEXAS} <= house.served(), what="both are served", within=90)
    before = house.served()
    wait_until(lambda: len(house.pole.received(TEXAS)) > 0, what="Texas receives", within=180)
    said = len(house.daemon.said)
    fault.begin(house)
    try:
        wait_until(lambda: fault.status in house.alarms().get(fault.alarm, ""), what=f"{name}: the status", within=90)
        wait_until(lambda: fault.log in house.daemon.said[said:], what=f"{name}: the log", within=30)
        assert house.served() <= (before if fault.served is None else fault.served)
        sent = house.sent(TEXAS)
        assert fault.check in house.checked()
        sleep(SETTLES)
        # what was on its way may still arrive
        assert fault.sent or (len(house.pole.held(TEXAS)) <= sent and house.sent(TEXAS) == sent)
        # a ledger that fails is said when it stops, when it is closed and when it does not open; a retry says nothing
        assert sum(fault.log in line for line in house.daemon.said[said:].splitlines()) <= 3
    finally:
        fault.end(house)
    wait_until(lambda: fault.alarm not in house.alarms(), what=f"{name}: its end", within=90)


def test_a_corrupt_model_stops_the_start_and_is_named_everywhere(tmp_path: Path) -> None:
    pole = Pole(tmp_path / "pole", CLOSED_PORT)
    models = tmp_path / "models"
    shutil.copytree(models_folder(), models, ignore=shutil.ignore_patterns("training", "*.md"))
    spoilt = models / "us-plate-reader.onnx"
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"\0")
    pole.device["models"] = {"folder": str(models)}
    daemon = pole.run()
    assert daemon.process.wait(60) == 1
    assert "us-plate-reader" in daemon.said
    assert "Traceback" not in daemon.said
    asked = pole.ask("status", "--config", str(pole.folder / "device.toml"))
    assert (asked.returncode, "nobody" in asked.stderr or "no daemon" in asked.stderr) == (1, True), asked.stderr
    checked = pole.ask("check", "--config", str(pole.folder / "device.toml"))
    assert "WRONG models: " in checked.stdout
    assert pole.count_reads() == 0
