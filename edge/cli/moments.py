"""The moment that a command asks about."""

from datetime import datetime
from typing import Annotated

import typer

from edge.clock import SystemClock
from edge.errors import PolicyError
from edge.values import Instant

At = Annotated[
    str | None, typer.Option(metavar="TIME", help="As of this time, such as 2026-12-31T00:00:00Z; else now.")
]


def moment(at: str | None) -> Instant:
    """The moment that was typed, now when none was. Raises PolicyError."""
    if at is None:
        return SystemClock(trusted=True).now()
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise PolicyError(f"`--at {at}` is no time with its zone, write it as 2026-12-31T00:00:00Z")
    return Instant(at=found, trusted=True)
