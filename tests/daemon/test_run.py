"""`homerule run` as it stands on a pole: real process, real broker, real agencies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.ledger.entries import SelfTest, Start, Stop
from tests.broker import Mosquitto, mosquitto, wait_until
from tests.daemon.pole import COUNTY, OWNER, PLATES, STOLEN, TEXAS, Pole

__all__ = ["mosquitto"]
pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def pole(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Pole]:
    pole = Pole(tmp_path / "pole", mosquitto.port)
    yield pole
    pole.close()


def test_a_vehicle_goes_by_and_each_agency_gets_what_the_policy_allows(pole: Pole) -> None:
    for name in (OWNER, COUNTY, TEXAS):
        pole.receive(name)
    daemon = pole.run()
    wait_until(lambda: len(pole.plates(OWNER)) >= 4, what="four reads at the owner", within=40)
    wait_until(lambda: pole.plates(COUNTY), what="a hit at the county")
    assert daemon.end() == 0, daemon.said
    assert set(pole.plates(OWNER)) == set(PLATES)
    assert set(pole.plates(COUNTY)) == {STOLEN}
    assert pole.held(TEXAS) == pole.allowed(TEXAS) != set()
    assert pole.verified().faults == ()
    kinds = [entry for entry in pole.entries() if isinstance(entry, Start | Stop | SelfTest)]
    assert [entry.after for entry in kinds if isinstance(entry, Start)] == ["first"]
    assert [entry.why for entry in kinds if isinstance(entry, Stop)] == ["terminated"]
    assert all(entry.passed for entry in kinds if isinstance(entry, SelfTest))
