"""Carries plates from look to look: constant velocity, and the nearest box that may be the same plate.

A track is one plate for as long as it is seen. What becomes of it afterwards is the business of `passage.py`.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from edge.values import Box, Detection, Pixels, PlateRead
from edge.vision.parts import centre
from edge.vision.reader import Reading
from edge.vision.texts import differences
from edge.vision.vote import Ballot

READABLE_WIDTH = 28.0
"""Pixels; a narrower plate is not read."""
SURE = 0.85
"""From this confidence on a reading may say that two looks show two vehicles."""
STILL_WIDTHS = 0.35
"""A plate that stays within this many of its widths stands still."""
MOVED_WIDTHS, MOVED_LOOKS = 0.8, 3
"""A plate has moved when so many looks in a row find it this many widths from where it was first."""
STANDS_SECONDS, STANDS_OVERLAP = 1.0, 0.4
"""What has stood still for so long is found by this overlap with its place: what goes by before it is another."""
FIRST_STEP, FIRST_SECONDS = 3.0, 0.15
"""A plate that was seen once is looked for within so many of its widths after so many seconds, later in proportion,"""
STRANGE = 0.6
"""but after this long only where it was: what is found elsewhere may as well be another vehicle."""
KEPT_PLACES = 64
"""Looks of which a track remembers where they were."""
KNOWN_LOOKS, KNOWN_SECONDS = 12, 1.9
"""After so many looks, a plate that has stood so long is read only now and then, lest another takes its place."""
NOTHING_SECONDS = 10.0
"""And one that stands and says nothing, a lamp or a grille, more rarely: it never ends, and may be one of many."""
GROWN = 1.2
"""A plate whose text is stable is read again when it is wider by this factor: there is more to be seen of it."""
STABLE_SECONDS = 0.5
"""And otherwise this long after it was last read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One plate in one frame: where it is, what was read, and the plate as people see it (None when not read).

    `whole` is False for a plate that the edge of the picture cuts off. `sharpness` is in levels of brightness.
    """

    detection: Detection
    reading: Reading | None = None
    crop: Pixels | None = None
    sharpness: float = 0.0
    whole: bool = True

    @property
    def quality(self) -> float:
        """How good a picture of the plate this is."""
        if self.reading is None:
            return 0.0
        return self.detection.box.width * self.sharpness * self.reading.confidence**2


class Track:
    """One plate over several looks. `read` is what was handed on of it, `settled` whether nothing more will be."""

    def __init__(self, look: Look, at: datetime) -> None:
        self.ballot = Ballot()
        self.read: PlateRead | None = None
        self.read_at = at
        self.settled = False
        self.first_seen = at
        self.last_seen = at
        self.looks = self.whole_looks = 0
        self.is_cut_off = False
        """Whether the edge of the picture cut it off when it was last seen."""
        self.missed = 0
        self.box = look.detection.box
        self.widest = 0.0
        self._found = 0.0
        self._places: deque[tuple[datetime, Box]] = deque(maxlen=KEPT_PLACES)
        self.best: Look = look
        self.best_seen = at
        self.moved = False
        self._origin = self.box
        self._away = 0
        self._last_read = at
        self._read_width = 0.0
        self._velocity = (0.0, 0.0)
        self._anchor = self.box
        self._anchored = at
        self._contradictions = 0
        self._doubted: Look | None = None
        self.update(look, at)

    def update(self, look: Look, at: datetime) -> None:
        """Takes one more look at the plate."""
        seconds = (at - self.last_seen).total_seconds()
        box = look.detection.box
        if self.looks and seconds > 0:
            self._velocity = self._blend(box, seconds)
        self.looks += 1
        self.whole_looks += look.whole
        self.is_cut_off = not look.whole
        self.missed = 0
        self.last_seen = at
        self.box = box
        self.widest = max(self.widest, box.width)
        self._found += look.detection.confidence
        self._places.append((at, box))
        if distance(self._anchor, box) > STILL_WIDTHS * box.width:
            self._anchor, self._anchored = box, at
        away = distance(self._origin, box) > MOVED_WIDTHS * box.width
        self._away = self._away + 1 if away else 0
        self.moved = self.moved or self._away >= MOVED_LOOKS
        if look.reading is not None:
            if look is not self._doubted:
                self.ballot.add(look.reading, width=box.width, sharpness=look.sharpness, at=at)
            self._last_read, self._read_width = at, box.width
        if look is not self._doubted and not self.settled and look.quality >= self.best.quality:
            self.best, self.best_seen = look, at
        self._doubted = None

    def take(self, later: "Track") -> None:
        """Joins a later track of the same vehicle to this one."""
        self._velocity = self._speed_with(later)
        self.ballot.take(later.ballot)
        if self.read is None:
            self.read, self.read_at = later.read, later.read_at
        self.settled = self.settled or later.settled
        self.looks += later.looks
        self.whole_looks += later.whole_looks
        self.is_cut_off = later.is_cut_off
        self.missed = later.missed
        self.last_seen = max(self.last_seen, later.last_seen)
        self.first_seen = min(self.first_seen, later.first_seen)
        self.widest = max(self.widest, later.widest)
        self._found += later._found
        self._places.extend(later._places)
        self.moved = self.moved or later.moved
        if later.best.quality >= self.best.quality:
            self.best, self.best_seen = later.best, later.best_seen
        if distance(self._anchor, later.box) > STILL_WIDTHS * later.box.width:
            self._anchor, self._anchored = later._anchor, later._anchored
        self.box = later.box
        self._last_read, self._read_width = later._last_read, later._read_width
        if self.settled:
            self.settle()

    def settle(self) -> None:
        """Nothing more is handed on of it: no picture of it is needed any more."""
        self.settled, self._doubted = True, None
        self.best = replace(self.best, crop=None)
        if self.read is not None:
            self.read = replace(self.read, crop=None)

    def _speed_with(self, later: "Track") -> tuple[float, float]:
        """How fast it goes. One look alone does not tell: as if it stood still, the next look would miss it again."""
        seconds = (later.last_seen - self.last_seen).total_seconds()
        return self._blend(later.box, seconds) if later.looks == 1 and seconds > 0 else later._velocity

    @property
    def sureness(self) -> float:
        """The detector's mean confidence over all looks, 0..1."""
        return self._found / self.looks

    def predicted(self, at: datetime) -> Box:
        """Where the plate should be by now."""
        seconds = min((at - self.last_seen).total_seconds(), 1.0)
        dx, dy = self._velocity[0] * seconds, self._velocity[1] * seconds
        return Box(x1=self.box.x1 + dx, y1=self.box.y1 + dy, x2=self.box.x2 + dx, y2=self.box.y2 + dy)

    def place(self, at: datetime) -> Box:
        """Where it was in the look nearest to `at`, of those that are remembered."""
        return min(self._places, key=lambda one: abs((one[0] - at).total_seconds()))[1]

    def apart(self, other: "Track") -> float:
        """How far apart one and the same look has found both, at most, in widths of the wider; 0 where none has."""
        theirs = dict(other._places)
        both = [(box, theirs[at]) for at, box in self._places if at in theirs]
        return max((distance(here, there) / max(here.width, there.width) for here, there in both), default=0.0)

    def stood_still(self) -> float:
        """For how many seconds before it was last seen the plate has not moved."""
        return (self.last_seen - self._anchored).total_seconds()

    @property
    def stands(self) -> bool:
        """Whether it has not moved for long enough to be looked for in its place only."""
        return self.stood_still() >= STANDS_SECONDS

    def was_going(self, at: datetime, *, within: float) -> bool:
        """Whether it was on its way at the last frame, at `at`, as two looks within so many seconds tell.

        Where nothing moves there are looks only now and then: what has not moved since its last look stands.
        """
        if self.looks < 2 or (self.last_seen - self._places[-2][0]).total_seconds() > within:
            return False
        until = self.last_seen if self.missed else at
        return (until - self._anchored).total_seconds() < STANDS_SECONDS

    def leaves_in(self, size: tuple[int, int]) -> float:
        """In how many seconds it will reach the edge of a picture of `size` (width, height), as it goes now."""
        times = [math.inf]
        for start, end, speed, limit in (
            (self.box.x1, self.box.x2, self._velocity[0], size[0]),
            (self.box.y1, self.box.y2, self._velocity[1], size[1]),
        ):
            if abs(speed) > 1.0:
                times.append((limit - end) / speed if speed > 0 else start / -speed)
        return max(0.0, min(times))

    def is_known(self, box: Box, at: datetime) -> bool:
        """Whether another reading of `box` would tell nothing: it shows this plate, and what it says is known."""
        since = (at - self._last_read).total_seconds()
        says_nothing = self.stands and self.ballot.says_nothing()
        if says_nothing or (self.looks >= KNOWN_LOOKS and self.stood_still() >= KNOWN_SECONDS):
            return since < (NOTHING_SECONDS if says_nothing else KNOWN_SECONDS) and overlap(self.box, box) > 0.6
        if not (self.ballot.is_stable() or self.ballot.says_nothing()) or box.width >= GROWN * self._read_width:
            return False
        return since < STABLE_SECONDS and distance(self.predicted(at), box) < 0.4 * box.width

    def reach(self, at: datetime) -> float:
        """How far from its predicted place, in pixels, the plate may be found."""
        seconds = min((at - self.last_seen).total_seconds(), 1.0)
        if self.looks < 2 and seconds < STRANGE:  # how fast it goes is not known yet
            return FIRST_STEP * self.box.width * max(1.0, seconds / FIRST_SECONDS)
        return 0.75 * self.box.width + 0.6 * math.hypot(*self._velocity) * seconds

    def says_otherwise(self, look: Look) -> bool:
        """Whether a look is surely another plate: half of the characters differ, and both sides are sure of theirs."""
        mine, theirs = self.ballot.result(), look.reading
        if mine is None or theirs is None or mine.agreement < SURE or theirs.confidence < SURE:
            return False
        if mine.text in theirs.text or theirs.text in mine.text:
            return False
        return differences(mine.text, theirs.text) * 2 >= max(len(mine.text), len(theirs.text))

    def refuses(self, look: Look) -> bool:
        """Whether a look that lies in the right place is another vehicle; one odd look against many is only odd."""
        if not self.says_otherwise(look):
            return False
        self._contradictions += 1
        is_refused = self._contradictions >= 2 or self.ballot.readings < 3
        self._doubted = None if is_refused else look
        return is_refused

    def _blend(self, box: Box, seconds: float) -> tuple[float, float]:
        here, there = centre(self.box), centre(box)
        measured = (there[0] - here[0]) / seconds, (there[1] - here[1]) / seconds
        if self.looks < 2:
            return measured
        return 0.4 * self._velocity[0] + 0.6 * measured[0], 0.4 * self._velocity[1] + 0.6 * measured[1]


def match(tracks: Sequence[Track], looks: Sequence[Look], at: datetime) -> list[tuple[Track, Look]]:
    """Pairs tracks with looks, nearest first; each is used once."""
    offers = []
    for t, track in enumerate(tracks):
        place = track.predicted(at)
        for n, look in enumerate(looks):
            box = look.detection.box
            far = distance(place, box)
            near = far <= track.reach(at) and 0.5 <= box.width / max(place.width, 1.0) <= 2.0
            if near and (not track.stands or overlap(place, box) >= STANDS_OVERLAP):
                offers.append((far / track.reach(at) - overlap(place, box), t, n))
    pairs: list[tuple[Track, Look]] = []
    used_tracks: set[int] = set()
    used_looks: set[int] = set()
    for _, t, n in sorted(offers):
        if t in used_tracks or n in used_looks or tracks[t].refuses(looks[n]):
            continue
        used_tracks.add(t)
        used_looks.add(n)
        pairs.append((tracks[t], looks[n]))
    return pairs


def distance(one: Box, other: Box) -> float:
    """Pixels between the middles of two boxes."""
    return math.dist(centre(one), centre(other))


def nested(one: Box, other: Box) -> bool:
    """Whether the middle of one box lies in the other: the same plate, found twice."""
    return any(
        outer.x1 <= centre(inner)[0] <= outer.x2 and outer.y1 <= centre(inner)[1] <= outer.y2
        for inner, outer in ((one, other), (other, one))
    )


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    wide = min(one.x2, other.x2) - max(one.x1, other.x1)
    high = min(one.y2, other.y2) - max(one.y1, other.y1)
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    return shared / (one.width * one.height + other.width * other.height - shared)
