"""Many looks at one plate, one text: the length is voted, then each character; larger and surer looks weigh more."""

from dataclasses import dataclass, field
from datetime import datetime

from edge.vision.reader import Reading

KEPT_READINGS = 60
"""The heaviest looks that vote; a parked car would otherwise gather them for hours."""
KEPT_TEXTS = 200
"""Different texts of which it is remembered when they were read."""

_LOOK_ALIKES = str.maketrans("OQDILZSBG", "000112586")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The outcome of a ballot. `confidence` falls with every look that reads otherwise; both figures are 0..1."""

    text: str = field(repr=False)
    confidence: float
    lowest_character_confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a text was first and last read, and how often."""

    first: datetime
    last: datetime
    readings: int


@dataclass(frozen=True, slots=True)
class _Weighed:
    reading: Reading
    weight: float


class Ballot:
    """Collects readings of one plate."""

    def __init__(self) -> None:
        self._weighed: list[_Weighed] = []
        self._spans: dict[str, Span] = {}
        self._result: Vote | None = None
        self._is_counted = False

    def add(self, reading: Reading, *, width: float, at: datetime) -> None:
        """Adds one look; `width` is the plate's width in pixels. A look without a text does not vote."""
        if not reading.text:
            return
        self._is_counted = False
        # Twice the width is four times the pixels on a character; a look that doubts itself hardly counts.
        weight = width * width * reading.confidence**4 + 1e-9
        self._weighed.append(_Weighed(reading, weight))
        if len(self._weighed) > KEPT_READINGS:
            self._weighed.remove(min(self._weighed, key=lambda one: one.weight))
        self._note(reading.text, Span(first=at, last=at, readings=1))

    def take(self, other: "Ballot") -> None:
        """Adds all readings of another ballot: it was the same vehicle."""
        self._is_counted = False
        together = sorted((*self._weighed, *other._weighed), key=lambda one: -one.weight)
        self._weighed = together[:KEPT_READINGS]
        for text, span in other._spans.items():
            self._note(text, span)

    @property
    def readings(self) -> int:
        """How many looks gave a text."""
        return sum(span.readings for span in self._spans.values())

    def result(self) -> Vote | None:
        """The text that the looks agree on, or None without any."""
        if not self._is_counted:
            self._result = self._count() if self._weighed else None
            self._is_counted = True
        return self._result

    def span(self, text: str) -> Span | None:
        """When and how often `text` was read, give or take less than half of its characters; None if never."""
        spans = [span for read, span in self._spans.items() if 2 * differences(read, text) < len(text)]
        if not spans:
            return None
        first, last = min(span.first for span in spans), max(span.last for span in spans)
        return Span(first=first, last=last, readings=sum(span.readings for span in spans))

    def _note(self, text: str, span: Span) -> None:
        known = self._spans.get(text)
        if known is None and len(self._spans) >= KEPT_TEXTS:
            del self._spans[min(self._spans, key=lambda each: self._spans[each].readings)]
        if known is not None:
            first, last = min(known.first, span.first), max(known.last, span.last)
            span = Span(first=first, last=last, readings=known.readings + span.readings)
        self._spans[text] = span

    def _count(self) -> Vote:
        lengths: dict[int, float] = {}
        for one in self._weighed:
            length = len(one.reading.text)
            lengths[length] = lengths.get(length, 0.0) + one.weight
        length = max(sorted(lengths), key=lambda each: lengths[each])
        voters = [one for one in self._weighed if len(one.reading.text) == length]
        text = "".join(_elect(voters, place) for place in range(length))
        sure = self._support(text)
        return Vote(text=text, confidence=sum(sure) / len(sure), lowest_character_confidence=min(sure))

    def _support(self, text: str) -> list[float]:
        """How sure all looks together are of each character, and at the end of there being no more characters."""
        total = sum(one.weight for one in self._weighed)
        support = [0.0] * len(text)
        more = 0.0
        for one in self._weighed:
            matched = align(text, one.reading.text)
            for place, theirs in enumerate(matched):
                if theirs is not None and one.reading.text[theirs] == text[place]:
                    support[place] += one.weight * one.reading.confidences[theirs]
            unmatched = set(range(len(one.reading.text))) - set(matched)
            more += one.weight * max((one.reading.confidences[place] for place in unmatched), default=0.0)
        return [each / total for each in support] + ([1.0 - more / total] if more else [])


def _elect(voters: list[_Weighed], place: int) -> str:
    """The character that most weight stands behind at one place."""
    votes: dict[str, float] = {}
    for one in voters:
        sign = one.reading.text[place]
        votes[sign] = votes.get(sign, 0.0) + one.weight * one.reading.confidences[place]
    return max(sorted(votes), key=lambda sign: votes[sign])


def align(text: str, other: str) -> list[int | None]:
    """For each character of `text` its counterpart's place in `other`, so that the fewest edits remain."""
    if len(text) == len(other):
        straight = sum(one != two for one, two in zip(text, other, strict=True))
        if straight <= 2:  # nothing that is moved and moved back could do with fewer
            return list(range(len(text)))
    table = _edits(text, other)
    places: list[int | None] = [None] * len(text)
    i, j = len(text), len(other)
    while i and j:
        if table[i][j] == table[i - 1][j - 1] + (text[i - 1] != other[j - 1]):
            i, j = i - 1, j - 1
            places[i] = j
        elif table[i][j] == table[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return places


def differences(one: str, other: str) -> int:
    """How many characters must be changed, added or removed, look-alikes (O and 0, B and 8, ...) counting as equal."""
    return _edits(one.translate(_LOOK_ALIKES), other.translate(_LOOK_ALIKES))[-1][-1]


def _edits(one: str, other: str) -> list[list[int]]:
    """The table of edit distances between all beginnings of two texts (Wagner and Fischer, 1974)."""
    table = [list(range(len(other) + 1))]
    for i, left in enumerate(one, start=1):
        row, above = [i], table[-1]
        for j, right in enumerate(other, start=1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (left != right)))
        table.append(row)
    return table
