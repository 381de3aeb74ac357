"""One switch of policy.toml, turned in place: comments and order stay, the file changes by one rename or not at all."""

import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable, Item

from edge.desk.disk import get, put
from edge.errors import PolicyError
from edge.policy import policy
from edge.policy.bundle import text
from edge.policy.policy import Policy
from edge.policy.tightening import ORDERS
from edge.written import nearest

SWITCHES: dict[str, str] = {
    "national-lookup": "national_lookup",
    "statewide-lookup": "statewide_lookup",
    "out-of-state": "out_of_state",
    "federal": "federal",
    "private": "private",
    "foreign": "foreign",
}
"""What a person calls each switch, and its key under `[sharing]`; further channels go by their own names."""
NOT_EDITABLE = (TOMLKitError, AttributeError, KeyError, TypeError, ValueError)
"""What tomlkit raises for a file that is sound, but written in a way that it cannot change in place."""
_ALSO = {
    "national": "national-lookup",
    "nationwide": "national-lookup",
    "nationwide-lookup": "national-lookup",
    "statewide": "statewide-lookup",
    "state-lookup": "statewide-lookup",
    "other-states": "out-of-state",
}
"""Further names of the switches, as networks call them."""


def opt_out(folder: Path, switch: str) -> bool:
    """Closes a switch in the folder's policy.toml; False if it was closed already. Raises PolicyError."""
    return _turn(folder, switch, closed=True)


def opt_in(folder: Path, switch: str, *, value: str | None = None) -> bool:
    """Opens a switch in the folder's policy.toml; False if it was open. It counts only once the city has signed it.

    `value` says how far, for a switch that opens in more than one way. Raises PolicyError.
    """
    return _turn(folder, switch, closed=False, value=value)


def switch_named(folder: Path, name: str) -> str | None:
    """The switch that goes by `name`, in any spelling, in the folder's policy.toml; None when none does.

    A channel of the city's own comes before a switch's further names. Raises PolicyError when the file does not parse.
    """
    plain = re.sub(r"[\s_-]+", "-", name.strip().lower())
    channels = list(_written(folder)[1].sharing.channels)
    return next((known for known in (*SWITCHES, *channels) if known == plain), _ALSO.get(plain))


def switches(folder: Path) -> list[str]:
    """Every switch of the folder's policy.toml, as a person calls it. Raises PolicyError."""
    return [*SWITCHES, *_written(folder)[1].sharing.channels]


def ways(switch: str) -> list[str]:
    """How far a switch, as a person calls it, can be opened; none: it cannot be opened at all."""
    return [str(way) for way in ORDERS.get(SWITCHES.get(switch, ""), (False, True))[1:]]


def set_value(table: MutableMapping[str, Any], key: str, value: object) -> None:
    """Writes one value into a tomlkit table, its comment staying in its column; None removes the key."""
    before = table.get(key)
    if value is None:
        table.pop(key, None)
        return
    table[key] = value
    after = _item(table, key)
    if before is not None and after is not None and after.trivia.comment:
        width = len(tomlkit.item(before).as_string()) - len(after.as_string())
        after.trivia.comment_ws = " " * max(2, len(after.trivia.comment_ws) + width)


def _item(table: MutableMapping[str, Any], key: str) -> Item | None:
    """The value with its comment; of a table that is written in several places only the bare value can be had."""
    value = table[key]
    if not isinstance(value, Item) and isinstance(table, Container | AbstractTable):
        value = table.item(key)
    return value if isinstance(value, Item) else None


def _written(folder: Path) -> tuple[str, Policy]:
    content = text(get(folder / policy.FILE, name=policy.FILE), policy.FILE)
    return content, policy.parse(content)


def _turn(folder: Path, switch: str, *, closed: bool, value: str | None = None) -> bool:
    before, written = _written(folder)
    table, key, wanted = _find(written, switch, closed=closed, value=value)
    try:
        document = tomlkit.parse(before)
        place = document
        for name in table:
            place = place[name]
        if place.get(key) == wanted or (value is None and not closed and _is_open(written, table, key)):
            return False
        set_value(place, key, wanted)
        after = tomlkit.dumps(document)
    except NOT_EDITABLE as error:
        raise _by_hand(key) from error
    _only_that(written, policy.parse(after), table, key, wanted)
    put(folder / policy.FILE, after.encode(), over=before.encode())
    return True


def _is_open(written: Policy, table: tuple[str, ...], key: str) -> bool:
    return table == ("sharing",) and getattr(written.sharing, key) != ORDERS[key][0]


def _find(written: Policy, switch: str, *, closed: bool, value: str | None) -> tuple[tuple[str, ...], str, bool | str]:
    if switch in written.sharing.channels:
        _one_way(switch, value)
        return ("sharing", "channels"), switch, not closed
    if switch not in SWITCHES:
        known = [*SWITCHES, *written.sharing.channels]
        mend = nearest(switch, known) or f"; there are {', '.join(f'`{name}`' for name in known)}"
        raise PolicyError(f"there is no switch `{switch}`{mend}")
    key = SWITCHES[switch]
    if isinstance(getattr(written.sharing, key), bool):
        _one_way(switch, value)
        return ("sharing",), key, not closed
    open_to = ways(switch)
    if closed:
        return ("sharing",), key, str(ORDERS[key][0])
    if not open_to:
        raise PolicyError(f"`{switch}` cannot be opened: this version never serves them")
    if value is None and len(open_to) > 1 and not _is_open(written, ("sharing",), key):
        raise PolicyError(f"`{switch}` opens in more than one way, add `--to {'` or `--to '.join(open_to)}`")
    if value is not None and value not in open_to:
        raise PolicyError(f"`{switch}` cannot be `{value}`{nearest(value, open_to)}; there are {', '.join(open_to)}")
    if value is not None and ORDERS[key].index(value) < ORDERS[key].index(getattr(written.sharing, key)):
        raise PolicyError(
            f"`{switch}` is `{getattr(written.sharing, key)}`, which is further open than `{value}`: write `{value}`"
            f" into {policy.FILE} by hand; that closes, needs no signature and counts at once"
        )
    return ("sharing",), key, value or open_to[0]


def _one_way(switch: str, value: str | None) -> None:
    if value is not None:
        raise PolicyError(f"`{switch}` is on or off and nothing else, leave `--to {value}` out")


def _only_that(before: Policy, after: Policy, table: tuple[str, ...], key: str, value: bool | str) -> None:
    """The edit did what it should and nothing else; a file written in an unusual way might have been misread."""
    sharing = before.sharing
    if len(table) > 1:
        wanted = sharing.model_copy(update={"channels": {**sharing.channels, key: bool(value)}})
    else:
        kind = type(getattr(sharing, key))
        wanted = sharing.model_copy(update={key: kind(value)})
    if after != before.model_copy(update={"sharing": wanted}):
        raise _by_hand(key)


def _by_hand(key: str) -> PolicyError:
    return PolicyError(f"{policy.FILE}: the switch `{key}` cannot be edited in place, change it by hand")
