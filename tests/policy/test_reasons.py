"""Every reason: stable, said in one plain sentence, and given by some decision. None is dead."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from edge import keys
from edge.delivery.wire import canonical
from edge.desk.laws import law_text
from edge.policy.correct import Given, correct_all
from edge.policy.decide import decide, explain, stranger
from edge.policy.hotlists import NO_LISTS
from edge.policy.reasons import ORDER, Reason, sentence
from edge.relay.door import decide_again
from edge.values import Decision, Envelope, Flag, Instant, Waiting
from tests.policy.city import INSTANT, NOW, OWNER, agency, agreement, asked, city, hit, pack, signed, taken, texan

JUDGE = {"sharing": {"federal": "judicial-warrant"}}


def county(**changes: Any) -> Decision:
    return asked(city(agency("they", **changes)), "they")


def under(*, they: dict[str, Any] | None = None, signed: bool = True, laws: Any = None, **changes: Any) -> Decision:
    return asked(city(they or agency("they"), signed=signed, laws=laws, **changes), "they")


def far(**changes: Any) -> Decision:
    return under(they=texan("they"), **changes)


def held(**changes: Any) -> Decision:
    return under(they=texan("they", agreement=[agreement(**changes)]))


def bureau(*instruments: dict[str, Any]) -> Decision:
    return under(
        they=agency("they", kind="federal", channels=["national-lookup"], agreement=list(instruments)), **JUDGE
    )


def of_a_hit(*hits: Any, they: dict[str, Any] | None = None, **changes: Any) -> Decision:
    here = city(they or agency("they"), **changes)
    return asked(here, "they", taken(here, *hits))


def tampered(**changes: Any) -> Decision:
    here = city(agency("they"))
    return asked(here, "they", replace(taken(here, hit()), **changes))


def forbidding(group: str) -> Any:
    """The Illinois pack with one class shut."""
    text = law_text("us-il").decode()
    head, table, rest = text.partition(f"[recipients.{group}]\n")
    body, gap, tail = rest.partition("\n\n")
    lines = [line for line in body.splitlines() if not line.startswith(("access", "forms"))]
    return {"us-il": "".join([head, table, 'access = "never"\n', "\n".join(lines), gap, tail]).encode()}


def unreadable() -> Decision:
    here = city()
    return decide(taken(here), here.subscribers[OWNER], here, Instant(at=datetime(2026, 11, 23), trusted=True))


def corrected(*hits: Any, before: Given = Given(to=frozenset({OWNER}), hits=())) -> Decision:  # noqa: B008
    here = city(agency("they"))
    decisions, _ = correct_all(taken(here, *hits), before, here, INSTANT)
    return next(one for one in decisions if one.subscriber_id == "they")


def sealed_before() -> Decision:
    here = city()
    tags = taken(here)
    key = keys.key_id(keys.sealing_public(here.subscribers[OWNER].sealing_key or "", where=OWNER))
    header = {"v": 1, "device": "north", "subscriber": OWNER, "key": key, "bundle": here.digest}
    envelope = Envelope(
        message_id=f"{tags.read_id}.{OWNER}",
        subscriber_id=OWNER,
        topic="",
        header=canonical(header),
        payload=b"",
        expires_at=tags.retain_until,
        ack_digest=b"",
        tags=tags,
    )
    row = Waiting(
        envelope=envelope,
        position=1,
        obligations=asked(here, OWNER).obligations[1:],
        bundle_digest=here.digest,
        decided_at=NOW,
        sent_at=None,
        attempts=0,
        channel="owner",
    )
    return decide_again(row, here, NO_LISTS, INSTANT)


def force_of(member: dict[str, Any]) -> Decision:
    here = city(member, agency("they", kind="task_force", members=[member["id"]]))
    return asked(here, "they")


WITH: dict[Reason, Callable[[], Decision]] = {
    Reason.ALLOW_OWNER: lambda: asked(city(), OWNER),
    Reason.ALLOW_IN_STATE: county,
    Reason.ALLOW_AGREEMENT: far,
    Reason.ALLOW_WARRANT: lambda: bureau(agreement(form="judicial-warrant")),
    Reason.ALLOW_WITHDRAWAL: lambda: corrected(before=Given(to=frozenset({"they"}), hits=(hit(),))),
    Reason.DENY_DEFAULT: lambda: county(channels=[]),
    Reason.DENY_POLICY_SIGNATURE: lambda: under(signed=False),
    Reason.DENY_POLICY_EXPIRED: lambda: under(valid_until=NOW),
    Reason.DENY_POLICY_NOT_YET_VALID: lambda: asked(signed(city(agency("they")), NOW + timedelta(days=1)), "they"),
    Reason.DENY_POLICY_HELD: lambda: asked(replace(city(agency("they")), held=True), "they"),
    Reason.DENY_LAW_PACK_MISSING: lambda: under(law={"packs": []}),
    Reason.DENY_LAW_PACK_UNREVIEWED: lambda: under(law={"reviewed_by": None}),
    Reason.DENY_CLOCK_UNTRUSTED: lambda: asked(city(agency("they")), "they", trusted=False),
    Reason.DENY_EVALUATION_ERROR: unreadable,
    Reason.DENY_JURISDICTION_UNKNOWN: lambda: under(jurisdiction={"state": "unknown"}),
    Reason.DENY_UNKNOWN_SUBSCRIBER: lambda: stranger(taken(city()), "who", "00"),
    Reason.DENY_SUBSCRIBER_SUSPENDED: lambda: county(suspended=True),
    Reason.DENY_OPTOUT_NATIONAL_LOOKUP: lambda: far(sharing={"national_lookup": False}),
    Reason.DENY_OPTOUT_STATEWIDE_LOOKUP: lambda: under(sharing={"statewide_lookup": False}),
    Reason.DENY_OPTOUT_CHANNEL: lambda: under(
        they=agency("they", channels=["compact"]), sharing={"channels": {"compact": False}}
    ),
    Reason.DENY_OPTOUT_OUT_OF_STATE: lambda: far(sharing={"out_of_state": "never"}),
    Reason.DENY_OPTOUT_STATE: lambda: far(sharing={"out_of_state": "listed-states", "states": ["US-WI"]}),
    Reason.DENY_OPTOUT_FEDERAL: lambda: county(kind="federal"),
    Reason.DENY_OPTOUT_PRIVATE: lambda: county(kind="private"),
    Reason.DENY_OPTOUT_FOREIGN: lambda: county(state="CA-ON"),
    Reason.DENY_OPTOUT_AGENCY: lambda: county(channels=["direct"]),
    Reason.DENY_LAW_IN_STATE: lambda: under(laws=forbidding("in_state")),
    Reason.DENY_LAW_OUT_OF_STATE: lambda: far(laws=forbidding("out_of_state")),
    Reason.DENY_LAW_FEDERAL: lambda: under(they=agency("they", kind="federal"), laws=forbidding("federal")),
    Reason.DENY_LAW_PRIVATE: lambda: county(kind="private"),
    Reason.DENY_LAW_FOREIGN: lambda: county(kind="foreign"),
    Reason.DENY_LAW_STATE: lambda: far(laws=pack('forms = ["declaration"]', 'forms = ["declaration"]\nstates = []')),
    Reason.DENY_LAW_KIND: lambda: under(laws=pack('access = "allowed"', 'access = "allowed"\nkinds = ["state"]')),
    Reason.DENY_STATE_NOT_LISTED: lambda: under(they=texan("they", channels=["statewide-lookup"])),
    Reason.DENY_KIND_UNKNOWN: lambda: county(kind="other"),
    Reason.DENY_TASK_FORCE_MEMBER: lambda: force_of(agency("bureau", kind="federal")),
    Reason.DENY_CHANNEL_UNKNOWN: lambda: county(channels=["my-own"]),
    Reason.DENY_PURPOSE_MISSING: lambda: county(purposes=[]),
    Reason.DENY_PURPOSE_UNKNOWN: lambda: county(purposes=["unspecified"]),
    Reason.DENY_PURPOSE_IMMIGRATION: lambda: county(purposes=["immigration_enforcement"]),
    Reason.DENY_PURPOSE_REPRODUCTIVE: lambda: county(purposes=["reproductive_health"]),
    Reason.DENY_PURPOSE_LAWFUL_HEALTH: lambda: county(purposes=["lawful_health_care"]),
    Reason.DENY_PURPOSE_PROTECTED_ACTIVITY: lambda: under(
        they=agency("they", purposes=["protected_activity"]), purposes={"banned": ["protected_activity"]}
    ),
    Reason.DENY_PURPOSE_PROTECTED_CLASS: lambda: under(
        they=agency("they", purposes=["protected_class"]), purposes={"banned": ["protected_class"]}
    ),
    Reason.DENY_PURPOSE_BANNED: lambda: under(purposes={"banned": ["stolen_vehicle"]}),
    Reason.DENY_PURPOSE_NOT_LISTED: lambda: under(purposes={"allowed": []}),
    Reason.DENY_OFFENCE_GRADE: lambda: under(purposes={"grades": []}),
    Reason.DENY_OFFENCE_NOT_THIS_STATE: lambda: of_a_hit(
        hit("criminal_felony"),
        they=agency("they", purposes=["criminal_felony"]),
        laws=pack("[purposes]\n", "[purposes]\nown_offences = true\n"),
    ),
    Reason.DENY_HOTLIST_PURPOSE: lambda: of_a_hit(hit("immigration_enforcement")),
    Reason.DENY_HOTLIST_STALE: lambda: of_a_hit(hit(expires_at=NOW)),
    Reason.DENY_HOTLIST_OTHER_PURPOSE: lambda: of_a_hit(hit("parking")),
    Reason.DENY_HOTLIST_CASE: lambda: held(cases=["c-1"]),
    Reason.DENY_AGREEMENT_MISSING: lambda: under(they=texan("they", agreement=None)),
    Reason.DENY_AGREEMENT_EXPIRED: lambda: held(expires_on=NOW.date()),
    Reason.DENY_AGREEMENT_NOT_YET_VALID: lambda: held(begins_on=NOW.date() + timedelta(days=1)),
    Reason.DENY_AGREEMENT_REVOKED: lambda: held(status="revoked"),
    Reason.DENY_AGREEMENT_SCOPE: lambda: held(purposes=["parking"]),
    Reason.DENY_AGREEMENT_FORM: lambda: held(form="mou"),
    Reason.DENY_WARRANT_REQUIRED: bureau,
    Reason.DENY_WARRANT_EXPIRED: lambda: bureau(agreement(form="court-order", expires_on=NOW.date())),
    Reason.DENY_WARRANT_NOT_JUDICIAL: lambda: bureau(agreement(form="administrative-warrant")),
    Reason.DENY_WARRANT_SCOPE: lambda: bureau(agreement(form="court-order", states=["US-WI"])),
    Reason.DENY_RETENTION_EXPIRED: lambda: tampered(retain_until=NOW),
    Reason.DENY_NON_HIT: of_a_hit,
    Reason.DENY_FEED_NONE: lambda: county(feed="none"),
    Reason.DENY_TAGS_INVALID: lambda: tampered(owner="somebody-else"),
    Reason.DENY_READ_FLAG: lambda: tampered(flags=frozenset({Flag.NO_STATEWIDE_LOOKUP})),
    Reason.DENY_CORRECTION: lambda: corrected(hit()),
    Reason.DENY_SEALED_BEFORE: sealed_before,
    Reason.DENY_PAYLOAD_KEY: lambda: county(sealing_key=None),
}

STABLE = """
allow_owner allow_in_state allow_agreement allow_warrant allow_withdrawal deny_default deny_policy_signature
deny_policy_expired deny_policy_not_yet_valid deny_policy_held deny_law_pack_missing deny_law_pack_unreviewed
deny_clock_untrusted deny_evaluation_error deny_jurisdiction_unknown deny_unknown_subscriber deny_subscriber_suspended
deny_optout_national_lookup deny_optout_statewide_lookup deny_optout_channel deny_optout_out_of_state deny_optout_state
deny_optout_federal deny_optout_private deny_optout_foreign deny_optout_agency deny_law_in_state deny_law_out_of_state
deny_law_federal deny_law_private deny_law_foreign deny_law_state deny_law_kind deny_state_not_listed deny_kind_unknown
deny_task_force_member deny_channel_unknown deny_purpose_missing deny_purpose_unknown deny_purpose_immigration
deny_purpose_reproductive deny_purpose_lawful_health deny_purpose_protected_activity deny_purpose_protected_class
deny_purpose_banned deny_purpose_not_listed deny_offence_grade deny_offence_not_this_state deny_hotlist_purpose
deny_hotlist_stale deny_hotlist_other_purpose deny_hotlist_case deny_agreement_missing deny_agreement_expired
deny_agreement_not_yet_valid deny_agreement_revoked deny_agreement_scope deny_agreement_form deny_warrant_required
deny_warrant_expired deny_warrant_not_judicial deny_warrant_scope deny_retention_expired deny_non_hit deny_feed_none
deny_tags_invalid deny_read_flag deny_correction deny_sealed_before deny_payload_key
"""


def test_the_codes_and_their_order_are_those_that_ledgers_and_auditors_know() -> None:
    assert [reason.value for reason in Reason] == STABLE.split()


def test_every_reason_has_a_case_of_its_own() -> None:
    assert list(WITH) == list(Reason)


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.value)
def test_a_decision_gives_the_reason(reason: Reason) -> None:
    decision = WITH[reason]()
    assert reason.value in decision.reasons
    assert list(decision.reasons) == sorted(decision.reasons, key=ORDER.__getitem__)
    assert (decision.effect.value == "share") == reason.value.startswith("allow")


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.value)
def test_a_reason_is_said_in_one_plain_sentence(reason: Reason) -> None:
    said = sentence(reason.value)
    assert said[0].isupper()
    assert said.endswith(".")
    assert said.count(". ") == 0
    assert "_" not in said
    assert len(said.split()) <= 20
    assert reason.value == reason.name.lower()


def test_no_two_reasons_say_the_same() -> None:
    assert len({reason.sentence for reason in Reason}) == len(Reason)


EXPLAINED: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "device and policy": ("deny_policy_expired", agency("they"), {"valid_until": NOW}, {}),
    "who it is": ("deny_subscriber_suspended", agency("they", suspended=True), {}, {}),
    "opt-outs by class": ("deny_read_flag", texan("they"), {}, {"raised": [Flag.NO_OUT_OF_STATE]}),
    "law": ("deny_law_in_state", agency("they"), {"laws": forbidding("in_state")}, {}),
    "purpose": ("deny_purpose_unknown", agency("they", purposes=["stolen_vehicle", "other"]), {}, {}),
    "agreement or warrant": ("deny_agreement_missing", texan("they", agreement=[]), {}, {}),
    "the read": ("deny_retention_expired", agency("they"), {}, {"at": NOW - timedelta(days=2)}),
    "sealing key": ("deny_payload_key", agency("they", sealing_key=None), {}, {}),
    "channel": ("deny_default", agency("they", channels=[]), {}, {}),
}
"""For each family of rules a reason that it alone has: for whom, under which city, about which read."""


def test_the_explanation_names_what_an_agency_did_not_ask_for() -> None:
    here = city(agency("they"))
    verdicts = explain(taken(here), here.subscribers["they"], here, INSTANT)
    assert {one.family: one.reasons for one in verdicts if one.reasons} == {"the read": (Reason.DENY_NON_HIT,)}


@pytest.mark.parametrize("family", EXPLAINED)
def test_the_explanation_names_the_rule_that_objects_and_no_other(family: str) -> None:
    reason, they, changes, read = EXPLAINED[family]
    here = city(they, **changes)
    verdicts = explain(taken(here, hit(), **read), here.subscribers["they"], here, INSTANT)
    assert {one.family: one.reasons for one in verdicts if one.reasons} == {family: (reason,)}
    assert [one.family for one in verdicts] == list(EXPLAINED)
