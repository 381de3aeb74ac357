"""One question to the policy, whatever the read: this agency, under this bundle, at this time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from edge.policy.bundle import Bundle
from edge.policy.reasons import Reason
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import STATES, Deputation, Kind, RecipientClass

_BY_KIND = {
    Kind.FEDERAL: RecipientClass.FEDERAL,
    Kind.PRIVATE: RecipientClass.PRIVATE,
    Kind.VENDOR_PROCESSOR: RecipientClass.PRIVATE,
    Kind.FOREIGN: RecipientClass.FOREIGN,
    Kind.OTHER: RecipientClass.OTHER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the rules look at, and all that they look at, before any read is there."""

    subscriber: Subscriber
    bundle: Bundle
    at: datetime

    @property
    def is_owner(self) -> bool:
        """Whether the agency owns the camera."""
        return self.subscriber.id == self.bundle.owner

    @property
    def parties(self) -> tuple[Subscriber, ...]:
        """The agency and, for a task force, every member: the strictest rule of any binds all."""
        return (self.subscriber, *self.subscriber.members)


def classes(party: Subscriber, bundle: Bundle) -> tuple[RecipientClass, ...]:
    """What an agency is to this camera; one deputised for a federal agency is that too, where policy or law say so."""
    by_kind = _BY_KIND.get(party.kind)
    if by_kind is not None:
        return (by_kind,)
    here = bundle.policy.jurisdiction.state
    if party.state == here:
        own = RecipientClass.IN_STATE
    else:
        own = RecipientClass.OUT_OF_STATE if party.state in STATES else RecipientClass.FOREIGN
    as_federal = bundle.policy.sharing.deputised_as_federal or any(pack.deputised_as_federal for pack in bundle.packs)
    if party.federal_deputation is not Deputation.NONE and as_federal:
        return (own, RecipientClass.FEDERAL)
    return (own,)


def of_every_party(case: Case, reasons: Callable[[Case, Subscriber], Iterable[Reason]]) -> list[Reason]:
    """The reasons of the agency itself, then of each member of a task force, which bind the whole of it."""
    found = list(reasons(case, case.subscriber))
    for member in case.subscriber.members:
        against = list(reasons(case, member))
        found += [*against, Reason.DENY_TASK_FORCE_MEMBER] if against else []
    return found
