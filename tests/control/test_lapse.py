"""What happens by time alone at a real broker: when the policy has run out, only the owner hears even how it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.control.word import word_of
from edge.delivery.broker import Broker
from edge.delivery.topics import notice_filters
from edge.delivery.wire import StatusWord, parse
from edge.relay.notices import Notices
from edge.values import Instant
from tests.broker import wait_until
from tests.control.town import NEIGHBOUR, Town
from tests.policy.city import OWNER
from tests.site import running

FAR = "far-so"
pytestmark = pytest.mark.needs("mosquitto")


@dataclass
class Calendar:
    """The real clock, some days ahead."""

    ahead: timedelta = timedelta()
    real: SystemClock = field(default_factory=lambda: SystemClock(trusted=True))

    def now(self) -> Instant:
        return Instant(at=self.real.now().at + self.ahead, trusted=True)

    def new_id(self) -> str:
        return self.real.new_id()


class Telling(Town):
    """A town whose device says how it stands."""

    def start(self) -> None:
        self.clock = Calendar()
        self._notices: Notices | None = None
        super().start()
        self._notices = Notices(
            broker=self.line,
            clock=self.clock,
            device_id=self.site.device_id,
            test=False,
            standing=lambda: word_of(self.status()),
            checkpoint=self.ledger.latest_checkpoint,
            may_tell=lambda: self.control.standing().clear,
        )

    def _relaying(self) -> None:
        super()._relaying()
        if self._notices is not None:
            self._notices.step()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Telling]:
    with running(tmp_path / "site", OWNER, NEIGHBOUR, FAR) as site:
        made = Telling(tmp_path / "town", site, [FAR])
        made.start()
        try:
            made.serves(OWNER, NEIGHBOUR, FAR)
            yield made
        finally:
            made.stop()


class Ear:
    """An agency that listens to how the device stands, and comes back whenever it is sent away."""

    def __init__(self, town: Telling, name: str) -> None:
        self._line: Broker = town.site.subscriber(name, subscribed=False)
        for each in notice_filters(town.site.device_id, test=False):
            self._line.subscribe(each)
        wait_until(self._line.ready, what=f"{name} listens", within=20)
        self.heard: list[StatusWord] = []

    def hears(self) -> list[StatusWord]:
        self._line.ready()
        while (arrival := self._line.take(0.01)) is not None:
            if arrival.topic.endswith("/status"):
                self.heard.append(parse(StatusWord, arrival.payload, what="it"))
            arrival.done()
        return self.heard


def test_when_the_policy_runs_out_the_owner_hears_it_and_nobody_else_hears_anything(town: Telling) -> None:
    owner, far = Ear(town, OWNER), Ear(town, FAR)
    for each in (owner, far):
        wait_until(each.hears, what="both hear how it stands", within=30)
    town.clock.ahead = timedelta(days=31)
    ends = lambda: any("valid-until" in one.alarms for one in owner.hears())  # noqa: E731
    wait_until(lambda: far.hears() and ends(), what="the owner hears that the policy ran out", within=30)
    assert all("valid-until" not in one.alarms for one in far.hears())
    assert town.open() == {OWNER}
