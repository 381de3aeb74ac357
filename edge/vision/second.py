"""The second look: a part of the picture at twice the scale, where a plate was and the first look has lost it.

A plate that is small, distant or blurred is found there that the look at the whole picture misses. It is one look
more, so it is taken only to keep to something with a text that goes by and is not sure yet.
"""

from collections.abc import Sequence
from datetime import datetime

from edge.values import Box, Detection
from edge.vision.parts import Size, centre, comes_near, part_around, whole
from edge.vision.tracker import Track, nested

CLOSELY_SURE = 0.45
"""What a close look finds and nobody expected counts from this confidence on: more things look like plates there."""
CLOSER = 0.5
"""The part's width and height, of what a look at a part otherwise holds."""
SHORTEST = 4
AGREEMENT = 0.5
MOST_MISSED = 2
"""Looks in a row without the plate, after which it is not looked for any more."""


def part_to_look_at(
    tracks: Sequence[Track], found: Sequence[Detection], at: datetime, size: Size, reach: Size
) -> Box | None:
    """The part of a picture of `size` that is worth a second look after the first `found` so much (see Detecting)."""
    for track in tracks:
        box = track.predicted(at)
        if not is_worth_it(track) or comes_near(box, whole(size), 0.0):
            continue
        if not any(nested(one.box, box) or follows(track, one, at) for one in found):
            return part_around(box, (CLOSER * reach[0], CLOSER * reach[1]), size)
    return None


def is_worth_it(track: Track) -> bool:
    """Whether a track has the makings of a plate that goes by, and is about to be lost."""
    vote = track.ballot.result()
    if vote is None or track.settled or track.stands or track.missed > MOST_MISSED or track.ballot.is_stable():
        return False
    return len(vote.text) >= SHORTEST and vote.agreement >= AGREEMENT


def follows(track: Track, one: Detection, at: datetime) -> bool:
    """Whether what was found may be the track's plate."""
    here, there = centre(track.predicted(at)), centre(one.box)
    return abs(here[0] - there[0]) + abs(here[1] - there[1]) <= track.reach(at)
