"""PURE: rights that were taken away at the broker, and how long that took."""

from dataclasses import dataclass

from edge.audit.asked import Asked
from edge.ledger.entries import Entry, RevocationFailed, Revoked


@dataclass(slots=True)
class Taken:
    """How often an agency's right was taken away, the longest until that was done (milliseconds), and failures."""

    revoked: int = 0
    slowest: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Rights taken from an agency at the broker: how often, and the longest until it was done; failures. `names` are
    all that it was called in the time."""

    subscriber: str
    names: tuple[str, ...]
    revoked: int
    slowest_ms: int
    failed: int


class RightsTaken:
    """Takes entries in order; counts by subscriber what lies in the time asked about."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.of: dict[str, Taken] = {}

    def entry(self, at: int, entry: Entry) -> None:
        """Any entry that is of no read."""
        if not isinstance(entry, Revoked | RevocationFailed) or not self._asked.when(at):
            return
        if not self._asked.subscriber(entry.subscriber):
            return
        taken = self.of.setdefault(entry.subscriber, Taken())
        if isinstance(entry, Revoked):
            taken.revoked += 1
            taken.slowest = max(taken.slowest, sum(took for _, took in entry.steps))
        else:
            taken.failed += 1
