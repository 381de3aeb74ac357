"""Agencies that take what they get, each in a manner of its own, and note when and how it came.

`Taker` opens every message, and acknowledges it to the device unless its manner is to be slow. Nothing is judged here.
"""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge.delivery.envelope import open_
from edge.delivery.topics import ack_topic
from edge.delivery.wire import canonical
from edge.errors import EnvelopeError
from tests.access.agency import ENDINGS, Agency
from tests.site import Site

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """One message as an agency got it: `at` of the monotonic clock, and in which life of its connection."""

    at: float
    life: int
    topic: str
    payload: bytes
    message_id: str
    """"" when it does not open: it was not sealed to this agency."""
    retained: bool = False
    again: bool = False
    labels: int = 0
    """How many user properties it bore."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """What an agency is like. `settings` are those of its client; `asks` the filters that it tries besides its own."""

    settings: dict[str, object] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    slow: bool = False
    """It takes two at a time and acknowledges nothing, so that a backlog grows at the broker."""
    leaves: bool = False
    """It is away, with a session that lasts, when its right goes."""
    waits: bool = False
    """It does not come before it may: a session that is not seen in between keeps what waits in it."""
    returns: bool = False
    """It comes back at once, always."""

    @property
    def calm(self) -> bool:
        """Whether it can be expected to have taken all that it may have."""
        return not self.slow and not self.leaves


MANNERS: dict[str, Manner] = {
    "live": Manner(),
    "backlog": Manner(settings={"receive_maximum": 2}, slow=True),
    "offline": Manner(leaves=True),
    "offline-waiting": Manner(leaves=True, waits=True),
    "wildcard": Manner(asks=("#", "+/+/+/+/+/+", "homerule/v1/+/to/+/read", "homerule/#", "$SYS/#", "$CONTROL/#")),
    "shared": Manner(asks=("$share/squat/#", "$share/{other}/{theirs}", "$share/{me}/{mine}")),
    "returning": Manner(returns=True),
    "impostor": Manner(settings={"client_id": "{other}"}),
    "older": Manner(settings={"protocol": "3.1.1"}),
    "older-offline": Manner(settings={"protocol": "3.1.1"}, leaves=True, waits=True),
    "slow-returning": Manner(settings={"receive_maximum": 2}, slow=True, returns=True),
}


class Taker(Agency):
    """See the module."""

    def __init__(
        self,
        site: Site,
        name: str,
        manner: Manner,
        *,
        other: str,
        sealing_key: X25519PrivateKey,
        device_key: Ed25519PublicKey,
    ) -> None:
        self.name, self.manner, self.site = name, manner, site
        self._sealing_key, self._device_key = sealing_key, device_key
        self._words = {"me": name, "mine": site.topic(name), "other": other, "theirs": site.topic(other)}
        self.receipts: list[Receipt] = []
        self.codes: dict[str, int] = {}
        filled = {
            key: each.format(**self._words) if isinstance(each, str) else each for key, each in manner.settings.items()
        }
        returns = (site.topic(name),) if manner.returns else ()
        super().__init__(site, name, acks=not manner.slow, returns=returns, **filled)  # type: ignore[arg-type]

    def come(self, *, clean: bool = False) -> int:
        """Connects and asks for its own topic, and for what else it is its manner to ask for; its own topic's code."""
        if self.connect(clean=clean) != 0:
            return 128
        for each in self.manner.asks:
            self.codes[each] = self.ask(each.format(**self._words))
        return self.ask(self.site.topic(self.name))

    def ask(self, topic_filter: str) -> int:
        """The broker's reason code, 128 when it ends the connection instead, or there is none."""
        try:
            return self.subscribe(topic_filter)
        except (AssertionError, *ENDINGS):
            return 128

    def hold(self) -> None:
        """From now on it acknowledges nothing."""
        self._acks = False

    def ids(self) -> list[str]:
        """The messages that it has, in the order in which each came first."""
        return list(dict.fromkeys(one.message_id for one in list(self.receipts)))

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        at, payload = time.monotonic(), bytes(message.payload)
        message_id, token = self._opened(payload)
        self.receipts.append(
            Receipt(
                at=at,
                life=self.life,
                topic=message.topic,
                payload=payload,
                message_id=message_id,
                retained=message.retain,
                again=message.dup,
                labels=len(getattr(message.properties, "UserProperty", ())),
            )
        )
        if not self._acks:
            self._held.append((message.mid, message.qos))
            return
        if token:
            said = canonical({"message_id": message_id, "acktoken": token})
            client.publish(ack_topic(self.site.device_id, self.name, test=False), said, qos=1)
        client.ack(message.mid, message.qos)

    def _opened(self, payload: bytes) -> tuple[str, str]:
        try:
            opened = open_(
                payload,
                sealing_key=self._sealing_key,
                device_public_key=self._device_key,
                subscriber_id=self.name,
                device_id=self.site.device_id,
                now=LONG_AGO,  # the oracle wants to know it although it has run out
                test=False,
            )
        except EnvelopeError:
            return "", ""
        return opened.message_id, opened.body.acktoken


class Returner(threading.Thread):
    """Somebody who tries to come back again and again while nobody may: `tries` counts, `let_in` says how often."""

    def __init__(self, taker: Taker) -> None:
        super().__init__(daemon=True)
        self._taker, self._over = taker, threading.Event()
        self.tries = self.let_in = 0

    def run(self) -> None:
        while not self._over.is_set():
            self.tries += 1
            self.let_in += self._taker.come() == 1
            self._over.wait(0.05)

    def end(self) -> None:
        """No more."""
        self._over.set()
        self.join(20)
