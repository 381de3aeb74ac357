"""A connection that ends is thrown away whole, and a broker's answer is heard for what it says."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from edge.delivery.broker import ANSWER_WITHIN, MOST_IN_FLIGHT, Broker, Handover, Tls
from edge.delivery.topics import ack_filter, ack_topic, acknowledging, read_filter, read_topic
from edge.errors import BrokerError, ConfigError, EnvelopeError
from tests.broker import Mosquitto, free_port, mosquitto, wait_until
from tests.delivery.reads import DEVICE, NEIGHBOUR, NOON, PLATE, sealed, tags

__all__ = ["mosquitto"]

TOPIC = sealed().topic


def reach(port: int, name: str, **changes: object) -> Broker:
    return Broker(**({"host": "127.0.0.1", "port": port, "client_id": name, "loopback_only": True} | changes))


@pytest.fixture
def device(mosquitto: Mosquitto) -> Iterator[Broker]:
    broker = reach(mosquitto.port, "device")
    broker.connect()
    yield broker
    broker.close()


@pytest.fixture
def neighbour(mosquitto: Mosquitto) -> Iterator[Broker]:
    broker = reach(mosquitto.port, "neighbour")
    broker.subscribe(TOPIC)
    broker.connect()
    yield broker
    broker.close()


def test_an_envelope_arrives_byte_for_byte(device: Broker, neighbour: Broker) -> None:
    envelope = sealed()
    assert device.publish(envelope, now=NOON) is Handover.TAKEN
    arrival = neighbour.take(5)
    assert (arrival.topic, arrival.payload) == (envelope.topic, envelope.payload)


def test_nobody_listening_is_not_the_same_as_taken(device: Broker) -> None:
    assert device.publish(sealed(), now=NOON) is Handover.NO_SUBSCRIBER


def test_mqtt_3_1_1_carries_it_too(mosquitto: Mosquitto, neighbour: Broker) -> None:
    old = reach(mosquitto.port, "old", protocol="3.1.1")
    old.connect()
    assert old.publish(sealed(), now=NOON) is Handover.TAKEN
    assert neighbour.take(5) is not None
    old.close()


def test_a_broker_that_denies_the_topic_is_heard(tmp_path: Path) -> None:
    rights = tmp_path / "acl"
    rights.write_text("topic read #\n")
    broker = Mosquitto(tmp_path, "listener {port} 127.0.0.1\nallow_anonymous true\nacl_file " + str(rights) + "\n")
    broker.start()
    try:
        device = reach(broker.port, "device")
        device.connect()
        assert device.publish(sealed(), now=NOON) is Handover.DENIED
        device.close()
    finally:
        broker.kill()


def test_a_broker_that_refuses_us_says_why(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "listener {port} 127.0.0.1\nallow_anonymous false\n")
    broker.start()
    try:
        with pytest.raises(BrokerError, match=rf"127.0.0.1:{broker.port} refuses the connection \(not authorized\)"):
            reach(broker.port, "device").connect()
    finally:
        broker.kill()


def test_an_envelope_whose_time_is_over_never_leaves(device: Broker, neighbour: Broker) -> None:
    envelope = sealed(tags(retain_until=NOON + timedelta(seconds=9)))
    assert device.publish(envelope, now=NOON + timedelta(seconds=9)) is Handover.NOT_SENT
    assert device.publish(envelope, now=NOON) is Handover.TAKEN
    assert neighbour.take(5) is not None
    assert neighbour.take(0.2) is None


@pytest.mark.parametrize(
    ("left", "told"), [(timedelta(hours=1), 30), (timedelta(seconds=12), 12), (timedelta(seconds=0.5), 1)]
)
def test_the_broker_is_told_to_forget_after_thirty_seconds_or_sooner(
    mosquitto: Mosquitto, device: Broker, left: timedelta, told: int
) -> None:
    seen = []
    spy = _spy(mosquitto.port, lambda message: seen.append(message.properties.MessageExpiryInterval))
    device.publish(sealed(tags(retain_until=NOON + left)), now=NOON.replace(microsecond=123000))
    wait_until(lambda: seen, what="the message arrives")
    spy.disconnect()
    spy.loop_stop()
    assert told - 1 <= seen[0] <= told


def _spy(port: int, told):
    """A plain client of the library, without anything of ours."""
    import paho.mqtt.client as paho

    spy, ready = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5), threading.Event()
    spy.on_message = lambda _client, _data, message: told(message)
    spy.on_subscribe = lambda *_: ready.set()
    spy.on_connect = lambda client, *_: client.subscribe("#", qos=1)
    spy.connect("127.0.0.1", port)
    spy.loop_start()
    assert ready.wait(5)
    return spy


def test_answers_are_matched_when_many_messages_are_in_flight(device: Broker, neighbour: Broker) -> None:
    handed = [device.hand_over(sealed(), now=NOON) for _ in range(MOST_IN_FLIGHT)]
    assert [each.outcome(ANSWER_WITHIN) for each in handed] == [Handover.TAKEN] * MOST_IN_FLIGHT


def test_more_in_flight_than_the_cap_never_leaves(mosquitto: Mosquitto, device: Broker) -> None:
    mosquitto.freeze()
    handed = [device.hand_over(sealed(), now=NOON) for _ in range(MOST_IN_FLIGHT + 1)]
    mosquitto.thaw()
    assert handed[-1].outcome(ANSWER_WITHIN) is Handover.NOT_SENT


def test_nothing_is_published_while_the_broker_is_away(mosquitto: Mosquitto, device: Broker) -> None:
    mosquitto.kill()
    wait_until(lambda: not device.connected, what="the loss is noticed")
    assert device.publish(sealed(), now=NOON) is Handover.NOT_SENT
    mosquitto.start()
    late = reach(mosquitto.port, "neighbour")
    late.subscribe(TOPIC)
    late.connect()
    wait_until(device.ready, what="the broker is back")
    assert late.take(0.5) is None
    late.close()


def test_what_a_silent_broker_did_not_answer_for_never_leaves_later(mosquitto: Mosquitto, device: Broker) -> None:
    mosquitto.freeze()
    handed = [device.hand_over(sealed(), now=NOON) for _ in range(3)]
    assert handed[0].outcome(0.2) is Handover.UNKNOWN
    assert not device.connected
    assert [each.outcome(0.2) for each in handed[1:]] == [Handover.UNKNOWN] * 2
    mosquitto.kill()
    mosquitto.start()
    late = reach(mosquitto.port, "neighbour")
    late.subscribe(TOPIC)
    late.connect()
    wait_until(device.ready, what="the broker is back")
    assert device.publish(sealed(), now=NOON) is Handover.TAKEN
    assert late.take(5) is not None
    assert late.take(0.3) is None
    late.close()


def test_subscriptions_come_back_with_the_broker(mosquitto: Mosquitto, device: Broker, neighbour: Broker) -> None:
    mosquitto.kill()
    mosquitto.start()
    wait_until(lambda: device.ready() and neighbour.ready(), what="both are back")
    assert device.publish(sealed(), now=NOON) is Handover.TAKEN
    assert neighbour.take(5) is not None


def test_losing_and_finding_the_broker_is_said_once(
    mosquitto: Mosquitto, device: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto.kill()
    wait_until(lambda: not device.connected, what="the loss is noticed")
    with caplog.at_level(logging.INFO):
        tries = [device.ready() for _ in range(5)]
        wait_until(lambda: device.ready() or len(caplog.messages) > 1, what="a try fails")
        mosquitto.start()
        wait_until(device.ready, what="the broker is back")
    assert not any(tries)
    kinds = [message.split(" ", 3)[3] for message in caplog.messages]
    assert kinds[0] == "lost"
    assert kinds[1].startswith("cannot be reached (connection refused)")
    assert kinds[2].startswith("back after")
    assert len(kinds) == 3


def test_a_retained_message_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "listener {port} 127.0.0.1\nallow_anonymous true\n")
    broker.start()
    try:
        spy = _spy(broker.port, lambda message: None)
        spy.publish(TOPIC, b"left here", qos=1, retain=True).wait_for_publish(5)
        for protocol in ("5", "3.1.1"):
            late = reach(broker.port, f"late-{protocol[0]}", protocol=protocol)
            late.subscribe(TOPIC)
            late.connect()
            assert late.take(0.3) is None
            late.close()
        spy.disconnect()
        spy.loop_stop()
    finally:
        broker.kill()


def test_a_broker_that_is_not_there_is_named_with_the_mend() -> None:
    port = free_port()
    with pytest.raises(BrokerError, match=f"127.0.0.1:{port} cannot be reached .*see that it runs"):
        reach(port, "device").connect()


@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\xff\xff\xff\xff\xff", b"\x20\x00", b""])
def test_something_that_is_no_broker_is_refused(noise: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            talk, _ = server.accept()
            with talk:
                talk.recv(100)
                talk.sendall(noise)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(BrokerError, match=r"127\.0\.0\.1"):
            reach(server.getsockname()[1], "device").connect()


def test_an_older_protocol_is_never_tried_in_silence() -> None:
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with suppress(OSError):  # the server is closed at the end of the test
                while True:
                    talk, _ = server.accept()
                    with talk:
                        calls.append(talk.recv(100))
                        talk.sendall(b"\x20\x02\x00\x01")  # CONNACK: unacceptable protocol version

        threading.Thread(target=refuse, daemon=True).start()
        with pytest.raises(BrokerError, match=r'say protocol "5" if it wants that'):
            reach(server.getsockname()[1], "device", protocol="3.1.1").connect()
    assert len(calls) == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "broker.example", "0.0.0.0", "::", "127.0.0.1.example"])
def test_a_test_never_leaves_this_computer(host: str) -> None:
    with pytest.raises(BrokerError, match="not on this computer"):
        Broker(host=host, port=1883, client_id="device", loopback_only=True)


def test_the_log_of_the_broker_and_ours_hold_no_plate(
    mosquitto: Mosquitto, device: Broker, neighbour: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        device.publish(sealed(), now=NOON)
        payload = neighbour.take(5).payload
        mosquitto.stop()
        wait_until(lambda: not device.connected, what="the loss is noticed")
        device.ready()
    for text in (mosquitto.log, caplog.text, payload.decode("latin-1"), TOPIC):
        assert PLATE not in text
        assert PLATE.replace(" ", "") not in text


@pytest.mark.parametrize("bad", ["", "a/b", "+", "#", "A", "a b", "a" * 65, "$share", "ä"])
def test_an_id_that_is_no_plain_topic_level_is_refused(bad: str) -> None:
    for make in (lambda: read_topic(DEVICE, bad, test=False), lambda: ack_topic(bad, NEIGHBOUR, test=True)):
        with pytest.raises(EnvelopeError, match="cannot stand in a topic"):
            make()


def test_an_acknowledgement_names_its_subscriber_in_the_topic() -> None:
    assert acknowledging(ack_topic(DEVICE, NEIGHBOUR, test=False)) == NEIGHBOUR


@pytest.mark.parametrize(
    "topic", ["", TOPIC, "homerule/v1/d/from/+/ack", "other/v1/d/from/a/ack", "homerule/v2/d/from/a/ack"]
)
def test_another_topic_acknowledges_nothing(topic: str) -> None:
    assert acknowledging(topic) is None


def test_filters_stay_in_their_tree() -> None:
    assert ack_filter(DEVICE, test=True) == f"homerule-test/v1/{DEVICE}/from/+/ack"
    assert read_filter(None, NEIGHBOUR, test=False) == f"homerule/v1/+/to/{NEIGHBOUR}/read"


def test_a_ca_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"ca.pem: not a readable CA certificate"):
        Tls(ca=tmp_path / "ca.pem").context()
