"""Where no plate may be: in topics, names of clients, properties, logs, and in no byte on the disk, the WAL included.

The disk is looked at twice: after a kill -9 in full flow, while much is waiting, and after the clean stop.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import sleep

import pytest

from tests.leak.agencies import MANNERS
from tests.leak.events import EVENTS, let_in, shut_out
from tests.leak.oracle import heard
from tests.leak.scene import OWNER, Nursery, Scene, acted

pytestmark = pytest.mark.needs("mosquitto")

FEW = {name: MANNERS[name] for name in ("live", "backlog", "offline")}
OURS = {"plates"}
"""The list from which the test itself feeds the device."""


@dataclass(kw_only=True)
class Left:
    """What lay on the disk: by file, everything that it ever held when it was looked at."""

    plates: list[str]
    files: dict[str, bytes] = field(default_factory=dict)
    broker: bytes = b""
    received: int = 0
    settled: bytes = b""
    """The ledger's own files after the clean stop."""

    def look(self, scene: Scene, when: str) -> None:
        for root in (scene.folder, scene.site.folder):
            for path in root.rglob("*"):
                if path.is_file() and path.name not in OURS:
                    self.files[f"{when}: {path.relative_to(root.parent)}"] = path.read_bytes()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Left]:
    """A short life with an opt-out, a kill -9 in full flow, and a clean stop."""
    with acted(tmp_path_factory.mktemp("bytes"), nursery, FEW) as scene:
        found = Left(plates=scene.plates)
        scene.begin()
        shut_out(scene, EVENTS["socket"])
        scene.press()
        scene.kill()
        found.look(scene, "after kill -9")
        scene.revive()
        let_in(scene, EVENTS["socket"])
        scene.have_more(2, OWNER)
        sleep(0.2)
        scene.drain()
        scene.stop()
        found.look(scene, "after the stop")
        found.broker = scene.site._log.read_bytes()
        found.received = sum(len(one.receipts) for one in scene.agencies.values())
        yield found


def test_enough_was_looked_at(left: Left) -> None:
    names = {name.rpartition("/")[2] for name in left.files}
    assert {"ledger.sqlite", "ledger.sqlite-wal", "daemon.log", "mosquitto.log", "dynsec.json"} <= names
    assert left.received > 20


def holding(files: dict[str, bytes], plates: list[str]) -> list[str]:
    """The files in which a plate stands, in large letters or small, in UTF-8 or UTF-16."""
    wanted = [one.encode(code) for one in plates for code in ("ascii", "utf-16-le")]
    found = []
    for name, content in files.items():
        large = content.upper()
        if any(one in large for one in wanted):
            found.append(name)
    return found


def test_no_plate_is_in_any_byte_on_the_disk(left: Left) -> None:
    assert holding(left.files, left.plates) == []


@pytest.mark.parametrize("code", ["ascii", "utf-16-le"])
def test_a_plate_that_were_there_would_be_found(left: Left, code: str) -> None:
    planted = {"x": b"\x00" + left.plates[7].lower().encode(code) + b"\xff"}
    assert holding(planted, left.plates) == ["x"]


def test_the_broker_writes_no_message_to_its_disk(left: Left) -> None:
    assert [name for name in left.files if name.endswith((".db", ".db.new"))] == []


def test_nothing_was_ever_retained(left: Left) -> None:
    lines = heard(left.broker)
    assert len(lines) > 50
    assert [line for line in lines if line.retained] == []


def test_topics_and_clients_are_names_that_the_city_wrote(left: Left) -> None:
    lines = heard(left.broker)
    shape = re.compile(
        r"homerule/v1/[a-z0-9-]+/(to/[a-z0-9-]+/read|from/[a-z0-9-]+/ack|status|checkpoint)|\$CONTROL/.*"
    )
    assert [line.topic for line in lines if not shape.fullmatch(line.topic)] == []
    clients = {name.decode() for name in re.findall(rb"New client connected from \S+ as (\S+) ", left.broker)}
    assert {OWNER, *FEW} <= clients
    others = clients - {OWNER, "neighbour-pd", "device:elm-street-1", *FEW}
    assert [name for name in others if not re.fullmatch(r"control-[\w-]{22}", name)] == []
