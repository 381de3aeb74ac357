"""Frames in, one `PlateRead` per passing vehicle out.

Nothing is looked at more often than needed: the gate says when something moves, the cadence how often to look.
"""

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import cv2

from edge.clock import Clock
from edge.values import Box, Detection, Frame, Picture, Pixels, PlateRead
from edge.vision.gate import MotionGate
from edge.vision.passage import LEAST_MISSED, Memory, Plausibility, Rejection, has_gone, same_vehicle
from edge.vision.reader import Reading, cut_from
from edge.vision.tracker import Look, Track, match

LOOK_SECONDS = 0.1
"""Between two looks at a road on which something moves: a plate in view for 0.8 s gets eight."""
IDLE_LOOK_SECONDS = 2.0
"""Between two looks at a road on which nothing moves, so that a parked vehicle is seen."""
GATE_SECONDS = 0.6
"""How long looking goes on after the last motion."""
SHOWN_MARGIN = 0.1
"""Free space around the plate in the crop that people see, as a part of the box on each side."""
READABLE_WIDTH = 28.0
"""Pixels; a narrower plate is followed but not read yet."""
EDGE = 0.004
"""A box that comes nearer to the picture's edge than this part of its width is cut off: the detector sees no finer."""
HAND_ON_SECONDS = 60.0
"""A vehicle that stays is handed on after this long."""


class Detecting(Protocol):
    """Finds plates in a picture (edge.vision.Detector)."""

    def look(self, picture: Picture, part: Box | None = None) -> list[Detection]: ...


class Reads(Protocol):
    """Reads one crop (edge.vision.Reader), cut with the margin that it wants."""

    @property
    def margin(self) -> float: ...

    def read(self, crop: Pixels) -> Reading: ...


class Eyesight(Protocol):
    """A detector and a reader (edge.vision.Models)."""

    @property
    def detector(self) -> Detecting: ...

    @property
    def reader(self) -> Reads: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was done so far. `rejected` says how many candidates were dropped, by reason."""

    frames: int
    looks: int
    readings: int
    passages: int
    rejected: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A plate in view: its place in the latest frame that was looked at, and the text so far."""

    box: Box
    text: str = field(repr=False)
    confidence: float


class Vision:
    """The eyes of one camera. Not thread safe; frames must come in order."""

    def __init__(
        self,
        *,
        models: Eyesight,
        clock: Clock,
        plausibility: Plausibility | None = None,
        reread_after: timedelta = timedelta(minutes=30),
    ) -> None:
        self._models = models
        self._clock = clock
        self._plausibility = plausibility or Plausibility()
        self._memory = Memory(reread_after=reread_after)
        self._gate = MotionGate()
        self._tracks: list[Track] = []
        self._last_look: datetime | None = None
        self._last_motion: datetime | None = None
        self._camera_id = ""
        self._size = (0, 0)
        self._count: Counter[str] = Counter()
        self._rejected: Counter[Rejection] = Counter()

    def passages(self, frame: Frame) -> list[PlateRead]:
        """The passages that are complete with this frame, mostly none. Raises ModelError."""
        self._camera_id = frame.camera_id
        self._count["frames"] += 1
        done: list[PlateRead] = []
        wide, high = frame.picture.size
        if (high, wide) != self._size:
            done = self.finish()
            self._size = (high, wide)
        if self._gate.moving(frame):
            self._last_motion = frame.captured_at
        if self._is_due(frame.captured_at):
            self._look(frame)
        return done + self._settle(frame.captured_at)

    def finish(self) -> list[PlateRead]:
        """Completes every passage that is still in view, at the end of a recording."""
        tracks, self._tracks = self._tracks, []
        return [read for track in tracks if not track.handed_on and (read := self._hand_on(track)) is not None]

    @property
    def counts(self) -> Counts:
        """How much was looked at, read, handed on and dropped."""
        return Counts(
            frames=self._count["frames"],
            looks=self._count["looks"],
            readings=self._count["readings"],
            passages=self._count["passages"],
            rejected={reason.value: self._rejected[reason] for reason in Rejection if self._rejected[reason]},
        )

    def in_view(self, at: datetime) -> list[Sighting]:
        """The plates that are in view at `at`, where they should be by now."""
        shown = []
        for track in self._tracks:
            if track.missed == 0 or (track.missed < LEAST_MISSED and track.stood_still() > 1.0):
                vote = track.ballot.result()
                text, confidence = (vote.text, vote.confidence) if vote else ("", 0.0)
                shown.append(Sighting(box=track.predicted(at), text=text, confidence=confidence))
        return shown

    def _is_due(self, at: datetime) -> bool:
        """Whether it is time for a look at the whole frame."""
        if self._last_look is None or self._last_motion is None:
            return True
        since = (at - self._last_look).total_seconds()
        if since < 0 or since >= IDLE_LOOK_SECONDS:
            return True
        moving = (at - self._last_motion).total_seconds() <= GATE_SECONDS
        # A plate that was just found is looked at again at once: the next look may be too far away to be matched.
        if any(track.looks == 1 and track.missed == 0 for track in self._tracks):
            return moving
        return moving and since >= LOOK_SECONDS - 0.005

    def _look(self, frame: Frame) -> None:
        self._last_look = frame.captured_at
        self._count["looks"] += 1
        looks = [self._examine(frame, detection) for detection in self._models.detector.look(frame.picture)]
        pairs = match(self._tracks, looks, frame.captured_at)
        matched = {id(look) for _, look in pairs}
        seen = {id(track) for track, _ in pairs}
        for track in self._tracks:
            track.missed += id(track) not in seen
        for track, look in pairs:
            track.update(look, frame.captured_at)
        fresh = [look for look in looks if look.whole and id(look) not in matched]
        self._tracks += [Track(look, frame.captured_at) for look in fresh]
        self._rejoin(frame.captured_at)

    def _examine(self, frame: Frame, detection: Detection) -> Look:
        """Reads one plate that was found, unless it is too small, partly out of the picture or known already."""
        box = detection.box
        high, wide = self._size
        edge = max(2.0, EDGE * wide)
        whole = box.x1 >= edge and box.y1 >= edge and box.x2 <= wide - edge and box.y2 <= high - edge
        known = any(track.is_known(box, frame.captured_at) for track in self._tracks)
        if known or not whole or box.width < READABLE_WIDTH:
            return Look(detection=detection, reading=None, crop=None, quality=0.0, whole=whole)
        reader = self._models.reader
        reading = reader.read(cut_from(frame.picture, box, margin=reader.margin))
        crop = cut_from(frame.picture, box, margin=SHOWN_MARGIN)
        self._count["readings"] += 1
        sharpness = math.sqrt(float(cv2.Laplacian(crop[:, :, 1], cv2.CV_32F).var()) + 1.0)
        quality = box.width * sharpness * reading.confidence**2
        return Look(detection=detection, reading=reading, crop=crop, quality=quality, whole=True)

    def _rejoin(self, at: datetime) -> None:
        """Joins tracks of one vehicle that was out of sight for a while."""
        for lost in [track for track in self._tracks if track.missed]:
            for found in [track for track in self._tracks if not track.missed]:
                if found.first_seen > lost.last_seen and same_vehicle(lost, found, at):
                    lost.take(found)
                    self._tracks = [track for track in self._tracks if track is not found]
                    break

    def _settle(self, at: datetime) -> list[PlateRead]:
        """Hands on what has gone, and what has stayed for long."""
        done: list[PlateRead] = []
        for track in list(self._tracks):
            gone = has_gone(track, at)
            stays = (track.last_seen - track.first_seen).total_seconds() >= HAND_ON_SECONDS
            if (gone or stays) and not track.handed_on:
                read = self._hand_on(track)
                done += [read] if read else []
            if gone:
                self._memory.saw(track)
                self._tracks = [other for other in self._tracks if other is not track]
        return done

    def _hand_on(self, track: Track) -> PlateRead | None:
        """Makes the read of a track; None when it is not believed, or when its vehicle was handed on before."""
        track.handed_on = True
        vote = track.ballot.result()
        reason = self._plausibility.rejection(track, vote)
        if reason is None and vote is not None and self._memory.knows(track, vote):
            reason = Rejection.SAME_VEHICLE
        if reason is not None or vote is None:
            self._rejected[reason or Rejection.NO_TEXT] += 1
            return None
        span = track.ballot.span(vote.text)
        self._memory.remember(track, vote)
        self._count["passages"] += 1
        return PlateRead(
            read_id=self._clock.new_id(),
            camera_id=self._camera_id,
            # A track may have begun on something else, such as a sign that the vehicle passed.
            first_seen=span.first if span else track.first_seen,
            best_seen=track.best_seen,
            last_seen=span.last if span else track.last_seen,
            box=track.best.detection.box,
            text=vote.text,
            confidence=round(vote.confidence, 4),
            lowest_character_confidence=round(vote.lowest_character_confidence, 4),
            frames=span.readings if span else 1,
            crop=track.best.crop,
        )
