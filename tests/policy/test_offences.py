"""Offence grades, offences of this state, and purposes that nobody knows."""

from typing import Any

import pytest

from edge.policy.bundle import Bundle
from edge.policy.decide import hits_for
from edge.values import Effect
from tests.policy.city import INSTANT, OWNER, agency, asked, bundle_of, city, hit, owner, policy, taken

EVERYTHING = [
    "stolen_vehicle",
    "missing_endangered",
    "amber_silver_alert",
    "criminal_felony",
    "major_crime_vicinity",
]


def felonies(**changes: Any) -> Bundle:
    return city(agency("county", purposes=EVERYTHING, **changes), purposes={"grades": ["felony"]})


@pytest.mark.parametrize(
    ("purpose", "grade", "shared"),
    [
        ("stolen_vehicle", "felony", True),
        ("stolen_vehicle", "misdemeanor", False),
        ("stolen_vehicle", None, False),
        ("criminal_felony", None, True),
        ("criminal_felony", "misdemeanor", False),
        ("major_crime_vicinity", None, False),
        ("missing_endangered", None, True),
        ("amber_silver_alert", None, True),
        ("missing_endangered", "infraction", False),
    ],
)
def test_only_hits_of_a_grade_that_counts_are_shared(purpose: str, grade: str | None, shared: bool) -> None:
    here = felonies()
    decision = asked(here, "county", taken(here, hit(purpose, offence_grade=grade)))
    assert decision.effect is (Effect.SHARE if shared else Effect.WITHHOLD)
    assert shared or decision.reasons == ("deny_offence_grade",)


def test_an_agency_that_declares_a_grade_that_does_not_count_gets_nothing() -> None:
    here = city(agency("county", purposes=["stolen_vehicle", "criminal_misdemeanor"]), purposes={"grades": ["felony"]})
    decision = asked(here, "county", taken(here, hit(offence_grade="felony")))
    assert decision.reasons == ("deny_offence_grade",)


def test_with_grades_nobody_but_the_owner_has_a_full_feed() -> None:
    here = city(agency("county", feed="all"), sharing={"full_feed": ["county"]}, purposes={"grades": ["felony"]})
    assert asked(here, "county", taken(here)).reasons == ("deny_non_hit",)
    assert asked(here, OWNER, taken(here)).effect is Effect.SHARE


def test_an_empty_list_of_grades_lets_no_offence_through() -> None:
    here = city(agency("county"), purposes={"grades": []})
    assert asked(here, "county", taken(here, hit(offence_grade="felony"))).reasons == ("deny_offence_grade",)


def test_grades_do_not_bind_the_owner() -> None:
    here = felonies()
    misdemeanor = hit(offence_grade="misdemeanor")
    assert hits_for(taken(here, misdemeanor), here.subscribers[OWNER], here, INSTANT) == (misdemeanor,)


def virginia(*agencies: dict[str, Any], **changes: Any) -> Bundle:
    written = policy({"jurisdiction": {"state": "US-VA"}, "law": {"packs": ["us-va"]}, **changes})
    return bundle_of(written, [owner(state="US-VA"), *agencies])


@pytest.mark.parametrize(
    ("purpose", "state", "shared"),
    [
        ("criminal_felony", "US-VA", True),
        ("criminal_felony", "US-MD", False),
        ("criminal_felony", None, False),
        ("stolen_vehicle", "US-MD", True),
        ("stolen_vehicle", None, True),
    ],
)
def test_an_investigation_in_virginia_is_of_an_offence_of_virginia(
    purpose: str, state: str | None, shared: bool
) -> None:
    here = virginia(agency("county", state="US-VA", purposes=["criminal_felony", "stolen_vehicle"]))
    decision = asked(here, "county", taken(here, hit(purpose, offence_state=state)))
    assert decision.effect is (Effect.SHARE if shared else Effect.WITHHOLD)
    assert shared or decision.reasons == ("deny_offence_not_this_state",)


def test_a_hit_of_a_purpose_that_nobody_knows_is_nobodys() -> None:
    here = city(agency("county"))
    tags = taken(here, hit("just because"))
    assert asked(here, "county", tags).reasons == ("deny_hotlist_purpose",)
    assert hits_for(tags, here.subscribers[OWNER], here, INSTANT) == ()


@pytest.mark.parametrize("purpose", ["other", "unspecified", "personal", "commercial"])
def test_a_hit_that_can_mean_anything_is_nobodys(purpose: str) -> None:
    here = city(agency("county", purposes=["stolen_vehicle"]))
    assert hits_for(taken(here, hit(purpose)), here.subscribers[OWNER], here, INSTANT) == ()


def test_a_subscription_with_a_banned_purpose_gets_not_even_its_other_hits() -> None:
    here = city(agency("county", purposes=["stolen_vehicle", "immigration_enforcement"]))
    assert asked(here, "county").reasons == ("deny_purpose_immigration",)
