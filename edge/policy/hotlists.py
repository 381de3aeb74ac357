"""Hot lists: which plates are looked for, by whom, why and until when. A list is policy too: capped and dated.

A pattern is what stands on the plate, letters and digits, with `?` for any one character and at least five that are
certain, or "hits only" would become a full feed. Patterns never leave the list: no message, hit or count has one.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Annotated

from pydantic import Field

from edge.errors import PolicyError
from edge.policy.entries import Columns, Entries, HotList, microseconds, plain
from edge.policy.policy import CaseRef, HotListSource, Instant, Line, UsState
from edge.policy.vocabulary import STATES, Grade, Purpose
from edge.values import Hit
from edge.written import Written, nearest, parse_toml

COLUMNS = ("id", "pattern", "source_agency", "purpose", "expires_at", "offence_grade", "offence_state", "case")
"""Those of a CSV file, in any order; the last three may be missing."""
_NEEDED = COLUMNS[:5]

_AT_ONCE = 128
"""Lines that are looked at together; with more of them the collector of garbage costs more than is saved."""
_REMEMBERED = 50_000
"""Different times of which the meaning is remembered while a file is read."""


class EntryTable(Written):
    """One entry as written in TOML."""

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
    """All hot lists in force. `refused` are those that count as none, by id, each with what is wrong and the mend."""

    lists: tuple[HotList, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """All entries together."""
        return sum(one.entries for one in self.lists)

    def look_up(self, text: str, now: datetime) -> tuple[Hit, ...]:
        """The entries that `text` (as read: letters and digits) matches and that have not run out at `now`."""
        plate = plain(text)
        found = [hit for one in self.lists for hit in one.look_up(plate, now)]
        return tuple(sorted(found, key=lambda hit: (hit.list_id, hit.entry_id)))

    def stale(self, now: datetime) -> dict[str, str]:
        """The lists that count as none at `now` because of their age, by id, each with what to do."""
        return {one.id: _stale(one, now) for one in self.lists if not one.counts(now)}


def gather(lists: Iterable[HotList], refused: Mapping[str, str] | None = None) -> HotLists:
    """Makes one look-up of several parsed lists."""
    return HotLists(lists=tuple(lists), refused=dict(refused or {}))


NO_LISTS = gather(())
"""Nothing is looked for, so nothing is a hit."""


def parse(
    text: str,
    source: HotListSource,
    *,
    banned: frozenset[Purpose],
    file: str,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> HotList:
    """Reads the text of one hot list in TOML.

    PolicyError if an entry is wrong or serves a banned purpose, or the list is longer than its cap; none of it counts.
    """
    made, found = Entries(source, banned=banned, file=file), parse_toml(text, ListTable, file=file, error=PolicyError)
    columns = Columns(
        ids=[one.id for one in found.entry],
        patterns=[one.pattern for one in found.entry],
        sources=[one.source_agency for one in found.entry],
        purposes=[one.purpose for one in found.entry],
        grades=[one.offence_grade for one in found.entry],
        states=[one.offence_state for one in found.entry],
        cases=[one.case or "" for one in found.entry],
        expires=[microseconds(one.expires_at) for one in found.entry],
    )
    made.add(columns, lambda at: f"entry `{columns.ids[at]}`")
    return made.done(begins=begins, ends=ends)


def parse_csv(
    lines: Iterable[str],
    source: HotListSource,
    *,
    banned: frozenset[Purpose],
    file: str,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> HotList:
    """Reads one hot list in CSV, line by line: a first line that names the columns, then one entry a line.

    PolicyError as `parse`, with the line.
    """
    made, rows = Entries(source, banned=banned, file=file), csv.reader(lines, strict=True)
    try:
        _take(rows, made, file)
    except csv.Error:
        raise PolicyError(f"{file}: line {rows.line_num} is not CSV, mend its quotes and commas") from None
    return made.done(begins=begins, ends=ends)


def _take(rows: Iterator[list[str]], made: Entries, file: str) -> None:
    header = next(rows, [])
    width, places, moments = len(header), _places(header, file), _Moments()
    line = 2  # no entry goes over more than one line
    while some := list(islice(rows, _AT_ONCE)):
        if set(map(len, some)) != {width}:
            at = next(at for at, row in enumerate(some) if len(row) != width)
            raise PolicyError(f"{file}: line {line + at} has {len(some[at])} columns, the first line has {width}")
        there = list(zip(*some, strict=True))
        columns = [there[place] if place < width else ("",) * len(some) for place in places]
        for column, known, said in _SPELLED:
            written = columns[COLUMNS.index(column)]
            if not known(written, moments):
                at = next(at for at, one in enumerate(written) if not known((one,), moments))
                raise PolicyError(f"{file}: line {line + at}: `{column}` {said}")
        made.add(_columns(columns, moments), partial(_line, line))
        line += len(some)


def _line(first: int, at: int) -> str:
    return f"line {first + at}"


def _columns(columns: Sequence[Sequence[str]], moments: "_Moments") -> Columns:
    ids, patterns, sources, purposes, expires, grades, states, cases = columns
    return Columns(
        ids=ids,
        patterns=patterns,
        sources=sources,
        purposes=list(map(_PURPOSES.__getitem__, purposes)),
        grades=list(map(_GRADES.__getitem__, grades)),
        states=[state or None for state in states],
        cases=cases,
        expires=list(map(moments.__getitem__, expires)),
    )


class _Moments(dict[str, int]):
    """What a written time means, in microseconds since 1970; ValueError when it means nothing."""

    def __missing__(self, written: str) -> int:
        if len(self) > _REMEMBERED:
            self.clear()
        at = datetime.fromisoformat(written)
        if at.tzinfo is None or not 2000 < at.year < 2199:
            raise ValueError
        self[written] = meant = microseconds(at.astimezone(UTC))
        return meant


_Known = Callable[[Sequence[str], _Moments], bool]


def _spelled(pattern: str) -> _Known:
    """Whether every one of some words is spelled so; one look at all of them together."""
    every = re.compile(rf"(?:(?:{pattern})\n)*")
    return lambda words, _: (
        (text := "\n".join((*words, ""))).count("\n") == len(words) and every.fullmatch(text) is not None
    )


def _one_of(known: Iterable[str]) -> _Known:
    those = frozenset(known)
    return lambda words, _: those.issuperset(words)


def _times(words: Sequence[str], moments: _Moments) -> bool:
    try:
        return all(map(moments.__getitem__, set(words)))
    except ValueError:
        return False


_PURPOSES = {one.value: one for one in Purpose}
_GRADES: dict[str, Grade | None] = {"": None, **{one.value: one for one in Grade}}
_SPELLED: tuple[tuple[str, _Known, str], ...] = (
    ("id", _spelled(r"[A-Za-z0-9._-]{1,64}"), "must be 1 to 64 letters, digits, dots, _ and -"),
    ("pattern", _spelled(r"[A-Z0-9?]{5,10}"), "must be 5 to 10 capital letters, digits and ?"),
    ("purpose", _one_of(_PURPOSES), "is none of the purposes that there are"),
    ("expires_at", _times, "must be a time such as 2026-12-31T00:00:00Z"),
    ("offence_grade", _one_of(_GRADES), f"must be one of {', '.join(Grade)}, or nothing"),
    ("offence_state", _one_of({"", *STATES}), "must be a state such as US-IL, or nothing"),
    ("case", _spelled(r"(?:[A-Za-z0-9][A-Za-z0-9._/-]{0,63})?"), "must be a case number, or nothing"),
)
"""What is asked of each column of a CSV file, and how it is told."""


def _places(header: Sequence[str], file: str) -> list[int]:
    """Where in a row each of the columns stands; one that is not there stands behind the last."""
    names = [header[0].removeprefix("\ufeff"), *header[1:]] if header else []
    for name in names:
        if name not in COLUMNS:
            # a file without a first line of names would show a plate here
            known = nearest(name, COLUMNS)
            shown = f" `{name}`{known}" if known else f", name the columns: {','.join(COLUMNS)}"
            raise PolicyError(f"{file}: line 1 has an unknown column{shown}")
        if names.count(name) > 1:
            raise PolicyError(f"{file}: line 1 names the column `{name}` twice")
    for name in _NEEDED:
        if name not in names:
            raise PolicyError(f"{file}: line 1 names no column `{name}`, add it")
    return [names.index(name) if name in names else len(names) for name in COLUMNS]


def _stale(one: HotList, now: datetime) -> str:
    if one.begins is not None and now < one.begins:
        return f"hot list `{one.id}` is dated in the future, so that it counts as none; have its source sign it again"
    return f"hot list `{one.id}` is older than it may be, so that it counts as none; have its source send a new one"


def count_words(counts: Mapping[str, int]) -> Iterator[str]:
    """Counts in words, the largest first."""
    yield from (f"{name}: {count}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
