"""A city with many agencies around a real Mosquitto: files on disk, ledger, relay, control in its threads, socket."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import numpy as np
import tomlkit

from edge import desk, keys
from edge.capture import Plain
from edge.clock import SystemClock
from edge.control.client import ask_take_up
from edge.control.control import Control
from edge.control.server import Server
from edge.control.status import Report, Status, status_of
from edge.delivery.broker import Broker
from edge.errors import BrokerError, LedgerError
from edge.ledger import Ledger
from edge.pipeline import Pipeline
from edge.relay import Relay
from edge.values import Box, Frame, PlateRead
from tests.broker import wait_until
from tests.policy.city import OWNER, agency, owner, policy, texan
from tests.relay.house import Passing
from tests.site import Site, running

NEIGHBOUR = "neighbour-pd"


class Town:
    """Everything runs from `start` to `stop`; `far` are agencies of another state, fed through National Lookup."""

    def __init__(self, folder: Path, site: Site, far: Sequence[str]) -> None:
        self.folder, self.site, self.far = folder, site, tuple(far)
        self.clock = SystemClock(trusted=True)
        self.policy, self.socket = folder / "policy", folder / "control.sock"
        (folder / "etc").mkdir(mode=0o755, parents=True)
        self.city_key = keys.new_signing_key(folder / "city.key")
        (folder / "etc" / "city.pub").write_bytes((folder / "city.key.pub").read_bytes())
        self.device_key = keys.new_signing_key(folder / "device.key")
        self._write()
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()

    def _write(self) -> None:
        agencies = [owner(), agency(NEIGHBOUR), *(texan(name, feed="all") for name in self.far)]
        sharing = {"full_feed": list(self.far)}
        until = (self.clock.now().at + timedelta(days=30)).replace(microsecond=0)
        self.policy.mkdir()
        (self.policy / "policy.toml").write_text(tomlkit.dumps(policy({"valid_until": until, "sharing": sharing})))
        (self.policy / "subscribers.toml").write_text(tomlkit.dumps({"subscriber": agencies}))

    def sign(self, *adopt: str, replaces: str | None = None) -> None:
        """The city signs what lies there."""
        now, devices = self.clock.now().at, [self.site.device_id]
        desk.sign(self.policy, key=self.city_key, now=now, devices=devices, adopt=adopt, replaces=replaces)

    def opt_in(self) -> None:
        """The city signs National Lookup open again, knowing of the opt-out."""
        desk.opt_in(self.policy, "national-lookup")
        self.sign(replaces=self.control.in_force().digest)

    def feeds(self, *names: str) -> None:
        """The city signs who gets every read, and that is in force here, if not at the broker."""
        path = self.policy / "policy.toml"
        table = tomlkit.parse(path.read_text())
        table["sharing"]["full_feed"] = list(names)
        path.write_text(tomlkit.dumps(table))
        self.sign(replaces=self.control.in_force().digest)
        with suppress(BrokerError):
            ask_take_up(self.socket, patience=20)

    def start(self) -> None:
        """The device starts, as the daemon does it."""
        self._over.clear()
        path, device = self.folder / "ledger.sqlite", self.site.device_id
        self.ledger = Ledger.open(path, clock=self.clock, key=self.device_key, device=device)
        if not (self.policy / "manifest.json").exists():
            self.sign(self.ledger.ledger_id)
        self.line = self.site.device()
        self.relay = Relay(
            ledger=self.ledger,
            broker=self.line,
            in_force=lambda: self.control.in_force(),
            hotlists=lambda: self.control.hotlists(),
            clock=self.clock,
            device_id=device,
            test=False,
            shut=True,
        )
        pin = self.folder / "etc" / "city.pub"
        self.rights = self.site.rights()
        self.control = Control(
            ledger=self.ledger,
            clock=self.clock,
            desk=desk.City(folder=self.policy, pin=pin, floor=None, device_id=device, pin_owner=os.geteuid()),
            gates=self.relay,
            rights=self.rights,
            apart=True,
        )
        self.eyes = Passing()
        self.pipeline = Pipeline(
            vision=self.eyes,
            in_force=self.control.in_force,
            hotlists=self.control.hotlists,
            ledger=self.ledger,
            clock=self.clock,
            device_id=device,
            device_key=self.device_key,
            test=False,
        )
        self.server = Server(path=self.socket, take_up=self._take_up, status=self.status)
        self.server.start()
        for turn in (lambda: self._over.wait(self.control.tick()), self.control.settle, self._relaying):
            self._threads.append(threading.Thread(target=self._run, args=(turn,), daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        """The device stops."""
        self._over.set()
        self.server.close()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()
        self._threads.clear()
        self.rights.close()
        self.line.close()
        self.ledger.close()

    def status(self) -> Status:
        """What the socket tells."""
        return status_of(self.site.device_id, self.control.standing(), Report())

    def open(self) -> set[str]:
        """Whose gates are open."""
        return {one.id for one in self.control.standing().subscribers if one.gate == "open"}

    def serves(self, *names: str) -> None:
        """Waits until these and no others are served."""
        wait_until(lambda: self.open() == set(names), what=f"{names} are served", within=20)

    def subscriber(self, name: str) -> Broker:
        """An agency that listens."""
        line = self.site.subscriber(name)
        wait_until(line.ready, what=f"{name} listens", within=20)
        return line

    def passes(self, text: str = "QXK9217") -> str:
        """One vehicle goes by; gives the read's id."""
        at, read_id = self.clock.now().at, self.clock.new_id()
        self.eyes.seen = [
            PlateRead(
                read_id=read_id,
                camera_id="north",
                first_seen=at - timedelta(seconds=2),
                best_seen=at - timedelta(seconds=1),
                last_seen=at,
                box=Box(x1=0, y1=0, x2=90, y2=40),
                text=text,
                confidence=0.9,
                lowest_character_confidence=0.8,
                frames=9,
            )
        ]
        pixels = np.zeros((4, 4, 3), dtype=np.uint8)
        self.pipeline.step(Frame(camera_id="north", sequence=0, captured_at=at, picture=Plain(pixels)))
        return read_id

    def _take_up(self, by: str, may_tighten: bool) -> None:
        self.control.take_up(by, may_tighten=may_tighten)

    def _relaying(self) -> None:
        try:
            self.relay.step(patience=0.02)
        except BrokerError:
            self._over.wait(0.1)

    def _run(self, turn: Callable[[], object]) -> None:
        while not self._over.is_set():
            try:
                turn()
            except LedgerError:
                self._over.wait(0.2)


@contextmanager
def town(folder: Path, *, far: int) -> Iterator[Town]:
    """A town with so many agencies of another state, running and serving them all."""
    names = [f"far-{number:02}" for number in range(far)]
    with running(folder / "site", OWNER, NEIGHBOUR, *names) as site:
        made = Town(folder / "town", site, names)
        made.start()
        try:
            made.serves(OWNER, NEIGHBOUR, *names)
            yield made
        finally:
            site.thaw() if site._process is not None else None
            made.stop()
