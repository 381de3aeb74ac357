"""Which vehicles were handed on lately, so that none is handed on twice; and what always stands at one place.

It forgets: a vehicle `reread_after` its last sight, a place when it has not been seen for some days, and all of it when
the law or the city lets nothing be kept for so long; a sign, or a car that comes back, may be read again then.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from edge.values import Box
from edge.vision.passage import STILL_SECONDS
from edge.vision.texts import differences, holds
from edge.vision.tracker import MOVED_WIDTHS, Track, distance
from edge.vision.vote import Vote

REPEAT_SECONDS = 10.0
"""The same text, or a part of it, again so soon is the same passage."""
SOON_SECONDS = 2.0
"""Two looks at one passing vehicle are no further apart."""
LATER_SECONDS = 60.0
"""No vehicle that was seen so much later than a track is the one of that track: a clock was put back in between."""
FIXTURE_STAYS, FIXTURE_HOURS = 3, 2.0
"""So many stays of one text at the very same place, which nobody saw come or go, over so long: a sign, no vehicle."""
SAME_PLACE = 0.05
"""Of its width: no vehicle parks again so exactly."""
KEPT_PLACES = 64
KEPT_TRACKS = 8
"""Tracks that have ended, and that a later one may turn out to belong to."""
FORGOTTEN_AFTER = timedelta(days=4)
FORGETS_EVERY = timedelta(seconds=1)
"""Between two times that all of it is gone through."""


@dataclass(slots=True, kw_only=True)
class _Known:
    """A vehicle that was handed on."""

    text: str = field(repr=False)
    box: Box
    last_seen: datetime
    stood: bool


@dataclass(slots=True, kw_only=True)
class _Place:
    """Something with a text that stood there from when it was first seen until it was no longer seen."""

    text: str = field(repr=False)
    box: Box
    first_seen: datetime
    last_seen: datetime
    stays: int = 1


class Memory:
    """What one camera has seen."""

    def __init__(self, *, reread_after: timedelta) -> None:
        self.ended: deque[Track] = deque(maxlen=KEPT_TRACKS)
        self._reread_after = reread_after
        self._forgot_at = datetime.min.replace(tzinfo=UTC)
        self._known: list[_Known] = []
        self._of: WeakKeyDictionary[Track, _Known] = WeakKeyDictionary()
        self._places: list[_Place] = []

    def knows(self, track: Track, vote: Vote) -> bool:
        """Whether this is a vehicle that was handed on and has not left since, as far as one can tell."""
        for known in self._known:
            if (known.last_seen - track.last_seen).total_seconds() > LATER_SECONDS:
                continue
            away = track.first_seen - known.last_seen
            # A part of the text is what the last looks see of a plate that leaves the picture.
            again = holds(known.text, vote.text) and away.total_seconds() <= REPEAT_SECONDS
            in_place = distance(known.box, track.box) < 0.6 * track.box.width
            stays = known.stood and in_place and differences(known.text, vote.text) <= 2 and away <= self._reread_after
            if again or stays:
                self._of[track] = known
                self._note(known, track)
                return True
        return False

    def remember(self, track: Track, vote: Vote) -> None:
        """Notes a vehicle that is handed on, or what it is corrected to."""
        known = self._of.get(track)
        if known is None:
            known = _Known(text=vote.text, box=track.box, last_seen=track.last_seen, stood=False)
            self._of[track] = known
            self._known.append(known)
        known.text = vote.text
        self._note(known, track)

    def saw(self, track: Track) -> None:
        """Notes where a vehicle that was handed on is."""
        known = self._of.get(track)
        if known is not None:
            self._note(known, track)

    def joined(self, track: Track, later: Track) -> None:
        """Notes that two tracks were one vehicle; the later one is no more."""
        known = self._of.pop(later, None)
        if known is not None:
            self._of.setdefault(track, known)

    def left(self, track: Track, *, stands: bool) -> None:
        """Notes that a track has ended; `stands`: its vehicle has not left, as far as one can tell."""
        self.saw(track)
        known = self._of.pop(track, None)
        if known is not None:
            known.stood = known.stood or stands
        vote = track.ballot.result()
        if vote is not None and not track.moved and track.stood_still() >= STILL_SECONDS:
            self._stood(track, vote)
        self.ended.append(track)

    def completes(self, track: Track) -> bool:
        """Adds the looks of a track of the same vehicle that ended elsewhere shortly before and was not believed.

        Whether there was one: nearly the same text from two places is no chance, and no sign at the road.
        """
        vote = track.ballot.result()
        for other in self.ended:
            said = other.ballot.result()
            if other.read is not None or said is None or vote is None or differences(said.text, vote.text) > 1:
                continue
            soon = abs((track.best_seen - other.best_seen).total_seconds()) <= SOON_SECONDS
            if soon and distance(other.box, track.box) > MOVED_WIDTHS * track.box.width:
                track.ballot.take(other.ballot)
                return True
        return False

    def moved(self, by: timedelta) -> None:
        """The clock was moved by so much: what was seen before is as long ago as it was."""
        for known in self._known:
            known.last_seen += by
        for place in self._places:
            place.first_seen += by
            place.last_seen += by
        self.ended.clear()  # nothing that comes now was in view beside them

    def forget(self, at: datetime, kept: timedelta) -> None:
        """Knows nothing any more of what was last seen longer before `at` than `kept`; what is in view it knows.

        What was seen as long after `at` goes too: a clock was put back, and nobody can tell how long ago that was.
        """
        if kept and abs(at - self._forgot_at) < FORGETS_EVERY:
            return
        self._forgot_at = at
        in_view = {id(known) for known in self._of.values()}
        limit = min(kept, max(self._reread_after, timedelta(seconds=REPEAT_SECONDS)))
        self._known = [one for one in self._known if id(one) in in_view or abs(at - one.last_seen) < limit]
        limit = min(kept, FORGOTTEN_AFTER)
        self._places = [one for one in self._places if abs(at - one.last_seen) < limit]
        self.ended = deque((one for one in self.ended if abs(at - one.last_seen) < kept), maxlen=KEPT_TRACKS)

    def is_fixture(self, track: Track, vote: Vote) -> bool:
        """Whether a thing with this text has stood at this very place again and again."""
        place = None if track.moved else self._place(track.box, vote.text)
        if place is None or place.stays < FIXTURE_STAYS:
            return False
        if place.last_seen - place.first_seen < timedelta(hours=FIXTURE_HOURS):
            return False
        place.last_seen = track.last_seen
        return True

    def _stood(self, track: Track, vote: Vote) -> None:
        place = self._place(track.box, vote.text)
        if place is not None:
            place.stays += 1
            place.last_seen = track.last_seen
            return
        place = _Place(text=vote.text, box=track.box, first_seen=track.first_seen, last_seen=track.last_seen)
        self._places = [*self._places[-KEPT_PLACES + 1 :], place]

    def _place(self, box: Box, text: str) -> _Place | None:
        for place in self._places:
            shift = distance(place.box, box) + abs(place.box.width - box.width)
            if shift <= SAME_PLACE * box.width and differences(place.text, text) <= 1:
                return place
        return None

    @staticmethod
    def _note(known: _Known, track: Track) -> None:
        known.box, known.last_seen = track.box, track.last_seen
        known.stood = known.stood or track.stood_still() >= STILL_SECONDS
