"""What is in force: a change and the end of the rows that it forbids are one transaction; nobody is told early."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from edge.desk import Refused
from edge.errors import BrokerError, LedgerError, PolicyError
from edge.ledger.entries import (
    BundleRefused,
    Dropped,
    Granted,
    Held,
    HoldEnded,
    RevocationFailed,
    Revoked,
    SubscriberChanged,
    Switch,
)
from tests.control.world import ALL, FEED, NEIGHBOUR, TEXAN, Wish, World, names, open_gates
from tests.ledger.builders import decide, seal, tagged_read
from tests.policy.city import NOW, OWNER


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "ledger.sqlite")
    yield world
    world.steps.clear()
    world.ledger.close()


@pytest.fixture
def served(world: World) -> World:
    """A world in which everybody is served."""
    world.control.tick()
    assert open_gates(world) == set(ALL)
    return world


def test_no_gate_is_open_before_the_rights_were_applied(world: World) -> None:
    assert open_gates(world) == set()
    world.broker.is_up = False
    world.control.tick()
    assert open_gates(world) == set()
    world.broker.is_up = True
    world.passes(1)
    world.control.tick()
    assert open_gates(world) == set(ALL)
    assert set(world.broker.rights) == set(ALL)


def test_nothing_is_said_to_all_while_somebody_may_hold_a_right_that_it_lost(world: World) -> None:
    assert not world.control.standing().clear
    world.control.tick()
    assert world.control.standing().clear
    world.wish(Wish(national=False))
    world.rights.always = "failed"
    with pytest.raises(BrokerError):
        world.take_up()
    assert not world.control.standing().clear
    world.rights.always = None
    world.passes(1)
    world.control.tick()
    assert world.control.standing().clear
    world.clock.at = NOW + timedelta(days=31)
    world.control._follow()
    assert not world.control.standing().clear
    world.control.tick()
    assert (world.control.standing().clear, set(world.broker.rights)) == (True, {OWNER})


def test_nothing_is_said_to_all_while_the_ledger_fails_for_then_nobody_looks_at_the_broker(served: World) -> None:
    for step in ("stands", "lied"):
        served.wish(Wish(national=False))
        served.steps.set(1, step)
        with suppress(LedgerError):
            served.take_up()
    served.broker.restart()
    served.control.tick()
    assert (TEXAN in served.broker.rights, served.control.standing().clear) == (True, False)
    served.passes(2)
    served.control.tick()
    assert (TEXAN in served.broker.rights, served.control.standing().clear) == (False, True)


def test_an_opt_out_takes_the_gate_and_the_right_and_leaves_the_others_alone(served: World) -> None:
    served.read("stolen_vehicle")
    served.wish(Wish(national=False))
    standing = served.control.take_up("cli")
    assert open_gates(served) == {OWNER, NEIGHBOUR, FEED}
    assert set(served.broker.rights) == {OWNER, NEIGHBOUR, FEED}
    assert names(served.entries(Revoked)) == [TEXAN]
    assert served.entries(Switch) == [Switch(switch="national-lookup", before="on", after="off", by="cli")]
    assert served.broker.waiting[NEIGHBOUR], "its session was not touched"
    assert not standing.alarms
    assert "national-lookup" in standing.bundle.opt_outs


def test_each_step_of_a_revocation_is_timed_in_the_log(served: World) -> None:
    served.wish(Wish(national=False))
    served.take_up()
    (revoked,) = served.entries(Revoked)
    assert [step for step, _ in revoked.steps] == ["gate", "removed", "dropped"]


def test_who_loses_a_part_gets_nothing_that_waited_and_the_rest_from_then_on(served: World) -> None:
    served.read()
    assert len(served.broker.waiting[FEED]) == 1, "every read, for it has the full feed"
    served.wish(Wish(full=False))
    served.take_up()
    assert served.broker.deliver(FEED) == []
    served.read()
    served.read("stolen_vehicle")
    assert len(served.broker.deliver(FEED)) == 1
    assert names(served.entries(Granted)) == [FEED]


def recorded(world: World, *subscribers: str) -> None:
    """Records a read for these."""
    read_id = world.clock.new_id()
    tagged, decided = tagged_read(read_id, at=NOW), decide(read_id, ALL, subscribers, world.desk.files)
    world.ledger.record(tagged, decided, [seal(read_id, name, at=NOW) for name in subscribers])


def opted_out_after_a_read(world: World, *subscribers: str) -> None:
    """Records a read for these, and then the city opts out of National Lookup."""
    recorded(world, *subscribers)
    world.wish(Wish(national=False))
    world.take_up()


def test_the_rows_of_those_who_lose_everything_end_with_the_change_and_the_others_wait_on(served: World) -> None:
    opted_out_after_a_read(served, NEIGHBOUR, TEXAN)
    assert served.ledger.waiting() == 1
    (dropped,) = served.entries(Dropped)
    assert dropped.reasons == ("deny_optout_national_lookup",)


def test_a_shorter_retention_counts_for_what_waits_for_the_owner_too(served: World) -> None:
    recorded(served, OWNER, NEIGHBOUR)
    served.wish(Wish(kept=0.05))
    served.take_up()
    assert served.ledger.waiting() == 2
    assert served.ledger.expire(NOW + timedelta(minutes=3)) == 2


def test_a_right_that_is_given_back_brings_nothing_old(served: World) -> None:
    served.read("stolen_vehicle")
    served.wish(Wish(national=False))
    served.take_up()
    served.wish(Wish())
    served.take_up()
    assert open_gates(served) == set(ALL)
    assert served.broker.deliver(TEXAN) == []
    assert served.broker.deliver(NEIGHBOUR) != []


def test_an_agreement_that_ends_is_revoked_like_one_taken_away(served: World) -> None:
    served.wish(Wish(lapsing=True))
    served.take_up()
    assert TEXAN in open_gates(served)
    before = len(served.entries(Revoked))
    served.clock.at = NOW.replace(hour=0) + timedelta(days=1)
    served.control.tick()
    assert TEXAN not in open_gates(served)
    assert TEXAN not in served.broker.rights
    assert names(served.entries(Revoked)[before:]) == [TEXAN]
    assert served.entries(SubscriberChanged)[-1] == SubscriberChanged(subscriber=TEXAN, change="lapsed", by="time")


def test_the_rows_of_a_right_that_ended_while_the_device_was_off_are_deleted_at_its_start(served: World) -> None:
    served.wish(Wish(lapsing=True))
    served.take_up()
    recorded(served, NEIGHBOUR, TEXAN)
    served.clock.at = NOW.replace(hour=0) + timedelta(days=1)
    served.crash()
    assert served.ledger.waiting() == 1
    assert len(served.entries(Dropped)) == 1


def test_a_right_that_ended_and_was_renewed_while_the_device_was_off_brings_nothing_old(served: World) -> None:
    served.wish(Wish(lapsing=True))
    served.take_up()
    recorded(served, NEIGHBOUR, TEXAN)
    served.clock.at = NOW.replace(hour=0) + timedelta(days=1)
    served.wish(Wish())
    served.crash()
    served.take_up()
    assert TEXAN in open_gates(served)
    assert served.ledger.waiting() == 1


def test_before_anybody_is_given_more_its_rows_are_decided_under_what_stood_until_then(served: World) -> None:
    served.passes(1)
    counted = served.clock.at
    served.wish(Wish(national=False, full=False))
    served.take_up()
    assert served.gates.asked == []
    served.passes(1)
    served.wish(Wish(lapsing=True))
    served.take_up()
    assert served.gates.asked == [(name, 2, served.clock.at, counted) for name in (FEED, TEXAN)]


def test_what_time_gives_back_is_decided_as_it_stood_before_that(served: World) -> None:
    served.wish(Wish(lapsing=True))
    served.take_up()
    served.gates.asked.clear()
    served.clock.at = lapsed = NOW.replace(hour=0) + timedelta(days=1)
    served.control.tick()
    assert served.gates.asked == []
    served.clock.at = NOW
    served.control.tick()
    assert served.gates.asked == [(TEXAN, 2, lapsed, lapsed)]
    served.clock.at, served.clock.trusted = lapsed, False
    served.crash()
    served.clock.at, served.clock.trusted = NOW, True
    served.control.tick()
    assert served.gates.asked == [], "a clock that was in doubt takes nothing away"


def test_a_doubtful_clock_deletes_nothing_at_the_start(served: World) -> None:
    served.wish(Wish(lapsing=True))
    served.take_up()
    recorded(served, TEXAN)
    served.clock.at = NOW.replace(hour=0) + timedelta(days=1)
    served.clock.trusted = False
    served.crash()
    assert served.ledger.waiting() == 1
    served.clock.trusted = True
    served.control.tick()
    assert served.ledger.waiting() == 0


def test_the_end_of_the_policy_leaves_the_owner_alone_and_is_an_alarm(served: World) -> None:
    served.clock.at = NOW + timedelta(days=31)
    served.control.tick()
    assert open_gates(served) == {OWNER}
    assert set(served.broker.rights) == {OWNER}
    assert [one.what for one in served.control.standing().alarms] == ["valid-until"]


def test_a_policy_signed_ahead_of_the_clock_serves_the_owner_alone_until_then_and_is_an_alarm(served: World) -> None:
    served.wish(Wish(signed_at=NOW + timedelta(hours=1)))
    served.take_up()
    assert open_gates(served) == {OWNER}
    assert set(served.broker.rights) == {OWNER}
    assert [one.what for one in served.control.standing().alarms] == ["signed-at"]
    served.clock.at = NOW + timedelta(hours=1)
    served.control.tick()
    assert open_gates(served) == set(served.broker.rights) == set(ALL)
    assert served.control.standing().alarms == ()


GATE, COMMIT, FLOOR, REMOVE, DROP = range(1, 6)
"""The steps of an opt-out that one subscriber loses by."""


@pytest.mark.parametrize("what", ["failed", "lied"])
@pytest.mark.parametrize("step", [REMOVE, DROP])
def test_a_revocation_that_fails_once_is_in_the_log_and_is_tried_again_at_once(
    served: World, what: str, step: int
) -> None:
    served.wish(Wish(national=False))
    served.steps.set(step, what)
    served.take_up()
    assert names(served.entries(RevocationFailed)) == names(served.entries(Revoked)) == [TEXAN]
    assert TEXAN not in served.broker.rights
    assert open_gates(served) == {OWNER, NEIGHBOUR, FEED}
    assert not served.control.standing().alarms


@pytest.mark.parametrize("what", ["failed", "lied"])
def test_a_revocation_that_keeps_failing_leaves_the_gate_shut_and_is_not_called_in_force(
    served: World, what: str
) -> None:
    served.wish(Wish(national=False))
    served.rights.always = what
    with pytest.raises(BrokerError):
        served.take_up()
    assert TEXAN not in open_gates(served)
    assert served.control.in_force().policy.sharing.national_lookup is False
    served.control.tick()
    assert served.control.standing().alarms
    served.rights.always = None
    served.passes(1)
    served.control.tick()
    assert TEXAN not in served.broker.rights
    assert names(served.entries(Revoked)) == [TEXAN]
    assert open_gates(served) == {OWNER, NEIGHBOUR, FEED}
    served.control.tick()
    assert not served.control.standing().alarms


@pytest.mark.parametrize("what", ["failed", "lied"])
def test_who_loses_a_part_stays_shut_until_the_broker_confirms_and_keeps_nobody_else(served: World, what: str) -> None:
    served.rights.survives, served.rights.always = True, what
    served.wish(Wish(full=False))
    with pytest.raises(BrokerError, match=FEED):
        served.take_up()
    assert open_gates(served) == {OWNER, NEIGHBOUR, TEXAN}
    assert [one.what for one in served.control.standing().alarms] == [f"right:{FEED}"]
    served.rights.always = None
    served.passes(1)
    served.control.tick()
    assert open_gates(served) == set(ALL)


def test_a_broker_that_is_away_keeps_the_opt_out_from_being_called_in_force(served: World) -> None:
    served.broker.is_up = False
    served.wish(Wish(national=False))
    with pytest.raises(BrokerError, match="away"):
        served.take_up()
    assert open_gates(served) == set()
    served.control.tick()
    assert [one.what for one in served.control.standing().alarms] == ["broker-rights"]
    served.broker.restart()
    served.passes(1)
    served.control.tick()
    assert set(served.broker.rights) == {OWNER, NEIGHBOUR, FEED}
    assert names(served.entries(Revoked)) == [TEXAN]


def test_after_a_broker_restart_rights_of_an_old_backup_are_gone_before_a_gate_opens(served: World) -> None:
    served.wish(Wish(national=False))
    served.take_up()
    served.broker.restart()
    assert TEXAN in served.broker.rights
    served.steps.set(4, "failed")  # after the three gates
    served.control.tick()
    assert open_gates(served) == set()
    served.passes(1)
    served.control.tick()
    assert TEXAN not in served.broker.rights
    assert open_gates(served) == {OWNER, NEIGHBOUR, FEED}


def test_files_that_cannot_be_read_shut_all_gates_but_the_owners_at_once_and_rights_two_seconds_later(
    served: World,
) -> None:
    served.desk.spoil(hold=True)
    with pytest.raises(Refused):
        served.take_up()
    assert open_gates(served) == {OWNER}
    assert served.control.in_force().held
    assert set(served.broker.rights) == set(ALL)
    served.passes(1.9)
    served.control.tick()
    assert set(served.broker.rights) == set(ALL)
    served.passes(0.2)
    served.control.tick()
    assert set(served.broker.rights) == {OWNER}
    assert len(served.entries(Held)) == len(served.entries(BundleRefused)) == 1
    assert served.control.standing().held


def test_files_that_somebody_is_still_writing_shut_the_gates_and_make_no_noise(served: World) -> None:
    served.desk.spoil(hold=True)
    served.control.tick()
    assert open_gates(served) == {OWNER}
    served.passes(0.1)
    served.wish(Wish())
    served.control.tick()
    assert open_gates(served) == set(ALL)
    assert served.entries(Held) == served.entries(HoldEnded) == served.entries(BundleRefused) == []


def test_a_hold_ends_with_the_files_that_were_in_force(served: World) -> None:
    served.desk.spoil(hold=True)
    served.control.tick()
    served.passes(5)
    served.control.tick()
    served.desk.ask(Wish().files(1))
    served.control.tick()
    assert open_gates(served) == set(ALL)
    assert len(served.entries(HoldEnded)) == 1
    assert not served.control.in_force().held
    assert not served.control.standing().alarms


def test_a_hold_after_which_nothing_was_in_force_ends_in_the_log_too_and_the_next_is_another(served: World) -> None:
    served.desk.spoil(hold=True)
    with pytest.raises(Refused):
        served.take_up()
    served.desk.refused, served.desk.news = Refused("no pin", why="pin", hold=True), True
    with pytest.raises(Refused):
        served.take_up()
    assert open_gates(served) == set()
    served.desk.ask(Wish().files(1))
    served.take_up()
    assert open_gates(served) == set(ALL)
    served.desk.spoil(hold=True)
    with pytest.raises(Refused):
        served.take_up()
    assert (len(served.entries(Held)), len(served.entries(HoldEnded))) == (2, 1)


def test_on_hold_rows_stay_and_an_accepted_opt_out_ends_them(served: World) -> None:
    served.desk.spoil(hold=True)
    served.control.tick()
    served.passes(5)
    served.control.tick()
    served.wish(Wish(national=False))
    served.control.tick()
    assert open_gates(served) == {OWNER, NEIGHBOUR, FEED}
    assert set(served.broker.rights) == {OWNER, NEIGHBOUR, FEED}


def test_a_refused_file_that_asks_for_nothing_narrower_leaves_all_as_it_is(served: World) -> None:
    served.desk.spoil(hold=False)
    with pytest.raises(PolicyError):
        served.take_up()
    assert open_gates(served) == set(ALL)
    assert [one.what for one in served.control.standing().alarms] == ["policy"]


def test_a_clock_that_is_not_trusted_shuts_all_but_the_owner(served: World) -> None:
    served.clock.trusted = False
    served.control.tick()
    assert open_gates(served) == {OWNER}
    served.passes(3)
    served.control.tick()
    assert set(served.broker.rights) == {OWNER}
    served.clock.trusted = True
    served.control.tick()
    assert open_gates(served) == set(ALL)


@pytest.mark.parametrize("what", ["failed", "lied"])
def test_a_ledger_that_fails_shuts_everything_and_then_says_what_is_in_force(served: World, what: str) -> None:
    served.wish(Wish(national=False))
    served.steps.set(COMMIT, what)
    with pytest.raises(LedgerError):
        served.take_up()
    assert open_gates(served) == set()
    served.desk.ask(Wish().files(1))  # and meanwhile the old files are put back
    served.passes(2)
    served.control.tick()
    assert served.control.in_force().policy.sharing.national_lookup is (what == "failed")
    assert (TEXAN in open_gates(served)) is (what == "failed")
    assert (TEXAN in served.broker.rights) is (what == "failed")


def test_nobody_is_served_while_the_desk_forbids_it(tmp_path: Path) -> None:
    world = World(tmp_path / "ledger.sqlite")
    world.control.tick()
    world.desk.forbids = PolicyError("pin: is missing")
    world.crash()
    world.control.tick()
    assert world.control.in_force() is None
    assert open_gates(world) == set()
    assert world.broker.rights == {}
    world.desk.forbids = None
    world.passes(2)
    world.control.tick()
    assert open_gates(world) == set(ALL)
    world.ledger.close()


def test_not_even_the_owner_is_served_while_the_pin_is_missing(served: World) -> None:
    served.desk.forbids = Refused("city.pub: is not pinned, put it there", why="pin", hold=True)
    served.desk.news = True
    served.control.tick()
    assert served.control.in_force() is None
    assert open_gates(served) == set()
    served.desk.forbids = None
    served.passes(2)
    served.control.tick()
    assert open_gates(served) == set(ALL)


OLDER = Refused("floor: an older copy of the audit log was put back, put the newest back", why="floor", hold=True)


def test_an_older_audit_log_that_the_floor_shows_while_the_device_runs_shuts_everything(served: World) -> None:
    served.desk.unkept = served.desk.forbids = OLDER
    served.passes(59)
    served.control.tick()
    assert open_gates(served) == set(ALL)
    served.passes(2)
    served.control.tick()
    for _ in range(3):
        assert served.control.in_force() is None
        assert (open_gates(served), served.broker.rights) == (set(), {})
        assert [(one.what, one.said) for one in served.control.standing().alarms] == [("policy", str(OLDER))]
        served.passes(61)
        served.control.tick()
    assert [one.why for one in served.entries(BundleRefused)] == ["floor"]
    served.desk.unkept = served.desk.forbids = None
    served.passes(2)
    served.control.tick()
    assert open_gates(served) == set(ALL)


def test_a_bundle_is_not_called_in_force_where_the_floor_shows_an_older_audit_log(served: World) -> None:
    served.desk.unkept = OLDER
    served.wish(Wish(national=False))
    with pytest.raises(Refused, match="an older copy"):
        served.take_up()
    assert served.control.in_force() is None
    assert open_gates(served) == set()
    assert [one.what for one in served.control.standing().alarms] == ["policy"]


def test_a_floor_that_cannot_be_written_is_an_alarm_and_shuts_nobody_out(served: World) -> None:
    served.desk.unkept = PolicyError("floor: the floor file cannot be written")
    served.passes(61)
    served.control.tick()
    assert open_gates(served) == set(ALL)
    assert [one.what for one in served.control.standing().alarms] == ["floor"]


def test_who_may_not_tighten_brings_only_what_is_signed_anew(served: World) -> None:
    served.desk.ask(Wish(national=False).files(1))
    served.desk.take_up = lambda in_force, ledger_id: _edited(served)
    with pytest.raises(PolicyError, match="homerule-clerk"):
        served.control.take_up("socket", may_tighten=False)
    assert TEXAN in open_gates(served)
    served.control.take_up("socket")
    assert TEXAN not in open_gates(served)


def _edited(world: World):
    from edge.policy import bundle as bundles

    return world.desk.files, bundles.parse(world.desk.files, signed=True, revision=1)


def test_a_bundle_that_this_device_cannot_use_is_held_against(served: World) -> None:
    served.control._wishes._unfit = lambda bundle: (
        None if bundle.version == 1 else "the law forbids an unattended reader here"
    )
    served.wish(Wish())
    with pytest.raises(PolicyError, match="unattended"):
        served.take_up()
    assert open_gates(served) == {OWNER}
    assert served.control.in_force().version == 1


def test_the_same_files_again_change_nothing(served: World) -> None:
    size = served.ledger.size
    served.control.take_up("cli")
    assert served.ledger.size == size
