"""A pole with everything on it: a city's files, a drawn road, the real `homerule run` and real `homerule receive`."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Any

import cv2
import numpy as np
import tomlkit

from edge import desk, keys
from edge.clock import SystemClock
from edge.control.client import ask_status, ask_take_up
from edge.control.status import Status
from edge.errors import HomeruleError
from edge.ledger import Ledger
from edge.ledger.entries import Entry
from edge.ledger.verify import Report, verify
from edge.policy.bundle import Bundle
from edge.road.clip import Pass, Road, write_video
from edge.values import Decision, Effect
from tests.broker import wait_until
from tests.ledger.builders import outcomes
from tests.site import Site

DEVICE = "elm-street-1"
OWNER, COUNTY, TEXAS = "prospect-grove-pd", "cook-auto-theft", "brazos-bend-so"
STOLEN = "AB12345"
PLATES = (STOLEN, "QXK9217", "BD48210", "CN70551", "ZT63148", "EW29086")
CLOSED_PORT = 9
"""Nobody listens there."""


@cache
def clip() -> Path:
    """Six vehicles in 15 s, 640 x 360; drawn once a run. In a loop each is long enough away to be read again."""
    path = Path(mkdtemp(prefix="homerule-tests-")) / "road.mp4"
    road = Road(passes=[Pass(text=text, speed=16.0) for text in PLATES], seed=4, size=(640, 360), fps=12.5)
    write_video(road, path)
    return path


@cache
def dense_clip() -> Path:
    """A vehicle nearly every second from the start on, two lanes, 12 s; some plates are misread, which is no matter."""
    path = Path(mkdtemp(prefix="homerule-tests-")) / "dense.mp4"
    first, second = "ABCDEFGHJKLM", "HKLMNPRSTUVW"
    texts = [f"{first[at]}{second[at]}{10000 + 3917 * at}" for at in range(len(first))]
    passes = [Pass(text=text, speed=30.0, towards=bool(at % 2), enters=0.9 * at - 1.6) for at, text in enumerate(texts)]
    write_video(Road(passes=passes, seed=4, size=(640, 360), fps=12.5), path)
    return path


def nothing_to_see(folder: Path) -> Path:
    """A camera without traffic: a folder with one small picture."""
    place = folder / "pictures"
    place.mkdir()
    cv2.imwrite(str(place / "1.png"), np.random.default_rng(1).integers(0, 255, (90, 160, 3), np.uint8))
    return place


class Running:
    """A process of ours and what it has said on stderr."""

    def __init__(self, command: list[str], said: Path, **environment: str) -> None:
        self._said = said
        self._from = said.stat().st_size if said.exists() else 0
        with said.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **environment},
            )

    @property
    def said(self) -> str:
        """All that this process has said."""
        return self._said.read_bytes()[self._from :].decode(errors="replace")

    def await_words(self, words: str, *, within: float = 20.0) -> None:
        """Returns when it has said these words."""
        wait_until(lambda: words in self.said or self.process.poll() is not None, what=words, within=within)
        assert words in self.said, self.said

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)

    def end(self, within: float = 10.0) -> int:
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)


class Pole:
    """Everything in one folder; processes that were started are ended by `close`.

    The broker is at `port` and lets anybody in, or it is a site's, where each shows its certificate.
    """

    def __init__(self, folder: Path, port: int, *, site: Site | None = None, now: datetime | None = None) -> None:
        self.folder, self.port, self.site = folder, port, site
        self.policy = folder / "policy"
        self.now = now or datetime.now(UTC)
        folder.mkdir(exist_ok=True)
        (folder / "state").mkdir()
        self.city_key = keys.new_signing_key(folder / "city.key")
        self.pin = folder / "city.key.pub"
        self.device_key = keys.new_signing_key(folder / "device.key")
        desk.copy_examples(self.policy, now=self.now)
        self.switch("national_lookup", True)
        for name in (OWNER, COUNTY, TEXAS):
            key = keys.new_sealing_key(folder / f"{name}.key")
            self.agency(name, sealing_key=keys.public_text(key))
        self.agency(TEXAS, feed="all")
        self.edit("policy.toml", lambda table: table["sharing"].update(full_feed=[TEXAS], direct=[]))
        self.ledger_id = self.begin_ledger()
        self.sign(adopt=(self.ledger_id,))
        self.device = tomlkit.document()
        self.device.update(
            {
                "device": {
                    "id": DEVICE,
                    "ledger": "state/ledger.sqlite",
                    "key": "device.key",
                    "socket": "control.sock",
                },
                "camera": [{"id": "lane-1", "url": str(nothing_to_see(folder)), "repeat": True}],
                "broker": {"host": "127.0.0.1", "port": port, "access": "none"} if site is None else table(site),
                "policy": {"folder": "policy", "pin": "city.key.pub"},
                "limits": {"min_free_megabytes": 10},
            }
        )
        self._processes: list[Running] = []

    def look_at(self, video: Path) -> None:
        """The camera plays this, again and again."""
        self.device["camera"] = [{"id": "lane-1", "url": str(video), "repeat": True}]

    # -- what people do

    def edit(self, name: str, change: Callable[[Any], object]) -> None:
        """Somebody edits one of the city's files."""
        path = self.policy / name
        table = tomlkit.parse(path.read_text())
        change(table)
        part = path.with_name(f".{path.name}.part")
        part.write_text(tomlkit.dumps(table))
        part.rename(path)

    def switch(self, name: str, value: bool | str) -> None:
        """A sharing switch."""
        self.edit("policy.toml", lambda table: table["sharing"].update({name: value}))

    def agency(self, name: str, **values: object) -> None:
        """An agency's line in the registry."""
        self.edit("subscribers.toml", lambda t: next(s for s in t["subscriber"] if s["id"] == name).update(values))

    def sign(self, **choices: Any) -> Bundle:
        """The city signs what lies in the folder."""
        return desk.sign(self.policy, key=self.city_key, now=self.now, devices=[DEVICE], **choices)

    def begin_ledger(self) -> str:
        """A new ledger, as the daemon makes it; its name, which the city must adopt."""
        ledger = self._opened()
        ledger.close()
        return ledger.ledger_id

    def keep_aside(self) -> Path:
        """A copy of the city's files as they are now."""
        copy = Path(mkdtemp(prefix="aside-", dir=self.folder))
        shutil.copytree(self.policy, copy, dirs_exist_ok=True)
        return copy

    # -- processes

    def written(self) -> Path:
        """device.toml as it stands now."""
        config = self.folder / "device.toml"
        config.write_text(tomlkit.dumps(self.device))
        return config

    def run(self, *options: str, **environment: str) -> Running:
        """`homerule run`."""
        return self.start(["run", "--config", str(self.written()), "--trust-clock", *options], **environment)

    def start(self, command: list[str], **environment: str) -> Running:
        """A daemon with exactly these words."""
        return self._started(command, "daemon", environment)

    def said(self) -> str:
        """All that daemons have said here."""
        return (self.folder / "daemon.log").read_text(errors="replace")

    def receive(self, name: str, **environment: str) -> Running:
        """`homerule receive` of an agency."""
        words = [
            *("receive", "--subscriber", name, "--broker", f"127.0.0.1:{self.port}"),
            *("--key", str(self.folder / f"{name}.key"), "--device-key", str(self.folder / "device.key.pub")),
            *("--out", str(self.folder / f"{name}.jsonl")),
        ]
        if self.site is not None:
            shown = self.site.tls(name)
            words += ["--ca", str(shown.ca), "--cert", str(shown.cert), "--cert-key", str(shown.key)]
        return self._started(words, name, environment)

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Any other command of `homerule`, to its end."""
        command = [sys.executable, "-m", "edge", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def lay(self, copy: Path) -> None:
        """Puts the files of a copy in the place of those that lie there."""
        part = Path(mkdtemp(prefix="part-", dir=self.folder))
        shutil.copytree(copy, part, dirs_exist_ok=True)
        old = self.folder / f"old-{part.name}"
        if self.policy.exists():
            self.policy.rename(old)
        part.rename(self.policy)
        shutil.rmtree(old, ignore_errors=True)

    def take_up(self) -> str:
        """Asks the daemon to look at the files; what it answers when it refuses, else nothing."""
        try:
            ask_take_up(self.folder / "control.sock")
        except HomeruleError as refused:
            return str(refused)
        return ""

    def status(self) -> Status:
        """What the daemon says of itself."""
        return ask_status(self.folder / "control.sock")

    def decoded(self) -> int:
        """Frames of its first camera so far."""
        return self.status().report.cameras[0].frames or 0

    def close(self) -> None:
        """Ends every process that still runs."""
        for running in self._processes:
            if running.process.poll() is None:
                running.kill()

    # -- what came of it

    def received(self, name: str) -> list[dict[str, Any]]:
        """What lies in an agency's file, whole lines."""
        path = self.folder / f"{name}.jsonl"
        if not path.exists():
            return []
        whole, _, _ = path.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def held(self, name: str) -> set[str]:
        """Ids of the reads that an agency holds."""
        return {line["id"].partition(".")[0] for line in self.received(name)}

    def plates(self, name: str) -> list[str]:
        """The plates that an agency holds."""
        return [line["data"]["plate"] for line in self.received(name)]

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "state" / "ledger.sqlite"

    def verified(self) -> Report:
        """What `audit verify` finds, with the device's key."""
        return verify(self.ledger, self.device_key.public_key())

    def entries(self) -> list[Entry]:
        """The whole log, while no daemon runs."""
        ledger = self._opened()
        try:
            return [logged.entry for logged in ledger.entries()]
        finally:
            ledger.close()

    def decisions(self) -> dict[str, tuple[Decision, ...]]:
        """What was decided of each read, while no daemon runs."""
        ledger = self._opened()
        try:
            return dict(outcomes(ledger))
        finally:
            ledger.close()

    def allowed(self, name: str) -> set[str]:
        """Ids of the reads that the log says an agency was allowed."""
        return {
            read_id
            for read_id, decisions in self.decisions().items()
            for one in decisions
            if one.subscriber_id == name and one.effect is Effect.SHARE
        }

    def count_reads(self) -> int:
        """Reads in the ledger, looked at from outside while the daemon writes."""
        return self._counted("SELECT count(*) FROM reads")

    def read_ids(self) -> set[str]:
        """Which reads those are."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as db:
            return {str(read_id) for (read_id,) in db.execute("SELECT read_id FROM reads")}

    def count_waiting(self, *names: str) -> int:
        """Envelopes for these agencies that are not acknowledged."""
        marks = ",".join("?" for _ in names)
        return self._counted(f"SELECT count(*) FROM outbox WHERE subscriber_id IN ({marks})", *names)

    def waiting(self, name: str) -> set[str]:
        """Ids of the reads that wait for an agency's acknowledgement."""
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as db:
            found = db.execute("SELECT message_id FROM outbox WHERE subscriber_id = ?", (name,)).fetchall()
        return {message_id.partition(".")[0] for (message_id,) in found}

    def _counted(self, query: str, *values: str) -> int:
        with closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)) as db:
            return int(db.execute(query, values).fetchone()[0])

    def _opened(self) -> Ledger:
        return Ledger.open(self.ledger, clock=SystemClock(trusted=True), key=self.device_key, device=DEVICE)

    def _started(self, command: list[str], said: str, environment: dict[str, str]) -> Running:
        running = Running(command, self.folder / f"{said}.log", **environment)
        self._processes.append(running)
        return running


def table(site: Site) -> dict[str, Any]:
    """[broker] of device.toml."""
    return site.table.model_dump(mode="json", exclude_none=True)


def seconds_until(holds: Callable[[], object], *, what: str, within: float = 20.0) -> float:
    """How long it took; fails when it does not hold in time."""
    began = monotonic()
    wait_until(holds, what=what, within=within)
    return monotonic() - began
