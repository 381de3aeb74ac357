"""The rule families: each looks at one side of a case and gives the reasons to withhold, or none.

A rule never allows. Under "owner only" the owner is passed over; nothing else lets anybody by.
"""

from collections.abc import Callable, Iterable, Iterator

from edge.policy.case import Case, classes, serves_ban, usable
from edge.policy.law import Access
from edge.policy.policy import Closed, Federal, OutOfState
from edge.policy.reasons import Reason
from edge.policy.subscribers import Agreement, Subscriber
from edge.policy.vocabulary import AGREEMENTS, JUDICIAL, NEVER, Feed, Form, Purpose, RecipientClass, Status
from edge.values import Flag

Rule = Callable[[Case], Iterable[Reason]]

_LAW = {
    RecipientClass.IN_STATE: Reason.DENY_LAW_IN_STATE,
    RecipientClass.OUT_OF_STATE: Reason.DENY_LAW_OUT_OF_STATE,
    RecipientClass.FEDERAL: Reason.DENY_LAW_FEDERAL,
    RecipientClass.PRIVATE: Reason.DENY_LAW_PRIVATE,
    RecipientClass.FOREIGN: Reason.DENY_LAW_FOREIGN,
}
_BANS = {
    Purpose.IMMIGRATION_ENFORCEMENT: Reason.DENY_PURPOSE_IMMIGRATION,
    Purpose.REPRODUCTIVE_HEALTH: Reason.DENY_PURPOSE_REPRODUCTIVE,
    Purpose.LAWFUL_HEALTH_CARE: Reason.DENY_PURPOSE_LAWFUL_HEALTH,
    Purpose.GENDER_AFFIRMING_CARE: Reason.DENY_PURPOSE_LAWFUL_HEALTH,
    Purpose.PROTECTED_ACTIVITY: Reason.DENY_PURPOSE_PROTECTED_ACTIVITY,
    Purpose.PROTECTED_CLASS: Reason.DENY_PURPOSE_PROTECTED_CLASS,
}


def state(case: Case) -> Iterator[Reason]:
    """Device and policy: signed, not run out, reviewed, a clock that can be believed, a known place."""
    bundle = case.bundle
    if not bundle.signed and not case.tags.test:
        yield Reason.DENY_POLICY_SIGNATURE
    if case.is_owner:
        return
    if case.now.at >= bundle.valid_until:
        yield Reason.DENY_POLICY_EXPIRED
    if bundle.held:
        yield Reason.DENY_POLICY_HELD
    place = bundle.policy.jurisdiction.state
    if not any(pack.state in (None, place) for pack in bundle.packs):
        yield Reason.DENY_LAW_PACK_MISSING
    if bundle.policy.law.reviewed_by is None and not all(pack.reviewed for pack in bundle.packs):
        yield Reason.DENY_LAW_PACK_UNREVIEWED
    if not case.now.trusted:
        yield Reason.DENY_CLOCK_UNTRUSTED
    if not bundle.place_known or case.tags.jurisdiction.state != place:
        yield Reason.DENY_JURISDICTION_UNKNOWN


def identity(case: Case) -> Iterator[Reason]:
    """In the registry as it stands, and not suspended; a task force not either if a member is."""
    if case.bundle.subscribers.get(case.subscriber.id) is not case.subscriber:
        yield Reason.DENY_UNKNOWN_SUBSCRIBER
    if case.subscriber.suspended:
        yield Reason.DENY_SUBSCRIBER_SUSPENDED
    if any(member.suspended for member in case.subscriber.members):
        yield Reason.DENY_SUBSCRIBER_SUSPENDED
        yield Reason.DENY_TASK_FORCE_MEMBER


def agency_class(case: Case) -> Iterator[Reason]:
    """The switches by class of agency, and the read's own flags, which may be stricter."""
    yield from _of_every_party(case, _class_reasons)


def _class_reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    sharing, flags = case.bundle.policy.sharing, case.tags.flags
    for group in classes(party, case.bundle):
        if group is RecipientClass.OTHER:
            yield Reason.DENY_KIND_UNKNOWN
        elif group is RecipientClass.OUT_OF_STATE:
            yield from _switch(
                sharing.out_of_state is OutOfState.NEVER, Flag.NO_OUT_OF_STATE in flags, Reason.DENY_OPTOUT_OUT_OF_STATE
            )
        elif group is RecipientClass.FEDERAL:
            yield from _switch(sharing.federal is Federal.NEVER, Flag.NO_FEDERAL in flags, Reason.DENY_OPTOUT_FEDERAL)
        elif group is RecipientClass.PRIVATE:
            yield from _switch(sharing.private is Closed.NEVER, Flag.NO_PRIVATE in flags, Reason.DENY_OPTOUT_PRIVATE)
        elif group is RecipientClass.FOREIGN:
            yield from _switch(sharing.foreign is Closed.NEVER, False, Reason.DENY_OPTOUT_FOREIGN)


def _switch(closed: bool, flagged: bool, optout: Reason) -> Iterator[Reason]:
    if closed:
        yield optout
    elif flagged:
        yield Reason.DENY_READ_FLAG


def law(case: Case) -> Iterator[Reason]:
    """What a law pack forbids outright for a class of agency."""
    yield from _of_every_party(case, _law_reasons)


def _law_reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    for group in classes(party, case.bundle):
        if group in _LAW and any(pack.recipients[group].access is Access.NEVER for pack in case.bundle.packs):
            yield _LAW[group]


def purpose(case: Case) -> Iterator[Reason]:
    """Declared purposes: there must be some, none banned, none that can mean anything. The owner may declare none."""
    if not case.is_owner and not case.subscriber.purposes:
        yield Reason.DENY_PURPOSE_MISSING
    yield from _of_every_party(case, _purpose_reasons)


def _purpose_reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    for declared in party.purposes:
        if declared in NEVER:
            yield Reason.DENY_PURPOSE_UNKNOWN
        if declared in case.bundle.banned:
            yield _BANS.get(declared, Reason.DENY_PURPOSE_BANNED)
        if not case.is_owner and case.bundle.allowed is not None and declared not in case.bundle.allowed:
            yield Reason.DENY_PURPOSE_NOT_LISTED


def instrument(case: Case) -> Iterator[Reason]:
    """Agreements and warrants that policy or law ask of a class, each in force at this very moment."""
    yield from _of_every_party(case, _instrument_reasons)


def _instrument_reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    for group in classes(party, case.bundle):
        for forms in _needed(case, group):
            judge = _warrant if forms <= JUDICIAL else _agreement
            yield from judge(case, party.agreements, forms)


def _needed(case: Case, group: RecipientClass) -> Iterator[frozenset[Form]]:
    sharing = case.bundle.policy.sharing
    if group is RecipientClass.OUT_OF_STATE and sharing.out_of_state is OutOfState.AGREEMENT:
        yield AGREEMENTS
    if group is RecipientClass.FEDERAL and sharing.federal is Federal.JUDICIAL_WARRANT:
        yield JUDICIAL
    for pack in case.bundle.packs:
        asked = pack.recipients.get(group)
        if asked is not None and asked.access is Access.INSTRUMENT:
            yield asked.forms


def _agreement(case: Case, held: tuple[Agreement, ...], forms: frozenset[Form]) -> Iterator[Reason]:
    fitting = [one for one in held if one.form in forms]
    if not fitting:
        yield Reason.DENY_AGREEMENT_FORM if held else Reason.DENY_AGREEMENT_MISSING
        return
    faults = [_fault(case, one) for one in fitting]
    if all(faults):
        yield from (fault for fault in faults if fault)


def _fault(case: Case, one: Agreement) -> Reason | None:
    if one.status is not Status.ACTIVE:
        return Reason.DENY_AGREEMENT_REVOKED
    if case.now.at < one.begins:
        return Reason.DENY_AGREEMENT_NOT_YET_VALID
    if case.now.at >= one.ends:
        return Reason.DENY_AGREEMENT_EXPIRED
    if not case.subscriber.purposes <= one.purposes:
        return Reason.DENY_AGREEMENT_SCOPE
    return None


def _warrant(case: Case, held: tuple[Agreement, ...], forms: frozenset[Form]) -> Iterator[Reason]:
    fitting = [one for one in held if one.form in forms]
    if not fitting:
        administrative = any(one.form is Form.ADMINISTRATIVE_WARRANT for one in held)
        yield Reason.DENY_WARRANT_NOT_JUDICIAL if administrative else Reason.DENY_WARRANT_REQUIRED
        return
    faults = [_fault(case, one) for one in fitting]
    if not all(faults):
        return
    for fault in faults:
        out_of_scope = fault is Reason.DENY_AGREEMENT_SCOPE
        yield Reason.DENY_WARRANT_SCOPE if out_of_scope else Reason.DENY_WARRANT_EXPIRED


def read(case: Case) -> Iterator[Reason]:
    """The read itself: its tags agree, it may still be kept, and a hits-only agency has a hit of its own."""
    tags = case.tags
    if tags.owner != case.bundle.owner or tags.test != (Flag.TEST in tags.flags):
        yield Reason.DENY_TAGS_INVALID
    if case.now.at >= tags.retain_until:
        yield Reason.DENY_RETENTION_EXPIRED
    if case.subscriber.feed is Feed.NONE:
        yield Reason.DENY_FEED_NONE
    elif not case.full_feed and not any(usable(hit, case) for hit in tags.hits):
        yield from _no_usable_hit(case)


def _no_usable_hit(case: Case) -> Iterator[Reason]:
    if not case.tags.hits:
        yield Reason.DENY_NON_HIT
    for hit in case.tags.hits:
        if case.now.at >= hit.expires_at:
            yield Reason.DENY_HOTLIST_STALE
        elif serves_ban(hit, case.bundle):
            yield Reason.DENY_HOTLIST_PURPOSE
        else:
            yield Reason.DENY_HOTLIST_OTHER_PURPOSE


def key(case: Case) -> Iterator[Reason]:
    """A key to seal to."""
    if case.subscriber.sealing_key is None:
        yield Reason.DENY_PAYLOAD_KEY


def _of_every_party(case: Case, reasons: Callable[[Case, Subscriber], Iterable[Reason]]) -> Iterator[Reason]:
    """The reasons of the agency itself (not for classes the owner is in), then of each member of a task force."""
    for party in case.parties:
        found = list(reasons(case, party))
        yield from found
        if found and party is not case.subscriber:
            yield Reason.DENY_TASK_FORCE_MEMBER


FAMILIES: tuple[tuple[str, Rule, bool], ...] = (
    ("device and policy", state, True),
    ("who it is", identity, True),
    ("opt-outs by class", agency_class, False),
    ("law", law, False),
    ("purpose", purpose, True),
    ("agreement or warrant", instrument, False),
    ("the read", read, True),
    ("sealing key", key, True),
)
"""Each family by name, and whether it binds the owner of the camera as well."""
