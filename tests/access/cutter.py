"""A wire between the daemon and the broker's control listener that is cut, with the broker killed, at a chosen packet.

The n-th packet counts that asks for something: a command, or a session taken over. Cut before it, it never arrives; cut
after it, the broker has done it and the daemon is not told.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from select import select

CONNECT, CONNACK, PUBLISH = 0x10, 0x20, 0x30


class Cutter:
    """Listens on `port` and passes everything on to `target`, until `cut` has been counted down."""

    def __init__(self, target: int, kill: Callable[[], None]) -> None:
        self._target, self._kill = target, kill
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._left: int | None = None
        self._after = False
        self.seen: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, packet: int, *, after: bool) -> None:
        """From now on, the packet with this number (from 0 on) is the last."""
        self._left, self._after = packet, after
        self.seen.clear()

    def close(self) -> None:
        """Lets nobody in any more."""
        self._door.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as far:
            for line in (near, far):
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                for line in select([near, far], [], [])[0]:
                    content = line.recv(65536)
                    if not content:
                        return
                    if line is near and self._is_the_last(content):
                        if self._after:
                            far.sendall(content)
                            self._until_done(far)
                        self._kill()
                        return
                    (far if line is near else near).sendall(content)

    def _is_the_last(self, content: bytes) -> bool:
        kind = content[0] & 0xF0
        if kind not in (CONNECT, PUBLISH):
            return False
        self.seen.append("connect" if kind == CONNECT else "command")
        if self._left is None:
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self._left = None
        return True

    def _until_done(self, far: socket.socket) -> None:
        """The broker answers a packet when it has done what it asks; a command's own answer is a PUBLISH."""
        far.settimeout(5)
        heard = b""
        while not {CONNACK, PUBLISH} & set(kinds(heard)):
            content = far.recv(65536)
            if not content:
                return
            heard += content


def kinds(heard: bytes) -> Iterator[int]:
    """The kinds of the MQTT packets in `heard`, also of one that is not whole yet."""
    at = 0
    while at + 1 < len(heard):
        yield heard[at] & 0xF0
        length, shift = 0, 0
        for byte in heard[at + 1 : at + 5]:
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        at += 1 + length
