"""The bundle in force, and the only way to change it while the daemon runs.

The order is the promise: the change and the end of the rows that it forbids are committed in one transaction, from then
on every decision is made under it, and `take_up` returns only when nothing decided before is in flight any more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from edge.clock import Clock
from edge.errors import PolicyError
from edge.ledger.entries import BundleRefused, Entry, SubscriberChanged, Switch, Tightened
from edge.ledger.store import Ledger
from edge.policy.bundle import Bundle
from edge.policy.reach import losses
from edge.values import BundleFiles

Turned = tuple[BundleFiles, Bundle]


class Control:
    """Holds the bundle in force. `settle(subscriber)` returns when nothing is in flight to that subscriber."""

    def __init__(self, *, ledger: Ledger, clock: Clock, settle: Callable[[str], None], first: Turned) -> None:
        """Puts the first bundle in force. Raises LedgerError."""
        self._ledger, self._clock, self._settle = ledger, clock, settle
        files, self._bundle = first
        self._accept(files, self._bundle, notes=(), drops={})

    def in_force(self) -> Bundle:
        """What every decision is made under."""
        return self._bundle

    def take_up(self, ask: Callable[[Bundle], Turned], *, by: str) -> Bundle:
        """Puts in force what `ask` (the desk) finds fit to follow the bundle in force; returns when it is in force.

        PolicyError when the desk refuses: then what was in force stays, and the refusal stands in the audit log. `by`
        names the way by which the change came, such as `file`.
        """
        old = self._bundle
        try:
            files, new = ask(old)
        except PolicyError as refusal:
            self._ledger.note(BundleRefused(digest="", version=old.version, why=type(refusal).__name__))
            raise
        if new is old:
            return old
        lost = losses(old, new, self._clock.now())
        self._accept(files, new, notes=tuple(_changes(old, new, by)), drops=lost)
        self._bundle = new
        for subscriber in lost:
            self._settle(subscriber)
        return new

    def _accept(
        self, files: BundleFiles, bundle: Bundle, *, notes: tuple[Entry, ...], drops: Mapping[str, Sequence[str]]
    ) -> None:
        self._ledger.accept_bundle(
            files,
            digest=bundle.digest,
            version=bundle.version,
            revision=bundle.revision,
            signed=bundle.signed,
            notes=notes,
            drops=drops,
        )


def _changes(old: Bundle, new: Bundle, by: str) -> Iterator[Entry]:
    """What the audit log says of a change: that it was a tightening, each switch, each agency."""
    if new.version == old.version:
        yield Tightened(before=old.digest, after=new.digest, by=by)
    before, after = _switches(old), _switches(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Switch(switch=name, before=before.get(name, "absent"), after=after.get(name, "absent"), by=by)
    for name in sorted(old.subscribers.keys() | new.subscribers.keys()):
        was, now = old.subscribers.get(name), new.subscribers.get(name)
        if was != now:
            change = "added" if was is None else "removed" if now is None else "changed"
            yield SubscriberChanged(subscriber=name, change=change, by=by)


def _switches(bundle: Bundle) -> dict[str, str]:
    """Every sharing switch as a word, by the name that a person gives it."""
    sharing = bundle.policy.sharing
    channels = {name: "on" if is_open else "off" for name, is_open in bundle.channels.items()}
    return {
        **channels,
        "out-of-state": sharing.out_of_state.value,
        "federal": sharing.federal.value,
        "private": sharing.private.value,
        "foreign": sharing.foreign.value,
    }
