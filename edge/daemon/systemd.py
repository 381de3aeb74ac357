"""What systemd wants to hear: that the daemon is ready, that it lives, that it stops (sd_notify(3)). Else nothing."""

import contextlib
import os
import socket


def tell(state: str) -> None:
    """Sends one word such as `READY=1` to the socket that systemd named; silent where it named none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
        line.settimeout(0.2)
        line.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
