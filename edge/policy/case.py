"""One question to the policy: these tags, this agency, this bundle, this moment. Rules look at nothing else."""

from dataclasses import dataclass

from edge.policy.bundle import Bundle
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import NEVER, STATES, Deputation, Feed, Kind, RecipientClass
from edge.values import Hit, Instant, Tags

_BY_KIND = {
    Kind.FEDERAL: RecipientClass.FEDERAL,
    Kind.PRIVATE: RecipientClass.PRIVATE,
    Kind.VENDOR_PROCESSOR: RecipientClass.PRIVATE,
    Kind.FOREIGN: RecipientClass.FOREIGN,
    Kind.OTHER: RecipientClass.OTHER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one decision is about."""

    tags: Tags
    subscriber: Subscriber
    bundle: Bundle
    now: Instant

    @property
    def is_owner(self) -> bool:
        """Whether the agency owns the camera; a read keeps the owner under whom it was taken."""
        return self.subscriber.id == self.bundle.owner == self.tags.owner

    @property
    def parties(self) -> tuple[Subscriber, ...]:
        """The agency and, for a task force, every member: the strictest rule of any binds all."""
        return (self.subscriber, *self.subscriber.members)

    @property
    def full_feed(self) -> bool:
        """Whether the agency gets reads without a hit: it asks for them, and owns them or is named for them."""
        named = self.is_owner or self.subscriber.id in self.bundle.policy.sharing.full_feed
        return named and self.subscriber.feed is Feed.ALL


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


def usable(hit: Hit, case: Case) -> bool:
    """Whether a hit may reach the agency: in force, for no banned purpose, and for one that the agency declares."""
    return (
        case.now.at < hit.expires_at
        and not serves_ban(hit, case.bundle)
        and (case.is_owner or hit.purpose in case.subscriber.purposes)
    )


def serves_ban(hit: Hit, bundle: Bundle) -> bool:
    """Whether a hot-list entry serves a purpose that is banned, or is not among those allowed."""
    return hit.purpose in bundle.banned or hit.purpose in NEVER or _unlisted(hit, bundle)


def _unlisted(hit: Hit, bundle: Bundle) -> bool:
    return bundle.allowed is not None and hit.purpose not in bundle.allowed
