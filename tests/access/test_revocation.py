"""From the moment when a right is gone, its agency gets nothing: not live, not from a backlog, not from a session.

The gate is left open on purpose here, so that the broker alone is what stands in the way.
"""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from edge.delivery.access import MosquittoRights
from edge.delivery.broker import Broker
from edge.delivery.topics import read_topic
from edge.errors import RightsError
from tests.access.agency import ENDED, REFUSED, Agency
from tests.access.cutter import Cutter
from tests.broker import wait_until
from tests.site import DEVICE, NEIGHBOUR, OPTED_OUT, OWNER, Site

BEFORE = 10
EVERYWHERE = f"homerule/v1/+/to/{OPTED_OUT}/read"
HERE = read_topic(DEVICE, OPTED_OUT, test=False)


@dataclass(frozen=True)
class Manner:
    """How an agency is when its right goes: `settings` of its client, and what is in `received` by then."""

    settings: dict[str, object] = field(default_factory=dict)
    received: int = BEFORE
    offline: bool = False
    topic_filter: str | None = None


MANNERS = {
    "live": Manner(),
    "live, asking for every device": Manner(topic_filter=EVERYWHERE),
    "a backlog, two at a time and slow": Manner(settings={"receive_maximum": 2, "acks": False}, received=2),
    "offline with a durable session": Manner(received=0, offline=True),
    "mqtt 3.1.1": Manner(settings={"protocol": "3.1.1"}),
    "mqtt 3.1.1, offline": Manner(settings={"protocol": "3.1.1"}, received=0, offline=True),
    "reconnects at once": Manner(settings={"returns": (HERE,)}),
    "a backlog, and reconnects at once": Manner(
        settings={"receive_maximum": 2, "acks": False, "returns": (HERE,)}, received=2
    ),
}
manners = pytest.mark.parametrize("manner", list(MANNERS.values()), ids=list(MANNERS))


@pytest.fixture
def rights(site: Site) -> MosquittoRights:
    made = site.rights()
    made.apply(site.grants())
    return made


@pytest.fixture
def device(site: Site, rights: MosquittoRights) -> Broker:
    made = site.device()
    made.connect()
    return made


@pytest.fixture
def owner(site: Site, rights: MosquittoRights) -> Broker:
    made = site.subscriber(OWNER)
    made.connect()
    return made


def reads(device: Broker, site: Site, words: str, number: int = BEFORE) -> None:
    for each in range(number):
        device.send(site.topic(OPTED_OUT), f"{words} {each}".encode(), seconds=30)


def settled(device: Broker, owner: Broker, site: Site) -> None:
    """Returns when the broker has served everybody: it does one thing after the other, and this is the last."""
    device.send(site.topic(OWNER), b"settled", seconds=30)
    arrival = owner.take(5)
    assert arrival is not None
    arrival.done()


def with_its_reads(site: Site, device: Broker, manner: Manner) -> Agency:
    """An agency that has what `manner` says, and for which the rest waits at the broker."""
    agency = Agency(site, OPTED_OUT, **manner.settings)
    agency.connect()
    assert agency.subscribe(manner.topic_filter or site.topic(OPTED_OUT)) == 1
    if manner.offline:
        agency.vanish()
    reads(device, site, "before")
    wait_until(lambda: len(agency.received) >= manner.received, what="what was allowed has arrived")
    return agency


@manners
def test_nothing_is_delivered_after_the_right_is_gone(
    site: Site, rights: MosquittoRights, device: Broker, owner: Broker, manner: Manner
) -> None:
    agency = with_its_reads(site, device, manner)
    rights.revoke(site.grant(OPTED_OUT))
    had = len(agency.received)
    reads(device, site, "after")
    agency.acknowledge()
    settled(device, owner, site)
    if not manner.settings.get("returns"):
        agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) in (REFUSED, ENDED)
    reads(device, site, "still after")
    settled(device, owner, site)
    assert agency.received[had:] == []
    assert had == manner.received


@manners
@pytest.mark.parametrize("seen", [True, False], ids=["having come back in between", "without coming back in between"])
def test_a_right_that_is_given_again_delivers_nothing_old(
    site: Site, rights: MosquittoRights, device: Broker, owner: Broker, manner: Manner, seen: bool
) -> None:
    agency = with_its_reads(site, device, manner)
    rights.revoke(site.grant(OPTED_OUT))
    had = len(agency.received)
    reads(device, site, "during")
    if seen and not manner.settings.get("returns"):
        agency.connect()
        agency.subscribe(site.topic(OPTED_OUT))
        reads(device, site, "during")
        agency.vanish()
    rights.grant(site.grant(OPTED_OUT))
    agency.acknowledge()
    if manner.settings.get("returns"):
        wait_until(lambda: agency.connected and agency.subscribe(site.topic(OPTED_OUT)) == 1, what="it is back")
    else:
        agency.connect()
        assert agency.subscribe(site.topic(OPTED_OUT)) == 1
    assert agency.received[had:] == []
    reads(device, site, "new", 1)
    wait_until(lambda: agency.received[had:], what="what is allowed again arrives")
    assert agency.received[had:] == [b"new 0"]


@pytest.mark.parametrize("how", ["granted", "applied"])
def test_a_line_that_was_lost_here_and_stands_there_is_ended_before_a_right_is_given(
    site: Site, rights: MosquittoRights, device: Broker, how: str
) -> None:
    lost = through_another(site, publishes=lambda: False)
    assert device.connected
    lost.revoke(site.grant(OPTED_OUT))
    assert device.connected
    if how == "granted":
        lost.grant(site.grant(OPTED_OUT))
    else:
        lost.apply(site.grants())
    wait_until(lambda: not device.connected, what="the old line is ended")


def through_another(site: Site, *, publishes: Callable[[], bool]) -> MosquittoRights:
    """Rights of a device that says of its publishing line whether it stands."""
    made = MosquittoRights(
        control_port=site.control_port,
        credential=site.credential,
        device_id=site.device_id,
        clock=site.clock,
        publishes=publishes,
    )
    site.at_end(made.close)
    return made


def test_a_revocation_cuts_nobody_else_off(site: Site, rights: MosquittoRights, device: Broker, owner: Broker) -> None:
    neighbour = Agency(site, NEIGHBOUR)
    neighbour.connect()
    neighbour.subscribe(site.topic(NEIGHBOUR))
    rights.revoke(site.grant(OPTED_OUT))
    device.send(site.topic(NEIGHBOUR), b"read", seconds=30)
    settled(device, owner, site)
    wait_until(lambda: neighbour.received == [b"read"], what="the neighbour has its read")
    assert neighbour.connected


def test_a_revocation_ends_the_session(site: Site, rights: MosquittoRights, device: Broker) -> None:
    agency = with_its_reads(site, device, MANNERS["offline with a durable session"])
    rights.revoke(site.grant(OPTED_OUT))
    assert agency.connect() == 0
    assert not agency.session_present


def test_a_grant_ends_a_session_that_was_made_before_it(site: Site, rights: MosquittoRights) -> None:
    rights.revoke(site.grant(OPTED_OUT))
    agency = Agency(site, OPTED_OUT)
    agency.connect()
    agency.vanish()
    rights.grant(site.grant(OPTED_OUT))
    assert agency.connect() == 0
    assert not agency.session_present


def test_each_step_of_a_revocation_is_named_and_timed(site: Site, rights: MosquittoRights) -> None:
    steps = rights.revoke(site.grant(OPTED_OUT))
    assert [name for name, _ in steps] == ["connect", "remove", "read-back", "drop"]
    assert all(isinstance(took, int) and took >= 0 for _, took in steps)


def test_each_step_of_a_grant_is_named_and_timed(site: Site, rights: MosquittoRights) -> None:
    rights.revoke(site.grant(OPTED_OUT))
    steps = rights.grant(site.grant(OPTED_OUT))
    assert [name for name, _ in steps] == ["connect", "remove", "drop", "add", "read-back"]


def test_a_right_that_nobody_has_can_be_revoked(site: Site, rights: MosquittoRights) -> None:
    rights.revoke(site.grant("never-enrolled"))
    rights.revoke(site.grant(OPTED_OUT))
    rights.revoke(site.grant(OPTED_OUT))


def test_a_message_in_flight_to_the_agency_is_not_sent_again(
    site: Site, rights: MosquittoRights, device: Broker, owner: Broker
) -> None:
    agency = with_its_reads(site, device, MANNERS["a backlog, two at a time and slow"])
    rights.revoke(site.grant(OPTED_OUT))
    rights.grant(site.grant(OPTED_OUT))
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == 1
    settled(device, owner, site)
    assert len(agency.received) == 2


def test_what_is_not_wanted_any_more_is_taken_away_as_a_whole(
    site: Site, rights: MosquittoRights, device: Broker, owner: Broker
) -> None:
    agency = with_its_reads(site, device, MANNERS["offline with a durable session"])
    rights.apply(site.grants(OWNER))
    rights.apply(site.grants(OWNER, OPTED_OUT))
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == 1
    settled(device, owner, site)
    assert agency.received == []


def test_a_daemon_that_starts_again_drops_what_waited(site: Site, rights: MosquittoRights, device: Broker) -> None:
    agency = with_its_reads(site, device, MANNERS["offline with a durable session"])
    rights.close()
    site.rights().apply(site.grants())
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == 1
    assert agency.received == []


def test_applying_the_same_rights_again_disturbs_nobody(site: Site, rights: MosquittoRights, device: Broker) -> None:
    agency = Agency(site, OPTED_OUT)
    agency.connect()
    agency.subscribe(site.topic(OPTED_OUT))
    rights.apply(site.grants())
    assert agency.connected
    assert device.connected
    reads(device, site, "read", 1)
    wait_until(lambda: agency.received == [b"read 0"], what="the read is there")


@pytest.fixture
def cutter(site: Site) -> Iterator[Cutter]:
    made = Cutter(site.control_port, site.kill)
    yield made
    made.close()


def through(site: Site, cutter: Cutter) -> MosquittoRights:
    """The daemon's control connection by way of the wire that is going to be cut."""
    made = MosquittoRights(
        control_port=cutter.port, credential=site.credential, device_id=site.device_id, clock=site.clock
    )
    site.at_end(made.close)
    return made


WORDS = ("remove", "read-back", "drop")
FAULTS = [
    pytest.param(
        packet,
        after,
        id=f"{word}, {'done but not told' if after else 'not done'}",
        marks=() if (packet + after) % 2 else pytest.mark.full,
    )
    for packet, word in enumerate(WORDS)
    for after in (False, True)
]


def revoke(rights: MosquittoRights, site: Site) -> None:
    rights.revoke(site.grant(OPTED_OUT))


@pytest.mark.parametrize(("packet", "after"), FAULTS)
def test_a_broker_killed_within_a_revocation_delivers_nothing_when_it_is_back(
    site: Site, rights: MosquittoRights, device: Broker, cutter: Cutter, packet: int, after: bool
) -> None:
    agency = with_its_reads(site, device, MANNERS["offline with a durable session"])
    rights.close()
    cut = through(site, cutter)
    before = cut.generation()
    cutter.cut(packet, after=after)
    with pytest.raises(RightsError) as failed:
        cut.revoke(site.grant(OPTED_OUT))
    assert failed.value.step == WORDS[packet]
    assert cut.generation() is None
    site.start()
    wait_until(lambda: cut.generation() not in (None, before), what="the broker is back, and it is another generation")
    cut.apply(site.grants(OWNER, NEIGHBOUR))
    device.connect()
    reads(device, site, "after")
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == REFUSED
    assert agency.received == []
    cut.grant(site.grant(OPTED_OUT))
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == 1
    reads(device, site, "new", 1)
    wait_until(lambda: agency.received, what="what is allowed again arrives")
    assert agency.received == [b"new 0"]


def test_a_daemon_that_lost_only_its_connection_drops_what_waited(
    site: Site, rights: MosquittoRights, device: Broker
) -> None:
    rights.close()
    wire = Cutter(site.control_port, lambda: None)
    cut = through(site, wire)
    cut.apply(site.grants())
    agency = with_its_reads(site, device, MANNERS["offline with a durable session"])
    wire.cut(0, after=False)
    with pytest.raises(RightsError):
        cut.revoke(site.grant(NEIGHBOUR))
    cut.apply(site.grants())
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == 1
    assert agency.received == []
    wire.close()


GIVING = ("remove", "drop", "add", "read-back", "read-back")


@pytest.mark.full
@pytest.mark.parametrize("after", [False, True], ids=["not done", "done but not told"])
@pytest.mark.parametrize("packet", range(len(GIVING)))
def test_a_broker_killed_within_a_grant_has_it_when_it_is_applied_again(
    site: Site, rights: MosquittoRights, device: Broker, cutter: Cutter, packet: int, after: bool
) -> None:
    rights.revoke(site.grant(OPTED_OUT))
    rights.close()
    cut = through(site, cutter)
    cut.generation()
    cutter.cut(packet, after=after)
    with pytest.raises(RightsError) as failed:
        cut.grant(site.grant(OPTED_OUT))
    assert failed.value.step == GIVING[packet]
    site.start()
    wait_until(lambda: cut.generation() is not None, what="the broker is back")
    cut.apply(site.grants())
    agency = Agency(site, OPTED_OUT)
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == 1


@pytest.mark.full
@pytest.mark.parametrize("after", [False, True], ids=["not done", "done but not told"])
@pytest.mark.parametrize("packet", range(6))
def test_a_broker_killed_within_an_apply_has_nobody_elses_rights(
    site: Site, rights: MosquittoRights, cutter: Cutter, packet: int, after: bool
) -> None:
    rights.close()
    cut = through(site, cutter)
    cut.generation()
    cutter.cut(packet, after=after)
    with pytest.raises(RightsError):
        cut.apply(site.grants(OWNER, NEIGHBOUR))
    site.start()
    wait_until(lambda: cut.generation() is not None, what="the broker is back")
    cut.apply(site.grants(OWNER, NEIGHBOUR))
    for name, allowed in ((OWNER, True), (NEIGHBOUR, True), (OPTED_OUT, False)):
        agency = Agency(site, name)
        agency.connect(clean=True)
        assert (agency.subscribe(site.topic(name)) == 1) is allowed


class Flow:
    """A device that sends numbered messages without pause, whatever its gate should say. `next` may be on its way."""

    def __init__(self, site: Site, device: Broker) -> None:
        self._site, self._device, self._stop = site, device, threading.Event()
        self.next = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            self._device.send(self._site.topic(OPTED_OUT), f"{self.next}".encode(), seconds=30)
            self.next += 1


ROUNDS = [pytest.param(seed, marks=() if seed < 4 else pytest.mark.full) for seed in range(54)]


@pytest.mark.parametrize("seed", ROUNDS)
def test_while_messages_flow_none_is_delivered_from_the_wrong_side(
    site: Site, rights: MosquittoRights, device: Broker, seed: int
) -> None:
    chance = random.Random(seed)
    manner = chance.choice([one for one in MANNERS.values() if not one.offline])
    agency = Agency(site, OPTED_OUT, **manner.settings)
    agency.connect()
    agency.subscribe(site.topic(OPTED_OUT))
    with Flow(site, device) as flow:
        begun = chance.randrange(10, 60)
        wait_until(lambda: flow.next > begun, what="messages flow")
        rights.revoke(site.grant(OPTED_OUT))
        gone, until = flow.next, flow.next + chance.randrange(5, 40)
        agency.acknowledge()
        if not manner.settings.get("returns"):
            agency.connect()
            agency.subscribe(site.topic(OPTED_OUT))
        wait_until(lambda: flow.next > until, what="messages flow on")
        given = flow.next
        rights.grant(site.grant(OPTED_OUT))
        if not manner.settings.get("returns"):
            agency.connect()
            assert agency.subscribe(site.topic(OPTED_OUT)) == 1
        wait_until(lambda: any(int(one) >= given for one in agency.received), what="what is allowed again arrives")
    wrong = [int(one) for one in agency.received if gone < int(one) < given]
    assert wrong == []
    assert len(agency.received) > 1
