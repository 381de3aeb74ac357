"""A policy in plain words, for a clerk."""

from collections.abc import Iterator

from edge.policy.bundle import Bundle
from edge.policy.law import Access, LawPack
from edge.policy.policy import Federal, OutOfState
from edge.policy.reach import Reach
from edge.policy.reasons import Reason
from edge.policy.spans import span
from edge.policy.vocabulary import NATIONAL_LOOKUP, STATEWIDE_LOOKUP, RecipientClass, Redaction
from edge.values import Instant


def switches(bundle: Bundle, now: Instant) -> list[str]:
    """The policy in force, one sentence a line."""
    place = bundle.policy.jurisdiction
    owner = bundle.subscribers[bundle.owner].name
    where = f"{place.place}, {place.state}" if place.place else place.state
    return [
        f"The camera stands in {where} and belongs to {owner}.",
        *(_channel(name, is_open) for name, is_open in bundle.channels.items()),
        *_classes(bundle),
        *_law(bundle),
        *_purposes(bundle),
        *_redactions(bundle),
        f"A read that was not delivered is deleted after {span(bundle.ceiling)}.",
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
    states = ", ".join(sharing.states) or "no other state"
    out_of_state = {
        OutOfState.NEVER: "Agencies of other states get nothing.",
        OutOfState.LISTED_STATES: f"Agencies of {states} need an agreement in force; those of any other get nothing.",
        OutOfState.AGREEMENT: "Agencies of other states need an agreement in force.",
    }
    federal = {
        Federal.NEVER: "Federal agencies get nothing.",
        Federal.JUDICIAL_WARRANT: "Federal agencies need a judge's warrant in force.",
    }
    return [
        out_of_state[sharing.out_of_state],
        federal[sharing.federal],
        *(["A local agency that is deputised for a federal one counts as federal too."] if _deputised(bundle) else []),
        "Private parties and agencies abroad get nothing.",
        f"Fed directly, by name: {', '.join(sharing.direct) or 'nobody'}.",
        f"Named for reads without a hit, besides the owner: {', '.join(sharing.full_feed) or 'nobody'}.",
    ]


def _deputised(bundle: Bundle) -> bool:
    return bundle.policy.sharing.deputised_as_federal or any(pack.deputised_as_federal for pack in bundle.packs)


def _law(bundle: Bundle) -> list[str]:
    packs = ", ".join(pack.id for pack in bundle.packs) or "none"
    reviewed = bundle.policy.law.reviewed_by
    head = f"Law packs: {packs}; " + (
        f"reviewed by {reviewed}." if reviewed else "reviewed by nobody, so only the owner is served."
    )
    return [head, *(line for pack in bundle.packs for line in overrides(bundle, pack))]


def overrides(bundle: Bundle, pack: LawPack) -> Iterator[str]:
    """Where a pack is narrower than a switch that is open, or lets this device not even collect."""
    sharing = bundle.policy.sharing
    is_open = {
        RecipientClass.OUT_OF_STATE: (sharing.out_of_state is not OutOfState.NEVER, "agency of another state"),
        RecipientClass.FEDERAL: (sharing.federal is not Federal.NEVER, "federal agency"),
    }
    for group, (switched, whom) in is_open.items():
        if switched and pack.recipients[group].access is Access.NEVER:
            yield f"Under {pack.id} no {whom} gets anything, whatever the switch says."
    if not pack.unattended_roadside:
        yield f"Under {pack.id} no unattended roadside reader may collect, unless device.toml names the exception."


def _purposes(bundle: Bundle) -> Iterator[str]:
    yield f"Banned purposes: {', '.join(sorted(bundle.banned)) or 'none'}."
    if bundle.allowed is not None:
        yield f"Allowed purposes, and no other: {', '.join(sorted(bundle.allowed)) or 'none'}."
    if bundle.grades is not None:
        yield f"Grades of offence for which hits are shared: {', '.join(sorted(bundle.grades)) or 'none'}."
    if bundle.own_offences:
        yield "Investigations must be of an offence of the state where the camera stands."


def _redactions(bundle: Bundle) -> Iterator[str]:
    """What is taken out for a class of agency, by the policy or by a pack."""
    whom = {
        RecipientClass.IN_STATE: "agencies of this state",
        RecipientClass.OUT_OF_STATE: "agencies of other states",
        RecipientClass.FEDERAL: "federal agencies",
    }
    taken_out = {
        Redaction.COARSE_PLACE: "the place but for the state",
        Redaction.COARSE_TIME: "the time but for the hour",
    }
    for group, name in whom.items():
        by_law = frozenset[Redaction]().union(*(pack.recipients[group].redact for pack in bundle.packs))
        found = by_law | set(bundle.policy.redaction.of(group))
        if found:
            yield f"Taken out of reads for {name}: {' and '.join(taken_out[one] for one in sorted(found))}."


def _until(bundle: Bundle, now: Instant) -> str:
    if now.at >= bundle.valid_until:
        return f"The policy ran out on {bundle.valid_until:%Y-%m-%d %H:%M} UTC: only the owner is served."
    if not bundle.has_begun(now.at):
        return Reason.DENY_POLICY_NOT_YET_VALID.sentence
    return f"The policy runs until {bundle.valid_until:%Y-%m-%d %H:%M} UTC; after that only the owner is served."
