"""One day on the pole, for real: certificates, three agencies, two that try everything, and an opt-out at noon.

The day is lived once; each test then holds one fact of it against the files that it left.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge import desk
from edge.ledger.entries import Entry, Revoked, SelfTest, Start, Stop, Switch, Tightened
from edge.values import Decision
from tests.access.agency import REFUSED, Agency
from tests.broker import wait_until
from tests.daemon.pole import COUNTY, DEVICE, OWNER, PLATES, STOLEN, TEXAS, Pole, clip
from tests.site import running

pytestmark = [pytest.mark.needs("mosquitto"), pytest.mark.full]

STRANGER = "johnson-fork-so"
"""On the lookup without an agreement: in the registry, with a certificate, and never served."""
EVERYTHING = (
    "#",
    "+/+/+/+/+/+",
    "homerule/v1/+/to/+/read",
    f"homerule/v1/{DEVICE}/to/{OWNER}/read",
    f"homerule/v1/{DEVICE}/from/+/ack",
    "$share/squat/#",
    f"$share/squat/homerule/v1/{DEVICE}/to/{OWNER}/read",
    "$SYS/#",
    "$CONTROL/#",
)
TAMPERED = ("switched back in the file", "the old bundle put back", "a newer bundle that does not know of it")


@dataclass(kw_only=True)
class Day:
    """What the day left behind."""

    pole: Pole
    said: str = ""
    exit_code: int | None = None
    opted_out_at: datetime | None = None
    entries: list[Entry] = field(default_factory=list)
    decisions: dict[str, tuple[Decision, ...]] = field(default_factory=dict)
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    stolen: dict[str, list[bytes]] = field(default_factory=dict)
    lookup_after: dict[str, bool] = field(default_factory=dict)
    words_after: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Lives it."""
    folder = tmp_path_factory.mktemp("day")
    with running(folder / "site", OWNER, COUNTY, TEXAS, STRANGER) as site:
        pole = Pole(folder / "pole", site.port, site=site)
        pole.look_at(clip())
        try:
            yield lived(Day(pole=pole))
        finally:
            pole.close()


def lived(day: Day) -> Day:
    pole = day.pole
    agencies = {name: pole.receive(name) for name in (OWNER, COUNTY, TEXAS)}
    before = pole.keep_aside()
    daemon = pole.run()
    tries_everything(day, STRANGER)
    wait_until(lambda: len(pole.plates(TEXAS)) >= 2, what="two reads in Texas", within=40)
    opt_out(day)
    agencies[TEXAS].end()
    tries_everything(day, TEXAS)
    tampers(day, before)
    count = len(pole.plates(OWNER))
    wait_until(lambda: len(pole.plates(OWNER)) >= count + 3, what="three more reads at the owner", within=40)
    day.exit_code, day.said = daemon.end(), daemon.said
    day.entries, day.decisions = pole.entries(), pole.decisions()
    return day


def tries_everything(day: Day, name: str) -> None:
    """An agency with its own certificate that asks for all there is, and goes on listening."""
    agency = Agency(day.pole.site, name)
    assert agency.connect(clean=True) == 0
    day.codes[name] = {topic_filter: agency.subscribe(topic_filter) for topic_filter in EVERYTHING}
    day.stolen[name] = agency.received


def opt_out(day: Day) -> None:
    """The clerk turns the lookup off in the file, and it is in force when the device says so."""
    desk.opt_out(day.pole.policy, "national-lookup")
    wait_until(lambda: off(day), what="the opt-out is in force")
    day.opted_out_at = datetime.now(UTC)


def tampers(day: Day, before: Path) -> None:
    """Somebody tries to turn it on again without the city's consent, in three ways."""
    pole, mine = day.pole, day.pole.keep_aside()
    for name, act in zip(
        TAMPERED,
        (
            lambda: pole.switch("national_lookup", True),
            lambda: pole.lay(before),
            lambda: (pole.lay(before), pole.sign()),
        ),
        strict=True,
    ):
        act()
        day.words_after[name] = pole.take_up()
        day.lookup_after[name] = not off(day)
        if name != TAMPERED[-1]:
            pole.lay(mine)
            pole.take_up()


def off(day: Day) -> bool:
    """Whether the lookup is off, as the device says."""
    bundle = day.pole.status().bundle
    texas = next(each for each in day.pole.status().subscribers if each.id == TEXAS)
    return bundle is not None and "national-lookup" in bundle.opt_outs and texas.right == "none"


def test_it_ends_when_it_is_told_to(day: Day) -> None:
    assert day.exit_code == 0, day.said


def test_the_owner_holds_every_read(day: Day) -> None:
    # what was in view at the very end is recorded, and may still wait for the next start
    assert day.pole.held(OWNER) | day.pole.waiting(OWNER) == set(day.decisions)
    assert set(day.pole.plates(OWNER)) == set(PLATES)


def test_the_neighbour_holds_the_hits_and_nothing_else(day: Day) -> None:
    assert set(day.pole.plates(COUNTY)) == {STOLEN}


def test_each_holds_exactly_what_the_log_says_it_was_allowed(day: Day) -> None:
    for name in (OWNER, COUNTY, TEXAS):
        assert day.pole.held(name) | day.pole.waiting(name) == day.pole.allowed(name), name


def test_the_opted_out_agency_got_something_before_and_nothing_after(day: Day) -> None:
    received = [datetime.fromisoformat(line["receivedat"]) for line in day.pole.received(TEXAS)]
    assert received
    assert max(received) < day.opted_out_at


def test_others_went_on_receiving_after_the_opt_out(day: Day) -> None:
    received = [datetime.fromisoformat(line["receivedat"]) for line in day.pole.received(OWNER)]
    assert max(received) > day.opted_out_at


@pytest.mark.parametrize("name", [STRANGER, TEXAS])
def test_an_agency_without_a_right_is_refused_every_topic_and_gets_no_byte(day: Day, name: str) -> None:
    assert set(day.codes[name].values()) == {REFUSED}
    assert day.stolen[name] == []


@pytest.mark.parametrize("name", TAMPERED)
def test_nothing_but_the_citys_consent_turns_it_on_again(day: Day, name: str) -> None:
    assert day.lookup_after[name] is False, day.words_after[name]


def test_the_opt_out_is_in_the_log_with_every_step_of_taking_the_right_away(day: Day) -> None:
    assert any(isinstance(one, Tightened) for one in day.entries)
    assert ("national-lookup", "on", "off") in [
        (one.switch, one.before, one.after) for one in day.entries if isinstance(one, Switch)
    ]
    revoked = [dict(one.steps) for one in day.entries if isinstance(one, Revoked) and one.subscriber == TEXAS]
    assert revoked
    assert {"gate", "remove", "read-back", "drop"} <= set(revoked[0])


def test_the_log_begins_with_a_start_and_ends_with_a_stop(day: Day) -> None:
    assert [one.after for one in day.entries if isinstance(one, Start)] == ["first"]
    assert [one.why for one in day.entries if isinstance(one, Stop)] == ["terminated"]
    assert all(one.passed for one in day.entries if isinstance(one, SelfTest))


def test_the_log_verifies(day: Day) -> None:
    assert day.pole.verified().faults == ()


def test_no_plate_stands_in_what_was_said(day: Day) -> None:
    assert not [plate for plate in PLATES if plate in day.said]


def test_no_plate_stands_in_the_ledger(day: Day) -> None:
    written = b"".join(file.read_bytes() for file in day.pole.ledger.parent.iterdir())
    assert not [plate for plate in PLATES if plate.encode() in written]
