"""Everything that rests on the open ledger: control, relay and their threads. After a fault of the disk it is torn down
and built anew, with every check of the first start.
"""

import logging
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import desk
from edge.clock import Clock, monotonic
from edge.config import Config
from edge.control import Control
from edge.daemon.loops import Loop
from edge.daemon.storage import Storage
from edge.delivery.broker import Broker, Tls
from edge.errors import BrokerError, ConfigError, LedgerError, PolicyError
from edge.ledger import Ledger
from edge.ledger.entries import Entry
from edge.policy.bundle import Bundle
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.relay import Relay

CHECKPOINT_EVERY = 60.0
_AT_REST = 0.2
_RELAY_PATIENCE = 0.05
_CLOSE_WITHIN = 2.0

_log = logging.getLogger(__name__)


class House:
    """Made by `open`. `close` may be called whatever has failed."""

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        key: Ed25519PrivateKey,
        storage: Storage,
        broken: Callable[[], None],
    ) -> None:
        """Opens the ledger, takes up the policy, and starts nothing yet. Raises LedgerError, ConfigError."""
        self._storage = storage
        device = config.device
        self.ledger = Ledger.open(device.ledger, clock=clock, key=key, device=device.id)
        try:
            self._broker = _broker(config)
            self._relay = Relay(
                ledger=self.ledger,
                broker=self._broker,
                in_force=self.in_force,
                clock=clock,
                device_id=device.id,
                test=False,
            )
            self._control: Control | None = None
            self._lists = NO_LISTS
            try:
                first = desk.load(config.policy.folder, pin=config.policy.pin)
                self._control = Control(ledger=self.ledger, clock=clock, settle=self._relay.settle, first=first)
                self._lists = desk.hotlists(config.policy.folder, first[1])
            except (PolicyError, ConfigError) as error:
                _log.error("nothing is shared: %s", error)
        except BaseException:
            self.ledger.close()
            raise
        self._next_checkpoint = monotonic()
        self._loops = [
            Loop("relay", self._relaying, broken=broken),
            Loop("control", self._controlling, broken=broken),
        ]

    def start(self, entries: list[Entry]) -> None:
        """Writes `entries` and starts the threads. Raises LedgerError."""
        for entry in entries:
            self.ledger.note(entry)
        self._storage.use(self.ledger)
        for loop in self._loops:
            loop.start()

    def in_force(self) -> Bundle | None:
        """What every decision is made under; None: nothing may be shared."""
        return self._control.in_force() if self._control is not None else None

    def hotlists(self) -> HotLists:
        """What is looked for."""
        return self._lists

    def take_up(self, *, by: str) -> None:
        """Asks the city's files again, from the control thread."""

    def still_for(self) -> float:
        """Seconds for which the slowest of its threads has not moved."""
        return max(loop.still_for for loop in self._loops)

    def drain(self, patience: float) -> None:
        """Gives what is on its way `patience` seconds to be sent and acknowledged."""
        until = monotonic() + patience
        while monotonic() < until and not self._storage.trouble and self.ledger.waiting() and self._broker.connected:
            self._loops[0].pause(_RELAY_PATIENCE)

    def close(self, last: list[Entry]) -> None:
        """Ends the threads, writes `last`, and closes the ledger; a ledger that cannot be written is left as it is."""
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            if not loop.join(_CLOSE_WITHIN):
                _log.error("%s does not end", loop.name)
        self._broker.close()
        try:
            if not self._storage.faulty:
                self.ledger.checkpoint()
                for entry in last:
                    self.ledger.note(entry)
                self.ledger.checkpoint()
        finally:
            self._storage.use(None)
            self.ledger.close()

    def _relaying(self, loop: Loop) -> None:
        if self._storage.trouble:
            loop.pause(_AT_REST)
            return
        try:
            with self._storage.watched():
                self._relay.step(patience=_RELAY_PATIENCE)
        except LedgerError:
            return
        except BrokerError as error:
            _log.error("%s", error)
            loop.pause(1.0)

    def _controlling(self, loop: Loop) -> None:
        if not self._storage.trouble:
            try:
                with self._storage.watched():
                    self._storage.write_notes()
                    if monotonic() >= self._next_checkpoint:
                        self.ledger.checkpoint()
                        self._next_checkpoint = monotonic() + CHECKPOINT_EVERY
            except LedgerError:
                return
        loop.pause(_AT_REST)


def _broker(config: Config) -> Broker:
    """The connection that reads are published on. ConfigError when a certificate is not readable."""
    written = config.broker
    tls = None
    if written.ca is not None:
        tls = Tls(ca=written.ca, cert=written.certificate, key=written.key)
        tls.context()
    return Broker(
        host=written.host,
        port=written.port,
        client_id=config.device.id,
        protocol=written.protocol,
        tls=tls,
        loopback_only=not written.encrypted,
    )
