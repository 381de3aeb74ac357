"""One switch of policy.toml, turned in place: comments and order stay, the file changes by one rename or not at all."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from edge.desk.disk import get, put
from edge.errors import PolicyError
from edge.policy import policy
from edge.policy.bundle import text
from edge.policy.policy import Policy
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


def opt_out(folder: Path, switch: str) -> bool:
    """Closes a switch in the folder's policy.toml; False if it was closed already. Raises PolicyError."""
    return _turn(folder, switch, closed=True)


def opt_in(folder: Path, switch: str) -> bool:
    """Opens a channel in the folder's policy.toml; False if it was open. It counts only once the city has signed it.

    The switches by class have more than one way to be open: those are written by hand. Raises PolicyError.
    """
    return _turn(folder, switch, closed=False)


def set_value(table: MutableMapping[str, Any], key: str, value: object) -> None:
    """Writes one value into a tomlkit table, its comment staying in its column; None removes the key."""
    before = table.get(key)
    if value is None:
        table.pop(key, None)
        return
    table[key] = value
    after = table[key] if isinstance(table[key], Item) else table.item(key)  # type: ignore[attr-defined]
    if before is not None and after.trivia.comment:
        width = len(tomlkit.item(before).as_string()) - len(after.as_string())
        after.trivia.comment_ws = " " * max(2, len(after.trivia.comment_ws) + width)


def _turn(folder: Path, switch: str, *, closed: bool) -> bool:
    path = folder / policy.FILE
    before = text(get(path, name=policy.FILE), policy.FILE)
    written = policy.parse(before)
    table, key, value = _find(written, switch, closed=closed)
    try:
        document = tomlkit.parse(before)
        place = document
        for name in table:
            place = place[name]
        if place.get(key) == value:
            return False
        set_value(place, key, value)
        after = tomlkit.dumps(document)
    except (TOMLKitError, TypeError) as error:
        raise PolicyError(f"{policy.FILE}: cannot be edited in place, {error}; change the switch by hand") from error
    _only_that(written, policy.parse(after), table, key, value)
    put(path, after.encode())
    return True


def _find(written: Policy, switch: str, *, closed: bool) -> tuple[tuple[str, ...], str, bool | str]:
    if switch in written.sharing.channels:
        return ("sharing", "channels"), switch, not closed
    if switch not in SWITCHES:
        known = [*SWITCHES, *written.sharing.channels]
        mend = nearest(switch, known) or f"; there are {', '.join(f'`{name}`' for name in known)}"
        raise PolicyError(f"there is no switch `{switch}`{mend}")
    key = SWITCHES[switch]
    if isinstance(getattr(written.sharing, key), bool):
        return ("sharing",), key, not closed
    if not closed:
        raise PolicyError(f"`{switch}` opens in more than one way, write it into {policy.FILE} and sign it")
    return ("sharing",), key, "never"


def _only_that(before: Policy, after: Policy, table: tuple[str, ...], key: str, value: bool | str) -> None:
    """The edit did what it should and nothing else; a file written in an unusual way might have been misread."""
    sharing = before.sharing
    if len(table) > 1:
        wanted = sharing.model_copy(update={"channels": {**sharing.channels, key: bool(value)}})
    else:
        kind = type(getattr(sharing, key))
        wanted = sharing.model_copy(update={key: kind(value)})
    if after != before.model_copy(update={"sharing": wanted}):
        raise PolicyError(f"{policy.FILE}: the switch `{key}` cannot be edited in place, change it by hand")
