"""PURE: what was counted in a log: reads decided alike, sends, refusals at the door, and what became of them."""

from dataclasses import dataclass, field

from edge.ledger.entries import Outcome, Pattern


@dataclass(slots=True, kw_only=True)
class Sends:
    """What left for one agency of what one bundle decided: ever, for the first time and the last; within the time asked
    about, of earlier reads; and after it, of reads that are counted. Times in milliseconds."""

    number: int = 0
    first: int | None = None
    last: int | None = None
    again: int = 0
    of_earlier: int = 0
    later: int = 0


@dataclass(slots=True, kw_only=True)
class Alike:
    """Reads of one camera that were decided by one pattern; `counted` are those that the report is about.

    `out` are sends to all in `shared` that are not in the counts of each yet; its `later` are not in the time asked.
    """

    camera: str
    pattern: Pattern
    asked_camera: bool
    counted: bool
    shared: tuple[str, ...] = ()
    out: Sends = field(default_factory=Sends)
    reads: int = 0
    corrections: int = 0
    first: int = 0
    last: int = 0
    fates: dict[str, list[int]] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class AtTheDoor:
    """Decisions that were made again at the door and alike, of reads that `bundle` had shared; `sent`: of reads that
    had been sent before."""

    pattern: Pattern
    bundle: str
    sent: bool
    number: int = 0
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Reads of one camera that were decided alike for one agency, and what became of them; times in milliseconds.

    `first` and `last` are of the reads, `first_sent` and `last_sent` of their first sends.
    """

    camera: str
    bundle: str
    outcome: Outcome
    reads: int
    withheld: int
    refused: int
    never_sent: int
    sent: int
    acknowledged: int
    expired: int
    dropped: int
    discarded: int
    first: int
    last: int
    first_sent: int | None
    last_sent: int | None
