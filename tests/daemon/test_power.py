"""The power is cut while cars go by: daemon and broker end as by kill -9, and what no sync brought to the card is gone
with the memory. The card is a real ext4 on a file behind a loop device: the file is what the card holds, the rest
is in the kernel's memory, and after a cut a copy of the file takes the card's place.

It starts by itself each time; nothing that was recorded is lost; nothing that an agency holds is missing in the log.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from tests.broker import wait_until
from tests.conftest import FULL
from tests.daemon.pole import COUNTY, OWNER, TEXAS, Pole, dense_clip
from tests.site import Site, running

pytestmark = [
    pytest.mark.needs("mosquitto", "mkfs.ext4", "losetup"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a card, run as root"),
]
CUTS = 50 if FULL else 1
SEED = 20261128
LONGEST = 1.5
"""Seconds from a read to the cut at the latest."""


class Card:
    """An ext4 in `file`, mounted at `place`, which holds what stood there before."""

    def __init__(self, file: Path, place: Path) -> None:
        self._file, self._place, self._number = file, place, 0
        file.touch()
        os.truncate(file, 64 << 20)
        done("mkfs.ext4", "-q", "-F", file)
        before = {path.name: path.read_bytes() for path in place.iterdir()}
        self._mount()
        for name, content in before.items():
            (place / name).write_bytes(content)
            (place / name).chmod(0o600)
        done("sync", "-f", place)

    def cut(self) -> None:
        """What was not synced is gone."""
        self._number += 1
        left = self._file.with_suffix(f".{self._number}")
        done("cp", "--sparse=always", self._file, left)
        self.remove()
        self._file.unlink()
        self._file = left
        self._mount()

    def remove(self) -> None:
        done("umount", "--lazy", self._place)

    def _mount(self) -> None:
        done("mount", "-o", "loop", self._file, self._place)


def done(*words: str | Path) -> None:
    run = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


class Cuts:
    """A pole on such a card; its agencies are elsewhere, and keep their power."""

    def __init__(self, pole: Pole, site: Site, card: Card) -> None:
        self.pole, self.site, self.card = pole, site, card
        self.faults: list[str] = []
        self.lost: set[str] = set()
        self.dropped = 0
        self.daemon = pole.run()

    def round(self, chance: random.Random) -> None:
        seen = self.pole.count_reads()
        wait_until(lambda: self.pole.count_reads() > seen, what=f"a read is recorded: {self.daemon.said}", within=120)
        sleep(chance.uniform(0.0, LONGEST))
        recorded = self.pole.read_ids()
        self.daemon.kill()
        self.site.kill()
        mark = self.pole.folder / "state" / "mark"
        mark.write_text("not synced")
        self.card.cut()
        self.dropped += not mark.exists() or not mark.read_text()
        self.faults += [fault.what for fault in self.pole.verified().faults]
        self.lost |= recorded - self.pole.read_ids()
        self.site.start()
        self.daemon = self.pole.run()
        self.daemon.await_words("runs on", within=120)

    def finish(self) -> None:
        wait_until(lambda: self.pole.count_waiting(OWNER, COUNTY, TEXAS) == 0, what="everything arrives", within=180)
        assert self.daemon.end() == 0, self.daemon.said


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cuts]:
    """All cuts, and the calm after them."""
    folder = tmp_path_factory.mktemp("power")
    with running(folder / "site", OWNER, COUNTY, TEXAS) as site:
        pole = Pole(folder / "pole", site.port, site=site)
        pole.look_at(dense_clip())
        pole.device["device"]["floor"] = "state/floor"
        card = Card(folder / "card", pole.folder / "state")
        try:
            for name in (OWNER, COUNTY, TEXAS):
                pole.receive(name)
            made, chance = Cuts(pole, site, card), random.Random(SEED)
            for _ in range(CUTS):
                made.round(chance)
            made.finish()
            yield made
        finally:
            pole.close()
            card.remove()
            shutil.rmtree(folder / "pole", ignore_errors=True)


def test_every_cut_dropped_what_was_written_and_not_synced(cuts: Cuts) -> None:
    assert cuts.dropped == CUTS


def test_after_every_cut_the_log_verified(cuts: Cuts) -> None:
    assert cuts.faults == []
    assert cuts.pole.verified().faults == ()


def test_no_read_that_was_recorded_is_lost(cuts: Cuts) -> None:
    assert cuts.lost == set()


@pytest.mark.parametrize("name", [OWNER, TEXAS])
def test_each_agency_holds_what_it_was_allowed_and_nothing_else(cuts: Cuts, name: str) -> None:
    assert cuts.pole.allowed(name)
    assert cuts.pole.held(name) | cuts.pole.waiting(name) == cuts.pole.allowed(name)
