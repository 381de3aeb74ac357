"""Where pictures come from, as ffmpeg wants it said."""

from dataclasses import dataclass, field
from pathlib import Path

OPEN_SECONDS = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What is opened. `place` is what may be shown: paths and queries of cameras often hold passwords of their own.

    `name` holds the login and is shown nowhere.
    """

    place: str
    name: str = field(repr=False)
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    has_clock: bool = True
    udp: bool = False
    credentials: Path | None = None
