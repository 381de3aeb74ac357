"""Everything that rests on the open ledger: relay, control, rights at the broker, and their threads.

After a fault of the disk it is torn down and built anew, with every check of the first start.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from time import sleep

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import __version__
from edge.clock import Clock, monotonic
from edge.config import Config
from edge.control.control import Control
from edge.control.status import Status
from edge.control.word import word_of
from edge.daemon.collection import BY_LAW, WHAT, Collection
from edge.daemon.loops import Loop
from edge.daemon.previous import Previous, opening, previous
from edge.daemon.purging import Purging
from edge.daemon.storage import Storage
from edge.delivery.access import MosquittoRights, NoRights
from edge.delivery.broker import Broker, Tls
from edge.delivery.here import require_here
from edge.desk import City
from edge.errors import BrokerError, PolicyError
from edge.keys import load_password, secret_of
from edge.ledger import Ledger
from edge.ledger.entries import Alarm, Entry, Pinned, Stop
from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.relay import Relay
from edge.relay.notices import Notices, will
from edge.relay.tidy import Limits

CHECKPOINT_EVERY = 60.0
"""Seconds."""
_AT_REST = 0.2
_RELAY_PATIENCE = 0.05
_CLOSE_WITHIN = 1.5

_log = logging.getLogger(__name__)


class House:
    """Nothing runs before `start`; `close` ends it, whatever has failed.

    `waiting` and `entries` are the counts of a moment ago, for whoever must not wait for the disk.
    """

    def __init__(
        self,
        *,
        config: Config,
        clock: Clock,
        key: Ed25519PrivateKey,
        storage: Storage,
        purging: Purging,
        collection: Collection,
        first: bool,
        broken: Callable[[], None],
        sends: Callable[[], bool],
        status: Callable[["House"], Status],
    ) -> None:
        """Opens the ledger and restores the policy; the `first` of a run says in the log that it begins. While it does
        not `sends` all waits. Raises LedgerError, ConfigError; the first also PolicyError, where nothing may be
        collected.
        """
        self._storage, self._purging, self._collection, self._sends = storage, purging, collection, sends
        with ExitStack() as undo:
            self.ledger = Ledger.open(config.device.ledger, clock=clock, key=key, device=config.device.id)
            undo.callback(self.ledger.close)
            before = previous(self.ledger) if first else None  # first: what comes now writes into it
            self._broker = _broker(config)
            self._relay = Relay(
                ledger=self.ledger,
                broker=self._broker,
                in_force=self._sends_under,
                hotlists=self.hotlists,
                clock=clock,
                device_id=config.device.id,
                test=False,
                shut=True,
                limits=_limits(config),
            )
            self._rights = _rights(config, clock, self._broker)
            undo.callback(self._rights.close)
            self.control = Control(
                ledger=self.ledger,
                clock=clock,
                desk=_city(config, self.ledger, key),
                gates=self._relay,
                rights=self._rights,
                unfit=collection.unfit,
                apart=True,
            )
            if before is not None:
                self._begin(before, clock)
            undo.pop_all()
        self._notices = self._telling(config, clock, status)
        self._settled = threading.Event()  # before the broker has our rights it would refuse the relay
        self.waiting = self.entries = 0
        self._next_count = monotonic()
        self._next_checkpoint = monotonic()
        turns = {"relay": self._relaying, "control": self._controlling, "rights": self._settling}
        self._loops = {name: Loop(name, turn, broken=broken) for name, turn in turns.items()}

    def _begin(self, before: Previous, clock: Clock) -> None:
        """Writes down how a run begins; where nothing may be collected also that it ends with that: once, however often
        it is tried. Raises LedgerError, PolicyError.
        """
        why = self._collection.refuses(self.control.in_force())
        begun = opening(before, software=f"homerule {__version__}", clock=clock)
        if why is None:
            self.ledger.note(*begun)
            return
        if before.why != BY_LAW:
            self.ledger.note(*begun, Alarm(what=WHAT, why=BY_LAW), Stop(why=BY_LAW))
            self.ledger.checkpoint()
        raise PolicyError(why)

    def look(self) -> None:
        """Reads the hot lists, as far as that is quickly done, and has the log say which. Raises LedgerError."""
        self.control.tick()

    def start(self) -> None:
        """Lets the log be written, starts the threads."""
        self._storage.use(self.ledger)
        for loop in self._loops.values():
            loop.start()

    def in_force(self) -> Bundle | None:
        """What every decision is made under; None: nothing may be shared."""
        return self.control.in_force()

    def _sends_under(self) -> Bundle | None:
        """The same for the relay, which stops in the middle of its turn when the ledger may not be written any more, or
        the law not to be collected under, or a thread broke; what waits then stays until its time is over."""
        may = self._sends() and not self._storage.trouble and self._collection.allows()
        return self.in_force() if may else None

    def hotlists(self) -> HotLists:
        """What is looked for."""
        return self.control.hotlists()

    @property
    def broker_connected(self) -> bool:
        """Whether the broker is there."""
        return self._broker.connected

    @property
    def still(self) -> tuple[str, float]:
        """The thread whose present turn is the longest, and its seconds."""
        return max(((name, loop.still_for) for name, loop in self._loops.items()), key=lambda pair: pair[1])

    def drain(self, patience: float) -> None:
        """Gives what is on its way `patience` seconds to be sent and acknowledged."""
        until = monotonic() + patience
        with self._storage.quietly(self.ledger):
            while self._sends() and monotonic() < until and self._broker.connected and self.ledger.waiting():
                sleep(_RELAY_PATIENCE)

    def close(self, last: Sequence[Entry]) -> None:
        """Ends the threads, writes `last` and closes the ledger. Raises LedgerError when that cannot be written."""
        for loop in self._loops.values():
            loop.stop()
        until = monotonic() + _CLOSE_WITHIN
        for name, loop in self._loops.items():
            if not loop.join(until - monotonic()):
                _log.error("%s does not end", name)
            elif name == "relay":
                self._notices.last()
        self._broker.close()
        self._rights.close()
        try:
            if not self._storage.faulty:
                self._storage.write_notes()
                self.ledger.checkpoint()  # it writes the acknowledgements, so that the stop is the last entry
                if last:
                    self.ledger.note(*last)
                    self.ledger.checkpoint()
        finally:
            self._storage.use(None)
            self.ledger.close()

    def _telling(self, config: Config, clock: Clock, status: Callable[["House"], Status]) -> Notices:
        """What is said to all who may read here."""
        return Notices(
            broker=self._broker,
            clock=clock,
            device_id=config.device.id,
            test=False,
            standing=lambda: word_of(status(self)),
            checkpoint=self.ledger.latest_checkpoint,
            may_tell=lambda: self.control.standing().clear,
        )

    def _relaying(self, loop: Loop) -> None:
        if not self._settled.is_set():
            loop.pause(_AT_REST)
            return
        try:
            with self._storage.quietly(self.ledger):
                if self._storage.trouble:
                    loop.pause(_AT_REST)
                else:
                    self._relay.step(patience=_RELAY_PATIENCE)
                self._notices.step()
        except BrokerError as error:
            _log.error("%s", error)
            loop.pause(1.0)

    def _controlling(self, loop: Loop) -> None:
        pause = _AT_REST
        with self._storage.quietly(self.ledger):
            pause = self.control.tick()
            if not self._storage.trouble:
                self._storage.write_notes()
                if monotonic() >= self._next_checkpoint:
                    self.ledger.checkpoint()
                    self._next_checkpoint = monotonic() + CHECKPOINT_EVERY
            if monotonic() >= self._next_count:
                self.waiting, self.entries = self.ledger.waiting(), self.ledger.size
                self._next_count = monotonic() + 1.0
            self._purging.look(self.ledger, alone=bool(self._storage.trouble) or not self._settled.is_set())
        loop.pause(pause)

    def _settling(self, loop: Loop) -> None:
        """Rights at the broker, which may keep one waiting for seconds."""
        with self._storage.quietly(self.ledger):
            self.control.settle()
        self._settled.set()
        if self._storage.trouble:
            loop.pause(_AT_REST)


def _limits(config: Config) -> Limits:
    written = config.limits
    return Limits(max_age=timedelta(hours=written.max_age_hours), max_waiting=written.max_waiting_reads)


def _city(config: Config, ledger: Ledger, key: Ed25519PrivateKey) -> City:
    place = config.policy
    return City(
        folder=place.folder,
        pin=place.pin,
        floor=config.device.floor,
        device_id=config.device.id,
        note_pin=lambda pinned: ledger.note(Pinned(key=pinned)),
        secret=secret_of(key, "hot lists"),
    )


def _broker(config: Config) -> Broker:
    """The connection that reads are published on. ConfigError when a password cannot be read; a certificate that
    cannot is waited for, whenever it is.
    """
    written = config.broker
    require_here(written)
    return Broker(
        host=written.host,
        port=written.port,
        client_id=config.device.id,
        protocol=written.protocol,
        username=written.username,
        password=None if written.password_file is None else load_password(written.password_file),
        tls=Tls.written(written),
        loopback_only=not written.encrypted,
        will=will(config.device.id, test=False),
    )


def _rights(config: Config, clock: Clock, publishing: Broker) -> MosquittoRights | NoRights:
    """Who gives and takes rights at the broker. ConfigError when the credential is damaged."""
    written = config.broker
    if written.control_port is None or written.control_credential is None:
        return NoRights()
    return MosquittoRights(
        control_port=written.control_port,
        credential=written.control_credential,
        device_id=config.device.id,
        clock=clock,
        publishes=lambda: publishing.connected,
    )
