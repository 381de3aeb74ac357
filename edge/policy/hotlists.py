"""Hot lists: which plates are looked for, by whom, why and until when. A list is policy too: capped and dated.

A pattern is what stands on the plate, letters and digits, with `?` for any one character and at least five that are
certain, or "hits only" would become a full feed. Patterns never leave the list: no message, hit or count has one.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, islice, repeat
from typing import Annotated, TypeVar

from pydantic import Field

from edge.errors import PolicyError
from edge.policy.entries import Columns, Entries, HotList, microseconds
from edge.policy.issued import ListVersion
from edge.policy.numbers import plain
from edge.policy.policy import FIRST, LAST, CaseRef, HotListSource, Instant, Line, UsState
from edge.policy.vocabulary import STATES, Grade, Purpose
from edge.values import Hit
from edge.written import Written, nearest, parse_toml

T = TypeVar("T")

COLUMNS = ("id", "pattern", "source_agency", "purpose", "expires_at", "offence_grade", "offence_state", "case")
"""Those of a CSV file, in any order; the last three may be missing."""
_NEEDED = COLUMNS[:5]

_AT_ONCE = 256
"""Lines that are looked at together; with more of them their words fall out of the processor's cache."""
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
    """All hot lists in force. `refused` are those that count as none, by id, each with what is wrong and the mend.

    One that is neither in `lists` nor in `refused` is not read yet.
    """

    lists: tuple[HotList, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    _ends: dict[Hit, datetime | None] = field(default_factory=dict, repr=False, compare=False)
    """What was asked before: one hit is asked about for every agency, and a million entries are searched for it."""

    @property
    def entries(self) -> int:
        """All entries together."""
        return sum(one.entries for one in self.lists)

    def versions(self, now: datetime) -> tuple[ListVersion, ...]:
        """Which version of each list is in force, of those that were read from the disk: a stale one counts as none."""
        return tuple(one.version for one in self.lists if one.version is not None and one.counts(now))

    def look_up(self, text: str, now: datetime) -> tuple[Hit, ...]:
        """The entries that `text` (as read: letters and digits) matches and that have not run out at `now`."""
        plate = plain(text)
        found = [hit for one in self.lists for hit in one.look_up(plate, now)]
        return tuple(sorted(found, key=lambda hit: (hit.list_id, hit.entry_id)))

    def has_read(self, list_id: str) -> bool:
        """Whether it is known what has become of a list: it is at hand, or it is refused."""
        return list_id in self.refused or any(one.id == list_id for one in self.lists)

    def has_struck(self, hit: Hit, at: datetime, now: datetime) -> bool:
        """Whether the list of a hit vouches for it no more: it is refused, or counts neither `now` nor `at`, or it has
        no entry any more that says the same, of the same plate, and has not run out `at`. A list that is not read yet
        strikes nothing.
        """
        if hit.list_id in self.refused:
            return True
        found = [one for one in self.lists if one.id == hit.list_id]
        if not all(one.counts(now) or one.counts(at) for one in found):
            return True
        ends = self._entry_ends(hit, found)
        return bool(found) and (ends is None or at >= ends)

    def _entry_ends(self, hit: Hit, lists: Iterable[HotList]) -> datetime | None:
        """When the entry of a hit runs out now, if it still says the same; a source may date it anew."""
        if hit not in self._ends:
            entries = [entry for one in lists if (entry := one.entry(hit.entry_id)) is not None]
            same = [one.expires_at for one in entries if _says(hit, one)]
            self._ends[hit] = next(iter(same), None)
        return self._ends[hit]

    def stale(self, now: datetime) -> dict[str, str]:
        """The lists that count as none at `now` because of their age, by id, each with what to do."""
        return {one.id: _stale(one, now) for one in self.lists if not one.counts(now)}


def _says(hit: Hit, entry: Hit) -> bool:
    """Whether an entry still says the same; of a hit from before there were marks it is not known of which plate."""
    return replace(hit, expires_at=entry.expires_at) == replace(entry, mark=entry.mark if hit.mark else "")


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
    found = parse_toml(text, ListTable, file=file, error=PolicyError, quote=False)
    made = Entries(source, banned=banned, file=file, where="[[entry]] number", first=1)
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
    made.add(columns)
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
    made = Entries(source, banned=banned, file=file, where="line", first=2)  # no entry goes over more than one line
    rest, moments = iter(lines), _Moments()
    header = [column[0] for column in _split(list(islice(rest, 1)), 1, file)]
    places, line = _places(header, file), 2
    while some := list(islice(rest, _AT_ONCE)):
        there = _split(some, line, file, width=len(header))
        columns = {name: there[place] for name, place in places.items()}
        made.add(_understood(columns, len(there[0]), moments, line, file))
        line += len(some)
    return made.done(begins=begins, ends=ends)


def _split(lines: Sequence[str], first: int, file: str, width: int | None = None) -> list[Sequence[str]]:
    """The columns of some lines; where nothing is in quotes, a comma is all that there is to know of CSV."""
    text = "".join(lines)
    if '"' in text or "\r" in text:
        rows = csv.reader(lines, strict=True)
        try:
            each = list(rows)
        except csv.Error:
            wrong = first + rows.line_num - 1
            raise PolicyError(f"{file}: line {wrong} is not CSV, mend its quotes and commas") from None
        widths, fields = list(map(len, each)), list(chain.from_iterable(each))
    else:
        widths = [commas + 1 for commas in map(str.count, lines, repeat(","))]
        fields = text.replace("\n", ",").split(",")
    wide = sum(widths) if width is None else width  # the first line, alone, is as wide as it is
    for at, found in enumerate(widths if set(widths) - {wide} else ()):
        if found != wide:
            raise PolicyError(f"{file}: line {first + at} has {found} columns, the first line has {wide}")
    return [fields[place : wide * len(widths) : wide] for place in range(wide)]


def _understood(
    columns: Mapping[str, Sequence[str]], count: int, moments: "_Moments", first: int, file: str
) -> Columns:
    """What the columns say, each word spelled as it should be; a column that is not there says nothing."""
    nothing = ("",) * count

    def spelled(name: str) -> Sequence[str]:
        words, (pattern, said) = columns.get(name, nothing), _SPELLED[name]
        text = "\n".join((*words, ""))
        if text.count("\n") != count or pattern.fullmatch(text) is None:
            at = next(at for at, word in enumerate(words) if pattern.fullmatch(f"{word}\n") is None or "\n" in word)
            raise PolicyError(f"{file}: line {first + at}: `{name}` {said}")
        return words

    def meant(name: str, known: Mapping[str, T], said: str) -> list[T]:
        words = columns.get(name, nothing)
        try:
            return list(map(known.__getitem__, words))
        except KeyError as unknown:
            at = words.index(unknown.args[0])
            raise PolicyError(f"{file}: line {first + at}: `{name}` {said}") from None

    return Columns(
        ids=spelled("id"),
        patterns=spelled("pattern"),
        sources=columns["source_agency"],
        purposes=meant("purpose", _PURPOSES, "is none of the purposes that there are"),
        expires=meant("expires_at", moments, "must be a time such as 2026-12-31T00:00:00Z"),
        grades=meant("offence_grade", _GRADES, f"must be one of {', '.join(Grade)}, or nothing"),
        states=meant("offence_state", _STATES, "must be a state such as US-IL, or nothing"),
        cases=spelled("case"),
    )


class _Moments(dict[str, int]):
    """What a written time means, in microseconds since 1970; KeyError when it means nothing."""

    def __missing__(self, written: str) -> int:
        if len(self) > _REMEMBERED:
            self.clear()
        try:
            at = datetime.fromisoformat(written)
        except ValueError:
            raise KeyError(written) from None
        if at.tzinfo is None or not FIRST <= at < LAST:
            raise KeyError(written)
        self[written] = meant = microseconds(at.astimezone(UTC))
        return meant


def _each(pattern: str) -> re.Pattern[str]:
    """Some words one under another, every one of them spelled so."""
    return re.compile(rf"(?:(?:{pattern})\n)*+")


_PURPOSES = {one.value: one for one in Purpose}
_GRADES: dict[str, Grade | None] = {"": None, **{one.value: one for one in Grade}}
_STATES: dict[str, str | None] = {"": None, **{one: one for one in sorted(STATES)}}
_SPELLED = {
    "id": (_each(r"[A-Za-z0-9._-]{1,64}+"), "must be 1 to 64 letters, digits, dots, _ and -"),
    "pattern": (_each(r"[A-Z0-9?]{5,10}+"), "must be 5 to 10 capital letters, digits and ?"),
    "case": (_each(r"(?:[A-Za-z0-9][A-Za-z0-9._/-]{0,63}+)?+"), "must be a case number, or nothing"),
}
"""How the words of a column are spelled, and how that is told."""


def _places(header: Sequence[str], file: str) -> dict[str, int]:
    """Where in a row each of the columns stands that are there."""
    names = [header[0].removeprefix("\ufeff"), *header[1:]] if header else []
    for name in names:
        if name not in COLUMNS:
            # what stands there is not shown: in a file without a first line of names it is a plate
            known = nearest(name, COLUMNS) or f", name the columns: {','.join(COLUMNS)}"
            raise PolicyError(f"{file}: line 1 has an unknown column{known}")
        if names.count(name) > 1:
            raise PolicyError(f"{file}: line 1 names the column `{name}` twice")
    for name in _NEEDED:
        if name not in names:
            raise PolicyError(f"{file}: line 1 names no column `{name}`, add it")
    return {name: place for place, name in enumerate(names)}


def _stale(one: HotList, now: datetime) -> str:
    if one.begins is not None and now < one.begins:
        return f"hot list `{one.id}` is dated in the future, so that it counts as none; have its source sign it again"
    return f"hot list `{one.id}` is older than it may be, so that it counts as none; have its source send a new one"


def count_words(counts: Mapping[str, int]) -> Iterator[str]:
    """Counts in words, the largest first."""
    yield from (f"{name}: {count}" for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))
