"""The bundle in force: a change and the end of the rows that it forbids are one transaction; nobody is told early."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from edge import desk
from edge.control import Control, Turned
from edge.errors import LedgerError, PolicyError
from edge.ledger.entries import BundleRefused, Dropped, Switch, Tightened
from edge.policy.bundle import Bundle
from tests.relay.house import COUNTY, OWNER, STOLEN, TEXAS, House

NOBODY_LISTENS = 9


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house", NOBODY_LISTENS)
    yield house
    house.close()


def in_control(house: House, settled: list[str]) -> Control:
    first = desk.load(house.policy, pin=house.folder / "city.key.pub")
    return Control(ledger=house.ledger, clock=house.clock, settle=settled.append, first=first)


def ask(house: House, in_force: Bundle) -> Turned:
    return desk.take_up(house.policy, in_force=in_force, pin=house.folder / "city.key.pub")


def waiting_for(house: House) -> set[str]:
    house.clock.move(1)
    return {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=99)}


def logged(house: House, kind: type) -> list:
    return [each.entry for each in house.ledger.entries() if isinstance(each.entry, kind)]


def test_an_opt_out_deletes_the_rows_of_those_whom_it_shuts_out_and_of_nobody_else(house: House) -> None:
    settled: list[str] = []
    control = in_control(house, settled)
    house.passes(STOLEN)
    assert waiting_for(house) >= {OWNER, COUNTY, TEXAS}
    desk.opt_out(house.policy, "national-lookup")
    control.take_up(lambda old: ask(house, old), by="file")
    left = waiting_for(house)
    assert OWNER in left
    assert COUNTY in left
    assert TEXAS not in left
    assert TEXAS in settled
    assert OWNER not in settled
    assert logged(house, Dropped)


def test_the_log_names_the_switch_and_both_its_sides(house: House) -> None:
    control = in_control(house, [])
    before = control.in_force().digest
    desk.opt_out(house.policy, "national-lookup")
    after = control.take_up(lambda old: ask(house, old), by="file").digest
    assert logged(house, Switch) == [Switch(switch="national-lookup", before="on", after="off", by="file")]
    assert logged(house, Tightened) == [Tightened(before=before, after=after, by="file")]


def test_the_change_is_on_disk_and_in_force_before_anybody_is_waited_for(house: House) -> None:
    seen: list[tuple[bool, bool]] = []

    def look(_: str) -> None:
        kept = house.ledger.bundle_in_force()
        off = not control.in_force().policy.sharing.national_lookup
        seen.append((off, kept is not None and sha256(kept[0].manifest).hexdigest() == control.in_force().digest))

    first = desk.load(house.policy, pin=house.folder / "city.key.pub")
    control = Control(ledger=house.ledger, clock=house.clock, settle=look, first=first)
    desk.opt_out(house.policy, "national-lookup")
    control.take_up(lambda old: ask(house, old), by="file")
    assert seen
    assert all(pair == (True, True) for pair in seen)


def test_an_unsigned_widening_is_refused_and_what_was_in_force_stays(house: House) -> None:
    settled: list[str] = []
    control = in_control(house, settled)
    desk.opt_out(house.policy, "national-lookup")
    narrow = control.take_up(lambda old: ask(house, old), by="file")
    settled.clear()
    desk.opt_in(house.policy, "national-lookup")
    with pytest.raises(PolicyError, match="without the change made here"):
        control.take_up(lambda old: ask(house, old), by="file")
    assert control.in_force() is narrow
    assert settled == []
    assert len(logged(house, BundleRefused)) == 1


def test_a_ledger_that_cannot_be_written_leaves_the_old_bundle_in_force(house: House) -> None:
    control = in_control(house, [])
    wide = control.in_force()
    desk.opt_out(house.policy, "national-lookup")
    house.ledger.close()
    with pytest.raises(LedgerError):
        control.take_up(lambda old: ask(house, old), by="file")
    assert control.in_force() is wide
    house.open()


def test_the_same_bundle_again_changes_nothing(house: House) -> None:
    control = in_control(house, [])
    size = house.ledger.checkpoint().size
    same = control.in_force()
    assert control.take_up(lambda old: ask(house, old), by="file") is same
    assert house.ledger.checkpoint().size == size
