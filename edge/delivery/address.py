"""Where a broker is, what it speaks, who we are to it, and what it says for us when we are gone."""

from dataclasses import dataclass
from typing import Literal

from edge.delivery.tls import Tls

Protocol = Literal["5", "3.1.1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says for us, never retained, when the connection ends without a goodbye."""

    topic: str
    payload: bytes
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a broker listens, what it speaks, and who we are to it."""

    host: str
    port: int
    protocol: Protocol
    client_id: str
    username: str | None
    password: str | None
    tls: Tls | None
    will: Will | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
