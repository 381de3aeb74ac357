"""Which entries of a log were written in a time. A clock that was moved makes the stretch longer, never shorter."""

from edge.errors import LedgerError
from edge.ledger.history import History


def span(history: History, since: int | None, until: int | None) -> tuple[int, int]:
    """The first position and one past the last of what was written from `since` on and before `until`.

    Times in milliseconds since 1970 UTC; None for as far as the log goes. LedgerError if there is nothing.
    """
    if since is None and until is None:
        return 0, history.size
    first, last = -1, 0
    for position, raw in history.raw(history.pruned, history.size):
        at = written_at(raw)
        if (since is None or at >= since) and (until is None or at < until):
            first = position if first < 0 else first
            last = position + 1
    if first < 0:
        raise LedgerError("the log has no entries of that time")
    return (0 if since is None else first), last


def written_at(raw: bytes) -> int:
    """The time in an entry's canonical bytes; LedgerError if there is none."""
    try:
        return int(raw.split(b",", 2)[1].rstrip(b"]"))
    except (ValueError, IndexError) as error:
        raise LedgerError("not an entry of the audit log; run `homerule audit verify` on the ledger") from error
