"""How the run before ended, as the ledger tells it: on purpose, or not."""

from dataclasses import dataclass

from edge.clock import Clock, milliseconds
from edge.ledger import Ledger
from edge.ledger.entries import ClockStep, Entry, Gap, Logged, Start, Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """`ended`: first (there was none), stop or crash; `why` it stopped. `last` is the ledger's last entry."""

    ended: str
    why: str = ""
    last: Logged | None


def previous(ledger: Ledger) -> Previous:
    """Looks for the last start or stop. Raises LedgerError."""
    last = next(ledger.entries(max(0, ledger.size - 1)), None)
    found = ledger.history.last_of(Start.kind, Stop.kind)
    if found is None:
        return Previous(ended="first", last=last)
    if isinstance(found.entry, Stop):
        return Previous(ended="stop", why=found.entry.why, last=last)
    return Previous(ended="crash", last=last)


def opening(before: Previous, *, software: str, clock: Clock) -> list[Entry]:
    """What the log says first of a new run: a clock that was put back, the gap that a crash left, the start."""
    now = milliseconds(clock.now().at)
    entries: list[Entry] = []
    if before.last is not None and before.last.at > now:
        entries.append(ClockStep(by=now - before.last.at))
    if before.ended == "crash" and before.last is not None:
        entries.append(Gap(what="daemon", began=min(before.last.at, now), ended=now, why="crash"))
    return [*entries, Start(software=software, after=before.ended)]
