"""The line between the device and the broker, which can break off or stand still with messages on it."""

import contextlib
import select
import socket
import threading


class Line:
    """Passes bytes on, both ways, from `port` to `target`; every connection in a thread of its own."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def stall(self) -> None:
        """From now on nothing moves, and nothing is lost; nobody gets a new connection."""
        self._flows.clear()

    def release(self) -> None:
        """What stood still arrives, although its sender may have hung up since."""
        self._flows.set()

    def cut(self) -> None:
        """Every connection breaks, without a word; new ones are made as ever."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """The end of it."""
        self._door.close()
        self.release()
        self.cut()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            if not self._flows.is_set():
                near.close()
                continue
            threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def _pass_on(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as far:
            self._pairs.append((near, far))
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                ready = select.select([near, far], [], [])[0]
                self._flows.wait()
                for end in ready:
                    content = end.recv(65536)
                    if not content:
                        return
                    (far if end is near else near).sendall(content)
