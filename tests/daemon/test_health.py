"""The processor's heat and supply, as the kernel and a Raspberry's firmware tell of them."""

import logging
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.config import Broker
from edge.daemon import health
from edge.daemon.health import Health
from edge.keys import new_certificate_key
from tests.site import Site


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """/sys of a computer at 52 degrees that slows down at 80."""
    zone = tmp_path / "class" / "thermal" / "thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("52000\n")
    (zone / "trip_point_0_type").write_text("passive\n")
    (zone / "trip_point_0_temp").write_text("80000\n")
    (zone / "trip_point_1_type").write_text("critical\n")
    (zone / "trip_point_1_temp").write_text("50000\n")
    return tmp_path


@pytest.fixture
def looked(system: Path, monkeypatch: pytest.MonkeyPatch) -> Health:
    monkeypatch.setattr(health, "_EVERY", 0.0)
    broker = Broker(host="127.0.0.1", access="none")
    return Health(broker=broker, clock=SystemClock(trusted=True), system=system)


def firmware(system: Path, bits: str) -> None:
    place = system / "devices" / "platform" / "soc" / "soc:firmware"
    place.mkdir(parents=True, exist_ok=True)
    (place / "get_throttled").write_text(f"{bits}\n")


def test_a_cool_computer_is_no_alarm(looked: Health) -> None:
    looked.look(True)
    assert (looked.temperature, looked.throttled, looked.alarms()) == (52.0, "", [])


def test_one_that_is_slowed_down_is_said_once_and_once_more_when_it_is_over(
    looked: Health, system: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (system / "class/thermal/thermal_zone0/temp").write_text("84000\n")
    for _ in range(3):
        looked.look(True)
    assert looked.throttled == "the processor is throttled at 84 degrees"
    assert [(what, said) for what, said, _ in looked.alarms()] == [
        ("processor", "the processor is throttled at 84 degrees; give the housing shade, air or a heat sink")
    ]
    (system / "class/thermal/thermal_zone0/temp").write_text("60000\n")
    looked.look(True)
    assert (looked.throttled, looked.alarms()) == ("", [])
    assert [record.getMessage() for record in caplog.records] == [
        "the processor is throttled at 84 degrees; give the housing shade, air or a heat sink",
        "processor: mended",
    ]


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        ("1", "the power supply is too weak"),
        ("0x50005", "the power supply is too weak"),
        ("0x4", "the processor is throttled"),
        ("0x8", "near its greatest heat"),
        ("0x50000", ""),
        ("nonsense", ""),
    ],
    ids=["under-voltage", "and throttled", "throttled", "soft limit", "over since", "nonsense"],
)
def test_a_raspberrys_firmware_says_why(looked: Health, system: Path, bits: str, said: str) -> None:
    firmware(system, bits)
    looked.look(True)
    assert said in looked.throttled
    assert bool(said) == bool(looked.alarms())


def test_where_nothing_is_known_nothing_is_made_up(looked: Health, system: Path, tmp_path: Path) -> None:
    (system / "class/thermal/thermal_zone0/temp").unlink()
    looked.look(True)
    assert (looked.temperature, looked.throttled, looked.certificate_days) == (None, "", None)


def test_a_certificate_whose_key_is_another_needs_a_person_until_the_right_one_is_there(
    looked: Health, tmp_path: Path
) -> None:
    table = Site(tmp_path / "site").table
    looked = Health(broker=table, clock=SystemClock(trusted=True), system=tmp_path)
    looked.look(True)
    days = looked.certificate_days
    assert days
    right = table.key.rename(tmp_path / "right.key")
    new_certificate_key(table.key)
    looked.look(True)
    ((what, said, _),) = looked.alarms()
    assert (what, f"{table.certificate} with {table.key}: no certificate and key" in said) == ("certificate", True)
    assert looked.certificate_days is None
    right.rename(table.key)
    looked.look(True)
    assert (looked.alarms(), looked.certificate_days) == ([], days)


def test_a_broker_that_stays_away_needs_a_person_and_one_that_restarts_does_not(
    looked: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked.look(False)
    assert looked.alarms() == []
    monkeypatch.setattr(health, "_AWAY", 0.0)
    looked.look(False)
    assert [(what, said) for what, said, _ in looked.alarms()] == [
        ("broker", "the broker at 127.0.0.1:8883 is away, reads wait; see that it runs and can be reached")
    ]
    looked.look(True)
    assert looked.alarms() == []
