"""A device, its broker and its agencies, and all that can happen to them; afterwards the oracle is asked.

with acted(folder, nursery, far=MANNERS) as scene:
    scene.begin()                        # everybody is served, and reads flow
    ...
    findings = scene.judged()            # the device is stopped, the ledger is read

Owner and neighbour are never shut out but where a test says so: they must have every read, in order, by the end.
"""

import json
import os
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random

import tomlkit
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import desk, keys
from edge.clock import SystemClock
from edge.control.client import ask_status, ask_take_up
from edge.control.status import Status
from edge.errors import BrokerError, ControlError, HomeruleError
from edge.ledger import Ledger
from edge.policy.bundle import Bundle
from tests.broker import wait_until
from tests.leak.agencies import MANNERS, Manner, Taker
from tests.leak.line import Line
from tests.leak.oracle import Mark, Oracle, Window, account, heard
from tests.policy.city import OWNER, agency, agreement, owner, policy, texan
from tests.site import Site, running

NEIGHBOUR = "neighbour-pd"
ROOT = Path(__file__).absolute().parents[2]
RATE = 20.0
"""Reads a second; with ten agencies that is 200 messages a second."""


class Nursery:
    """The process in which the daemon has been imported already, and that forks a device when asked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.leak.device"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def device(self, folder: Path) -> "Process":
        """A device that begins to run."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"folder": str(folder)}).encode() + b"\n")
        self._process.stdin.flush()
        return Process(int(self._process.stdout.readline()))

    def close(self) -> None:
        """Ends it, and every device of it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close() if self._process.stdout else None


class Process:
    """A process that is not our own child."""

    def __init__(self, number: int) -> None:
        self.number, self._handle = number, os.pidfd_open(number)

    @property
    def runs(self) -> bool:
        """Whether it lives."""
        return not select.select([self._handle], [], [], 0)[0]

    def send(self, which: signal.Signals) -> None:
        """A signal, if it lives."""
        if self.runs:
            signal.pidfd_send_signal(self._handle, which)

    def close(self) -> None:
        """kill -9, and forgets it."""
        self.send(signal.SIGKILL)
        wait_until(lambda: not self.runs, what="the device is dead")
        os.close(self._handle)


class Scene:
    """See the module."""

    def __init__(
        self, folder: Path, nursery: Nursery, site: Site, far: Mapping[str, Manner], chance: Random, line: Line | None
    ) -> None:
        self.line = line
        self.folder, self.site, self._nursery, self.chance = folder, site, nursery, chance
        self.far, self.clock = tuple(far), SystemClock(trusted=True)
        self.policy, self.socket = folder / "policy", folder / "control.sock"
        (folder / "state").mkdir(parents=True)
        self.city_key = keys.new_signing_key(folder / "city.key")
        self.device_key = keys.new_signing_key(folder / "device.key")
        self._sealing = {name: X25519PrivateKey.generate() for name in (OWNER, NEIGHBOUR, *far)}
        self.plates = [self._plate() for _ in range(50)]
        (folder / "plates").write_text("\n".join(self.plates))
        self._lapses = (self.clock.now().at + timedelta(days=300)).date()
        self._write_city()
        self._write_device(line.port if line is not None else site.port)
        ledger = self._ledger()
        self.sign(adopt=(ledger.ledger_id,))
        ledger.close()
        (folder / "broker.pid").write_text(str(site._process.pid if site._process else 0))
        self.device: Process | None = None
        self.windows: list[Window] = []
        self.agencies = self._agencies(far)
        self.until: datetime | None = None
        self._victim = ""
        self.late = False
        """Whether what was handed over in time may reach the broker late."""

    # -- how it is made

    def _plate(self) -> str:
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
        return "".join(self.chance.choice(letters) for _ in range(4)) + f"{self.chance.randrange(10**4):04}"

    def _write_city(self) -> None:
        public = {name: keys.public_text(key) for name, key in self._sealing.items()}
        held = agreement(expires_on=self._lapses, signed_on=date(2026, 1, 5))
        agencies = [owner(sealing_key=public[OWNER]), agency(NEIGHBOUR, feed="all", sealing_key=public[NEIGHBOUR])]
        agencies += [texan(name, feed="all", sealing_key=public[name], agreement=[held]) for name in self.far]
        until = (self.clock.now().at + timedelta(days=30)).replace(microsecond=0)
        sharing = {"full_feed": [NEIGHBOUR, *self.far]}
        self.policy.mkdir()
        (self.policy / "policy.toml").write_text(tomlkit.dumps(policy({"valid_until": until, "sharing": sharing})))
        (self.policy / "subscribers.toml").write_text(tomlkit.dumps({"subscriber": agencies}))

    def _write_device(self, port: int) -> None:
        broker = {**self.site.table.model_dump(mode="json", exclude_none=True), "port": port}
        written = {
            "device": {
                "id": self.site.device_id,
                "ledger": "state/ledger.sqlite",
                "key": "device.key",
                "socket": "control.sock",
            },
            "camera": [{"id": "north", "url": "rtsp://127.0.0.1:9/nobody"}],
            "broker": broker,
            "policy": {"folder": "policy", "pin": "city.key.pub"},
            "limits": {"min_free_megabytes": 10},
        }
        (self.folder / "device.toml").write_text(tomlkit.dumps(written))

    def _agencies(self, far: Mapping[str, Manner]) -> dict[str, Taker]:
        names = (OWNER, NEIGHBOUR, *far)
        manners = {OWNER: Manner(returns=True), NEIGHBOUR: Manner(returns=True), **far}
        return {
            name: Taker(
                self.site,
                name,
                manners[name],
                other=names[(number + 1) % len(names)],
                sealing_key=self._sealing[name],
                device_key=self.device_key.public_key(),
            )
            for number, name in enumerate(names)
        }

    # -- the device

    def start(self) -> None:
        """The device starts."""
        assert self.device is None
        self.device = self._nursery.device(self.folder)

    def kill(self) -> None:
        """kill -9 of the device."""
        if self.device is not None:
            self.device.close()
            self.device = None

    def stop(self) -> None:
        """A clean stop."""
        assert self.device is not None
        self.device.send(signal.SIGTERM)
        wait_until(lambda: self.device is None or not self.device.runs, what=f"it stops: {self.said}", within=20)
        self.kill()

    def make_unwritable(self) -> None:
        """The broker cannot write down what its rights are, until it starts anew."""
        shutil.copy(self.site.dynsec, self.site.dynsec.with_name("kept.json"))
        self.site.dynsec.unlink()
        self.site.dynsec.mkdir()  # so that not even root can write the file

    def kill_broker(self) -> None:
        """kill -9 of the broker."""
        self.site.kill()

    def start_broker(self) -> None:
        """The broker starts, with the rights that its file held when it could be written last."""
        self.site.kill()
        if self.site.dynsec.is_dir():
            self.site.dynsec.rmdir()
            shutil.copy(self.site.dynsec.with_name("kept.json"), self.site.dynsec)
        self.site.start()
        assert self.site._process is not None
        (self.folder / "broker.pid").write_text(str(self.site._process.pid))

    def revive(self) -> None:
        """Whoever is dead, or stands still, is there again."""
        if self.site._process is not None:
            self.site.thaw()
        if self.site._process is None or self.site._process.poll() is not None:
            self.start_broker()
        if self.device is None or not self.device.runs:
            self.kill()
            self.start()

    @property
    def said(self) -> str:
        """What the device has said."""
        log = self.folder / "daemon.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def arm(self, step: str, when: str, victim: str) -> None:
        """At this step of the sequence, the next time, the victim dies."""
        self._victim = victim
        (self.folder / "armed").write_text(f"{step} {when} {victim}")

    def await_death(self, *, within: float = 30.0) -> None:
        """Returns when whoever was to die is dead."""

        def dead() -> bool:
            device = self._victim == "broker" or self.device is None or not self.device.runs
            broker = self._victim == "daemon" or self.site._process is None or self.site._process.poll() is not None
            return not self.armed and device and broker

        wait_until(dead, what=f"the step at which {self._victim} dies: {self.said[-800:]}", within=within)

    @property
    def armed(self) -> bool:
        """Whether that has not happened yet."""
        return (self.folder / "armed").exists()

    def flow(self, rate: float = RATE) -> None:
        """So many vehicles a second go by."""
        part = self.folder / "rate.part"
        part.write_text(str(rate))
        part.rename(self.folder / "rate")

    def shift(self, seconds: float) -> None:
        """The device's wall clock is wrong by so much."""
        part = self.folder / "shift.part"
        part.write_text(str(seconds))
        part.rename(self.folder / "shift")

    def stand_still(self) -> None:
        """The line stands still with messages on it for those who are about to lose their right.

        Before, everybody who is there has acknowledged all: else what stands on the line may be receipts alone, of what
        is over already, and behind them nothing more is sent.
        """
        assert self.line is not None
        there = [name for name in self.agencies if name != "returning"]
        self.flow(0)
        wait_until(lambda: self.count_waiting(*there) == 0, what="all is acknowledged", within=20)
        self.line.stall()
        before = self.count_sent(*self.far)
        self.flow()
        wait_until(lambda: self.count_sent(*self.far) > before, what="messages stand on the line", within=20)

    # -- how things stand

    def status(self) -> Status | None:
        """What the device says of itself, None when it does not."""
        try:
            return ask_status(self.socket)
        except ControlError:
            return None

    def serves(self, *names: str) -> bool:
        """Whether the device says that it serves exactly these."""
        found = self.status()
        return found is not None and {one.id for one in found.subscribers if one.gate == "open"} == set(names)

    def is_shut(self, *names: str) -> bool:
        """Whether the device says that these have no right, here and at the broker, and that this is known."""
        found = self.status()
        if found is None or found.bundle is None:
            return False
        stands = {one.id: (one.gate, one.right) for one in found.subscribers}
        # while rights are not known, they are known of nobody
        known = any(right == "granted" for _, right in stands.values())
        return known and all(stands.get(name, ("shut", "none")) == ("shut", "none") for name in names)

    def mark(self) -> Mark:
        """This moment."""
        return Mark(
            at=time.monotonic(),
            entries=self.entries(),
            log=self.site._log.stat().st_size,
            lives={name: one.life for name, one in self.agencies.items()},
        )

    def entries(self) -> int:
        """Entries in the ledger, as one sees from outside."""
        return self._asked("SELECT count(*) FROM entries")

    def count_reads(self) -> int:
        """Reads in the ledger."""
        return self._asked("SELECT count(*) FROM reads")

    def count_waiting(self, *names: str) -> int:
        """Envelopes for these that are not acknowledged."""
        return self._asked(f"SELECT count(*) FROM outbox WHERE subscriber_id IN ({','.join('?' * len(names))})", *names)

    def count_sent(self, *names: str) -> int:
        """Envelopes for these that were sent and are not acknowledged."""
        places = ",".join("?" * len(names))
        return self._asked(
            f"SELECT count(*) FROM outbox WHERE sent_at NOT NULL AND subscriber_id IN ({places})", *names
        )

    def _asked(self, query: str, *values: str) -> int:
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True, timeout=20)) as db:
            return int(db.execute(query, values).fetchone()[0])

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "state" / "ledger.sqlite"

    def _ledger(self) -> Ledger:
        return Ledger.open(self.ledger, clock=self.clock, key=self.device_key, device=self.site.device_id)

    # -- what the city does

    def sign(self, **choices: object) -> Bundle:
        """The city signs what lies there."""
        return desk.sign(
            self.policy, key=self.city_key, now=self.clock.now().at, devices=[self.site.device_id], **choices
        )

    def edit(self, name: str, change: Callable[[tomlkit.TOMLDocument], object]) -> None:
        """Somebody edits one of the city's files."""
        path = self.policy / name
        table = tomlkit.parse(path.read_text())
        change(table)
        part = path.with_name(f".{path.name}.part")
        part.write_text(tomlkit.dumps(table))
        part.rename(path)

    def ask(self) -> str:
        """As `homerule policy opt-out` asks: "" when it is in force, else what the answer was."""
        try:
            ask_take_up(self.socket, patience=20)
        except BrokerError as error:
            return f"broker: {error}"
        except HomeruleError as error:
            return f"none: {error}"
        return ""

    def replaced(self) -> str | None:
        """The digest of what is in force."""
        wait_until(
            lambda: (found := self.status()) is not None and found.bundle, what="something is in force", within=30
        )
        found = self.status()
        return found.bundle.digest if found is not None and found.bundle is not None else None

    def written(self) -> str:
        """The digest of what lies there, signed."""
        return sha256((self.policy / "manifest.json").read_bytes()).hexdigest()

    # -- windows

    def shut_out(self, *names: str, at: Mark, told: bool = True) -> None:
        """From that moment on these may get nothing."""
        self.windows.append(Window(names=frozenset(names), shut=at, told=told, late=self.late))

    def let_in(self) -> None:
        """From this moment on all may get what is decided from now on; before the city signs."""
        mark = self.mark()
        self.windows = [
            each
            if each.opened
            else Window(names=each.names, shut=each.shut, opened=mark, told=each.told, late=each.late)
            for each in self.windows
        ]

    # -- what agencies do

    def gather(self, *names: str) -> None:
        """These come, ask for what it is their manner to ask, and are let in."""
        for name in names:
            taker = self.agencies[name]
            wait_until(lambda taker=taker: taker.come() == 1, what=f"{name} listens: {self.said[-600:]}", within=20)

    def begin(self, *, each: int = 6) -> None:
        """Everybody is served and has had some reads; who is away when its right goes is away."""
        if self.device is None:
            self.start()
        wait_until(lambda: self.serves(OWNER, NEIGHBOUR, *self.far), what=f"all are served: {self.said}", within=40)
        self.gather(*self.agencies)
        self.flow()
        self.have_more(each, *self.agencies)
        self.rest()
        self.have_more(each, OWNER)

    def have_more(self, number: int, *names: str, within: float = 30.0) -> None:
        """Each of these gets so many messages more; two are enough for one that is slow."""
        wanted = {
            name: len(self.agencies[name].receipts) + (min(number, 2) if self.agencies[name].manner.slow else number)
            for name in names
        }

        def missing() -> list[str]:
            return [name for name, count in wanted.items() if len(self.agencies[name].receipts) < count]

        def all_there() -> bool:
            for name in missing():
                if not self.agencies[name].connected:
                    self.agencies[name].come()  # a broker that came back sends everybody away once
            return not missing()

        try:
            wait_until(all_there, what=f"{number} more", within=within)
        except AssertionError as late:
            raise AssertionError(f"{late}: {missing()}; {self.said[-900:]}") from None

    def press(self) -> dict[str, int]:
        """All try what they can: acknowledge what they held back, come back, ask again; what each is answered."""
        for name in self.far:
            self.agencies[name].acknowledge()
        return {name: self.agencies[name].come() for name in self.far if not self.agencies[name].manner.waits}

    def rest(self) -> None:
        """Who is slow is slow again, who is away is away: as before a right goes."""
        for taker in self.agencies.values():
            if taker.manner.slow:
                taker.hold()
            if taker.manner.leaves:
                taker.vanish()

    # -- the end

    def drain(self) -> None:
        """No more vehicles; all who take what they get are there and have what is still waiting."""
        self.flow(0)
        out = {name for each in self.windows if each.opened is None for name in each.names}
        calm = [name for name, one in self.agencies.items() if one.manner.calm]
        self.gather(*[name for name in calm if name not in out and not self.agencies[name].connected])
        wait_until(
            lambda: self.count_waiting(*calm) == 0,
            what=f"{calm} have everything, {self.count_waiting(*calm)} wait: {self.said[-1500:]}",
            within=90,
        )

    def oracle(self) -> Oracle:
        """Stops the device and lays everything before the oracle."""
        if self.device is not None:
            self.stop()
        ledger = self._ledger()
        try:
            read = account(ledger.entries())
        finally:
            ledger.close()
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as db:
            waiting = frozenset(name for (name,) in db.execute("SELECT message_id FROM outbox"))
        return Oracle(
            device=self.site.device_id,
            topics={name: self.site.topic(name) for name in self.agencies},
            account=read,
            log=heard(self.site._log.read_bytes()),
            receipts={name: tuple(one.receipts) for name, one in self.agencies.items()},
            windows=tuple(self.windows),
            complete=frozenset(name for name, one in self.agencies.items() if one.manner.calm),
            waiting=waiting,
        )


@contextmanager
def acted(
    folder: Path, nursery: Nursery, far: Mapping[str, Manner] = MANNERS, *, seed: int = 0, wired: bool = False
) -> Iterator[Scene]:
    """A scene with a broker of its own; nothing of it runs on when it is left. `wired`: with a line that can break."""
    folder.mkdir(parents=True, exist_ok=True)
    with running(folder / "site", OWNER, NEIGHBOUR, *far) as site:
        line = Line(site.port) if wired else None
        made = Scene(folder / "pole", nursery, site, far, Random(seed), line)
        try:
            yield made
        finally:
            if site._process is not None:
                site.thaw()
            made.kill()
            if line is not None:
                line.close()
