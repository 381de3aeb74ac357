"""A policy in plain words, for a clerk."""

from edge.policy.bundle import Bundle
from edge.policy.policy import Federal, OutOfState
from edge.policy.reach import Reach
from edge.policy.vocabulary import NATIONAL_LOOKUP, STATEWIDE_LOOKUP
from edge.values import Instant


def switches(bundle: Bundle, now: Instant) -> list[str]:
    """The policy in force, one sentence a line."""
    place = bundle.policy.jurisdiction
    owner = bundle.subscribers[bundle.owner].name
    where = f"{place.place}, {place.state}" if place.place else place.state
    return [
        f"The camera stands in {where} and belongs to {owner}, which gets every read.",
        *(_channel(name, is_open) for name, is_open in bundle.channels.items()),
        *_classes(bundle),
        *_law(bundle),
        f"Banned purposes: {', '.join(sorted(bundle.banned)) or 'none'}.",
        f"A read that was not delivered is deleted after {_span(bundle.ceiling.total_seconds())}.",
        _until(bundle, now),
    ]


def outcome(answer: Reach) -> str:
    """What an agency could get on one channel, in a word or two."""
    if not answer.open:
        return "nothing"
    return "every read" if answer.full else "hits only"


def _channel(name: str, is_open: bool) -> str:
    shown = {NATIONAL_LOOKUP: "National Lookup", STATEWIDE_LOOKUP: "Statewide Lookup"}.get(name, f"The channel {name}")
    return f"{shown} is {'on' if is_open else 'off: nothing leaves through it, whatever an agency has signed'}."


def _classes(bundle: Bundle) -> list[str]:
    sharing = bundle.policy.sharing
    out_of_state = {
        OutOfState.NEVER: "Agencies of other states get nothing.",
        OutOfState.AGREEMENT: "Agencies of other states need an agreement in force.",
    }
    federal = {
        Federal.NEVER: "Federal agencies get nothing.",
        Federal.JUDICIAL_WARRANT: "Federal agencies need a judge's warrant in force.",
    }
    return [
        out_of_state[sharing.out_of_state],
        federal[sharing.federal],
        "Private parties and agencies abroad get nothing.",
        f"Fed directly, by name: {', '.join(sharing.direct) or 'nobody'}.",
        f"Named for reads without a hit, besides the owner: {', '.join(sharing.full_feed) or 'nobody'}.",
    ]


def _law(bundle: Bundle) -> list[str]:
    packs = ", ".join(pack.id for pack in bundle.packs) or "none"
    reviewed = bundle.policy.law.reviewed_by
    return [
        f"Law packs: {packs}; "
        + (f"reviewed by {reviewed}." if reviewed else "reviewed by nobody, so only the owner is served.")
    ]


def _until(bundle: Bundle, now: Instant) -> str:
    if now.at >= bundle.valid_until:
        return f"The policy ran out on {bundle.valid_until:%Y-%m-%d %H:%M} UTC: only the owner is served."
    return f"The policy runs until {bundle.valid_until:%Y-%m-%d %H:%M} UTC; after that only the owner is served."


def _span(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} seconds"
