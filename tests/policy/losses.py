"""Who loses by going from one bundle to another: what no narrowing may leave out and no widening may bring."""

from edge.policy.bundle import Bundle
from edge.policy.reach import reach
from edge.values import Instant


def losses(old: Bundle, new: Bundle, now: Instant) -> set[str]:
    """Who loses a channel, or every read on one where hits are left, by going from `old` to `new`."""
    lost = set()
    for name, before in old.subscribers.items():
        if name not in new.subscribers:
            lost.add(name)
            continue
        left = {each.channel: each for each in reach(new.subscribers[name], new, now)}
        for had in reach(before, old, now):
            has = left.get(had.channel)
            if had.open and (has is None or not has.open or (had.full and not has.full)):
                lost.add(name)
    return lost
