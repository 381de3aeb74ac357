"""How things stand: what is in force, whose door is open, and what needs a person."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that needs a person: `said` is what is wrong and the mend."""

    what: str
    said: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Whether a subscriber is served. `why` says why not; `right` is how its right at the broker stands."""

    subscriber_id: str
    name: str
    open: bool
    right: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The bundle in force. `signed_at` is None for one that nobody signed; `by_hand` is what was closed since."""

    digest: str
    version: int
    revision: int
    signed_at: datetime | None
    valid_until: datetime
    owner: str
    opt_outs: tuple[str, ...]
    by_hand: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All of it at one moment. `held` says why only the owner is served, None when that is not so.

    `clear`: nobody can hold, at the broker, what it should not have.
    """

    at: datetime
    clock_trusted: bool
    bundle: InForce | None
    held: str | None
    doors: tuple[Door, ...]
    clear: bool
    alarms: tuple[Alarm, ...]
