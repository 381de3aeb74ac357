"""policy.toml: where the camera stands, who owns it, and with whom it may share. Every default is the closed one."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from edge.errors import PolicyError
from edge.policy.vocabulary import (
    DIRECT,
    NATIONAL_LOOKUP,
    OWNER,
    STATES,
    STATEWIDE_LOOKUP,
    UNKNOWN_PLACE,
    Grade,
    Purpose,
    RecipientClass,
    Redaction,
)
from edge.written import Written, parse_toml

FILE = "policy.toml"
LONGEST_DAYS = 90
"""How many days ahead of its signature a policy may run."""
EARLY = timedelta(minutes=5)
"""By how much the clock of whoever signs may be ahead of the camera's."""

FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Every time that is written lies between these."""
HIGHEST = 2**53 - 1
"""The highest number that the audit log can hold (RFC 8785), and so the highest that may come to stand in it."""


def _place_state(value: str) -> str:
    if value not in STATES and value != UNKNOWN_PLACE:
        raise ValueError(f"must be a state such as `US-IL` (ISO 3166-2), or `{UNKNOWN_PLACE}`")
    return value


def _us_state(value: str) -> str:
    if value not in STATES:
        raise ValueError("must be a state such as `US-IL` (ISO 3166-2)")
    return value


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be one line of plain text")
    return value


def _utc(value: datetime) -> datetime:
    if not FIRST <= value < LAST:  # at the ends of the calendar sums overflow
        raise ValueError("must be a time between the years 2000 and 2200")
    return value.astimezone(UTC)


def _named_channel(value: str) -> str:
    if value in (NATIONAL_LOOKUP, STATEWIDE_LOOKUP, DIRECT, OWNER):
        raise ValueError(f"must not name `{value}`, which has its own switch")
    return value


def _public_key(value: str) -> str:
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise ValueError("must be a public key, 44 characters as in the `.pub` file that `homerule keygen` makes")
    if base64.b64encode(raw).decode("ascii") != value:  # two bits of the last letter say nothing
        raise ValueError("must be a public key to its last letter, copy it from the `.pub` file")
    return value


def _no_repeats(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("must not name the same one twice")
    return values


ID = r"^[a-z0-9-]{1,64}$"
Id = Annotated[str, Field(pattern=ID)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]
PlaceState = Annotated[str, AfterValidator(_place_state)]
UsState = Annotated[str, AfterValidator(_us_state)]
States = Annotated[tuple[UsState, ...], AfterValidator(_no_repeats)]
CaseRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$")]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Ids = Annotated[tuple[Id, ...], AfterValidator(_no_repeats)]
ChannelName = Annotated[Id, AfterValidator(_named_channel)]


class OutOfState(StrEnum):
    """Agencies of other states, from closed to open; where it is open at all, an agreement is asked of each."""

    NEVER = "never"
    LISTED_STATES = "listed-states"
    AGREEMENT = "agreement"


class Federal(StrEnum):
    """Federal agencies, from closed to open."""

    NEVER = "never"
    JUDICIAL_WARRANT = "judicial-warrant"


class Closed(StrEnum):
    """A class of recipient that this version never serves; the switch is written out so that a reader sees it."""

    NEVER = "never"


class Place(Written):
    """Where the camera stands; this alone decides which law applies."""

    state: PlaceState
    county_fips: Annotated[str, Field(pattern=r"^[0-9]{5}$")] | None = None
    place: Line | None = None


class OwnerTable(Written):
    """Who owns the camera, by its id in the registry."""

    subscriber: Id
    plate_crop: bool = False


class Sharing(Written):
    """The switches. A channel that is off is off for everyone on it, whatever else they hold."""

    national_lookup: bool
    statewide_lookup: bool = False
    out_of_state: OutOfState = OutOfState.NEVER
    states: States = ()
    federal: Federal = Federal.NEVER
    private: Closed = Closed.NEVER
    foreign: Closed = Closed.NEVER
    deputised_as_federal: bool = True
    direct: Ids = ()
    full_feed: Ids = ()
    channels: dict[ChannelName, bool] = Field(default_factory=dict)


class Law(Written):
    """Which law packs narrow the policy, and who reviewed them for this city."""

    packs: Ids
    reviewed_by: Line | None = None


class Purposes(Written):
    """Purposes that the city bans; `allowed`, when written, lets nothing else through, `grades` no other offence."""

    banned: tuple[Purpose, ...]
    allowed: tuple[Purpose, ...] | None = None
    grades: tuple[Grade, ...] | None = None


class Redactions(Written):
    """What is taken out of a read for a class of agency; the owner's reads stay whole."""

    in_state: tuple[Redaction, ...] = ()
    out_of_state: tuple[Redaction, ...] = ()
    federal: tuple[Redaction, ...] = ()

    def of(self, group: RecipientClass) -> tuple[Redaction, ...]:
        """What is taken out for one class; a class that never receives has nothing to take out."""
        return {
            RecipientClass.IN_STATE: self.in_state,
            RecipientClass.OUT_OF_STATE: self.out_of_state,
            RecipientClass.FEDERAL: self.federal,
        }.get(group, ())


class Retention(Written):
    """How long a read may wait on the device before it is deleted unsent."""

    undelivered_hours: Annotated[float, Field(gt=0, le=720, allow_inf_nan=False)]


class HotListSource(Written):
    """A hot list that the city accepts: `hotlists/ID.toml` or `hotlists/ID.csv`, with at most `cap` entries.

    With `source_key` (Ed25519, base64) whoever holds that key may replace it, at least every `max_age_hours`; without,
    it is the one that lay there when the city signed.
    """

    id: Id
    source_agency: Line
    cap: Annotated[int, Field(ge=1, le=1_000_000)]
    source_key: PublicKey | None = None
    max_age_hours: Annotated[float, Field(gt=0, le=720, allow_inf_nan=False)] | None = None


class Policy(Written):
    """The whole of policy.toml."""

    valid_until: Instant
    jurisdiction: Place
    owner: OwnerTable
    sharing: Sharing
    law: Law
    purposes: Purposes
    redaction: Redactions = Field(default_factory=Redactions)
    retention: Retention
    hotlist: tuple[HotListSource, ...] = ()

    @property
    def channels(self) -> dict[str, bool]:
        """Every switched channel by name, and whether it is open. `direct` is no switch: it is the list of names."""
        return {
            NATIONAL_LOOKUP: self.sharing.national_lookup,
            STATEWIDE_LOOKUP: self.sharing.statewide_lookup,
            **self.sharing.channels,
        }


@lru_cache(maxsize=4)
def parse(text: str) -> Policy:
    """Reads the text of policy.toml; PolicyError names table, key, line and the mend. The last ones are remembered."""
    policy = parse_toml(text, Policy, file=FILE, error=PolicyError)
    for source in policy.hotlist:
        if (source.source_key is None) != (source.max_age_hours is None):
            raise PolicyError(f"{FILE}: [[hotlist]] `{source.id}` needs `source_key` and `max_age_hours`, or neither")
    lists = [source.id for source in policy.hotlist]
    for name in lists:
        if lists.count(name) > 1:
            raise PolicyError(f"{FILE}: [[hotlist]] `{name}` stands there twice, give each list its own id")
    return policy
