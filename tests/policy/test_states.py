"""Agencies of other states: none, those of listed states, or any; each with an agreement in force."""

from dataclasses import replace

from edge.values import Effect
from tests.policy.city import agency, asked, city, hit, taken, texan


def listed(*states: str) -> dict[str, object]:
    return {"out_of_state": "listed-states", "states": list(states)}


def test_an_agency_of_a_listed_state_with_its_agreement_is_served() -> None:
    assert asked(city(texan(), sharing=listed("US-TX")), "texas-so").reasons == ("allow_agreement",)


def test_a_listed_state_does_not_replace_the_agreement() -> None:
    here = city(texan(agreement=None), sharing=listed("US-TX"))
    assert asked(here, "texas-so").reasons == ("deny_agreement_missing",)


def test_an_agreement_does_not_open_a_state_that_is_not_listed() -> None:
    assert asked(city(texan(), sharing=listed("US-WI")), "texas-so").reasons == ("deny_optout_state",)


def test_an_empty_list_of_states_is_no_state() -> None:
    assert asked(city(texan(), sharing=listed()), "texas-so").reasons == ("deny_optout_state",)


def test_a_list_of_states_does_not_count_where_the_switch_does_not_ask_for_it() -> None:
    here = city(texan(), sharing={"out_of_state": "agreement", "states": ["US-WI"]})
    assert asked(here, "texas-so").effect is Effect.SHARE


def test_a_task_force_with_a_member_of_an_unlisted_state_gets_nothing() -> None:
    force = agency("force", kind="task_force", members=["texas-so"], channels=["direct"])
    here = city(texan(), force, sharing={**listed("US-WI"), "direct": ["force"]})
    assert asked(here, "force").reasons == ("deny_optout_state", "deny_task_force_member")


def test_an_agency_of_this_state_needs_no_listing() -> None:
    assert asked(city(agency("county"), sharing=listed("US-WI")), "county").effect is Effect.SHARE


def test_the_plates_state_decides_nothing() -> None:
    """There is no place in the tags for the state that issued a plate: what is not there cannot widen anything."""
    here = city(texan())
    tags = taken(here, hit())
    assert not any("plate" in name or "issu" in name for name in type(tags).__dataclass_fields__)
    assert asked(here, "texas-so", replace(tags, read_id="another")).effect is Effect.SHARE
