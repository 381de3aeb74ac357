"""Where reads go: when one is added it outlives a power cut, and when its time is over it is gone, power cut or not.

A file of JSON lines is rewritten without what is over and put in place by one rename; a receipt without plates says so.
"""

import contextlib
import fcntl
import json
import logging
import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from edge import disk
from edge.clock import monotonic
from edge.errors import ConfigError
from edge.receive.receipts import Receipts

_SOONEST = timedelta(seconds=1)
_REST = 10
"""A file is rewritten at most a tenth of the time: what would be over before the next time goes along."""
_BEGINS = (b'{"bundledigest":"', b'{"id":"')
"""How the line of a read begins, and that of a memory, see `Stored.line`."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A read as it is stored: JSON with `id`, `time`, `retainuntil`, `receivedat`, `test`, and what it replaces."""

    content: Mapping[str, Any] = field(repr=False)

    @property
    def message_id(self) -> str:
        return str(self.content["id"])

    @property
    def replaces(self) -> str | None:
        """The message that this one corrects or takes back."""
        replaces = self.content.get("replacesid")
        return None if replaces is None else str(replaces)

    @property
    def until(self) -> datetime:
        """When it must be gone. Test reads carry the times of a recording: they stay as long after they came."""
        until, taken, came = (
            datetime.fromisoformat(self.content[key]) for key in ("retainuntil", "time", "receivedat")
        )
        if any(each.tzinfo is None for each in (until, taken, came)):
            raise ValueError("a time without its offset")
        return came + (until - taken) if self.content["test"] is True else until

    @property
    def line(self) -> bytes:
        """JSON in one line, with the newline."""
        return json.dumps(self.content, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"

    def bare(self) -> "Stored":
        """What is needed to know it again, without anything that was read."""
        kept = ("id", "time", "retainuntil", "receivedat", "test", "replacesid")
        return Stored(content={key: self.content[key] for key in kept if key in self.content})


class Store(Protocol):
    """Where reads go. When `add` returns, the read outlives a power cut."""

    def holds(self, message_id: str) -> bool:
        """Whether this message was added before, and is not over."""
        ...

    def replaced_by(self, message_id: str) -> str | None:
        """Which message that came before it corrects this one or takes it back."""
        ...

    def add(self, read: Stored) -> None:
        """Adds one read. NotStored: it is not stored, others may be; ConfigError: nothing can be stored."""
        ...

    def purge(self, now: datetime) -> int:
        """Deletes what may be kept no longer and says how many that were; ConfigError when it cannot be deleted."""
        ...


class Printed:
    """Reads go to a printer; which ones were printed is remembered until the end."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write, self._ids, self._replaced = write, set[str](), dict[str, str]()

    def holds(self, message_id: str) -> bool:
        return message_id in self._ids

    def replaced_by(self, message_id: str) -> str | None:
        return self._replaced.get(message_id)

    def add(self, read: Stored) -> None:
        try:
            self._write(read.line.decode("ascii"))
        except OSError as error:
            raise ConfigError(f"standard output cannot be written, {disk.why(error)}") from error
        self._ids.add(read.message_id)
        if read.replaces is not None:
            self._replaced[read.replaces] = read.message_id

    def purge(self, now: datetime) -> int:
        return 0


class LinesFile:
    """A file of JSON lines (0600) for one process at a time; receipts of what was deleted stand beside it."""

    def __init__(self, path: Path, *, receipts: bool = True) -> None:
        """Opens or begins the file and reads what it holds; ConfigError when it holds something else.

        Without `receipts` nothing is said of what goes: for a file that only remembers what is stored elsewhere.
        """
        self._path = Path(os.path.realpath(path))
        self._fresh = self._path.parent / f".{self._path.name}.new"
        self._until, self._replaced = dict[str, datetime](), dict[str, str]()
        self._earliest: datetime | None = None
        self._rewriting = 0.0
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be opened, {disk.why(error)}") from error
        try:
            self._take_over()
            self._size = self._take_stock()
            self._mend()
            disk.settle(self._path.parent)  # a new file outlives a power cut only when its folder was written too
            self._receipts = Receipts(self._path, held=self._until) if receipts else None
        except OSError as error:
            self.close()
            raise ConfigError(f"{path}: cannot be used, {disk.why(error)}") from error
        except ConfigError:
            self.close()
            raise

    def holds(self, message_id: str) -> bool:
        return message_id in self._until

    def replaced_by(self, message_id: str) -> str | None:
        return self._replaced.get(message_id)

    def add(self, read: Stored) -> None:
        line = read.line
        try:
            _write(self._file, line)
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # what cannot be undone now is found as a torn line at the next start
                os.ftruncate(self._file, self._size)
            raise ConfigError(
                f"{self._path}: cannot be written, {disk.why(error)}; the read is not acknowledged"
            ) from error
        self._size += len(line)
        self._know(read)

    def purge(self, now: datetime) -> int:
        if self._earliest is None or now < self._earliest:
            return 0
        over = now + max(_SOONEST, timedelta(seconds=_REST * self._rewriting))
        gone = [name for name, until in self._until.items() if until <= over]
        began = monotonic()
        try:
            if self._receipts is not None:
                self._receipts.announce(gone, now)
            self._rewrite(set(gone))
            if self._receipts is not None:
                self._receipts.confirm()
        except OSError as error:
            with contextlib.suppress(OSError):
                self._fresh.unlink(missing_ok=True)
            raise ConfigError(
                f"{self._path}: reads that may be kept no longer cannot be deleted, {disk.why(error)}, make room"
            ) from error
        self._rewriting = monotonic() - began
        return len(gone)

    def close(self) -> None:
        """Gives the file back to others."""
        os.close(self._file)

    def _take_over(self) -> None:
        """Makes the file ours alone. A purge of another process may just have put a new file in its place."""
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise ConfigError(f"{self._path}: is no regular file, name another")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours = os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except (BlockingIOError, FileNotFoundError):
            ours = False
        if not ours:
            raise ConfigError(f"{self._path}: another `homerule receive` writes it, name another file")

    def _take_stock(self) -> int:
        """Reads what the file holds; the size in bytes of its reads, each with its newline.

        The last read may have lost its newline, to an editor say: it is whole and may have been acknowledged. What is
        no read and has no newline was cut off; without a read before it, it must begin as ours do.
        """
        size = 0
        for number, line in enumerate(self._lines(), start=1):
            whole = line.rstrip(b"\n")
            if self._understood(line):
                size += len(whole) + 1
            elif len(whole) == len(line) and (size or any(whole.startswith(each[: len(whole)]) for each in _BEGINS)):
                return size
            else:
                raise ConfigError(f"{self._path}: line {number} is no received read, name another file")
        return size

    def _understood(self, line: bytes) -> bool:
        """Whether it is a stored read; then it is known from now on."""
        try:
            self._know(Stored(content=json.loads(line)))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return False
        return True

    def _mend(self) -> None:
        """Makes the file private, takes a torn line away and gives a whole one its newline: it is known to be ours."""
        os.fchmod(self._file, 0o600)
        self._fresh.unlink(missing_ok=True)  # left by a power cut in the middle of a purge; it holds reads
        size = os.fstat(self._file).st_size
        if size < self._size:
            _write(self._file, b"\n")
        elif size > self._size:
            _log.warning(
                "%s: the last line was cut off in the middle and is removed; it was never acknowledged", self._path
            )
            os.ftruncate(self._file, self._size)
        if size != self._size:
            os.fsync(self._file)

    def _know(self, read: Stored) -> None:
        until = read.until
        self._until[read.message_id] = until
        self._earliest = until if self._earliest is None else min(self._earliest, until)
        if read.replaces is not None:
            self._replaced[read.replaces] = read.message_id

    def _rewrite(self, gone: Collection[str]) -> None:
        """Puts the file without the lines of `gone` in its place. Raises OSError, and then it is as it was."""
        self._fresh.unlink(missing_ok=True)
        fresh = os.open(self._fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fresh, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = 0
            for line in self._lines():
                if str(json.loads(line)["id"]) not in gone:
                    _write(fresh, line)
                    size += len(line)
            os.fsync(fresh)
            os.replace(self._fresh, self._path)
        except OSError:
            os.close(fresh)
            raise
        os.close(self._file)
        self._file, self._size = fresh, size
        self._until = {name: until for name, until in self._until.items() if name not in gone}
        self._replaced = {old: new for old, new in self._replaced.items() if new in self._until}
        self._earliest = min(self._until.values(), default=None)
        disk.settle(self._path.parent)

    def _lines(self) -> Iterator[bytes]:
        with open(self._path, "rb") as file:
            yield from file


def _write(file: int, content: bytes) -> None:
    written = 0
    while written < len(content):
        written += os.write(file, content[written:])
