"""What is in force, and the only way to change it while the device runs.

The order is the promise. A right that is lost: its gate is shut; the change and the end of the rows that it forbids are
one transaction; from then on every decision is made under it; the right goes at the broker and is read back; only then
is it said to be in force. A right that lapses by time goes the same way. Whatever fails leaves the gate shut.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from edge.clock import Clock, monotonic
from edge.control.alarms import Alarms
from edge.control.changes import changes, drops, lapses, losers, unknown_before
from edge.control.course import Course
from edge.control.doors import Doors, Wanted
from edge.control.lists import Lists
from edge.control.rooms import Desk, Gates, Rights
from edge.control.status import Standing
from edge.control.view import view
from edge.control.wishes import Wishes
from edge.desk.refused import Refused
from edge.errors import BrokerError, HomeruleError, LedgerError, PolicyError
from edge.ledger import Ledger
from edge.ledger.entries import AlarmEnded
from edge.policy.bundle import Bundle
from edge.policy.hotlists import HotLists
from edge.policy.reach import Best
from edge.values import BundleFiles, Instant

PATIENCE = 8.0
"""Seconds that `take_up` waits for the broker."""

_TICK, _WORK, _AGAIN, _FLOOR_EVERY = 0.05, 0.2, 1.0, 60.0


class Control:
    """`tick` and, with `apart`, `settle` are called over and over, each from a thread of its own; the rest from any."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        clock: Clock,
        desk: Desk,
        gates: Gates,
        rights: Rights,
        unfit: Callable[[Bundle], str | None] = lambda bundle: None,
        apart: bool = False,
        elapsed: Callable[[], float] = monotonic,
    ) -> None:
        """Takes what the ledger says is in force; all gates must be shut. LedgerError when it cannot be read.

        `unfit` says why this device cannot use a bundle. With `apart`, `tick` leaves the broker to `settle`.
        """
        self._ledger, self._clock, self._gates = ledger, clock, gates
        self._apart, self._elapsed = apart, elapsed
        self._wishes = Wishes(desk=desk, ledger=ledger, unfit=unfit, elapsed=elapsed)
        self._doors = Doors(gates=gates, rights=rights, note=ledger.note, clock=clock, elapsed=elapsed)
        self._lock = threading.RLock()
        self._alarms = Alarms(ledger=ledger, clock=clock)
        self._lists = Lists(ledger=ledger, desk=desk, alarms=self._alarms, clock=clock, elapsed=elapsed)
        self._course = Course(clock.now())
        self._broken: Exception | None = None
        self._wanted: Wanted = {}
        self._mend_at = self._floor_at = elapsed()
        self._restore()
        if self._course.trusted:
            self._count()  # a right may have ended while nobody was here
        self._look_by_itself()
        self._want()

    def in_force(self) -> Bundle | None:
        """What every decision is made under, marked when it is held; None: nothing may be shared."""
        return self._course.shown

    def hotlists(self) -> HotLists:
        """What is looked for under the bundle in force."""
        return self._lists.at_hand

    def tick(self) -> float:
        """Looks at the files, the time and the clock, and never waits for the broker. Gives seconds until next time.

        LedgerError when the ledger fails: every gate is shut by then, and a later tick goes by what the ledger holds.
        """
        with self._lock, self._shutting():
            if self._broken is None or self._elapsed() >= self._mend_at:
                self._mend()
                self._look_by_itself()
                self._follow()
        if not self._apart:
            self.work()
        return _TICK

    def settle(self) -> None:
        """Brings the broker's rights in line when there is something to do; waits for that 0.2 s at most.

        Takes as long as the broker's time limits say. Raises LedgerError like `tick`.
        """
        self._doors.wait_for_work(_WORK, resting=self._broken is not None)
        self.work()

    def work(self) -> None:
        """One pass at the broker, now; none while the ledger fails. Raises LedgerError like `tick`."""
        if self._broken is None:
            with self._shutting():
                self._doors.work()

    def take_up(self, by: str, *, may_tighten: bool = True) -> Standing:
        """Looks at the files now, and returns when what they ask for is in force, at the broker too.

        `by` names the way by which the change came, such as `file`; who may not tighten may only bring what is signed.
        PolicyError when it is refused; LedgerError; BrokerError when it is accepted and the gates of all who lose by it
        are shut, but their right at the broker is not gone yet: that is tried until it is.
        """
        with self._lock, self._shutting(PolicyError):
            self._mend()
            self._look(by, may_tighten=may_tighten)
            self._follow()
        with self._shutting(BrokerError):
            self._doors.settled(PATIENCE, alone=not self._apart)
        return self.standing()

    def standing(self) -> Standing:
        """How things stand, at once, whatever else goes on."""
        now, looked = self._clock.now(), self._broken is None
        return view(self._course, self._doors, self._gates, looked=looked, alarms=self._alarms.all(), now=now)

    # what the files ask for

    def _look_by_itself(self) -> None:
        if self._wishes.are_due():
            with suppress(PolicyError):  # it stands as an alarm, and was said when it began
                self._look("file", may_tighten=True, patient=True)

    def _look(self, by: str, *, may_tighten: bool, patient: bool = False) -> None:
        """Puts in force what the files ask for, or holds and raises PolicyError; `patient`: said the second time."""
        course = self._course
        refused = self._restore() if course.bundle is None else None
        try:
            files, new = self._wishes.asked(course.bundle)
        except PolicyError as error:
            self._refuse(refused or error, patient=patient)
            raise refused or error from None
        if new is not (old := course.bundle):
            if not may_tighten and old is not None and new.version == old.version:
                raise PolicyError("only the group `homerule-clerk` may tighten; bring what the city has signed")
            self._put_in_force(files, new, by)
        self._release()
        self._wishes.heard()
        self._alarms.end("policy")
        self._lists.gather(course.bundle)
        if new is not old:
            self._keep_floor()

    def _restore(self) -> PolicyError | None:
        """Takes the bundle that the ledger holds, or gives the reason why it may not be used here."""
        try:
            turned = self._wishes.stored()
        except PolicyError as error:
            self._course.lose()
            self._alarms.stand("policy", str(error))
            return error
        if turned is not None:
            self._take(*turned, self._clock.now())
        return None

    def _put_in_force(self, files: BundleFiles, new: Bundle, by: str) -> None:
        """The order of it is the promise of this module."""
        course, now = self._course, self._clock.now()
        self._decide_again(after := course.would_serve(new, now), Instant(at=now.at, trusted=True))
        self._doors.shut(lost := losers(course.serving, after))
        self._ledger.accept_bundle(
            files,
            digest=new.digest,
            version=new.version,
            revision=new.revision,
            signed=new.signed,
            notes=[*self._alarms.unwritten, *changes(course.bundle, new, by), *self._alarms.hold_ended],
            drops=drops(lost) if course.bundle is not None else unknown_before(new),
            ceiling=new.ceiling if course.bundle is None or new.ceiling < course.bundle.ceiling else None,
        )
        self._alarms.told()
        self._take(files, new, now)

    def _take(self, files: BundleFiles, bundle: Bundle, now: Instant) -> None:
        """From here on every decision is made under `bundle`."""
        self._lists.drop(bundle)
        self._course.take(files, bundle, now)

    def _refuse(self, refused: PolicyError, *, patient: bool) -> None:
        """Holds if it must, at once; that it does is no news while the files may be half written."""
        bundle, hold = self._course.bundle, not isinstance(refused, Refused) or refused.hold
        if not hold:
            self._release()
        elif bundle is not None and self._course.stop(refused):
            self._want()
        if patient and self._wishes.suspect(refused):
            return
        if self._course.held is not None:
            self._alarms.hold()
        self._alarms.stand("policy", str(refused))
        if (entry := self._wishes.refuse(refused, again=hold or bundle is None)) is not None:
            self._alarms.write(entry)
        self._lists.gather(bundle)  # a source sends its list for what is in force, whatever else lies there

    def _release(self) -> None:
        self._course.release()
        self._want()
        self._alarms.release()  # also of a hold that ended otherwise, as when nothing was in force any more

    # what time and clock do

    def _follow(self) -> None:
        """Goes by the clock: who has lost or won something by time alone, and the end of a hold's grace."""
        now, course = self._clock.now(), self._course
        changed = course.trust(now.trusted)
        if now.trusted and (changed or course.is_due(now)):
            self._count()
        elif changed or course.is_grace_over(self._elapsed()):
            self._want()
        self._alarms.look_around(now, course.bundle, self._doors.away)
        self._lists.look_around(course.bundle, now)
        if self._elapsed() >= self._floor_at:
            with suppress(Refused):  # it stands as an alarm
                self._keep_floor()

    def _count(self) -> None:
        """What an agreement or the policy itself gives or takes by beginning or ending at this moment."""
        course, bundle, now = self._course, self._course.bundle, self._clock.now()
        if bundle is None:
            self._want()
            return
        before, after = course.serving, course.would_serve(bundle, now)
        self._decide_again(after, course.counted)
        self._doors.shut(lost := losers(before, after))
        for name, reasons in drops({**after, **lost}).items():
            self._ledger.drop_rows(name, reasons)
        for entry in lapses(before, after):
            self._alarms.write(entry)
        course.count(bundle, now)
        self._want()

    def _decide_again(self, after: Mapping[str, Best], then: Instant) -> None:
        """Before anybody is given more than it had `then`: what was forbidden until now shall not wait for that."""
        if (bundle := self._course.bundle) is not None and then.trusted:  # a doubt takes nothing away for good
            for name in losers(after, self._course.serving):
                self._gates.decide_again(name, bundle, self._lists.at_hand, then, counted=self._course.counted.at)

    def _keep_floor(self) -> None:
        """Raises the floor. Refused if the audit log is older than that: then nothing is shared, as at a start."""
        self._floor_at = self._elapsed() + _FLOOR_EVERY
        try:
            if self._course.bundle is not None:
                self._wishes.keep_floor(self._course.bundle)
                self._alarms.end("floor", written=True)
        except Refused as error:
            self._refuse(error, patient=False)
            raise
        except PolicyError as error:
            self._alarms.stand("floor", str(error), why="not-written")

    def _want(self) -> None:
        """Tells the doors whom to serve as things stand."""
        self._wanted, opened = self._course.wanted(self._elapsed())
        self._doors.want(self._wanted, opened=opened)

    @contextmanager
    def _shutting(self, *foreseen: type[HomeruleError]) -> Iterator[None]:
        """When the ledger fails in here, or what nobody foresaw happens, every gate is shut."""
        try:
            yield
        except foreseen:
            raise
        except Exception as error:
            with self._lock:
                if self._broken is None or isinstance(self._broken, LedgerError):
                    self._broken, self._mend_at = error, self._elapsed() + _AGAIN
                self._doors.want(self._wanted, opened=())
                if isinstance(error, LedgerError):
                    self._alarms.stand("ledger", str(error))
            raise

    def _mend(self) -> None:
        """After a failure the ledger alone says what is in force: what was told to have failed may have happened."""
        if self._broken is None:
            return
        if not isinstance(self._broken, LedgerError):
            raise self._broken  # nobody knows what is half done here: from now on each tick raises it, and all is shut
        self._mend_at = self._elapsed() + _AGAIN
        course, before, stored = self._course, self._course.serving, self._ledger.bundle_in_force()
        self._alarms.write(AlarmEnded(what="ledger"))
        if stored is not None and (course.bundle is None or stored[:2] != (course.files, course.bundle.revision)):
            self._restore()
            self._doors.shut(losers(before, course.serving))
        self._broken = None
        self._alarms.end("ledger")
        self._want()
