"""A correction on its way: after its original, to whom that was sent, and to nobody else; a real Mosquitto between."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import desk, keys
from edge.delivery.wire import Kind
from edge.ledger.entries import Pattern, Refused
from edge.pipeline import Outcome
from tests.broker import mosquitto
from tests.relay.house import COUNTY, OWNER, STOLEN, TEXAS, Agency, House, agency, house
from tests.test_corrections import MISREAD, correction, hand_on
from tests.test_pipeline import opted_out

__all__ = ["agency", "house", "mosquitto"]


def corrected(house: House, first: Outcome, text: str = MISREAD) -> Outcome:
    """The same vehicle, read better."""
    (outcome,) = hand_on(house, correction(house, first, text))
    return outcome


def kinds(agency: Agency) -> list[str]:
    return [line["type"] for line in agency.lines()]


def replaced(agency: Agency) -> list[tuple[str | None, bool | None]]:
    """What each message says that it replaces, and whether that was there already."""
    return [(line.get("replacesid"), line.get("replacesheld")) for line in agency.lines()]


def refusals(house: House, name: str) -> list[tuple[str, ...]]:
    """The reasons for which an agency's messages were refused at the door."""
    patterns = {one.position: one.entry for one in house.ledger.entries() if isinstance(one.entry, Pattern)}
    refused = [one.entry for one in house.ledger.entries() if isinstance(one.entry, Refused)]
    outcomes = [outcome for each in refused for outcome in patterns[each.pattern].outcomes]
    return [reasons for subscriber_id, _, _, reasons, _ in outcomes if subscriber_id == name]


def test_who_had_the_read_gets_its_correction_and_who_had_a_hit_its_withdrawal(
    house: House, agency: Callable[[str], Agency]
) -> None:
    owner, county = agency(OWNER), agency(COUNTY)
    first = house.passes(STOLEN)
    house.step_until(lambda: owner.lines() and county.lines(), owner, county, what="both have the read")
    corrected(house, first)
    house.step_until(lambda: len(owner.lines() + county.lines()) == 4, owner, county, what="both have the second")
    assert kinds(owner) == [Kind.READ, Kind.CORRECTION]
    assert kinds(county) == [Kind.READ, Kind.WITHDRAWAL]
    original = first.tagged.read.read_id
    assert replaced(county)[1] == (f"{original}.{COUNTY}", True)
    assert MISREAD not in county.out.read_text()


def test_a_correction_never_overtakes_its_original(house: House, agency: Callable[[str], Agency]) -> None:
    reads = [house.passes(STOLEN) for _ in range(20)]
    for first in reads:
        corrected(house, first)
    county = agency(COUNTY)
    house.step_until(lambda: len(county.lines()) == 40, county, what="all have come")
    assert kinds(county) == [Kind.READ] * 20 + [Kind.WITHDRAWAL] * 20
    assert all(held for _, held in replaced(county)[20:])


def test_a_correction_follows_an_original_that_was_acknowledged_before_a_restart(
    house: House, agency: Callable[[str], Agency]
) -> None:
    county = agency(COUNTY)
    first = house.passes(STOLEN)
    house.step_until(lambda: not waiting(house, COUNTY), county, what="the read is acknowledged")
    corrected(house, first)
    house.close()
    house.open()
    house.step_until(lambda: len(county.lines()) == 2, county, what="the withdrawal has come")
    assert kinds(county) == [Kind.READ, Kind.WITHDRAWAL]


def test_a_correction_follows_an_original_that_was_sent_and_never_acknowledged(
    house: House, agency: Callable[[str], Agency]
) -> None:
    first = house.passes(STOLEN)
    house.relay.step()  # nobody listens, and it counts as received from here on
    corrected(house, first)
    texas = agency(TEXAS)
    house.step_until(lambda: len(texas.lines()) == 2, texas, what="both have come")
    assert kinds(texas) == [Kind.READ, Kind.WITHDRAWAL]


def test_whom_the_original_was_refused_at_the_door_is_refused_its_correction_after_a_new_grant(
    house: House, agency: Callable[[str], Agency]
) -> None:
    owner, texas = agency(OWNER), agency(TEXAS)
    first = house.passes(STOLEN)
    opted_out(house)
    house.relay.step()
    desk.opt_in(house.policy, "national-lookup")
    house.take_up(signed=True)
    corrected(house, first)
    house.step_until(lambda: len(owner.lines()) == 2, owner, texas, what="the owner has both")
    house.step_until(lambda: not waiting(house, TEXAS), owner, texas, what="nothing waits for the other")
    assert texas.lines() == []
    assert refusals(house, TEXAS)[1:] == [("deny_correction",)]


def test_an_original_that_is_refused_takes_its_correction_along_in_the_same_step(
    house: House, agency: Callable[[str], Agency]
) -> None:
    county = agency(COUNTY)
    house.passes(STOLEN)  # after this one they no longer go one by one
    house.step_until(lambda: not waiting(house, COUNTY), county, what="it listens")
    first = house.passes(STOLEN)
    house.agency(COUNTY, sealing_key=keys.public_text(X25519PrivateKey.generate()))
    house.take_up(signed=True)
    corrected(house, first)  # sealed to the new key, and could go by itself
    house.relay.step()
    assert waiting(house, COUNTY) == []
    assert len(county.lines()) == 1
    assert refusals(house, COUNTY) == [("deny_payload_key",), ("deny_correction",)]


def test_an_opt_out_between_a_read_and_its_withdrawal_ends_it_there(
    house: House, agency: Callable[[str], Agency]
) -> None:
    owner, texas = agency(OWNER), agency(TEXAS)
    first = house.passes(STOLEN)
    house.step_until(lambda: owner.lines() and texas.lines(), owner, texas, what="both have the read")
    corrected(house, first)
    opted_out(house)
    house.step_until(lambda: len(owner.lines()) == 2, owner, texas, what="the owner has the correction")
    house.step_until(lambda: not waiting(house, TEXAS), owner, texas, what="nothing waits for the other")
    assert kinds(texas) == [Kind.READ]


def test_a_hit_that_moves_to_another_vehicle_of_the_list_is_corrected_with_its_plate(
    house: House, agency: Callable[[str], Agency]
) -> None:
    county = agency(COUNTY)
    first = house.passes(STOLEN)
    corrected(house, first, STOLEN)
    house.step_until(lambda: len(county.lines()) == 2, county, what="both have come")
    assert kinds(county) == [Kind.READ, Kind.CORRECTION]
    assert county.plates() == [STOLEN, STOLEN]


def waiting(house: House, name: str) -> list[str]:
    house.clock.move(0.5)
    found = house.ledger.due(house.clock.at, limit=999, turn=lambda _: (-1, 999))
    return [row.envelope.message_id for row in found if row.envelope.subscriber_id == name]
