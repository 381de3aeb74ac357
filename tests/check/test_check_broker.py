"""`homerule check` on a site's own broker: which walls stand, which are missing, and which certificate ends soon."""

import json
import socket
from datetime import timedelta

import pytest

from edge.check.finding import Finding, State
from edge.check.network import broker_findings
from tests.broker import Mosquitto, wait_until
from tests.ledger.builders import HandClock
from tests.site import NEIGHBOUR, OWNER, Site, site

__all__ = ["site"]


def found(site: Site, *, days: float = 0) -> dict[str, Finding]:
    """The findings, by what they are about, so many days from now."""
    clock = HandClock(at=site.clock.now().at + timedelta(days=days))
    return {each.thing: each for each in broker_findings(site.table, device_id=site.device_id, clock=clock)}


def test_a_site_whose_rights_are_applied_is_well(site: Site) -> None:
    site.rights().apply(site.grants(OWNER, NEIGHBOUR))
    findings = found(site)
    assert {each.state for each in findings.values()} == {State.OK}
    assert "2 subscribers have one" in findings["wall: broker rights"].said


def test_what_a_right_leaves_behind_that_was_taken_away_is_no_fault(site: Site) -> None:
    rights = site.rights()
    rights.apply(site.grants(OWNER, NEIGHBOUR))
    rights.revoke(*site.grants(NEIGHBOUR))
    finding = found(site)["wall: broker rights"]
    assert finding.state is State.OK
    assert "1 subscribers have one" in finding.said


def test_a_broker_to_which_nobody_has_given_rights_yet_is_noted(site: Site) -> None:
    assert found(site)["wall: broker rights"].state is State.NOTE


def test_a_right_that_the_daemon_did_not_make_is_wrong(site: Site) -> None:
    site.rights().apply(site.grants(OWNER, NEIGHBOUR))
    site.kill()
    held = json.loads(site.dynsec.read_text())
    held["defaultACLAccess"]["publishClientReceive"] = True
    site.dynsec.write_text(json.dumps(held))
    site.start()
    finding = found(site)["wall: broker rights"]
    assert finding.state is State.WRONG
    assert "what is allowed by default" in finding.said


def test_a_broker_that_is_away_is_wrong_and_its_certificates_are_still_looked_at(site: Site) -> None:
    site.kill()
    findings = found(site)
    assert findings["broker"].state is findings["wall: broker rights"].state is State.WRONG
    assert findings["certificate"].state is State.OK


@pytest.mark.parametrize(("days", "state"), [(20, State.OK), (25, State.NOTE), (31, State.WRONG)])
def test_a_certificate_that_ends_is_said(site: Site, days: float, state: State) -> None:
    assert found(site, days=days)["certificate"].state is state


@pytest.mark.parametrize(("days", "state"), [(20, State.OK), (25, State.NOTE)])
def test_the_brokers_own_certificate_that_ends_is_said(site: Site, days: float, state: State) -> None:
    assert found(site, days=days)["broker"].state is state


def test_an_authority_that_ends_is_said_with_another_mend(site: Site) -> None:
    finding = found(site, days=3648)["broker's authority"]
    assert finding.state is State.NOTE
    assert "enroll all again" in finding.said


def test_a_control_listener_that_others_can_reach_is_wrong(site: Site) -> None:
    site.kill()
    settings = site.folder / "mosquitto" / "mosquitto.conf"
    settings.write_text(
        settings.read_text().replace(f"{site.control_port} 127.0.0.1", f"{site.control_port} 127.0.0.2")
    )
    Mosquitto.start(site)
    with socket.socket() as probe:
        wait_until(lambda: probe.connect_ex(("127.0.0.2", site.control_port)) == 0, what="it listens there")
    finding = found(site)["wall: control listener"]
    assert finding.state is State.WRONG
    assert "from other computers too" in finding.said


def test_the_password_file_is_named_when_others_can_read_it(site: Site) -> None:
    site.credential.chmod(0o644)
    assert "others can read this secret" in found(site)["wall: broker rights"].said


def test_looking_changes_nothing(site: Site) -> None:
    site.rights().apply(site.grants(OWNER))
    before = site.dynsec.read_bytes()
    found(site)
    assert site.dynsec.read_bytes() == before
