"""Whom the daemon speaks with while it runs: its cameras and its broker, and nobody else."""

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from tests.alone import alone
from tests.broker import wait_until
from tests.daemon.pole import COUNTY, OWNER, TEXAS, Pole, clip
from tests.rtsp import camera_at
from tests.site import running

pytestmark = [
    pytest.mark.needs("mosquitto", "ip"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a network of its own, run as root"),
]


def test_a_packet_for_anybody_else_would_be_seen() -> None:
    with alone() as wire:
        assert wire.seen() == []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"report", ("203.0.113.5", 443))
        with suppress(OSError):
            socket.getaddrinfo("example.org", 443)
        assert wire.seen()[0] == "203.0.113.5"


def test_the_daemon_reads_a_camera_serves_its_agencies_and_sends_no_packet_elsewhere(tmp_path: Path) -> None:
    """Self-test, models, video, broker, status, checkpoints and a clean stop, with a way out that nobody uses."""
    with (
        alone() as wire,
        camera_at(tmp_path, clip(), fps=12.5) as camera,
        running(tmp_path / "site", OWNER, COUNTY, TEXAS) as site,
    ):
        camera.start()
        pole = Pole(tmp_path / "pole", site.port, site=site)
        pole.device["camera"] = [{"id": "lane-1", "url": camera.url}]
        try:
            daemon = pole.run()
            pole.receive(OWNER)
            wait_until(lambda: len(pole.received(OWNER)) >= 2, what="reads arrive", within=120)
            assert daemon.end() == 0, daemon.said
            assert wire.seen() == []
        finally:
            pole.close()
