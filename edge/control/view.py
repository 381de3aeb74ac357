"""From what control knows to what is said of it, at once and without waiting for anybody."""

from collections.abc import Mapping
from typing import Literal

from edge.control.changes import opt_outs
from edge.control.course import Course
from edge.control.doors import Doors
from edge.control.rooms import Gates
from edge.control.status import AlarmStatus, BundleStatus, Standing, SubscriberStatus
from edge.policy.bundle import Bundle
from edge.policy.reach import Best
from edge.policy.tightening import words
from edge.values import Instant


def view(
    course: Course, doors: Doors, gates: Gates, *, looked: bool, alarms: tuple[AlarmStatus, ...], now: Instant
) -> Standing:
    """How things stand at `now`; `looked`: it would be seen if the broker were another than the one brought in line."""
    bundle, held, serving = course.bundle, course.held, course.serving
    return Standing(
        at=now.at,
        clock_trusted=now.trusted,
        bundle=_in_force(bundle) if bundle is not None else None,
        held=held,
        subscribers=_subscribers(bundle, serving, doors, gates, held=held, trusted=now.trusted) if bundle else (),
        clear=looked and doors.clear,
        alarms=(*alarms, *_of_rights(doors)),
    )


def _in_force(bundle: Bundle) -> BundleStatus:
    return BundleStatus(
        digest=bundle.digest,
        version=bundle.version,
        revision=bundle.revision,
        signed_at=bundle.signed_at,
        valid_until=bundle.valid_until,
        owner=bundle.owner,
        opt_outs=opt_outs(bundle),
        by_hand=words(bundle.tightening),
    )


def _subscribers(
    bundle: Bundle,
    serving: Mapping[str, Best],
    doors: Doors,
    gates: Gates,
    *,
    held: str | None,
    trusted: bool,
) -> tuple[SubscriberStatus, ...]:
    made = []
    for name, subscriber in bundle.subscribers.items():
        open_, could = gates.is_open(name) and bool(serving.get(name)), serving.get(name)
        why = ""
        if not could:
            why = could.reasons[0].sentence if could is not None else ""
        elif held is not None and name != bundle.owner:
            why = "The policy is on hold."
        elif not trusted and name != bundle.owner:
            why = "The clock is not known to be right."
        elif not open_:
            why = "Its right at the broker was not set yet."
        gate: Literal["open", "shut"] = "open" if open_ else "shut"
        right, suspended = doors.right(name), subscriber.suspended
        made.append(
            SubscriberStatus(id=name, name=subscriber.name, gate=gate, right=right, why=why, suspended=suspended)
        )
    return tuple(made)


def _of_rights(doors: Doors) -> tuple[AlarmStatus, ...]:
    return tuple(
        AlarmStatus(what=f"right:{name}", said=f"{name} stays shut: {one.why}", since=one.since)
        for name, one in sorted(doors.troubles.items())
    )
