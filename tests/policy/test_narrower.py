"""Whether a change that is refused asked for less: then sharing stops until somebody has looked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from edge.policy.bundle import Bundle
from edge.policy.narrower import asks_for_less
from tests.policy.city import NOW, agency, agreement, bundle_of, merged, owner, pack, policy, texan

HELD = agreement(begins_on=date(2026, 10, 2), purposes=["stolen_vehicle", "parking"])
OPEN: dict[str, Any] = {
    "sharing": {"direct": ["county"], "full_feed": ["county"], "channels": {"compact": True, "mutual": True}},
    "purposes": {"allowed": ["stolen_vehicle", "parking"]},
    "owner": {"plate_crop": True},
    "hotlist": [{"id": "list", "source_agency": "desk", "cap": 10}],
}


def here(changes: Mapping[str, Any] | None = None, *, laws: Any = None, **they: Any) -> Bundle:
    """The city, its neighbour and a force of the two; `they` are changes of the Texan agency."""
    written = merged(policy(OPEN), changes or {})
    far = texan(**{"channels": ["national-lookup", "direct"], "agreement": [HELD], **they})
    force = agency("force", kind="task_force", members=["county", "texas-so"])
    return bundle_of(written, [owner(), agency("county"), far, force], laws=laws)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"valid_until": NOW + timedelta(days=1)}, {"valid_until": NOW + timedelta(days=40)}),
        ({"owner": {"plate_crop": False}}, {}),
        ({"sharing": {"national_lookup": False}}, {}),
        ({"sharing": {"out_of_state": "never"}}, {"sharing": {"federal": "judicial-warrant"}}),
        ({"sharing": {"direct": []}}, {"sharing": {"direct": ["county", "texas-so"]}}),
        ({"sharing": {"full_feed": []}}, {"sharing": {"full_feed": ["county", "texas-so"]}}),
        ({"sharing": {"channels": {"compact": False}}}, {"sharing": {"channels": {"another": False}}}),
        ({"sharing": {"channels": None}}, {}),
        ({"sharing": {"states": ["US-WI"]}}, {}),
        ({"law": {"reviewed_by": None}}, {"law": {"reviewed_by": "somebody else"}}),
        ({"law": {"packs": ["us-il", "generic"]}}, {}),
        ({"purposes": {"banned": ["immigration_enforcement", "toll"]}}, {"purposes": {"banned": []}}),
        ({"purposes": {"allowed": ["stolen_vehicle"]}}, {"purposes": {"allowed": None}}),
        ({"purposes": {"allowed": []}}, {"purposes": {"allowed": ["stolen_vehicle", "parking", "toll"]}}),
        ({"purposes": {"grades": ["felony"]}}, {}),
        ({"retention": {"undelivered_hours": 1}}, {"retention": {"undelivered_hours": 25}}),
        ({"hotlist": []}, {"hotlist": [*OPEN["hotlist"], {"id": "two", "source_agency": "desk", "cap": 10}]}),
        ({"hotlist": [{**OPEN["hotlist"][0], "cap": 11}]}, {}),
        ({"jurisdiction": {"place": "Elsewhere"}}, {}),
    ],
)
def test_an_edit_of_the_policy_asks_for_less_where_it_takes_away(less: dict[str, Any], more: dict[str, Any]) -> None:
    assert asks_for_less(here(), here(less))
    assert not asks_for_less(here(), here(more))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"suspended": True}, {"name": "Another name"}),
        ({"feed": "none"}, {"feed": "all"}),
        ({"channels": ["direct"]}, {"channels": ["national-lookup", "direct", "compact"]}),
        ({"purposes": ["stolen_vehicle", "parking"]}, {}),
        ({"kind": "state"}, {}),
        ({"agreement": []}, {"agreement": [HELD, agreement("a-2")]}),
        ({"agreement": [{**HELD, "id": "another"}]}, {}),
        ({"agreement": [{**HELD, "status": "revoked"}]}, {"agreement": [{**HELD, "signed_by": "the next chief"}]}),
        (
            {"agreement": [{**HELD, "begins_on": date(2026, 10, 3)}]},
            {"agreement": [{**HELD, "begins_on": date(2026, 10, 1)}]},
        ),
        (
            {"agreement": [{**HELD, "expires_on": date(2027, 9, 1)}]},
            {"agreement": [{**HELD, "expires_on": date(2028, 1, 1)}]},
        ),
        (
            {"agreement": [{**HELD, "purposes": ["stolen_vehicle"]}]},
            {"agreement": [{**HELD, "purposes": ["stolen_vehicle", "parking", "toll"]}]},
        ),
        ({"agreement": [{**HELD, "cases": ["26-1"]}]}, {}),
    ],
)
def test_an_edit_of_the_registry_asks_for_less_where_it_takes_away(less: dict[str, Any], more: dict[str, Any]) -> None:
    assert asks_for_less(here(), here(**less))
    assert not asks_for_less(here(), here(**more))


def test_one_agreement_of_two_removed_asks_for_less() -> None:
    assert asks_for_less(here(agreement=[HELD, agreement("a-2")]), here(agreement=[HELD]))


def test_the_same_agencies_in_another_order_are_no_fewer() -> None:
    one, two = ({"sharing": {"direct": names}} for names in (["county", "texas-so"], ["texas-so", "county"]))
    assert not asks_for_less(here(one), here(two))


def test_a_suspension_lifted_asks_for_more() -> None:
    assert not asks_for_less(here(suspended=True), here())


def test_an_agency_removed_asks_for_less_and_one_added_does_not() -> None:
    fewer, more = (bundle_of(policy(), [owner(), *them]) for them in ([], [agency("county")]))
    assert asks_for_less(more, fewer)
    assert not asks_for_less(fewer, more)


@pytest.mark.parametrize("members", [["county"], ["county", "others"]])
def test_other_members_of_a_task_force_ask_for_less(members: list[str]) -> None:
    agencies = [owner(), *(agency(name) for name in ("county", "texas-so", "others"))]
    before, after = (
        bundle_of(policy(), [*agencies, agency("force", kind="task_force", members=them)])
        for them in (["county", "texas-so"], members)
    )
    assert asks_for_less(before, after)


def test_a_law_pack_changed_asks_for_less_and_one_dropped_does_not() -> None:
    assert asks_for_less(here(), here(laws=pack("version = ", "version = 1")))
    both = {"law": {"packs": ["us-il", "generic"]}}
    assert not asks_for_less(here(both), here())
    assert asks_for_less(here(both), here(both, laws=pack("version = ", "version = 1")))


def test_another_hot_list_beside_the_bundle_asks_for_less_and_a_further_one_does_not() -> None:
    one = replace(here(), hotlist_digests={"hotlists/list.csv": "00" * 32})
    assert asks_for_less(one, replace(one, hotlist_digests={"hotlists/list.csv": "11" * 32}))
    assert asks_for_less(one, here())
    assert not asks_for_less(here(), one)
