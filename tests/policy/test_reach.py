"""What an agency could get at the best: what it covers is not lost, and the moment at which it changes by itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.policy.bundle import Bundle
from edge.policy.decide import decide, decide_all, hits_for
from edge.policy.policy import EARLY
from edge.policy.reach import best, next_change, reach
from edge.values import Effect, Flag, Instant
from tests.policy import cities as anywhere
from tests.policy.city import (
    INSTANT,
    NOW,
    OWNER,
    Table,
    agency,
    agreement,
    bundle_of,
    hit,
    merged,
    owner,
    policy,
    signed,
    taken,
    texan,
)

PURPOSES = ["stolen_vehicle", "parking"]

some_purposes = st.lists(st.sampled_from(PURPOSES), min_size=1, unique=True)
days = st.integers(-3, 6)


@st.composite
def instruments(draw: st.DrawFn) -> list[Table]:
    held = []
    for number in range(draw(st.integers(0, 2))):
        begins = NOW.date() + timedelta(days=draw(days))
        held.append(
            agreement(
                f"a-{number}",
                signed_on=begins,
                expires_on=begins + timedelta(days=draw(st.integers(1, 4))),
                status=draw(st.sampled_from(["active", "active", "active", "revoked"])),
                purposes=PURPOSES,
            )
        )
    return held


@st.composite
def cities(draw: st.DrawFn) -> tuple[Table, list[Table]]:
    agencies = [
        owner(),
        agency("alpha", feed=draw(st.sampled_from(["hits", "all"])), purposes=draw(some_purposes)),
        texan("bravo", agreement=draw(instruments()), channels=["national-lookup", "direct"]),
        texan("charlie", agreement=draw(instruments()), purposes=draw(some_purposes)),
    ]
    members = draw(st.sampled_from([["alpha"], ["alpha", "bravo"]]))
    agencies.append(agency("force", kind="task_force", members=members, suspended=draw(st.booleans())))
    written = policy(
        {
            "valid_until": NOW + timedelta(days=draw(st.integers(1, 5)), hours=3),
            "sharing": {
                "national_lookup": draw(st.booleans()),
                "statewide_lookup": draw(st.booleans()),
                "out_of_state": draw(st.sampled_from(["never", "agreement", "agreement"])),
                "direct": draw(st.sampled_from([[], ["bravo"]])),
                "full_feed": draw(st.sampled_from([[], ["alpha"]])),
            },
            "purposes": {"banned": draw(st.sampled_from([[], ["parking"], ["immigration_enforcement"]]))},
            "retention": {"undelivered_hours": 720},
        }
    )
    return written, agencies


@settings(max_examples=120, deadline=None)
@given(before=cities(), after=cities(), found=some_purposes, later=st.integers(0, 96))
def test_who_is_covered_keeps_every_read_with_its_hits_and_with_no_new_obligation(
    before: tuple[Table, list[Table]], after: tuple[Table, list[Table]], found: list[str], later: int
) -> None:
    old, new = bundle_of(*before), bundle_of(*after)
    then = Instant(at=NOW + timedelta(hours=later), trusted=True)
    was, will = best(old, INSTANT), best(new, then)
    tags = taken(old, *(hit(purpose, expires_at=then.at + timedelta(days=1)) for purpose in found))
    tags = tags if later < 24 else _kept(tags)
    for name, had in was.items():
        first = decide(tags, old.subscribers[name], old, INSTANT)
        if first.effect is Effect.SHARE:
            assert had, f"{name} gets a read, and nothing at the best"
        if first.effect is Effect.SHARE and will[name].covers(had):
            again = decide(tags, new.subscribers[name], new, then)
            assert again.effect is Effect.SHARE, again.reasons
            assert set(again.obligations) <= set(first.obligations)
            told = hits_for(tags, old.subscribers[name], old, INSTANT)
            assert hits_for(tags, new.subscribers[name], new, then) == told


@settings(max_examples=150, deadline=None)
@given(
    place=anywhere.cities(),
    sharing=anywhere.policies(["alpha"]),
    found=anywhere.hits(),
    reviewed=st.booleans(),
    raised=anywhere.flags,
)
def test_the_best_leaves_out_nobody_who_gets_a_read_and_who_is_covered_keeps_it(
    place: tuple[Table, list[Table]], sharing: Table, found: list[Any], reviewed: bool, raised: frozenset[Flag]
) -> None:
    """The same over all that a policy, a registry and a read can say, where only the city's switches move."""
    named = {key: place[0]["sharing"][key] for key in ("direct", "full_feed")}
    switched = merged(place[0], {"sharing": {**sharing["sharing"], **named}})
    old, new = bundle_of(*place), bundle_of(switched if reviewed else merged(switched, {"law": {}}), place[1])
    was, will = best(old, INSTANT), best(new, INSTANT)
    tags = taken(old, *found, raised=raised)
    for first in decide_all(tags, old, INSTANT):
        name = first.subscriber_id
        if first.effect is Effect.SHARE:
            assert was[name], f"{name} gets a read, and nothing at the best"
        if first.effect is Effect.SHARE and will[name].covers(was[name]):
            again = decide(tags, new.subscribers[name], new, INSTANT)
            assert again.effect is Effect.SHARE, again.reasons
            assert set(again.obligations) <= set(first.obligations)


def _kept(tags: Any) -> Any:
    return replace(tags, retain_until=NOW + timedelta(days=10))


@settings(max_examples=40, deadline=None)
@given(place=cities(), start=st.integers(-24, 120))
def test_the_next_change_is_the_first_one(place: tuple[Table, list[Table]], start: int) -> None:
    """Held against a look at every hour, at which alone something can turn here."""
    bundle = bundle_of(*place)
    begins = NOW + timedelta(hours=start)
    now = best(bundle, Instant(at=begins, trusted=True))
    found = next_change(bundle, Instant(at=begins, trusted=True))
    at = begins + timedelta(hours=1)
    while at < NOW + timedelta(days=11):
        if best(bundle, Instant(at=at, trusted=True)) != now:
            assert found is not None
            assert at - timedelta(hours=1) < found <= at
            assert best(bundle, Instant(at=found, trusted=True)) != now
            assert best(bundle, Instant(at=found - timedelta(microseconds=1), trusted=True)) == now
            return
        at += timedelta(hours=1)
    assert found is None


def one(changes: Callable[[Table], Table] | None = None, /, **sharing: Any) -> Bundle:
    """A city with a Texan on the national lookup."""
    table = texan("bravo")
    return bundle_of(policy({"sharing": sharing}), [owner(), changes(table) if changes else table])


def test_the_owner_is_reached_on_a_channel_of_its_own_and_others_in_the_order_in_which_they_are_written() -> None:
    written = ["national-lookup", "direct", "statewide-lookup"]
    here = one(lambda table: {**table, "channels": written})
    told = {name: [answer.channel for answer in reach(one, here, INSTANT)] for name, one in here.subscribers.items()}
    assert told == {OWNER: ["owner"], "bravo": written}


def test_the_best_tells_what_is_taken_on_with_it() -> None:
    some = best(one(), INSTANT)
    assert "hit_only" in some["bravo"].obligations
    assert some[OWNER].obligations == {"human_verify_before_action", "no_immigration_use", "no_health_use", "no_image"}
    assert best(one(national_lookup=False), INSTANT)["bravo"].obligations == set()


def test_the_best_hit_is_of_a_grade_that_counts() -> None:
    here = bundle_of(policy({"purposes": {"grades": ["felony"]}}), [owner(), agency("county")])
    assert best(here, INSTANT)["county"]


def test_where_nothing_can_be_had_the_reason_for_that_makes_no_difference() -> None:
    shut, closed = best(one(national_lookup=False), INSTANT), best(one(out_of_state="never"), INSTANT)
    assert shut["bravo"].reasons != closed["bravo"].reasons
    assert shut["bravo"] == closed["bravo"]


def test_a_city_that_stays_as_it_is_takes_nothing_from_anybody() -> None:
    before, after = best(one(), INSTANT), best(one(), INSTANT)
    assert all(after[name].covers(had) for name, had in before.items())


def test_a_purpose_less_is_not_covered() -> None:
    wide = one(lambda table: merged(table, {"purposes": PURPOSES, "agreement": [agreement(purposes=PURPOSES)]}))
    narrow = one(lambda table: merged(table, {"agreement": [agreement(purposes=PURPOSES)]}))
    assert not best(narrow, INSTANT)["bravo"].covers(best(wide, INSTANT)["bravo"])


def test_another_sealing_key_is_not_covered() -> None:
    other = one(lambda table: merged(table, {"sealing_key": agency("somebody-else")["sealing_key"]}))
    assert not best(other, INSTANT)["bravo"].covers(best(one(), INSTANT)["bravo"])


def test_without_an_end_in_sight_nothing_changes_by_itself_but_at_the_end_of_the_policy() -> None:
    bundle = one()
    assert next_change(bundle, INSTANT) == bundle.valid_until
    assert next_change(bundle, Instant(at=bundle.valid_until, trusted=True)) is None


def test_a_policy_signed_by_a_clock_that_is_ahead_begins_by_itself() -> None:
    bundle = signed(one(), NOW + timedelta(hours=2))
    assert next_change(bundle, INSTANT) == NOW + timedelta(hours=2) - EARLY
    assert {name for name, most in best(bundle, INSTANT).items() if most} == {OWNER}


def test_an_agreement_ends_at_midnight() -> None:
    ending = one(lambda table: {**table, "agreement": [agreement(expires_on=date(2026, 11, 25))]})
    found = next_change(ending, INSTANT)
    assert found == NOW.replace(day=25, hour=0)
