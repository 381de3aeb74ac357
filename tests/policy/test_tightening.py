"""What was taken away by hand: written down, added up, and laid over whatever the city signs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.errors import PolicyError
from edge.policy import bundle as bundles
from edge.policy.manifest import SIGNED_SIGNATURE, parse_manifest, signed_part, tightened
from edge.policy.policy import Policy
from edge.policy.tightening import NOTHING, Tightening, between, both, narrowed, parse, suspended, words
from edge.policy.vocabulary import Purpose
from tests.policy.city import NOW, agency, city, files, owner, policy, signed_files, texan

OPEN = {"federal": "judicial-warrant", "deputised_as_federal": False, "channels": {"compact": True, "mutual": True}}
LISTED = {"out_of_state": "listed-states", "states": ["US-TX", "US-WI"]}
SOON = NOW + timedelta(days=3)


def written(sharing: dict[str, Any] | None = None, **changes: Any) -> Policy:
    return city(sharing={**OPEN, **(sharing or {})}, **changes).policy


def taken_away(before: Policy, after: Policy) -> Tightening:
    return between(before, after, {}, {})


ONE_BY_ONE: list[tuple[dict[str, Any], Tightening, str]] = [
    ({"sharing": {"national_lookup": False}}, Tightening(switches={"national_lookup": False}), "national-lookup off"),
    (
        {"sharing": {"statewide_lookup": False}},
        Tightening(switches={"statewide_lookup": False}),
        "statewide-lookup off",
    ),
    ({"sharing": {"out_of_state": "never"}}, Tightening(switches={"out_of_state": "never"}), "out-of-state never"),
    ({"sharing": {"federal": "never"}}, Tightening(switches={"federal": "never"}), "federal never"),
    (
        {"sharing": {"deputised_as_federal": True}},
        Tightening(switches={"deputised_as_federal": True}),
        "deputised-as-federal on",
    ),
    ({"sharing": {"channels": {"compact": False, "mutual": True}}}, Tightening(channels=("compact",)), "compact off"),
    (
        {"purposes": {"banned": ["immigration_enforcement", "toll"]}},
        Tightening(banned=(Purpose.TOLL,)),
        "purpose toll banned",
    ),
    ({"valid_until": SOON}, Tightening(valid_until=SOON), "valid until 2026-11-26 12:00 UTC at the latest"),
    (
        {"retention": {"undelivered_hours": 1.5}},
        Tightening(undelivered_hours=1.5),
        "undelivered reads kept 1.5 h at most",
    ),
]


@pytest.mark.parametrize(("changes", "by", "said"), ONE_BY_ONE)
def test_what_an_edit_takes_away_is_written_down_and_laid_over(
    changes: dict[str, Any], by: Tightening, said: str
) -> None:
    before, after = written(), written(**changes)
    assert taken_away(before, after) == by
    assert narrowed(before, by) == after
    assert narrowed(after, by) == after
    assert words(by) == (said,)
    assert parse(by.to_bytes()) == by
    assert by
    assert both(by, by) == both(by, NOTHING) == both(NOTHING, by) == by


@pytest.mark.parametrize("changes", [changes for changes, _, _ in ONE_BY_ONE])
def test_what_an_edit_gives_is_not_written_down(changes: dict[str, Any]) -> None:
    assert taken_away(written(**changes), written()) == NOTHING
    assert not NOTHING


def test_states_struck_out_are_taken_away() -> None:
    before = written(LISTED)
    by = taken_away(before, written({**LISTED, "states": ["US-WI"]}))
    assert by == Tightening(switches={"out_of_state": "listed-states"}, states=("US-WI",))
    assert narrowed(before, by).sharing.states == ("US-WI",)
    assert words(by) == ("out-of-state listed-states", "of other states only US-WI")
    assert taken_away(before, written({**LISTED, "states": ["US-TX", "US-WI", "US-IN"]})) == NOTHING


def test_states_that_stay_as_they_are_were_not_taken_away() -> None:
    assert taken_away(written(LISTED), written(LISTED)) == NOTHING


def test_states_where_any_may_have_an_agreement_say_nothing() -> None:
    assert taken_away(written({"states": ["US-TX"]}), written({"states": ["US-WI"]})) == NOTHING
    assert taken_away(written({"out_of_state": "never", "states": ["US-TX"]}), written(LISTED)) == NOTHING


def test_from_any_state_to_those_listed_the_list_is_written_down() -> None:
    by = taken_away(written(), written(LISTED))
    assert by == Tightening(switches={"out_of_state": "listed-states"}, states=("US-TX", "US-WI"))
    assert narrowed(written(), by).sharing.states == ("US-TX", "US-WI")
    shorter = narrowed(written({"out_of_state": "listed-states", "states": ["US-WI", "US-IN"]}), by)
    assert shorter.sharing.states == ("US-WI",)
    for narrow in ({"out_of_state": "never"}, {"out_of_state": "never", "states": ["US-IN"]}):
        assert narrowed(written(narrow), by) == written(narrow)


def test_a_switch_that_was_left_open_leaves_the_list_of_states_alone() -> None:
    by = Tightening(switches={"out_of_state": "agreement"})
    assert narrowed(written(LISTED), by) == written(LISTED)


def test_two_lists_of_states_leave_what_is_on_both() -> None:
    one, two = (
        Tightening(switches={"out_of_state": "listed-states"}, states=states)
        for states in (("US-TX", "US-WI"), ("US-IN", "US-WI"))
    )
    assert both(one, two) == Tightening(switches={"out_of_state": "listed-states"}, states=("US-WI",))
    never = Tightening(switches={"out_of_state": "never"})
    assert both(one, never) == both(never, one) == never
    assert both(one, Tightening(channels=("compact",))).states == ("US-TX", "US-WI")
    nowhere = both(one, Tightening(switches={"out_of_state": "listed-states"}))
    assert words(nowhere) == ("out-of-state listed-states", "of other states only none")


def test_two_tightenings_do_what_each_does() -> None:
    one = Tightening(
        switches={"national_lookup": False, "deputised_as_federal": True},
        channels=("mutual",),
        banned=(Purpose.TOLL,),
        suspended=("b",),
        valid_until=SOON,
        undelivered_hours=2,
    )
    two = Tightening(
        switches={"federal": "never", "deputised_as_federal": False},
        channels=("compact",),
        banned=(Purpose.PARKING,),
        suspended=("a",),
        valid_until=SOON + timedelta(days=1),
        undelivered_hours=1,
    )
    assert both(one, two) == both(two, one)
    assert both(one, two) == Tightening(
        switches={"national_lookup": False, "federal": "never", "deputised_as_federal": True},
        channels=("compact", "mutual"),
        banned=(Purpose.PARKING, Purpose.TOLL),
        suspended=("a", "b"),
        valid_until=SOON,
        undelivered_hours=1,
    )


def test_its_bytes_have_their_keys_in_order_and_say_nothing_of_what_is_left_alone() -> None:
    by = Tightening(switches={"national_lookup": False, "federal": "never"}, banned=(Purpose.TOLL,))
    assert b" ".join(by.to_bytes().split()) == (
        b'{ "banned": [ "toll" ], "switches": { "federal": "never", "national_lookup": false } }'
    )


def test_where_nothing_was_taken_away_the_signed_files_stay_as_they_are() -> None:
    files = signed_files({"policy.toml": b"", "subscribers.toml": b""})
    assert tightened(files, NOTHING) == files
    assert tightened(files, Tightening(channels=("compact",))) != files


def test_what_it_was_laid_over_comes_back_whole_and_only_from_what_was_written_so() -> None:
    signed = signed_files({"policy.toml": b"", "subscribers.toml": b""})
    over = tightened(signed, Tightening(channels=("compact",)))
    assert signed_part(over) == signed
    written = over.files[SIGNED_SIGNATURE]
    for spoilt in (b"*" + written, written[:-1], None):
        files = {name: content for name, content in over.files.items() if name != SIGNED_SIGNATURE}
        files |= {} if spoilt is None else {SIGNED_SIGNATURE: spoilt}
        with pytest.raises(PolicyError, match=r"tightened\.json: does not say what it was laid over"):
            signed_part(replace(over, files=files))


def test_a_tightening_under_another_manifest_than_it_was_laid_under_is_refused() -> None:
    over = tightened(signed_files(files(policy(), [owner()])), Tightening(banned=(Purpose.TOLL,)))
    assert Purpose.TOLL in bundles.parse(over, signed=True).banned
    other = parse_manifest(over.manifest).model_copy(update={"version": 2})
    with pytest.raises(PolicyError, match=r"tightened\.json: does not fit what it was laid over"):
        bundles.parse(replace(over, manifest=other.to_bytes()), signed=True)


def test_laid_over_a_narrower_policy_it_changes_nothing() -> None:
    by = Tightening(valid_until=SOON, undelivered_hours=5, banned=(Purpose.TOLL,), switches={"federal": "never"})
    narrow = written(
        {"federal": "never"},
        valid_until=NOW + timedelta(days=1),
        retention={"undelivered_hours": 1},
        purposes={"banned": ["toll"]},
    )
    assert narrowed(narrow, by) == narrow


def test_a_channel_that_is_gone_was_not_closed_by_hand() -> None:
    assert taken_away(written(), written({"channels": {"compact": True}})) == NOTHING


def test_a_suspension_reaches_the_members_of_every_task_force() -> None:
    inner = agency("inner", kind="task_force", members=["county"])
    here = city(agency("county"), texan(), inner, agency("outer", kind="task_force", members=["inner"]))
    made = suspended(here.subscribers, Tightening(suspended=("county",)))
    assert [name for name, one in made.items() if one.suspended] == ["county"]
    assert [one.id for one in made["outer"].members if one.suspended] == ["county"]
    assert suspended(here.subscribers, NOTHING) == here.subscribers
    already = city(agency("county", suspended=True)).subscribers
    assert suspended(already, Tightening(suspended=("texas-so",))) == already


def test_who_was_suspended_already_was_not_suspended_by_this() -> None:
    free, out = city(agency("county")).subscribers, city(agency("county", suspended=True)).subscribers
    policy = written()
    assert between(policy, policy, free, out) == Tightening(suspended=("county",))
    assert between(policy, policy, {}, out) == Tightening(suspended=("county",))
    assert between(policy, policy, out, out) == between(policy, policy, out, free) == NOTHING
    assert words(Tightening(suspended=("county",))) == ("county suspended",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not a tightening"),
        (b"[" * 100_000, "is not a tightening"),
        (b'{"more": 1}', "is not a tightening"),
        (b'{"undelivered_hours": 0}', "is not a tightening"),
        (b'{"switches": {"national": false}}', "`national` cannot be `False`"),
        (b'{"switches": {"federal": "always"}}', "`federal` cannot be `always`"),
    ],
)
def test_what_is_no_tightening_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(PolicyError, match=r"tightened\.json") as refused:
        parse(content)
    assert said in str(refused.value)
