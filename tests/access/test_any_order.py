"""Grants, revocations, restarts, old files and strangers' commands in any order: nobody gets what it may not have.

The device publishes to everybody all the time, its gate open. What an agency receives must have been published since
its right was last given; a change that failed is followed by applying all rights again, as the daemon does.
"""

import random
from collections.abc import Callable

import pytest

from edge.delivery.access import MosquittoRights
from edge.delivery.address import Address
from edge.delivery.broker import Broker
from edge.delivery.dynsec import Dynsec
from edge.errors import BrokerError
from edge.keys import load_logins
from tests.access.agency import ENDED, REFUSED, Agency
from tests.broker import wait_until
from tests.site import NAMES, Site

STEPS = 40


class Town:
    """What should be, beside what is. `since` has the step at which each right was last given."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self.site, self.chance, self.step = site, chance, 0
        self.rights: MosquittoRights = site.rights()
        self.device: Broker = site.device()
        self.since: dict[str, int] = {}
        self.agencies = {name: Agency(site, name) for name in NAMES}
        self.judged = dict.fromkeys(NAMES, 0)
        self.backup = b""
        self.apply_until_done()

    def apply_until_done(self) -> None:
        """As the daemon does after anything failed, or the broker was away."""
        wait_until(self._applied, what="all rights are applied", within=20)
        wait_until(self.device.ready, what="the device is connected")

    def _applied(self) -> bool:
        try:
            before = self.rights.generation()
            self.rights.apply(self.site.grants(*self.since) if self.since else ())
            return before is not None and self.rights.generation() == before
        except BrokerError:
            return False

    def give(self) -> None:
        name = self.chance.choice(NAMES)
        if name not in self.since:
            self.rights.grant(self.site.grant(name))
            self.since[name] = self.step

    def take(self) -> None:
        name = self.chance.choice(NAMES)
        self.since.pop(name, None)
        self.rights.revoke(self.site.grant(name))

    def set_all(self) -> None:
        wanted = {name for name in NAMES if self.chance.random() < 0.5}
        self.since = {name: self.since.get(name, self.step) for name in wanted}
        self.apply_until_done()

    def fall(self) -> None:
        self.site.kill()
        if self.backup and self.chance.random() < 0.5:
            self.site.dynsec.write_bytes(self.backup)
        self.site.start()
        self.device.close()
        self.device = self.site.device()  # a line that was lost many times would rest for seconds
        self.apply_until_done()

    def keep_a_copy(self) -> None:
        self.backup = self.site.dynsec.read_bytes()

    def daemon_anew(self) -> None:
        self.rights.close()
        self.rights = self.site.rights()
        self.apply_until_done()

    def meddle(self) -> None:
        """Somebody with the control password gives one agency another's role; the daemon finds it and mends it."""
        name, password = load_logins(self.site.credential)[0]
        address = Address(
            host="127.0.0.1",
            port=self.site.control_port,
            protocol="5",
            client_id="meddler",
            username=name,
            password=password,
            tls=None,
        )
        meddler = Dynsec(address=address, clock=self.site.clock, within=2.0)
        victim, role = self.chance.sample(NAMES, 2)
        commands = [{"command": "addClientRole", "username": victim, "rolename": f"to/{role}"}]
        meddler.do(commands, unless=("Client not found", "Role not found", "Internal error"))
        meddler.close()
        self.apply_until_done()

    def come_and_go(self) -> None:
        agency = self.agencies[self.chance.choice(NAMES)]
        if agency.connected and self.chance.random() < 0.3:
            agency.vanish()
        elif not agency.connected:
            agency.connect()

    def publish_and_judge(self) -> None:
        """A message to everybody, and then every agency that is there is asked what it has."""
        for name in NAMES:
            self.device.send(self.site.topic(name), f"{self.step} {name}".encode(), seconds=30)
        for name, agency in self.agencies.items():
            if agency.connected:
                code = agency.subscribe(self.site.topic(name))
                assert code in ((1, ENDED) if name in self.since else (REFUSED, ENDED)), f"{name} at {self.step}"
            for payload in agency.received[self.judged[name] :]:
                at, whose = payload.decode().split()
                assert whose == name
                assert name in self.since, f"{name} received {at} at {self.step} without a right"
                assert int(at) >= self.since[name], f"{name} received {at}, its right is of {self.since[name]}"
            self.judged[name] = len(agency.received)


@pytest.mark.parametrize("seed", [pytest.param(n, marks=() if n < 2 else pytest.mark.full) for n in range(30)])
def test_nobody_gets_what_it_may_not_have(site: Site, seed: int) -> None:
    chance = random.Random(seed)
    town = Town(site, chance)
    moves: list[Callable[[], None]] = [town.give, town.take, town.set_all, town.fall, town.keep_a_copy]
    moves += [town.daemon_anew, town.meddle, town.give, town.take, *([town.come_and_go] * 8)]
    for town.step in range(1, STEPS):
        try:
            chance.choice(moves)()
        except BrokerError:
            town.apply_until_done()
        wait_until(town.device.ready, what="the device is connected")
        town.publish_and_judge()
    assert any(agency.received for agency in town.agencies.values()), "nobody received anything, this shows nothing"
