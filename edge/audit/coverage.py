"""PURE: for which stretches of time something is known, and for which nothing is. Silence is never proof of nothing.

The device says its own gaps; those that it cannot say itself, a crash, a stop, a clock that was moved, entries that are
not here, a silence longer than its hourly self-test allows, are found from the order of the entries.
"""

from dataclasses import dataclass, replace

from edge.ledger.entries import (
    Alarm,
    AlarmEnded,
    ClockStep,
    ClockTrusted,
    Entry,
    Gap,
    Held,
    HoldEnded,
    Purge,
    SelfTest,
    Start,
    Stop,
)

SILENT_AFTER = 2 * 3_600_000
"""Milliseconds without any entry after which a device that runs must be said to have been silent."""

MOST = 5000
"""Stretches that are kept one by one; of those beyond it only the number is said."""

BLIND = frozenset(
    {"not-running", "crash", "silence", "missing-entries", "ledger", "models", "alarm:collection", "before", "after"}
)
"""Stretches of which nothing is known of any camera: a law that lets nothing be collected makes no empty road."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Something was so from `began` to `ended` (None: to the end of the log), milliseconds since 1970 UTC.

    `what`: one of `BLIND`, `camera:NAME`, `hotlist:NAME`, `clock-untrusted`, `clock-step`, `held`, `alarm:NAME`.
    """

    what: str
    why: str
    began: int
    ended: int | None

    def touches(self, began: int, ended: int) -> bool:
        """Whether any of it lies in a time."""
        return self.began < ended and (self.ended is None or self.ended > began or self.began >= began)


@dataclass(slots=True, kw_only=True)
class Run:
    """The program ran from `began` to `ended`; `how` it ended: stop, crash, or running when the log was read."""

    software: str
    began: int
    ended: int
    how: str
    why: str = ""


@dataclass(slots=True, kw_only=True)
class Lost:
    """Reads that were taken and could not be recorded, or things that could not be deleted on time."""

    at: int
    what: str
    count: int
    failed: bool


class Coverage:
    """Takes every entry in order; `close` once at the end. `earliest` and `latest` are the times of entries.

    From the position `first` on the log is whole; what stands before it tells of no stretch.
    """

    def __init__(self, *, first: int = 0) -> None:
        self._first, self._carried, self._is_whole = first, 0, first == 0
        self.stretches: list[Stretch] = []
        self.runs: list[Run] = []
        self.purges: list[Lost] = []
        self.omitted = 0
        self.earliest: int | None = None
        self.latest: int | None = None
        self.missing = 0
        self._next = 0
        self._last = self._before = 0  # times of this entry and the one before it
        self._running = False
        self._silence: Stretch | None = None
        self._open: dict[str, Stretch] = {}
        self._ended_at: int | None = None

    def tick(self, position: int, at: int) -> None:
        """There is an entry at this position and time."""
        last = self._before = self._last
        self._last = at
        if position == self._next and 0 <= at - last <= SILENT_AFTER and self._is_whole:
            self._next += 1
            if self._silence is not None:
                self._flush()
            return
        self._flush()
        if self.earliest is None:
            self.earliest = self.latest = last = self._before = at
        self.earliest, self.latest = min(self.earliest, at), max(self.latest or at, last)
        if position < self._first:
            self._carried += 1
        elif not self._is_whole:
            self._begin_at(position, at)
        elif position != self._next:
            self.missing += position - self._next
            why = f"entries {self._next} to {position - 1} are not here"
            self._add(Stretch(what="missing-entries", why=why, began=last, ended=at))
        elif self._running and at > last:
            self._silence = Stretch(what="silence", why="no entry, though one is due every hour", began=last, ended=at)
        self._next = position + 1

    def _begin_at(self, position: int, at: int) -> None:
        """The first entry of the part that is whole."""
        self._is_whole = True
        self.missing += position - self._carried
        why = f"of the first {position} entries only what later ones name is here; ask for the archives before this"
        self._add(Stretch(what="missing-entries", why=why, began=self.earliest or at, ended=at))

    def entry(self, at: int, entry: Entry) -> None:
        """What a device says of itself; to be called after `tick`."""
        match entry:
            case Start():
                if self._is_whole:  # one from before that is kept for what it says of hot lists
                    self._start(at, entry)
            case Stop(why=why):
                self._stop(at, "stop", why)
            case Gap(what="daemon", began=began, ended=ended, why=why):
                self._stop(began, "crash", why)
                self._add(Stretch(what="crash", why=why, began=began, ended=ended))
                self._ended_at = None
            case Gap(what=what, began=began, ended=ended, why=why):
                self._open.pop(what, None)
                self._add(Stretch(what=what, why=why, began=began, ended=ended))
            case ClockStep(by=by):
                if at - by - self._before <= SILENT_AFTER:
                    self._silence = None
                self._add(Stretch(what="clock-step", why=f"{by:+d} ms", began=at - by, ended=at))
            case Purge(what=what, count=count, failed=failed):
                self.purges.append(Lost(at=at, what=what, count=count, failed=bool(failed)))
            case _:
                self._state(at, entry)

    def close(self) -> None:
        """The log ends here."""
        self._flush()
        if self.earliest is None or self.latest is None:
            return
        self.latest = max(self.latest, self._last)
        for stretch in self._open.values():
            self._add(stretch)
        self._open.clear()
        if self._running:
            self.runs[-1].ended = self._last
        if self._ended_at is not None:
            self._add(Stretch(what="not-running", why="stopped", began=self._ended_at, ended=None))
        if not self.runs:
            self._add(Stretch(what="not-running", why="the log says of no start", began=self.earliest, ended=None))
        self.stretches.sort(key=lambda one: (one.began, one.what))

    def of(self, began: int, ended: int) -> list[Stretch]:
        """All stretches that touch a time, with what lies before the log and after it."""
        if self.earliest is None or self.latest is None:
            return [Stretch(what="before", why="the log is empty", began=began, ended=ended)]
        found = [one for one in self.stretches if one.touches(began, ended)]
        if began < self.earliest:
            upto = min(self.earliest, ended)
            found.insert(0, Stretch(what="before", why="the log begins later", began=began, ended=upto))
        if ended > self.latest + 1:
            since = max(self.latest, began)
            found.append(Stretch(what="after", why="the log ends earlier", began=since, ended=ended))
        return found

    def _start(self, at: int, entry: Start) -> None:
        self._silence = None
        if self._running:  # it ended without a word, and the new one did not see that
            self._stop(self._before, "crash", "no word of the end")
        if self._ended_at is not None:
            why = "stopped" if self.runs[-1].how == "stop" else "crash"
            self._add(Stretch(what="not-running", why=why, began=self._ended_at, ended=at))
        self._ended_at = None
        for what in list(self._open):  # what still stands is said again by the new run
            self._end(what, at)
        if not self.runs and self.earliest is not None:
            self._add(Stretch(what="not-running", why="before the first start", began=self.earliest, ended=at))
        self.runs.append(Run(software=entry.software, began=at, ended=at, how="running"))
        self._running = True

    def _stop(self, at: int, how: str, why: str) -> None:
        if self._running:
            self._silence = None if how == "crash" else self._silence
            run = self.runs[-1]
            run.ended, run.how, run.why = max(run.began, at), how, why
            self._ended_at, self._running = at, False

    def _state(self, at: int, entry: Entry) -> None:
        """What begins and ends by two entries."""
        match entry:
            case SelfTest(passed=passed, model=model):
                if passed:
                    self._end("models", at)
                else:
                    self._begin("models", f"{model} failed its self-test", at)
            case ClockTrusted(trusted=trusted, source=source):
                if trusted:
                    self._end("clock-untrusted", at)
                else:
                    self._begin("clock-untrusted", source, at)
            case Held(why=why):
                self._begin("held", why, at)
            case HoldEnded():
                self._end("held", at)
            case Alarm(what=what, why=why):
                self._begin(f"alarm:{what}", why, at)
            case AlarmEnded(what=what):
                self._end(f"alarm:{what}", at)

    def _begin(self, what: str, why: str, at: int) -> None:
        self._open.setdefault(what, Stretch(what=what, why=why, began=at, ended=None))

    def _end(self, what: str, at: int) -> None:
        begun = self._open.pop(what, None)
        if begun is not None:
            self._add(replace(begun, ended=max(begun.began, at)))

    def _flush(self) -> None:
        if self._silence is not None:
            self._add(self._silence)
            self._silence = None

    def _add(self, stretch: Stretch) -> None:
        if stretch.ended == stretch.began and stretch.what != "missing-entries":
            return
        if stretch.ended is not None and stretch.ended < stretch.began:  # the clock was put back meanwhile
            stretch = replace(stretch, began=stretch.ended, ended=stretch.began)
        if len(self.stretches) < MOST:
            self.stretches.append(stretch)
        else:
            self.omitted += 1


def union(stretches: list[Stretch], began: int, ended: int) -> list[tuple[int, int]]:
    """The times between `began` and `ended` that any of the stretches covers, in order, none touching another."""
    parts = sorted((max(one.began, began), min(ended if one.ended is None else one.ended, ended)) for one in stretches)
    joined: list[tuple[int, int]] = []
    for first, last in parts:
        if first >= last:
            continue
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined
