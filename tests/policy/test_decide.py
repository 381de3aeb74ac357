"""The decision, one fact at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from edge.policy.decide import _settled, decide, decide_all, grant_ends, hits_for, stranger
from edge.policy.standing import everybody
from edge.values import Effect, Flag, Instant
from tests.policy.city import (
    INSTANT,
    NOW,
    OWNER,
    agency,
    agreement,
    asked,
    bundle_of,
    city,
    hit,
    owner,
    pack,
    policy,
    taken,
    texan,
)


def test_the_owner_gets_a_read_without_a_hit() -> None:
    here = city()
    decision = asked(here, OWNER, taken(here))
    assert (decision.effect, decision.channel, decision.reasons) == (Effect.SHARE, "owner", ("allow_owner",))


def test_an_agency_of_the_state_gets_hits_by_default() -> None:
    decision = asked(city(agency("county")), "county")
    assert (decision.effect, decision.channel) == (Effect.SHARE, "statewide-lookup")
    assert decision.reasons == ("allow_in_state",)


def test_an_agency_of_the_state_gets_no_read_without_a_hit() -> None:
    here = city(agency("county"))
    assert asked(here, "county", taken(here)).reasons == ("deny_non_hit",)


def test_a_full_feed_needs_its_line_in_the_policy() -> None:
    here = city(agency("county", feed="all"))
    assert asked(here, "county", taken(here)).effect is Effect.WITHHOLD


def test_a_full_feed_named_in_the_policy_gives_reads_without_a_hit() -> None:
    here = city(agency("county", feed="all"), sharing={"full_feed": ["county"]})
    decision = asked(here, "county", taken(here))
    assert decision.effect is Effect.SHARE
    assert "hit_only" not in decision.obligations


def test_an_agency_that_asks_for_hits_gets_no_more_though_it_is_named_for_all() -> None:
    here = city(agency("county"), sharing={"full_feed": ["county"]})
    assert asked(here, "county", taken(here)).reasons == ("deny_non_hit",)


def test_an_agreement_opens_the_channel_for_an_agency_of_another_state() -> None:
    decision = asked(city(texan()), "texas-so")
    assert (decision.effect, decision.channel) == (Effect.SHARE, "national-lookup")
    assert decision.reasons == ("allow_agreement",)


def test_an_opt_out_beats_an_agreement_on_its_channel() -> None:
    decision = asked(city(texan(), sharing={"national_lookup": False}), "texas-so")
    assert (decision.effect, decision.channel) == (Effect.WITHHOLD, None)
    assert decision.reasons == ("deny_optout_national_lookup",)


def test_a_full_feed_does_not_survive_the_opt_out_either() -> None:
    here = city(texan(feed="all"), sharing={"national_lookup": False, "full_feed": ["texas-so"]})
    assert asked(here, "texas-so").reasons == ("deny_optout_national_lookup",)


def test_an_agency_on_two_channels_stands_on_the_one_that_names_it() -> None:
    here = city(
        texan(channels=["national-lookup", "direct"]), sharing={"national_lookup": False, "direct": ["texas-so"]}
    )
    decision = asked(here, "texas-so")
    assert (decision.effect, decision.channel) == (Effect.SHARE, "direct")
    assert decision.reasons == ("allow_agreement", "deny_optout_national_lookup")


def test_the_direct_channel_needs_the_city_to_name_the_agency() -> None:
    here = city(texan(channels=["direct"]))
    assert asked(here, "texas-so").reasons == ("deny_optout_agency",)


def test_the_city_cannot_name_an_agency_onto_a_channel_that_the_registry_lacks() -> None:
    here = city(texan(), sharing={"national_lookup": False, "direct": ["texas-so"]})
    assert asked(here, "texas-so").effect is Effect.WITHHOLD


def test_direct_is_chosen_before_the_lookups() -> None:
    here = city(
        agency("county", channels=["national-lookup", "statewide-lookup", "direct"]), sharing={"direct": ["county"]}
    )
    assert asked(here, "county").channel == "direct"


def test_statewide_lookup_is_chosen_before_national_lookup() -> None:
    here = city(agency("county", channels=["national-lookup", "statewide-lookup"]))
    assert asked(here, "county").channel == "statewide-lookup"


def test_statewide_lookup_serves_no_agency_of_another_state() -> None:
    here = city(texan(channels=["statewide-lookup"]))
    assert asked(here, "texas-so").reasons == ("deny_state_not_listed",)


def test_a_channel_of_the_citys_own_is_open_when_it_is_switched_on() -> None:
    here = city(agency("county", channels=["lake-compact"]), sharing={"channels": {"lake-compact": True}})
    assert asked(here, "county").channel == "lake-compact"


def test_a_channel_of_the_citys_own_is_shut_when_it_is_switched_off() -> None:
    here = city(agency("county", channels=["lake-compact"]), sharing={"channels": {"lake-compact": False}})
    assert asked(here, "county").reasons == ("deny_optout_channel",)


def test_a_channel_that_the_policy_does_not_name_is_shut() -> None:
    assert asked(city(agency("county", channels=["my-own"])), "county").reasons == ("deny_channel_unknown",)


def test_the_owners_channel_is_open_to_nobody_else() -> None:
    assert asked(city(agency("county", channels=["owner"])), "county").reasons == ("deny_channel_unknown",)


def test_an_agency_without_a_channel_gets_nothing() -> None:
    assert asked(city(agency("county", channels=[])), "county").reasons == ("deny_default",)


def test_out_of_state_never_beats_an_agreement() -> None:
    here = city(texan(), sharing={"out_of_state": "never"})
    assert "deny_optout_out_of_state" in asked(here, "texas-so").reasons


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"agreement": None}, "deny_agreement_missing"),
        ({"agreement": [agreement(form="court-order")]}, "deny_agreement_form"),
        ({"agreement": [agreement(form="mou")]}, "deny_agreement_form"),
        ({"agreement": [agreement(status="revoked")]}, "deny_agreement_revoked"),
        ({"agreement": [agreement(status="suspended")]}, "deny_agreement_revoked"),
        ({"agreement": [agreement(purposes=["parking"])]}, "deny_agreement_scope"),
        ({"agreement": [agreement(purposes=[])]}, "deny_agreement_scope"),
        ({"agreement": [agreement(expires_on=NOW.date())]}, "deny_agreement_expired"),
        ({"agreement": [agreement(signed_on=NOW.date() + timedelta(days=1))]}, "deny_agreement_not_yet_valid"),
    ],
)
def test_an_instrument_that_does_not_stand_gives_nothing(changes: dict[str, object], reason: str) -> None:
    decision = asked(city(texan(**changes)), "texas-so")
    assert (decision.effect, decision.reasons) == (Effect.WITHHOLD, (reason,))


def test_one_agreement_in_force_is_enough_beside_one_that_ran_out() -> None:
    old = agreement("old", signed_on=datetime(2020, 1, 1).date(), expires_on=datetime(2021, 1, 1).date())
    assert asked(city(texan(agreement=[old, agreement()])), "texas-so").effect is Effect.SHARE


def test_an_agreement_holds_until_midnight_before_its_last_date() -> None:
    here = city(texan(agreement=[agreement(expires_on=datetime(2026, 12, 1).date())]))
    end = datetime(2026, 12, 1, tzinfo=UTC)
    assert asked(here, "texas-so", now=end - timedelta(microseconds=1)).effect is Effect.SHARE
    assert asked(here, "texas-so", now=end).effect is Effect.WITHHOLD


def test_a_federal_agency_gets_nothing_by_default() -> None:
    warrant = agreement(form="judicial-warrant")
    here = city(agency("bureau", kind="federal", channels=["national-lookup"], agreement=[warrant]))
    assert asked(here, "bureau").reasons == ("deny_optout_federal",)


def federal(**changes: object) -> dict[str, object]:
    return agency("bureau", kind="federal", channels=["national-lookup"], **changes)


def test_a_judges_warrant_opens_the_channel_for_a_federal_agency_where_the_city_says_so() -> None:
    here = city(federal(agreement=[agreement(form="judicial-warrant")]), sharing={"federal": "judicial-warrant"})
    assert asked(here, "bureau").reasons == ("allow_warrant",)


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ([], "deny_warrant_required"),
        ([agreement()], "deny_warrant_required"),
        ([agreement(form="administrative-warrant")], "deny_warrant_not_judicial"),
        ([agreement(form="judicial-warrant", expires_on=NOW.date())], "deny_warrant_expired"),
        ([agreement(form="judicial-warrant", status="revoked")], "deny_warrant_expired"),
        ([agreement(form="judicial-warrant", purposes=["parking"])], "deny_warrant_scope"),
    ],
)
def test_a_federal_agency_needs_a_judges_warrant_in_force(held: list[dict[str, object]], reason: str) -> None:
    decision = asked(city(federal(agreement=held), sharing={"federal": "judicial-warrant"}), "bureau")
    assert (decision.effect, decision.reasons) == (Effect.WITHHOLD, (reason,))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("private", "deny_optout_private"),
        ("vendor_processor", "deny_optout_private"),
        ("foreign", "deny_optout_foreign"),
        ("other", "deny_kind_unknown"),
    ],
)
def test_some_kinds_of_agency_never_get_anything(kind: str, reason: str) -> None:
    decision = asked(city(agency("they", kind=kind, channels=["national-lookup"])), "they")
    assert decision.effect is Effect.WITHHOLD
    assert decision.reasons[0] == reason


def test_an_agency_abroad_is_foreign_whatever_kind_it_says() -> None:
    here = city(agency("toronto", state="CA-ON", channels=["national-lookup"], agreement=[agreement()]))
    assert asked(here, "toronto").reasons[0] == "deny_optout_foreign"


def test_a_local_agency_deputised_for_a_federal_one_counts_as_federal() -> None:
    here = city(agency("county", federal_deputation="287g"))
    assert "deny_optout_federal" in asked(here, "county").reasons


def test_an_unknown_deputation_counts_as_federal() -> None:
    here = city(agency("county", federal_deputation="unknown"))
    assert "deny_optout_federal" in asked(here, "county").reasons


def test_a_task_force_takes_the_rule_of_its_federal_member() -> None:
    here = city(federal(), agency("force", kind="task_force", members=["bureau"]))
    reasons = asked(here, "force").reasons
    assert {"deny_optout_federal", "deny_task_force_member"} <= set(reasons)


def test_a_task_force_takes_the_rule_of_a_member_of_its_member() -> None:
    here = city(
        federal(),
        agency("inner", kind="task_force", members=["bureau"]),
        agency("outer", kind="task_force", members=["inner"]),
    )
    assert "deny_optout_federal" in asked(here, "outer").reasons


def test_a_task_force_with_a_suspended_member_gets_nothing() -> None:
    here = city(agency("county", suspended=True), agency("force", kind="task_force", members=["county"]))
    assert asked(here, "force").reasons == ("deny_subscriber_suspended", "deny_task_force_member")


def test_a_task_force_with_a_member_that_declares_a_banned_purpose_gets_nothing() -> None:
    member = agency("county", purposes=["immigration_enforcement"])
    here = city(member, agency("force", kind="task_force", members=["county"]))
    assert "deny_purpose_immigration" in asked(here, "force").reasons


def test_a_task_force_whose_members_all_may_receive_is_served() -> None:
    here = city(agency("county"), agency("force", kind="task_force", members=["county", OWNER]))
    assert asked(here, "force").effect is Effect.SHARE


def test_a_task_force_needs_the_agreement_of_its_member_from_another_state() -> None:
    here = city(
        texan(agreement=None),
        agency("force", kind="task_force", members=["texas-so"], channels=["direct"]),
        sharing={"direct": ["force"]},
    )
    assert set(asked(here, "force").reasons) == {"deny_agreement_missing", "deny_task_force_member"}


def test_statewide_lookup_serves_no_task_force_with_a_member_from_another_state() -> None:
    here = city(texan(), agency("force", kind="task_force", members=["texas-so"]))
    assert asked(here, "force").reasons == ("deny_state_not_listed",)


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ([], "deny_purpose_missing"),
        (["unspecified"], "deny_purpose_unknown"),
        (["other"], "deny_purpose_unknown"),
        (["commercial"], "deny_purpose_unknown"),
        (["immigration_enforcement"], "deny_purpose_immigration"),
        (["stolen_vehicle", "immigration_enforcement"], "deny_purpose_immigration"),
        (["reproductive_health"], "deny_purpose_reproductive"),
        (["gender_affirming_care"], "deny_purpose_lawful_health"),
    ],
)
def test_a_purpose_that_is_missing_vague_or_banned_gives_nothing(declared: list[str], reason: str) -> None:
    decision = asked(city(agency("county", purposes=declared)), "county")
    assert decision.effect is Effect.WITHHOLD
    assert reason in decision.reasons


def test_a_ban_of_lawful_health_care_covers_the_care_that_has_its_own_name() -> None:
    here = bundle_of(
        policy(
            {
                "purposes": {"banned": ["lawful_health_care"]},
                "jurisdiction": {"state": "US-WI"},
                "law": {"packs": ["generic"]},
            }
        ),
        [owner(state="US-WI"), agency("county", state="US-WI", purposes=["reproductive_health"])],
    )
    assert "deny_purpose_reproductive" in asked(here, "county").reasons


def test_a_purpose_outside_the_citys_list_gives_nothing() -> None:
    here = city(agency("county"), purposes={"banned": [], "allowed": ["parking"]})
    assert "deny_purpose_not_listed" in asked(here, "county").reasons


def test_an_empty_list_of_allowed_purposes_allows_none() -> None:
    here = city(agency("county"), purposes={"banned": [], "allowed": []})
    assert "deny_purpose_not_listed" in asked(here, "county").reasons


def test_a_hit_for_a_purpose_that_the_agency_has_not_declared_is_not_its_hit() -> None:
    here = city(agency("county"))
    assert asked(here, "county", taken(here, hit("parking"))).reasons == ("deny_hotlist_other_purpose",)


def test_a_hit_for_a_banned_purpose_is_nobodys() -> None:
    here = city(agency("county"))
    assert asked(here, "county", taken(here, hit("immigration_enforcement"))).reasons == ("deny_hotlist_purpose",)


def test_a_hit_whose_entry_ran_out_is_no_hit() -> None:
    here = city(agency("county"))
    assert asked(here, "county", taken(here, hit(expires_at=NOW))).reasons == ("deny_hotlist_stale",)


def test_an_agency_is_told_only_of_the_hits_that_are_its_own() -> None:
    here = city(agency("county"))
    tags = taken(here, hit("parking"), hit(), hit("stolen_vehicle", entry_id="old", expires_at=NOW))
    assert hits_for(tags, here.subscribers["county"], here, INSTANT) == (hit(),)


def test_a_suspended_agency_gets_nothing() -> None:
    assert asked(city(agency("county", suspended=True)), "county").reasons == ("deny_subscriber_suspended",)


def test_a_suspended_owner_gets_nothing() -> None:
    here = bundle_of(policy(), [owner(suspended=True)])
    assert asked(here, OWNER).reasons == ("deny_subscriber_suspended",)


def test_an_owner_that_declares_a_banned_purpose_gets_nothing() -> None:
    here = bundle_of(policy(), [owner(purposes=["immigration_enforcement"])])
    assert asked(here, OWNER).reasons == ("deny_purpose_immigration",)


def test_an_agency_without_a_key_gets_nothing() -> None:
    assert asked(city(agency("county", sealing_key=None)), "county").reasons == ("deny_payload_key",)


def test_an_agency_that_asks_for_nothing_gets_nothing() -> None:
    assert asked(city(agency("county", feed="none")), "county").reasons == ("deny_feed_none",)


def test_a_read_that_is_too_old_goes_to_nobody_not_even_the_owner() -> None:
    here = city()
    tags = replace(taken(here), retain_until=NOW)
    assert asked(here, OWNER, tags).reasons == ("deny_retention_expired",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"valid_until": NOW}, "deny_policy_expired"),
        ({"law": {"packs": []}}, "deny_law_pack_missing"),
        ({"law": {"reviewed_by": None}}, "deny_law_pack_unreviewed"),
        ({"jurisdiction": {"state": "unknown"}}, "deny_jurisdiction_unknown"),
    ],
)
def test_owner_only_serves_the_owner_and_nobody_else(changes: dict[str, object], reason: str) -> None:
    here = city(agency("county"), **changes)
    assert asked(here, OWNER).effect is Effect.SHARE
    assert reason in asked(here, "county").reasons


@pytest.mark.parametrize("purposes", [{"allowed": ["parking"]}, {"grades": ["felony"]}])
def test_what_others_may_ask_for_does_not_bind_the_owner(purposes: dict[str, object]) -> None:
    here = bundle_of(policy({"purposes": purposes}), [owner(purposes=["stolen_vehicle", "criminal_misdemeanor"])])
    assert asked(here, OWNER, taken(here)).effect is Effect.SHARE


def test_a_policy_on_hold_serves_the_owner_and_nobody_else() -> None:
    here = replace(city(agency("county")), held=True)
    assert asked(here, OWNER).effect is Effect.SHARE
    assert asked(here, "county").reasons == ("deny_policy_held",)


def test_an_untrusted_clock_serves_the_owner_and_nobody_else() -> None:
    here = city(agency("county"))
    assert asked(here, OWNER, trusted=False).effect is Effect.SHARE
    assert asked(here, "county", trusted=False).reasons == ("deny_clock_untrusted",)


def test_without_the_citys_signature_nobody_is_served() -> None:
    here = city(agency("county"), signed=False)
    assert asked(here, OWNER).reasons == ("deny_policy_signature",)
    assert asked(here, "county").reasons == ("deny_policy_signature",)


def test_in_test_mode_an_unsigned_policy_is_tried_out() -> None:
    here = city(agency("county"), signed=False)
    assert asked(here, "county", taken(here, hit(), test=True)).effect is Effect.SHARE


def test_a_read_that_claims_test_mode_without_the_flag_goes_to_nobody() -> None:
    here = city()
    assert asked(here, OWNER, replace(taken(here), test=True)).reasons == ("deny_tags_invalid",)


def test_a_read_taken_for_another_owner_goes_to_nobody() -> None:
    here = city(agency("county"))
    tags = replace(taken(here, hit()), owner="somebody-else")
    assert asked(here, OWNER, tags).effect is Effect.WITHHOLD
    assert "deny_tags_invalid" in asked(here, "county", tags).reasons


def test_a_read_taken_elsewhere_goes_to_the_owner_only() -> None:
    here = city(agency("county"))
    tags = replace(taken(here, hit()), jurisdiction=replace(here.jurisdiction, state="US-WI"))
    assert asked(here, OWNER, tags).effect is Effect.SHARE
    assert asked(here, "county", tags).reasons == ("deny_jurisdiction_unknown",)


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (Flag.NO_NATIONAL_LOOKUP, "texas-so"),
        (Flag.NO_OUT_OF_STATE, "texas-so"),
        (Flag.NO_STATEWIDE_LOOKUP, "county"),
        (Flag.NO_FEDERAL, "bureau"),
    ],
)
def test_a_read_taken_under_a_stricter_switch_keeps_it(flag: Flag, name: str) -> None:
    warrant = [agreement(form="judicial-warrant")]
    here = city(texan(), agency("county"), federal(agreement=warrant), sharing={"federal": "judicial-warrant"})
    lowered = {Flag.NO_FEDERAL, Flag.NO_OUT_OF_STATE, Flag.NO_NATIONAL_LOOKUP, Flag.NO_STATEWIDE_LOOKUP}
    open_tags = taken(here, hit())
    assert not lowered & open_tags.flags
    assert asked(here, name, open_tags).effect is Effect.SHARE
    assert asked(here, name, taken(here, hit(), raised=[flag])).reasons == ("deny_read_flag",)


def test_every_switch_that_is_closed_is_a_flag_on_the_read() -> None:
    closed = {
        "national_lookup": False,
        "statewide_lookup": False,
        "out_of_state": "never",
        "federal": "never",
        "private": "never",
        "foreign": "never",
    }
    assert taken(city(sharing=closed)).flags == {
        Flag.NO_NATIONAL_LOOKUP,
        Flag.NO_STATEWIDE_LOOKUP,
        Flag.NO_OUT_OF_STATE,
        Flag.NO_FEDERAL,
        Flag.NO_PRIVATE,
        Flag.NO_FOREIGN,
        Flag.HIT_ONLY,
        Flag.NO_IMAGE,
        Flag.NO_ONWARD,
    }


def test_an_agency_that_is_not_in_the_registry_in_force_gets_nothing() -> None:
    here, before = city(), city(agency("county"))
    decision = decide(taken(here, hit()), before.subscribers["county"], here, INSTANT)
    assert decision.reasons == ("deny_unknown_subscriber",)


def test_a_stranger_gets_nothing() -> None:
    here = city()
    decision = stranger(taken(here, hit()), "who", here.digest)
    assert (decision.effect, decision.reasons) == (Effect.WITHHOLD, ("deny_unknown_subscriber",))


def test_a_rule_that_cannot_be_worked_out_withholds() -> None:
    here = city()
    no_zone = Instant(at=datetime(2026, 11, 23, 12), trusted=True)
    assert decide(taken(here), here.subscribers[OWNER], here, no_zone).reasons == ("deny_evaluation_error",)


def test_every_agency_gets_one_decision_in_the_order_of_the_ids() -> None:
    here = city(texan(), agency("county"))
    decisions = decide_all(taken(here, hit()), here, INSTANT)
    assert [decision.subscriber_id for decision in decisions] == ["county", "texas-so", OWNER]
    assert {decision.bundle_digest for decision in decisions} == {here.digest}


def test_all_at_once_never_falls_back_on_one_by_one() -> None:
    here = city(texan(), agency("county"))
    assert len(_settled(everybody(here, INSTANT.at), taken(here, hit()), here, INSTANT)) == 3


def test_nobody_but_the_owner_gets_a_picture() -> None:
    here = bundle_of(policy({"owner": {"plate_crop": True}}), [owner(), agency("county")])
    assert "no_image" not in asked(here, OWNER).obligations
    assert "no_image" in asked(here, "county").obligations


def test_the_owner_gets_no_picture_unless_the_policy_says_so() -> None:
    assert "no_image" in asked(city(), OWNER).obligations


def test_the_bans_go_along_as_obligations() -> None:
    assert "no_immigration_use" in asked(city(agency("county")), "county").obligations


def test_a_grant_ends_with_the_agreement_if_that_is_earlier_than_the_policy() -> None:
    here = city(texan(agreement=[agreement(expires_on=datetime(2026, 12, 1).date())]), agency("county"))
    assert grant_ends(here.subscribers["texas-so"], here, NOW) == datetime(2026, 12, 1, tzinfo=UTC)
    assert grant_ends(here.subscribers["county"], here, NOW) == here.valid_until
    at_its_end = datetime(2026, 12, 1, tzinfo=UTC)
    assert grant_ends(here.subscribers["texas-so"], here, at_its_end) == here.valid_until
    ended = city(texan(agreement=[agreement(expires_on=date(2026, 11, 1)), agreement("a-2")]))
    assert grant_ends(ended.subscribers["texas-so"], ended, NOW) == ended.valid_until
    assert grant_ends(here.subscribers[OWNER], here, NOW) is None


def test_an_agreement_holds_from_the_midnight_of_its_signature() -> None:
    here = city(texan(agreement=[agreement(signed_on=NOW.date())]))
    begin = NOW.replace(hour=0)
    assert asked(here, "texas-so", now=begin).effect is Effect.SHARE
    assert asked(here, "texas-so", now=begin - timedelta(microseconds=1)).effect is Effect.WITHHOLD


def test_an_agreement_must_cover_every_declared_purpose() -> None:
    here = city(texan(purposes=["stolen_vehicle", "parking"]))
    assert asked(here, "texas-so").reasons == ("deny_agreement_scope",)


def test_one_warrant_in_force_is_enough_beside_one_that_was_revoked() -> None:
    held = [agreement("old", form="judicial-warrant", status="revoked"), agreement(form="court-order")]
    here = city(federal(agreement=held), sharing={"federal": "judicial-warrant"})
    assert asked(here, "bureau").reasons == ("allow_warrant",)


def test_a_pack_may_ask_for_one_kind_of_judges_order_alone() -> None:
    warrant = [agreement(form="judicial-warrant")]
    laws = pack('forms = ["judicial-warrant", "court-order"]', 'forms = ["court-order"]')
    here = city(federal(agreement=warrant), sharing={"federal": "judicial-warrant"}, laws=laws)
    assert asked(here, "bureau").reasons == ("deny_warrant_required",)


def test_one_pack_that_forbids_is_enough() -> None:
    laws = pack('access = "instrument"\nforms = ["declaration"]', 'access = "never"')
    here = city(texan(), law={"packs": ["us-il", "generic"]}, laws=laws)
    assert asked(here, "texas-so").reasons == ("deny_law_out_of_state",)


def test_a_pack_that_lets_no_agency_of_the_state_receive_leaves_the_owner_its_reads() -> None:
    here = city(agency("county"), laws=pack('access = "allowed"', 'access = "never"'))
    assert asked(here, "county").reasons == ("deny_law_in_state",)
    assert asked(here, OWNER).effect is Effect.SHARE


def test_a_pack_may_treat_the_deputised_as_federal_where_the_city_does_not() -> None:
    deputy = agency("county", federal_deputation="287g")
    lenient = pack("deputised_as_federal = true", "deputised_as_federal = false")
    assert asked(city(deputy, sharing={"deputised_as_federal": False}), "county").effect is Effect.WITHHOLD
    free = city(deputy, sharing={"deputised_as_federal": False}, laws=lenient)
    assert asked(free, "county").effect is Effect.SHARE


def test_one_hit_that_an_agency_may_be_told_of_is_enough() -> None:
    here = city(agency("county"))
    assert asked(here, "county", taken(here, hit("parking"), hit())).reasons == ("allow_in_state",)
    assert asked(here, "county", taken(here, hit("parking"))).reasons == ("deny_hotlist_other_purpose",)


def test_of_two_laws_one_is_enough_to_keep_to_hits() -> None:
    laws, both = pack('access = "allowed"', 'access = "allowed"\nfeed = "hits"'), {"packs": ["us-il", "generic"]}
    all_to = {"law": both, "sharing": {"full_feed": ["county"]}}
    here, free = city(agency("county", feed="all"), laws=laws, **all_to), city(agency("county", feed="all"), **all_to)
    assert asked(here, "county", taken(here)).reasons == ("deny_non_hit",)
    assert asked(free, "county", taken(free)).effect is Effect.SHARE


def test_of_two_laws_one_is_enough_to_count_the_deputised_as_federal() -> None:
    lenient = pack("deputised_as_federal = true", "deputised_as_federal = false")
    written = {"sharing": {"deputised_as_federal": False}, "law": {"packs": ["us-il", "generic"]}}
    here = city(agency("county", federal_deputation="287g"), laws=lenient, **written)
    assert asked(here, "county").effect is Effect.WITHHOLD


def test_of_two_laws_one_is_enough_to_ask_for_offences_of_this_state() -> None:
    laws, both = pack("[purposes]\n", "[purposes]\nown_offences = true\n"), {"packs": ["us-il", "generic"]}
    county = agency("county", purposes=["criminal_felony"])
    here = city(county, law=both, laws=laws)
    assert asked(here, "county", taken(here, hit("criminal_felony"))).reasons == ("deny_offence_not_this_state",)
    free = city(county, law=both)
    assert asked(free, "county", taken(free, hit("criminal_felony"))).effect is Effect.SHARE


def test_the_allow_lists_of_city_and_law_both_hold() -> None:
    laws = pack("[purposes]\n", '[purposes]\nallowed = ["parking", "stolen_vehicle"]\n')
    here = city(agency("county"), purposes={"allowed": ["stolen_vehicle", "crash"]}, laws=laws)
    assert asked(here, "county").effect is Effect.SHARE
    assert here.allowed == {"stolen_vehicle"}


def test_nobody_is_told_of_a_hit_for_a_banned_purpose_not_even_the_owner() -> None:
    here = city()
    tags = taken(here, hit("immigration_enforcement"), hit())
    assert hits_for(tags, here.subscribers[OWNER], here, INSTANT) == (hit(),)


def test_one_pack_that_nobody_reviewed_is_enough_to_serve_the_owner_only() -> None:
    laws = pack("reviewed = false", "reviewed = true")
    of_both = {"law": {"packs": ["us-il", "generic"], "reviewed_by": None}}
    assert asked(city(agency("county"), laws=laws, law={"reviewed_by": None}), "county").reasons == ("allow_in_state",)
    assert asked(city(agency("county"), laws=laws, **of_both), "county").reasons == ("deny_law_pack_unreviewed",)


def test_an_owner_that_works_for_a_federal_agency_too_still_has_its_own_reads() -> None:
    here = bundle_of(policy(), [owner(federal_deputation="287g")])
    assert asked(here, OWNER).reasons == ("allow_owner",)


def test_an_owner_without_a_key_has_nothing_to_seal_its_reads_to() -> None:
    assert asked(bundle_of(policy(), [owner(sealing_key=None)]), OWNER).reasons == ("deny_payload_key",)
