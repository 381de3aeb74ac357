"""PURE: from what was counted to each agency: what it got and on what basis, what it did not get and why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from edge.audit import words
from edge.audit.asked import Asked
from edge.audit.counted import AtTheDoor, Row, Sends
from edge.audit.counting import Counting
from edge.audit.report import Agency, Counts, Ground, Reason, Refusal
from edge.clock import from_milliseconds
from edge.policy.reasons import Reason as Code
from edge.policy.subscribers import Subscriber
from edge.values import Effect

_NOTHING = Sends()


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


def agencies(
    asked: Asked, counting: Counting, rows: Sequence[Row], known: Mapping[str, Subscriber], owners: frozenset[str]
) -> tuple[Agency, ...]:
    """Every agency about which anything was decided, or to which anything was sent, within the time; owners first."""
    of: dict[str, list[Row]] = {}
    for row in rows:
        of.setdefault(row.outcome[0], []).append(row)
    doors: dict[str, list[AtTheDoor]] = {}
    for door in counting.doors.values():
        doors.setdefault(door.pattern.outcomes[0][0], []).append(door)
    sent = {name for name, sends in counting.sends.items() if sends.of_earlier or sends.again}
    names = {name for name in {*of, *sent} if asked.subscriber(name)}
    made = [
        _agency(name, asked, of.get(name, []), doors.get(name, []), counting.sends.get(name, _NOTHING), known, owners)
        for name in names
    ]
    return tuple(sorted(made, key=lambda one: (not one.is_owner, -one.counts.left, one.subscriber)))


def _agency(
    name: str,
    asked: Asked,
    rows: Sequence[Row],
    doors: Sequence[AtTheDoor],
    sends: Sends,
    known: Mapping[str, Subscriber],
    owners: frozenset[str],
) -> Agency:
    agency = known.get(name)
    return Agency(
        subscriber=name,
        name=agency.name if agency is not None else "",
        kind=agency.kind.value if agency is not None else "",
        state=agency.state if agency is not None else "",
        is_owner=name in owners,
        counts=counts(rows),
        first_ever=_time(sends.first),
        first_ever_within=sends.first is not None and asked.when(sends.first),
        first=_time(min((row.first_sent for row in rows if row.first_sent is not None), default=None)),
        last=_time(max((row.last_sent for row in rows if row.last_sent is not None), default=None)),
        of_earlier=sends.of_earlier,
        later=sends.later,
        again=sends.again,
        grounds=_grounds(rows),
        refusals=(*_withheld(rows), *_at_the_door(doors)),
    )


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
    made = [
        Refusal(
            where="door-after-send" if door.sent else "door",
            reasons=door.pattern.outcomes[0][3],
            bundles=(door.pattern.bundle,),
            reads=door.number,
            first=from_milliseconds(door.first),
            last=from_milliseconds(door.last),
        )
        for door in doors
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
