"""Tightening: the few edits that need no signature, because they can only take rights away. All else is widening.

An edit counts only if both sides parse and everything is equal but for: a sharing switch moved down its fixed order, an
addition to `banned`, `suspended = true`, an earlier `valid_until`, a shorter retention. Among listed states one may be
struck out, which is the switch a little further down.
"""

from collections.abc import Mapping
from dataclasses import replace

from edge.policy.bundle import Bundle
from edge.policy.policy import OutOfState, Policy, Sharing
from edge.policy.subscribers import Subscriber
from edge.policy.tightening import ORDERS


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
    """What has no order, such as the agencies that are named, must be as it was."""
    ordered: dict[str, object] = {name: getattr(old, name) for name in (*ORDERS, "channels", "states")}
    no_higher = all(_height(name, getattr(new, name)) <= _height(name, getattr(old, name)) for name in ORDERS)
    return (
        new.model_copy(update=ordered) == old
        and new.channels.keys() == old.channels.keys()
        and all(old.channels[name] for name, is_open in new.channels.items() if is_open)
        and _states_tighten(old, new)
        and no_higher
    )


def _states_tighten(old: Sharing, new: Sharing) -> bool:
    """The states by name count only where agencies of listed states are served."""
    if new.out_of_state is not OutOfState.LISTED_STATES or old.out_of_state is OutOfState.AGREEMENT:
        return True
    return set(new.states) <= set(old.states)


def _height(switch: str, value: object) -> int:
    return ORDERS[switch].index(value)


def _registry_tightens(old: Mapping[str, Subscriber], new: Mapping[str, Subscriber]) -> bool:
    return new.keys() == old.keys() and all(_subscriber_tightens(old[name], new[name]) for name in old)


def _subscriber_tightens(old: Subscriber, new: Subscriber) -> bool:
    if old.suspended and not new.suspended:
        return False
    # Members are agencies of the registry and are held against their own entries; here only their ids must be the same.
    same_members = [member.id for member in old.members] == [member.id for member in new.members]
    return same_members and replace(new, suspended=old.suspended, members=old.members) == old
