"""Channels: the ways by which a read may reach an agency. An opt-out closes its channel for everyone on it.

Source of the rule: Mount Prospect, 2025. An agreement does not open a channel that the city has closed.
"""

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


def standing(case: Case) -> tuple[str | None, tuple[Reason, ...]]:
    """The first channel that stands for the agency (None: no channel does), and why each other one does not."""
    if case.is_owner:
        return OWNER, ()
    chosen: str | None = None
    shut: list[Reason] = []
    for channel in sorted(case.subscriber.channels, key=_place):
        reason = closed(case, channel)
        if reason is not None:
            shut.append(reason)
        elif chosen is None:
            chosen = channel
    return chosen, tuple(shut)


def closed(case: Case, channel: str) -> Reason | None:
    """Why `channel` does not stand for the agency, or None: it does."""
    if channel == DIRECT:
        named = case.subscriber.id in case.bundle.policy.sharing.direct
        return None if named else Reason.DENY_OPTOUT_AGENCY
    if channel not in case.bundle.channels:
        return Reason.DENY_CHANNEL_UNKNOWN
    if not case.bundle.channels[channel]:
        return _OPTOUT.get(channel, Reason.DENY_OPTOUT_CHANNEL)
    if _FLAGS.get(channel) in case.tags.flags:
        return Reason.DENY_READ_FLAG
    if channel == STATEWIDE_LOOKUP and not _all_of_this_state(case):
        return Reason.DENY_STATE_NOT_LISTED
    return None


def _all_of_this_state(case: Case) -> bool:
    return all(RecipientClass.IN_STATE in classes(party, case.bundle) for party in case.parties)


def _place(channel: str) -> tuple[int, str]:
    return (_FIRST.index(channel) if channel in _FIRST else len(_FIRST), channel)
