"""An agency that takes every liberty MQTT gives: durable sessions, slow acks, wildcards, stubborn returns."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.delivery.broker import Tls
from tests.broker import wait_until
from tests.site import Site

REFUSED = 135
ENDED = 128
ENDINGS = (OSError, ValueError, paho.WebsocketConnectionError)


class Agency:
    """A client of a site's broker. `received` is every payload, in order; `life` counts its connections."""

    def __init__(
        self,
        site: Site,
        name: str,
        *,
        protocol: str = "5",
        receive_maximum: int | None = None,
        acks: bool = True,
        returns: tuple[str, ...] = (),
        client_id: str | None = None,
        tls: Tls | None = None,
        port: int | None = None,
        login: tuple[str, str] | None = None,
        will: str | None = None,
    ) -> None:
        self._port, self._five, self._acks, self._returns = port or site.port, protocol == "5", acks, returns
        self._receive_maximum = receive_maximum
        self.received: list[bytes] = []
        self.refusals = 0
        self.welcome: int | None = None
        self.life = 0
        self.session_present = False
        self._answers: dict[int, int] = {}
        self._held: list[tuple[int, int]] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or name,
            clean_session=None if self._five else False,
            protocol=paho.MQTTv5 if self._five else paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        shown = tls or (site.tls(name) if login is None else None)
        if shown is not None:
            self._client.tls_set_context(shown.context())
        if will is not None:
            self._client.will_set(will, b"will", qos=1)
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda _c, _d, mid, codes, _p: self._answers.update({mid: codes[0].value})
        self._client.on_publish = lambda _c, _d, mid, code, _p: self._answers.update({mid: code.value})
        self._client.on_socket_open = lambda _c, _d, sock: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # with this set, only our own thread writes to the socket
        self._client.on_socket_register_write = lambda _c, _d, _sock: None
        site.at_end(self.leave)

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._thread is not None and self._thread.is_alive() and self._client.is_connected()

    def connect(self, *, clean: bool = False) -> int:
        """Connects, with a session that outlives the connection; gives the reason code, ENDED for a closed door."""
        self.leave()
        self._stop.clear()
        self.welcome = None
        try:
            self._open(clean)
        except OSError:
            self.welcome = ENDED
            return self.welcome
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.welcome is not None, what="the broker has answered")
        return self.welcome

    def subscribe(self, topic_filter: str) -> int:
        """Gives the broker's reason code. All that was sent to us before it is in `received` then."""
        return self._answer(lambda: self._client.subscribe(topic_filter, qos=1)[1])

    def unsubscribe(self, topic_filter: str) -> None:
        """Takes a subscription back."""
        self._client.unsubscribe(topic_filter)

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """Gives the broker's reason code; ENDED when it ended the connection instead."""
        return self._answer(lambda: self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def acknowledge(self) -> None:
        """Acknowledges what was held back, and from now on everything at once."""
        self._acks = True
        held, self._held = self._held, []
        for mid, qos in held:
            self._client.ack(mid, qos)

    def vanish(self) -> None:
        """The connection breaks without a word; the session stays at the broker."""
        self._stop.set()
        sock = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(5)

    def leave(self) -> None:
        """Ends whatever connection there is."""
        self.vanish()
        self._client.disconnect()

    def _open(self, clean: bool) -> None:
        if not self._five:
            self._client.connect("127.0.0.1", self._port, 60)
            return
        wishes = Properties(PacketTypes.CONNECT)
        wishes.SessionExpiryInterval = 3600
        if self._receive_maximum is not None:
            wishes.ReceiveMaximum = self._receive_maximum
        self._client.connect("127.0.0.1", self._port, 60, clean_start=clean, properties=wishes)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                rc = self._client.loop(0.1)
            except ENDINGS:
                rc = paho.MQTT_ERR_CONN_LOST
            if rc == paho.MQTT_ERR_SUCCESS:
                continue
            if self.welcome is None:
                self.welcome = ENDED
            if not self._returns:
                return
            self._stop.wait(0.01)
            with contextlib.suppress(*ENDINGS):
                self._open(clean=False)

    def _answer(self, ask: Callable[[], int]) -> int:
        life, mid = self.life, ask()

        def told() -> bool:
            # what was asked on a connection that has ended meanwhile is never answered
            return mid in self._answers or self.life != life or not self._thread.is_alive()

        wait_until(told, what="the broker has answered")
        return self._answers.get(mid, ENDED)

    def _on_connect(self, _client: Any, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        self.life += 1
        self.session_present = flags.session_present
        self.refusals += reason.value != 0
        self.welcome = reason.value
        for topic_filter in self._returns:
            self._client.subscribe(topic_filter, qos=1)

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self.received.append(bytes(message.payload))
        if self._acks:
            client.ack(message.mid, message.qos)
        else:
            self._held.append((message.mid, message.qos))
