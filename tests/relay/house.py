"""A device and its agencies around a real broker: bundle, ledger, pipeline, relay and receivers; only time is ours."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import tomlkit
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import desk, keys
from edge.capture import Plain
from edge.delivery.broker import Broker
from edge.delivery.envelope import Opened, open_
from edge.desk.shelf import Shelf
from edge.ledger import Ledger
from edge.pipeline import Outcome, Pipeline
from edge.policy.bundle import Bundle
from edge.receive import LinesFile, Receiver
from edge.relay import Relay
from edge.relay.tidy import NO_LIMITS, Limits
from edge.values import Box, BundleFiles, Frame, Pixels, PlateRead
from tests.broker import Mosquitto, wait_until
from tests.ledger.builders import HandClock
from tests.ledger.counted import counted

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DEVICE = "elm-street-1"
OWNER, COUNTY, TEXAS = "prospect-grove-pd", "cook-auto-theft", "brazos-bend-so"
STOLEN, INNOCENT = "AB12345", "QXK9217"


class Passing:
    """Eyes that see what the test lets pass, and note how long they may know it."""

    def __init__(self) -> None:
        self.seen: list[PlateRead] = []
        self.kept: timedelta | None = None

    def passages(self, frame: Frame) -> Sequence[PlateRead]:
        seen, self.seen = self.seen, []
        return seen

    def finish(self) -> Sequence[PlateRead]:
        seen, self.seen = self.seen, []
        return seen

    def forget(self, at: datetime, *, kept: timedelta) -> None:
        self.kept = kept


class House:
    """Everything on the pole. `port` is the broker's."""

    def __init__(self, folder: Path, port: int, *, protocol: str = "5") -> None:
        self.folder, self.port, self.protocol, self.clock = folder, port, protocol, HandClock(at=NOW)
        folder.mkdir(exist_ok=True)
        self.policy = folder / "policy"
        self.city_key = keys.new_signing_key(folder / "city.key")
        self.device_key = keys.new_signing_key(folder / "device.key")
        self.sealing_keys = {name: X25519PrivateKey.generate() for name in (OWNER, COUNTY, TEXAS)}
        desk.copy_examples(self.policy, now=NOW)
        self.edit("policy.toml", lambda table: table["sharing"].update(national_lookup=True))
        for name, key in self.sealing_keys.items():
            self.agency(name, sealing_key=keys.public_text(key))
        desk.sign(self.policy, key=self.city_key, now=NOW, devices=[DEVICE])
        files, self.bundle = desk.load(self.policy, pin=folder / "city.key.pub")
        self.open()
        self._accept(files, self.bundle)

    def open(self) -> None:
        """Starts the program: ledger, broker, relay and pipeline."""
        self.ledger = Ledger.open(self.folder / "ledger.sqlite", clock=self.clock, key=self.device_key, device=DEVICE)
        self.broker = self.reach("the-device")
        self.look_for(self.bundle)
        self.relay = self.relaying()
        self.eyes = Passing()
        self.crop: Pixels | None = None
        self.pipeline = Pipeline(
            vision=self.eyes,
            in_force=lambda: self.bundle,
            hotlists=lambda: self.lists,
            ledger=self.ledger,
            clock=self.clock,
            device_id=DEVICE,
            device_key=self.device_key,
            test=False,
        )

    def relaying(self, *, shut: bool = False, limits: Limits = NO_LIMITS) -> Relay:
        """A relay; `shut` says how its gates stand at first."""
        return Relay(
            ledger=self.ledger,
            broker=self.broker,
            in_force=lambda: self.bundle,
            hotlists=lambda: self.lists,
            clock=self.clock,
            device_id=DEVICE,
            test=False,
            shut=shut,
            limits=limits,
        )

    def close(self) -> None:
        """Ends the program."""
        self.broker.close()
        self.ledger.close()

    def opened(self, payload: bytes, name: str) -> Opened:
        """A message as the agency `name` opens it now."""
        return open_(
            payload,
            sealing_key=self.sealing_keys[name],
            device_public_key=self.device_key.public_key(),
            subscriber_id=name,
            device_id=DEVICE,
            now=self.clock.at,
            test=False,
        )

    def tally(self) -> dict[str, Counter[str]]:
        """What became of each agency's reads, from the log."""
        return counted(self.folder / "ledger.sqlite")

    def reach(self, client_id: str) -> Broker:
        """A connection to be made under a name."""
        return Broker(host="127.0.0.1", port=self.port, client_id=client_id, protocol=self.protocol, loopback_only=True)

    def passes(self, text: str) -> Outcome:
        """One vehicle goes by: read, decided, sealed and recorded."""
        (outcome,) = self.sees(text)
        return outcome

    def sees(self, text: str) -> list[Outcome]:
        """The same; gives all that was recorded, with what had waited from before."""
        at = self.clock.at
        self.eyes.seen = [
            PlateRead(
                read_id=self.clock.new_id(),
                camera_id="north",
                first_seen=at - timedelta(seconds=2),
                best_seen=at - timedelta(seconds=1),
                last_seen=at,
                box=Box(x1=0, y1=0, x2=90, y2=40),
                text=text,
                confidence=0.9,
                lowest_character_confidence=0.8,
                frames=9,
                crop=self.crop,
            )
        ]
        pixels = np.zeros((4, 4, 3), dtype=np.uint8)
        return self.pipeline.step(Frame(camera_id="north", sequence=0, captured_at=at, picture=Plain(pixels)))

    def edit(self, name: str, change) -> None:
        """Edits a written file of the city."""
        table = tomlkit.parse((self.policy / name).read_text())
        change(table)
        (self.policy / name).write_text(tomlkit.dumps(table))

    def agency(self, name: str, **changes: object) -> None:
        """Edits one agency in the registry."""

        def change(table) -> None:
            (one,) = (one for one in table["subscriber"] if one["id"] == name)
            one.update(changes)

        self.edit("subscribers.toml", change)

    def take_up(self, *, signed: bool = False, drops: Mapping[str, Sequence[str]] | None = None) -> Bundle:
        """Puts in force what the city wrote, as a tightening or with its signature. Rows that `drops` does not name
        stay: the door must hold."""
        pin = self.folder / "city.key.pub"
        if signed:
            desk.sign(self.policy, key=self.city_key, now=NOW, replaces=self.bundle.digest)
        files, bundle = desk.take_up(self.policy, in_force=self.bundle, pin=pin)
        self._accept(files, bundle, drops)
        self.look_for(bundle)
        self.bundle = bundle
        return bundle

    def look_for(self, bundle: Bundle) -> None:
        """Reads the hot lists as they lie there now, and has the log say so."""
        lists = Shelf(self.policy, secret=keys.secret_of(self.device_key, "hot lists")).read(bundle)
        self.ledger.look_for(lists.versions(self.clock.at))
        self.lists = lists

    def _accept(self, files: BundleFiles, bundle: Bundle, drops: Mapping[str, Sequence[str]] | None = None) -> None:
        self.ledger.accept_bundle(
            files,
            digest=bundle.digest,
            version=bundle.version,
            revision=bundle.revision,
            signed=bundle.signed,
            drops=drops,
            ceiling=bundle.ceiling,
        )

    def step_until(self, holds, *agencies: "Agency", what: str) -> None:
        """Relay and agencies work until something holds; half a second goes by at each turn."""

        def work() -> bool:
            self.clock.move(0.5)
            self.relay.step()
            for agency in agencies:
                agency.receiver.step(patience=0.01)
            return bool(holds())

        wait_until(work, what=what)


class Agency:
    """One subscriber with its store on disk."""

    def __init__(self, house: House, name: str) -> None:
        self.out = house.folder / f"{name}.jsonl"
        self._store = LinesFile(self.out)
        self.broker = house.reach(name)
        self.receiver = Receiver(
            broker=self.broker,
            store=self._store,
            subscriber_id=name,
            sealing_key=house.sealing_keys[name],
            device_public_key=house.device_key.public_key(),
            device_id=DEVICE,
            clock=house.clock,
            test=False,
        )
        wait_until(self.broker.ready, what=f"{name} is connected")

    def lines(self) -> list[dict]:
        """What it has stored."""
        return [json.loads(line) for line in self.out.read_bytes().splitlines()]

    def plates(self) -> list[str]:
        """The plates that it has stored."""
        return [line["data"]["plate"] for line in self.lines()]

    def close(self) -> None:
        """Ends this subscriber."""
        self.broker.close()
        self._store.close()


@pytest.fixture
def house(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[House]:
    house = House(tmp_path / "house", mosquitto.port)
    wait_until(house.broker.ready, what="the device is connected")
    yield house
    house.close()


@pytest.fixture
def agency(house: House) -> Iterator[Callable[[str], Agency]]:
    made: list[Agency] = []

    def make(name: str) -> Agency:
        made.append(Agency(house, name))
        return made[-1]

    yield make
    for each in made:
        each.close()
