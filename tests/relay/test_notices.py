"""Status and checkpoint on their topics: on change and every minute, never retained, with the broker's last word."""

import json
import threading
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from edge.delivery import schema
from edge.delivery.broker import ANSWER_WITHIN, Arrival, Broker
from edge.delivery.topics import checkpoint_topic, notice_filters, status_topic
from edge.delivery.wire import StatusWord
from edge.relay.notices import Notices, will
from edge.values import Checkpoint
from tests.broker import Mosquitto, mosquitto, wait_until
from tests.delivery.reads import DEVICE, NOON
from tests.ledger.builders import HandClock
from tests.receive.lines import note_of

__all__ = ["mosquitto"]
STATUS, CHECKPOINT = status_topic(DEVICE, test=False), checkpoint_topic(DEVICE, test=False)
KINDS = {STATUS: "status", CHECKPOINT: "checkpoint"}
VALIDATORS = {topic: Draft202012Validator(schema.schema(kind)) for topic, kind in KINDS.items()}


class Device:
    """The device's side; seconds go by when the test says so."""

    def __init__(self, port: int) -> None:
        self.broker = Broker(
            host="127.0.0.1", port=port, client_id="device", loopback_only=True, will=will(DEVICE, test=False)
        )
        self.word = StatusWord(v=1, device=DEVICE, state="running", test=False, at=NOON, reads_waiting=0)
        self.checkpoint: Checkpoint | None = checkpoint_of(5)
        self.may_tell, self.elapsed = True, 0.0
        self.notices = Notices(
            broker=self.broker,
            clock=HandClock(at=NOON),
            device_id=DEVICE,
            test=False,
            standing=lambda: self.word,
            checkpoint=lambda: self.checkpoint,
            may_tell=lambda: self.may_tell,
            elapsed=lambda: self.elapsed,
        )
        self.connect()

    def connect(self) -> None:
        """Connects, and looks once: nothing is said before the rights at this broker are known to stand."""
        wait_until(self.broker.ready, what="the device is connected")
        self.step()

    def step(self, seconds: float = 1.0) -> None:
        self.elapsed += seconds
        self.notices.step()


class Listener:
    """Somebody who may read here."""

    def __init__(self, port: int) -> None:
        self.broker = Broker(host="127.0.0.1", port=port, client_id="listener", loopback_only=True)
        for topic_filter in notice_filters(None, test=False):
            self.broker.subscribe(topic_filter)
        wait_until(self.broker.ready, what="the listener is connected")

    def heard(self, patience: float = 5.0) -> tuple[str, dict] | None:
        """The next that comes, which fits its schema; None when nothing does in time."""
        arrival: Arrival | None = self.broker.take(patience)
        if arrival is None:
            return None
        arrival.done()
        said = json.loads(arrival.payload)
        VALIDATORS[arrival.topic].validate(said)
        return KINDS[arrival.topic], said

    def kinds(self, number: int) -> list[str]:
        return [self.heard()[0] for _ in range(number)]

    def nothing(self) -> bool:
        return self.heard(0.2) is None


def checkpoint_of(size: int) -> Checkpoint:
    return Checkpoint(size=size, root=b"r" * 32, note=note_of(size))


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    made = Listener(mosquitto.port)
    yield made
    made.broker.close()


@pytest.fixture
def device(mosquitto: Mosquitto, listener: Listener) -> Iterator[Device]:
    made = Device(mosquitto.port)
    yield made
    made.broker.close()


TIMES = [1, 6, 21, 66, 126, 186, 246]
"""Seconds after the first look: at once, then after longer and longer pauses, then every minute."""


def test_both_are_said_at_once_and_again_and_again_and_then_every_minute(device: Device, listener: Listener) -> None:
    began = device.elapsed
    while device.elapsed - began < 260:
        device.step()
        if device.elapsed - began in TIMES:
            assert listener.kinds(2) == ["status", "checkpoint"]
    assert listener.nothing()


def test_a_change_is_said_at_the_next_look(device: Device, listener: Listener) -> None:
    device.step()
    listener.kinds(2)
    device.word = device.word.model_copy(update={"held": True})
    device.step()
    assert listener.heard()[1]["held"] is True
    device.checkpoint = checkpoint_of(6)
    device.step()
    assert listener.heard()[0] == "checkpoint"
    assert listener.nothing()


def test_what_changes_all_the_time_is_no_news(device: Device, listener: Listener) -> None:
    device.step()
    listener.kinds(2)
    device.word = device.word.model_copy(update={"reads_waiting": 9, "free_megabytes": 7})
    device.step()
    assert listener.nothing()


def test_a_device_without_a_checkpoint_says_none(device: Device, listener: Listener) -> None:
    device.checkpoint = None
    device.step()
    assert listener.kinds(1) == ["status"]
    assert listener.nothing()


def test_a_connection_that_breaks_is_told_by_the_broker_and_the_way_back_by_the_device(
    device: Device, listener: Listener
) -> None:
    device.step()
    listener.kinds(2)
    device.broker.cut()
    assert listener.heard() == ("status", {"v": 1, "device": DEVICE, "state": "lost", "test": False})
    device.connect()
    device.step()
    assert [listener.heard()[1].get("state") for _ in range(2)] == ["running", None]


def test_a_clean_end_is_told_as_one(device: Device, listener: Listener) -> None:
    device.step()
    listener.kinds(2)
    device.notices.last()
    device.broker.close()
    assert listener.heard()[1]["state"] == "stopped"
    assert listener.nothing()


def test_a_broker_that_stands_still_does_not_delay_the_end(mosquitto: Mosquitto, device: Device) -> None:
    mosquitto.freeze()
    ended = threading.Thread(target=device.notices.last, daemon=True)
    ended.start()
    ended.join(ANSWER_WITHIN / 2)
    assert not ended.is_alive()
    mosquitto.thaw()


def test_nothing_is_said_while_somebody_may_still_hold_a_right_that_it_lost(device: Device, listener: Listener) -> None:
    device.may_tell = False
    device.step()
    device.notices.last()
    assert listener.nothing()
    device.may_tell = True
    device.step()
    assert listener.kinds(2) == ["status", "checkpoint"]


def test_who_comes_later_finds_nothing_of_before(mosquitto: Mosquitto, device: Device, listener: Listener) -> None:
    device.step()
    listener.kinds(2)
    device.broker.cut()
    assert listener.heard()[1]["state"] == "lost"
    listener.broker.close()
    late = Listener(mosquitto.port)
    assert late.nothing()
    late.broker.close()


def test_a_broker_that_refuses_it_is_said_once_and_asked_again_after_a_minute(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    device.notices._status_topic = "$SYS/nobody/may"
    for _ in range(5):
        device.step()
    device.step(60)
    assert [text for text in caplog.messages if "see the device's right to publish" in text] == [
        "`$SYS/nobody/may`: the broker's rights deny it, see the device's right to publish"
    ]


def test_while_the_broker_is_away_nothing_is_kept_for_later(
    mosquitto: Mosquitto, device: Device, listener: Listener
) -> None:
    mosquitto.kill()
    wait_until(lambda: not device.broker.connected, what="the loss is noticed")
    device.step()
    device.word = device.word.model_copy(update={"held": True})
    mosquitto.start()
    device.connect()
    wait_until(listener.broker.ready, what="the listener is back")
    device.step()
    assert listener.heard()[1]["held"] is True
    assert listener.kinds(1) == ["checkpoint"]
    assert listener.nothing()
