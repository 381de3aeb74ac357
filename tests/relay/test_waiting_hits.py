"""A hit that waits goes only while its list vouches for it; until the list is read it waits, in its order."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import tomlkit

from edge.desk.shelf import sign_list
from edge.keys import new_signing_key
from edge.ledger.entries import Pattern, Refused
from edge.policy.hotlists import NO_LISTS, gather
from edge.policy.reasons import Reason
from edge.values import Effect, Instant
from tests.broker import mosquitto, wait_until
from tests.relay.house import COUNTY, INNOCENT, NOW, OWNER, STOLEN, Agency, House, agency, house

__all__ = ["agency", "house", "mosquitto"]

LIST, PLATE = "hotlists/metro.toml", "QW12345"
LATER = NOW + timedelta(hours=10)


class Source:
    """The source of the list `metro`, which signs it itself; one entry, on PLATE."""

    def __init__(self, house: House) -> None:
        self.house, self.keys = house, {name: new_signing_key(house.folder / f"{name}.key") for name in ("one", "two")}
        self.send()
        named = {"id": "metro", "source_agency": "metro", "cap": 10, "max_age_hours": 6}
        house.edit("policy.toml", lambda table: table["hotlist"].append({**named, "source_key": self.public("one")}))
        house.take_up(signed=True)

    def public(self, name: str) -> str:
        return (self.house.folder / f"{name}.key.pub").read_text().strip()

    def send(self, *, at: datetime = NOW, **changes: object) -> None:
        entry = {"id": "e-1", "pattern": PLATE, "source_agency": "metro", "purpose": "stolen_vehicle"}
        written = tomlkit.dumps({"entry": [{**entry, "expires_at": NOW + timedelta(days=3), **changes}]})
        (self.house.policy / LIST).write_text(written)
        sign_list(self.house.policy / LIST, key=self.keys["one"], list_id="metro", now=at)

    def lose(self) -> None:
        (self.house.policy / f"{LIST}.sig").unlink()

    def rekey(self) -> None:
        def change(table) -> None:
            next(one for one in table["hotlist"] if one["id"] == "metro")["source_key"] = self.public("two")

        self.house.edit("policy.toml", change)
        self.house.take_up(signed=True)


@pytest.fixture
def source(house: House) -> Source:
    return Source(house)


def passes(house: House) -> set[str]:
    """A vehicle goes by that is looked for; those who are to be told."""
    decided = {one.subscriber_id for one in house.passes(PLATE).decisions if one.effect is Effect.SHARE}
    assert decided > {OWNER, COUNTY}
    return decided


def step(house: House) -> None:
    wait_until(house.broker.ready, what="the device is connected")
    house.look_for(house.bundle)
    house.relay.step()


def refused(house: House) -> dict[str, tuple[str, ...]]:
    """Who was refused at the door, each with the reasons, as the audit log tells it."""
    log = {one.position: one.entry for one in house.ledger.entries()}
    patterns = [log[one.pattern] for one in log.values() if isinstance(one, Refused)]
    return {name: why for one in patterns if isinstance(one, Pattern) for name, _, _, why, _ in one.outcomes}


def sent(house: House) -> set[str]:
    """Those to whom something is on its way."""
    rows = house.ledger.due(house.clock.at + timedelta(minutes=2), limit=99)
    return {row.envelope.subscriber_id for row in rows if row.sent_at is not None}


GONE: dict[str, Callable[[Source], object]] = {
    "without the entry": lambda source: source.send(id="e-2"),
    "with the entry on another plate": lambda source: source.send(pattern="QW12346"),
    "with the entry on more plates": lambda source: source.send(pattern="QW1234?"),
    "with the entry closed": lambda source: source.send(expires_at=NOW - timedelta(hours=1)),
    "with another purpose": lambda source: source.send(purpose="parking"),
    "with another agency's entry": lambda source: source.send(source_agency="elsewhere"),
    "with another case": lambda source: source.send(case="c-9"),
    "with another offence's state": lambda source: source.send(offence_state="US-WI"),
    "with another offence's grade": lambda source: source.send(offence_grade="felony"),
}


@pytest.mark.parametrize("change", GONE.values(), ids=GONE)
def test_a_hit_for_which_its_list_vouches_no_more_stays_and_is_recorded(
    house: House, source: Source, change: Callable[[Source], object]
) -> None:
    told = passes(house)
    change(source)
    step(house)
    assert refused(house) == dict.fromkeys(told, (Reason.DENY_HOTLIST_STALE.value,))
    assert sent(house) == set()


def test_that_an_entry_is_on_another_plate_is_seen_after_a_restart_too(house: House, source: Source) -> None:
    told = passes(house)
    house.close()
    source.send(pattern="QW12346")
    house.open()
    step(house)
    assert (set(refused(house)), sent(house)) == (told, set())


VOUCHED: dict[str, Callable[[Source], object]] = {
    "as it was": lambda source: None,
    "sent again": lambda source: source.send(at=NOW + timedelta(seconds=1)),
    "with the entry dated anew": lambda source: source.send(expires_at=NOW + timedelta(days=1)),
}


@pytest.mark.parametrize("change", VOUCHED.values(), ids=VOUCHED)
def test_a_hit_for_which_its_list_vouches_goes(
    house: House, source: Source, change: Callable[[Source], object]
) -> None:
    told = passes(house)
    change(source)
    step(house)
    assert (refused(house), sent(house)) == ({}, told)


DOUBTED: dict[str, Callable[[Source], object]] = {
    "without its signature": Source.lose,
    "of a key that the city has replaced": Source.rekey,
    "grown old": lambda source: source.house.clock.move((LATER - NOW).total_seconds()),
}


@pytest.mark.parametrize("change", DOUBTED.values(), ids=DOUBTED)
def test_a_hit_on_a_list_that_counts_as_none_stays_but_its_owner_gets_the_read(
    house: House, source: Source, change: Callable[[Source], object]
) -> None:
    told = passes(house)
    change(source)
    step(house)
    assert refused(house) == dict.fromkeys(told - {OWNER}, (Reason.DENY_HOTLIST_STALE.value,))
    assert sent(house) == {OWNER}


def test_a_hit_waits_until_its_list_is_read_and_what_follows_it_too(
    house: House, source: Source, agency: Callable[[str], Agency]
) -> None:
    owner, county = agency(OWNER), agency(COUNTY)
    for plate in (STOLEN, PLATE, INNOCENT, STOLEN):
        house.passes(plate)
    whole = house.lists
    house.lists = gather(one for one in whole.lists if one.id != "metro")
    first = lambda: (owner.plates(), county.plates()) == ([STOLEN], [STOLEN])  # noqa: E731
    house.step_until(first, owner, county, what="what was before it has come")
    for _ in range(20):
        house.clock.move(0.5)
        house.relay.step(patience=0.01)
    assert (refused(house), sent(house) & {OWNER, COUNTY}) == ({}, set())
    house.lists = whole
    done = lambda: len(owner.plates()) == 4 and len(county.plates()) == 3  # noqa: E731
    house.step_until(done, owner, county, what="all of it has come")
    assert owner.plates() == [STOLEN, PLATE, INNOCENT, STOLEN]
    assert county.plates() == [STOLEN, PLATE, STOLEN]


def test_what_may_not_go_at_all_is_refused_though_its_list_is_not_read_yet(house: House, source: Source) -> None:
    told = passes(house) | passes(house)
    house.agency(COUNTY, suspended=True)
    house.take_up()
    house.lists = NO_LISTS
    rights = Instant(at=house.clock.move(10), trusted=True)
    house.relay.decide_again(COUNTY, house.bundle, house.lists, rights, counted=rights.at)
    assert set(refused(house)) == {COUNTY}
    assert {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=99)} == told - {COUNTY}
