"""Hot lists while the device runs: replaced without a restart, refused with an alarm, never a stop."""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import desk, disk
from edge.clock import monotonic
from edge.control.control import Control
from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.entries import Alarm, AlarmEnded, Gap, HotListsInForce
from edge.ledger.look import look
from edge.policy.bundle import Bundle
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.policy.issued import ListVersion
from tests.broker import wait_until
from tests.control.world import MemoryBroker, MemoryGates, MemoryRights, Steps_, TrustedClock
from tests.desk.house import DEVICE, NOW
from tests.desk.test_shelf import LIST, Town
from tests.policy.test_hotlists import entry

CITYS = "hotlists/county-stolen.toml"


class Slowly:
    """The city's files on a disk that gives hot lists only while `given` is set."""

    def __init__(self, city: desk.City) -> None:
        self._city, self.given = city, threading.Event()
        self.given.set()

    def __getattr__(self, name: str) -> object:
        return getattr(self._city, name)

    def hotlists(self, bundle: Bundle) -> HotLists:
        assert self.given.wait(20)
        return self._city.hotlists(bundle)


class Device(Town):
    """The town with a daemon's control over its folder."""

    stands_at: float | None = None
    """Where the time that only measures stands still, if it does."""

    def start(self) -> None:
        self.clock = TrustedClock(at=NOW)
        self.path = self.root / "ledger.sqlite"
        self.log = Ledger.open(self.path, clock=self.clock, key=Ed25519PrivateKey.generate(), device=DEVICE)
        self.sign(adopt=(self.log.ledger_id,))
        self.floor.unlink()
        self.size, self.stored = 0, None
        self.boot(ledger=self.log.ledger_id)
        self.disk = Slowly(self.city)
        self.begin()

    def begin(self) -> None:
        """The daemon's control begins, with what the audit log holds."""
        steps = Steps_()
        self.control = Control(
            ledger=self.log,
            clock=self.clock,
            desk=self.disk,
            gates=MemoryGates(steps),
            rights=MemoryRights(MemoryBroker(), steps),
            elapsed=lambda: self.stands_at or monotonic(),
        )

    def looks_for(self, plate: str) -> bool:
        self.control.tick()
        return bool(self.control.hotlists().look_up(plate, self.clock.now().at))

    def alarms(self) -> set[str]:
        self.control.tick()
        return {one.what for one in self.control.standing().alarms if one.what.startswith("hotlist")}

    def entries(self, kind: type) -> list[str]:
        found = [one.entry for one in look(self.path, frozenset({"alarm", "alarm-ended", "gap"}))]
        return [one.what for one in found if isinstance(one, kind)]

    def spans(self) -> list[tuple[str, int]]:
        """What the audit log has a gap of, and for how many seconds."""
        found = [one.entry for one in look(self.path, frozenset({"gap"}))]
        return [(one.what, (one.ended - one.began) // 1000) for one in found if isinstance(one, Gap)]

    def named(self) -> list[dict[str, int]]:
        """The lists that the audit log names, each with its version, whenever it does."""
        found = [one.entry for one in look(self.path, frozenset({"hotlists"}))]
        return [{name: version for name, version, _ in one.lists} for one in found if isinstance(one, HotListsInForce)]

    def in_place_of(self, plate: str, other: str) -> None:
        """The city signs its own list with another plate, which is in force when this returns."""
        self.edit(plate, other, name=CITYS)
        self.take_up_signed()

    def take_up_signed(self) -> None:
        bundle = self.control.in_force()
        assert bundle is not None
        self.sign(replaces=bundle.digest)
        self.control.take_up("file")
        assert self.control.in_force() is not bundle

    def prepares(self) -> None:
        """The clerk writes down what the city is to sign next week: it is refused, and nothing is held for it."""
        desk.opt_in(self.folder, "national-lookup")
        wait_until(lambda: "policy" in self.standing(), what="the edit is refused")
        assert self.control.standing().held is None

    def standing(self) -> set[str]:
        self.control.tick()
        return {one.what for one in self.control.standing().alarms}


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


def test_lists_that_were_not_read_yet_after_a_reopening_are_lists_to_come_and_not_empty(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    device.begin()
    assert device.control.in_force() is not None
    assert device.control.hotlists() is NO_LISTS


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


def test_a_list_that_a_full_disk_refused_is_read_again_by_itself_and_the_others_are_not(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: device.looks_for("AB12345"), what="the lists are looked up")
    device.stands_at = monotonic()
    device.send(entry("XY77777"))
    with monkeypatch.context() as broken:
        broken.setattr(disk, "put", no_space)
        wait_until(lambda: not device.looks_for("QW12345"), what="the new list is not taken")
        device.stands_at += 3
        wait_until(lambda: device.alarms() == {"hotlist:metro"}, what="the alarm stands")
    kept = device.control.hotlists().lists
    device.stands_at += 29
    assert not device.looks_for("XY77777")
    device.stands_at += 2
    wait_until(lambda: device.looks_for("XY77777"), what="the new list is looked up")
    assert (device.alarms(), device.entries(AlarmEnded)) == (set(), ["hotlist:metro"])
    assert kept[0] is device.control.hotlists().lists[0]


def test_a_device_starts_and_runs_with_a_list_whose_version_the_audit_log_cannot_hold(device: Device) -> None:
    device.vouch_by_hand(2**53)
    device.begin()
    wait_until(lambda: device.alarms() == {"hotlist:metro"}, what="the alarm stands")
    assert (device.looks_for("QW12345"), device.looks_for("AB12345")) == (False, True)
    assert device.named()[-1] == {"county-stolen": 0}


def test_a_list_that_grows_old_is_an_alarm_and_counts_as_none(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    device.clock.move(timedelta(hours=25).total_seconds())
    assert device.alarms() == {"hotlist:metro"}
    assert not device.looks_for("QW12345")
    assert device.named() == [BOTH, {"county-stolen": 0}]


def test_a_list_that_was_dated_in_the_future_is_one_for_the_log_from_when_it_counts(device: Device) -> None:
    device.vouch(version=2, hours=2)
    wait_until(lambda: device.alarms() == {"hotlist:metro"}, what="it counts as none")
    device.clock.move(timedelta(hours=2).total_seconds())
    assert device.looks_for("QW12345")
    assert device.named()[-2:] == [{"county-stolen": 0}, {**BOTH, "metro": 2}]


def test_while_an_edit_is_refused_a_source_still_replaces_its_list(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    device.prepares()
    device.send(entry("XY77777"))
    wait_until(lambda: device.looks_for("XY77777"), what="the new list is looked up")
    assert not device.looks_for("QW12345")
    assert device.looks_for("AB12345")
    assert device.standing() == {"policy"}


def test_while_an_old_bundle_lies_there_a_source_still_replaces_its_list(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    old = device.copied()
    device.edit("cap = 3", "cap = 4")
    device.take_up_signed()
    device.put(old)
    wait_until(lambda: "policy" in device.standing(), what="the old bundle is refused")
    device.send(entry("XY77777"), version=9)
    wait_until(lambda: device.looks_for("XY77777"), what="the new list is looked up")
    assert not device.looks_for("QW12345")


def test_a_start_with_an_edit_that_is_refused_reads_the_lists_of_what_is_in_force(device: Device) -> None:
    device.prepares()
    device.begin()
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up")
    assert device.looks_for("AB12345")


def test_of_another_bundle_only_the_lists_that_it_changes_are_read_before_they_are_at_hand(device: Device) -> None:
    wait_until(lambda: device.looks_for("AB12345"), what="the city's list is looked up")
    device.disk.given.clear()
    device.in_place_of("AB12345", "CD12345")
    assert device.looks_for("QW12345")
    assert not device.looks_for("AB12345")
    assert not device.control.hotlists().has_read("county-stolen")
    device.clock.move(7)
    device.disk.given.set()
    wait_until(lambda: device.looks_for("CD12345"), what="the city's new list is looked up")
    assert device.spans() == [("hotlist:county-stolen", 7)]
    assert device.alarms() == set()


def test_what_the_city_says_anew_of_a_list_puts_it_aside_until_it_is_read_by_that(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the source's list is looked up")
    device.disk.given.clear()
    device.edit("cap = 3", "cap = 4")
    device.take_up_signed()
    assert device.looks_for("AB12345")
    assert not device.looks_for("QW12345")
    device.disk.given.set()
    wait_until(lambda: device.looks_for("QW12345"), what="the source's list is looked up again")


def test_the_audit_log_tells_for_how_long_a_start_knew_no_lists(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up")
    assert device.spans() == []
    device.disk.given.clear()
    device.begin()
    assert not device.looks_for("QW12345")
    device.clock.move(3)
    device.disk.given.set()
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up again")
    assert device.spans() == [("hotlist:county-stolen", 3), ("hotlist:metro", 3)]


def test_a_list_without_its_signature_for_a_moment_is_not_refused_yet_and_the_audit_log_tells_of_it(
    device: Device,
) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up")
    device.stands_at = monotonic()
    kept = (device.folder / f"{LIST}.sig").read_bytes()
    (device.folder / f"{LIST}.sig").unlink()
    wait_until(lambda: not device.looks_for("QW12345"), what="the list is not looked up")
    assert not device.control.hotlists().has_read("metro")
    device.control.tick()
    device.clock.move(1)
    (device.folder / f"{LIST}.sig").write_bytes(kept)
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up again")
    assert device.spans() == [("hotlist:metro", 1)]
    assert (device.alarms(), device.entries(Alarm)) == (set(), [])


BOTH = {"county-stolen": 0, "metro": 1}


def test_the_audit_log_names_a_version_before_anything_is_looked_up_in_it(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    say, looked_up = device.log.look_for, dict[int, bool]()

    def watched(lists: Sequence[ListVersion], **how: object) -> None:
        say(lists, **how)
        version = dict(one[:2] for one in lists)["metro"]
        looked_up.setdefault(version, bool(device.control.hotlists().look_up("XY77777", device.clock.at)))

    monkeypatch.setattr(device.log, "look_for", watched)
    device.send(entry("XY77777"))
    wait_until(lambda: device.looks_for("XY77777"), what="the new list is looked up")
    assert (looked_up[2], device.named()) == (False, [BOTH, {**BOTH, "metro": 2}])


def test_lists_that_are_read_again_and_did_not_change_are_not_named_again(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up")
    device.begin()
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up again")
    device.edit("cap = 3", "cap = 4")
    device.take_up_signed()
    wait_until(lambda: device.looks_for("QW12345"), what="it is looked up under another bundle")
    assert device.named() == [BOTH]


def test_nothing_is_at_hand_before_the_log_is_told_which_is_after_its_start(device: Device) -> None:
    device.begin()
    assert device.control.hotlists().lists == ()
    assert device.named() == []


def test_a_list_that_is_refused_is_none_for_the_log_and_one_again_when_it_is_mended(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up")
    kept = (device.folder / LIST).read_bytes()
    (device.folder / LIST).unlink()
    wait_until(lambda: not device.looks_for("QW12345"), what="it is not looked up")
    assert device.named() == [BOTH]
    wait_until(lambda: device.alarms() == {"hotlist:metro"}, what="the alarm stands")
    (device.folder / LIST).write_bytes(kept)
    wait_until(lambda: device.looks_for("QW12345"), what="it is looked up again")
    assert device.named() == [BOTH, {"county-stolen": 0}, BOTH]


def test_a_list_that_the_city_takes_out_of_its_policy_is_none_for_the_log(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up")
    written = (device.folder / "policy.toml").read_text()
    (device.folder / "policy.toml").write_text(written[: written.rindex("[[hotlist]]")])
    device.take_up_signed()
    wait_until(lambda: device.looks_for("AB12345"), what="the other list is looked up")
    assert device.named() == [BOTH, {"county-stolen": 0}]


def no_space(*_args: object, **_how: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full(db: sqlite3.Connection) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def fails(device: Device) -> bool:
    try:
        device.control.tick()
    except LedgerError:
        return True
    return False


def test_a_list_that_the_log_cannot_be_told_of_waits_until_it_can(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the first list is looked up")
    with monkeypatch.context() as broken:
        broken.setattr(device.log._file, "_commit", full)
        device.send(entry("XY77777"))
        wait_until(lambda: fails(device), what="the log cannot be written")
        assert not device.control.hotlists().look_up("XY77777", device.clock.at)
    wait_until(lambda: device.looks_for("XY77777"), what="the new list is looked up")
    assert device.named() == [BOTH, {**BOTH, "metro": 2}]


def test_no_plate_and_no_digest_of_a_sources_list_is_in_the_log(device: Device) -> None:
    wait_until(lambda: device.looks_for("QW12345"), what="the list is looked up")
    wait_until(lambda: device.named() == [BOTH], what="the log names it")
    log = b"".join(raw for _, raw in device.log.history.raw(0, device.log.size))
    for secret in (b"QW12345", sha256((device.folder / LIST).read_bytes()).hexdigest().encode()):
        assert secret not in log
