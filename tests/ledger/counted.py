"""What became of the reads of each agency, as the reports count it, of a ledger that may be in use."""

from collections import Counter, defaultdict
from pathlib import Path

from edge.audit.asked import Asked
from edge.audit.source import open_source
from edge.audit.walk import walk

GROUPS = ("withheld", "refused", "never_sent", "sent", "acknowledged")


def counted(path: Path) -> dict[str, Counter[str]]:
    """By agency: `reads`, each of `GROUPS`, and of what was deleted `expired`, `dropped` and `discarded`."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with open_source(path) as source:
        for row in walk(source, Asked()).counting.rows():
            for what in ("reads", *GROUPS, "expired", "dropped", "discarded"):
                found[row.outcome[0]][what] += getattr(row, what)
    return found
