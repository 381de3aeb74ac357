"""Agreements and warrants: their dates, their scope, and what of it is asked of a task force."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.decide import hits_for
from edge.values import Effect
from tests.policy.city import INSTANT, NOW, agency, agreement, asked, city, hit, pack, taken, texan

WARRANT = {"sharing": {"federal": "judicial-warrant"}}


def bureau(*held: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return agency("bureau", kind="federal", channels=["national-lookup"], agreement=list(held), **changes)


def with_warrant(**changes: Any) -> Bundle:
    return city(bureau(agreement(form="judicial-warrant", **changes)), **WARRANT)


def test_an_agreement_begins_on_its_own_date_and_not_when_it_was_signed() -> None:
    here = city(texan(agreement=[agreement(begins_on=date(2026, 11, 24))]))
    begin = datetime(2026, 11, 24, tzinfo=UTC)
    assert asked(here, "texas-so", now=begin - timedelta(microseconds=1)).reasons == ("deny_agreement_not_yet_valid",)
    assert asked(here, "texas-so", now=begin).effect is Effect.SHARE


@pytest.mark.parametrize(
    ("begins", "said"),
    [(date(2026, 9, 30), "begins before it was signed"), (date(2027, 10, 1), "ends before it begins")],
)
def test_an_agreement_whose_dates_cannot_be_is_refused(begins: date, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        city(texan(agreement=[agreement(begins_on=begins)]))


def test_a_warrant_for_a_case_covers_hits_of_that_case() -> None:
    here = with_warrant(cases=["26-1234"])
    decision = asked(here, "bureau", taken(here, hit(case="26-1234")))
    assert decision.effect is Effect.SHARE
    assert "case_bound" in decision.obligations


@pytest.mark.parametrize("case", [None, "26-9999"])
def test_a_warrant_for_a_case_covers_no_other_hit(case: str | None) -> None:
    here = with_warrant(cases=["26-1234"])
    assert asked(here, "bureau", taken(here, hit(case=case))).reasons == ("deny_hotlist_case",)


def test_a_warrant_for_no_case_at_all_covers_nothing() -> None:
    assert asked(with_warrant(cases=[]), "bureau").reasons == ("deny_warrant_scope",)


def test_a_warrant_for_a_case_is_told_of_hits_of_that_case_alone() -> None:
    here = with_warrant(cases=["26-1234"])
    tags = taken(here, hit(case="26-1234"), hit(entry_id="other"))
    assert hits_for(tags, here.subscribers["bureau"], here, INSTANT) == (hit(case="26-1234"),)


def test_a_warrant_for_a_case_gives_no_full_feed() -> None:
    here = city(
        bureau(agreement(form="judicial-warrant", cases=["26-1234"]), feed="all"),
        sharing={"federal": "judicial-warrant", "full_feed": ["bureau"]},
    )
    assert asked(here, "bureau", taken(here)).reasons == ("deny_non_hit",)


def test_a_second_warrant_without_a_case_lifts_the_limit() -> None:
    here = city(
        bureau(agreement("one", form="judicial-warrant", cases=["26-1234"]), agreement("two", form="judicial-warrant")),
        **WARRANT,
    )
    assert asked(here, "bureau").effect is Effect.SHARE


def test_two_warrants_for_two_cases_cover_both() -> None:
    held = [agreement(f"a-{case}", form="judicial-warrant", cases=[case]) for case in ("26-1", "26-2")]
    here = city(bureau(*held), **WARRANT)
    assert asked(here, "bureau", taken(here, hit(case="26-2"))).effect is Effect.SHARE


def test_a_case_of_a_warrant_that_ran_out_is_covered_no_more() -> None:
    old = agreement("old", form="judicial-warrant", cases=["c-1"], expires_on=NOW.date())
    here = city(bureau(old, agreement("new", form="judicial-warrant", cases=["c-2"])), **WARRANT)
    assert asked(here, "bureau", taken(here, hit(case="c-1"))).reasons == ("deny_hotlist_case",)


def test_an_agreement_for_cameras_elsewhere_does_not_hold_here() -> None:
    assert asked(city(texan(agreement=[agreement(states=["US-WI"])])), "texas-so").reasons == ("deny_agreement_scope",)
    assert asked(city(texan(agreement=[agreement(states=["US-IL"])])), "texas-so").effect is Effect.SHARE


def test_an_agreement_for_no_state_holds_nowhere() -> None:
    assert asked(city(texan(agreement=[agreement(states=[])])), "texas-so").reasons == ("deny_agreement_scope",)


def test_members_of_a_task_force_with_different_cases_have_no_hit_in_common() -> None:
    one = texan("one", agreement=[agreement(cases=["c-1"])])
    two = texan("two", agreement=[agreement(cases=["c-2"])])
    force = agency("force", kind="task_force", members=["one", "two"], channels=["direct"])
    here = city(one, two, force, sharing={"direct": ["force"]})
    assert asked(here, "force", taken(here, hit(case="c-1"), hit(case="c-2"))).reasons == ("deny_hotlist_case",)


def test_an_instrument_of_one_member_does_not_serve_for_another() -> None:
    force = agency("force", kind="task_force", members=["one", "two"], channels=["direct"])
    here = city(texan("one"), texan("two", agreement=None), force, sharing={"direct": ["force"]})
    assert asked(here, "force").reasons == ("deny_task_force_member", "deny_agreement_missing")


def test_a_case_that_is_no_reference_is_refused() -> None:
    with pytest.raises(PolicyError, match="cases"):
        city(texan(agreement=[agreement(cases=["because I say so"])]))


def test_a_law_may_ask_an_instrument_of_agencies_of_this_state_too() -> None:
    laws = pack('access = "allowed"', 'access = "instrument"\nforms = ["mou"]')
    assert asked(city(agency("county"), laws=laws), "county").reasons == ("deny_agreement_missing",)
    held = agency("county", agreement=[agreement(form="mou")])
    assert asked(city(held, laws=laws), "county").reasons == ("allow_in_state",)


def test_the_city_asks_for_an_agreement_where_the_law_does_not() -> None:
    laws = pack('access = "instrument"\nforms = ["declaration"]', 'access = "allowed"')
    without = texan(agreement=[])
    assert asked(city(without, laws=laws), "texas-so").reasons == ("deny_agreement_missing",)
    closed = city(without, laws=laws, sharing={"out_of_state": "never"})
    assert asked(closed, "texas-so").reasons == ("deny_optout_out_of_state",)


def test_the_city_asks_for_a_warrant_where_the_law_does_not() -> None:
    laws = pack('access = "instrument"\nforms = ["judicial-warrant", "court-order"]', 'access = "allowed"')
    assert asked(city(bureau(), laws=laws, **WARRANT), "bureau").reasons == ("deny_warrant_required",)
    assert asked(city(bureau(), laws=laws), "bureau").reasons == ("deny_optout_federal",)


def test_what_policy_and_law_ask_must_both_stand() -> None:
    """The city asks any agreement, the law a declaration: one that is limited to a case limits the whole."""
    wide, narrow = agreement("wide", form="mou"), agreement("narrow", cases=["c-1"])
    here = city(texan(agreement=[wide, narrow]))
    assert asked(here, "texas-so", taken(here, hit(case="c-1"))).effect is Effect.SHARE
    assert asked(here, "texas-so", taken(here, hit())).reasons == ("deny_hotlist_case",)
