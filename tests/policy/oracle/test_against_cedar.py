"""Every decision is what Cedar policies say that were written from the statutes and the design, not from the code."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product
from random import Random
from typing import Any

import pytest

from edge.policy.bundle import Bundle
from edge.policy.decide import decide
from edge.policy.vocabulary import Deputation
from edge.values import Decision, Effect, Flag, Hit, Instant, Jurisdiction, Tags
from tests.policy.city import NOW, OWNER, agency, agreement, bundle_of, merged, owner, policy, signed, toml
from tests.policy.oracle.draw import ALONE, Table, a_place, questions, words
from tests.policy.oracle.model import Answer, Asked, Oracle, Place

CITIES, ALL_CITIES = 100, 25_000
"""Of each city some thirty decisions are asked."""


def bundle(place: Place) -> Bundle:
    laws = {pack["id"]: toml(pack).encode() for pack in place.packs}
    made = bundle_of(place.policy, place.agencies, signed=place.signed, laws=laws)
    return signed(made, place.signed_at) if place.signed and place.signed_at else made


def tags(read: dict[str, Any]) -> Tags:
    return Tags(
        read_id="read",
        camera_id="camera",
        captured_at=read["captured_at"],
        jurisdiction=Jurisdiction(state=read["place"], place="Village"),
        owner=read["owner"],
        flags=frozenset(Flag(one) for one in read["flags"]),
        hits=tuple(
            Hit(
                list_id="list",
                entry_id=f"e-{number}",
                source_agency="desk",
                purpose=one["purpose"],
                offence_grade=one["grade"],
                offence_state=one["state"],
                case=one["case"],
                expires_at=one["expires_at"],
            )
            for number, one in enumerate(read["hits"])
        ),
        retain_until=read["retain_until"],
        test=read["test"],
    )


def decided(here: Bundle, held: Bundle, read: Tags, asked: Asked) -> Decision:
    ours = held if asked.held else here
    return decide(read, ours.subscribers[asked.agency], ours, Instant(at=asked.now, trusted=asked.trusted))


@lru_cache(maxsize=CITIES)
def answered(seed: int) -> tuple[Place, list[tuple[Asked, Answer]]]:
    """A city, and what the oracle answers to all questions about it."""
    place = a_place(seed)
    oracle = Oracle(place)
    return place, [(asked, oracle.answer(asked)) for asked in questions(place, seed)]


def disagreements(seed: int, seen: Counter[str]) -> list[str]:
    """Where our decision and the oracle's answer differ in one city; `seen` counts who got what."""
    place, answers = answered(seed)
    here, reads = bundle(place), [tags(read) for read in place.reads]
    held, wrong = replace(here, held=True), []
    for asked, answer in answers:
        ours = decided(here, held, reads[asked.read], asked)
        seen[f"{ours.effect} {ours.channel}"] += 1
        if not agrees(ours, answer):
            wrong.append(f"seed {seed} {asked}: {ours}, Cedar {answer}")
    return wrong


def agrees(ours: Decision, answer: Answer) -> bool:
    """Whether a decision is Cedar's answer: shared or not, on one of its channels, blurred and bound as it says."""
    if ours.effect is not Effect.SHARE or not answer.share:
        return (ours.effect is Effect.SHARE) == answer.share
    coarse = {one for one in ours.obligations if one in ("coarse_place", "coarse_time")}
    return (
        ours.channel in answer.channels
        and coarse - answer.taken == answer.redacted - answer.taken
        and answer.taken <= set(ours.obligations)
    )


def _compare(seeds: range) -> None:
    seen: Counter[str] = Counter()
    wrong = [told for seed in seeds for told in disagreements(seed, seen)]
    assert seen.total() > 25 * len(seeds)
    assert not wrong, f"{len(wrong)} of {seen.total()}: " + "\n".join(wrong[:5])
    assert {"share owner", "share direct", "share national-lookup", "share statewide-lookup", "share compact"} <= set(
        seen
    )


def test_decisions_are_what_cedar_says() -> None:
    _compare(range(CITIES))


@pytest.mark.full
def test_decisions_are_what_cedar_says_in_every_city_drawn() -> None:
    _compare(range(CITIES, ALL_CITIES))


FORMS: list[list[str]] = [
    [],
    ["declaration"],
    ["court-order"],
    ["administrative-warrant", "mou"],
    ["declaration", "judicial-warrant"],
]
GENERIC = {"id": "law", "title": "law", "version": 1, "reviewed": True, "collection": {"unattended_roadside": True}}


def _every_agency() -> Iterator[Table]:
    """Each kind (those with members have their own cities), state, deputation, channel and set of instruments."""
    places = ["US-IL", "US-WI", "US-TX", "CA-ON"]
    channels = ["national-lookup", "statewide-lookup", "direct", "compact"]
    every = product(ALONE, places, words(Deputation), channels, FORMS)
    for number, (kind, state, deputation, channel, forms) in enumerate(every):
        held = [agreement(f"a-{place}", form=form) for place, form in enumerate(forms)]
        told = {"kind": kind, "state": state, "federal_deputation": deputation, "channels": [channel]}
        yield agency(f"n-{number}", agreement=held, **told)


def _every_switch() -> Iterator[Table]:
    on_off = (False, True)
    closed_to_open = ("never", "listed-states", "agreement")
    for national, statewide, compact, deputised, out, federal in product(
        on_off, on_off, on_off, on_off, closed_to_open, ("never", "judicial-warrant")
    ):
        yield {
            "national_lookup": national,
            "statewide_lookup": statewide,
            "channels": {"compact": compact},
            "deputised_as_federal": deputised,
            "out_of_state": out,
            "states": ["US-WI"],
            "federal": federal,
        }


def _pack() -> Table:
    cited = {"citation": "none", "mark": "ours"}
    groups = ("in_state", "out_of_state", "federal", "private", "foreign")
    tables = {"collection": {"unattended_roadside": True}, "retention": {}, "purposes": {"banned": []}}
    made = {name: {**table, **cited} for name, table in tables.items()}
    return {**GENERIC, **made, "recipients": {group: {"access": "allowed", **cited} for group in groups}}


def _hold_against(switches: Table, agencies: list[Table]) -> Counter[str]:
    """Asks everybody about one hit under these switches; gives who got it by channel."""
    sharing = {**switches, "direct": [one["id"] for one in agencies]}
    later = policy()["valid_until"]
    read = {
        "captured_at": NOW,
        "owner": OWNER,
        "place": "US-IL",
        "flags": set(),
        "hits": [{"purpose": "stolen_vehicle", "grade": None, "state": None, "case": None, "expires_at": later}],
        "retain_until": later,
        "test": False,
    }
    place = Place(
        policy=policy({"sharing": sharing, "law": {"packs": ["law"]}}),
        agencies=[owner(), *agencies],
        packs=[_pack()],
        reads=[read],
    )
    here, oracle, shared = bundle(place), Oracle(place), Counter[str]()
    for one in place.agencies:
        asked = Asked(agency=one["id"], read=0, now=NOW)
        ours, answer = decided(here, here, tags(read), asked), oracle.answer(asked)
        assert (ours.effect is Effect.SHARE) == answer.share, (switches, one, ours.reasons)
        shared[str(ours.channel)] += 1
    return shared


def test_a_sample_of_every_switch_and_every_agency_is_as_cedar_says() -> None:
    chance = Random(2026)
    agencies, switches = list(_every_agency()), list(_every_switch())
    shared: Counter[str] = sum(
        (_hold_against(one, chance.sample(agencies, 60)) for one in chance.sample(switches, 16)), Counter[str]()
    )
    assert {"national-lookup", "statewide-lookup", "direct", "compact", "None"} <= set(shared)


@pytest.mark.full
def test_every_switch_and_every_agency_is_as_cedar_says() -> None:
    """368,640 decisions: 3,840 agencies under 96 sets of switches."""
    agencies = list(_every_agency())
    for first, switches in product(range(0, len(agencies), 100), _every_switch()):
        _hold_against(switches, agencies[first : first + 100])


def _stopped(place: Place, one: Table, channel: str) -> Iterator[tuple[str, Place]]:
    """What must stop a share to `one` on `channel`, each by itself, and the city after it."""

    def city(changes: Table) -> Place:
        return replace(place, policy=merged(place.policy, changes))

    def agencies(change: Table) -> Place:
        return replace(place, agencies=[{**each, **change} if each is one else each for each in place.agencies])

    sharing = place.policy["sharing"]
    off: dict[str, Table] = {
        "national-lookup": {"national_lookup": False},
        "statewide-lookup": {"statewide_lookup": False},
        "compact": {"channels": {"compact": False}},
        "direct": {"direct": [name for name in sharing["direct"] if name != one["id"]]},
    }
    yield "opt-out", city({"sharing": off[channel]})
    yield "stale bundle", city({"valid_until": NOW})
    yield "suspended", agencies({"suspended": True})
    for purpose in one["purposes"]:
        yield "banned purpose", city({"purposes": {"banned": [purpose]}})
    if one["state"] != "US-IL" or one["kind"] == "federal":
        ended = {"signed_on": NOW.date().replace(year=2025), "begins_on": None, "expires_on": NOW.date()}
        held = [{key: value for key, value in {**each, **ended}.items() if value} for each in one["agreement"]]
        yield "expired instrument", agencies({"agreement": held})


def test_no_share_survives_an_opt_out_a_ban_an_expiry_a_suspension_or_a_stale_bundle() -> None:
    """Each share of the cities drawn, with one thing after the other put in its way."""
    tried: Counter[str] = Counter()
    for seed in range(20_000, 20_040):
        place = a_place(seed, reads=2)
        here = bundle(place)
        by_name = {one["id"]: one for one in place.agencies if one["id"] != OWNER}
        for (name, one), number in product(by_name.items(), range(len(place.reads))):
            asked, read = Asked(agency=name, read=number, now=NOW), tags(place.reads[number])
            ours = decided(here, here, read, asked)
            if ours.effect is Effect.SHARE and ours.channel is not None:
                for what, after in _stopped(place, one, ours.channel):
                    now = decided(stopped := bundle(after), stopped, read, asked)
                    tried[what] += 1
                    assert now.channel != ours.channel if what == "opt-out" else now.effect is Effect.WITHHOLD, what
    assert min(tried[what] for what in ("opt-out", "stale bundle", "suspended", "banned purpose")) > 50
    assert tried["expired instrument"] > 20
