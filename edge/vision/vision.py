"""Frames in, one `PlateRead` per passing vehicle out.

Nothing is looked at more often than needed: the gate says when something moves, the cadence how often to look.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from edge.clock import Clock
from edge.rejection import Rejection
from edge.values import Box, Detection, Frame, PlateRead
from edge.vision.area import EVERYWHERE, Area
from edge.vision.cadence import WANTED_LOOKS, Cadence
from edge.vision.eyesight import Counts, Eyesight, Gate, Sighting
from edge.vision.gate import MotionGate
from edge.vision.memory import FORGOTTEN_AFTER, Memory
from edge.vision.parts import comes_near, is_cut, is_in_sight, whole
from edge.vision.passage import (
    LEAST_MISSED,
    PATIENCE_SECONDS,
    Plausibility,
    has_gone,
    is_final,
    is_over,
    is_ready,
    made,
    part_of_another,
    same_vehicle,
    went_unseen,
)
from edge.vision.reader import cuts_from, sharpness_of, two_margins
from edge.vision.second import CLOSELY_SURE, follows, part_to_look_at
from edge.vision.tracker import READABLE_WIDTH, Look, Track, match, nested
from edge.vision.vote import Vote

SHOWN_MARGIN = 0.1
"""Free space around the plate in the crop that people see, as a part of the box on each side."""
SETTLED_EVERY = timedelta(seconds=0.1)
"""How often what has left is asked for between the looks."""
EDGE = 0.004
"""A box that comes nearer to the picture's edge than this part of its width is cut off: the detector sees no finer."""


class Vision:
    """The eyes of one camera. Not thread safe; frames must come in order.

    `pace` (1.0 is full) makes looks rarer when the device cannot keep up.
    """

    def __init__(
        self,
        *,
        models: Eyesight,
        clock: Clock,
        plausibility: Plausibility | None = None,
        reread_after: timedelta = timedelta(minutes=30),
        area: Area = EVERYWHERE,
        gate: Gate | None = None,
    ) -> None:
        self._models = models
        self._clock = clock
        self._plausibility = plausibility or Plausibility()
        self._memory = Memory(reread_after=reread_after)
        self._area = area
        self._cadence = Cadence(gate or MotionGate(area))
        self._tracks: list[Track] = []
        self._kept = FORGOTTEN_AFTER
        self._camera_id = ""
        self._settled_at = self._seen_at = datetime.min.replace(tzinfo=UTC)
        self._sees = True  # until a look fails
        self._size, self._reach = (0, 0), (0.0, 0.0)
        self._count: Counter[str] = Counter()
        self._rejected: Counter[Rejection] = Counter()
        self.pace = 1.0

    def passages(self, frame: Frame) -> list[PlateRead]:
        """The passages that became sure or complete with this frame, mostly none; and corrections. Raises ModelError.

        A correction names the read that it `replaces`; there is at most one for each.
        """
        self._camera_id = frame.camera_id
        self._count["frames"] += 1
        if done := self._ended_before(frame):
            return done  # a look at this frame may fail, and would take them with it
        at = frame.captured_at
        part = self._cadence.part(frame, self._tracks, self._reach, self.pace)
        if part is not None:
            self._sees = False
            self._look(frame, part)
            self._sees = True
        if self._sees:
            self._seen_at = at
        if part is None and timedelta(0) <= at - self._settled_at < SETTLED_EVERY:
            return []
        self._settled_at = at
        return self._settle(at)

    def finish(self) -> list[PlateRead]:
        """Completes every passage that is still in view, when no more frames come or they are of another kind."""
        return self._let_go(self._tracks)

    def forget(self, at: datetime, *, kept: timedelta) -> None:
        """Nothing is known any more of what was last seen longer before `at` than `kept`. To be called at every frame:
        what comes into view from then on is kept for no longer either.
        """
        self._kept = kept
        self._memory.forget(at, kept)

    def _let_go(self, tracks: Sequence[Track]) -> list[PlateRead]:
        """Completes passages that are still in view."""
        done: list[PlateRead] = []
        for track in tracks:
            stands = not (track.missed or track.was_going(self._seen_at, within=PATIENCE_SECONDS))
            done += self._complete(track, stands=stands)
        # only now: each is judged by what is in view beside it
        self._tracks = [track for track in self._tracks if track not in tracks]
        return done

    def moved(self, by: timedelta) -> None:
        """The clock of the frames was moved by so much, after a `finish`: what is remembered is moved along."""
        self._memory.moved(by)

    @property
    def counts(self) -> Counts:
        """How much was looked at, read, handed on and dropped. Any thread may ask: each figure is that of a moment."""
        return Counts(
            frames=self._count["frames"],
            looks=self._count["looks"],
            parts=self._count["parts"],
            readings=self._count["readings"],
            passages=self._count["passages"],
            corrections=self._count["corrections"],
            hurried=self._count["hurried"],
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

    def _ended_before(self, frame: Frame) -> list[PlateRead]:
        """Completes what has nothing to do with what is in view now: it went unseen, or was in another picture."""
        at, before = frame.captured_at, self._seen_at
        over = [each for each in self._tracks if went_unseen(each, before, at) or is_over(each, at, self._kept)]
        done = self._let_go(over)
        if frame.picture.size != self._size:
            done += self.finish()
            self._size = frame.picture.size
            self._reach = self._models.detector.reach(self._size)
        return done

    def _look(self, frame: Frame, part: Box) -> None:
        at = frame.captured_at
        found = self._found(frame, part)
        looks = [self._examine(frame, detection) for detection in found]
        looks += [self._examine(frame, detection) for detection in self._found_closely(frame, found)]
        pairs = match(self._tracks, looks, at)
        matched = {id(look) for _, look in pairs}
        seen = {id(track) for track, _ in pairs}
        for track in self._tracks:
            track.missed += id(track) not in seen and is_in_sight(track.predicted(at), part, self._size)
        for track, look in pairs:
            track.update(look, at)
        taken = [look.detection.box for _, look in pairs]
        fresh = [look for look in looks if look.whole and id(look) not in matched]
        self._tracks += [Track(look, at) for look in fresh if not any(nested(look.detection.box, box) for box in taken)]
        self._rejoin(at)

    def _found(self, frame: Frame, part: Box) -> list[Detection]:
        """What is found in a part of the picture; what the part cuts off is left to the next look."""
        self._count["looks"] += 1
        if part == whole(self._size):
            return self._inside(self._models.detector.look(frame.picture))
        self._count["parts"] += 1
        found = self._inside(self._models.detector.look(frame.picture, part))
        entire = [one for one in found if not is_cut(one.box, part, self._size)]
        if part.width >= self._reach[0]:
            return entire
        return [one for one in entire if one.confidence >= CLOSELY_SURE or self._is_expected(one, frame.captured_at)]

    def _is_expected(self, found: Detection, at: datetime) -> bool:
        """Whether it may be a plate that was read before."""
        return any(track.ballot.readings and follows(track, found, at) for track in self._tracks)

    def _inside(self, found: list[Detection]) -> list[Detection]:
        """Those that lie where the camera is to look."""
        inside = [one for one in found if self._area.holds(one.box, self._size)]
        self._rejected[Rejection.OUTSIDE] += len(found) - len(inside)
        return inside

    def _found_closely(self, frame: Frame, found: list[Detection]) -> list[Detection]:
        """What a second look finds that the first one did not."""
        part = part_to_look_at(self._tracks, found, frame.captured_at, self._size, self._reach)
        if part is None:
            return []
        more = self._found(frame, part)
        return [one for one in more if not any(nested(one.box, other.box) for other in found)]

    def _examine(self, frame: Frame, detection: Detection) -> Look:
        """Reads one plate that was found, unless it is too small, partly out of the picture or known already."""
        box = detection.box
        is_whole = not comes_near(box, whole(self._size), max(2.0, EDGE * self._size[0]))
        known = any(track.is_known(box, frame.captured_at) for track in self._tracks)
        if known or not is_whole or box.width < READABLE_WIDTH:
            return Look(detection=detection, whole=is_whole)
        reader = self._models.reader
        margins = (*two_margins(reader.margin), SHOWN_MARGIN)
        cut, roomier, shown = cuts_from(frame.picture, box, margins=margins)
        reading = reader.read(cut, roomier)
        self._count["readings"] += reading.cuts
        return Look(detection=detection, reading=reading, crop=shown, sharpness=sharpness_of(shown))

    def _rejoin(self, at: datetime) -> None:
        """Joins tracks of one vehicle that was out of sight for a while."""
        for lost in [track for track in self._tracks if track.missed]:
            for found in [track for track in self._tracks if not track.missed]:
                if found.first_seen >= lost.last_seen and same_vehicle(lost, found, at):
                    lost.take(found)
                    self._memory.joined(lost, found)
                    self._tracks = [track for track in self._tracks if track is not found]
                    break

    def _settle(self, at: datetime) -> list[PlateRead]:
        """Hands on what is stable, has gone, or has stayed for long; corrects what was handed on."""
        done: list[PlateRead] = []
        for track in list(self._tracks):
            if has_gone(track, at, self._size):
                done += self._complete(track)
                self._tracks = [other for other in self._tracks if other is not track]
            elif track.read is not None or track.settled:
                self._memory.saw(track)  # one that was handed on before, as another track, as well
                if not track.settled and is_final(track, at):
                    done += self._correct(track)
            elif not track.settled and track.last_seen == at and is_ready(track):
                done += self._hand_on(track, at, last_chance=False)
        return done

    def _complete(self, track: Track, *, stands: bool = False) -> list[PlateRead]:
        """What is still to be said of a vehicle that has gone, or is seen no more where it `stands`."""
        done: list[PlateRead] = []
        if track.read is not None:
            done = self._correct(track)
        elif not track.settled:
            done = self._hand_on(track, track.last_seen, last_chance=True)
        self._count["hurried"] += track.read is not None and track.whole_looks < WANTED_LOOKS and not track.stands
        self._memory.left(track, stands=stands)
        track.settle()
        return done

    def _hand_on(self, track: Track, at: datetime, *, last_chance: bool) -> list[PlateRead]:
        """Makes the read of a track; none when it is not believed, or when its vehicle was handed on before."""
        vote = track.ballot.result()
        reason = self._rejection(track, vote)
        if reason is Rejection.ONE_UNSURE_LOOK and last_chance and self._memory.completes(track):
            vote = track.ballot.result()
            reason = self._rejection(track, vote)
        if reason is None and vote is not None:
            if self._memory.knows(track, vote):  # first: a car that a bus hides often is no sign
                reason = Rejection.SAME_VEHICLE
            elif self._memory.is_fixture(track, vote):
                reason = Rejection.FIXTURE
            else:
                self._memory.remember(track, vote)
                self._count["passages"] += 1
                track.read, track.read_at = self._made(track, vote), at
                return [track.read]
        if reason is Rejection.SAME_VEHICLE or last_chance:
            track.settle()
            self._rejected[reason or Rejection.NO_TEXT] += 1
        return []

    def _rejection(self, track: Track, vote: Vote | None) -> Rejection | None:
        reason = self._plausibility.rejection(track, vote, self._size)
        if reason is None and vote is not None:
            reason = part_of_another(track, vote, [*self._tracks, *self._memory.ended])
        return reason

    def _correct(self, track: Track) -> list[PlateRead]:
        """The correction of what was handed on of a track, if the later looks say otherwise; there is none after it."""
        before, vote = track.read, track.ballot.result()
        if track.settled or before is None or vote is None:
            return []
        done: list[PlateRead] = []
        if vote.text != before.text and self._plausibility.rejection(track, vote, self._size) is None:
            self._memory.remember(track, vote)
            self._count["corrections"] += 1
            track.read = self._made(track, vote, replaces=before.read_id)
            done.append(track.read)
        track.settle()
        return done

    def _made(self, track: Track, vote: Vote, replaces: str | None = None) -> PlateRead:
        return made(track, vote, read_id=self._clock.new_id(), camera_id=self._camera_id, replaces=replaces)
