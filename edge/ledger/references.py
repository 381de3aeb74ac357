"""PURE: whether each entry of a log makes sense after those before it.

What it names is there; a read is sent to a subscriber only if its pattern shares it and it was not deleted before,
acknowledged only after it was sent, and each of this happens once.
"""

from array import array
from collections.abc import Iterable

from edge.errors import LedgerError
from edge.ledger.batches import Runs, positions
from edge.ledger.entries import (
    Acknowledged,
    AcknowledgementRefused,
    Begun,
    BundleAccepted,
    Discarded,
    Dropped,
    Entry,
    Expired,
    Name,
    Pattern,
    Read,
    Refused,
    Sent,
    SentAgain,
    SentToAll,
)
from edge.values import Effect

_TWICE = "it says a second time what happens once"
_NO_READ = 0  # position 0 is the ledger's own entry and never a pattern


class References:
    """Takes the entries in order; `check` raises LedgerError at the first that does not fit those before it.

    Where a log begins only at `first`, what is kept of the entries before is given to `carry`, ascending. Of reads
    before `first` it is not known what else became of them.
    """

    def __init__(self, first: int = 0) -> None:
        self.names: dict[int, Name] = {}
        self.patterns: dict[int, Pattern] = {}
        self.bundles: dict[int, BundleAccepted] = {}
        self.begun: Begun | None = None
        self.reads = 0
        self._first = self._size = first
        self._in_force = ""
        self._pattern_of = array("I", bytes(array("I").itemsize * first))  # for each position the pattern of its read
        self._shared: dict[int, frozenset[str]] = {}
        self._sent: dict[str, _Positions] = {}
        self._acknowledged: dict[str, _Positions] = {}
        self._gone: dict[str, _Positions] = {}

    def carry(self, position: int, entry: Entry) -> None:
        """An entry from before the first. LedgerError if it makes no sense there."""
        if not isinstance(entry, Read):
            self._intern(position, entry)
        elif entry.pattern in self.patterns:  # else nothing refers to this read, and it is about to go
            self._check_read(entry)
            self._pattern_of[position] = entry.pattern

    def check(self, entry: Entry) -> None:
        """LedgerError, without the position, if this cannot be the next entry."""
        position, self._size = self._size, self._size + 1
        pattern = _NO_READ
        if isinstance(entry, Read):
            self._check_read(entry)
            pattern = entry.pattern
            self.reads += 1
        elif not self._intern(position, entry):
            self._check_delivery(position, entry)
        _need(self.begun is not None, "the log does not begin with the ledger's own entry")
        self._pattern_of.append(pattern)

    def _intern(self, position: int, entry: Entry) -> bool:
        """Remembers what later entries may name; whether this is such a one."""
        match entry:
            case Begun():
                _need(position == 0, "a ledger begins only once")
                self.begun = entry
            case Name():
                self.names[position] = entry
            case Pattern():
                self._add_pattern(position, entry)
            case BundleAccepted():
                self.bundles[position] = entry
                self._in_force = entry.digest
            case _:
                return False
        return True

    def shares(self, position: int, subscriber_id: str) -> bool:
        """Whether there is a read at `position` that was shared with this subscriber."""
        pattern = self._pattern_of[position] if 0 <= position < len(self._pattern_of) else _NO_READ
        return pattern != _NO_READ and subscriber_id in self._shared[pattern]

    def may_be(self, state: str, position: int, subscriber_id: str) -> bool:
        """Whether the envelope of a read may stand so beside this log: `waiting`, `sent` and let go, `acknowledged`,
        which the log does not say yet, or `logged`, which it does.
        """
        if position < self._first:
            return True
        acknowledged = _in(self._acknowledged, subscriber_id, position)
        if state == "waiting":
            return not (acknowledged or _in(self._gone, subscriber_id, position))
        sent = _in(self._sent, subscriber_id, position)
        return sent and acknowledged == (state == "logged")

    def _add_pattern(self, position: int, pattern: Pattern) -> None:
        known = {bundle.digest for bundle in self.bundles.values()}
        _need(pattern.bundle in known or not pattern.outcomes, "it names a bundle that was not accepted before it")
        subscribers = [outcome[0] for outcome in pattern.outcomes]
        _need(subscribers == sorted(set(subscribers)), "its subscribers are not in order")
        self.patterns[position] = pattern
        self._shared[position] = frozenset(outcome[0] for outcome in pattern.outcomes if outcome[1] == Effect.SHARE)

    def _check_read(self, read: Read) -> None:
        camera = self.names.get(read.camera)
        _need(camera is not None and camera.sort == "camera", "it names no camera before it")
        _need(read.pattern in self.patterns, "it names no pattern before it")
        pattern = self.patterns[read.pattern]
        _need(
            pattern.bundle == self._in_force or not pattern.outcomes,
            "it was decided under a bundle that was not in force",
        )
        known = read.replaces < self._first or self._is_read(read.replaces)
        _need(not read.replaces or known, "it corrects no read before it")

    def _check_delivery(self, position: int, entry: Entry) -> None:
        match entry:
            case SentToAll(back=back, count=count):
                _need(0 < count <= back <= position, "it names no reads before it")
                for read in range(position - back, position - back + count):
                    self._send_to_all(read)
            case Sent(reads=reads):
                self._move(reads, self._sent, never=self._gone)
            case SentAgain(reads=reads):
                self._move(reads, None, after=self._sent, never=self._gone)
            case Acknowledged(reads=reads):
                self._move(reads, self._acknowledged, after=self._sent)
            case AcknowledgementRefused(subscriber=name, read=read):
                self._move([(name, read, 1)], None, after=self._sent)
            case (
                Expired(unsent=unsent, sent=sent)
                | Dropped(unsent=unsent, sent=sent)
                | Discarded(unsent=unsent, sent=sent)
            ):
                self._move(unsent, self._gone, never=self._sent)
                self._move(sent, self._gone, after=self._sent)
            case Refused(pattern=pattern, read=read, sent=was_sent):
                outcomes = self.patterns[pattern].outcomes if pattern in self.patterns else ()
                _need(len(outcomes) == 1, "it names no decision before it")
                self._mark(outcomes[0][0], read, self._gone)
                known = read < self._first or _in(self._sent, outcomes[0][0], read) == bool(was_sent)
                _need(known, "it was sent, or was not")

    def _send_to_all(self, read: int) -> None:
        _need(self._is_read(read), "it names no read before it")
        for subscriber_id in self._shared[self._pattern_of[read]]:
            gone = self._gone and read >= self._first and _in(self._gone, subscriber_id, read)
            _need(not gone, "it names a read that was deleted before")
            sent = self._sent.get(subscriber_id) or self._sent.setdefault(subscriber_id, _Positions())
            _need(sent.add(read), _TWICE)

    def _move(
        self,
        batches: Iterable[Runs],
        to: "dict[str, _Positions] | None",
        *,
        after: "dict[str, _Positions] | None" = None,
        never: "dict[str, _Positions] | None" = None,
    ) -> None:
        for batch in batches:
            name = self.names.get(batch[0] if batch else _NO_READ)
            _need(
                name is not None and name.sort == "subscriber" and len(batch) % 2 == 1,
                "it names no subscriber before it",
            )
            subscriber_id = name.name if name else ""
            for read in self._bounded(batch):
                if read >= self._first:
                    _need(after is None or _in(after, subscriber_id, read), "it names a read that was never sent")
                    _need(
                        never is None or not _in(never, subscriber_id, read),
                        "it names a read that was sent or deleted before",
                    )
                self._mark(subscriber_id, read, to)

    def _mark(self, subscriber_id: str, read: int, to: "dict[str, _Positions] | None") -> None:
        _need(self.shares(read, subscriber_id), "it names a read that was not shared with the subscriber")
        if to is not None:
            _need(to.setdefault(subscriber_id, _Positions()).add(read), _TWICE)

    def _is_read(self, position: int) -> bool:
        return 0 < position < len(self._pattern_of) and self._pattern_of[position] != _NO_READ

    def _bounded(self, batch: Runs) -> Iterable[int]:
        """The positions in a batch, once it is sure that no run leads past this entry."""
        last = -1
        for first, count in zip(batch[1::2], batch[2::2], strict=True):
            _need(last < first and count > 0 and first + count < self._size, "its runs are not in order")
            last = first + count - 1
        return positions(batch)


class _Positions:
    """A set of positions, one bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, position: int) -> bool:
        """False if it was in already."""
        byte, bit = position >> 3, 1 << (position & 7)
        if byte >= len(self._bits):
            self._bits.extend(bytes(max(4096, byte + 1 - len(self._bits))))
        new = not self._bits[byte] & bit
        self._bits[byte] |= bit
        return new

    def has(self, position: int) -> bool:
        byte = position >> 3
        return byte < len(self._bits) and bool(self._bits[byte] & 1 << (position & 7))


def _in(sets: dict[str, _Positions], subscriber_id: str, position: int) -> bool:
    found = sets.get(subscriber_id)
    return found is not None and found.has(position)


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LedgerError(otherwise)
