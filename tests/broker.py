"""A real Mosquitto on a free loopback port, which a test can kill and bring back; skipped when it is not installed."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

PLAIN = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
retain_available false
set_tcp_nodelay true
"""


class Mosquitto:
    """One broker process. `settings` are the lines of its configuration, with `{port}` where the port goes."""

    def __init__(self, folder: Path, settings: str = PLAIN) -> None:
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._settings = folder / "mosquitto.conf"
        # started by root it would become another user, who may not look into a test's folders
        stay = "user root\n" if os.geteuid() == 0 else ""
        self._settings.write_text(stay + settings.replace("{port}", str(self.port)))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it listens."""
        binary = shutil.which("mosquitto")
        assert binary is not None
        with self._log.open("ab") as log:
            command = [binary, "-v", "-c", str(self._settings)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._settings.parent)
        wait_until(lambda: self._process.poll() is not None or listens(self.port), what="mosquitto listens")
        assert self._process.poll() is None, self.log

    def kill(self) -> None:
        """kill -9, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """A clean stop."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """The process stands still: connections stay open and nothing is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on where it stood."""
        self._process.send_signal(signal.SIGCONT)

    @property
    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(10)
            self._process = None


def free_port() -> int:
    """A loopback port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(holds: Callable[[], object], *, what: str, within: float = 10.0) -> None:
    """Returns as soon as `holds`; fails the test, saying `what`, when it does not hold in time."""
    until = monotonic() + within
    while not holds():
        assert monotonic() < until, f"not within {within:g} s: {what}"
        sleep(0.01)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running broker that lets anybody on this computer in."""
    if shutil.which("mosquitto") is None:
        pytest.skip("`mosquitto` is missing, apt-get install mosquitto")
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
