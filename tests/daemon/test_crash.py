"""kill -9 of the daemon, of the broker, or of both, at random points: nothing recorded is lost, nothing is sent
unrecorded, nothing comes twice, and the log verifies each time.
"""

import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from edge.ledger.entries import Gap, Start
from tests.broker import wait_until
from tests.conftest import FULL
from tests.daemon.pole import COUNTY, OWNER, TEXAS, Pole, Running, dense_clip
from tests.site import Site, running

pytestmark = pytest.mark.needs("mosquitto")

ROUNDS = 300 if FULL else 7
SEED = 20261123
LONGEST_START, LONGEST_RUN = 2.0, 1.0
"""Seconds from its start, or from its first read in a round, at which the daemon is killed at the latest."""


class Crashes:
    """Kills, and brings back what was killed."""

    def __init__(self, pole: Pole, site: Site) -> None:
        self.pole, self.site = pole, site
        self.chance = random.Random(SEED)
        self.faults: list[str] = []
        self.killed: Counter[str] = Counter()
        self.daemon = pole.run()

    def round(self) -> None:
        """One kill, at a random point of starting or of running."""
        victim = self.chance.choice(("daemon", "broker", "both"))
        if self.chance.random() < 0.3:
            sleep(self.chance.uniform(0.0, LONGEST_START))
        else:
            seen = self.recorded()
            wait_until(lambda: self.recorded() > seen, what=f"a read is recorded: {self.daemon.said}", within=240)
            sleep(self.chance.uniform(0.0, LONGEST_RUN))
        self.kill(victim)

    def kill(self, victim: str) -> None:
        self.killed[victim] += 1
        if victim in ("broker", "both"):
            self.site.kill()
        if victim in ("daemon", "both"):
            self.daemon.kill()
            self.faults += [fault.what for fault in self.pole.verified().faults]
        if victim in ("broker", "both"):
            sleep(self.chance.uniform(0.0, 0.4))
            self.site.start()
        if victim in ("daemon", "both"):
            self.daemon = self.pole.run()

    def recorded(self) -> int:
        """Reads in the ledger, as one sees from outside while somebody writes."""
        return self.pole.count_reads()

    def finish(self) -> Running:
        """Lets everything arrive, and ends the daemon."""
        wait_until(lambda: "runs on" in self.daemon.said, what="the last start", within=240)
        wait_until(self.arrived, what="everything has arrived", within=240)
        assert self.daemon.end() == 0, self.daemon.said
        return self.daemon

    def arrived(self) -> bool:
        return self.pole.count_waiting(OWNER, COUNTY, TEXAS) == 0


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashes]:
    """All rounds, and the last calm."""
    folder = tmp_path_factory.mktemp("crash")
    with running(folder / "site", OWNER, COUNTY, TEXAS) as site:
        pole = Pole(folder / "pole", site.port, site=site)
        pole.look_at(dense_clip())
        try:
            for name in (OWNER, COUNTY, TEXAS):
                pole.receive(name)
            crashes = Crashes(pole, site)
            for _ in range(ROUNDS):
                crashes.round()
            crashes.finish()
            yield crashes
        finally:
            pole.close()


def test_every_kind_of_crash_happened(crashed: Crashes) -> None:
    assert set(crashed.killed) == {"daemon", "broker", "both"}
    assert crashed.killed.total() == ROUNDS


def test_the_log_verified_after_every_crash_and_at_the_end(crashed: Crashes) -> None:
    assert crashed.faults == []
    assert crashed.pole.verified().faults == ()


@pytest.mark.parametrize("name", [OWNER, TEXAS])
def test_every_recorded_read_that_was_allowed_has_arrived_and_nothing_else(crashed: Crashes, name: str) -> None:
    assert crashed.pole.allowed(name)
    # what was in view at the very end is recorded, and waits for the next start
    assert crashed.pole.held(name) | crashed.pole.waiting(name) == crashed.pole.allowed(name)


@pytest.mark.parametrize("name", [OWNER, TEXAS])
def test_no_read_is_kept_twice(crashed: Crashes, name: str) -> None:
    ids = [line["id"] for line in crashed.pole.received(name)]
    assert len(ids) == len(set(ids))


def test_every_start_says_how_the_run_before_ended_and_leaves_the_gap_of_the_crash(crashed: Crashes) -> None:
    entries = crashed.pole.entries()
    after = [entry.after for entry in entries if isinstance(entry, Start)]
    gaps = [entry for entry in entries if isinstance(entry, Gap) and (entry.what, entry.why) == ("daemon", "crash")]
    assert after[0] == "first"
    assert set(after[1:]) == {"crash"}
    assert len(gaps) == len(after) - 1
    assert all(gap.began <= gap.ended for gap in gaps)


def test_whoever_looks_without_the_devices_key_finds_no_fault_either(crashed: Crashes, tmp_path: Path) -> None:
    copy = tmp_path / "ledger.sqlite"
    shutil.copy(crashed.pole.ledger, copy)
    command = [sys.executable, "-m", "edge", "audit", "verify", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
