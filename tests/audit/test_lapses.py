"""How an agreement ended, the last send before it, the first refusal after it, and that nothing was sent after."""

from datetime import UTC, date, datetime, timedelta

import pytest

from edge.audit.asked import Asked
from edge.audit.make import make
from edge.audit.report import Report
from edge.audit.source import open_source
from edge.clock import milliseconds
from edge.ledger.entries import SelfTest
from tests.audit.device import STOLEN, Device
from tests.ledger.builders import KEY
from tests.policy.city import Table, agreement, owner, policy, texan

BEGAN = datetime(2026, 8, 3, tzinfo=UTC)
OVER = datetime(2026, 8, 5, tzinfo=UTC)
CHANGED = datetime(2026, 8, 5, 12, tzinfo=UTC)
POLICY = policy({"valid_until": BEGAN + timedelta(days=85), "sharing": {"national_lookup": True}})
SIGNED = {"signed_on": date(2026, 7, 1)}


def registry(*, later: bool) -> list[Table]:
    """Agencies of another state; `later`: one agreement is revoked, one taken out beside another, one agency gone."""
    revoked = agreement("revoked-1", **SIGNED, **({"status": "revoked"} if later else {}))
    taken_out = [agreement("out-1", **SIGNED), agreement("out-2", **SIGNED)]
    gone = [] if later else [texan("gone-so", agreement=[agreement("gone-1", **SIGNED)])]
    return [
        owner(),
        texan("ran-out-so", agreement=[agreement("ran-out-1", **SIGNED, expires_on=OVER.date())]),
        texan("revoked-so", agreement=[revoked]),
        texan("out-so", agreement=taken_out[1:] if later else taken_out),
        texan("stays-so", agreement=[agreement("stays-1", **SIGNED)]),
        *gone,
    ]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    device = Device(tmp_path_factory.mktemp("lapses") / "ledger.sqlite", at=BEGAN)
    device.start()
    device.sign(POLICY, registry(later=False))
    device.passes("north-1", STOLEN)
    device.deliver()
    device.clock.at = OVER  # the very moment at which one runs out
    device.ledger.note(SelfTest(model="m", digest="d", passed=1))
    device.clock.move(60)
    device.passes("north-1", STOLEN)
    device.deliver()
    device.clock.at = CHANGED
    device.sign(POLICY, registry(later=True))
    device.clock.move(60)
    device.passes("north-1", STOLEN)
    device.deliver()
    device.close()
    with open_source(device.path) as source:
        return make(source, Asked(), made_at=CHANGED, key=KEY.public_key())


def test_each_agreement_ended_in_its_own_way_and_at_its_time(report: Report) -> None:
    assert sorted((one.subscriber, one.agreement, one.why, one.at) for one in report.lapsed) == [
        ("gone-so", "gone-1", "removed", CHANGED),
        ("out-so", "out-1", "removed", CHANGED),
        ("ran-out-so", "ran-out-1", "expired", OVER),
        ("revoked-so", "revoked-1", "revoked", CHANGED),
    ]


def test_the_last_send_before_and_the_first_refusal_after_it(report: Report) -> None:
    told = {one.subscriber: (one.last_sent_before, one.first_refused_after, one.sent_after) for one in report.lapsed}
    minute = timedelta(seconds=60)
    assert told["ran-out-so"] == (BEGAN, OVER + minute, 0)
    assert told["revoked-so"] == (OVER + minute, CHANGED + minute, 0)
    assert told["out-so"] == (OVER + minute, None, 1)  # by the agreement that stays
    assert told["gone-so"] == (OVER + minute, None, 0)  # nobody decides about it any more


def test_the_time_of_the_change_is_that_of_the_log(report: Report) -> None:
    assert [milliseconds(one.since) for one in report.policies] == [milliseconds(BEGAN), milliseconds(CHANGED)]
