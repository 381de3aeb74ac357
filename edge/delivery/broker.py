"""The broker as the rest of the house sees it: there or away. While it is away nothing is handed over,
and nothing is kept for later.

The outbox in the ledger is the only memory; the broker is trusted with sealed messages in flight and nothing else.
"""

import logging
import queue
from datetime import datetime, timedelta

from edge.clock import monotonic
from edge.config import is_loopback
from edge.delivery.address import Address, Protocol, Will
from edge.delivery.line import MOST_IN_FLIGHT, Arrival, Handed, Handover, Line
from edge.delivery.tls import Tls
from edge.errors import BrokerError, ConfigError
from edge.values import Envelope

__all__ = ["LONGEST_IN_BROKER", "MOST_IN_FLIGHT", "Arrival", "Broker", "Handed", "Handover", "Protocol", "Tls", "Will"]

LONGEST_IN_BROKER = timedelta(seconds=30)
"""How long the broker may keep a message for a subscriber who is slow."""

ANSWER_WITHIN = 2.0
"""Seconds in which the broker must answer for a message."""

_CONNECT_WITHIN = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE, _STABLE = 0.25, 5.0, 10.0
_MOST_ARRIVALS = 1000

_log = logging.getLogger(__name__)


class Broker:
    """Used from one thread at a time, save for `cut`; says only when the broker is lost and when it is back."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        client_id: str,
        protocol: Protocol = "5",
        username: str | None = None,
        password: str | None = None,
        tls: Tls | None = None,
        loopback_only: bool = False,
        will: Will | None = None,
    ) -> None:
        if loopback_only and not is_loopback(host):
            raise BrokerError(f"broker at {host}:{port} is not on this computer, use 127.0.0.1")
        self._address = Address(
            host=host,
            port=port,
            protocol=protocol,
            client_id=client_id,
            username=username,
            password=password,
            tls=tls,
            will=will,
        )
        self._filters: dict[str, bool] = {}
        self._arrivals: queue.Queue[Arrival] = queue.Queue(_MOST_ARRIVALS)
        self._line: Line | None = None
        self.connections = 0
        """How many connections there have been."""
        self._since = self._next_try = 0.0
        self._pause = _FIRST_PAUSE
        self._lost: float | None = None
        self._said: set[str] = set()
        self._refused: set[str] = set()

    @property
    def connected(self) -> bool:
        """Whether a connection stands."""
        return self._line is not None and self._line.alive

    def connect(self) -> None:
        """Opens a new connection and subscribes again; at most 5 s. BrokerError with host, port and the mend.

        A certificate that cannot be read is one too: it may be just being renewed, file by file.
        """
        self.close()
        try:
            line = Line(address=self._address, arrived=self._arrived)
        except ConfigError as error:
            raise BrokerError(str(error)) from error
        line.open(_CONNECT_WITHIN)
        for topic_filter in self._filters:
            self._ask(line, topic_filter)
        self._line, self._since = line, monotonic()
        self.connections += 1

    def ready(self) -> bool:
        """Whether messages can be handed over now; tries to connect when it is time to, pausing up to 5 s between."""
        now = monotonic()
        if self.connected:
            if now - self._since > _STABLE:
                self._pause = _FIRST_PAUSE
            return True
        if self._line is not None:
            self._line.drop()
            self._line, self._lost = None, now
            self._away(now, f"broker at {self._address} lost")
        if now < self._next_try:
            return False
        try:
            self.connect()
        except BrokerError as error:
            self._away(monotonic(), str(error))
            return False
        if self._lost is not None:
            _log.warning("broker at %s back after %.0f s", self._address, monotonic() - self._lost)
        self._lost = None
        self._said.clear()
        return True

    def subscribe(self, topic_filter: str, *, needed: bool = True) -> None:
        """Asks for messages on `topic_filter`, on this connection and every later one.

        BrokerError if it is refused; what is not `needed` is then gone without, and that is said once.
        """
        self._filters[topic_filter] = needed
        if self._line is not None and self._line.alive:
            self._ask(self._line, topic_filter)

    def take(self, timeout: float = 0.0) -> Arrival | None:
        """The next message that has arrived, waiting up to `timeout` seconds; None if there is none."""
        try:
            return self._arrivals.get(timeout=timeout) if timeout > 0 else self._arrivals.get_nowait()
        except queue.Empty:
            return None

    def hand_over(self, envelope: Envelope, *, now: datetime) -> Handed:
        """Hands over one envelope without waiting. One whose time is over never leaves."""
        left = min(LONGEST_IN_BROKER, envelope.expires_at - now)
        seconds = left // timedelta(seconds=1)
        if self._line is None or left <= timedelta(0):
            return Handed()
        # a broker drops at whole seconds, so the last second is rounded up: the subscriber looks at the exact time
        return self._line.publish(envelope.topic, envelope.payload, expiry=max(1, seconds))

    def publish(self, envelope: Envelope, *, now: datetime) -> Handover:
        """Hands over one envelope and waits for the broker's answer."""
        return self.hand_over(envelope, now=now).outcome(ANSWER_WITHIN)

    def send(self, topic: str, payload: bytes, *, seconds: int) -> Handover:
        """Hands over a message that holds no read, such as an acknowledgement, and waits for the broker's answer."""
        if self._line is None:
            return Handover.NOT_SENT
        return self._line.publish(topic, payload, expiry=seconds).outcome(ANSWER_WITHIN)

    def send_unanswered(self, topic: str, payload: bytes, *, seconds: int) -> None:
        """As `send`, for whoever has no time for the broker's answer; `close` after it lets it leave."""
        if self._line is not None:
            self._line.publish(topic, payload, expiry=seconds)

    def cut(self) -> None:
        """Ends the connection at once, from any thread: what is in flight is lost, and `ready` makes a new one."""
        line = self._line
        if line is not None:
            line.drop()

    def close(self) -> None:
        """Ends the connection, if one stands."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _ask(self, line: Line, topic_filter: str) -> None:
        if line.subscribe(topic_filter, _CONNECT_WITHIN, needed=self._filters[topic_filter]):
            return
        if topic_filter not in self._refused:
            self._refused.add(topic_filter)
            _log.warning("broker at %s refuses `%s`, we do without", self._address, topic_filter)

    def _arrived(self, arrival: Arrival) -> None:
        try:
            self._arrivals.put_nowait(arrival)
        except queue.Full:
            arrival.done()  # its sender sends again what nobody acknowledges

    def _away(self, now: float, why: str) -> None:
        """Rests before the next try, and says each reason once while the broker is away."""
        self._next_try = now + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._lost = now if self._lost is None else self._lost
        if why not in self._said:
            self._said.add(why)
            _log.warning("%s", why)
