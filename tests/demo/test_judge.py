"""The judge of the demo: whatever goes astray is said, and nothing is said when all is well."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.demo.judge import Receipt, Ruling, Silence, astray, missed
from edge.values import Decision, Effect

OPT_OUT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BEFORE, AFTER = OPT_OUT - timedelta(seconds=5), OPT_OUT + timedelta(seconds=5)


def ruling(read_id: str, text: str, *allowed: str, replaces: str | None = None) -> Ruling:
    decisions = tuple(
        Decision(
            read_id=read_id,
            subscriber_id=agency,
            effect=Effect.SHARE if agency in allowed else Effect.WITHHOLD,
            channel=None,
            reasons=(),
            obligations=(),
            bundle_digest="0" * 64,
        )
        for agency in ("far", "owner")
    )
    return Ruling(read_id=read_id, text=text, decisions=decisions, replaces=replaces)


def receipt(read_id: str, text: str, at: datetime = BEFORE) -> Receipt:
    return Receipt(read_id=read_id, text=text, received_at=at)


def found(**changes: Any) -> list[str]:
    """What the judge says of a play in which all went well, but for `changes`."""
    play: dict[str, Any] = {
        "truth": ["AA11", "BB22"],
        "rulings": [ruling("r1", "AA11", "owner", "far"), ruling("r2", "BB22", "owner")],
        "received": {"owner": [receipt("r1", "AA11"), receipt("r2", "BB22", AFTER)], "far": [receipt("r1", "AA11")]},
        "called_back": set(),
        "silence": Silence(agency="far", since=OPT_OUT),
    }
    return astray(**{**play, **changes})


def test_nothing_is_said_when_all_is_well() -> None:
    assert found() == []


def test_a_read_that_was_corrected_is_no_misreading_and_a_withdrawal_holds_no_plate() -> None:
    rulings = [ruling("r0", "AA1I", "owner", "far"), ruling("r1", "AA11", "owner", "far", replaces="r0")]
    rulings.append(ruling("r2", "BB22", "owner"))
    received = {
        "owner": [receipt("r0", "AA1I"), receipt("r1", "AA11"), receipt("r2", "BB22", AFTER)],
        "far": [receipt("r0", "AA1I"), receipt("r1", "")],
    }
    assert found(rulings=rulings, received=received) == []
    received["far"].pop()
    assert found(rulings=rulings, received=received) == ["far was allowed the plate AA11 and does not hold it"]


def test_a_read_that_was_not_allowed_is_astray() -> None:
    received = {"owner": [receipt("r1", "AA11"), receipt("r2", "BB22")], "far": [receipt("r1", "AA11")]}
    received["far"].append(receipt("r2", "BB22"))
    assert found(received=received) == ["far holds the plate BB22, which it was not allowed"]


def test_a_read_that_nobody_made_is_astray() -> None:
    received = {"owner": [receipt("r1", "AA11"), receipt("r2", "BB22")], "far": [receipt("r1", "AA11")]}
    received["owner"].append(receipt("r3", "CC33"))
    assert found(received=received) == ["owner holds the plate CC33, which it was not allowed"]


def test_a_read_at_an_agency_nobody_knows_is_astray() -> None:
    received = {"owner": [receipt("r1", "AA11"), receipt("r2", "BB22")], "far": [receipt("r1", "AA11")]}
    assert found(received={**received, "stranger": [receipt("r1", "AA11")]}) == [
        "stranger holds the plate AA11, which it was not allowed"
    ]


def test_a_read_that_was_allowed_and_did_not_arrive_is_astray() -> None:
    received = {"owner": [receipt("r1", "AA11")], "far": [receipt("r1", "AA11")]}
    assert found(received=received) == ["owner was allowed the plate BB22 and does not hold it"]


def test_a_read_that_was_called_back_may_be_missing() -> None:
    received = {"owner": [receipt("r1", "AA11"), receipt("r2", "BB22")], "far": []}
    assert found(received=received, called_back={("far", "r1")}) == []


def test_a_read_that_arrived_after_the_opt_out_is_astray_even_if_it_was_allowed() -> None:
    received = {"owner": [receipt("r1", "AA11"), receipt("r2", "BB22")], "far": [receipt("r1", "AA11", AFTER)]}
    assert found(received=received) == ["far received the plate AA11 after the opt-out was in force"]


def test_an_opt_out_that_never_came_into_force_is_said() -> None:
    assert found(silence=None) == ["the opt-out never came into force"]


def test_an_opt_out_that_stops_nothing_is_said() -> None:
    rulings = [ruling("r1", "AA11", "owner"), ruling("r2", "BB22", "owner")]
    received = {"owner": [receipt("r1", "AA11"), receipt("r2", "BB22")], "far": []}
    said = found(rulings=rulings, received=received)
    assert said == ["nothing was shared before the opt-out, so the demo shows nothing"]


def test_a_plate_that_changed_on_the_way_is_astray() -> None:
    received = {"owner": [receipt("r1", "AA11"), receipt("r2", "XX99")], "far": [receipt("r1", "AA11")]}
    assert found(received=received) == ["owner holds the plate XX99, but BB22 was read"]


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        (["AA11", "BB22", "CC33", "DD44", "EE55"], "most plates that passed were not read"),
        (["AA11"], "the plate BB22 was read and never passed"),
    ],
)
def test_the_reads_are_held_against_what_passed(truth: list[str], said: str) -> None:
    assert found(truth=truth) == [said]


def test_a_plate_that_the_camera_missed_is_not_astray_but_known() -> None:
    truth = ["AA11", "BB22", "CC33"]
    assert found(truth=truth) == []
    assert missed(truth, [ruling("r1", "AA11"), ruling("r2", "BB22")]) == ["CC33"]


def test_a_plate_that_was_read_twice_is_said() -> None:
    rulings = [ruling("r1", "AA11", "owner", "far"), ruling("r2", "BB22", "owner"), ruling("r3", "BB22")]
    assert found(rulings=rulings) == ["the plate BB22 was read twice"]
