"""PURE: from what was counted to each agency: what it got and on what basis, what it did not get and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from edge.audit import words
from edge.audit.asked import Asked
from edge.audit.counted import AtTheDoor, Row, Sends
from edge.audit.counting import Counting
from edge.audit.registries import Identity, Registries
from edge.audit.report import Agency, Counts, Ground, Reason, Refusal
from edge.clock import from_milliseconds
from edge.policy.reasons import Reason as Code
from edge.policy.vocabulary import OWNER
from edge.values import Effect


def counts(rows: Iterable[Row]) -> Counts:
    """The sums of rows."""
    sums = [0] * 9
    for row in rows:
        for place, value in enumerate(
            (
                row.reads,
                row.withheld,
                row.refused,
                row.never_sent,
                row.sent,
                row.acknowledged,
                row.expired,
                row.dropped,
                row.discarded,
            )
        ):
            sums[place] += value
    return Counts(
        decisions=sums[0],
        withheld=sums[1],
        refused=sums[2],
        never_sent=sums[3],
        sent=sums[4],
        acknowledged=sums[5],
        expired=sums[6],
        dropped=sums[7],
        discarded=sums[8],
    )


def withdrawn(agency: Agency) -> int:
    """Of what left for an agency, what only told that a hit was none, without the read."""
    return sum(one.counts.left for one in agency.grounds if Code.ALLOW_WITHDRAWAL in one.reasons)


def reads_received(agency: Agency) -> int:
    """Reads that count as possibly received by an agency."""
    return agency.counts.left - withdrawn(agency)


@dataclass(slots=True)
class _Counted:
    """What was counted of an agency under bundles that knew it as the same; their digests."""

    rows: list[Row] = field(default_factory=list)
    doors: list[AtTheDoor] = field(default_factory=list)
    bundles: set[str] = field(default_factory=set)


def agencies(
    asked: Asked, counting: Counting, rows: Sequence[Row], known: Registries, within: Sequence[str]
) -> tuple[Agency, ...]:
    """Every agency about which anything was decided, or to which anything was sent, within the time; owners first.

    One that was not the same to all bundles that decided has a line for each that it was, in their order. `within` are
    the digests of the bundles that were in force within the time.
    """
    found, sends = _counted(asked, counting, rows, known), counting.sends
    for (name, identity), one in found.items():
        one.bundles.update(digest for digest in within if identity and known.of(name, digest) == identity)
    made = [_agency(name, identity, one, sends.get(name, {}), asked, known) for (name, identity), one in found.items()]
    owners = {one.subscriber for one in made if one.is_owner}
    left: dict[str, int] = {}
    for agency in made:
        left[agency.subscriber] = left.get(agency.subscriber, 0) + agency.counts.left

    def place(one: Agency) -> tuple[bool, int, str, int]:
        return one.subscriber not in owners, -left[one.subscriber], one.subscriber, known.place(one.bundles[0])

    return tuple(sorted(made, key=place))


def _counted(
    asked: Asked, counting: Counting, rows: Sequence[Row], known: Registries
) -> dict[tuple[str, Identity | None], _Counted]:
    """A read stands where it was decided first, also one that was refused at the door under a later bundle."""
    found: dict[tuple[str, Identity | None], _Counted] = {}

    def under(name: str, bundle: str) -> _Counted:
        one = found.setdefault((name, known.of(name, bundle)), _Counted())
        one.bundles.add(bundle)
        return one

    for row in rows:
        under(row.outcome[0], row.bundle).rows.append(row)
    for door in counting.doors.values():
        name = door.pattern.outcomes[0][0]
        if asked.subscriber(name):
            under(name, door.bundle).doors.append(door)
    for name, by_bundle in counting.sends.items():
        for bundle, sends in by_bundle.items():
            if asked.subscriber(name) and (sends.of_earlier or sends.again):
                under(name, bundle)
    return found


def _agency(
    name: str,
    identity: Identity | None,
    found: _Counted,
    sends: Mapping[str, Sends],
    asked: Asked,
    known: Registries,
) -> Agency:
    own = [one for bundle, one in sends.items() if known.of(name, bundle) == identity]
    first, its_own, of_id = _first(name, identity, sends, known)
    by_itself = any(row.outcome[2] == OWNER for row in found.rows)
    rows, said = found.rows, identity or Identity(name="", kind="", state="", is_owner=by_itself)
    return Agency(
        subscriber=name,
        name=said.name,
        kind=said.kind,
        state=said.state,
        is_owner=said.is_owner,
        bundles=tuple(sorted(found.bundles, key=known.place)),
        counts=counts(rows),
        first_ever=_time(first),
        first_ever_within=first is not None and its_own and asked.when(first),
        first_of_id=of_id,
        first=_time(min((row.first_sent for row in rows if row.first_sent is not None), default=None)),
        last=_time(max((row.last_sent for row in rows if row.last_sent is not None), default=None)),
        of_earlier=sum(one.of_earlier for one in own),
        later=sum(one.later for one in own),
        again=sum(one.again for one in own),
        grounds=_grounds(rows),
        refusals=(*_withheld(rows), *_at_the_door(found.doors)),
    )


def _first(
    name: str, identity: Identity | None, sends: Mapping[str, Sends], known: Registries
) -> tuple[int | None, bool, bool]:
    """The first send to an agency under this name, kind and state; whether it is known to be this one, and of its id.

    A send under a bundle that cannot be read may have been to the same agency: what follows it is no first one.
    """
    firsts = sorted((one.first, known.place(bundle), bundle) for bundle, one in sends.items() if one.first is not None)
    alike = [one for one in firsts if identity is None or _may_be(identity, known.of(name, one[2]))]
    if not alike:
        return None, False, False
    return alike[0][0], known.of(name, alike[0][2]) == identity, alike[0] == firsts[0]


def _may_be(one: Identity, other: Identity | None) -> bool:
    return other is None or (one.name, one.kind, one.state) == (other.name, other.kind, other.state)


def _grounds(rows: Sequence[Row]) -> tuple[Ground, ...]:
    alike: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Row]] = {}
    for row in rows:
        if row.outcome[1] == Effect.SHARE:
            alike.setdefault((row.outcome[2], row.outcome[3], row.outcome[4]), []).append(row)
    made = [
        Ground(
            channel=channel,
            reasons=reasons,
            obligations=obligations,
            bundles=_bundles(found),
            counts=counts(found),
            first=_time(min((row.first_sent for row in found if row.first_sent is not None), default=None)),
            last=_time(max((row.last_sent for row in found if row.last_sent is not None), default=None)),
        )
        for (channel, reasons, obligations), found in alike.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.counts.left, one.channel, one.reasons, one.obligations)))


def _withheld(rows: Sequence[Row]) -> tuple[Refusal, ...]:
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.withheld:
            alike.setdefault(row.outcome[3], []).append(row)
    made = [
        Refusal(
            where="camera",
            reasons=reasons,
            bundles=_bundles(found),
            reads=sum(row.withheld for row in found),
            first=from_milliseconds(min(row.first for row in found)),
            last=from_milliseconds(max(row.last for row in found)),
        )
        for reasons, found in alike.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.reads, one.reasons)))


def _at_the_door(doors: Sequence[AtTheDoor]) -> tuple[Refusal, ...]:
    alike: dict[tuple[bool, tuple[str, ...], str], list[AtTheDoor]] = {}
    for door in doors:
        alike.setdefault((door.sent, door.pattern.outcomes[0][3], door.pattern.bundle), []).append(door)
    made = [
        Refusal(
            where="door-after-send" if sent else "door",
            reasons=reasons,
            bundles=(bundle,),
            reads=sum(door.number for door in found),
            first=from_milliseconds(min(door.first for door in found)),
            last=from_milliseconds(max(door.last for door in found)),
        )
        for (sent, reasons, bundle), found in alike.items()
    ]
    return tuple(sorted(made, key=lambda one: (one.where, -one.reads, one.reasons, one.bundles)))


def reasons(rows: Iterable[Row]) -> tuple[Reason, ...]:
    """Every reason for which reads were withheld on the camera, the most frequent first."""
    primary: dict[str, int] = {}
    every: dict[str, int] = {}
    whom: dict[str, set[str]] = {}
    for row in rows:
        for place, code in enumerate(row.outcome[3] if row.withheld else ()):
            primary[code] = primary.get(code, 0) + (row.withheld if place == 0 else 0)
            every[code] = every.get(code, 0) + row.withheld
            whom.setdefault(code, set()).add(row.outcome[0])
    return tuple(
        Reason(
            code=code,
            sentence=words.because(code),
            primary=primary[code],
            all=every[code],
            subscribers=tuple(sorted(whom[code])),
        )
        for code in sorted(every, key=lambda code: (-primary[code], -every[code], code))
    )


def _bundles(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.bundle for row in rows))


def _time(value: int | None) -> datetime | None:
    return None if value is None else from_milliseconds(value)
