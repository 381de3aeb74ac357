"""After an update, or one that was taken back: what the audit log holds may be in the words of another program."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import desk
from edge.control.control import Control
from edge.desk import Refused
from edge.errors import PolicyError
from edge.ledger import Ledger
from edge.ledger.entries import BundleRefused, Dropped
from edge.policy import bundle as bundles
from edge.values import BundleFiles
from tests.control.world import MemoryBroker, MemoryGates, MemoryRights, Steps_, TrustedClock
from tests.desk.house import DEVICE, NOW, House
from tests.ledger.builders import KEY, record

OWNER, COUNTY = "prospect-grove-pd", "cook-auto-theft"


class Device(House):
    """A house with a daemon's control over its folder."""

    def start(self) -> None:
        """The daemon's control begins, with what the audit log holds."""
        self.boot(ledger=self.log.ledger_id, stored=self.log.bundle_in_force())
        self.begin()

    def begin(self) -> None:
        steps = Steps_()
        self.gates = MemoryGates(steps)
        self.control = Control(
            ledger=self.log,
            clock=self.clock,
            desk=self.city,
            gates=self.gates,
            rights=MemoryRights(MemoryBroker(), steps),
        )

    def updated(self, patch: pytest.MonkeyPatch) -> str:
        """Another program starts, which cannot read what is in force; its digest."""
        digest, real = self.control.in_force().digest, bundles.parse

        def parse(files: BundleFiles, **how: object) -> object:
            if bundles.sha256(files.manifest) == digest:
                raise PolicyError("policy.toml: [sharing] unknown key `county_lookup`, remove it")
            return real(files, **how)  # type: ignore[arg-type]

        patch.setattr(bundles, "parse", parse)
        with pytest.raises(Refused):
            self.boot(ledger=self.log.ledger_id, stored=self.log.bundle_in_force())
        self.begin()
        return digest

    def entries(self, kind: type) -> list[object]:
        return [one.entry for one in self.log.entries() if isinstance(one.entry, kind)]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    made = Device(tmp_path)
    made.clock = TrustedClock(at=NOW)
    made.log = Ledger.open(tmp_path / "ledger.sqlite", clock=made.clock, key=KEY, device=DEVICE)
    made.sign(adopt=(made.log.ledger_id,))
    made.start()
    yield made
    made.log.close()


def test_nobody_is_served_and_the_alarm_says_which_policy_cannot_be_read(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = device.updated(monkeypatch)
    for _ in range(2):
        with pytest.raises(PolicyError, match="county_lookup"):
            device.control.take_up("cli")
        assert (device.control.in_force(), device.gates.opened) == (None, set())
    (alarm,) = device.control.standing().alarms
    assert (alarm.what, f"--replaces {digest}" in alarm.said) == ("policy", True)
    assert device.entries(BundleRefused) == [BundleRefused(digest=digest, version=2, why="stored")]


def test_an_opt_out_that_cannot_be_read_is_lost_only_to_a_policy_that_names_it(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = device.copied()
    device.sign(folder=elsewhere)  # it replaces what was signed, and does not know of the opt-out
    desk.opt_out(device.folder, "statewide-lookup")
    device.control.take_up("cli")
    digest = device.updated(monkeypatch)
    device.put(elsewhere)
    with pytest.raises(PolicyError, match=f"--replaces {digest}"):
        device.control.take_up("cli")
    assert device.control.in_force() is None
    device.sign(replaces=digest)
    device.control.take_up("cli")
    assert device.control.in_force().version == 4
    assert OWNER in device.gates.opened
    assert device.control.standing().alarms == ()


def test_only_the_owner_keeps_what_waited_under_a_policy_that_cannot_be_read(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agreement may have lapsed meanwhile, and the new policy may hold another."""
    agencies = [OWNER, COUNTY]
    record(device.log, device.clock, agencies, agencies, files=device.control.in_force().files)
    device.sign(replaces=device.updated(monkeypatch))
    assert device.log.waiting() == 2
    device.control.take_up("cli")
    assert device.log.waiting() == 1
    (dropped,) = device.entries(Dropped)
    assert dropped.reasons == ("deny_evaluation_error",)
