"""What was taken away by hand since the city signed: a short list that is laid over whatever bundle is in force.

Laid over a bundle it can only narrow, whatever either says; laid over twice it is the same as once. It outlives every
later signed bundle, until one names the digest in force and so says that its signer knew.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import PolicyError
from edge.policy.policy import ChannelName, Closed, Federal, Id, Instant, OutOfState, Policy, Sharing, UsState
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import Purpose

T = TypeVar("T", float, datetime)
N = TypeVar("N", bound=str)

FILE = "tightened.json"
"""Its name beside the signed files of a bundle."""

ORDERS: dict[str, tuple[bool | str, ...]] = {
    "national_lookup": (False, True),
    "statewide_lookup": (False, True),
    "out_of_state": tuple(OutOfState),
    "federal": tuple(Federal),
    "private": tuple(Closed),
    "foreign": tuple(Closed),
    "deputised_as_federal": (True, False),
}
"""The switches of `[sharing]`, each from closed to open; the named channels are beside them."""
_LISTED = OutOfState.LISTED_STATES


class Tightening(BaseModel):
    """What is closed: switches at most so far open, channels off, bans added, agencies suspended, times cut short.

    `states` are the only ones left where `out_of_state` is at most `listed-states`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    switches: dict[str, bool | str] = Field(default_factory=dict)
    states: tuple[UsState, ...] = ()
    channels: tuple[ChannelName, ...] = ()
    banned: tuple[Purpose, ...] = ()
    suspended: tuple[Id, ...] = ()
    valid_until: Instant | None = None
    undelivered_hours: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    def __bool__(self) -> bool:
        return self != NOTHING

    def to_bytes(self) -> bytes:
        """Its lasting bytes: JSON with sorted keys, without what it says nothing about."""
        told = self.model_dump(mode="json", exclude_defaults=True)
        return (json.dumps(told, sort_keys=True, indent=1) + "\n").encode()


NOTHING = Tightening()
"""Nothing was taken away since the signature."""


def parse(content: bytes) -> Tightening:
    """Reads the bytes of a tightening. Raises PolicyError."""
    try:
        read = Tightening.model_validate_json(content)
    except (ValidationError, RecursionError):
        raise PolicyError(f"{FILE}: is not a tightening of this version, take the bundle up again") from None
    for switch, value in read.switches.items():
        if value not in ORDERS.get(switch, ()):
            raise PolicyError(f"{FILE}: `{switch}` cannot be `{value}` in this version, take the bundle up again")
    return read


def between(old: Policy, new: Policy, before: Mapping[str, Subscriber], after: Mapping[str, Subscriber]) -> Tightening:
    """What `new` and `after` take away from `old` and `before`; what they give is not looked at."""
    sooner = new.valid_until if new.valid_until < old.valid_until else None
    shorter = new.retention.undelivered_hours < old.retention.undelivered_hours
    was, now = old.sharing.channels, new.sharing.channels
    closed = {
        name: getattr(new.sharing, name)
        for name in ORDERS
        if _height(name, getattr(new.sharing, name)) < _height(name, getattr(old.sharing, name))
    }
    if _lists_fewer(old.sharing, new.sharing):
        closed["out_of_state"] = _LISTED
    return Tightening(
        switches=closed,
        states=_sorted(new.sharing.states) if closed.get("out_of_state") == _LISTED else (),
        channels=_sorted(name for name in was if was[name] and not now.get(name, True)),
        banned=_sorted(set(new.purposes.banned) - set(old.purposes.banned)),
        suspended=_sorted(name for name in after if after[name].suspended and not _is_suspended(before.get(name))),
        valid_until=sooner,
        undelivered_hours=new.retention.undelivered_hours if shorter else None,
    )


def both(one: Tightening, two: Tightening) -> Tightening:
    """The tightening that does what each of the two does."""
    switches = dict(one.switches)
    for name, value in two.switches.items():
        switches[name] = _lower(name, switches.get(name, value), value)
    return Tightening(
        switches=switches,
        states=_states(switches.get("out_of_state"), one, two),
        channels=_sorted({*one.channels, *two.channels}),
        banned=_sorted({*one.banned, *two.banned}),
        suspended=_sorted({*one.suspended, *two.suspended}),
        valid_until=_least(one.valid_until, two.valid_until),
        undelivered_hours=_least(one.undelivered_hours, two.undelivered_hours),
    )


def narrowed(written: Policy, by: Tightening) -> Policy:
    """The policy with the tightening laid over it; equal to it where it is as narrow already."""
    if not by:
        return written
    more = tuple(purpose for purpose in by.banned if purpose not in written.purposes.banned)
    hours = _least(written.retention.undelivered_hours, by.undelivered_hours)
    return written.model_copy(
        update={
            "sharing": _sharing(written.sharing, by),
            "purposes": written.purposes.model_copy(update={"banned": (*written.purposes.banned, *more)}),
            "valid_until": _least(written.valid_until, by.valid_until),
            "retention": written.retention.model_copy(update={"undelivered_hours": hours}),
        }
    )


def suspended(registry: Mapping[str, Subscriber], by: Tightening) -> dict[str, Subscriber]:
    """The registry with the tightening laid over it, members of task forces included."""
    if not by.suspended:
        return dict(registry)
    names = frozenset(by.suspended)
    made: dict[str, Subscriber] = {}

    def of(one: Subscriber) -> Subscriber:
        if one.id not in made:
            members = tuple(of(member) for member in one.members)
            made[one.id] = replace(one, suspended=one.suspended or one.id in names, members=members)
        return made[one.id]

    return {name: of(one) for name, one in registry.items()}


def words(by: Tightening) -> tuple[str, ...]:
    """The tightening in words, one for each thing that it closes, such as `national-lookup off`."""
    return tuple(_words(by))


def _words(by: Tightening) -> Iterator[str]:
    for name, value in sorted(by.switches.items()):
        said = {False: "off", True: "on"}[value] if isinstance(value, bool) else value
        yield f"{name.replace('_', '-')} {said}"
    if by.switches.get("out_of_state") == _LISTED:
        yield f"of other states only {', '.join(by.states) or 'none'}"
    yield from (f"{name} off" for name in by.channels)
    yield from (f"purpose {purpose.value} banned" for purpose in by.banned)
    yield from (f"{name} suspended" for name in by.suspended)
    if by.valid_until is not None:
        yield f"valid until {by.valid_until:%Y-%m-%d %H:%M} UTC at the latest"
    if by.undelivered_hours is not None:
        yield f"undelivered reads kept {by.undelivered_hours:g} h at most"


def _sharing(sharing: Sharing, by: Tightening) -> Sharing:
    lower: dict[str, object] = {
        name: _lower(name, getattr(sharing, name), value) for name, value in by.switches.items()
    }
    channels = {name: is_open and name not in by.channels for name, is_open in sharing.channels.items()}
    if lower.get("out_of_state") == _LISTED and by.switches["out_of_state"] == _LISTED:
        left = sharing.states if sharing.out_of_state == _LISTED else by.states
        lower["states"] = tuple(state for state in left if state in by.states)
    return sharing.model_copy(update={**lower, "channels": channels})


def _lists_fewer(old: Sharing, new: Sharing) -> bool:
    return old.out_of_state == new.out_of_state == _LISTED and not set(old.states) <= set(new.states)


def _states(value: bool | str | None, *those: Tightening) -> tuple[str, ...]:
    """The states that each of those tightenings leaves which name any."""
    if value != _LISTED:
        return ()
    named = [set(one.states) for one in those if one.switches.get("out_of_state") == _LISTED]
    return _sorted(set.intersection(*named))


def _height(name: str, value: object) -> int:
    return ORDERS[name].index(value)


def _lower(name: str, one: bool | str, two: bool | str) -> bool | str:
    """The lower of two values, as the type that the policy has for it."""
    order = ORDERS[name]
    return order[min(order.index(one), order.index(two))]


def _least(one: T | None, two: T | None) -> T | None:
    return min((value for value in (one, two) if value is not None), default=None)


def _is_suspended(one: Subscriber | None) -> bool:
    return one is not None and one.suspended


def _sorted(names: Iterable[N]) -> tuple[N, ...]:
    return tuple(sorted(names))
