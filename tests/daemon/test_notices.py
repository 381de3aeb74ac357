"""What the real daemon says of itself through a site's broker, and what a real subscriber tells a person of it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edge import desk
from edge.delivery import schema
from edge.delivery.broker import Broker
from edge.delivery.certificates import Authority, load_certificate, pem
from edge.delivery.site import AUTHORITY, renew
from edge.delivery.topics import checkpoint_topic, notice_filters, status_topic
from edge.errors import ControlError
from edge.ledger.checkpoint import open_note
from tests.broker import wait_until
from tests.daemon.pole import COUNTY, DEVICE, OWNER, TEXAS, Pole
from tests.site import running

SCHEMAS = {
    topic(DEVICE, test=False): Draft202012Validator(schema.schema(name))
    for topic, name in ((status_topic, "status"), (checkpoint_topic, "checkpoint"))
}


@pytest.fixture
def pole(tmp_path: Path) -> Iterator[Pole]:
    with running(tmp_path / "site", OWNER, COUNTY, TEXAS, device=DEVICE) as site:
        made = Pole(tmp_path / "pole", site.port, site=site)
        try:
            yield made
        finally:
            made.close()


class Ear:
    """An agency that hears everything it may; each message fits its schema."""

    def __init__(self, pole: Pole, name: str) -> None:
        self.line: Broker = pole.site.subscriber(name, subscribed=False)
        for topic_filter in notice_filters(DEVICE, test=False):
            self.line.subscribe(topic_filter)
        self.heard: list[dict] = []

    def listens(self) -> bool:
        return self.line.ready()

    def states(self) -> list[str]:
        """What it has heard of the device's state, in order."""
        while (arrival := self.line.take()) is not None:
            said = json.loads(arrival.payload)
            SCHEMAS[arrival.topic].validate(said)
            self.heard.append(said)
            arrival.done()
        return [one["state"] for one in self.heard if "state" in one]

    def opt_outs(self) -> list[str]:
        self.states()
        return next((one["bundle"]["opt_outs"] for one in reversed(self.heard) if "bundle" in one), [])


def test_a_certificate_that_was_not_renewed_is_an_alarm_until_it_is(pole: Pole) -> None:
    site = pole.site
    authority, now = Authority.load(site.folder / AUTHORITY), site.clock.now().at
    public = load_certificate(site.table.certificate).public_key()
    site.table.certificate.write_bytes(pem(authority.for_client(DEVICE, public, now=now - timedelta(days=24))))
    pole.run()
    wait_until(lambda: "certificate" in alarms(pole), what="the alarm", within=60)
    assert "homerule broker renew" in alarms(pole)["certificate"]
    assert [path for path, _, new in renew(site.folder, now=now) if new] == [site.table.certificate]
    wait_until(lambda: "certificate" not in alarms(pole), what="its end")


def alarms(pole: Pole) -> dict[str, str]:
    """What is wrong, and in which words."""
    with suppress(ControlError):
        return {one.what: one.said for one in pole.status().alarms}
    return {}


def test_a_subscriber_learns_of_loss_and_return_and_keeps_the_checkpoints_between_reads(pole: Pole) -> None:
    daemon, owner = pole.run(), pole.receive(OWNER)
    kept = pole.folder / f"{OWNER}.jsonl.checkpoint"
    wait_until(kept.exists, what="the subscriber keeps a checkpoint", within=90)
    assert open_note(kept.read_text(), pole.device_key.public_key()).size > 0
    texas, ear = Ear(pole, TEXAS), Ear(pole, COUNTY)
    for each in (texas, ear):
        wait_until(each.listens, what="they listen", within=20)
    desk.opt_out(pole.policy, "national-lookup")
    assert pole.take_up() == ""
    before = len(texas.states())
    wait_until(lambda: "national-lookup" in ear.opt_outs(), what="the opt-out is told", within=30)
    daemon.kill()
    owner.await_words(f"{DEVICE} is lost since ", within=60)
    wait_until(lambda: ear.states()[-1] == "lost", what="the loss is told to all who may hear it", within=30)
    again = pole.run()
    owner.await_words(f"{DEVICE} is back after ", within=90)
    assert again.end() == 0
    owner.await_words(f"{DEVICE} is stopped since ")
    assert len(texas.states()) == before, "an agency that was opted out hears nothing more"
    assert owner.end() == 0
