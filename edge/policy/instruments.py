"""Agreements and warrants: what policy or law ask of a class, and what stands of it at this very moment.

Source of the rule: a written declaration that has run out, or was never signed, shares nothing (625 ILCS 5/2-130(c)); a
warrant that an agency wrote itself is not a judge's (Md. Public Safety 3-529).
"""

from collections.abc import Iterator

from edge.policy.case import Case, classes, of_every_party
from edge.policy.law import Access
from edge.policy.policy import Federal, OutOfState
from edge.policy.reasons import Reason
from edge.policy.subscribers import Agreement, Subscriber
from edge.policy.vocabulary import AGREEMENTS, JUDICIAL, Form, RecipientClass, Status


def instrument(case: Case) -> Iterator[Reason]:
    """Why an instrument that is asked for does not stand. For every set of forms that is asked, one is enough."""
    yield from of_every_party(case, _reasons)


def limits(case: Case) -> frozenset[frozenset[str]]:
    """The cases to which instruments that stand hold the agency: a hit must be for one of each set, none: no limit."""
    found = set()
    for party in case.parties:
        for forms in _asked(case, party):
            standing = [one for one in party.agreements if one.form in forms and _fault(case, one) is None]
            limited = [one.cases for one in standing if one.cases is not None]
            if limited and len(limited) == len(standing):
                found.add(frozenset().union(*limited))
    return frozenset(found)


def _reasons(case: Case, party: Subscriber) -> Iterator[Reason]:
    for forms in _asked(case, party):
        judge = _warrant if forms <= JUDICIAL else _agreement
        yield from judge(case, party.agreements, forms)


def _asked(case: Case, party: Subscriber) -> Iterator[frozenset[Form]]:
    """The forms that policy and each law pack ask of an agency, one set for each of them."""
    sharing = case.bundle.policy.sharing
    for group in classes(party, case.bundle):
        if group is RecipientClass.OUT_OF_STATE and sharing.out_of_state is not OutOfState.NEVER:
            yield AGREEMENTS
        if group is RecipientClass.FEDERAL and sharing.federal is Federal.JUDICIAL_WARRANT:
            yield JUDICIAL
        for pack in case.bundle.packs:
            told = pack.recipients.get(group)
            if told is not None and told.access is Access.INSTRUMENT:
                yield told.forms


def _agreement(case: Case, held: tuple[Agreement, ...], forms: frozenset[Form]) -> Iterator[Reason]:
    fitting = [one for one in held if one.form in forms]
    if not fitting:
        yield Reason.DENY_AGREEMENT_FORM if held else Reason.DENY_AGREEMENT_MISSING
        return
    faults = [_fault(case, one) for one in fitting]
    if all(faults):
        yield from filter(None, faults)


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


def _fault(case: Case, one: Agreement) -> Reason | None:
    if one.status is not Status.ACTIVE:
        return Reason.DENY_AGREEMENT_REVOKED
    if case.at < one.begins:
        return Reason.DENY_AGREEMENT_NOT_YET_VALID
    if case.at >= one.ends:
        return Reason.DENY_AGREEMENT_EXPIRED
    return None if _covers(case, one) else Reason.DENY_AGREEMENT_SCOPE


def _covers(case: Case, one: Agreement) -> bool:
    """Every purpose that is declared, this place, and at least one case; a list that is empty covers nothing."""
    here = one.states is None or case.bundle.policy.jurisdiction.state in one.states
    return here and case.subscriber.purposes <= one.purposes and (one.cases is None or bool(one.cases))
