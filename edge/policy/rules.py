"""The rules that need no read: each looks at one side of an agency and gives the reasons to withhold, or none.

A rule never allows. Under "owner only" the owner is passed over; nothing else lets anybody by.
"""

from collections.abc import Callable, Iterable, Iterator

from edge.policy.case import Case, classes, of_every_party
from edge.policy.instruments import instrument
from edge.policy.law import Access
from edge.policy.policy import Closed, Federal, OutOfState
from edge.policy.reasons import Reason
from edge.policy.subscribers import Subscriber
from edge.policy.vocabulary import NAMED_GRADE, NEVER, Purpose, RecipientClass

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


def identity(case: Case) -> Iterator[Reason]:
    """In the registry as it stands, and not suspended; a task force not either if a member is."""
    if case.bundle.subscribers.get(case.subscriber.id) is not case.subscriber:
        yield Reason.DENY_UNKNOWN_SUBSCRIBER
    yield from of_every_party(case, _identity_reasons)


def _identity_reasons(_: Case, party: Subscriber) -> Iterator[Reason]:
    if party.suspended:
        yield Reason.DENY_SUBSCRIBER_SUSPENDED


def agency_class(case: Case) -> Iterator[Reason]:
    """The switches by class of agency."""
    yield from of_every_party(case, _class_reasons)


def _class_reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    sharing = case.bundle.policy.sharing
    for group in classes(party, case.bundle):
        if group is RecipientClass.OTHER:
            yield Reason.DENY_KIND_UNKNOWN
        elif group is RecipientClass.OUT_OF_STATE:
            if sharing.out_of_state is OutOfState.NEVER:
                yield Reason.DENY_OPTOUT_OUT_OF_STATE
            elif sharing.out_of_state is OutOfState.LISTED_STATES and party.state not in sharing.states:
                yield Reason.DENY_OPTOUT_STATE
        elif group is RecipientClass.FEDERAL and sharing.federal is Federal.NEVER:
            yield Reason.DENY_OPTOUT_FEDERAL
        elif group is RecipientClass.PRIVATE and sharing.private is Closed.NEVER:
            yield Reason.DENY_OPTOUT_PRIVATE
        elif group is RecipientClass.FOREIGN and sharing.foreign is Closed.NEVER:
            yield Reason.DENY_OPTOUT_FOREIGN


def law(case: Case) -> Iterator[Reason]:
    """What a law pack forbids outright: a class of agency, a kind in it, a state that it does not list."""
    yield from of_every_party(case, _law_reasons)


def _law_reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    for group in classes(party, case.bundle):
        for pack in case.bundle.packs:
            told = pack.recipients.get(group)
            if told is None:
                continue
            if told.access is Access.NEVER:
                yield _LAW[group]
            if told.kinds is not None and party.kind not in told.kinds:
                yield Reason.DENY_LAW_KIND
            if told.states is not None and party.state not in told.states:
                yield Reason.DENY_LAW_STATE


def purpose(case: Case) -> Iterator[Reason]:
    """Declared purposes: there must be some, none banned, none that can mean anything. The owner may declare none."""
    if not case.is_owner and not case.subscriber.purposes:
        yield Reason.DENY_PURPOSE_MISSING
    yield from of_every_party(case, _purpose_reasons)


def _purpose_reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    allowed, grades = case.bundle.allowed, case.bundle.grades
    for declared in party.purposes:
        if declared in NEVER:
            yield Reason.DENY_PURPOSE_UNKNOWN
        if declared in case.bundle.banned:
            yield _BANS.get(declared, Reason.DENY_PURPOSE_BANNED)
        if case.is_owner:
            continue
        if allowed is not None and declared not in allowed:
            yield Reason.DENY_PURPOSE_NOT_LISTED
        if grades is not None and declared in NAMED_GRADE and NAMED_GRADE[declared] not in grades:
            yield Reason.DENY_OFFENCE_GRADE


def key(case: Case) -> Iterator[Reason]:
    """A key to seal to."""
    if case.subscriber.sealing_key is None:
        yield Reason.DENY_PAYLOAD_KEY


IDENTITY, CLASS, LAW, PURPOSE, INSTRUMENT, KEY = (
    "who it is",
    "opt-outs by class",
    "law",
    "purpose",
    "agreement or warrant",
    "sealing key",
)

RULES: tuple[tuple[str, Rule, bool], ...] = (
    (IDENTITY, identity, True),
    (CLASS, agency_class, False),
    (LAW, law, False),
    (PURPOSE, purpose, True),
    (INSTRUMENT, instrument, False),
    (KEY, key, True),
)
"""Each family by name, and whether it binds the owner of the camera as well."""
