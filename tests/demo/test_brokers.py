"""Both brokers of the demo: an account gets its own topics, and nothing once its rights are gone."""

import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from edge.demo.brokers import Account, DemoBroker, admits, open_broker, uninterrupted
from edge.errors import BrokerError, ConfigError

DEVICE = Account(name="device", reads=(), writes=("t/to/+",))
OWN = Account(name="own", reads=("t/to/own",), writes=("t/from/own",))
OTHER = Account(name="other", reads=("t/to/other",), writes=())
ACCOUNTS = (DEVICE, OWN, OTHER)


class Caller:
    """A paho client of one account that remembers what it got."""

    def __init__(self, broker: DemoBroker, account: Account) -> None:
        version = mqtt.MQTTProtocolVersion.MQTTv5 if broker.protocol == "5" else mqtt.MQTTProtocolVersion.MQTTv311
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=account.name, protocol=version)
        self.client.username_pw_set(account.name, account.password)
        self.got: list[tuple[str, bytes]] = []
        self.granted: list[bool] = []
        self._changed = threading.Condition()
        self.client.on_message = lambda _c, _d, message: self._note(self.got, (message.topic, message.payload))
        self.client.on_subscribe = lambda _c, _d, _m, codes, _p: self._note(self.granted, not codes[0].is_failure)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self.wait(self.client.is_connected)

    def _note(self, where: list, what: object) -> None:  # type: ignore[type-arg]
        with self._changed:
            where.append(what)
            self._changed.notify_all()

    def wait(self, true: Callable[[], bool], seconds: float = 5.0) -> bool:
        with self._changed:
            for _ in range(int(seconds * 50)):
                if true():
                    return True
                self._changed.wait(0.02)
        return true()

    def subscribe(self, topic: str) -> bool:
        before = len(self.granted)
        self.client.subscribe(topic, qos=1)
        self.wait(lambda: len(self.granted) > before)
        return self.granted[-1]

    def publish(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(5)

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture(params=["amqtt", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DemoBroker]:
    started = open_broker(request.param, tmp_path / "broker")
    started.start(ACCOUNTS)
    yield started
    started.stop()


@pytest.fixture
def call(broker: DemoBroker) -> Iterator[Callable[[Account], Caller]]:
    callers: list[Caller] = []

    def new(account: Account) -> Caller:
        callers.append(Caller(broker, account))
        return callers[-1]

    yield new
    for caller in callers:
        caller.leave()


def test_an_account_receives_on_its_own_topic(call: Callable[[Account], Caller]) -> None:
    own, device = call(OWN), call(DEVICE)
    own.subscribe("t/to/own")
    device.publish("t/to/own", b"1")
    assert own.wait(lambda: own.got == [("t/to/own", b"1")])


@pytest.mark.parametrize("asked", ["t/to/other", "#", "t/#", "t/to/+", "+/+/+", "$share/g/t/to/other", "$SYS/#"])
def test_no_filter_reaches_the_topic_of_another(asked: str, call: Callable[[Account], Caller]) -> None:
    own, other, device = call(OWN), call(OTHER), call(DEVICE)
    own.subscribe(asked)
    own.subscribe("t/to/own")
    other.subscribe("t/to/other")
    device.publish("t/to/other", b"secret")
    device.publish("t/to/own", b"last")
    # Both brokers deliver in order, so when `last` is here, `secret` would be too.
    assert other.wait(lambda: bool(other.got))
    assert own.wait(lambda: ("t/to/own", b"last") in own.got)
    assert all(topic == "t/to/own" for topic, _ in own.got)


def test_who_has_subscribed_listens(broker: DemoBroker, call: Callable[[Account], Caller]) -> None:
    own, _ = call(OWN), call(OTHER)
    own.subscribe("t/to/own")
    assert own.wait(lambda: broker.listens("own"))
    assert not broker.listens("other")


def test_an_account_cannot_publish_as_the_device(call: Callable[[Account], Caller]) -> None:
    own, other, device = call(OWN), call(OTHER), call(DEVICE)
    other.subscribe("t/to/other")
    own.publish("t/to/other", b"forged")
    device.publish("t/to/other", b"real")
    assert other.wait(lambda: bool(other.got))
    assert other.got == [("t/to/other", b"real")]


def test_a_wrong_password_is_refused(broker: DemoBroker) -> None:
    stranger = Account(name="own", reads=(), writes=())
    assert not admits(broker.port, stranger, broker.protocol)


def test_a_right_password_is_admitted(broker: DemoBroker) -> None:
    assert admits(broker.port, OWN, broker.protocol)


def test_a_revoked_account_receives_nothing_more_and_is_not_admitted_again(
    broker: DemoBroker, call: Callable[[Account], Caller]
) -> None:
    own, other, device = call(OWN), call(OTHER), call(DEVICE)
    own.subscribe("t/to/own")
    other.subscribe("t/to/other")
    broker.revoke("own")
    device.publish("t/to/own", b"late")
    device.publish("t/to/other", b"after it")
    assert other.wait(lambda: bool(other.got))
    assert own.got == []
    assert not admits(broker.port, OWN, broker.protocol)


@pytest.mark.parametrize("broker", ["amqtt"], indirect=True)  # mosquitto drops the connection of who asks to retain
def test_nothing_is_retained(call: Callable[[Account], Caller]) -> None:
    device = call(DEVICE)
    device.client.publish("t/to/own", b"kept?", qos=1, retain=True).wait_for_publish(5)
    own = call(OWN)
    own.subscribe("t/to/own")
    device.publish("t/to/own", b"live")
    assert own.wait(lambda: bool(own.got))
    assert own.got == [("t/to/own", b"live")]


def test_a_stopped_broker_no_longer_listens(tmp_path: Path) -> None:
    broker = open_broker("amqtt", tmp_path)
    broker.start(ACCOUNTS)
    broker.stop()
    with pytest.raises(BrokerError, match="does not answer"):
        admits(broker.port, OWN, broker.protocol)


def test_without_amqtt_it_says_which_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    monkeypatch.delitem(sys.modules, "edge.demo.embedded", raising=False)
    with pytest.raises(ConfigError, match=re.escape("pip install 'homerule[demo]'")):
        open_broker("amqtt", tmp_path)


def test_without_mosquitto_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_names: None)
    with pytest.raises(ConfigError, match="apt-get install mosquitto"):
        open_broker("mosquitto", tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_while_a_program_starts_waits_until_somebody_holds_its_process(number: signal.Signals) -> None:
    held, before = [], signal.getsignal(number)

    def start() -> None:
        with uninterrupted():
            os.kill(os.getpid(), number)
            held.append("the process")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert held == ["the process"]
    assert signal.getsignal(number) is before
