"""PURE: what is said of a log that is not as it was written: which sort of wrong, and where it shows first."""

from dataclasses import dataclass
from enum import StrEnum


class Sort(StrEnum):
    """`edit`: bytes were changed, moved or written twice. `truncation`: the end is missing. `gap`: something before
    the end is. `fork`: the device's key has signed two logs, of which one is not true. `stranger`: another key.
    """

    EDIT = "edit"
    TRUNCATION = "truncation"
    GAP = "gap"
    FORK = "fork"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something is not as it was written; `position` is the entry where it shows, None if it is none's.

    `place`, where known: the first byte in the file that is wrong, and one past the last that may be.
    """

    position: int | None
    what: str
    sort: Sort = Sort.EDIT
    place: tuple[int, int] | None = None
