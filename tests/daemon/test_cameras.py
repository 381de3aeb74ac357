"""Cameras of a running daemon: one that comes late and goes, two that share the models; each gap is in the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.ledger.entries import Gap
from edge.rejection import Rejection
from tests.broker import Mosquitto, mosquitto, wait_until
from tests.daemon.pole import OWNER, Pole, dense_clip
from tests.rtsp import camera_at

__all__ = ["mosquitto"]
pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def pole(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Pole]:
    pole = Pole(tmp_path / "pole", mosquitto.port)
    pole.receive(OWNER)
    yield pole
    pole.close()


def connected(pole: Pole) -> bool:
    return all(each.connected for each in pole.status().report.cameras)


def cameras_of(pole: Pole) -> set[str]:
    return {line["subject"] for line in pole.received(OWNER)}


def test_a_camera_that_comes_late_and_restarts_leaves_its_gaps_in_the_log(pole: Pole, tmp_path: Path) -> None:
    with camera_at(tmp_path, dense_clip(), fps=12.5) as camera:
        pole.device["camera"] = [{"id": "lane-1", "url": camera.url}]
        daemon = pole.run()
        daemon.await_words("runs on", within=40)
        wait_until(lambda: any(each.why for each in pole.status().report.cameras), what="it is missed")
        camera.start()
        wait_until(lambda: connected(pole), what="it is there", within=20)
        wait_until(lambda: pole.plates(OWNER), what="a read", within=30)
        camera.kill()
        wait_until(lambda: not connected(pole), what="it is gone", within=20)
        camera.start()
        wait_until(lambda: connected(pole), what="it is back", within=20)
        count = len(pole.plates(OWNER))
        wait_until(lambda: len(pole.plates(OWNER)) > count, what="another read", within=30)
        assert daemon.end() == 0
    gaps = [(entry.what, entry.ended > entry.began) for entry in pole.entries() if isinstance(entry, Gap)]
    assert len(gaps) >= 2
    assert set(gaps) == {("camera:lane-1", True)}
    assert daemon.said.count("lane-1") <= 8, daemon.said


def test_a_lens_that_is_covered_is_an_alarm_since_then_and_not_since_the_connection(pole: Pole) -> None:
    one = "head -c 19200 /dev/{}; sleep 0.1"
    script = f"for each in $(seq 50); do {one.format('urandom')}; done; while :; do {one.format('zero')}; done"
    keys = {"url": "pipe:", "command": ["sh", "-c", script], "size": "160x120", "pixel_format": "gray"}
    pole.device["camera"] = [{"id": "lane-1", **keys}]
    daemon = pole.run()
    daemon.await_words("is the lens covered", within=60)
    report = pole.status().report
    assert daemon.end() == 0
    (alarm,) = [each for each in report.alarms if each.what == "camera:lane-1"]
    assert report.cameras[0].connected
    assert (alarm.since - report.cameras[0].since).total_seconds() > 3.0


def test_two_cameras_share_the_models_and_both_are_read(pole: Pole) -> None:
    pole.device["camera"] = [
        {"id": "north", "url": str(dense_clip()), "repeat": True},
        {"id": "south", "url": str(dense_clip()), "repeat": True},
    ]
    daemon = pole.run()
    wait_until(lambda: cameras_of(pole) == {"north", "south"}, what="reads of both", within=60)
    told = [(set(each.rejected), each.hurried is not None) for each in pole.status().report.cameras]
    assert told == [(set(Rejection), True)] * 2
    assert daemon.end() == 0
