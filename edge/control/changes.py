"""PURE: what changed from one bundle to the next, as the audit log says it, and who lost something by it."""

from collections.abc import Iterator, Mapping

from edge.ledger.entries import Entry, SubscriberChanged, Switch, Tightened
from edge.policy.bundle import Bundle
from edge.policy.reach import Best
from edge.policy.reasons import Reason
from edge.policy.switches import switches

_CLOSED = ("off", "never")


def changes(old: Bundle | None, new: Bundle, by: str) -> Iterator[Entry]:
    """That it was a tightening, each switch, each agency. The first bundle of all has nothing to differ from."""
    if old is None:
        return
    if new.version == old.version:
        yield Tightened(before=old.digest, after=new.digest, by=by)
    before, after = switches(old), switches(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Switch(switch=name, before=before.get(name, "absent"), after=after.get(name, "absent"), by=by)
    for name in sorted(old.subscribers.keys() | new.subscribers.keys()):
        was, now = old.subscribers.get(name), new.subscribers.get(name)
        if was != now:
            change = "added" if was is None else "removed" if now is None else "changed"
            yield SubscriberChanged(subscriber=name, change=change, by=by)


def lapses(before: Mapping[str, Best], after: Mapping[str, Best]) -> Iterator[Entry]:
    """What time alone has taken or given."""
    for name in sorted(before):
        if before[name] != after[name]:
            change = "begun" if after[name].covers(before[name]) else "lapsed"
            yield SubscriberChanged(subscriber=name, change=change, by="time")


def losers(before: Mapping[str, Best], after: Mapping[str, Best]) -> dict[str, Best | None]:
    """Who could get something before that it cannot get after, and what it can still get; None: it is not known."""
    return {
        name: after.get(name)
        for name, had in before.items()
        if had and ((left := after.get(name)) is None or not left.covers(had))
    }


def drops(lost: Mapping[str, Best | None]) -> dict[str, tuple[str, ...]]:
    """Those who lost everything, whose rows end with it, and the reasons. Others' rows are decided again one by one."""
    return {
        name: tuple(reason.value for reason in (left.reasons if left is not None else [Reason.DENY_UNKNOWN_SUBSCRIBER]))
        for name, left in lost.items()
        if not left
    }


def unknown_before(new: Bundle) -> dict[str, tuple[str, ...]]:
    """Whose rows end, and the reason, where nobody knows what was in force, nor what has lapsed since: all others' than
    the owner's. Of an agency that `new` does not know none goes out."""
    return {name: (Reason.DENY_EVALUATION_ERROR.value,) for name in new.subscribers if name != new.owner}


def opt_outs(bundle: Bundle) -> tuple[str, ...]:
    """The switches that are closed."""
    return tuple(name for name, value in switches(bundle).items() if value in _CLOSED)
