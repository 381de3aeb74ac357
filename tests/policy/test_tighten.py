"""Which unsigned edits are taken: those that can only take rights away."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.desk.laws import law_text
from edge.policy.tighten import tightens
from tests.policy.city import NOW, agency, agreement, bundle_of, city, merged, owner, policy, texan

OPEN = {"sharing": {"federal": "judicial-warrant", "channels": {"compact": True}, "deputised_as_federal": False}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sharing": {"national_lookup": False}},
        {"sharing": {"statewide_lookup": False}},
        {"sharing": {"out_of_state": "never"}},
        {"sharing": {"out_of_state": "listed-states", "states": ["US-WI"]}},
        {"sharing": {"out_of_state": "never", "states": ["US-WI"]}},
        {"sharing": {"states": ["US-WI"]}},
        {"sharing": {"federal": "never"}},
        {"sharing": {"channels": {"compact": False}}},
        {"sharing": {"deputised_as_federal": True}},
        {"purposes": {"banned": ["immigration_enforcement", "parking"]}},
        {"valid_until": NOW + timedelta(days=1)},
        {"retention": {"undelivered_hours": 1}},
        {"sharing": {"national_lookup": False}, "valid_until": NOW + timedelta(days=1)},
    ],
)
def test_an_edit_that_only_takes_away_is_taken(changes: dict[str, Any]) -> None:
    written = policy(OPEN)
    old = bundle_of(written, [owner(), agency("county")])
    assert tightens(old, bundle_of(merged(written, changes), [owner(), agency("county")]))


def test_a_channel_that_is_closed_already_stands_in_no_edits_way() -> None:
    old, new = (city(sharing={"channels": {"compact": False}, "national_lookup": on}) for on in (True, False))
    assert tightens(old, new)
    assert not tightens(new, old)


CLOSED = {
    "sharing": {
        "national_lookup": False,
        "statewide_lookup": False,
        "out_of_state": "never",
        "direct": ["county"],
        "full_feed": ["county"],
        "channels": {"compact": False},
    },
    "purposes": {"banned": ["immigration_enforcement", "parking"], "allowed": ["stolen_vehicle"]},
}


@pytest.mark.parametrize(
    "changes",
    [
        {"sharing": {"national_lookup": True}},
        {"sharing": {"statewide_lookup": True}},
        {"sharing": {"out_of_state": "agreement"}},
        {"sharing": {"federal": "judicial-warrant"}},
        {"sharing": {"channels": {"compact": True}}},
        {"sharing": {"channels": {"another": False}}},
        {"sharing": {"deputised_as_federal": False}},
        {"sharing": {"direct": ["county", "village-pd"]}},
        {"sharing": {"direct": []}},
        {"sharing": {"full_feed": []}},
        {"purposes": {"banned": ["parking"]}},
        {"purposes": {"allowed": None}},
        {"purposes": {"allowed": []}},
        {"valid_until": NOW + timedelta(days=31)},
        {"retention": {"undelivered_hours": 25}},
        {"law": {"reviewed_by": "somebody else"}},
        {"law": {"packs": ["generic"]}},
        {"jurisdiction": {"place": "Elsewhere"}},
        {"owner": {"subscriber": "county"}},
        {"owner": {"plate_crop": True}},
        {"sharing": {"out_of_state": "agreement"}, "valid_until": NOW + timedelta(days=1)},
    ],
)
def test_any_other_edit_needs_the_citys_signature(changes: dict[str, Any]) -> None:
    agencies = [owner(), agency("county")]
    written = merged(policy(), CLOSED)
    assert not tightens(bundle_of(written, agencies), bundle_of(merged(written, changes), agencies))


@pytest.mark.parametrize(
    ("states", "taken"), [(["US-WI"], True), ([], True), (["US-TX", "US-WI"], True), (["US-WI", "US-IN"], False)]
)
def test_of_the_listed_states_some_may_be_struck_out(states: list[str], taken: bool) -> None:
    old, new = (
        city(sharing={"out_of_state": "listed-states", "states": each}) for each in (["US-TX", "US-WI"], states)
    )
    assert tightens(old, new) is taken


def test_a_suspension_needs_no_signature() -> None:
    assert tightens(city(texan()), city(texan(suspended=True)))


def test_a_suspension_of_a_task_forces_member_needs_no_signature() -> None:
    force = agency("force", kind="task_force", members=["county"])
    assert tightens(city(agency("county"), force), city(agency("county", suspended=True), force))


def test_lifting_a_suspension_needs_the_citys_signature() -> None:
    assert not tightens(city(texan(suspended=True)), city(texan()))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Another"},
        {"kind": "state"},
        {"state": "US-IL"},
        {"channels": []},
        {"purposes": []},
        {"feed": "none"},
        {"feed": "all"},
        {"sealing_key": None},
        {"certificate_name": "another"},
        {"federal_deputation": "287g"},
        {"agreement": []},
        {"agreement": [agreement(status="revoked")]},
        {"suspended": True, "feed": "all"},
    ],
)
def test_any_other_edit_of_the_registry_needs_the_citys_signature(changes: dict[str, Any]) -> None:
    assert not tightens(city(texan()), city(texan(**changes)))


def test_an_agency_less_or_more_needs_the_citys_signature() -> None:
    assert not tightens(city(texan()), city())
    assert not tightens(city(), city(texan()))


def test_another_member_of_a_task_force_needs_the_citys_signature() -> None:
    one, two = agency("one"), agency("two")
    old = city(one, two, agency("force", kind="task_force", members=["one", "two"]))
    assert not tightens(old, city(one, two, agency("force", kind="task_force", members=["one"])))


@pytest.mark.parametrize(
    "changes",
    [{"version": 7}, {"device_ids": ("pole-2",)}, {"hotlist_digests": {"hotlists/more.toml": "00" * 32}}],
)
def test_another_version_device_or_hot_list_needs_the_citys_signature(changes: dict[str, Any]) -> None:
    here = city()
    assert tightens(here, here)
    assert not tightens(here, replace(here, **changes))


def test_a_law_pack_changed_by_one_byte_needs_the_citys_signature() -> None:
    assert not tightens(city(), city(laws={"us-il": law_text("us-il") + b"\n"}))
