"""What the demo asks of a broker: accounts with topic rights, nothing kept, and rights that can be taken away.

It listens on loopback only and lives as long as the demo.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol as Shape

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge.clock import monotonic
from edge.delivery.broker import Protocol
from edge.errors import BrokerError, ConfigError

PATIENCE = 10.0
"""Seconds that a broker on this machine gets for anything."""
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who may connect, and the topic filters that it may subscribe to and publish on; every other topic is refused."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)


class DemoBroker(Shape):
    """A broker that the demo starts, changes once and stops."""

    title: str
    protocol: Protocol
    port: int

    def start(self, accounts: Sequence[Account]) -> None:
        """Starts to listen on 127.0.0.1 at `port`; BrokerError when it does not come up."""
        ...

    def listens(self, name: str) -> bool:
        """Whether that account has subscribed to something."""
        ...

    def revoke(self, name: str) -> None:
        """Takes every right of that account away and returns when it is gone; BrokerError when it is not."""
        ...

    def stop(self) -> None:
        """Stops; harmless when it never started."""
        ...


def open_broker(kind: str, folder: Path) -> DemoBroker:
    """The broker named `amqtt` or `mosquitto`; ConfigError says what to install when it is missing."""
    if kind == "mosquitto":
        return Mosquitto(folder)
    try:
        from edge.demo.embedded import Embedded
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"`{error.name}` is not installed, and the demo's own broker needs it: "
            "run `pip install 'homerule[demo]'`, or give `--broker mosquitto`"
        ) from error
    return Embedded()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Around the start of a program: an interrupt waits until its process is held by somebody who can end it."""
    caught: list[int] = []
    kept = {number: signal.signal(number, lambda seen, _: caught.append(seen)) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, before in kept.items():
            signal.signal(number, before)
    if caught:
        raise KeyboardInterrupt


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def admits(port: int, account: Account, protocol: Protocol) -> bool:
    """Whether the broker lets this account connect; BrokerError when it does not answer."""
    version = MQTTProtocolVersion.MQTTv5 if protocol == "5" else MQTTProtocolVersion.MQTTv311
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"probe-{account.name}", protocol=version)
    client.username_pw_set(account.name, account.password)
    answers: list[bool] = []
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(not reason.is_failure)
    try:
        client.connect("127.0.0.1", port, keepalive=10)
        until = monotonic() + PATIENCE
        while not answers and monotonic() < until:
            if client.loop(timeout=0.1) != mqtt.MQTT_ERR_SUCCESS:
                break
        client.disconnect()
    except OSError as error:
        raise BrokerError(f"the broker on port {port} does not answer: {error.strerror or error}") from error
    return bool(answers and answers[0])


class Mosquitto:
    """A Mosquitto of its own, with its files in `folder`. Rights are the access control file's."""

    title = "Mosquitto, MQTT 5"
    protocol: Protocol = "5"

    def __init__(self, folder: Path) -> None:
        self.port = 0
        self._folder = folder
        self._program = _find("mosquitto")
        self._process: subprocess.Popen[bytes] | None = None
        self._accounts: dict[str, Account] = {}

    def start(self, accounts: Sequence[Account]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._accounts = {account.name: account for account in accounts}
        self._write_rights()
        for _ in range(3):  # another program may take the port between the choice and the start
            self.port = free_port()
            self._configure()
            command = [self._program, "-c", str(self._folder / "mosquitto.conf")]
            output = (self._folder / "mosquitto.log").open("ab")
            with output, uninterrupted():
                self._process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)  # noqa: S603
            if self._listens():
                return
        raise BrokerError(f"mosquitto does not start, its own words are in {self._folder / 'mosquitto.log'}")

    def listens(self, name: str) -> bool:
        # Mosquitto writes one line a subscription: time, client id, QoS, topic filter.
        said = (self._folder / "mosquitto.log").read_text(errors="replace")
        return any(f" {name} 1 {topic}" in said for topic in self._accounts[name].reads)

    def revoke(self, name: str) -> None:
        if self._process is None:
            raise BrokerError("mosquitto is not running")
        gone = self._accounts.pop(name)
        self._write_rights()
        self._process.send_signal(signal.SIGHUP)
        # Mosquitto re-reads its files some time after the signal; it is done when it refuses who was struck out.
        until = monotonic() + PATIENCE
        while admits(self.port, gone, self.protocol):
            if monotonic() > until:
                raise BrokerError(f"mosquitto still admits `{name}` after {PATIENCE:.0f} s")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _listens(self) -> bool:
        until = monotonic() + PATIENCE
        while self._process is not None and self._process.poll() is None and monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=0.2):
                    return True
            except OSError:
                continue
        return False

    def _configure(self) -> None:
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {self._folder / 'passwords'}",
            f"acl_file {self._folder / 'rights'}",
            "persistence false",
            "retain_available false",
            "set_tcp_nodelay true",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",
            f"log_dest file {self._folder / 'mosquitto.log'}",
            *(f"log_type {sort}" for sort in ("error", "warning", "notice", "information", "subscribe")),
        ]
        _write(self._folder / "mosquitto.conf", lines)

    def _write_rights(self) -> None:
        """Both files are written aside and moved into place, so that Mosquitto never reads half of one."""
        rights: list[str] = []
        for account in self._accounts.values():
            rights.append(f"user {account.name}")
            rights += [f"topic read {topic}" for topic in account.reads]
            rights += [f"topic write {topic}" for topic in account.writes]
        _write(self._folder / "rights", rights)
        plain = self._folder / "passwords.new"
        _write(plain, [f"{account.name}:{account.password}" for account in self._accounts.values()])
        subprocess.run([_find("mosquitto_passwd"), "-U", str(plain)], check=True, capture_output=True)  # noqa: S603
        plain.replace(self._folder / "passwords")


def _write(path: Path, lines: Sequence[str]) -> None:
    aside = path.with_name(path.name + ".aside")
    aside.touch(mode=0o600)
    aside.write_text("\n".join(lines) + "\n")
    aside.replace(path)


def _find(program: str) -> str:
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise ConfigError(f"`{program}` is not installed: run `apt-get install mosquitto`, or leave out `--broker`")
    return path
