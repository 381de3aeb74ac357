"""What is worked out once for many says the same as the decision about each, at any time, and so does the reach."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.policy.decide import decide, decide_all, explain
from edge.policy.reach import reach
from edge.policy.standing import everybody
from edge.values import Effect, Flag, Hit, Instant
from tests.policy.cities import cities, flags, hits, shared
from tests.policy.city import INSTANT, NOW, Table, agency, agreement, bundle_of, city, hit, taken, texan

Place = tuple[Table, list[Table]]


@settings(max_examples=60, deadline=None)
@given(
    place=cities(),
    found=hits(),
    raised=flags,
    days=st.lists(st.sampled_from([-500, -41, -1, 0, 1, 40, 800]), min_size=1, max_size=3),
    trusted=st.booleans(),
    held=st.booleans(),
)
def test_deciding_for_all_is_deciding_for_each(
    place: Place, found: list[Hit], raised: frozenset[Flag], days: list[int], trusted: bool, held: bool
) -> None:
    here = replace(bundle_of(*place), held=held)
    for day in days:
        now = Instant(at=NOW + timedelta(days=day), trusted=trusted)
        tags = taken(here, *found, at=now.at, raised=raised)
        assert decide_all(tags, here, now) == tuple(decide(tags, one, here, now) for one in here.subscribers.values())


@settings(max_examples=60, deadline=None)
@given(place=cities(), found=hits(), raised=flags)
def test_who_gets_a_read_was_within_reach(place: Place, found: list[Hit], raised: frozenset[Flag]) -> None:
    here = bundle_of(*place)
    for decision in decide_all(taken(here, *found, raised=raised), here, INSTANT):
        if decision.effect is Effect.SHARE:
            answers = {one.channel: one for one in reach(here.subscribers[decision.subscriber_id], here, INSTANT)}
            assert answers[str(decision.channel)].open
            assert answers[str(decision.channel)].full or "hit_only" in decision.obligations


@settings(max_examples=60, deadline=None)
@given(place=cities())
def test_who_is_within_reach_gets_the_read_that_fits_best(place: Place) -> None:
    here = bundle_of(*place)
    for name, subscriber in here.subscribers.items():
        best = [
            hit(purpose, entry_id=f"{purpose}.{case}.{grade}", offence_grade=grade, case=case, offence_state="US-IL")
            for purpose in sorted(subscriber.purposes)
            for case in (None, "c-1", "c-2")
            for grade in (None, "felony", "misdemeanor", "infraction")
        ]
        within = any(answer.open for answer in reach(subscriber, here, INSTANT))
        assert within == (name in shared(here, taken(here, *best)))


@settings(max_examples=60, deadline=None)
@given(place=cities(), found=hits(), raised=flags)
def test_what_the_rules_say_one_by_one_is_what_the_decision_says(
    place: Place, found: list[Hit], raised: frozenset[Flag]
) -> None:
    here = bundle_of(*place)
    tags = taken(here, *found, raised=raised)
    for subscriber in here.subscribers.values():
        decision = decide(tags, subscriber, here, INSTANT)
        verdicts = explain(tags, subscriber, here, INSTANT)
        said = {reason.value for verdict in verdicts for reason in verdict.reasons}
        grounds = {"allow_owner", "allow_in_state", "allow_agreement", "allow_warrant"}
        # that no channel names it at all is told by the channels, and is the decision's reason when there is no other
        assert said - {"deny_default"} == set(decision.reasons) - grounds - {"deny_default"}
        assert (decision.effect is Effect.SHARE) == (
            not any(one.reasons for one in verdicts if one.family != "channel") and bool(decision.channel)
        )


def counted(*agencies: dict[str, Any], at: datetime = NOW) -> tuple[int, int]:
    """How many standings and groups there are for so many agencies."""
    here = city(*agencies)
    known = everybody(here, at)
    assert len(known.places) == len(agencies) + 1
    return len(known.standings), len(known.groups)


def test_agencies_whose_agreements_differ_in_names_and_dates_alone_stand_alike() -> None:
    dated = [
        texan(f"so-{number}", agreement=[agreement(f"a-{number}", signed_on=NOW.date() - timedelta(days=number + 1))])
        for number in range(20)
    ]
    assert counted(*dated) == (2, 2)


def test_agencies_of_other_purposes_stand_alike_but_are_told_of_other_hits() -> None:
    here = city(agency("one"), agency("two", purposes=["parking"]))
    assert len(everybody(here, NOW).standings) == 2
    assert set(shared(here, taken(here, hit("parking")))) == {"two", "village-pd"}


def test_standings_are_kept_until_an_agreement_begins_or_ends() -> None:
    here = city(texan())
    first = everybody(here, NOW)
    assert everybody(here, NOW + timedelta(days=1)) is first
    end = here.subscribers["texas-so"].agreements[0].ends
    assert everybody(here, end - timedelta(microseconds=1)) is first
    assert everybody(here, end) is not first
    assert everybody(here, NOW) == first


def test_a_held_copy_of_a_bundle_keeps_nothing_of_the_other() -> None:
    here = city(agency("county"))
    assert set(shared(here, taken(here, hit()))) == {"county", "village-pd"}
    assert set(shared(replace(here, held=True), taken(here, hit()))) == {"village-pd"}
