"""Whether an address is this computer's own, which the kernel knows without a word on the network."""

import socket

from edge.config import Broker
from edge.errors import ConfigError


def is_here(host: str) -> bool | None:
    """Whether `host`, a name or an address, is this computer; None when nobody knows that name now."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):  # the second for what can be no name at all
        return None
    return any(_is_ours(family, place) for family, _, _, _, place in found)


def require_here(broker: Broker) -> None:
    """ConfigError for another computer's broker where this device is to give and take the rights."""
    if broker.access == "mosquitto" and is_here(broker.host) is False:
        raise ConfigError(
            f'[broker] `host`: `{broker.host}` is another computer, and `access = "mosquitto"` is for the one broker '
            'on this device itself, write `host = "127.0.0.1"`; a broker elsewhere, which this device cannot '
            'administer, is `access = "none"`, one wall less'
        )


def _is_ours(family: int, place: tuple[object, ...]) -> bool:
    # only an address of one of our own interfaces can be bound
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind(place)
    except OSError:
        return False
    return True
