"""One life of one connection to the broker: it is opened once, and when it ends it is thrown away whole.

paho keeps what it could not send and sends it after a reconnect, behind the back of whoever decides; so no paho client
here outlives its connection, and none ever reconnects.
"""

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.clock import monotonic
from edge.delivery.address import Address, Protocol
from edge.errors import BrokerError

MOST_IN_FLIGHT = 16
"""Messages handed to the broker and not answered yet; fewer than the 20 that Mosquitto grants a client."""

_KEEPALIVE = 15
_RECEIVE_MAXIMUM = 32
_ENDINGS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    struct.error,
    MQTTException,
)
"""What paho raises in its loop when the broker sends what is no MQTT; it ends the connection."""

_log = logging.getLogger(__name__)


class Handover(StrEnum):
    """What became of a message that was handed to the broker. None of these says that its subscriber has it."""

    TAKEN = "taken"
    NO_SUBSCRIBER = "no subscriber is listening"
    DENIED = "the broker's rights deny it"
    REFUSED = "the broker refuses it"
    UNKNOWN = "the connection ended before the broker answered"
    NOT_SENT = "it never left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message from the broker. `done` tells the broker that it may forget it."""

    topic: str
    payload: bytes
    done: Callable[[], None]


class Handed:
    """A message on its way; `outcome` waits for the broker's answer. One that never left has no line."""

    def __init__(self, line: "Line | None" = None, mid: int = 0) -> None:
        self._line, self._mid = line, mid

    def outcome(self, timeout: float) -> Handover:
        """What became of it. Without an answer after `timeout` seconds the whole connection is thrown away."""
        return Handover.NOT_SENT if self._line is None else self._line.answer(self._mid, timeout)


class Line:
    """See the module. paho's callbacks run in this line's own thread and never wait for anything."""

    def __init__(self, *, address: Address, arrived: Callable[[Arrival], None]) -> None:
        self._address, self._arrived = address, arrived
        self._news = threading.Condition()
        self._answers: dict[tuple[str, int], tuple[int, ...]] = {}
        self._welcome: ReasonCode | None = None
        self._alive = True
        self._ending = False
        self._client = self._made()
        self._thread = threading.Thread(target=self._run, name=f"broker {address}", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the connection still stands."""
        return self._alive and not self._ending

    def open(self, timeout: float) -> None:
        """Connects and waits for the broker's welcome. BrokerError with the mend."""
        where = f"broker at {self._address}"
        self._client.connect_timeout = timeout
        try:
            if self._address.protocol == "5":
                wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
                wishes.ReceiveMaximum = _RECEIVE_MAXIMUM
                self._client.connect(self._address.host, self._address.port, _KEEPALIVE, "", 0, True, wishes)
            else:
                self._client.connect(self._address.host, self._address.port, _KEEPALIVE)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error) or "no answer"
            raise BrokerError(
                f"{where} cannot be reached ({why.lower()}), see that it runs and is named right"
            ) from error
        self._thread.start()
        with self._news:
            self._news.wait_for(lambda: self._welcome is not None or not self._alive, timeout)
            closed, welcome = not self._alive, self._welcome
        if welcome is None or welcome.is_failure:
            self.drop()
            raise BrokerError(f"{where} {_unwelcome(welcome, closed, self._address.protocol)}")

    def subscribe(self, topic_filter: str, timeout: float, *, needed: bool = True) -> bool:
        """Subscribes at QoS 1, without retained messages; whether the broker grants it.

        BrokerError when it says nothing, or no to what is `needed`.
        """
        if self._address.protocol == "5":
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            code, mid = self._client.subscribe(topic_filter, options=options)
        else:
            code, mid = self._client.subscribe(topic_filter, qos=1)
        codes = self._await(("subscribe", mid), timeout) if code == paho.MQTT_ERR_SUCCESS and mid is not None else None
        granted = codes is not None and all(each < 128 for each in codes)
        if codes is None or (needed and not granted):
            self.drop()
            why = "does not answer" if codes is None else "refuses it"
            raise BrokerError(f"broker at {self._address}: subscribing to `{topic_filter}`, it {why}, see its rights")
        return granted

    def publish(self, topic: str, payload: bytes, *, expiry: int | None) -> Handed:
        """Hands over one message at QoS 1, never retained; `expiry` in whole seconds, which only MQTT 5 can carry."""
        if not self.alive:
            return Handed()
        properties = self._expiring(PacketTypes.PUBLISH, expiry)
        info = self._client.publish(topic, payload, qos=1, retain=False, properties=properties)
        return Handed(self, info.mid) if info.rc == paho.MQTT_ERR_SUCCESS else Handed()

    def answer(self, mid: int, timeout: float) -> Handover:
        """The broker's answer to a message, which may have come before `publish` returned."""
        codes = self._await(("publish", mid), timeout)
        if codes is None:
            self.drop()  # what still waits in the client must not leave later, when nobody has decided again
            return Handover.UNKNOWN
        known = {0: Handover.TAKEN, 16: Handover.NO_SUBSCRIBER, 135: Handover.DENIED}
        return known.get(codes[0], Handover.REFUSED if codes[0] >= 128 else Handover.TAKEN)

    def close(self) -> None:
        """Says goodbye and ends; returns when the thread has ended, at most a second later."""
        if self.alive:
            self._client.disconnect()
            self._join()
        self.drop()

    def drop(self) -> None:
        """Ends at once, without a word; what was not sent is never sent."""
        self._ending = True
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):  # it had ended by itself
                sock.shutdown(socket.SHUT_RDWR)
        self._join()

    def _made(self) -> paho.Client:
        five = self._address.protocol == "5"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._address.client_id,
            clean_session=None if five else True,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls is not None:
            client.tls_set_context(self._address.tls.context())
        if (will := self._address.will) is not None:
            properties = self._expiring(PacketTypes.WILLMESSAGE, will.seconds)
            client.will_set(will.topic, will.payload, qos=1, retain=False, properties=properties)
        client.max_inflight_messages_set(MOST_IN_FLIGHT)
        client.max_queued_messages_set(MOST_IN_FLIGHT)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_open = _without_delay
        # with this set, only the line's own thread writes to the socket
        client.on_socket_register_write = _nothing
        return client

    def _expiring(self, packet: int, seconds: int | None) -> Properties | None:
        if self._address.protocol != "5" or seconds is None:
            return None
        properties = Properties(packet)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = seconds
        return properties

    def _run(self) -> None:
        try:
            while not self._ending and self._client.loop(0.5) == paho.MQTT_ERR_SUCCESS:
                pass
        except _ENDINGS as error:
            _log.warning("broker at %s sent what is no MQTT (%s)", self._address, type(error).__name__)
        finally:
            with self._news:
                self._alive = False
                self._news.notify_all()

    def _await(self, key: tuple[str, int], timeout: float) -> tuple[int, ...] | None:
        until = monotonic() + timeout
        with self._news:
            while key not in self._answers and self._alive and (left := until - monotonic()) > 0:
                self._news.wait(left)
            return self._answers.pop(key, None)

    def _join(self) -> None:
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def _tell(self, key: tuple[str, int], codes: tuple[int, ...]) -> None:
        with self._news:
            self._answers[key] = codes
            self._news.notify_all()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        with self._news:
            self._welcome = reason
            self._news.notify_all()

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        self._tell(("publish", mid), (reason.value,))

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        self._tell(("subscribe", mid), tuple(reason.value for reason in reasons))

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        mid, qos = message.mid, message.qos
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        if message.retain or not topic:
            client.ack(mid, qos)  # nothing of ours is retained: whoever left this here is not our device
            return
        self._arrived(Arrival(topic=topic, payload=bytes(message.payload), done=lambda: self._done(mid, qos)))

    def _done(self, mid: int, qos: int) -> None:
        if self.alive:
            self._client.ack(mid, qos)


def _unwelcome(welcome: ReasonCode | None, closed: bool, protocol: Protocol) -> str:
    other = f'or say protocol "{"3.1.1" if protocol == "5" else "5"}" if it wants that'
    if welcome is None and closed:
        return f"hangs up at once, see that it accepts our certificate, {other}"
    if welcome is None:
        return f"does not answer as MQTT {protocol}, see that it is a broker, {other}"
    if welcome.value == 132:
        return f"does not speak MQTT {protocol}, {other[3:]}"
    return f"refuses the connection ({str(welcome).lower()}), see that certificate or password are its own"


def _without_delay(_client: Any, _data: Any, sock: Any) -> None:
    # waiting to fill a packet would cost 40 ms a message
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _nothing(_client: Any, _data: Any, _sock: Any) -> None:
    return None
