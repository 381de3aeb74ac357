"""A client that asks a broker for what it should not get, and tells what the broker said. For `broker check` alone.

Unlike the lines that carry reads it lives for one question after the other, in the thread that asks.
"""

import socket
import ssl
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt import MQTTException
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge.clock import monotonic
from edge.errors import BrokerError

_WITHIN = 3.0
_ENDINGS = (OSError, ValueError, MQTTException)


class Probe:
    """One connection. A question is answered with MQTT's reason code, or None when the broker hung up instead."""

    def __init__(self, *, client_id: str, context: ssl.SSLContext | None, login: tuple[str, str] | None = None) -> None:
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        if context is not None:
            self._client.tls_set_context(context)
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.connect_timeout = _WITHIN
        self._welcome: int | None = None
        self._answers: dict[int, int] = {}
        self.keeps_retained = True
        """Whether the broker says that it keeps messages for whoever comes later; it does unless it denies it."""
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish

    def connect(self, host: str, port: int) -> int | None:
        """Gives the code of the broker's welcome. BrokerError when nobody listens there at all."""
        try:
            socket.create_connection((host, port), timeout=_WITHIN).close()
        except OSError as error:
            why = (error.strerror or "no answer in time").lower()
            raise BrokerError(f"broker at {host}:{port} does not answer ({why}), is it running?") from error
        try:
            self._client.connect(host, port, 15, "", 0, True)
        except _ENDINGS:
            return None
        self._turn(lambda: self._welcome is not None)
        return self._welcome

    def subscribe(self, topic_filter: str) -> int | None:
        """Gives the code; below 128 the broker would send us what comes there."""
        return self._ask(self._client.subscribe(topic_filter, qos=1))

    def publish(self, topic: str) -> int | None:
        """Gives the code; below 128 the broker took an empty message from us."""
        info = self._client.publish(topic, b"", qos=1)
        return self._ask((info.rc, info.mid))

    def stands(self) -> bool:
        """Whether the broker still answers us."""
        return self.subscribe("homerule-check") is not None

    def close(self) -> None:
        """Ends the connection."""
        self._client.disconnect()

    def _ask(self, asked: tuple[Any, int | None]) -> int | None:
        code, mid = asked
        if code != paho.MQTT_ERR_SUCCESS or mid is None:
            return None
        self._turn(lambda: mid in self._answers)
        return self._answers.get(mid)

    def _turn(self, answered: Any) -> None:
        until = monotonic() + _WITHIN
        try:
            while not answered() and monotonic() < until and self._client.loop(0.05) == paho.MQTT_ERR_SUCCESS:
                pass
        except _ENDINGS:
            return

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, properties: Any) -> None:
        self.keeps_retained = getattr(properties, "RetainAvailable", 1) != 0
        self._welcome = reason.value

    def _on_subscribe(self, _client: Any, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        self._answers[mid] = reasons[0].value

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        self._answers[mid] = reason.value
