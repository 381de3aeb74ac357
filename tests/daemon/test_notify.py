"""What systemd is told, by a socket such as it names: ready with the broker's rights, alive, stopping.

No systemd listens here; in tests/install/test_pole.py, with `deploy/test --full`, one does, in a container.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from tests.broker import wait_until
from tests.daemon.pole import OWNER, Pole
from tests.site import running

pytestmark = pytest.mark.needs("mosquitto")

THREADS = ("vision", "recording", "relay", "control", "rights")
FAULTY = Path(__file__).parent / "faults"


class Notices:
    """A datagram socket where a daemon tells how it stands."""

    def __init__(self, path: Path) -> None:
        self.path, self.said = path, list[str]()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(path))
        self._line.setblocking(False)

    def has(self, word: str) -> bool:
        """Whether `word` was told by now."""
        try:
            while True:
                self.said += self._line.recv(4096).decode().splitlines()
        except BlockingIOError:
            return word in self.said

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def notices(tmp_path: Path) -> Iterator[Notices]:
    made = Notices(tmp_path / "notify")
    yield made
    made.close()


def test_it_is_ready_after_the_rights_stand_then_feeds_the_watchdog_and_says_that_it_stops(
    tmp_path: Path, notices: Notices
) -> None:
    with running(tmp_path / "site", OWNER) as site:
        site.kill()
        pole = Pole(tmp_path / "pole", site.port, site=site)
        try:
            daemon = pole.run(NOTIFY_SOCKET=str(notices.path))
            wait_until(lambda: notices.has("STATUS=waits for the broker"), what="it waits", within=60)
            assert not notices.has("READY=1")
            assert notices.said[:4:2] == ["EXTEND_TIMEOUT_USEC=600000000", "EXTEND_TIMEOUT_USEC=60000000"]
            assert notices.said[1:4:2] == ["STATUS=opens the ledger", "STATUS=waits for the broker"]
            site.start()
            wait_until(lambda: notices.has("READY=1"), what="it is ready", within=60)
            wait_until(lambda: notices.has("WATCHDOG=1"), what="it lives", within=30)
            daemon.process.terminate()
            wait_until(lambda: notices.has("STOPPING=1"), what="it stops", within=30)
        finally:
            pole.close()


@pytest.mark.full
def test_the_watchdog_is_fed_only_while_every_thread_moves(tmp_path: Path, notices: Notices) -> None:
    with running(tmp_path / "site", OWNER) as site:
        pole = Pole(tmp_path / "pole", site.port, site=site)
        faults = tmp_path / "faults"
        faults.mkdir()
        (faults / "patience").write_text("2")
        try:
            daemon = pole.run(
                NOTIFY_SOCKET=str(notices.path), FAULTS=str(faults), PYTHONPATH=f"{FAULTY}:{FAULTY.parents[2]}"
            )
            wait_until(lambda: notices.has("READY=1"), what="it is ready", within=60)
            for thread in THREADS:
                (faults / "stall").write_text(thread)
                daemon.await_words(f"{thread} has stood still", within=30)
                notices.has("")
                notices.said.clear()
                sleep(2.5)  # it looks once a second
                assert not notices.has("WATCHDOG=1"), thread
                (faults / "stall").unlink()
                wait_until(lambda: notices.has("WATCHDOG=1"), what=f"{thread} moves again", within=30)
        finally:
            pole.close()
