"""How the run before ended, as the ledger tells it: on purpose, or not."""

from dataclasses import dataclass

from edge.clock import Clock, milliseconds
from edge.ledger import Ledger
from edge.ledger.entries import ClockStep, Entry, Gap, Logged, Start, Stop

_CHUNK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """`ended`: first (there was none), stop or crash; `why` it stopped. `last` is the ledger's last entry."""

    ended: str
    why: str = ""
    last: Logged | None


def previous(ledger: Ledger) -> Previous:
    """Reads back from the end to the last start or stop. Raises LedgerError."""
    last: Logged | None = None
    end = ledger.size
    while end > 0:
        first = max(0, end - _CHUNK)
        found = list(ledger.entries(first, end))
        last = last or (found[-1] if found else None)
        for logged in reversed(found):
            if isinstance(logged.entry, Stop):
                return Previous(ended="stop", why=logged.entry.why, last=last)
            if isinstance(logged.entry, Start):
                return Previous(ended="crash", last=last)
        end = first
    return Previous(ended="first", last=last)


def opening(before: Previous, *, software: str, clock: Clock) -> list[Entry]:
    """What the log says first of a new run: a clock that was put back, the gap that a crash left, the start."""
    now = milliseconds(clock.now().at)
    entries: list[Entry] = []
    if before.last is not None and before.last.at > now:
        entries.append(ClockStep(by=now - before.last.at))
    if before.ended == "crash" and before.last is not None:
        entries.append(Gap(what="daemon", began=min(before.last.at, now), ended=now, why="crash"))
    return [*entries, Start(software=software, after=before.ended)]
