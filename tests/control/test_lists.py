"""Hot lists while the device runs: replaced without a restart, refused with an alarm, never a stop."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.control.control import Control
from edge.ledger import Ledger
from edge.ledger.entries import Alarm, AlarmEnded
from edge.ledger.look import look
from tests.broker import wait_until
from tests.control.world import MemoryBroker, MemoryGates, MemoryRights, Steps_, TrustedClock
from tests.desk.house import DEVICE, NOW
from tests.desk.test_shelf import LIST, Town
from tests.policy.test_hotlists import entry


class Device(Town):
    """The town with a daemon's control over its folder."""

    def start(self) -> None:
        self.clock, steps = TrustedClock(at=NOW), Steps_()
        self.path = self.root / "ledger.sqlite"
        self.log = Ledger.open(self.path, clock=self.clock, key=Ed25519PrivateKey.generate(), device=DEVICE)
        self.sign(adopt=(self.log.ledger_id,))
        self.floor.unlink()
        self.size, self.stored = 0, None
        self.boot(ledger=self.log.ledger_id)
        self.control = Control(
            ledger=self.log,
            clock=self.clock,
            desk=self.city,
            gates=MemoryGates(steps),
            rights=MemoryRights(MemoryBroker(), steps),
        )

    def looks_for(self, plate: str) -> bool:
        self.control.tick()
        return bool(self.control.hotlists().look_up(plate, self.clock.now().at))

    def alarms(self) -> set[str]:
        self.control.tick()
        return {one.what for one in self.control.standing().alarms if one.what.startswith("hotlist")}

    def entries(self, kind: type) -> list[str]:
        found = [one.entry for one in look(self.path, frozenset({"alarm", "alarm-ended"}))]
        return [one.what for one in found if isinstance(one, kind)]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(tmp_path)
    made.start()
    yield made
    made.log.close()


def test_a_replaced_list_is_in_force_for_the_next_read(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    device.send(entry("XY77777"))
    wait_until(lambda: device.looks_for("XY77777"), what="the new list is looked up")
    assert not device.looks_for("QW12345")


def test_a_refused_list_is_an_alarm_that_ends_when_it_is_mended_and_no_other_is_touched(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    kept = {name: (device.folder / name).read_bytes() for name in (LIST, f"{LIST}.sig")}
    (device.folder / LIST).unlink()
    wait_until(lambda: device.alarms() == {"hotlist:metro"}, what="the alarm stands")
    assert not device.looks_for("QW12345")
    assert device.looks_for("AB12345")
    bundle = device.control.in_force()
    assert bundle is not None
    assert not bundle.held
    for name, content in kept.items():
        (device.folder / name).write_bytes(content)
    wait_until(lambda: device.alarms() == set(), what="the alarm has ended")
    assert device.looks_for("QW12345")
    assert device.entries(Alarm) == device.entries(AlarmEnded) == ["hotlist:metro"]


def test_a_list_that_grows_old_is_an_alarm_and_counts_as_none(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    device.clock.move(timedelta(hours=25).total_seconds())
    assert device.alarms() == {"hotlist:metro"}
    assert not device.looks_for("QW12345")
