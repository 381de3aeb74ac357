"""Tightening: the few edits that need no signature, because they can only take rights away. All else is widening.

An edit counts only if both sides parse and everything is equal but for: a sharing switch moved down its fixed order, an
addition to `banned`, `suspended = true`, an earlier `valid_until`, a shorter retention.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from edge.policy.bundle import Bundle
from edge.policy.policy import Closed, Federal, OutOfState, Policy, Sharing
from edge.policy.subscribers import Subscriber

_ORDERS: dict[str, type[StrEnum]] = {
    "out_of_state": OutOfState,
    "federal": Federal,
    "private": Closed,
    "foreign": Closed,
}
"""Switches with words: each enum is written from closed to open."""


def tightens(old: Bundle, new: Bundle) -> bool:
    """Whether `new` differs from `old` only in ways that can take rights away (or not at all)."""
    return (
        _same_frame(old, new)
        and _policy_tightens(old.policy, new.policy)
        and _registry_tightens(old.subscribers, new.subscribers)
    )


def _same_frame(old: Bundle, new: Bundle) -> bool:
    return (
        new.version == old.version
        and new.device_ids == old.device_ids
        and dict(new.hotlist_digests) == dict(old.hotlist_digests)
        and [(pack.id, pack.digest) for pack in new.packs] == [(pack.id, pack.digest) for pack in old.packs]
    )


def _policy_tightens(old: Policy, new: Policy) -> bool:
    narrowed = new.model_copy(
        update={
            "valid_until": old.valid_until,
            "sharing": old.sharing,
            "purposes": new.purposes.model_copy(update={"banned": old.purposes.banned}),
            "retention": old.retention,
        }
    )
    return (
        narrowed == old
        and new.valid_until <= old.valid_until
        and set(new.purposes.banned) >= set(old.purposes.banned)
        and new.retention.undelivered_hours <= old.retention.undelivered_hours
        and _sharing_tightens(old.sharing, new.sharing)
    )


def _sharing_tightens(old: Sharing, new: Sharing) -> bool:
    if (new.direct, new.full_feed) != (old.direct, old.full_feed) or new.channels.keys() != old.channels.keys():
        return False
    worded = all(
        _height(order, getattr(new, switch)) <= _height(order, getattr(old, switch))
        for switch, order in _ORDERS.items()
    )
    opened = [
        new.national_lookup and not old.national_lookup,
        new.statewide_lookup and not old.statewide_lookup,
        old.deputised_as_federal and not new.deputised_as_federal,
        *(new.channels[name] and not old.channels[name] for name in old.channels),
    ]
    return worded and _states_tighten(old, new) and not any(opened)


def _states_tighten(old: Sharing, new: Sharing) -> bool:
    """The states by name count only where agencies of listed states are served."""
    if new.out_of_state is not OutOfState.LISTED_STATES or old.out_of_state is OutOfState.AGREEMENT:
        return True
    return set(new.states) <= set(old.states)


def _height(order: type[StrEnum], value: object) -> int:
    return list(order).index(order(str(value)))


def _registry_tightens(old: Mapping[str, Subscriber], new: Mapping[str, Subscriber]) -> bool:
    return new.keys() == old.keys() and all(_subscriber_tightens(old[name], new[name]) for name in old)


def _subscriber_tightens(old: Subscriber, new: Subscriber) -> bool:
    if old.suspended and not new.suspended:
        return False
    # Members are agencies of the registry and are held against their own entries; here only their ids must be the same.
    same_members = [member.id for member in old.members] == [member.id for member in new.members]
    return same_members and replace(new, suspended=old.suspended, members=old.members) == old
