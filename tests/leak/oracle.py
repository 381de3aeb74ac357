"""Knows of every message when it was decided, queued, sent and received, and from when to when its agency was shut out.

Three witnesses that do not know one another: the device's ledger (decided, queued, about to be sent, in its order), the
broker's own log (what came in and what went out, in its order), and the agencies (what they got, on which connection).
A `Mark` is one moment in all three at once. What crosses from one side to the other is a finding, one line each.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from edge.ledger.batches import Runs, positions
from edge.ledger.entries import (
    Acknowledged,
    Discarded,
    Dropped,
    Expired,
    Logged,
    Name,
    Pattern,
    Read,
    Refused,
    Sent,
    SentAgain,
    SentToAll,
)
from tests.leak.agencies import Receipt

_OUT = re.compile(rb"Sending PUBLISH to (\S+) \(d\d, q\d, r(\d), m\d+, '([^']*)'")
_IN = re.compile(rb"Received PUBLISH from (\S+) \(d\d, q\d, r(\d), m\d+, '([^']*)'")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One moment: of the monotonic clock, in entries of the ledger, in bytes of the broker's log, in lives of each."""

    at: float
    entries: int
    log: int
    lives: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Window:
    """From `shut` to `opened` (None: to the end) these agencies may get nothing at all.

    `told` says whether whoever asked was told "in force", broker and all; before that (a broker that is away, say) the
    device alone is bound: it sends nothing more, and the broker may still deliver what it had taken before.
    """

    names: frozenset[str]
    shut: Mark
    opened: Mark | None = None
    told: bool = True
    late: bool = False
    """What was handed over in time may reach the broker late, over a line that stood still; nobody may get it."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One message in the broker's log: at which byte, going out or coming in, to or from whom."""

    offset: int
    out: bool
    client: str
    topic: str
    retained: bool


@dataclass(kw_only=True)
class Account:
    """What the ledger says of each message, by message id: positions in the log."""

    decided: dict[str, int] = field(default_factory=dict)
    sent: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    ended: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    reads: int = 0

    def of(self, name: str) -> list[str]:
        """The messages that were decided for an agency, in their order."""
        return [one for one in self.decided if one.endswith(f".{name}")]


def account(entries: Iterable[Logged]) -> Account:
    """Reads the whole log once."""
    made = Account()
    patterns: dict[int, Pattern] = {}
    names: dict[int, str] = {}
    reads: dict[int, str] = {}

    def each(batches: Sequence[Runs]) -> Iterator[str]:
        for batch in batches:
            for position in positions(batch):
                yield f"{reads[position]}.{names[batch[0]]}"

    for logged in entries:
        entry = logged.entry
        match entry:
            case Pattern():
                patterns[logged.position] = entry
            case Name():
                names[logged.position] = entry.name
            case Read():
                made.reads += 1
                reads[logged.position] = entry.read_id
                for name, effect, *_ in patterns[entry.pattern].outcomes:
                    if effect == "share":
                        made.decided[f"{entry.read_id}.{name}"] = logged.position
            case Sent() | SentAgain():
                for message in each(entry.reads):
                    made.sent[message].append(logged.position)
            case SentToAll():
                for position in range(logged.position - entry.back, logged.position - entry.back + entry.count):
                    for message in (one for one, decided in made.decided.items() if decided == position):
                        made.sent[message].append(logged.position)
            case Acknowledged():
                made.acknowledged.update(each(entry.reads))
            case Expired() | Dropped() | Discarded():
                made.ended.update(dict.fromkeys([*each(entry.unsent), *each(entry.sent)], type(entry).__name__.lower()))
            case Refused():
                for name, *_ in patterns[entry.pattern].outcomes:
                    made.ended[f"{reads[entry.read]}.{name}"] = "refused"
    return made


def heard(log: bytes) -> list[Line]:
    """Every message in the broker's log, in its order."""
    found = [(one, True) for one in _OUT.finditer(log)] + [(one, False) for one in _IN.finditer(log)]
    return [
        Line(
            offset=one.start(),
            out=out,
            client=one[1].decode(errors="replace"),
            topic=one[3].decode(errors="replace"),
            retained=one[2] == b"1",
        )
        for one, out in sorted(found, key=lambda pair: pair[0].start())
    ]


@dataclass(kw_only=True)
class Oracle:
    """Judges one run. `topics`: each agency's own; `complete`: those that must have everything by the end.

    `waiting` are the messages that still lie in the outbox.
    """

    device: str
    topics: Mapping[str, str]
    account: Account
    log: Sequence[Line]
    receipts: Mapping[str, Sequence[Receipt]]
    windows: Sequence[Window]
    complete: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()

    def findings(self) -> list[str]:
        """Everything that is on the wrong side, in words; empty when all is well."""
        found = [*self._general()]
        for window in self.windows:
            for name in sorted(window.names):
                found += self._in_broker(window, name)
                found += self._in_ledger(window, name)
                found += self._in_hands(window, name)
        for name in self.receipts:
            found += self._in_order(name)
        for name in sorted(self.complete):
            found += self._whole(name)
        return found

    def in_the_pipe(self) -> int:
        """Messages that an agency read after "in force" and the broker had sent before: nobody can call them back."""
        return sum(
            receipt.at >= window.shut.at and receipt.life <= window.shut.lives.get(name, 0)
            for window in self.windows
            for name in window.names
            for receipt in self.receipts.get(name, ())
        )

    def _general(self) -> Iterator[str]:
        """What may never be, whoever is shut out."""
        for name, receipts in self.receipts.items():
            for number, receipt in enumerate(receipts):
                where = f"{name}: message {number}"
                if receipt.topic != self.topics[name] or not receipt.message_id:
                    yield f"{where} is not its own, it came on {receipt.topic}"
                elif receipt.message_id not in self.account.decided:
                    yield f"{where}, {receipt.message_id}, was never decided for it"
                elif not self.account.sent.get(receipt.message_id):
                    yield f"{where}, {receipt.message_id}, left without a word in the ledger"
                if receipt.labels:
                    yield f"{where} bears a user property"
                if receipt.retained:
                    yield f"{where} was retained"
        own = {topic: name for name, topic in self.topics.items()}
        for line in self.log:
            if line.retained:
                yield f"the broker was given or gave something retained, on {line.topic}"
            if line.out and line.topic in own and line.client != own[line.topic]:
                yield f"the broker sent a message of {own[line.topic]} to {line.client}"

    def _in_broker(self, window: Window, name: str) -> Iterator[str]:
        end = window.opened.log if window.opened is not None else float("inf")
        for line in self.log:
            if line.topic != self.topics[name] or not window.shut.log <= line.offset < end:
                continue
            if line.out and window.told:
                yield f"{name}: the broker sent it a message after it was shut out"
            if not line.out and not window.late:
                yield f"{name}: the device published for it after it was shut out"

    def _in_ledger(self, window: Window, name: str) -> Iterator[str]:
        first, last = window.shut.entries, window.opened.entries if window.opened is not None else float("inf")
        for message in self.account.of(name):
            if first <= self.account.decided[message] < last:
                yield f"{name}: {message} was decided for it while it was shut out"
            if any(first <= one < last for one in self.account.sent.get(message, ())):
                yield f"{name}: {message} was marked as sent while it was shut out"
            if self.account.decided[message] < first and any(one >= last for one in self.account.sent.get(message, ())):
                yield f"{name}: {message} is older than its new right and was sent"

    def _in_hands(self, window: Window, name: str) -> Iterator[str]:
        """What the agency got on a connection made since, of what was decided before."""
        for receipt in self.receipts.get(name, ()):
            decided = self.account.decided.get(receipt.message_id)
            if decided is None or decided >= window.shut.entries:
                continue  # named already, or of after the new right
            if window.told and receipt.life > window.shut.lives.get(name, 0):
                yield f"{name}: {receipt.message_id} is of before, and came on a connection made after it was shut out"
            elif not window.told and window.opened is not None and receipt.at >= window.opened.at:
                yield f"{name}: {receipt.message_id} is of before, and came with its new right"

    def _in_order(self, name: str) -> Iterator[str]:
        """First arrivals in the order of the ledger, and the same bytes under the same message id."""
        seen: dict[str, bytes] = {}
        last = -1
        for receipt in self.receipts[name]:
            decided = self.account.decided.get(receipt.message_id)
            if decided is None:
                continue
            if receipt.message_id not in seen:
                if decided < last:
                    yield f"{name}: {receipt.message_id} came after a later one"
                last = max(last, decided)
            elif seen[receipt.message_id] != receipt.payload:
                yield f"{name}: {receipt.message_id} came twice with different bytes"
            seen[receipt.message_id] = receipt.payload

    def _whole(self, name: str) -> Iterator[str]:
        """Every message that was decided for it came, or waits; what a change took back is missing by right."""
        has = {receipt.message_id for receipt in self.receipts.get(name, ())} | self.waiting
        # what was decided shortly before a right ended by time runs out with it
        by_right = {"dropped", "refused", "expired"} if any(name in window.names for window in self.windows) else set()
        for message in self.account.of(name):
            why = self.account.ended.get(message, "nobody knows why")
            if message not in has and why not in by_right:
                yield f"{name}: {message} was allowed and never arrived ({why})"
