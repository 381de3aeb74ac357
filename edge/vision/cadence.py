"""When to look next, and at which part of the picture: where something moves, and at plates that are in view.

A look at a part costs a fifth of one at the whole, which is taken at the start, every few seconds, so that a parked
vehicle is seen, and where what moves does not fit into a part.
"""

from collections.abc import Sequence
from datetime import datetime

from edge.values import Box, Frame
from edge.vision.eyesight import Gate
from edge.vision.parts import around, covers, inside, middle, part_around, whole, wider, with_room
from edge.vision.passage import LEAST_MISSED
from edge.vision.tracker import READABLE_WIDTH, Track

LOOK_SECONDS = 0.15
"""Between two looks at a road on which something moves and nothing stable is in view yet."""
AGAIN_SECONDS = 0.05
"""Between the first look at a plate and the one that finds it again: later it may be too far away to be matched."""
SLOW_LOOK_SECONDS = 0.25
"""Between two looks when the text of every plate in view is stable, or one has just left and none is in view."""
ALL_SECONDS = 0.7
"""Between two looks at all that moves, while there are plates to follow."""
CLOSE = 0.6
"""What is followed is seen larger, and every other look at what moves and shows no plate is at its middle: at a part of
so much of the width and height of another."""
FOLLOWED_MISSED = 1
"""Looks in a row without a plate, after which it is not followed any more: what moves is looked at."""
WANTED_LOOKS = 8
"""A plate that would leave sooner is looked at faster, so that it is still seen whole so often."""
SPARSE_SECONDS = 0.24
"""Frames that are so far apart show all that moves in each look: nobody knows where a plate is by the next."""
IDLE_LOOK_SECONDS = 3.0
"""Between two looks at the whole picture, so that a parked vehicle is seen."""
GLANCE_SECONDS = 0.05
"""Between two pictures that are held against one another to see whether something moves."""
GATE_SECONDS = 0.1
"""How long looking goes on after the last motion."""
ATTENDED_LOOKS = 24
"""So many looks a text that is not sure yet is followed although nothing moves: its vehicle has just stopped."""
_EARLY = 0.005
"""Frames come a little early at times."""


class Cadence:
    """When and where one camera's picture is looked at. `reach` is how much a part may hold (see Detecting)."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._last_frame: tuple[datetime, int] | None = None
        self._is_sparse = False
        self._last_glance: datetime | None = None
        self._last_motion: datetime | None = None
        self._last_look: datetime | None = None
        self._last_all: datetime | None = None
        self._last_whole: datetime | None = None
        self._motion: Box | None = None
        self._patience: float | None = None
        """Seconds from the last look to the next; what is followed changes with a look only."""

    def part(self, frame: Frame, tracks: Sequence[Track], reach: tuple[float, float], pace: float) -> Box | None:
        """The part to look at in this frame, the whole picture at times; None: it is not time for a look."""
        at, size = frame.captured_at, frame.picture.size
        self._notice(frame)
        is_time = not 0 <= _since(self._last_whole, at) < IDLE_LOOK_SECONDS
        if self._patience is None:
            self._patience = _patience(tracks, at, size)
        if not is_time and _since(self._last_look, at) < self._patience / pace - _EARLY:
            return None
        self._glance(frame)
        if is_time:
            return self._looked(at, whole(size), size)
        if 0 <= _since(self._last_motion, at) <= GATE_SECONDS:
            return self._chosen(at, tracks, size, reach, self._motion)
        stopped = around([track.predicted(at) for track in tracks if _is_attended(track, at, size)])
        return None if stopped is None else self._chosen(at, tracks, size, reach, stopped)

    def _notice(self, frame: Frame) -> None:
        """How far apart the camera's frames are, counting those that were dropped because this device was busy."""
        if self._last_frame is not None:
            before, sequence = self._last_frame
            apart = _since(before, frame.captured_at) / max(1, frame.sequence - sequence)
            self._is_sparse = apart > SPARSE_SECONDS
        self._last_frame = frame.captured_at, frame.sequence

    def _glance(self, frame: Frame) -> None:
        """Asks the gate where something moves, but not of every picture."""
        at = frame.captured_at
        if 0 <= _since(self._last_glance, at) < GLANCE_SECONDS - _EARLY:
            return
        self._last_glance = at
        motion = self._gate.moving(frame)
        if motion is not None:
            self._last_motion, self._motion = at, motion

    def _chosen(
        self, at: datetime, tracks: Sequence[Track], size: tuple[int, int], reach: tuple[float, float], stir: Box | None
    ) -> Box:
        """The part to look at, `stir` is where something moves or has just stopped."""
        followed = [track.predicted(at) for track in tracks if _is_followed(track)]
        plates = around([box for box in followed if inside(box, size)])
        close, wants_all = (CLOSE * reach[0], CLOSE * reach[1]), self._wants_all(at)
        if plates is not None and covers(reach, plates) and not wants_all:
            return self._looked(at, part_around(with_room(plates), close, size), size, at_all=False)
        everything = around([box for box in (plates, stir) if box is not None])
        if everything is None or not covers(wider(reach), everything):
            return self._looked(at, whole(size), size)
        if plates is None and not wants_all and self._last_all == self._last_look:
            # nothing was found in it just now: a plate is mostly in the middle
            return self._looked(at, part_around(middle(everything), close, size), size, at_all=False)
        return self._looked(at, part_around(everything, reach, size), size)

    def _wants_all(self, at: datetime) -> bool:
        return self._is_sparse or _since(self._last_all, at) >= ALL_SECONDS

    def _looked(self, at: datetime, part: Box, size: tuple[int, int], *, at_all: bool = True) -> Box:
        """Notes a look at a part; `at_all`: it holds all that moves."""
        self._last_look, self._patience = at, None
        if at_all:
            self._last_all = at
        if part == whole(size):
            self._last_whole = at
        return part


def _since(before: datetime | None, at: datetime) -> float:
    return float("inf") if before is None else (at - before).total_seconds()


def _is_followed(track: Track) -> bool:
    # one that has become too small to read would keep the looks from the next vehicle, and tell nothing
    is_readable = track.ballot.readings > 0 and track.box.width >= READABLE_WIDTH
    return is_readable and track.missed <= FOLLOWED_MISSED and not track.stands


def _is_attended(track: Track, at: datetime, size: tuple[int, int]) -> bool:
    """Whether a few more looks may tell the text of something in view, or that its vehicle has gone."""
    if not track.ballot.readings or track.settled or track.read or track.missed >= LEAST_MISSED:
        return False
    if track.missed and not inside(track.predicted(at), size):
        return False  # it has left the picture
    return track.looks < ATTENDED_LOOKS or (track.missed > 0 and not track.stands)


def _patience(tracks: Sequence[Track], at: datetime, size: tuple[int, int]) -> float:
    """Seconds until the next look is due while something moves."""
    # what has no text is mostly a lamp or a grille, and worth no look of its own
    with_text = [track for track in tracks if track.ballot.readings]
    in_view = [track for track in with_text if not track.missed]
    if any(track.looks == 1 and track.missed < LEAST_MISSED for track in with_text):
        return AGAIN_SECONDS
    unsure = [track for track in in_view if not (track.settled or track.ballot.is_stable())]
    if not unsure and (in_view or any(not inside(track.predicted(at), size) for track in with_text)):
        return SLOW_LOOK_SECONDS
    wanted = [LOOK_SECONDS]
    for track in unsure:
        missing = WANTED_LOOKS - track.whole_looks
        if missing > 0 and not track.is_cut_off:  # one that is cut off tells nothing any more
            wanted.append(track.leaves_in(size) / (missing + 1))  # the last of them is already cut off
    return max(0.0, min(wanted))
