"""Who may hear how a device stands: each agency while it has its right, the device alone may say it, nobody else."""

from collections.abc import Iterator

import pytest

from edge.delivery.broker import Broker, Handover, Tls
from edge.delivery.dynsec import Dynsec
from edge.delivery.roles import role_of
from edge.delivery.topics import checkpoint_topic, notice_filters, status_topic
from edge.relay.notices import will
from tests.access.agency import ENDED, REFUSED, Agency
from tests.broker import wait_until
from tests.site import DEVICE, NEIGHBOUR, OPTED_OUT, OWNER, Site

STATUS, CHECKPOINT = status_topic(DEVICE, test=False), checkpoint_topic(DEVICE, test=False)
EXACT, ANY = notice_filters(DEVICE, test=False), notice_filters(None, test=False)


@pytest.fixture
def device(site: Site) -> Iterator[Broker]:
    """The device's own line, with its will; everybody has a right."""
    site.rights().apply(site.grants())
    table = site.table
    made = Broker(
        host="127.0.0.1",
        port=site.port,
        client_id=DEVICE,
        tls=Tls(ca=site.ca, cert=table.certificate, key=table.key),
        will=will(DEVICE, test=False),
    )
    site.at_end(made.close)
    made.connect()
    return made


def listening(site: Site, name: str, *filters: str) -> Broker:
    made = site.subscriber(name, subscribed=False)
    for topic_filter in filters:
        made.subscribe(topic_filter)
    made.connect()
    return made


@pytest.mark.parametrize("filters", [EXACT, ANY], ids=["by name", "by plus"])
def test_an_agency_with_a_right_hears_both(site: Site, device: Broker, filters: tuple[str, str]) -> None:
    owner = listening(site, OWNER, *filters)
    for topic in (STATUS, CHECKPOINT):
        assert device.send(topic, b"{}", seconds=30) is Handover.TAKEN
        assert owner.take(5).topic == topic


def test_the_brokers_last_word_reaches_them_too(site: Site, device: Broker) -> None:
    owner = listening(site, OWNER, *ANY)
    device.cut()
    heard = owner.take(5)
    assert (heard.topic, b'"state":"lost"' in heard.payload) == (STATUS, True)


def test_who_lost_its_right_hears_nothing_more_not_even_that_the_device_is_lost(site: Site, device: Broker) -> None:
    owner, texas = listening(site, OWNER, *ANY), Agency(site, OPTED_OUT, returns=ANY)
    texas.connect()
    assert device.send(STATUS, b"before", seconds=30) is Handover.TAKEN
    wait_until(lambda: texas.received == [b"before"], what="it hears as long as it may")
    site.rights().revoke(site.grant(OPTED_OUT))
    wait_until(lambda: texas.life == 2, what="it is back at once")
    assert device.send(STATUS, b"after", seconds=30) is Handover.TAKEN
    device.cut()
    for _ in range(3):
        assert owner.take(5) is not None
    assert texas.received == [b"before"]
    # the broker may still be ending the life that it saw
    assert {texas.subscribe(each) for each in (*EXACT, *ANY)} - {ENDED} == {REFUSED}
    texas.leave()


def test_nobody_but_the_device_says_how_it_stands(site: Site, device: Broker) -> None:
    owner, neighbour = listening(site, OWNER, *ANY), listening(site, NEIGHBOUR)
    for topic in (STATUS, CHECKPOINT, status_topic("oak-street-2", test=False)):
        assert neighbour.send(topic, b"{}", seconds=30) is Handover.DENIED
    assert device.send(status_topic("oak-street-2", test=False), b"{}", seconds=30) is Handover.DENIED
    assert owner.take(0.2) is None


def test_a_will_of_an_agency_is_not_heard_as_the_devices(site: Site, device: Broker) -> None:
    owner = listening(site, OWNER, *ANY)
    forger = Agency(site, NEIGHBOUR, will=STATUS)
    forger.connect()
    forger.vanish()
    assert device.send(STATUS, b"{}", seconds=30) is Handover.TAKEN
    assert owner.take(5).payload == b"{}"
    assert owner.take(0.2) is None


def test_no_other_filter_over_them_is_granted(site: Site, device: Broker) -> None:
    owner = Agency(site, OWNER)
    owner.connect()
    wider = ("homerule/v1/+/+", "homerule/+/+/status", "+/v1/+/status", f"$share/x/{STATUS}", f"homerule/v1/{DEVICE}/#")
    assert [owner.subscribe(each) for each in wider] == [REFUSED] * len(wider)
    owner.leave()


def test_a_broker_that_grants_reads_only_gives_reads_and_what_is_missing_is_said_once(
    site: Site, device: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    rights = site.rights()
    rights.apply(site.grants())
    dynsec: Dynsec = rights._reach()
    role = role_of(site.grant(OWNER))
    dynsec.do(
        [
            {"command": "removeRoleACL", "rolename": role, "acltype": "subscribeLiteral", "topic": each}
            for each in (*EXACT, *ANY)
        ]
    )
    owner = site.subscriber(OWNER)
    for each in ANY:
        owner.subscribe(each, needed=False)
    for _ in range(2):
        wait_until(owner.ready, what="it is connected")
        owner.cut()
    wait_until(owner.ready, what="it is connected again")
    wait_until(device.ready, what="the device is connected")
    assert device.send(site.topic(OWNER), b"{}", seconds=30) is Handover.TAKEN
    assert owner.take(5).topic == site.topic(OWNER)
    assert len([text for text in caplog.messages if "we do without" in text]) == 2
