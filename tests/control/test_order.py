"""Whatever happens in whatever order: what a subscriber gets after it was said to be in force that it may not.

Edits, lapses, faults in pairs, crashes at each step, restarts of device and broker. Nothing that was published before
the words "in force", and that the policy in force does not give, arrives after them; what it gives arrives in the end.
"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from edge.control.changes import losers
from edge.errors import HomeruleError, LedgerError
from edge.ledger.entries import Revoked, RightsApplied
from edge.policy.bundle import Bundle
from edge.policy.reach import best
from edge.values import Instant
from tests.control.world import ALL, LAPSES, Crash, Wish, World
from tests.policy.city import OWNER

names = st.sampled_from(ALL)
wishes = st.builds(
    Wish,
    national=st.booleans(),
    statewide=st.booleans(),
    suspended=st.booleans(),
    lapsing=st.booleans(),
    full=st.booleans(),
    purposes=st.sampled_from([("stolen_vehicle", "parking"), ("stolen_vehicle",)]),
    known=st.booleans(),
)


class Order(RuleBasedStateMachine):
    """`said` are the times it was said that all is in force: under which bundle, when, and after how many messages."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name) / "ledger.sqlite")
        self.said: list[tuple[Bundle, Instant, int]] = []
        self.revoked = 0
        self.in_order = False

    @rule(wish=wishes)
    def the_city_signs(self, wish: Wish) -> None:
        self.world.wish(wish)

    @rule(hold=st.booleans())
    def the_files_are_spoilt(self, hold: bool) -> None:
        self.world.desk.spoil(hold=hold)

    @rule()
    def the_files_are_put_back(self) -> None:
        self.world.desk.ask(self.world.desk.files)

    @rule()
    def the_clerk_waits_until_it_is_in_force(self) -> None:
        self._do(self._take_up)

    @rule(times=st.integers(1, 3))
    def the_device_looks(self, times: int) -> None:
        for _ in range(times):
            self._do(self._tick)

    @rule(seconds=st.sampled_from([0.2, 1.0, 2.5, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.passes(seconds)

    @precondition(lambda self: self.world.clock.at < LAPSES)
    @rule()
    def a_day_passes(self) -> None:
        self.world.passes(86_400)

    @rule(trusted=st.booleans())
    def the_clock_is_believed_or_not(self, trusted: bool) -> None:
        self.world.clock.trusted = trusted

    @rule(purposes=st.sampled_from([(), ("stolen_vehicle",), ("parking",)]))
    def a_vehicle_goes_by(self, purposes: tuple[str, ...]) -> None:
        self.world.read(*purposes)

    @rule(name=names)
    def a_subscriber_gets_what_is_there(self, name: str) -> None:
        for number, tags in self.world.broker.deliver(name):
            for bundle, now, after in self.said:
                if number <= after:
                    assert self.world.allowed(name, tags, bundle, now), f"{name} got {number}, said after {after}"

    @rule(up=st.booleans())
    def the_broker_goes_or_comes(self, up: bool) -> None:
        self.world.broker.is_up = up

    @rule()
    def the_broker_restarts_with_the_rights_of_an_old_backup(self) -> None:
        self.world.broker.restart()

    @rule()
    def the_control_connection_is_lost(self) -> None:
        self.world.rights._new_connection()

    @rule(survives=st.booleans())
    def the_control_connection_survives_what_fails(self, survives: bool) -> None:
        self.world.rights.survives = survives

    @rule(after=st.integers(1, 12), what=st.sampled_from(["failed", "lied", "crash"]))
    def something_will_go_wrong(self, after: int, what: str) -> None:
        self.world.steps.set(after, what)

    @rule()
    def the_power_fails(self) -> None:
        self.world.crash()

    @invariant()
    def nobody_but_the_owner_is_served_where_only_the_owner_may_be(self) -> None:
        control = self.world.control
        bundle = control.in_force() if control is not None else None
        if bundle is None or bundle.held:
            assert self.world.gates.opened <= ({OWNER} if bundle else set())

    def teardown(self) -> None:
        try:
            self._ends_well()
        finally:
            self.world.steps.clear()
            self.world.ledger.close()
            self.folder.cleanup()

    def _ends_well(self) -> None:
        """Nothing goes wrong any more: who may have a read gets it, and nobody else."""
        world = self.world
        world.steps.clear()
        world.broker.is_up = world.clock.trusted = True
        world.desk.ask(world.desk.files)
        world.calm()
        self._say()
        for name in ALL:
            self.a_subscriber_gets_what_is_there(name)
        tags = world.read("stolen_vehicle")
        bundle = world.control.in_force()
        for name in ALL:
            got = [each for _, each in world.broker.deliver(name)]
            assert got == ([tags] if world.allowed(name, tags, bundle, world.clock.now()) else [])

    def _do(self, act) -> None:
        try:
            act()
        except Crash:
            self.world.crash()

    def _tick(self) -> None:
        world = self.world
        try:
            world.control.tick()
        except LedgerError:
            assert world.gates.opened == set()
            return
        in_reach = set(world.broker.rights) if world.broker.is_up else set()
        assert world.gates.opened <= in_reach, "a gate is open without a right that was read back"
        if not world.clock.trusted:
            assert world.gates.opened <= {OWNER}
        self._only_who_may_hears_what_is_said_to_all(in_reach)

    def _only_who_may_hears_what_is_said_to_all(self, in_reach: set[str]) -> None:
        """Status and checkpoint have no gate of their own: they rest on this."""
        standing, bundle = self.world.control.standing(), self.world.control.in_force()
        if standing.clear and standing.held is None and standing.clock_trusted:
            now = Instant(at=self.world.clock.at, trusted=True)
            served = {name for name, one in best(bundle, now).items() if one} if bundle else set()
            assert in_reach <= served, "it is said that nobody holds a right that it lost"

    def _take_up(self) -> None:
        try:
            self.world.control.take_up("cli")
        except HomeruleError:
            return
        self._say()

    def _say(self) -> None:
        world = self.world
        bundle, now = world.control.in_force(), Instant(at=world.clock.at, trusted=True)
        revoked = world.entries(Revoked | RightsApplied)
        if self.said and world.clock.trusted:
            old, then, _ = self.said[-1]
            lost = losers(best(old, then), best(bundle, now))
            logged = revoked[self.revoked :]
            named = {one.subscriber for one in logged if isinstance(one, Revoked)}
            all_anew = any(isinstance(one, RightsApplied) for one in logged)
            assert all_anew or lost.keys() <= named, "a loss is not in the log"
        self.revoked = len(revoked)
        self.said.append((bundle, now, world.broker.published))


def test_nothing_arrives_after_in_force_and_what_is_allowed_arrives_in_the_end() -> None:
    _run(examples=40, steps=25)


@pytest.mark.full
def test_the_same_for_a_long_time() -> None:
    _run(examples=1500, steps=60)


def _run(*, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Order,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
