"""Everything on the wire is in the AsyncAPI document: topic, content, and how it is sent; a real Mosquitto between."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from jsonschema import Draft202012Validator

from edge.delivery import schema
from edge.delivery.wire import StatusWord
from edge.relay.notices import Notices, will
from tests.broker import Mosquitto, wait_until
from tests.relay.house import COUNTY, DEVICE, OWNER, STOLEN, TEXAS, Agency, House
from tests.test_corrections import MISREAD, correction, hand_on

pytestmark = pytest.mark.needs("mosquitto")
DOCUMENT = schema.asyncapi()


@dataclass(frozen=True)
class Seen:
    """One message as a listener to everything got it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry: int | None


class Spy:
    """Listens to everything; this broker lets it."""

    def __init__(self, port: int) -> None:
        self.seen: list[Seen] = []
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("#", qos=2)
        self._client.loop_start()

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        self.seen.append(Seen(message.topic, message.payload, message.qos, message.retain, expiry))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, list[Seen]]]:
    """What goes by while reads, corrections and a withdrawal are delivered, and the device is lost and stops."""
    folder: Path = tmp_path_factory.mktemp("wire")
    broker = Mosquitto(folder)
    broker.start()
    spy, house = Spy(broker.port), Told(folder / "house", broker.port)
    wait_until(house.broker.ready, what="the device is connected")
    agencies = [Agency(house, name) for name in (OWNER, COUNTY, TEXAS)]
    house.ledger.checkpoint()
    first = house.passes(STOLEN)
    hand_on(house, correction(house, first, MISREAD))
    house.step_until(lambda: not house.unsettled(), *agencies, what="all is acknowledged")
    house.tell(2)
    house.broker.cut()
    wait_until(lambda: any(b'"lost"' in one.payload for one in spy.seen), what="the loss is told")
    wait_until(house.broker.ready, what="the device is back")
    house.notices.last()
    wait_until(lambda: any(b'"stopped"' in one.payload for one in spy.seen), what="the end is told")
    yield house, spy.seen
    for each in (*agencies, house, spy):
        each.close()
    broker.kill()


class Told(House):
    """The device's rooms, and what it says of itself."""

    def open(self) -> None:
        super().open()
        self.elapsed = 0.0
        self.notices = Notices(
            broker=self.broker,
            clock=self.clock,
            device_id=DEVICE,
            test=False,
            standing=lambda: StatusWord(v=1, device=DEVICE, state="running", test=False, at=self.clock.at),
            checkpoint=self.ledger.latest_checkpoint,
            elapsed=lambda: self.elapsed,
        )

    def reach(self, client_id: str):
        made = super().reach(client_id)
        if client_id != "the-device":
            return made
        return type(made)(
            host="127.0.0.1", port=self.port, client_id=client_id, loopback_only=True, will=will(DEVICE, test=False)
        )

    def unsettled(self) -> bool:
        """Whether something waits for one of those who listen."""
        due = self.ledger.due(self.clock.at, limit=999, turn=lambda _: (-1, 999))
        return any(row.envelope.subscriber_id in self.sealing_keys for row in due)

    def tell(self, times: int) -> None:
        for _ in range(times):
            self.elapsed += 1
            self.notices.step()


def channel(topic: str) -> tuple[str, dict[str, Any]]:
    """The channel of the document that this topic belongs to; there is exactly one."""
    fitting = [
        (name, one)
        for name, one in DOCUMENT["channels"].items()
        if re.fullmatch(re.sub(r"\{[a-z-]+\}", "[a-z0-9-]{1,64}", one["address"]), topic)
    ]
    (found,) = fitting
    return found


def message(name: str) -> dict[str, Any]:
    """What the document says of a channel's messages."""
    (one,) = DOCUMENT["channels"][name]["messages"].values()
    return DOCUMENT["components"]["messages"][one["$ref"].rpartition("/")[2]]


def validator(of: dict[str, Any]) -> Draft202012Validator:
    """Judges by one of the document's own schemas."""
    return Draft202012Validator({**of, "components": DOCUMENT["components"]})


def test_every_channel_of_the_document_was_used_and_no_other(wire: tuple[House, list[Seen]]) -> None:
    assert {channel(one.topic)[0] for one in wire[1]} == set(DOCUMENT["channels"])


def test_every_message_in_clear_fits_the_documents_schema(wire: tuple[House, list[Seen]]) -> None:
    judged = 0
    for one in wire[1]:
        name = channel(one.topic)[0]
        if name != "read":
            validator(message(name)["payload"]).validate(json.loads(one.payload))
            judged += 1
    assert judged >= 8


def test_every_sealed_message_has_the_header_and_the_body_of_the_document(wire: tuple[House, list[Seen]]) -> None:
    house, seen = wire
    said, kinds = message("read"), set()
    for one in seen:
        if channel(one.topic)[0] != "read":
            continue
        name = one.topic.split("/")[4]
        validator(said["x-header"]).validate(json.loads(one.payload.partition(b"\n")[0]))
        if name not in house.sealing_keys:
            continue
        opened = house.opened(one.payload, name)
        kinds.add(opened.body.type.value.split(".")[2])
        validator(said["x-sealed"]).validate(json.loads(opened.body.model_dump_json(exclude_none=True)))
    assert kinds == {"read", "correction", "withdrawal"}


def test_every_message_is_sent_as_the_document_says(wire: tuple[House, list[Seen]]) -> None:
    bindings = {
        one["channel"]["$ref"].rpartition("/")[2]: one["bindings"]["mqtt"] for one in DOCUMENT["operations"].values()
    }
    for one in wire[1]:
        told = bindings[channel(one.topic)[0]]
        assert (one.qos, one.retain) == (told["qos"], told["retain"]) == (1, False)
        assert one.expiry is not None
        assert one.expiry <= told.get("messageExpiryInterval", 30)


def test_no_plate_stands_on_the_wire_in_clear(wire: tuple[House, list[Seen]]) -> None:
    for one in wire[1]:
        for plate in (STOLEN, MISREAD):
            assert plate not in one.topic
            assert plate.encode() not in one.payload


def test_the_last_word_of_the_document_is_the_brokers(wire: tuple[House, list[Seen]]) -> None:
    told = DOCUMENT["servers"]["site"]["bindings"]["mqtt"]["lastWill"]
    lost = next(one for one in wire[1] if b'"lost"' in one.payload)
    assert (lost.topic, lost.qos, lost.retain) == (
        told["topic"].replace("{device-id}", DEVICE),
        told["qos"],
        told["retain"],
    )
