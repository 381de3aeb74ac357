"""From the outbox to the broker: the only way out of the device."""

from edge.relay.relay import Relay

__all__ = ["Relay"]
