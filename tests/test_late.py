"""A read recorded long after its vehicle went by is bound by all that held since: nothing opened later opens it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import tomlkit

from edge import desk
from edge.desk import registry
from edge.errors import LedgerError
from edge.pipeline import Outcome
from edge.policy.hotlists import NO_LISTS
from edge.policy.meanwhile import MOST_REMEMBERED
from edge.policy.reasons import Reason
from edge.values import Checkpoint, Effect, Flag, Recorded
from tests.relay.house import COUNTY, INNOCENT, OWNER, STOLEN, TEXAS, House
from tests.test_pipeline import NOBODY_LISTENS, fails_to, frame_of, opted_out


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house", NOBODY_LISTENS)
    yield house
    house.close()


def opted_in(house: House) -> None:
    desk.opt_in(house.policy, "national-lookup")
    house.take_up(signed=True)


class Full:
    """What stands before a ledger whose disk has too little room (edge.daemon.storage)."""

    def record_many(self, reads: Sequence[Recorded]) -> Sequence[int]:
        raise LedgerError("the disk is nearly full")

    def latest_checkpoint(self) -> Checkpoint | None:
        raise LedgerError("the disk is nearly full")


def waits(house: House, text: str = STOLEN) -> None:
    """A vehicle goes by while the disk is full."""
    house.pipeline._ledger = Full()
    fails_to(lambda: house.passes(text))
    house.clock.move(600)


def recorded(house: House) -> Outcome:
    """There is room on the disk again."""
    house.pipeline._ledger = house.ledger
    house.clock.move(60)
    (outcome,) = house.pipeline.record()
    return outcome


def sharing(outcome: Outcome) -> set[str]:
    return {each.subscriber_id for each in outcome.decisions if each.effect is Effect.SHARE}


def test_a_switch_turned_on_while_a_read_waits_does_not_open_it(house: House) -> None:
    opted_out(house)
    waits(house)
    opted_in(house)
    outcome = recorded(house)
    assert Flag.NO_NATIONAL_LOOKUP in outcome.tagged.tags.flags
    assert TEXAS not in sharing(outcome)
    assert {OWNER, COUNTY} <= sharing(outcome)
    house.clock.move(3)
    assert TEXAS in sharing(house.passes(STOLEN))


def anew(house: House, **changes: object) -> None:
    house.edit("policy.toml", lambda table: table["sharing"].update(**changes))
    house.take_up(signed=True)


def suspended(house: House, yes: bool) -> None:
    house.agency(TEXAS, suspended=yes)
    house.take_up(signed=True)


def unknown(house: House, yes: bool) -> None:
    written, kept = house.policy / "subscribers.toml", house.folder / "kept"
    if yes:
        kept.write_bytes(written.read_bytes())
        registry.remove(house.policy, TEXAS)
    else:
        written.write_bytes(kept.read_bytes())
    house.take_up(signed=True)


CLOSED_AND_OPEN: dict[str, tuple[Callable[[House], object], Callable[[House], object]]] = {
    "an agency is suspended": (lambda house: suspended(house, True), lambda house: suspended(house, False)),
    "it is not in the registry": (lambda house: unknown(house, True), lambda house: unknown(house, False)),
    "its state is not listed": (
        lambda house: anew(house, out_of_state="listed-states", states=["US-WI"]),
        lambda house: anew(house, states=["US-WI", "US-TX"]),
    ),
    "the policy is held": (
        lambda house: setattr(house, "bundle", replace(house.bundle, held=True)),
        lambda house: setattr(house, "bundle", replace(house.bundle, held=False)),
    ),
    "the clock is in doubt": (
        lambda house: setattr(house.clock, "trusted", False),
        lambda house: setattr(house.clock, "trusted", True),
    ),
}


@pytest.mark.parametrize("name", CLOSED_AND_OPEN)
def test_an_agency_that_had_no_right_to_a_read_when_it_was_taken_has_none_when_it_is_recorded(
    house: House, name: str
) -> None:
    shut, opened = CLOSED_AND_OPEN[name]
    shut(house)
    house.passes(INNOCENT)
    house.clock.move(30)
    waits(house)
    opened(house)
    outcome = recorded(house)
    (texas,) = (each for each in outcome.decisions if each.subscriber_id == TEXAS)
    assert OWNER in sharing(outcome)
    assert (texas.effect, Reason.DENY_READ_FLAG.value in texas.reasons) == (Effect.WITHHOLD, True)
    house.clock.move(3)
    assert TEXAS in sharing(house.passes(STOLEN))


@pytest.mark.parametrize("name", CLOSED_AND_OPEN)
def test_an_agency_that_has_had_no_right_while_a_read_waits_does_not_get_it(house: House, name: str) -> None:
    shut, opened = CLOSED_AND_OPEN[name]
    waits(house)
    shut(house)
    fails_to(house.pipeline.record)
    opened(house)
    outcome = recorded(house)
    assert OWNER in sharing(outcome)
    assert TEXAS not in sharing(outcome)


def test_an_agreement_that_begins_while_a_read_waits_does_not_open_it(house: House) -> None:
    def begins(table: tomlkit.TOMLDocument) -> None:
        (one,) = (one for one in table["subscriber"] if one["id"] == TEXAS)
        one["agreement"][0]["begins_on"] = (house.clock.at + timedelta(days=1)).date()

    house.edit("subscribers.toml", begins)
    house.take_up(signed=True)
    house.clock.move(timedelta(hours=11, minutes=55).total_seconds())
    waits(house)
    assert TEXAS not in sharing(recorded(house))
    assert TEXAS in sharing(house.passes(STOLEN))


def test_an_obligation_of_the_time_when_a_read_was_taken_stays_with_it(house: House) -> None:
    house.agency(TEXAS, redact=["coarse_time"])
    house.take_up(signed=True)
    waits(house)
    house.agency(TEXAS, redact=["coarse_place"])
    house.take_up(signed=True)
    (texas,) = (each for each in recorded(house).decisions if each.subscriber_id == TEXAS)
    assert texas.effect is Effect.SHARE
    assert {"coarse_place", "coarse_time"} <= set(texas.obligations)


def purposes(house: House, *which: str) -> None:
    house.agency(COUNTY, purposes=list(which))
    house.take_up(signed=True)


def told(house: House) -> list[str]:
    """The purposes of the hits in what lies there for COUNTY."""
    (row,) = [row for row in house.ledger.due(house.clock.move(1), limit=99) if row.envelope.subscriber_id == COUNTY]
    opened = house.opened(row.envelope.payload, COUNTY)
    return [hit.purpose for hit in opened.body.data.hits]


def of_two_purposes(house: House) -> None:
    """STOLEN is on the list for another reason too."""

    def more(table: tomlkit.TOMLDocument) -> None:
        table["entry"].append({**table["entry"][0], "id": "CS-0003", "purpose": "stolen_plate"})

    house.edit("hotlists/county-stolen.toml", more)
    house.take_up(signed=True)


def test_of_a_read_that_waited_an_agency_hears_only_the_hits_that_it_was_to_hear_then(house: House) -> None:
    of_two_purposes(house)
    purposes(house, "stolen_vehicle")
    waits(house)
    purposes(house, "stolen_vehicle", "stolen_plate")
    recorded(house)
    assert told(house) == ["stolen_vehicle"]


def test_hits_of_then_and_others_of_now_open_no_read_that_waited(house: House) -> None:
    of_two_purposes(house)
    purposes(house, "stolen_vehicle")
    waits(house)
    purposes(house, "stolen_plate")
    (county,) = (each for each in recorded(house).decisions if each.subscriber_id == COUNTY)
    assert county.effect is Effect.WITHHOLD
    assert {Reason.DENY_READ_FLAG.value, Reason.DENY_NON_HIT.value} <= set(county.reasons)


def test_a_policy_that_comes_and_goes_lets_no_waiting_read_be_forgotten(house: House) -> None:
    waits(house)
    first = house.bundle
    for number in range(4 * MOST_REMEMBERED):
        house.clock.move(1)
        house.bundle = replace(first, held=number % 2 == 0)
        fails_to(house.pipeline.record)
    outcome = recorded(house)
    assert sharing(outcome) == {OWNER}


def test_nothing_is_remembered_of_what_was_in_force_longer_ago_than_a_read_may_be_kept(house: House) -> None:
    first = house.bundle
    for number in range(MOST_REMEMBERED):
        house.bundle = replace(first, digest=f"{number:064}")
        house.clock.move(first.ceiling.total_seconds() / 10)
        house.pipeline.record()
    assert len(house.pipeline._meanwhile._held) <= 11


def test_the_law_and_the_place_are_those_of_the_capture(house: House) -> None:
    waits(house)
    first = house.bundle
    house.edit("policy.toml", lambda table: table["jurisdiction"].update(county_fips="17097"))
    pack = house.policy / "laws" / "us-il.toml"
    pack.write_bytes(pack.read_bytes() + b"# another edition\n")
    house.take_up(signed=True)
    tags, packs = (
        recorded(house).tagged.tags,
        [[(one.id, one.digest) for one in of.packs] for of in (first, house.bundle)],
    )
    assert tags.jurisdiction == first.jurisdiction != house.bundle.jurisdiction
    assert list(tags.packs) == packs[0] != packs[1]


def test_a_vehicle_that_came_while_the_clock_was_in_doubt_is_the_owners_alone(house: House) -> None:
    house.clock.trusted = False
    house.passes(INNOCENT)
    read = house.passes(STOLEN).tagged.read
    house.clock.trusted, later = True, house.clock.move(36_000)
    house.eyes.seen = [replace(read, read_id=house.clock.new_id(), best_seen=later, last_seen=later)]
    (outcome,) = house.pipeline.step(frame_of(house))
    assert sharing(outcome) == {OWNER}


def test_a_switch_turned_off_and_on_while_a_read_waits_has_closed_it(house: House) -> None:
    waits(house)
    opted_out(house)
    fails_to(house.pipeline.record)
    opted_in(house)
    assert TEXAS not in sharing(recorded(house))


def test_a_switch_turned_on_before_a_vehicle_came_opens_its_read(house: House) -> None:
    opted_out(house)
    house.passes(INNOCENT)
    opted_in(house)
    house.passes(INNOCENT)
    house.clock.move(3)
    waits(house)
    assert TEXAS in sharing(recorded(house))


def test_a_switch_turned_on_while_a_vehicle_stands_there_does_not_open_its_read(house: House) -> None:
    opted_out(house)
    read = house.passes(STOLEN).tagged.read
    house.clock.move(30)
    opted_in(house)
    house.clock.move(30)
    at = house.clock.at
    house.eyes.seen = [replace(read, read_id=house.clock.new_id(), best_seen=at, last_seen=at)]
    (outcome,) = house.pipeline.step(frame_of(house))
    assert TEXAS not in sharing(outcome)


def test_a_picture_that_was_not_to_be_kept_is_not_told_later(house: House) -> None:
    house.edit("policy.toml", lambda table: table["owner"].update(plate_crop=False))
    house.take_up(signed=True)
    house.crop = np.full((24, 90, 3), 200, dtype=np.uint8)
    waits(house)
    house.edit("policy.toml", lambda table: table["owner"].update(plate_crop=True))
    house.take_up(signed=True)
    recorded(house)
    (row,) = [row for row in house.ledger.due(house.clock.move(1), limit=99) if row.envelope.subscriber_id == OWNER]
    opened = house.opened(row.envelope.payload, OWNER)
    assert opened.body.data.crop is None


def test_a_longer_retention_does_not_keep_a_read_longer_that_was_taken_under_a_shorter(house: House) -> None:
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=1))
    house.take_up()
    waits(house)
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=24))
    house.take_up(signed=True)
    tags = recorded(house).tagged.tags
    assert tags.retain_until - tags.captured_at == timedelta(hours=1)


def test_a_read_that_was_another_owners_when_it_was_taken_is_nobodys(house: House) -> None:
    house.agency(COUNTY, kind="local")
    house.take_up(signed=True)
    waits(house)
    house.edit("policy.toml", lambda table: table["owner"].update(subscriber=COUNTY))
    house.take_up(signed=True)
    outcome = recorded(house)
    assert sharing(outcome) == set()
    assert {Reason.DENY_TAGS_INVALID.value in each.reasons for each in outcome.decisions} == {True}
    house.clock.move(3)
    assert COUNTY in sharing(house.passes(STOLEN))


def test_a_read_from_before_any_policy_is_nobodys_when_one_has_come(house: House) -> None:
    bundle, house.bundle = house.bundle, None
    waits(house)
    house.bundle = bundle
    outcome = recorded(house)
    assert (outcome.decisions, outcome.tagged.tags.owner) == ((), "")
    house.clock.move(3)
    assert OWNER in sharing(house.passes(STOLEN))


def test_a_moment_without_a_policy_while_the_ledger_is_opened_anew_changes_nothing(house: House) -> None:
    house.pipeline._bell = threading.Event()
    house.sees(STOLEN)
    bundle, lists = house.bundle, house.lists
    house.bundle, house.lists = None, NO_LISTS
    assert house.pipeline.step(frame_of(house)) == []
    house.bundle, house.lists = bundle, lists
    assert sharing(recorded(house)) >= {OWNER, COUNTY, TEXAS}


def test_a_read_that_is_tried_while_the_ledger_is_closed_waits_and_is_decided_by_what_held_since(house: House) -> None:
    opted_out(house)
    house.passes(INNOCENT)
    bundle, lists = house.bundle, house.lists
    house.bundle, house.lists = None, NO_LISTS
    waits(house)
    fails_to(house.pipeline.record)
    house.bundle, house.lists = bundle, lists
    opted_in(house)
    outcome = recorded(house)
    assert {OWNER, COUNTY} <= sharing(outcome)
    assert TEXAS not in sharing(outcome)


def test_a_read_that_finds_the_ledger_just_opened_is_decided_under_what_is_in_force(house: House) -> None:
    house.passes(INNOCENT)
    house.pipeline._bell = threading.Event()
    house.sees(STOLEN)
    bundle, lists, latest = house.bundle, house.lists, house.ledger.latest_checkpoint
    house.bundle, house.lists = None, NO_LISTS

    def opened() -> Checkpoint | None:
        house.bundle, house.lists = bundle, lists
        return latest()

    house.ledger.latest_checkpoint = opened
    (outcome,) = house.pipeline.record()
    assert sharing(outcome) >= {OWNER, COUNTY, TEXAS}


def listed(house: House, text: str) -> None:
    house.edit("hotlists/county-stolen.toml", lambda table: table["entry"][0].update(pattern=text))
    house.take_up(signed=True)


def test_an_entry_that_was_written_after_a_vehicle_had_gone_does_not_hit_it(house: House) -> None:
    waits(house, INNOCENT)
    listed(house, INNOCENT)
    outcome = recorded(house)
    assert (outcome.tagged.tags.hits, sharing(outcome)) == ((), {OWNER})
    assert COUNTY in sharing(house.passes(INNOCENT))


def test_an_entry_that_was_struck_while_a_read_waits_does_not_hit_it(house: House) -> None:
    waits(house)
    house.edit("hotlists/county-stolen.toml", lambda table: table.update(entry=tomlkit.aot()))
    house.take_up(signed=True)
    assert recorded(house).tagged.tags.hits == ()


def test_a_hit_of_lists_that_were_read_anew_meanwhile_stays_one(house: House) -> None:
    waits(house)
    house.edit("hotlists/county-stolen.toml", lambda table: table["entry"].append({**table["entry"][0], "id": "more"}))
    house.take_up(signed=True)
    (hit,) = recorded(house).tagged.tags.hits
    assert hit.entry_id != "more"


def test_a_read_that_outlives_all_bundles_that_are_remembered_is_nobodys(house: House) -> None:
    waits(house)
    first = house.bundle
    for number in range(MOST_REMEMBERED):
        house.bundle = replace(first, digest=f"{number:064}")
        fails_to(house.pipeline.record)
    house.bundle = first
    assert recorded(house).decisions == ()


def test_nothing_is_remembered_of_reads_that_are_recorded_or_lost(house: House) -> None:
    house.passes(STOLEN)
    waits(house)
    assert len(house.pipeline._meanwhile._taken) == 1
    house.clock.move(house.bundle.ceiling.total_seconds())
    assert house.pipeline.record() == []
    assert house.pipeline.lost == 1
    assert house.pipeline._meanwhile._taken == {}


def test_a_clock_that_was_put_back_makes_no_later_read_nobodys(house: House) -> None:
    bundle, house.bundle = house.bundle, None
    house.passes(INNOCENT)
    house.bundle = bundle
    house.passes(INNOCENT)
    house.clock.move(-3600)
    house.passes(INNOCENT)
    house.clock.move(60)
    assert OWNER in sharing(house.passes(STOLEN))
