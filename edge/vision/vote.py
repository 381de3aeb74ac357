"""Many looks at one plate, one text: the length is voted, then each character; larger and surer looks weigh more.

A look counts with all that the reader thought possible there, not only with what it read: what half of the looks take
for the second best may still be right.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from edge.vision.reader import Reading
from edge.vision.texts import align, differences
from edge.vision.trust import confidence

KEPT_READINGS = 60
"""The heaviest looks that vote; a parked car would otherwise gather them for hours."""
KEPT_TEXTS = 200
"""Different texts of which it is remembered when they were read."""
STABLE_READINGS, STABLE_LATEST = 8, 4
"""After so many readings, of which so many in a row say what the vote says, the text is stable,"""
STABLE_CONFIDENCE = 0.9
"""if the vote is as sure as this."""
EMPTY_LATEST, SHORTEST_TEXT = 2, 3
"""After so many readings in a row of fewer characters there is no text in it, as far as can be seen from here."""
FLOOR = 0.01
"""What is kept for a sign that the reader rules out: one look alone decides nothing."""
ROUNDS = 3
"""A text that is voted on may align the looks otherwise than the one before; it settles at once, as a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The outcome of a ballot; all figures are 0..1.

    `confidence` says how likely the whole text is right (see `trust`), `lowest_character_confidence` what speaks for
    the character that is least sure, `agreement` what speaks for the characters on average: it falls with every look
    that reads otherwise.
    """

    text: str = field(repr=False)
    confidence: float
    lowest_character_confidence: float
    agreement: float


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
        self._latest: deque[str] = deque(maxlen=STABLE_READINGS)
        self.readings = 0
        """How many looks gave a text."""

    def add(self, reading: Reading, *, width: float, sharpness: float, at: datetime) -> None:
        """Adds one look; `width` is the plate's width in pixels. A look without a text does not vote."""
        self._latest.append(reading.text)
        if not reading.text:
            return
        self._is_counted = False
        self.readings += 1
        # Twice the width is four times the pixels on a character; a look that doubts itself hardly counts.
        weight = width * width * sharpness * reading.confidence**4 + 1e-9
        self._weighed.append(_Weighed(reading, weight))
        if len(self._weighed) > KEPT_READINGS:
            self._weighed.remove(min(self._weighed, key=lambda one: one.weight))
        self._note(reading.text, Span(first=at, last=at, readings=1))

    def take(self, other: "Ballot") -> None:
        """Adds all readings of another ballot: it was the same vehicle."""
        self._is_counted = False
        self._latest.extend(other._latest)
        self.readings += other.readings
        together = sorted((*self._weighed, *other._weighed), key=lambda one: -one.weight)
        self._weighed = together[:KEPT_READINGS]
        for text, span in other._spans.items():
            self._note(text, span)

    def result(self) -> Vote | None:
        """The text that the looks agree on, or None without any."""
        if not self._is_counted:
            self._result = self._count() if self._weighed else None
            self._is_counted = True
        return self._result

    def is_stable(self) -> bool:
        """Whether more of the same looks would not change the text any more."""
        if self.readings < STABLE_READINGS:
            return False  # before any counting, which takes time
        vote = self.result()
        if vote is None or vote.confidence < STABLE_CONFIDENCE:
            return False
        return all(text == vote.text for text in list(self._latest)[-STABLE_LATEST:])

    def says_nothing(self) -> bool:
        """Whether the latest looks found hardly a character: a lamp, a grille, a sticker."""
        latest = list(self._latest)[-EMPTY_LATEST:]
        return len(latest) == EMPTY_LATEST and all(len(text) < SHORTEST_TEXT for text in latest)

    def span(self, text: str) -> Span | None:
        """When and how often `text` was read, give or take less than half of its characters; None if never."""
        spans = [span for read, span in self._spans.items() if 2 * differences(read, text) < len(text)]
        if not spans:
            return None
        first, last = min(span.first for span in spans), max(span.last for span in spans)
        return Span(first=first, last=last, readings=sum(span.readings for span in spans))

    def still_says(self, text: str) -> bool:
        """Whether one of the latest looks read `text`, look-alikes counting as equal: a clock does not."""
        return any(differences(latest, text) == 0 for latest in self._latest)

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
        for _ in range(ROUNDS):
            before, text = text, _weigh(text, self._weighed)
            if text == before:
                break
        sure = self._support(text)
        agreement, lowest = sum(sure) / len(sure), min(sure)
        likely = confidence(agreement=agreement, lowest=lowest, length=lengths[length] / sum(lengths.values()))
        return Vote(text=text, confidence=likely, lowest_character_confidence=lowest, agreement=agreement)

    def _support(self, text: str) -> list[float]:
        """How sure all looks together are of each character, and at the end of there being no more characters."""
        total = sum(one.weight for one in self._weighed)
        support = [0.0] * len(text)
        more = 0.0
        for one in self._weighed:
            matched = align(text, one.reading.text)
            for place, theirs in enumerate(matched):
                if theirs is not None:
                    support[place] += one.weight * _chance(one.reading, theirs, text[place])
            unmatched = set(range(len(one.reading.text))) - set(matched)
            more += one.weight * max((one.reading.confidences[place] for place in unmatched), default=0.0)
        return [each / total for each in support] + ([1.0 - more / total] if more else [])


def _chance(reading: Reading, place: int, sign: str) -> float:
    """How likely a look takes `sign` to stand at a place."""
    if reading.text[place] == sign:
        return reading.confidences[place]
    column = reading.signs.find(sign)
    return 0.0 if reading.chances is None or column < 0 else float(reading.chances[place, column])


def _elect(voters: list[_Weighed], place: int) -> str:
    """The character that most weight stands behind at one place."""
    votes: dict[str, float] = {}
    for one in voters:
        sign = one.reading.text[place]
        votes[sign] = votes.get(sign, 0.0) + one.weight * one.reading.confidences[place]
    return max(sorted(votes), key=lambda sign: votes[sign])


def _weigh(text: str, weighed: list[_Weighed]) -> str:
    """For each place of `text` the sign that all looks together take for the likeliest: their chances multiplied."""
    signs = "".join(sorted({sign for one in weighed for sign in one.reading.signs + one.reading.text}))
    scores = np.zeros((len(text), len(signs)))
    for one in weighed:
        rows = _spread(one.reading, signs)
        for place, theirs in enumerate(align(text, one.reading.text)):
            if theirs is not None:
                scores[place] += one.weight * rows[theirs]
    # A place that no look has keeps its sign.
    best = scores.argmax(axis=1)
    return "".join(signs[best[place]] if scores[place].any() else text[place] for place in range(len(text)))


def _told(reading: Reading, signs: str) -> NDArray[np.float64]:
    """The chance of each of `signs` at each place of a reading; what it does not tell is shared out evenly."""
    rows = np.zeros((len(reading.text), len(signs)))
    for place, (sign, sure) in enumerate(zip(reading.text, reading.confidences, strict=True)):
        rows[place] = (1.0 - sure) / max(1, len(signs) - 1)
        rows[place, signs.index(sign)] = sure
    if reading.chances is not None:
        rows[:, [signs.index(sign) for sign in reading.signs]] = reading.chances
    return rows


def _spread(reading: Reading, signs: str) -> NDArray[np.float64]:
    """The logarithm of the chance of each of `signs` at each place of a reading."""
    if reading.chances is not None and reading.signs == signs:
        rows = reading.chances.astype(np.float64)  # as a rule: one reader has read all of them
    else:
        rows = _told(reading, signs)
    return np.log((1.0 - FLOOR) * np.clip(rows, 0.0, 1.0) + FLOOR / len(signs))
