"""The three agencies: real subscribers, each its own `homerule receive` process with its own account, key and file."""

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path

from edge.clock import monotonic
from edge.demo.brokers import PATIENCE, Account, DemoBroker, uninterrupted
from edge.demo.city import DEVICE_ID, City
from edge.demo.judge import Receipt
from edge.errors import BrokerError


class Book:
    """The file in which an agency keeps what it received; read on from where it was read to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_to = 0
        self._receipts: list[Receipt] = []

    def receipts(self) -> list[Receipt]:
        """Everything that it holds by now, line by whole line."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read_to)
                whole, _, _ = file.read().rpartition(b"\n")
            if whole:
                self._read_to += len(whole) + 1
                self._receipts += [_receipt(line) for line in whole.splitlines()]
        return list(self._receipts)


class Agency:
    """One agency's `homerule receive`, and what its file holds."""

    def __init__(self, *, name: str, city: City, broker: DemoBroker, account: Account) -> None:
        self.name = name
        self._book = Book(city.folder / f"{name}.jsonl")
        self._said = city.folder / f"{name}.log"
        self._password = city.folder / "keys" / f"{name}.password"
        self._command = [
            *(sys.executable, "-m", "edge", "receive"),
            *("--subscriber", name, "--device", DEVICE_ID, "--test"),
            *("--broker", f"127.0.0.1:{broker.port}", "--protocol", broker.protocol),
            *("--username", account.name, "--password-file", str(self._password)),
            *("--key", str(city.sealing_key(name)), "--out", str(self._book.path)),
        ]
        self._broker, self._secret = broker, account.password
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process; it connects by itself."""
        descriptor = os.open(self._password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as secret:
            secret.write(self._secret + "\n")
        with self._said.open("wb") as output, uninterrupted():
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def await_listening(self) -> None:
        """Returns when it has subscribed; BrokerError, with its own words, when it does not."""
        until, pause = monotonic() + 2 * PATIENCE, threading.Event()
        while self._process is not None and self._process.poll() is None and monotonic() < until:
            if self._broker.listens(self.name):
                return
            pause.wait(0.02)
        words = self._said.read_text(errors="replace").strip().splitlines()
        raise BrokerError(f"`homerule receive` of {self.name} does not listen: {words[-1] if words else 'no words'}")

    def receipts(self) -> list[Receipt]:
        """Everything that its file holds by now."""
        return self._book.receipts()

    def stop(self) -> None:
        """Ends the process."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None


def _receipt(line: bytes) -> Receipt:
    held = json.loads(line)
    return Receipt(
        read_id=held["id"].partition(".")[0],
        text=held["data"].get("plate", ""),
        received_at=datetime.fromisoformat(held["receivedat"]),
    )
