"""What each built-in law pack lets through, and that a pack only ever narrows."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.desk.laws import law_text, packs
from edge.errors import PolicyError
from edge.policy import law
from edge.policy.bundle import Bundle
from edge.policy.collection import refusal
from edge.policy.law import Access
from edge.policy.vocabulary import Form, Kind, Obligation, RecipientClass
from edge.values import Effect, Hit
from tests.policy.cities import GRADES, PURPOSES, REDACTIONS, cities, hits, no_wider, shared
from tests.policy.city import Table, agency, agreement, asked, bundle_of, hit, merged, owner, policy, taken, toml

STATES = {"us-il": "US-IL", "us-nh": "US-NH", "us-ca": "US-CA", "us-va": "US-VA", "generic": "US-WY"}
OPEN = {
    "national_lookup": True,
    "statewide_lookup": True,
    "out_of_state": "agreement",
    "federal": "judicial-warrant",
    "deputised_as_federal": False,
}


def under(pack: str, *agencies: Table, **changes: Any) -> Bundle:
    """A city in the pack's state that has opened every switch there is: what is withheld now, the law withholds."""
    state = STATES[pack]
    written = policy({"jurisdiction": {"state": state}, "law": {"packs": [pack]}, "sharing": OPEN, **changes})
    others = [merged({"state": state}, one) if "state" not in one else one for one in agencies]
    return bundle_of(written, [owner(state=state), *others])


def here(pack: str, **changes: Any) -> Table:
    return agency("they", **{"state": STATES[pack], "channels": ["national-lookup"], **changes})


def far(form: str = "declaration") -> dict[str, Any]:
    return {"state": "US-TX", "agreement": [agreement(form=form)]}


def bureau(form: str = "judicial-warrant") -> dict[str, Any]:
    return {"kind": "federal", "agreement": [agreement(form=form)]}


DEPUTY = {"federal_deputation": "287g"}


@pytest.mark.parametrize(
    ("pack", "changes", "reason"),
    [
        ("us-il", {}, "allow_in_state"),
        ("us-il", far(), "allow_agreement"),
        ("us-il", far("mou"), "deny_agreement_form"),
        ("us-il", bureau(), "allow_warrant"),
        ("us-il", bureau("administrative-warrant"), "deny_warrant_not_judicial"),
        ("us-il", {"purposes": ["reproductive_health"]}, "deny_purpose_reproductive"),
        ("us-il", {"purposes": ["gender_affirming_care"]}, "deny_purpose_lawful_health"),
        ("us-il", DEPUTY, "deny_warrant_required"),
        ("us-nh", {}, "allow_in_state"),
        ("us-nh", {"kind": "county"}, "allow_in_state"),
        ("us-nh", {"kind": "campus"}, "deny_law_kind"),
        ("us-nh", {"kind": "prosecutor"}, "deny_law_kind"),
        ("us-nh", far(), "deny_law_out_of_state"),
        ("us-nh", bureau(), "deny_law_federal"),
        ("us-nh", DEPUTY, "deny_law_federal"),
        ("us-nh", {"purposes": ["parking"]}, "deny_purpose_not_listed"),
        ("us-nh", {"purposes": ["immigration_enforcement"]}, "deny_purpose_not_listed"),
        ("us-ca", {}, "allow_in_state"),
        ("us-ca", {"kind": "campus"}, "allow_in_state"),
        ("us-ca", {"kind": "tribal"}, "deny_law_kind"),
        ("us-ca", far(), "deny_law_out_of_state"),
        ("us-ca", bureau(), "deny_law_federal"),
        ("us-ca", {"purposes": ["immigration_enforcement"]}, "deny_purpose_immigration"),
        ("us-va", {}, "allow_in_state"),
        ("us-va", {"kind": "prosecutor"}, "allow_in_state"),
        ("us-va", {"kind": "court"}, "deny_law_kind"),
        ("us-va", far(), "deny_law_out_of_state"),
        ("us-va", bureau("court-order"), "deny_law_federal"),
        ("us-va", {"purposes": ["registration_insurance"]}, "deny_purpose_not_listed"),
        ("generic", {}, "allow_in_state"),
        ("generic", far("mou"), "allow_agreement"),
        ("generic", far("contract"), "deny_agreement_form"),
        ("generic", bureau(), "allow_warrant"),
    ],
)
def test_a_pack_says_of_an_agency(pack: str, changes: dict[str, Any], reason: str) -> None:
    place = under(pack, here(pack, **changes), purposes={"banned": []})
    found = hit(changes.get("purposes", ["stolen_vehicle"])[0])
    assert reason in asked(place, "they", taken(place, found)).reasons


@pytest.mark.parametrize("pack", sorted(STATES))
@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"kind": "private"}, "deny_law_private"), ({"state": "CA-ON"}, "deny_law_foreign")],
)
def test_no_pack_lets_private_parties_or_agencies_abroad_receive(
    pack: str, changes: dict[str, Any], reason: str
) -> None:
    assert reason in asked(under(pack, here(pack, **changes)), "they").reasons


@pytest.mark.parametrize(("pack", "full"), [("us-il", True), ("us-nh", False), ("us-ca", True), ("us-va", False)])
def test_new_hampshire_and_virginia_leave_hits_alone(pack: str, full: bool) -> None:
    place = under(pack, here(pack, feed="all"), sharing={**OPEN, "full_feed": ["they"]})
    assert (asked(place, "they", taken(place)).effect is Effect.SHARE) is full


@pytest.mark.parametrize(
    ("pack", "kept"),
    [
        ("us-nh", timedelta(minutes=3)),
        ("us-va", timedelta(days=21)),
        ("us-il", timedelta(days=30)),
        ("generic", timedelta(days=30)),
    ],
)
def test_a_read_is_kept_no_longer_than_law_and_city_both_say(pack: str, kept: timedelta) -> None:
    assert under(pack, retention={"undelivered_hours": 720}).ceiling == kept
    assert under(pack, retention={"undelivered_hours": 0.01}).ceiling == timedelta(seconds=36)


def test_three_minutes_are_over_after_three_minutes() -> None:
    place = under("us-nh", here("us-nh"))
    tags = taken(place, hit())
    last = tags.captured_at + timedelta(minutes=3)
    assert asked(place, "they", tags, now=last - timedelta(microseconds=1)).effect is Effect.SHARE
    assert asked(place, "they", tags, now=last).reasons == ("deny_retention_expired",)
    assert asked(place, "village-pd", tags, now=last).effect is Effect.WITHHOLD


def test_new_hampshire_lets_no_unattended_reader_collect() -> None:
    said = refusal(under("us-nh"), None)
    assert said is not None
    assert "RSA 259:68-a" in said
    assert "collection_exception" in said


def test_an_operator_may_name_the_exception_that_the_law_makes() -> None:
    assert refusal(under("us-nh"), "RSA 236:130, III(b)") is None


@pytest.mark.parametrize("exception", ["", "   "])
def test_an_exception_without_a_word_is_none(exception: str) -> None:
    assert refusal(under("us-nh"), exception) is not None


@pytest.mark.parametrize("pack", sorted(STATES.keys() - {"us-nh"}))
def test_the_other_packs_let_an_unattended_reader_collect(pack: str) -> None:
    assert refusal(under(pack), None) is None


def test_every_rule_of_every_pack_carries_its_citation_and_mark() -> None:
    for one in packs():
        told = one.text
        tables = [told.collection, told.retention, told.purposes, *([told.obligations] if told.obligations else [])]
        tables += [getattr(told.recipients, group.value) for group in RecipientClass if group.value != "other"]
        assert all(table.citation and table.mark for table in tables)


def test_a_pack_without_review_serves_the_owner_and_nobody_else() -> None:
    for pack in STATES:
        place = under(pack, here(pack), law={"packs": [pack], "reviewed_by": None})
        assert asked(place, "village-pd").effect is Effect.SHARE
        assert asked(place, "they").reasons == ("deny_law_pack_unreviewed",)


def test_a_pack_may_list_the_states_of_those_abroad_of_it() -> None:
    text = law_text("us-il").decode().replace('forms = ["declaration"]', 'forms = ["declaration"]\nstates = ["US-WI"]')
    place = bundle_of(policy(), [owner(), here("us-il", **far())], laws={"us-il": text.encode()})
    assert asked(place, "they").reasons == ("deny_law_state",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('access = "allowed"', 'access = "allowed"\nstates = ["US-WI"]', "`states` goes with out_of_state only"),
        ('access = "allowed"', 'access = "allowed"\nfeed = "none"', "`feed`"),
        ('access = "allowed"', 'access = "instrument"', "`forms` goes with"),
        ('state = "US-IL"', 'state = "unknown"', "must be a state such as"),
        ('taken = ["confidential_record"]', 'taken = ["be_nice"]', "cannot be `be_nice`"),
        ("[retention]", f"[retention]\nseconds = {10**14}", "[retention] `seconds` must be less than or equal to"),
        ("[retention]", f"[retention]\nseconds = {2**70}", "[retention] `seconds` must be less than or equal to"),
    ],
)
def test_a_pack_that_cannot_be_meant_is_refused(old: str, new: str, said: str) -> None:
    text = law_text("us-il").decode()
    assert old in text
    with pytest.raises(PolicyError) as refused:
        law.parse(text.replace(old, new, 1), file="laws/us-il.toml")
    assert said in str(refused.value)


@st.composite
def laws(draw: st.DrawFn) -> str:
    """A random pack that fits anywhere."""
    cited = {"citation": "c", "mark": "ours"}

    def recipient(group: RecipientClass) -> Table:
        access = draw(st.sampled_from([*Access, Access.ALLOWED]))
        told: Table = {"access": access.value, **cited, "feed": draw(st.sampled_from(["all", "all", "hits"]))}
        told["redact"] = draw(st.lists(st.sampled_from(REDACTIONS), unique=True))
        if access is Access.INSTRUMENT:
            told["forms"] = draw(st.lists(st.sampled_from([one.value for one in Form]), min_size=1, unique=True))
        if group is RecipientClass.OUT_OF_STATE and draw(st.booleans()):
            told["states"] = draw(st.sampled_from([["US-TX"], ["US-WI", "US-TX"], []]))
        if draw(st.booleans()):
            told["kinds"] = draw(st.lists(st.sampled_from([one.value for one in Kind]), unique=True))
        return told

    groups = {group.value: recipient(group) for group in RecipientClass if group is not RecipientClass.OTHER}
    purposes: Table = {"banned": draw(st.lists(st.sampled_from(PURPOSES), unique=True, max_size=1)), **cited}
    if draw(st.booleans()):
        purposes["allowed"] = draw(st.lists(st.sampled_from(PURPOSES), unique=True))
    if draw(st.booleans()):
        purposes["grades"] = draw(st.lists(st.sampled_from(GRADES), unique=True))
    purposes["own_offences"] = draw(st.booleans())
    pack = {
        "id": "another",
        "title": "Another",
        "version": 1,
        "reviewed": draw(st.booleans()),
        "collection": {"unattended_roadside": draw(st.booleans()), **cited},
        "retention": {"seconds": draw(st.sampled_from([1, 180, 10**6])), **cited},
        "recipients": {"deputised_as_federal": draw(st.booleans()), **groups},
        "purposes": purposes,
        "obligations": {"taken": draw(st.lists(st.sampled_from([one.value for one in Obligation]))), **cited},
    }
    return toml(pack)


@settings(max_examples=80, deadline=None)
@given(place=cities(), found=hits(), text=laws())
def test_adding_a_pack_never_adds_a_recipient(place: tuple[Table, list[Table]], found: list[Hit], text: str) -> None:
    written, agencies = place
    more = merged(written, {"law": {"packs": ["us-il", "another"]}})
    before, after = bundle_of(written, agencies), bundle_of(more, agencies, laws={"another": text.encode()})
    assert no_wider(shared(after, taken(after, *found)), shared(before, taken(before, *found)))


@settings(max_examples=50, deadline=None)
@given(place=cities(), found=hits(), name=st.sampled_from(["us-nh", "us-ca", "us-va", "generic"]))
def test_adding_a_built_in_pack_never_adds_a_recipient(
    place: tuple[Table, list[Table]], found: list[Hit], name: str
) -> None:
    written, agencies = place
    before = bundle_of(written, agencies)
    after = bundle_of(merged(written, {"law": {"packs": ["us-il", name]}}), agencies)
    assert no_wider(shared(after, taken(after, *found)), shared(before, taken(before, *found)))
