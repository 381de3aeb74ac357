"""Many looks at one plate, one text: the length is voted, then each character; larger and surer looks weigh more."""

from dataclasses import dataclass, field

from edge.vision.reader import Reading

KEPT_READINGS = 60
"""The heaviest looks that vote; a parked car would otherwise gather them for hours."""

_LOOK_ALIKES = str.maketrans("OQDILZSBG", "000112586")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The outcome of a ballot. `confidence` falls with every look that reads otherwise; both figures are 0..1."""

    text: str = field(repr=False)
    confidence: float
    lowest_character_confidence: float
    readings: int


@dataclass(frozen=True, slots=True)
class _Weighed:
    reading: Reading
    weight: float


class Ballot:
    """Collects readings of one plate."""

    def __init__(self) -> None:
        self._weighed: list[_Weighed] = []
        self._count = 0

    def add(self, reading: Reading, *, width: float) -> None:
        """Adds one look; `width` is the plate's width in pixels. A look without a text does not vote."""
        if not reading.text:
            return
        self._count += 1
        # Twice the width is four times the pixels on a character; a look that doubts itself hardly counts.
        weight = width * width * reading.confidence**4 + 1e-9
        self._weighed.append(_Weighed(reading, weight))
        if len(self._weighed) > KEPT_READINGS:
            self._weighed.remove(min(self._weighed, key=lambda one: one.weight))

    def take(self, other: "Ballot") -> None:
        """Adds all readings of another ballot: it was the same vehicle."""
        together = sorted((*self._weighed, *other._weighed), key=lambda one: -one.weight)
        self._weighed = together[:KEPT_READINGS]
        self._count += other._count

    @property
    def readings(self) -> int:
        """How many looks gave a text."""
        return self._count

    def result(self) -> Vote | None:
        """The text that the looks agree on, or None without any."""
        if not self._weighed:
            return None
        total = sum(one.weight for one in self._weighed)
        lengths: dict[int, float] = {}
        for one in self._weighed:
            length = len(one.reading.text)
            lengths[length] = lengths.get(length, 0.0) + one.weight
        length = max(sorted(lengths), key=lambda each: lengths[each])
        voters = [one for one in self._weighed if len(one.reading.text) == length]
        signs = [_elect(voters, place) for place in range(length)]
        agreed = lengths[length] / total
        return Vote(
            text="".join(sign for sign, _ in signs),
            confidence=agreed * sum(sure for _, sure in signs) / length,
            lowest_character_confidence=agreed * min(sure for _, sure in signs),
            readings=self._count,
        )


def _elect(voters: list[_Weighed], place: int) -> tuple[str, float]:
    """The character at one place, and how sure the looks are of it together."""
    votes: dict[str, float] = {}
    total = 0.0
    for one in voters:
        sign = one.reading.text[place]
        votes[sign] = votes.get(sign, 0.0) + one.weight * one.reading.confidences[place]
        total += one.weight
    best = max(sorted(votes), key=lambda sign: votes[sign])
    return best, votes[best] / total


def differences(one: str, other: str) -> int:
    """How many characters must be changed, added or removed, look-alikes (O and 0, B and 8, ...) counting as equal."""
    first, second = one.translate(_LOOK_ALIKES), other.translate(_LOOK_ALIKES)
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        corner, row[0] = row[0], i
        for j, right in enumerate(second, start=1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (left != right))
    return row[-1]
