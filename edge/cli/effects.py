"""Who gains and who loses by a change of the policy, in plain words."""

from edge.cli.words import outcome
from edge.policy.bundle import Bundle
from edge.policy.reach import Reach, reach
from edge.values import Instant

_MOST = 25


def effects(old: Bundle, new: Bundle, now: Instant, *, most: int | None = _MOST) -> list[str]:
    """One line for each agency and channel that could receive more or less than before, at the very best.

    No more than `most` lines; None is all of them.
    """
    lines = []
    for name in sorted({*old.subscribers, *new.subscribers}):
        before, after = _open(old, name, now), _open(new, name, now)
        known = new.subscribers.get(name) or old.subscribers[name]
        for channel in sorted({*before, *after}):
            was, will = before.get(channel), after.get(channel)
            if (was and outcome(was)) == (will and outcome(will)):
                continue
            more = will is not None and (was is None or will.full)
            had = f", {outcome(was)} until now" if was is not None and will is not None else ""
            lines.append(
                f"{'gains' if more else 'loses'}: {known.name} ({name}) by {channel}: "
                f"{outcome(will) if will is not None else 'nothing any more'}{had}"
            )
    if most is not None and len(lines) > most:
        lines = [*lines[:most], f"and {len(lines) - most} more, see `homerule policy show`"]
    return lines or ["Nobody gains or loses by it as things stand today."]


def receivers(bundle: Bundle, now: Instant) -> list[str]:
    """One line for each agency and channel that could receive anything."""
    lines = [
        f"{bundle.subscribers[name].name} ({name}) by {channel}: {outcome(answer)}"
        for name in sorted(bundle.subscribers)
        for channel, answer in sorted(_open(bundle, name, now).items())
    ]
    return lines[:_MOST] + ([f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else [])


def _open(bundle: Bundle, name: str, now: Instant) -> dict[str, Reach]:
    if name not in bundle.subscribers:
        return {}
    return {answer.channel: answer for answer in reach(bundle.subscribers[name], bundle, now) if answer.open}
