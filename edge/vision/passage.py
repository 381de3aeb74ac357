"""What is a passage and what is not: one vehicle, one read, however often its plate is lost and found again.

A candidate that is not believed is dropped and counted by reason; a silent miss is worse than a counted one.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.rejection import Rejection
from edge.values import Box, PlateRead
from edge.vision.parts import centre, inside
from edge.vision.texts import differences
from edge.vision.tracker import Track, distance
from edge.vision.vote import Vote

STILL_SECONDS = 1.5
"""A plate that has not moved for so long belongs to a vehicle that stands."""
PATIENCE_SECONDS = 1.2
"""How long a moving plate may be out of sight before its vehicle has gone."""
PATIENCE_STANDING_SECONDS = 20.0
"""The same for a vehicle that stands: a bus may stop in front of it."""
LEAST_MISSED = 3
"""Looks without the plate before its vehicle may have gone, whatever the time."""
WATCHED_SECONDS = 3.0
"""How long what has never moved is watched before it is believed: a burnt-in clock ticks in that time."""
HAND_ON_SECONDS = 60.0
"""A vehicle that stays is handed on after this long, however unsure its text is."""
CORRECTION_SECONDS = 30.0
"""How long after a read was handed on a correction may follow."""
TOGETHER_SECONDS = 0.4
"""Between the last look at one thing and the first at another that goes with it, at most."""
SURELY_A_PLATE = 0.5
"""The detector's mean confidence, over all looks, in what is surely a plate."""
FOLLOWED_EVIDENCE = 0.28
"""What goes by is believed from here on: how sure the detector is of a plate, times how well its looks agree."""
STANDING_EVIDENCE = 0.35
"""What has never moved, only from here on: lettering on a wall or on a parked van stays in view for hours."""
PLATES_AGREEMENT = 0.4
"""Other lettering goes with a plate that is read at least so well."""
APART_WIDTHS = 2.0
"""Plates that one look finds so far apart are those of two vehicles, however alike their texts."""
MARGIN_OF_PICTURE = 0.12
"""The part of the picture's height, at top and bottom, where cameras burn in the time."""

_TIMES = (
    re.compile(r"(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d*"),  # year, month, day, and what follows
    re.compile(r"(0[1-9]|[12]\d|3[01])(0[1-9]|[12]\d|3[01])20\d\d\d*"),  # day and month in either order, year
    re.compile(r"([01]\d|2[0-3])[0-5]\d[0-5]\d"),  # hours, minutes, seconds
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausibility:
    """What a candidate must have to be believed. `confidence` is the least that a read is handed on with."""

    confidence: float = 0.0
    agreement: float = 0.7
    character_confidence: float = 0.35
    followed_looks: int = 5
    followed_sureness: float = SURELY_A_PLATE
    followed_evidence: float = FOLLOWED_EVIDENCE
    standing_evidence: float = STANDING_EVIDENCE
    single_look_agreement: float = 0.9
    long_text_agreement: float = 0.9
    width: float = 36.0
    flattest: float = 8.0
    steepest: float = 0.8
    shortest: int = 3
    usual_shortest: int = 4
    usual_longest: int = 8
    longest: int = 10

    def rejection(self, track: Track, vote: Vote | None, size: tuple[int, int]) -> Rejection | None:
        """The first reason not to believe a candidate in a picture of `size` (width, height), or None."""
        if track.widest < self.width:
            return Rejection.TOO_SMALL
        if vote is None:
            return Rejection.NO_TEXT
        box = track.best.detection.box
        if not self.steepest <= box.width / max(box.height, 1.0) <= self.flattest:
            return Rejection.SHAPE
        if not self._is_as_long_as_a_plate(track, vote):
            return Rejection.LENGTH
        unsure = self._unsure(track, vote)
        burnt_in = is_a_time(vote.text) and _at_the_margin(box, size)
        if not track.moved and (burnt_in or not (unsure or track.ballot.still_says(vote.text))):
            return Rejection.TIMESTAMP
        return unsure

    def _is_as_long_as_a_plate(self, track: Track, vote: Vote) -> bool:
        """A text of an unusual length is believed when it goes by and is read well: some plates have three or ten."""
        length, read_well = len(vote.text), vote.agreement >= self.agreement
        if length > self.usual_longest:
            well = read_well if self._went_by(track) else vote.agreement >= self.long_text_agreement
            return length <= self.longest and well
        # a badge has three as well, but is hardly found as surely as a plate
        is_surely_one = self._went_by(track) and track.sureness >= self.followed_sureness
        return length >= self.usual_shortest or (length >= self.shortest and read_well and is_surely_one)

    def _went_by(self, track: Track) -> bool:
        return track.moved and track.looks >= self.followed_looks

    def _unsure(self, track: Track, vote: Vote) -> Rejection | None:
        if vote.confidence < self.confidence:
            return Rejection.UNSURE
        evidence = track.sureness * vote.agreement
        # What goes by and looks like a plate is one, however hard it is to read.
        if self._went_by(track) and evidence >= self.followed_evidence:
            return None
        never_moved = track.stands and not track.moved
        if vote.agreement < self.agreement or (never_moved and evidence < self.standing_evidence):
            return Rejection.UNSURE
        if vote.lowest_character_confidence < self.character_confidence:
            return Rejection.UNSURE_CHARACTER
        span = track.ballot.span(vote.text)
        sure = vote.agreement >= self.single_look_agreement and track.sureness >= SURELY_A_PLATE
        if (span is None or span.readings < 2) and not sure:
            return Rejection.ONE_UNSURE_LOOK
        return None


def is_a_time(text: str) -> bool:
    """Whether a text is a date or a time of day as cameras write them."""
    return any(time.fullmatch(text) for time in _TIMES)


def _at_the_margin(box: Box, size: tuple[int, int]) -> bool:
    middle = centre(box)[1] / size[1]
    return middle <= MARGIN_OF_PICTURE or middle >= 1.0 - MARGIN_OF_PICTURE


def has_gone(track: Track, at: datetime, size: tuple[int, int]) -> bool:
    """Whether the vehicle of a track that is out of sight is not coming back; `size` is that of the picture."""
    unseen = (at - track.last_seen).total_seconds()
    if unseen < PATIENCE_SECONDS:
        return False
    stands = track.stood_still() >= STILL_SECONDS
    is_out = track.missed >= LEAST_MISSED or not inside(track.predicted(at), size)
    return is_out and (not stands or unseen >= PATIENCE_STANDING_SECONDS)


def went_unseen(track: Track, before: datetime, at: datetime) -> bool:
    """Whether what is in its place now may be another vehicle: nothing was seen after `before`, until `at`.

    A camera whose large stream is decoded only while something moves shows what stands every few seconds; and where
    all frames come so far apart, it is no outage.
    """
    unseen = (at - before).total_seconds()
    if unseen <= PATIENCE_SECONDS:  # as between nearly all frames
        return False
    return unseen > PATIENCE_STANDING_SECONDS or track.was_going(before, within=PATIENCE_SECONDS)


def is_over(track: Track, at: datetime, kept: timedelta) -> bool:
    """Whether the first look at what is not settled yet is as old as any may be: it is completed, and begins anew."""
    return not track.settled and at - track.first_seen >= kept


def is_ready(track: Track) -> bool:
    """Whether a vehicle that is still in view may be handed on: its text is stable, or it has stayed for very long."""
    seen = (track.last_seen - track.first_seen).total_seconds()
    if seen >= HAND_ON_SECONDS:
        return True
    return (track.moved or seen >= WATCHED_SECONDS) and track.ballot.is_stable()


def is_final(track: Track, at: datetime) -> bool:
    """Whether it is too late for a correction of what was handed on."""
    return (at - track.read_at).total_seconds() >= CORRECTION_SECONDS


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


def is_passing(track: Track) -> bool:
    """Whether a plate goes by, or did when it was last seen."""
    return track.moved and track.stood_still() < STILL_SECONDS


def goes_with(track: Track, other: Track, widths: float) -> bool:
    """Whether two tracks were in view at the same time, or just after one another, and near: in widths of the other."""
    first, second = sorted((track, other), key=lambda one: one.last_seen)
    begins = max(first.last_seen, second.first_seen)
    if other is track or (begins - first.last_seen).total_seconds() > TOGETHER_SECONDS:
        return False
    here, there = first.place(begins), second.place(begins)
    return distance(here, there) < widths * max(here.width, there.width)


def is_echo(track: Track, vote: Vote, others: Sequence[Track]) -> bool:
    """Whether this is the plate of another track, found twice or in pieces: nearly its text, seen less often, near.

    What is found at two places at once is a plate and its reflection only where the text is the same.
    """
    for other in others:
        plate, is_dropped = other.ballot.result(), other.settled and other.read is None
        if plate is None or is_dropped or not goes_with(track, other, 8.0):
            continue
        if other.ballot.readings < track.ballot.readings:
            continue
        differ = differences(vote.text, plate.text)
        alike = 2 * differ < len(vote.text) or vote.text in plate.text
        if alike and (differ == 0 or track.apart(other) <= APART_WIDTHS):
            return True
    return False


def is_lettering(track: Track, vote: Vote, others: Sequence[Track]) -> bool:
    """Whether this is a badge, a name or a number on a vehicle whose plate is another track, which goes with it."""
    wordy = not any(sign.isdigit() for sign in vote.text)
    for other in others:
        plate = other.ballot.result()
        if (
            plate is None
            or not is_passing(other)
            or other.sureness < SURELY_A_PLATE
            or not goes_with(track, other, 6.0)
        ):
            continue
        factor = 2 if track.sureness < SURELY_A_PLATE else 3 if track.ballot.readings <= 2 else math.inf
        rarer = factor * track.ballot.readings <= other.ballot.readings
        named = wordy and track.moved and track.looks <= other.looks + 3 and any(sign.isdigit() for sign in plate.text)
        if (rarer or named) and plate.agreement >= PLATES_AGREEMENT:
            return True
    return False


def part_of_another(track: Track, vote: Vote, others: Sequence[Track]) -> Rejection | None:
    """Why a track is no vehicle of its own: another one is its plate."""
    if is_echo(track, vote, others):
        return Rejection.SAME_VEHICLE
    return Rejection.LETTERING if is_lettering(track, vote, others) else None


def made(track: Track, vote: Vote, *, read_id: str, camera_id: str, replaces: str | None) -> PlateRead:
    """The read of a track; its stamps are those of the looks that read this text, not of what it began on."""
    span = track.ballot.span(vote.text)
    return PlateRead(
        read_id=read_id,
        camera_id=camera_id,
        first_seen=span.first if span else track.first_seen,
        best_seen=track.best_seen,
        last_seen=span.last if span else track.last_seen,
        box=track.best.detection.box,
        text=vote.text,
        confidence=round(vote.confidence, 4),
        lowest_character_confidence=round(vote.lowest_character_confidence, 4),
        frames=span.readings if span else 1,
        replaces=replaces,
        crop=track.best.crop,
    )
