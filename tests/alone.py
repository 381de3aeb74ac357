"""A network of one's own: this computer, and a wire on which nobody answers, where every packet that leaves is seen.

Only the thread that enters it, and what it starts there, are in it. Needs root.
"""

import ctypes
import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, <linux/sched.h>
_TUNSETIFF, _TUN, _BARE = 0x400454CA, 0x0001, 0x1000  # <linux/if_tun.h>
_NAME = "wire"
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def inside(namespace: Path) -> Iterator[None]:
    """In a network that is there already, such as /proc/PID/ns/net."""
    with open("/proc/thread-self/ns/net", "rb") as ours, namespace.open("rb") as theirs:
        _done(_libc.setns(theirs.fileno(), _NEW_NETWORK))
        try:
            yield
        finally:
            _done(_libc.setns(ours.fileno(), _NEW_NETWORK))


@contextmanager
def alone() -> Iterator["Wire"]:
    """In a new one. Whatever is not for this computer itself goes to the wire."""
    with open("/proc/thread-self/ns/net", "rb") as ours:
        _done(_libc.unshare(_NEW_NETWORK))
        try:
            wire = Wire()
            yield wire
            wire.close()
        finally:
            _done(_libc.setns(ours.fileno(), _NEW_NETWORK))


class Wire:
    """The way out of the network in which it is made, as a tunnel (TUN) whose other end we hold and never answer."""

    def __init__(self) -> None:
        self._end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(self._end, _TUNSETIFF, struct.pack("16sH22x", _NAME.encode(), _TUN | _BARE))
        for words in (
            "link set lo up",
            f"addr add 198.51.100.1/24 dev {_NAME}",
            f"link set {_NAME} up addrgenmode none",
            f"route add default dev {_NAME}",
            f"-6 route add default dev {_NAME}",
        ):
            subprocess.run(["ip", *words.split()], check=True, capture_output=True)
        self._seen: list[str] = []

    def seen(self) -> list[str]:
        """For whom each packet was that has left, as addresses."""
        while True:
            try:
                packet = os.read(self._end, 65536)
            except BlockingIOError:
                return list(self._seen)
            to = str(ip_address(packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]))
            if to != "ff02::2":  # the kernel itself looks for a router there
                self._seen.append(to)

    def close(self) -> None:
        """The wire is gone."""
        os.close(self._end)


def _done(answer: int) -> None:
    if answer:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
