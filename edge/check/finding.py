"""One thing that was looked at, and what was found."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edge.errors import HomeruleError


class State(StrEnum):
    """`note` is worth knowing and stops nothing; `wrong` needs mending."""

    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`said` is what was found, or what is wrong and the mend."""

    thing: str
    state: State
    said: str


def ok(thing: str, said: str) -> Finding:
    """As it should be."""
    return Finding(thing=thing, state=State.OK, said=said)


def note(thing: str, said: str) -> Finding:
    """Worth knowing."""
    return Finding(thing=thing, state=State.NOTE, said=said)


def wrong(thing: str, said: str) -> Finding:
    """Needs mending."""
    return Finding(thing=thing, state=State.WRONG, said=said)


def look(thing: str, at: Callable[[], Finding | str]) -> Finding:
    """Runs one check. Words mean that all is well; an error raised on purpose, or by the system, is what is wrong."""
    try:
        found = at()
    except HomeruleError as error:
        return wrong(thing, str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return wrong(thing, f"{where}{(error.strerror or str(error)).lower()}")
    return ok(thing, found) if isinstance(found, str) else found
