"""The reference subscriber: opens, verifies, stores, and only then acknowledges; what does not verify is not stored.

Trusted with everything in it: the store holds plates in clear, in a file that only its owner can read.
"""

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import disk
from edge.clock import Clock
from edge.delivery.broker import Arrival, Broker, Handover
from edge.delivery.envelope import Opened, open_
from edge.delivery.topics import ack_topic, read_filter, read_topic
from edge.delivery.wire import canonical
from edge.errors import ConfigError, EnvelopeError, LedgerError
from edge.ledger.checkpoint import open_note
from edge.values import Checkpoint

_ACK_SECONDS = 30

_log = logging.getLogger(__name__)


class Store(Protocol):
    """Where reads go. When `add` returns, the read outlives a power cut."""

    def holds(self, message_id: str) -> bool:
        """Whether this message was added before."""
        ...

    def add(self, message_id: str, line: bytes) -> None:
        """Adds one read, a line of JSON; ConfigError when it cannot be stored, and then it is not."""
        ...

    def keep(self, checkpoint: Checkpoint) -> None:
        """Keeps the newest checkpoint of the device's audit log."""
        ...


class Printed:
    """Reads go to a printer; which ones were printed is remembered until the end."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write, self._ids = write, set[str]()

    def holds(self, message_id: str) -> bool:
        return message_id in self._ids

    def add(self, message_id: str, line: bytes) -> None:
        try:
            self._write(line.decode("ascii"))
        except OSError as error:
            raise ConfigError(f"standard output cannot be written, {disk.why(error)}") from error
        self._ids.add(message_id)

    def keep(self, checkpoint: Checkpoint) -> None:
        return


class LinesFile:
    """A file of JSON lines (0600) for one process at a time; the newest checkpoint stands beside it."""

    def __init__(self, path: Path) -> None:
        """Opens or begins the file and reads which messages it holds; ConfigError when it holds something else."""
        self._path, self._ids = path, set[str]()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be opened, {disk.why(error)}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(self._file, 0o600)
            self._size = self._take_stock(path.read_bytes())
            disk.settle(path.parent)  # a new file outlives a power cut only when its folder was written too
        except BlockingIOError:
            self.close()
            raise ConfigError(f"{path}: another `homerule receive` writes it, name another file") from None
        except OSError as error:
            self.close()
            raise ConfigError(f"{path}: cannot be used, {disk.why(error)}") from error
        except ConfigError:
            self.close()
            raise

    def holds(self, message_id: str) -> bool:
        return message_id in self._ids

    def add(self, message_id: str, line: bytes) -> None:
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # what cannot be undone now is found as a torn line at the next start
                os.ftruncate(self._file, self._size)
            raise ConfigError(
                f"{self._path}: cannot be written, {disk.why(error)}; the read is not acknowledged"
            ) from error
        self._size += len(line)
        self._ids.add(message_id)

    def keep(self, checkpoint: Checkpoint) -> None:
        beside = self._path.with_name(f"{self._path.name}.checkpoint")
        try:
            disk.put(beside, checkpoint.note.encode(), mode=0o600)
        except OSError as error:
            raise ConfigError(f"{beside}: cannot be written, {disk.why(error)}") from error

    def close(self) -> None:
        """Gives the file back to others."""
        os.close(self._file)

    def _take_stock(self, content: bytes) -> int:
        whole, _, torn = content.rpartition(b"\n")
        for number, line in enumerate(whole.split(b"\n") if whole else (), start=1):
            try:
                self._ids.add(str(json.loads(line)["id"]))
            except (ValueError, TypeError, KeyError):
                raise ConfigError(f"{self._path}: line {number} is no received read, name another file") from None
        if torn:
            _log.warning(
                "%s: the last line was cut off in the middle and is removed; it was never acknowledged", self._path
            )
            os.ftruncate(self._file, len(content) - len(torn))
        return len(content) - len(torn)


class Receiver:
    """One subscriber of one device key. `step` is called over and over from one thread."""

    def __init__(
        self,
        *,
        broker: Broker,
        store: Store,
        subscriber_id: str,
        sealing_key: X25519PrivateKey,
        device_public_key: Ed25519PublicKey,
        device_id: str | None,
        clock: Clock,
        test: bool,
    ) -> None:
        """Subscribes to the subscriber's own topic and to no other; EnvelopeError for an id that is no topic level."""
        self._broker, self._store, self._clock, self._test = broker, store, clock, test
        self._subscriber_id, self._sealing_key = subscriber_id, sealing_key
        self._device_public_key, self._device_id = device_public_key, device_id
        self._newest: Checkpoint | None = None
        self._said: set[str] = set()
        self.refused = 0
        broker.subscribe(read_filter(device_id, subscriber_id, test=test))

    def step(self, *, patience: float) -> Opened | None:
        """Waits up to `patience` seconds for a message; gives the read that it stored, None for anything else.

        Raises ConfigError when a read cannot be stored; it is not acknowledged then, and the device sends it again.
        """
        self._broker.ready()
        arrival = self._broker.take(patience)
        if arrival is None:
            return None
        try:
            opened = self._open(arrival)
        except EnvelopeError as error:
            self.refused += 1
            self._say_once(f"a message is refused: {error}")
            arrival.done()
            return None
        fresh = not self._store.holds(opened.message_id)
        if fresh:
            self._store.add(opened.message_id, self._line(opened))
            self._keep_checkpoint(opened)
        self._acknowledge(opened)
        arrival.done()
        return opened if fresh else None

    def _open(self, arrival: Arrival) -> Opened:
        opened = open_(
            arrival.payload,
            sealing_key=self._sealing_key,
            device_public_key=self._device_public_key,
            subscriber_id=self._subscriber_id,
            device_id=self._device_id,
            now=self._clock.now().at,
            test=self._test,
        )
        if arrival.topic != read_topic(opened.header.device, self._subscriber_id, test=self._test):
            raise EnvelopeError("it came on another device's topic")
        return opened

    def _line(self, opened: Opened) -> bytes:
        """The body as it came, without what only serves delivery, and when it was received."""
        body: dict[str, Any] = opened.body.model_dump(
            mode="json", exclude={"acktoken", "checkpoint"}, exclude_none=True
        )
        received_at = self._clock.now().at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return canonical(body | {"receivedat": received_at}) + b"\n"

    def _acknowledge(self, opened: Opened) -> None:
        """Says that the read is stored. If this is lost the device sends again, and is told again."""
        said = canonical({"message_id": opened.message_id, "acktoken": opened.body.acktoken})
        topic = ack_topic(opened.header.device, self._subscriber_id, test=self._test)
        outcome = self._broker.send(topic, said, seconds=_ACK_SECONDS)
        if outcome in (Handover.DENIED, Handover.REFUSED):
            self._say_once(f"an acknowledgement is refused: {outcome.value}, see the right to publish on `{topic}`")

    def _keep_checkpoint(self, opened: Opened) -> None:
        """Keeps the newest note about the device's log: whoever edits that log later is found against it."""
        if opened.checkpoint is None:
            return
        try:
            found = open_note(opened.checkpoint, self._device_public_key)
        except LedgerError as error:
            self._say_once(f"a checkpoint is refused: {error}")
            return
        known = self._newest
        if known is not None and _log_of(known) != _log_of(found):
            self._say_once("the device has begun a new audit log, ask the city why")
        elif known is not None and known.size == found.size and known.root != found.root:
            self._say_once(f"the device shows two audit logs of {found.size} entries, tell the city: one is not true")
        elif known is not None and found.size <= known.size:
            return
        self._store.keep(found)
        self._newest = found

    def _say_once(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.warning("%s", what)


def _log_of(checkpoint: Checkpoint) -> str:
    return checkpoint.note.partition("\n")[0]
