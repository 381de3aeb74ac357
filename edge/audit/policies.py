"""What was in force when, who turned which switch, and which agreements ran out: from the log and the kept bundles.

A bundle that this version cannot read keeps its place and its digest; only what it said is then not known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from edge.audit.counted import Sends
from edge.audit.registries import Registries
from edge.clock import milliseconds
from edge.errors import LedgerError, PolicyError
from edge.ledger.bundles import fits
from edge.ledger.entries import (
    BundleAccepted,
    BundleRefused,
    Entry,
    Exported,
    Pattern,
    Pinned,
    Pruned,
    SubscriberChanged,
    Switch,
    Tightened,
)
from edge.policy import bundle as bundles
from edge.policy.bundle import Bundle
from edge.policy.subscribers import Agreement
from edge.policy.switches import switches
from edge.policy.vocabulary import Status
from edge.values import BundleFiles, Effect

FIRST_POLICY = "first-policy"
Ended = Literal["expired", "revoked", "removed"]
_NEVER = 2**62


@dataclass(slots=True, kw_only=True)
class InForce:
    """A bundle in its time, `until` None while it still is in force; `read` is None when it cannot be read.

    `whole`: its bytes are those that the log accepted. Times in milliseconds.
    """

    position: int
    entry: BundleAccepted
    since: int
    until: int | None
    read: Bundle | None
    whole: bool
    by: str = ""


@dataclass(slots=True, kw_only=True)
class Turned:
    """One switch stood at `value` from `since` to `until` (None: still); `by` whom it was turned there."""

    switch: str
    value: str
    since: int
    until: int | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Another word of the log about policy, agencies, keys and archives."""

    at: int
    entry: BundleRefused | SubscriberChanged | Tightened | Pinned | Exported | Pruned


@dataclass(slots=True, kw_only=True)
class Lapse:
    """An agency's instrument ended at `at`: `why` is expired, revoked or removed; `name` is what `bundle`, by which it
    stood, called the agency. Beside it the last send before, the first read withheld after, the reasons for that, how
    many reads left after all, and how many of them `otherwise`: by bundles to which it was not the same agency; and
    whether one of these withheld a read from it, while none did yet to which it was the same."""

    subscriber: str
    name: str
    bundle: str
    agreement: Agreement
    why: Ended
    at: int
    last_sent: int | None
    sent_before: int
    otherwise: int
    first_refused: int | None = None
    refused_otherwise: bool = False
    reasons: tuple[str, ...] = ()
    sent_after: int = 0


@dataclass(slots=True)
class _Seen:
    """Which patterns were looked at since the last agreement ended, and who still waits for its first refusal."""

    waiting: list[Lapse] = field(default_factory=list)
    patterns: set[int] = field(default_factory=set)


class Policies:
    """Takes the entries in order; `close` once at the end. `files` gives the bytes of the bundle at a position."""

    def __init__(
        self, files: Callable[[int], BundleFiles], sends: Callable[[], Mapping[str, Mapping[str, Sends]]]
    ) -> None:
        self._files, self._sends = files, sends
        self.in_force: list[InForce] = []
        self.turned: list[Turned] = []
        self.changes: list[Change] = []
        self.lapses: list[Lapse] = []
        self._current: dict[str, Turned] = {}
        self.registries = Registries()
        self._registry = ""
        self._held: dict[tuple[str, str], Agreement] = {}
        self._moment = _NEVER
        self._seen = _Seen()

    def tick(self, at: int) -> None:
        """There is an entry at this time; to be called before it is taken."""
        if at >= self._moment:
            self._run_out(at)

    def read(self, at: int, position: int, pattern: Pattern) -> None:
        """A read was decided by the pattern at `position`."""
        seen = self._seen
        if not seen.waiting or position in seen.patterns:
            return
        seen.patterns.add(position)
        withheld = {one[0]: one[3] for one in pattern.outcomes if one[1] == Effect.WITHHOLD}
        for lapse in seen.waiting:
            if lapse.subscriber not in withheld or at < lapse.at:
                continue
            if self.registries.same(lapse.subscriber, lapse.bundle, pattern.bundle):
                lapse.first_refused, lapse.reasons = at, withheld[lapse.subscriber]
            else:
                lapse.refused_otherwise = True
        seen.waiting = [lapse for lapse in seen.waiting if lapse.first_refused is None]

    def entry(self, position: int, at: int, entry: Entry) -> None:
        """Any entry that is of no read."""
        match entry:
            case BundleAccepted():
                self._accept(position, at, entry)
            case Switch(switch=name, before=before, after=after, by=by):
                self._turn(name, before, after, at, by)
            case Tightened(by=by):
                self.changes.append(Change(at=at, entry=entry))
                if self.in_force:
                    self.in_force[-1].by = by
            case BundleRefused() | SubscriberChanged() | Pinned() | Exported() | Pruned():
                self.changes.append(Change(at=at, entry=entry))

    def close(self) -> None:
        """The log ends here."""
        for lapse in self.lapses:
            _, number, otherwise = self._left(lapse.subscriber, lapse.bundle)
            lapse.sent_after, lapse.otherwise = number - lapse.sent_before, otherwise - lapse.otherwise

    def _accept(self, position: int, at: int, entry: BundleAccepted) -> None:
        first = not self.in_force
        if not first:
            self.in_force[-1].until = at
        read, whole = self._load(position, entry)
        self.in_force.append(InForce(position=position, entry=entry, since=at, until=None, read=read, whole=whole))
        self.registries.add(entry.digest, read)
        if read is None:
            return
        if first:
            for name, value in switches(read).items():
                self._turn(name, "", value, at, FIRST_POLICY)
        self._compare(at, read)

    def _load(self, position: int, entry: BundleAccepted) -> tuple[Bundle | None, bool]:
        try:
            files = self._files(position)
            if not fits(entry, files):
                return None, False
            return bundles.parse(files, signed=bool(entry.signed), revision=entry.revision), True
        except LedgerError:
            return None, False
        except PolicyError:
            return None, True

    def _turn(self, name: str, before: str, after: str, at: int, by: str) -> None:
        standing = self._current.get(name)
        if standing is not None:
            standing.until = at
        elif before and self.in_force:
            since = self.in_force[0].since
            self.turned.append(Turned(switch=name, value=before, since=since, until=at, by=""))
        made = Turned(switch=name, value=after, since=at, until=None, by=by)
        self._current[name] = made
        self.turned.append(made)

    def _compare(self, at: int, read: Bundle) -> None:
        """What the new registry says of the agreements that stood until now."""
        stands = {
            (name, one.id): one
            for name, agency in read.subscribers.items()
            for one in agency.agreements
            if one.status is Status.ACTIVE and _moment(one.ends) > at
        }
        for key, agreement in self._held.items():
            if key not in stands:
                agency = read.subscribers.get(key[0])
                kept = agency is not None and any(one.id == agreement.id for one in agency.agreements)
                self._lapse(key[0], agreement, "revoked" if kept else "removed", at)
        self._held, self._registry = stands, read.digest
        self._moment = min((_moment(one.ends) for one in stands.values()), default=_NEVER)

    def _run_out(self, at: int) -> None:
        for key, agreement in list(self._held.items()):
            if _moment(agreement.ends) <= at:
                del self._held[key]
                self._lapse(key[0], agreement, "expired", _moment(agreement.ends))
        self._moment = min((_moment(one.ends) for one in self._held.values()), default=_NEVER)

    def _lapse(self, name: str, agreement: Agreement, why: Ended, at: int) -> None:
        identity = self.registries.of(name, self._registry)
        last, number, otherwise = self._left(name, self._registry)
        lapse = Lapse(
            subscriber=name,
            name=identity.name if identity is not None else name,
            bundle=self._registry,
            agreement=agreement,
            why=why,
            at=at,
            last_sent=last,
            sent_before=number,
            otherwise=otherwise,
        )
        self.lapses.append(lapse)
        self._seen.waiting.append(lapse)
        self._seen.patterns.clear()

    def _left(self, name: str, bundle: str) -> tuple[int | None, int, int]:
        """The last send to an agency until now, how many, and how many of them when it was not as in `bundle`."""
        sends = self._sends().get(name, {})
        numbers = {digest: one.number for digest, one in sends.items()}
        otherwise = sum(number for digest, number in numbers.items() if not self.registries.same(name, digest, bundle))
        last = max((one.last for one in sends.values() if one.last is not None), default=None)
        return last, sum(numbers.values()), otherwise


def _moment(at: datetime) -> int:
    return milliseconds(at)
