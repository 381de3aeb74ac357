"""The control socket: on this computer only, one JSON object a line in, one out, and the kernel says who asks.

Whoever connects costs a thread, a few seconds and a few kilobytes at most, and never anybody else's turn.
"""

import contextlib
import logging
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from edge.clock import monotonic
from edge.control.peers import Peer, peer_of
from edge.control.status import LONGEST_WORDS, Answer, Ask, Status
from edge.errors import BrokerError, ConfigError, LedgerError, PolicyError

LONGEST_QUESTION = 4096
ASKED_WITHIN = 2.0
"""Seconds for the question, and again for the answer to be taken."""

_MOST, _MOST_OF_ONE, _MOST_CHANGES = 64, 8, 8
_CLOSE_WITHIN = 1.0

_log = logging.getLogger(__name__)


class Server:
    """Listens from `start` to `close`."""

    def __init__(self, *, path: Path, take_up: Callable[[str, bool], object], status: Callable[[], Status]) -> None:
        """`take_up(by, may_tighten)` returns when the city's files are in force, or raises PolicyError, BrokerError,
        LedgerError; `status` returns at once. Both are called from several threads.
        """
        self._path, self._take_up, self._status = path, take_up, status
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._inode = 0
        self._lock = threading.Lock()
        self._guests: Counter[int] = Counter()
        self._changes = 0

    def start(self) -> None:
        """Makes the socket, for all to connect to, in a folder for this user to write. ConfigError with the mend."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._clear_place()
            listener.bind(str(self._path))
            os.chmod(self._path, 0o666)  # noqa: S103 - anybody may ask; who may be answered is decided by credentials  # nosec B103
            listener.listen(_MOST)
            self._inode = self._path.stat().st_ino
        except OSError as error:
            listener.close()
            why = (error.strerror or str(error)).lower()
            raise ConfigError(f"{self._path}: this socket cannot be made, {why}; see [device] `socket`") from error
        self._listener = listener
        self._thread = threading.Thread(target=self._listen, args=(listener,), name="control socket", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listens no more; who is being answered is answered."""
        if self._listener is None:
            return
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        if self._thread is not None:
            self._thread.join(_CLOSE_WITHIN)
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _clear_place(self) -> None:
        """Removes a socket that a daemon left behind; one that is answered on is another daemon's."""
        if not self._path.is_socket():
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(ASKED_WITHIN)
            try:
                probe.connect(str(self._path))
            except ConnectionRefusedError:
                self._path.unlink()
                return
        raise ConfigError(f"{self._path}: another daemon answers there, stop it or name another [device] `socket`")

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if self._listener is None:
                    return
                threading.Event().wait(0.1)  # out of file handles, say: it may pass
                continue
            try:
                peer = peer_of(connection)
            except OSError:
                connection.close()
                continue
            if not self._comes_in(peer):
                _say(connection, Answer(ok=False, kind="busy", why="too many ask at once, ask again later"), 0.0)
                continue
            threading.Thread(target=self._serve, args=(connection, peer), name="control guest", daemon=True).start()

    def _comes_in(self, peer: Peer) -> bool:
        with self._lock:
            full = self._guests.total() >= _MOST and not peer.is_own
            if full or self._guests[peer.uid] >= _MOST_OF_ONE:
                return False
            self._guests[peer.uid] += 1
            return True

    def _serve(self, connection: socket.socket, peer: Peer) -> None:
        try:
            question = _heard(connection)
            if question is not None:
                _say(connection, self._answer(question, peer), ASKED_WITHIN)
        finally:
            connection.close()
            with self._lock:
                self._guests[peer.uid] -= 1
                self._guests += Counter()

    def _answer(self, question: bytes, peer: Peer) -> Answer:
        try:
            asked = Ask.model_validate_json(question)
        except (ValidationError, RecursionError):
            return Answer(ok=False, kind="request", why='ask with one line, {"ask":"status"} or {"ask":"take-up"}')
        if asked.ask == "status":
            if not peer.may_read:
                return _denied("how this device stands is told to the group `homerule`, have yourself added to it")
            return Answer(ok=True, status=self._status())
        return self._taken_up(peer)

    def _taken_up(self, peer: Peer) -> Answer:
        with self._lock:
            if self._changes >= _MOST_CHANGES:
                return Answer(ok=False, kind="busy", why="too many changes are being waited for, ask again later")
            self._changes += 1
        try:
            self._take_up(f"socket, uid {peer.uid}", peer.may_tighten)
        except PolicyError as refused:
            return Answer(ok=False, kind="policy", why=str(refused)[:LONGEST_WORDS])
        except BrokerError as failed:
            return Answer(ok=False, kind="broker", why=str(failed)[:LONGEST_WORDS])
        except LedgerError as failed:
            return Answer(ok=False, kind="ledger", why=str(failed)[:LONGEST_WORDS])
        finally:
            with self._lock:
                self._changes -= 1
        return Answer(ok=True, status=self._status() if peer.may_read else None)


def _heard(connection: socket.socket) -> bytes | None:
    """One line, None when none comes whole in its time."""
    until, heard = monotonic() + ASKED_WITHIN, b""
    try:
        while b"\n" not in heard:
            connection.settimeout(max(until - monotonic(), 0.001))
            more = connection.recv(LONGEST_QUESTION + 1 - len(heard))
            heard += more
            if not more or len(heard) > LONGEST_QUESTION or monotonic() > until:
                return None
    except OSError:
        return None
    return heard.partition(b"\n")[0]


def _say(connection: socket.socket, answer: Answer, within: float) -> None:
    """Says it, if that is taken in time, and hangs up."""
    with contextlib.suppress(OSError):
        connection.settimeout(within)
        connection.sendall(answer.model_dump_json().encode() + b"\n")
    connection.close()


def _denied(why: str) -> Answer:
    return Answer(ok=False, kind="denied", why=why)
