"""What the site's own Mosquitto gives to whom: each its own topic, and nobody anything else. One fact a test."""

import json
import socket
import ssl
import threading
import warnings
from collections.abc import Iterator
from datetime import timedelta

import pytest

from edge import keys
from edge.delivery import site as sites
from edge.delivery.broker import Broker, Handover, Tls
from edge.delivery.certificates import Authority, pem, request
from edge.delivery.roles import COMMANDS
from edge.errors import BrokerError, ConfigError
from tests.access.agency import ENDED, REFUSED, Agency
from tests.broker import wait_until
from tests.site import DEVICE, NAMES, NEIGHBOUR, OPTED_OUT, OWNER, Site

FOREIGN = (
    "#",
    "+/#",
    "homerule/#",
    "+/+/+/+/+/+",
    "homerule/v1/+/to/+/read",
    f"homerule/v1/{DEVICE}/to/+/read",
    f"homerule/v1/{DEVICE}/to/{OWNER}/read",
    f"homerule/v1/{DEVICE}/to/{OPTED_OUT}/#",
    f"homerule/v1/{DEVICE}/from/+/ack",
    f"homerule/v1/{DEVICE}/from/{OWNER}/ack",
    "homerule-test/#",
    "$share/squat/#",
    f"$share/squat/homerule/v1/{DEVICE}/to/{OWNER}/read",
    f"$share/squat/homerule/v1/{DEVICE}/to/{OPTED_OUT}/read",
    f"$share/squat/homerule/v1/{DEVICE}/to/{NEIGHBOUR}/read",
    "$SYS/#",
    "$CONTROL/#",
    "$CONTROL/dynamic-security/v1/response",
)


@pytest.fixture
def site(house: Site) -> Iterator[Site]:
    """Owner and neighbour may read, the opted-out agency is enrolled and has no right."""
    house.rights().apply(house.grants(OWNER, NEIGHBOUR))
    yield house
    house.hang_up()


@pytest.fixture
def device(site: Site) -> Iterator[Broker]:
    made = site.device()
    made.connect()
    yield made
    made.close()


@pytest.mark.parametrize("topic_filter", [*FOREIGN, f"homerule/v1/{DEVICE}/to/{OPTED_OUT}/read"])
def test_the_opted_out_agency_gets_no_byte(site: Site, device: Broker, topic_filter: str) -> None:
    agency = Agency(site, OPTED_OUT)
    assert agency.connect(clean=True) == 0
    assert agency.subscribe(topic_filter) == REFUSED
    all_three(device, site)
    assert agency.subscribe("barrier") == REFUSED
    assert agency.received == []


@pytest.mark.parametrize("topic_filter", FOREIGN)
def test_the_neighbour_gets_no_byte_of_another(site: Site, device: Broker, topic_filter: str) -> None:
    agency = Agency(site, NEIGHBOUR)
    agency.connect(clean=True)
    assert agency.subscribe(topic_filter) == REFUSED
    assert agency.subscribe(site.topic(NEIGHBOUR)) == 1
    all_three(device, site)
    assert agency.subscribe("barrier") == REFUSED
    assert agency.received == [NEIGHBOUR.encode()]


@pytest.mark.parametrize("topic_filter", FOREIGN)
def test_with_mqtt_3_the_neighbour_gets_no_byte_of_another_either(
    site: Site, device: Broker, topic_filter: str
) -> None:
    agency = Agency(site, NEIGHBOUR, protocol="3.1.1")
    agency.connect()
    assert agency.subscribe(topic_filter) == ENDED
    assert agency.subscribe(site.topic(NEIGHBOUR)) == 1
    all_three(device, site)
    assert agency.subscribe("barrier") == ENDED
    assert agency.received == [NEIGHBOUR.encode()]
    agency.unsubscribe(site.topic(NEIGHBOUR))


def test_an_agency_may_ask_for_its_reads_of_every_device(site: Site, device: Broker) -> None:
    agency = Agency(site, OWNER)
    agency.connect(clean=True)
    assert agency.subscribe(f"homerule/v1/+/to/{OWNER}/read") == 1
    all_three(device, site)
    wait_until(lambda: agency.received == [OWNER.encode()], what="its own read, and nothing else, is there")


@pytest.mark.parametrize(
    "topic",
    [
        f"homerule/v1/{DEVICE}/to/{OWNER}/read",
        f"homerule/v1/{DEVICE}/to/{NEIGHBOUR}/read",
        f"homerule/v1/{DEVICE}/from/{OWNER}/ack",
        f"homerule/v1/other-device/from/{NEIGHBOUR}/ack",
        f"homerule/v1/{DEVICE}/status",
        "$SYS/broker/version",
        COMMANDS,
    ],
)
def test_an_agency_publishes_nothing_but_its_own_acknowledgements(site: Site, topic: str) -> None:
    agency = Agency(site, NEIGHBOUR)
    agency.connect(clean=True)
    assert agency.publish(topic) == REFUSED
    assert agency.publish(f"homerule/v1/{DEVICE}/from/{NEIGHBOUR}/ack") in (0, 16)


def test_a_will_says_nothing_to_another(site: Site, device: Broker) -> None:
    owner = Agency(site, OWNER)
    owner.connect(clean=True)
    owner.subscribe(site.topic(OWNER))
    dying = Agency(site, NEIGHBOUR, will=site.topic(OWNER))
    assert dying.connect(clean=True) == 0
    gone = f"Client {NEIGHBOUR} closed its connection"
    before = site.log.count(gone)
    dying.vanish()
    wait_until(lambda: site.log.count(gone) > before, what="the broker has seen it die")
    assert owner.subscribe("barrier") == REFUSED
    assert owner.received == []


def test_an_agency_cannot_make_itself_an_administrator(site: Site) -> None:
    agency = Agency(site, NEIGHBOUR)
    agency.connect(clean=True)
    wish = {"command": "addClientRole", "username": NEIGHBOUR, "rolename": "control"}
    assert agency.publish(COMMANDS, json.dumps({"commands": [wish]}).encode()) == REFUSED
    assert agency.subscribe("$CONTROL/#") == REFUSED


def test_the_device_cannot_administer_nor_read_what_it_sent(site: Site) -> None:
    made = Agency(site, "device", tls=Tls(ca=site.ca, cert=site.table.certificate, key=site.table.key))
    made.connect(clean=True)
    assert made.publish(COMMANDS, b"{}") == REFUSED
    assert made.subscribe(site.topic(OWNER)) == REFUSED


def test_the_control_account_does_not_read(site: Site) -> None:
    control = Agency(site, "controller", port=site.control_port, login=keys.load_logins(site.credential)[0])
    assert control.connect(clean=True) == 0
    assert control.subscribe(site.topic(OWNER)) == REFUSED
    assert control.subscribe("#") == REFUSED


def test_the_account_that_takes_sessions_over_has_no_right_at_all(site: Site) -> None:
    caller = Agency(site, "caller", port=site.control_port, login=keys.load_logins(site.credential)[1])
    assert caller.connect(clean=True) == 0
    assert caller.subscribe(site.topic(OWNER)) == REFUSED
    assert caller.publish(COMMANDS, b"{}") == REFUSED


def test_a_forged_client_id_does_not_take_another_agencys_place(site: Site, device: Broker) -> None:
    owner = Agency(site, OWNER)
    owner.connect(clean=True)
    owner.subscribe(site.topic(OWNER))
    forger = Agency(site, NEIGHBOUR, client_id=OWNER)
    assert forger.connect() == 0
    assert forger.subscribe(site.topic(OWNER)) == REFUSED
    all_three(device, site)
    wait_until(lambda: owner.received == [OWNER.encode()], what="the owner still has its read")
    assert owner.connected
    assert forger.received == []


def test_an_agency_has_no_password_at_the_control_listener(site: Site) -> None:
    for password in ("", OWNER):
        agency = Agency(site, OWNER, port=site.control_port, login=(OWNER, password))
        assert agency.connect(clean=True) == REFUSED


def test_nobody_without_a_name_gets_in_at_the_control_listener(site: Site) -> None:
    nobody = Agency(site, "nobody", port=site.control_port, login=("", ""))
    assert nobody.connect(clean=True) == REFUSED


def test_the_control_password_opens_nothing_on_the_agencies_listener(site: Site) -> None:
    agency = Agency(site, OPTED_OUT, login=keys.load_logins(site.credential)[0], tls=site.tls(OPTED_OUT))
    assert agency.connect(clean=True) == 0
    assert agency.publish(COMMANDS, b"{}") == REFUSED


def test_the_control_listener_is_on_this_computer_only(site: Site) -> None:
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    with open("/proc/net/tcp6") as table:
        rows += [line.split() for line in table.readlines()[1:]]
    listening = {row[1] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == site.control_port}
    assert listening == {f"0100007F:{site.control_port:04X}"}


def test_no_certificate_is_made_with_a_name_like_the_control_accounts(site: Site) -> None:
    name = keys.load_logins(site.credential)[0][0]
    key_file = site.folder / "like-control.key"
    asked = request(keys.new_certificate_key(key_file), name)
    with pytest.raises(ConfigError, match="cannot be a certificate's name"):
        sites.enroll(site.folder, asked, where="the request", name=name, now=site.clock.now().at)


def test_no_certificate_is_made_with_a_name_like_the_devices(site: Site) -> None:
    asked = request(keys.new_certificate_key(site.folder / "like-device.key"), f"device:{DEVICE}")
    with pytest.raises(ConfigError, match="cannot be a certificate's name"):
        sites.enroll(site.folder, asked, where="the request", name=f"device:{DEVICE}", now=site.clock.now().at)


@pytest.mark.parametrize("name", [OWNER, "control"])
def test_a_certificate_of_another_authority_is_refused(site: Site, name: str) -> None:
    wished = keys.load_logins(site.credential)[0][0] if name == "control" else name
    assert Agency(site, name, tls=site.forge(wished)).connect(clean=True) == ENDED


def test_without_a_certificate_nobody_gets_in(site: Site) -> None:
    assert Agency(site, OWNER, tls=Tls(ca=site.ca)).connect(clean=True) == ENDED


def test_a_certificate_that_has_ended_is_refused(site: Site) -> None:
    key = keys.new_certificate_key(site.folder / "ended.key")
    then = site.clock.now().at - timedelta(days=31)
    made = Authority.load(site.folder / sites.AUTHORITY).for_client(OWNER, key.public_key(), now=then)
    (site.folder / "ended.crt").write_bytes(pem(made))
    shown = Tls(ca=site.ca, cert=site.folder / "ended.crt", key=site.folder / "ended.key")
    assert Agency(site, OWNER, tls=shown).connect(clean=True) == ENDED


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_1"])
def test_old_tls_is_refused(site: Site, version: str) -> None:
    context = site.tls(OWNER).context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion[version]
    with (
        socket.create_connection(("127.0.0.1", site.port), timeout=5) as line,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        context.wrap_socket(line, server_hostname="127.0.0.1").close()


def test_plain_mqtt_is_not_spoken_where_agencies_connect(site: Site) -> None:
    assert Agency(site, OWNER, login=("x", "y"), port=site.port).connect(clean=True) == ENDED


def test_an_agency_cannot_pose_as_the_broker(site: Site) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.folder / f"{NEIGHBOUR}.crt", site.folder / f"{NEIGHBOUR}.key")
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            line, _ = door.accept()
            try:
                context.wrap_socket(line, server_side=True).close()
            except OSError:
                line.close()

        threading.Thread(target=answer, daemon=True).start()
        tls = Tls(ca=site.ca, cert=site.table.certificate, key=site.table.key)
        fooled = Broker(host="127.0.0.1", port=door.getsockname()[1], client_id="device", tls=tls)
        with pytest.raises(BrokerError, match="certificate verify failed"):
            fooled.connect()


@pytest.mark.parametrize("who", ["device", NEIGHBOUR])
def test_nothing_can_be_left_behind_as_retained(site: Site, who: str) -> None:
    device_tls = Tls(ca=site.ca, cert=site.table.certificate, key=site.table.key)
    writer = Agency(site, who, tls=device_tls if who == "device" else None)
    writer.connect(clean=True)
    topic = site.topic(OWNER) if who == "device" else f"homerule/v1/{DEVICE}/from/{NEIGHBOUR}/ack"
    assert writer.publish(topic, b"retained", retain=True) == ENDED
    owner = Agency(site, OWNER)
    owner.connect(clean=True)
    owner.subscribe(site.topic(OWNER))
    assert owner.subscribe("barrier") == REFUSED
    assert owner.received == []


def test_a_message_larger_than_any_of_ours_ends_its_senders_connection_only(site: Site, device: Broker) -> None:
    owner = Agency(site, OWNER)
    owner.connect(clean=True)
    big = Agency(site, NEIGHBOUR)
    big.connect(clean=True)
    assert big.publish(f"homerule/v1/{DEVICE}/from/{NEIGHBOUR}/ack", bytes(200_000)) == ENDED
    assert device.send(site.topic(OWNER), bytes(66_600), seconds=5) in (Handover.TAKEN, Handover.NO_SUBSCRIBER)
    assert owner.connected


def test_what_waits_at_the_broker_is_in_no_file(site: Site, device: Broker) -> None:
    owner = Agency(site, OWNER)
    owner.connect(clean=True)
    owner.subscribe(site.topic(OWNER))
    owner.vanish()
    secret = b"QXK9217-sealed"
    assert device.send(site.topic(OWNER), secret, seconds=30) is Handover.TAKEN
    assert not [path for path in site.folder.rglob("*") if path.is_file() and secret in path.read_bytes()]


def all_three(device: Broker, site: Site) -> None:
    """One message to each agency's topic, with the agency's name in it."""
    for name in NAMES:
        device.send(site.topic(name), name.encode(), seconds=30)
