"""A thread that breaks ends the daemon, and from that moment on nothing is sent: an opt-out may not have been heard."""

import os
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest

from tests.broker import Mosquitto, wait_until
from tests.daemon.pole import OWNER, TEXAS, Pole, dense_clip

pytestmark = pytest.mark.needs("mosquitto")

FAULTY = Path(__file__).parent / "faults"
ON_ITS_WAY = 0.3
"""Seconds in which all arrives that the broker has."""


@pytest.fixture
def pole(tmp_path: Path) -> Iterator[Pole]:
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    pole = Pole(tmp_path / "pole", broker.port)
    pole.look_at(dense_clip())
    yield pole
    pole.close()
    broker.kill()


@pytest.mark.parametrize("what", ["look", "control"])
def test_after_control_broke_nobody_gets_a_read_and_what_was_in_view_is_decided_again(pole: Pole, what: str) -> None:
    faults = pole.folder / "faults"
    faults.mkdir()
    (faults / "vouched").touch()
    path = os.pathsep.join((str(FAULTY), str(FAULTY.parents[2])))
    pole.receive(OWNER)
    pole.receive(TEXAS)
    daemon = pole.run(PYTHONPATH=path, FAULTS=str(faults))
    wait_until(lambda: len(pole.received(TEXAS)) > 3, what="Texas receives", within=120)
    (faults / "breaks").write_text(what)
    pole.switch("national_lookup", False)
    daemon.await_words("control: KeyError in ")
    assert daemon.process.wait(20) == 1
    sleep(ON_ITS_WAY)
    assert "AB12345" not in daemon.said
    held = pole.held(TEXAS)
    kept = (pole.waiting(OWNER) & pole.waiting(TEXAS)) - held
    assert kept, "what was in view when it broke, for both"

    (faults / "breaks").unlink()
    daemon = pole.run(PYTHONPATH=path, FAULTS=str(faults))
    wait_until(lambda: kept <= pole.held(OWNER), what="the owner loses nothing by it", within=120)
    assert pole.held(TEXAS) == held
    assert not pole.waiting(TEXAS)
