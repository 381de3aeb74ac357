"""Hot lists: which plates are looked for, by whom, why and until when. A list is policy too: capped and dated.

A pattern is what stands on the plate, letters and digits, with `?` for any one character and at least five that are
certain, or "hits only" would become a full feed. Patterns never leave this module.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import Field

from edge.errors import PolicyError
from edge.policy.policy import CaseRef, HotListSource, Instant, Line, UsState
from edge.policy.vocabulary import NEVER, Grade, Purpose
from edge.values import Hit
from edge.written import Written, parse_toml

CERTAIN = 5
"""Characters of a pattern that must not be `?`."""


class EntryTable(Written):
    """One entry as written."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    pattern: Annotated[str, Field(pattern=r"^[A-Z0-9?]{5,10}$")]
    source_agency: Line
    purpose: Purpose
    offence_grade: Grade | None = None
    offence_state: UsState | None = None
    case: CaseRef | None = None
    expires_at: Instant


class ListTable(Written):
    """The whole file of a hot list."""

    entry: tuple[EntryTable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HotLists:
    """All hot lists in force, ready to look plates up: one table for each length and place of the `?`."""

    entries: int
    _tables: Mapping[int, tuple[tuple[tuple[int, ...], Mapping[str, tuple[Hit, ...]]], ...]] = field(repr=False)

    def look_up(self, text: str, now: datetime) -> tuple[Hit, ...]:
        """The entries that `text` (as read: letters and digits) matches and that have not run out at `now`."""
        plate = plain(text)
        found: list[Hit] = []
        for places, table in self._tables.get(len(plate), ()):
            found.extend(hit for hit in table.get(_masked(plate, places), ()) if now < hit.expires_at)
        return tuple(sorted(found, key=lambda hit: (hit.list_id, hit.entry_id)))


def plain(text: str) -> str:
    """A plate's letters and digits, in capitals, without blanks and dashes."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def parse(text: str, source: HotListSource, *, banned: frozenset[Purpose], file: str) -> tuple[tuple[str, Hit], ...]:
    """Reads the text of one hot list: (pattern, what a match says) for each entry.

    PolicyError if an entry is wrong or serves a banned purpose, or the list is longer than its cap; none of it counts.
    """
    entries = parse_toml(text, ListTable, file=file, error=PolicyError).entry
    if len(entries) > source.cap:
        raise PolicyError(f"{file}: has {len(entries)} entries, more than its cap of {source.cap} in policy.toml")
    seen: set[str] = set()
    made = []
    for entry in entries:
        _check(entry, seen, banned, file)
        seen.add(entry.id)
        hit = Hit(
            list_id=source.id,
            entry_id=entry.id,
            source_agency=entry.source_agency,
            purpose=entry.purpose.value,
            offence_grade=entry.offence_grade.value if entry.offence_grade else None,
            expires_at=entry.expires_at,
            offence_state=entry.offence_state,
            case=entry.case,
        )
        made.append((entry.pattern, hit))
    return tuple(made)


def gather(lists: Iterable[Iterable[tuple[str, Hit]]]) -> HotLists:
    """Makes one look-up of several parsed lists."""
    tables: dict[int, dict[tuple[int, ...], dict[str, tuple[Hit, ...]]]] = {}
    count = 0
    for pattern, hit in (entry for one in lists for entry in one):
        places = tuple(place for place, character in enumerate(pattern) if character == "?")
        table = tables.setdefault(len(pattern), {}).setdefault(places, {})
        table[pattern] = (*table.get(pattern, ()), hit)
        count += 1
    return HotLists(
        entries=count, _tables={length: tuple(sorted(by_place.items())) for length, by_place in tables.items()}
    )


NO_LISTS = gather(())
"""Nothing is looked for, so nothing is a hit."""


def _check(entry: EntryTable, seen: set[str], banned: frozenset[Purpose], file: str) -> None:
    # The pattern itself is never put into a message: it is a plate.
    if entry.id in seen:
        raise PolicyError(f"{file}: entry `{entry.id}` stands there twice, give each its own id")
    if len(entry.pattern.replace("?", "")) < CERTAIN:
        raise PolicyError(f"{file}: entry `{entry.id}` needs at least {CERTAIN} certain characters in its pattern")
    if entry.purpose in banned or entry.purpose in NEVER:
        raise PolicyError(f"{file}: entry `{entry.id}` serves the banned purpose `{entry.purpose}`, remove it")


def _masked(plate: str, places: tuple[int, ...]) -> str:
    if not places:
        return plate
    characters = list(plate)
    for place in places:
        characters[place] = "?"
    return "".join(characters)
