"""Whether a refused change asked for less sharing than there is: then nothing is shared until somebody has looked.

A change counts as harmless only where it is known to be: a key that is not named here, changed in any way, asked for
less.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from pydantic import BaseModel

from edge.policy.bundle import Bundle
from edge.policy.policy import Policy
from edge.policy.subscribers import Agreement, Subscriber
from edge.policy.tightening import ORDERS
from edge.policy.vocabulary import Feed

_Less = Callable[[Any, Any], bool]


def asks_for_less(old: Bundle, new: Bundle) -> bool:
    """Whether `new` takes away anything that is in force under `old`, as far as the files can tell."""
    kept = {pack.id: pack.digest for pack in old.packs}
    return (
        any(kept.get(pack.id) != pack.digest for pack in new.packs)
        or any(new.hotlist_digests.get(name) != digest for name, digest in old.hotlist_digests.items())
        or _policy(old.policy, new.policy)
        or _registry(old.subscribers, new.subscribers)
    )


def _policy(old: Policy, new: Policy) -> bool:
    return _tables(old, new, _POLICY)


def _registry(old: Mapping[str, Subscriber], new: Mapping[str, Subscriber]) -> bool:
    return not old.keys() <= new.keys() or any(_compared(old[name], new[name], _SUBSCRIBER) for name in old)


def _tables(old: BaseModel, new: BaseModel, known: Mapping[str, _Less]) -> bool:
    return any(
        known.get(name, _differs)(getattr(old, name), getattr(new, name))
        for name in type(old).model_fields
        if getattr(old, name) != getattr(new, name)
    )


def _compared(old: Subscriber | Agreement, new: Subscriber | Agreement, known: Mapping[str, _Less]) -> bool:
    return any(
        known.get(one.name, _differs)(getattr(old, one.name), getattr(new, one.name))
        for one in fields(old)
        if getattr(old, one.name) != getattr(new, one.name)
    )


def _differs(_old: Any, _new: Any) -> bool:
    return True


def _no(_old: Any, _new: Any) -> bool:
    return False


def _fewer(old: Any, new: Any) -> bool:
    """Something that was named is not named any more."""
    return not set(old) <= set(new)


def _more(old: Any, new: Any) -> bool:
    return _fewer(new, old)


def _allowed(old: Any, new: Any) -> bool:
    """Of lists that let nothing else through; None lets everything through."""
    return new is not None and (old is None or _fewer(old, new))


def _earlier(old: Any, new: Any) -> bool:
    return bool(new < old)


def _later(old: Any, new: Any) -> bool:
    return _earlier(new, old)


def _removed(_old: Any, new: Any) -> bool:
    return new is None


def _set_true(_old: Any, new: Any) -> bool:
    return bool(new)


def _set_false(_old: Any, new: Any) -> bool:
    return not new


def _switch(name: str) -> _Less:
    order = ORDERS[name]
    return lambda old, new: order.index(new) < order.index(old)


def _channels(old: Any, new: Any) -> bool:
    return any(is_open and not new.get(name) for name, is_open in old.items())


def _lists(old: Any, new: Any) -> bool:
    """Hot lists: one that is gone, or changed in any way."""
    return _fewer(old, new)


def _feed(old: Any, new: Any) -> bool:
    order = [Feed.NONE, Feed.HITS, Feed.ALL]
    return order.index(Feed(str(new))) < order.index(Feed(str(old)))


def _agreements(old: Any, new: Any) -> bool:
    left = {one.id: one for one in new}
    return any(one.id not in left or _compared(one, left[one.id], _AGREEMENT) for one in old)


def _members(old: Any, new: Any) -> bool:
    """Those of a task force, by their ids: what each of them is stands in the registry too."""
    return [one.id for one in old] != [one.id for one in new]


def _inside(known: Mapping[str, _Less]) -> _Less:
    def less(old: Any, new: Any) -> bool:
        return _tables(old, new, known)

    return less


_POLICY: Mapping[str, _Less] = {
    "valid_until": _earlier,
    "owner": _inside({"plate_crop": _set_false}),
    "sharing": _inside(
        {**{name: _switch(name) for name in ORDERS}, "direct": _fewer, "full_feed": _fewer, "channels": _channels}
    ),
    "law": _inside({"packs": _more, "reviewed_by": _removed}),
    "purposes": _inside({"banned": _more, "allowed": _allowed}),
    "retention": _inside({"undelivered_hours": _earlier}),
    "hotlist": _lists,
}

_SUBSCRIBER: Mapping[str, _Less] = {
    "name": _no,
    "channels": _fewer,
    "feed": _feed,
    "suspended": _set_true,
    "agreements": _agreements,
    "members": _members,
}

_AGREEMENT: Mapping[str, _Less] = {
    "signed_by": _no,
    "begins": _later,
    "ends": _earlier,
    "purposes": _fewer,
}
