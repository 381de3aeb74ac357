"""`homerule receive` with the certificate that the site made: a read arrives, is stored, and is acknowledged."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge import keys
from edge.delivery.broker import Broker, Handover
from edge.delivery.topics import ack_filter
from edge.values import Envelope
from tests.broker import wait_until
from tests.delivery.reads import DEVICE, DEVICE_KEY, NEIGHBOUR, PLATE, SEALING_KEY, sealed, tags
from tests.site import Site, running

HERE = f"u'{NEIGHBOUR}'"
"""How the broker's log names who has come; a session that the daemon takes over has another user name."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site with one agency, which has its right."""
    with running(tmp_path / "site", NEIGHBOUR, device=DEVICE) as made:
        made.rights().apply(made.grants())
        yield made


@pytest.fixture
def device(site: Site) -> Broker:
    made = site.device()
    made.subscribe(ack_filter(DEVICE, test=False))
    made.connect()
    return made


def receiving(site: Site, folder: Path, *more: str) -> "subprocess.Popen[str]":
    """The program as an agency starts it."""
    if not (folder / "sealing").exists():
        keys._store(SEALING_KEY, folder / "sealing")
        keys._store(DEVICE_KEY, folder / "pole.key")
    given = {
        "--broker": f"127.0.0.1:{site.port}",
        "--subscriber": NEIGHBOUR,
        "--key": folder / "sealing",
        "--device-key": folder / "pole.key.pub",
        "--ca": site.ca,
        "--cert": site.folder / f"{NEIGHBOUR}.crt",
        "--cert-key": site.folder / f"{NEIGHBOUR}.key",
        "--out": folder / "reads.jsonl",
    }
    words = [str(part) for pair in given.items() for part in pair]
    command = [sys.executable, "-m", "edge", "receive", *words, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def fresh(site: Site) -> Envelope:
    """A read of this moment, because the program has no other time."""
    now = site.clock.now().at
    of = tags(captured_at=now, retain_until=now + timedelta(hours=1))
    return sealed(of, granted_until=now + timedelta(hours=1))


def delivered(device: Broker, envelope: Envelope, site: Site) -> Callable[[], bool]:
    return lambda: device.publish(envelope, now=site.clock.now().at) is Handover.TAKEN


def test_a_read_is_received_and_acknowledged_with_certificates(site: Site, device: Broker, tmp_path: Path) -> None:
    envelope = fresh(site)
    with receiving(site, tmp_path, "--count", "1") as process:
        wait_until(delivered(device, envelope, site), what="the agency listens", within=30)
        assert process.wait(30) == 0
    assert json.loads((tmp_path / "reads.jsonl").read_text())["data"]["plate"] == PLATE
    acknowledged = device.take(5)
    assert acknowledged is not None
    assert json.loads(acknowledged.payload)["message_id"] == envelope.message_id


def test_an_agency_that_loses_its_right_and_has_it_again_receives_without_a_restart(
    site: Site, device: Broker, tmp_path: Path
) -> None:
    rights = site.rights()
    rights.apply(site.grants())
    with receiving(site, tmp_path, "--count", "1") as process:
        wait_until(lambda: HERE in site.log, what="the agency is connected", within=30)
        rights.revoke(site.grant(NEIGHBOUR))
        assert device.publish(fresh(site), now=site.clock.now().at) is Handover.NO_SUBSCRIBER
        rights.grant(site.grant(NEIGHBOUR))
        wait_until(delivered(device, fresh(site), site), what="the agency listens again", within=30)
        assert process.wait(30) == 0


def test_a_renewed_certificate_is_taken_up_at_the_next_connection(site: Site, device: Broker, tmp_path: Path) -> None:
    with receiving(site, tmp_path, "--count", "1") as process:
        wait_until(lambda: HERE in site.log, what="the agency is connected", within=30)
        site.kill()
        site.enroll(NEIGHBOUR)
        site.start()
        site.rights().apply(site.grants())
        device.connect()
        wait_until(delivered(device, fresh(site), site), what="the agency listens again", within=30)
        assert process.wait(30) == 0


def test_an_agency_without_a_right_is_told_so_and_keeps_asking(site: Site, tmp_path: Path) -> None:
    site.rights().apply(())
    with receiving(site, tmp_path) as process:
        wait_until(lambda: site.log.count(HERE) >= 2, what="the agency has asked twice", within=30)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert said.count("it refuses it, see its rights") == 1
