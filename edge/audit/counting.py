"""PURE: what became of every read for every agency, in one pass; reads that were decided alike are counted together.

withheld + refused at the door + never sent + sent + acknowledged = reads x agencies, in every report. It keeps four
bytes for each entry after the first read, and a few counts for each kind of decision and agency.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from edge.audit.asked import Asked
from edge.audit.counted import Alike, AtTheDoor, Row, Sends
from edge.errors import LedgerError
from edge.ledger.batches import Runs, positions
from edge.ledger.entries import (
    Acknowledged,
    Discarded,
    Dropped,
    Entry,
    Expired,
    Name,
    Outcome,
    Pattern,
    Refused,
    Sent,
    SentAgain,
    SentToAll,
)
from edge.values import Effect

SENT, ACKNOWLEDGED, REFUSED, EXPIRED, DROPPED, DISCARDED, FIRST, LAST = range(8)
WRONG = "the log does not fit together; run `homerule audit verify` on it"
_OTHER = 0


class Counting:
    """Takes entries in order. LookupError, ValueError or IndexError: the log names what is not there."""

    def __init__(self, asked: Asked, *, first: int = 0) -> None:
        """From the position `first` on the log is whole; reads before it are known, and not counted."""
        self._asked, self._first = asked, first
        self.names: dict[int, Name] = {}
        self.patterns: dict[int, Pattern] = {}
        self._sends: dict[str, dict[str, Sends]] = {}
        self.doors: dict[tuple[int, str, int], AtTheDoor] = {}
        self.hours: dict[int, int] = {}
        nobody = Pattern(bundle="", outcomes=())
        self.alike: list[Alike] = [Alike(camera="", pattern=nobody, asked_camera=False, counted=False)]
        self._number: dict[tuple[int, int, bool], int] = {}
        self._alike_at = array("I")  # for each position from the first read on: which kind of read is there, 0 for none
        self._origin = 0

    def read(self, position: int, at: int, camera: int, pattern: int, replaces: int) -> None:
        """A read was decided."""
        within = self._asked.when(at) and position >= self._first
        key = (camera, pattern, within)
        number = self._number.get(key) or self._new(key)
        kind = self.alike[number]
        if not kind.reads:
            kind.first = at
        kind.reads += 1
        kind.last = at
        kind.corrections += replaces != 0
        if kind.counted:
            hour = at // 3_600_000
            self.hours[hour] = self.hours.get(hour, 0) + 1
        if not self._alike_at:
            self._origin = position
        gap = position - self._origin - len(self._alike_at)
        if gap:
            self._alike_at.frombytes(bytes(self._alike_at.itemsize * gap))
        self._alike_at.append(number)

    def sent_to_all(self, position: int, at: int, back: int, count: int) -> None:
        """Reads are about to be handed over for the first time, see `entries.SentToAll`."""
        later = not self._asked.when(at)
        for read in range(position - back, position - back + count):
            out = self.alike[self._at(read)].out
            if out.first is None:
                out.first = at
            out.last = at
            out.number += 1
            out.later += later

    @property
    def sends(self) -> Mapping[str, Mapping[str, Sends]]:
        """What has left until now, by agency and by the bundle that had decided so."""
        self._hand_out()
        return self._sends

    def acknowledged_unlogged(self, reads: Mapping[str, Sequence[int]]) -> None:
        """Agencies brought back tokens, of which no entry says yet: positions of reads by subscriber."""
        for name, acknowledged in reads.items():
            for position in acknowledged:
                kind = self.alike[self._at(position)]
                if kind.counted:
                    (kind.fates.get(name) or _begun(kind, name))[ACKNOWLEDGED] += 1

    def entry(self, position: int, at: int, entry: Entry) -> None:
        """Any other entry."""
        match entry:
            case Name():
                self.names[position] = entry
            case Pattern():
                self.patterns[position] = entry
            case Sent(reads=reads):
                later = int(not self._asked.when(at))
                for name, kind, number in self._kinds(reads):
                    self._sent(name, kind, Sends(number=number, first=at, last=at, later=number * later))
            case SentToAll(back=back, count=count):
                self.sent_to_all(position, at, back, count)
            case SentAgain(reads=reads):
                self._sent_again(at, reads)
            case Acknowledged(reads=reads):
                self._add(reads, ACKNOWLEDGED)
            case Refused():
                self._refused(at, entry)
            case Expired(unsent=unsent, sent=sent):
                self._add((*unsent, *sent), EXPIRED)
            case Dropped(unsent=unsent, sent=sent):
                self._add((*unsent, *sent), DROPPED)
            case Discarded(unsent=unsent, sent=sent):
                self._add((*unsent, *sent), DISCARDED)

    def rows(self) -> Iterator[Row]:
        """All that was counted, for the agencies asked about. LedgerError if the counts cannot be."""
        self._hand_out()
        for kind in self.alike:
            if not kind.counted:
                continue
            if not kind.fates.keys() <= {outcome[0] for outcome in kind.pattern.outcomes}:
                raise LedgerError(WRONG)
            for outcome in kind.pattern.outcomes:
                if self._asked.subscriber(outcome[0]):
                    yield _row(kind, outcome, kind.fates.get(outcome[0], [0] * 8))

    def _hand_out(self) -> None:
        """Sends to all, into the counts of each."""
        for kind in self.alike:
            if kind.out.number:
                out, kind.out = kind.out, Sends()
                for name in kind.shared:
                    self._sent(name, kind, out)

    def _sent(self, name: str, kind: Alike, out: Sends) -> None:
        """Some sends of reads of one kind; those of `out` that are `later` are not in the time asked about."""
        sends = self._sends_of(name, kind)
        sends.first = _least(sends.first, out.first or 0)
        if not kind.asked_camera:
            return
        sends.number += out.number
        sends.last = max(sends.last or 0, out.last or 0)
        if kind.counted:
            fate = kind.fates.get(name) or _begun(kind, name)
            fate[FIRST] = _least(fate[FIRST] or None, out.first or 0)
            fate[SENT] += out.number
            fate[LAST] = max(fate[LAST], out.last or 0)
            sends.later += out.later
        else:
            sends.of_earlier += out.number - out.later

    def _refused(self, at: int, entry: Refused) -> None:
        kind = self.alike[self._at(entry.read)]
        if not kind.counted:
            return
        pattern = self.patterns[entry.pattern]
        bundle = kind.pattern.bundle
        key = (entry.pattern, bundle, entry.sent)
        door = self.doors.get(key) or self.doors.setdefault(
            key, AtTheDoor(pattern=pattern, bundle=bundle, sent=bool(entry.sent), first=at)
        )
        door.number += 1
        door.last = at
        if not entry.sent:
            name = pattern.outcomes[0][0]
            (kind.fates.get(name) or _begun(kind, name))[REFUSED] += 1

    def _sent_again(self, at: int, batches: Iterable[Runs]) -> None:
        if self._asked.when(at):
            for name, kind, number in self._kinds(batches):
                if kind.asked_camera:
                    self._sends_of(name, kind).again += number

    def _sends_of(self, name: str, kind: Alike) -> Sends:
        of = self._sends.get(name) or self._sends.setdefault(name, {})
        return of.get(kind.pattern.bundle) or of.setdefault(kind.pattern.bundle, Sends())

    def _add(self, batches: Iterable[Runs], what: int) -> None:
        for name, kind, number in self._kinds(batches):
            if kind.counted:
                (kind.fates.get(name) or _begun(kind, name))[what] += number

    def _kinds(self, batches: Iterable[Runs]) -> Iterator[tuple[str, Alike, int]]:
        """For each agency in some batches, its reads by their kind; agencies often have the same ones."""
        runs: list[int] = []
        found: dict[int, int] = {}
        for name, *here in batches:
            if here != runs:
                runs, found = here, {}
                for position in positions((name, *here)):
                    number = self._at(position)
                    found[number] = found.get(number, 0) + 1
            for number, count in found.items():
                yield self.names[name].name, self.alike[number], count

    def _at(self, position: int) -> int:
        index = position - self._origin
        return self._alike_at[index] if 0 <= index < len(self._alike_at) else _OTHER

    def _new(self, key: tuple[int, int, bool]) -> int:
        camera, pattern, within = key
        name = self.names[camera].name
        asked, decided = self._asked.camera(name), self.patterns[pattern]
        shared = tuple(one[0] for one in decided.outcomes if one[1] == Effect.SHARE)
        made = Alike(camera=name, pattern=decided, asked_camera=asked, counted=asked and within, shared=shared)
        self._number[key] = len(self.alike)
        self.alike.append(made)
        return self._number[key]


def _least(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _begun(kind: Alike, name: str) -> list[int]:
    return kind.fates.setdefault(name, [0] * 8)


def _row(kind: Alike, outcome: Outcome, fate: Sequence[int]) -> Row:
    shared = kind.reads if outcome[1] == Effect.SHARE else 0
    never_sent = shared - fate[REFUSED] - fate[SENT]
    if never_sent < 0 or fate[ACKNOWLEDGED] > fate[SENT]:
        raise LedgerError(WRONG)
    return Row(
        camera=kind.camera,
        bundle=kind.pattern.bundle,
        outcome=outcome,
        reads=kind.reads,
        withheld=kind.reads - shared,
        refused=fate[REFUSED],
        never_sent=never_sent,
        sent=fate[SENT] - fate[ACKNOWLEDGED],
        acknowledged=fate[ACKNOWLEDGED],
        expired=fate[EXPIRED],
        dropped=fate[DROPPED],
        discarded=fate[DISCARDED],
        first=kind.first,
        last=kind.last,
        first_sent=fate[FIRST] or None,
        last_sent=fate[LAST] or None,
    )
