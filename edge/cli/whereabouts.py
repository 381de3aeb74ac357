"""Where the daemon of this computer is asked."""

from pathlib import Path

from edge.config import CONTROL_SOCKET, load


def where(config: Path | None, socket: Path | None = None) -> Path:
    """The socket of the daemon: as named, as device.toml says, or where it is by default. Raises ConfigError."""
    if socket is not None:
        return socket
    return CONTROL_SOCKET if config is None else load(config).device.socket
