"""The entries of one hot list, packed: a million fit a camera computer, and a plate is found among them quickly.

A pattern is kept as a number and never comes out again. What a list may hold is checked as the entries come in, and one
entry that is wrong refuses the list.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, repeat
from typing import TypeAlias

from edge.errors import PolicyError
from edge.policy.issued import ListVersion
from edge.policy.numbers import Numbers, in_order, mark, more_alike, number, place_of, repeated, shares, told
from edge.policy.policy import HotListSource
from edge.policy.vocabulary import NEVER, Grade, Purpose
from edge.values import Hit

CERTAIN = 5
"""Characters of a pattern that must not be `?`."""
MOST_ALIKE = 100
"""Entries of one list with the very same pattern."""
MOST_SOURCES = 1000
"""Different source agencies in one list."""
LONGEST_NAME = 200
"""Characters of a source agency's name."""

_WHOLE: tuple[int, tuple[int, ...]] = (0, ())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PURPOSES, _GRADES = tuple(Purpose), tuple(Grade)
_PURPOSE_CODES = {purpose: code for code, purpose in enumerate(_PURPOSES)}
_GRADE_CODES: dict[Grade | None, int] = {None: 0, **{grade: code for code, grade in enumerate(_GRADES, start=1)}}

Table: TypeAlias = "tuple[tuple[int, ...], Numbers, Numbers]"
"""Where the `?` stand, the patterns as numbers in order, and the row of each."""
Pattern: TypeAlias = tuple[tuple[int, ...], int]
"""Where the `?` stand, and the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotList:
    """The entries of one list: one table of those without `?`, and for each length tables of those with.

    Between `begins` and `ends`, where they are not None, it counts; else it is stale. With a `secret` its hits are
    marked with their patterns.
    """

    id: str
    entries: int
    cap: int
    begins: datetime | None = None
    ends: datetime | None = None
    version: ListVersion | None = None
    secret: bytes = field(default=b"", repr=False)
    _tables: Mapping[int, tuple[Table, ...]] = field(repr=False)
    _rows: "_Rows" = field(repr=False)

    def counts(self, now: datetime) -> bool:
        """Whether the list is fresh enough to be believed at `now`."""
        return (self.begins is None or self.begins <= now) and (self.ends is None or now < self.ends)

    def look_up(self, plate: str, now: datetime) -> list[Hit]:
        """The entries that `plate` (capital letters and digits, 5 to 10) matches and that have not run out at `now`."""
        if not 5 <= len(plate) <= 10 or not self.counts(now):
            return []
        whole, share = number(plate), shares(plate)
        found: list[Hit] = []
        for places, numbers, rows in (*self._tables.get(0, ()), *self._tables.get(len(plate), ())):
            wanted = whole
            for place in places:
                wanted -= share[place]
            at = bisect_left(numbers, wanted)
            while at < len(numbers) and numbers[at] == wanted:
                hit = self._hit(rows[at], (places, wanted))
                if now < hit.expires_at:
                    found.append(hit)
                at += 1
        return found

    def entry(self, entry_id: str) -> Hit | None:
        """What the entry of this id says, as a hit on it would; None when it is not on the list."""
        rows, wanted, at = self._rows, entry_id.encode(), 0
        while (at := rows.text.find(wanted, at)) >= 0:
            row = bisect_right(rows.ends, at)
            if rows.named(row)[0] == entry_id:
                return self._hit(row, self._pattern(row))
            at = rows.ends[row]
        return None

    def _hit(self, row: int, pattern: Pattern) -> Hit:
        hit = self._rows.hit(self.id, row)
        return replace(hit, mark=mark(self.secret, self.id, hit.entry_id, pattern)) if self.secret else hit

    def _pattern(self, row: int) -> Pattern:
        tables = (table for found in self._tables.values() for table in found)
        found = ((places, numbers, place_of(rows, row)) for places, numbers, rows in tables)
        return next((places, numbers[at]) for places, numbers, at in found if at is not None)

    def by_source(self) -> dict[str, int]:
        """How many entries each source agency has."""
        named = Counter(self._rows.sources)
        return {self._rows.source_names[code]: count for code, count in sorted(named.items())}

    def by_purpose(self) -> dict[Purpose, int]:
        """How many entries there are for each purpose."""
        return {_PURPOSES[code]: count for code, count in sorted(Counter(self._rows.purposes).items())}

    def run_out(self, now: datetime) -> int:
        """How many entries have run out at `now`."""
        at = (now - _EPOCH) // _MICROSECOND
        return sum(expires <= at for expires in self._rows.expires)

    def last_day(self) -> datetime | None:
        """When the last of the entries runs out; None of an empty list."""
        return _EPOCH + max(self._rows.expires) * _MICROSECOND if self.entries else None


@dataclass(frozen=True, slots=True)
class _Rows:
    """A column for each side of an entry; ids and cases stand one after another in `text`."""

    source_names: tuple[str, ...]
    state_names: tuple[str | None, ...]
    sources: Numbers
    purposes: Numbers
    grades: Numbers
    states: Numbers
    expires: Numbers
    text: bytearray
    ends: Numbers

    def named(self, row: int) -> tuple[str, str]:
        """The id and the case (empty: none) of a row."""
        first = self.ends[row - 1] if row else 0
        entry, _, case = self.text[first : self.ends[row]].decode("ascii").partition("\n")
        return entry, case

    def hit(self, list_id: str, row: int) -> Hit:
        entry, case = self.named(row)
        grade = self.grades[row]
        return Hit(
            list_id=list_id,
            entry_id=entry,
            source_agency=self.source_names[self.sources[row]],
            purpose=_PURPOSES[self.purposes[row]].value,
            offence_grade=_GRADES[grade - 1].value if grade else None,
            expires_at=_EPOCH + self.expires[row] * _MICROSECOND,
            offence_state=self.state_names[self.states[row]],
            case=case or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Some entries, side by side: one column for each side of an entry, all of one length.

    `cases` are empty where there is none, `expires` is in microseconds since 1970.
    """

    ids: Sequence[str]
    patterns: Sequence[str]
    sources: Sequence[str]
    purposes: Sequence[Purpose]
    grades: Sequence[Grade | None]
    states: Sequence[str | None]
    cases: Sequence[str]
    expires: Sequence[int]


class Entries:
    """Takes the entries of one list in, each checked as it comes; `done` makes the list of them.

    A message names an entry by its place alone, `where` and a number that begins at `first`: all else of it may be a
    plate in the wrong column.
    """

    def __init__(self, source: HotListSource, *, banned: frozenset[Purpose], file: str, where: str, first: int) -> None:
        self._source, self._barred, self._file = source, banned | NEVER, file
        self._where, self._first = where, first
        self._rows = _Rows((), (), array("H"), array("B"), array("B"), array("B"), array("q"), bytearray(), array("Q"))
        self._source_codes: dict[str, int] = {}
        self._state_codes: dict[str | None, int] = {}
        self._numbers: dict[tuple[int, tuple[int, ...]], tuple[Numbers, Numbers]] = {}
        self._ids = array("q")

    def add(self, some: Columns) -> None:
        """Some more entries. Raises PolicyError."""
        rows, first = self._rows, len(self._rows.expires)
        if first + len(some.ids) > self._source.cap:
            raise PolicyError(f"{self._file}: holds more than its cap of {self._source.cap} entries in policy.toml")
        masked = [at for at, pattern in enumerate(some.patterns) if "?" in pattern]
        named = [f"{entry}\n{case}" if case else entry for entry, case in zip(some.ids, some.cases, strict=True)]
        self._check(some, masked, named)
        for source in dict.fromkeys(some.sources):
            self._source_codes.setdefault(source, len(self._source_codes))
        for state in dict.fromkeys(some.states):
            self._state_codes.setdefault(state, len(self._state_codes))
        rows.sources.extend(map(self._source_codes.__getitem__, some.sources))
        rows.purposes.frombytes(bytes(map(_PURPOSE_CODES.__getitem__, some.purposes)))
        rows.grades.frombytes(bytes(map(_GRADE_CODES.__getitem__, some.grades)))
        rows.states.frombytes(bytes(map(self._state_codes.__getitem__, some.states)))
        rows.expires.extend(array("q", some.expires))
        rows.ends.extend(array("Q", list(accumulate(map(len, named), initial=len(rows.text)))[1:]))
        rows.text.extend("".join(named).encode("ascii"))
        self._ids.extend(map(hash, some.ids))
        self._number_all(some.patterns, masked, first)

    def _number_all(self, patterns: Sequence[str], masked: Sequence[int], first: int) -> None:
        """Those without a `?` go together, whatever their length: the 1 in front tells them apart."""
        numbers, rows = self._numbers.setdefault(_WHOLE, (array("Q"), array("I")))
        apart = frozenset(masked)
        whole = [at for at in range(len(patterns)) if at not in apart] if masked else range(len(patterns))
        numbers.extend(map(int, map("1".__add__, map(patterns.__getitem__, whole)), repeat(36)))
        rows.extend(map(first.__add__, whole))
        for at in masked:
            pattern = patterns[at]
            places = tuple(place for place, letter in enumerate(pattern) if letter == "?")
            numbers, rows = self._numbers.setdefault((len(pattern), places), (array("Q"), array("I")))
            numbers.append(number(pattern.replace("?", "0")))
            rows.append(first + at)

    def _check(self, some: Columns, masked: Sequence[int], named: Sequence[str]) -> None:
        """All but the pattern ends up in the audit log with a hit, so that a pattern may not stand in anything else."""
        first = len(self._rows.expires)
        for at in masked:
            if len(some.patterns[at]) - some.patterns[at].count("?") < CERTAIN:
                raise self._wrong_at(first + at, f"needs at least {CERTAIN} certain characters in its pattern")
        for purpose in self._barred.intersection(some.purposes):
            at = some.purposes.index(purpose)
            raise self._wrong_at(first + at, f"serves the banned purpose `{purpose}`, remove it")
        for at in told(some.patterns, some.sources, masked, named):
            said = "has its pattern in its id, case or source agency too, where it is no secret; change that"
            raise self._wrong_at(first + at, said)
        fresh = [name for name in dict.fromkeys(some.sources) if name not in self._source_codes]
        if len(self._source_codes) + len(fresh) > MOST_SOURCES:
            raise self._wrong(f"names more than {MOST_SOURCES} source agencies, split the list")
        for name in fresh:
            if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
                at = some.sources.index(name)
                raise self._wrong_at(first + at, "needs one line of plain text as its source agency")

    def done(self, *, begins: datetime | None = None, ends: datetime | None = None) -> HotList:
        """The list. Raises PolicyError when two entries have one id, or too many one pattern."""
        self._once_each()
        tables: dict[int, list[Table]] = {}
        for length, places in sorted(self._numbers):
            numbers, rows = in_order(*self._numbers.pop((length, places)))
            if more_alike(numbers, than=MOST_ALIKE):
                raise self._wrong(f"more than {MOST_ALIKE} entries have one and the same pattern")
            tables.setdefault(length, []).append((places, numbers, rows))
        kept = self._rows
        return HotList(
            id=self._source.id,
            entries=len(kept.expires),
            cap=self._source.cap,
            begins=begins,
            ends=ends,
            _tables={length: tuple(found) for length, found in tables.items()},
            _rows=_Rows(
                tuple(self._source_codes),
                tuple(self._state_codes),
                kept.sources,
                kept.purposes,
                kept.grades,
                kept.states,
                kept.expires,
                kept.text,
                kept.ends,
            ),
        )

    def _once_each(self) -> None:
        """No id stands there twice: first by hash, which is small, then those of one hash by what they are."""
        alike = repeated(self._ids)
        seen: set[str] = set()
        for row, found in enumerate(self._ids if alike else ()):
            if found in alike:
                entry, _ = self._rows.named(row)
                if entry in seen:
                    raise self._wrong_at(row, "has an id that stands there twice, give each its own")
                seen.add(entry)
        self._ids = array("q")

    def _wrong_at(self, row: int, said: str) -> PolicyError:
        return self._wrong(f"{self._where} {self._first + row} {said}")

    def _wrong(self, said: str) -> PolicyError:
        return PolicyError(f"{self._file}: {said}")


def microseconds(at: datetime) -> int:
    """A moment as the whole number in which it is kept."""
    return (at - _EPOCH) // _MICROSECOND
