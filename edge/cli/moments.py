"""The moment that a command asks about."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from edge.clock import YEARS, SystemClock, milliseconds, too_far
from edge.errors import LedgerError, PolicyError
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
    if found.year not in YEARS:
        raise PolicyError(too_far("--at", at))
    return Instant(at=found, trusted=True)


def day_or_time(text: str, option: str) -> int:
    """Milliseconds since 1970 of a day such as 2026-11-01 (its start, UTC) or of a time with its zone. LedgerError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is not None and found.tzinfo is None and len(text) == len("2026-11-01"):
        found = found.replace(tzinfo=UTC)
    if found is None or found.tzinfo is None:
        raise LedgerError(
            f"`{option} {text}` is no day and no time with its zone, write 2026-11-01 or 2026-11-01T08:00:00Z"
        )
    if found.year not in YEARS:
        raise LedgerError(too_far(option, text))
    return milliseconds(found)
