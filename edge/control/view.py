"""From what control knows to what is said of it, at once and without waiting for anybody."""

from collections.abc import Mapping

from edge.control.changes import opt_outs
from edge.control.course import Course
from edge.control.doors import Doors
from edge.control.rooms import Gates
from edge.control.standing import Alarm, Door, InForce, Standing
from edge.control.troubles import Trouble
from edge.policy.bundle import Bundle
from edge.policy.reach import Best
from edge.policy.tightening import words
from edge.values import Instant


def view(
    course: Course, doors: Doors, gates: Gates, *, looked: bool, alarms: tuple[Alarm, ...], now: Instant
) -> Standing:
    """How things stand at `now`; `looked`: it would be seen if the broker were another than the one brought in line."""
    bundle, held, serving = course.bundle, course.held, course.serving
    troubles = doors.troubles
    return Standing(
        at=now.at,
        clock_trusted=now.trusted,
        bundle=_in_force(bundle) if bundle is not None else None,
        held=held,
        doors=_doors(bundle, serving, doors, gates, troubles, held=held, trusted=now.trusted) if bundle else (),
        clear=looked and doors.clear,
        alarms=(*alarms, *_of_rights(troubles, now)),
    )


def _in_force(bundle: Bundle) -> InForce:
    return InForce(
        digest=bundle.digest,
        version=bundle.version,
        revision=bundle.revision,
        signed_at=bundle.signed_at,
        valid_until=bundle.valid_until,
        owner=bundle.owner,
        opt_outs=opt_outs(bundle),
        by_hand=words(bundle.tightening),
    )


def _doors(
    bundle: Bundle,
    serving: Mapping[str, Best],
    doors: Doors,
    gates: Gates,
    troubles: Mapping[str, Trouble],
    *,
    held: str | None,
    trusted: bool,
) -> tuple[Door, ...]:
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
        made.append(Door(subscriber_id=name, name=subscriber.name, open=open_, right=doors.right(name), why=why))
    return tuple(made)


def _of_rights(troubles: Mapping[str, Trouble], now: Instant) -> tuple[Alarm, ...]:
    return tuple(
        Alarm(what=f"right:{name}", said=f"{name} stays shut: {one.why}", since=one.since or now.at)
        for name, one in sorted(troubles.items())
    )
