"""Channels: the ways by which a read may reach an agency. An opt-out closes its channel for everyone on it.

Source of the rule: Mount Prospect, 2025. An agreement does not open a channel that the city has closed.
"""

from dataclasses import dataclass

from edge.policy.case import Case, classes
from edge.policy.reasons import Reason
from edge.policy.vocabulary import DIRECT, NATIONAL_LOOKUP, OWNER, STATEWIDE_LOOKUP, RecipientClass
from edge.values import Flag

_FIRST = (DIRECT, STATEWIDE_LOOKUP, NATIONAL_LOOKUP)
_OPTOUT = {
    NATIONAL_LOOKUP: Reason.DENY_OPTOUT_NATIONAL_LOOKUP,
    STATEWIDE_LOOKUP: Reason.DENY_OPTOUT_STATEWIDE_LOOKUP,
}
_FLAGS = {NATIONAL_LOOKUP: Flag.NO_NATIONAL_LOOKUP, STATEWIDE_LOOKUP: Flag.NO_STATEWIDE_LOOKUP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One channel that an agency is on: why it is closed, and the flag on a read that closes it for that read."""

    channel: str
    closed: Reason | None
    flag: Flag | None


def ways(case: Case) -> tuple[Way, ...]:
    """The agency's channels, the first that is open being the one to take. The owner has one of its own."""
    if case.is_owner:
        return (Way(channel=OWNER, closed=None, flag=None),)
    return tuple(
        Way(channel=channel, closed=_closed(case, channel), flag=_FLAGS.get(channel))
        for channel in sorted(case.subscriber.channels, key=_place)
    )


def taken(ways: tuple[Way, ...], flags: frozenset[Flag]) -> tuple[str | None, list[Reason]]:
    """The first channel that stands for a read (None: no channel does), and why each other one does not."""
    chosen: str | None = None
    shut: list[Reason] = []
    for way in ways:
        reason = closed(way, flags)
        if reason is not None:
            shut.append(reason)
        elif chosen is None:
            chosen = way.channel
    return chosen, shut


def closed(way: Way, flags: frozenset[Flag]) -> Reason | None:
    """Why a channel does not stand for a read with these flags, or None: it does."""
    if way.closed is None and way.flag in flags:
        return Reason.DENY_READ_FLAG
    return way.closed


def _closed(case: Case, channel: str) -> Reason | None:
    if channel == DIRECT:
        named = case.subscriber.id in case.bundle.policy.sharing.direct
        return None if named else Reason.DENY_OPTOUT_AGENCY
    if channel not in case.bundle.channels:
        return Reason.DENY_CHANNEL_UNKNOWN
    if not case.bundle.channels[channel]:
        return _OPTOUT.get(channel, Reason.DENY_OPTOUT_CHANNEL)
    if channel == STATEWIDE_LOOKUP and not _all_of_this_state(case):
        return Reason.DENY_STATE_NOT_LISTED
    return None


def _all_of_this_state(case: Case) -> bool:
    return all(RecipientClass.IN_STATE in classes(party, case.bundle) for party in case.parties)


def _place(channel: str) -> tuple[int, str]:
    return (_FIRST.index(channel) if channel in _FIRST else len(_FIRST), channel)
