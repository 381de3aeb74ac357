"""What is a passage and what is not: one vehicle, one read, however often its plate is lost and found again.

A candidate that is not believed is dropped and counted by reason; a silent miss is worse than a counted one.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from edge.values import Box
from edge.vision.tracker import Track, distance
from edge.vision.vote import Vote, differences

STILL_SECONDS = 1.5
"""A plate that has not moved for so long belongs to a vehicle that stands."""
PATIENCE_SECONDS = 1.0
"""How long a moving plate may be out of sight before its vehicle has gone."""
PATIENCE_STANDING_SECONDS = 20.0
"""The same for a vehicle that stands: a bus may stop in front of it."""
LEAST_MISSED = 3
"""Looks without the plate before its vehicle may have gone, whatever the time."""
REPEAT_SECONDS = 10.0
"""The same text, or a part of it, again so soon is the same passage."""


class Rejection(StrEnum):
    """Why a candidate did not become a read."""

    TOO_SMALL = "too small to read"
    NO_TEXT = "no text in it"
    LENGTH = "not as long as a plate's text"
    UNSURE = "not sure enough"
    UNSURE_CHARACTER = "a character is more likely wrong than right"
    ONE_UNSURE_LOOK = "seen once only, and not surely"
    SAME_VEHICLE = "the same vehicle again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausibility:
    """What a candidate must have to be believed."""

    confidence: float = 0.7
    character_confidence: float = 0.35
    single_look_confidence: float = 0.9
    long_text_confidence: float = 0.9
    width: float = 36.0
    shortest: int = 4
    usual_longest: int = 8
    longest: int = 10

    def rejection(self, track: Track, vote: Vote | None) -> Rejection | None:
        """The first reason not to believe a candidate, or None."""
        if track.widest < self.width:
            return Rejection.TOO_SMALL
        if vote is None:
            return Rejection.NO_TEXT
        length = len(vote.text)
        if not self.shortest <= length <= self.longest:
            return Rejection.LENGTH
        if length > self.usual_longest and vote.confidence < self.long_text_confidence:
            return Rejection.LENGTH
        if vote.confidence < self.confidence:
            return Rejection.UNSURE
        if vote.lowest_character_confidence < self.character_confidence:
            return Rejection.UNSURE_CHARACTER
        span = track.ballot.span(vote.text)
        if (span is None or span.readings < 2) and vote.confidence < self.single_look_confidence:
            return Rejection.ONE_UNSURE_LOOK
        return None


def has_gone(track: Track, at: datetime) -> bool:
    """Whether the vehicle of a track that is out of sight is not coming back."""
    stands = track.stood_still() >= STILL_SECONDS
    patience = PATIENCE_STANDING_SECONDS if stands else PATIENCE_SECONDS
    return track.missed >= LEAST_MISSED and (at - track.last_seen).total_seconds() >= patience


def same_vehicle(lost: Track, found: Track, at: datetime) -> bool:
    """Whether a track that began elsewhere while another was out of sight is its vehicle.

    The same text counts anywhere; one that is nearly the same only where the vehicle must be by now.
    """
    mine, theirs = lost.ballot.result(), found.ballot.result()
    if mine is None or theirs is None:
        return False
    differ = differences(mine.text, theirs.text)
    on_its_way = distance(lost.predicted(at), found.box) < 2.0 * lost.reach(at)
    return differ == 0 or (differ == 1 and on_its_way)


@dataclass(frozen=True, slots=True)
class _Known:
    text: str = field(repr=False)
    box: Box
    last_seen: datetime
    stood: bool


class Memory:
    """Which vehicles were handed on lately, so that none is handed on twice. It forgets."""

    def __init__(self, *, reread_after: timedelta) -> None:
        self._reread_after = reread_after
        self._known: list[_Known] = []

    def knows(self, track: Track, vote: Vote) -> bool:
        """Whether this is a vehicle that was handed on and has not left since, as far as one can tell."""
        for index, known in enumerate(self._known):
            away = track.first_seen - known.last_seen
            # A part of the text is what the last looks see of a plate that leaves the picture.
            again = vote.text in known.text and away.total_seconds() <= REPEAT_SECONDS
            in_place = distance(known.box, track.box) < 0.6 * track.box.width
            stays = known.stood and in_place and differences(known.text, vote.text) <= 2 and away <= self._reread_after
            if again or stays:
                self._known[index] = _Known(known.text, track.box, track.last_seen, known.stood)
                return True
        return False

    def remember(self, track: Track, vote: Vote) -> None:
        """Notes a vehicle that is handed on."""
        limit = track.last_seen - self._reread_after
        self._known = [known for known in self._known if known.last_seen >= limit]
        self._known.append(_Known(vote.text, track.box, track.last_seen, track.stood_still() >= STILL_SECONDS))

    def saw(self, track: Track) -> None:
        """Notes when a vehicle that was handed on before was last in view."""
        vote = track.ballot.result()
        if track.handed_on and vote is not None:
            self.knows(track, vote)
