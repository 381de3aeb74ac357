"""`access = "none"`: a broker that others run, here Debian's ejabberd: it carries reads, forgets late, lacks walls."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge import keys
from edge.check.finding import State
from edge.check.network import broker_findings
from edge.cli import main
from edge.clock import SystemClock
from edge.config import Broker as BrokerTable
from edge.delivery.broker import Broker, Handover
from edge.delivery.foreign import Foreign, foreign_walls
from edge.delivery.topics import notice_filters, read_topic, status_topic
from edge.errors import BrokerError
from edge.relay.notices import will
from tests.access.test_setup import EXAMPLES
from tests.broker import wait_until
from tests.ejabberd import OPEN, PASSWORD, STRICT, Ejabberd, running
from tests.ledger.builders import HandClock
from tests.relay.house import COUNTY, DEVICE, OWNER, STOLEN, TEXAS, Agency, House

NOBODY = "nobody-pd"
"""It has an account and no topic; at the other host it has all, as everybody."""
pytestmark = pytest.mark.needs("ejabberdctl")


@pytest.fixture(scope="module")
def ejabberd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ejabberd]:
    folder = tmp_path_factory.mktemp("ejabberd")
    with running(folder, device=DEVICE, agencies=(OWNER, COUNTY), strangers=(NOBODY,)) as made:
        yield made


class Pole(House):
    """The device's rooms, at that broker."""

    def __init__(self, folder: Path, broker: Ejabberd) -> None:
        self.site = broker
        super().__init__(folder, broker.port)

    def rows(self) -> set[str]:
        """Whose reads wait."""
        self.clock.move(1)
        due = self.ledger.due(self.clock.at, limit=999, turn=lambda _: (-1, 999))
        return {row.envelope.subscriber_id for row in due}

    def reach(self, client_id: str) -> Broker:
        return self.site.reach(DEVICE if client_id == "the-device" else client_id)


@pytest.fixture
def house(tmp_path: Path, ejabberd: Ejabberd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pole]:
    # `homerule receive` is a process of its own, with the real time
    monkeypatch.setattr("tests.relay.house.NOW", SystemClock(trusted=True).now().at)
    made = Pole(tmp_path / "house", ejabberd)
    wait_until(made.broker.ready, what="the device is connected")
    yield made
    made.close()


def receive(house: Pole, name: str, *more: str) -> "subprocess.Popen[str]":
    """`homerule receive`, as that agency types it."""
    keys._store(house.sealing_keys[name], house.folder / f"{name}.key")
    words = [
        *("receive", "--subscriber", name, "--broker", f"127.0.0.1:{house.site.port}", "--ca", str(house.site.ca)),
        *("--username", f"{name}@{STRICT}", "--password-file", str(house.site.password_file())),
        *("--key", str(house.folder / f"{name}.key"), "--device-key", str(house.folder / "device.key.pub")),
        *("--out", str(house.folder / f"{name}.jsonl"), *more),
    ]
    return subprocess.Popen([sys.executable, "-m", "edge", *words], stderr=subprocess.PIPE, text=True)


def test_a_read_that_waited_arrives_is_stored_acknowledged_and_gone_from_the_outbox(house: Pole) -> None:
    house.passes(STOLEN)
    house.passes(STOLEN)
    house.relay.step()  # nobody listens yet
    process = receive(house, COUNTY, "--count", "2", "--for", "60")
    house.step_until(lambda: process.poll() is not None, what="homerule receive has all")
    house.step_until(lambda: COUNTY not in house.rows(), what="it is settled")
    said = process.communicate()[1]
    assert (process.returncode, "2 reads received" in said) == (0, True), said
    lines = [json.loads(line) for line in (house.folder / f"{COUNTY}.jsonl").read_text().splitlines()]
    assert [line["data"]["plate"] for line in lines] == [STOLEN, STOLEN]
    assert "refused" not in said


@pytest.mark.parametrize(
    ("sent", "came"),
    [
        pytest.param([(b"first", 30), (b"brief", 1), (b"longer", 30)], [b"first", b"longer"], id="what waits"),
        # so says ejabberd 23.01, and so `check` says it too
        pytest.param([(b"brief", 1), (b"longer", 30)], [b"brief", b"longer"], id="but not the one that is under way"),
    ],
)
def test_what_the_broker_may_not_keep_longer_is_gone_when_its_agency_comes_back(
    ejabberd: Ejabberd, sent: list[tuple[bytes, int]], came: list[bytes]
) -> None:
    device = ejabberd.reach(DEVICE)
    agency = Sleeper(ejabberd, OWNER)
    device.connect()
    for payload, seconds in sent:
        assert device.send(read_topic(DEVICE, OWNER, test=False), payload, seconds=seconds) is Handover.TAKEN
    threading.Event().wait(2.1)  # the broker's own time
    assert agency.wakes() == came
    device.close()


class Sleeper:
    """An agency with a session that outlives its connection, away since it was made."""

    def __init__(self, broker: Ejabberd, name: str) -> None:
        self._broker, self._name = broker, name
        self._received: list[bytes] = []
        self._granted = threading.Event()
        client = self._connected(clean=True)
        client.on_subscribe = lambda *_: self._granted.set()
        client.subscribe(read_topic(DEVICE, name, test=False), qos=1)
        assert self._granted.wait(10)
        self._end(client)

    def wakes(self) -> list[bytes]:
        """Comes back; what had waited for it."""
        client = self._connected(clean=False)
        wait_until(lambda: b"longer" in self._received, what="the last has come")
        self._end(client)
        return self._received

    def _connected(self, *, clean: bool) -> paho.Client:
        login = self._broker.login(self._name)
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=self._name, protocol=paho.MQTTv5)
        client.tls_set_context(login.tls.context())
        client.username_pw_set(login.name, login.password)
        client.on_message = lambda _client, _data, message: self._received.append(message.payload)
        wishes = Properties(PacketTypes.CONNECT)
        wishes.SessionExpiryInterval = 600
        client.connect("127.0.0.1", self._broker.port, 30, clean_start=clean, properties=wishes)
        client.loop_start()
        wait_until(client.is_connected, what="the agency is connected")
        return client

    @staticmethod
    def _end(client: paho.Client) -> None:
        client.disconnect()
        client.loop_stop()


def test_status_and_the_brokers_last_word_come_through(ejabberd: Ejabberd) -> None:
    device, owner = ejabberd.reach(DEVICE, will=will(DEVICE, test=False)), ejabberd.reach(OWNER)
    for each in notice_filters(None, test=False):
        owner.subscribe(each)
    for line in (owner, device):
        line.connect()
    assert device.send(status_topic(DEVICE, test=False), b"{}", seconds=30) is Handover.TAKEN
    for wanted in (b"{}", b'"state":"lost"'):
        arrival = owner.take(10)
        assert wanted in arrival.payload
        arrival.done()
        device.cut()
    owner.close()


def test_an_agency_that_the_broker_does_not_know_keeps_its_reads_waiting_and_holds_up_nobody(house: Pole) -> None:
    house.passes(STOLEN)
    house.relay.step()
    assert {OWNER, TEXAS} <= house.rows()
    owner = Agency(house, OWNER)
    house.step_until(owner.plates, owner, what="the owner has it")
    owner.close()
    assert TEXAS in house.rows()


def missing(ejabberd: Ejabberd, host: str, *, agency: bool = True) -> list[str]:
    at = Foreign(
        host="127.0.0.1",
        port=ejabberd.port,
        device_id=DEVICE,
        device=ejabberd.login(DEVICE, host),
        agency=ejabberd.login(NOBODY, host) if agency else None,
    )
    return [wall.name for wall in foreign_walls(at, clock=HandClock()) if wall.breach is not None]


BY_NATURE = ["an opt-out takes the right away at the broker", "what waits for an agency is dropped with its right"]
OF_EJABBERD = ["TLS 1.2", "retained messages"]


def test_a_broker_that_keeps_agencies_apart_lacks_what_only_its_administrator_can_do(ejabberd: Ejabberd) -> None:
    assert missing(ejabberd, STRICT) == [*OF_EJABBERD, *BY_NATURE]


def test_a_broker_that_lets_everybody_read_everything_is_found_out(ejabberd: Ejabberd) -> None:
    found = missing(ejabberd, OPEN)
    assert {"an agency subscribes to #", f"an agency subscribes to homerule/v1/{DEVICE}/status"} <= set(found)
    assert f"an agency publishes to homerule/v1/{DEVICE}/status" in found
    assert "the device subscribes to #" in found


def test_without_an_agencys_login_it_says_that_this_was_not_tried(ejabberd: Ejabberd) -> None:
    assert missing(ejabberd, STRICT, agency=False) == [*OF_EJABBERD, "agencies are kept apart", *BY_NATURE]


def test_a_wrong_login_is_said_and_not_taken_for_a_wall(ejabberd: Ejabberd) -> None:
    login = ejabberd.login("unknown")
    at = Foreign(host="127.0.0.1", port=ejabberd.port, device_id=DEVICE, device=login, agency=None)
    with pytest.raises(BrokerError, match="does not let in the device's login"):
        list(foreign_walls(at, clock=HandClock()))


def table(ejabberd: Ejabberd) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": ejabberd.port,
        "access": "none",
        "ca": ejabberd.ca,
        "username": f"{DEVICE}@{STRICT}",
        "password_file": ejabberd.password_file(),
    }


def test_check_notes_each_wall_that_is_missing_there(ejabberd: Ejabberd) -> None:
    findings = broker_findings(BrokerTable(**table(ejabberd)), device_id=DEVICE, clock=SystemClock(trusted=True))
    notes = [each.thing for each in findings if each.state is State.NOTE]
    assert notes == ["wall: apart", "wall: revocation", "wall: retained", "wall: status"]
    assert {each.thing for each in findings if each.state is State.WRONG} == set()


def test_broker_check_is_typed_and_its_exit_code_says_that_walls_are_missing(
    ejabberd: Ejabberd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (EXAMPLES / "device.toml").read_text()
    lines = [
        f"{key} = {value if isinstance(value, int) else json.dumps(str(value))}"
        for key, value in table(ejabberd).items()
    ]
    broker = "\n".join(["[broker]", *lines, "", ""])
    config = tmp_path / "device.toml"
    config.write_text(
        (text[: text.index("[broker]")] + broker + text[text.index("[policy]") :]).replace("elm-street-north", DEVICE)
    )
    words = ["broker", "check", "--config", str(config)]
    words += ["--as-username", f"{NOBODY}@{STRICT}", "--as-password-file", str(ejabberd.password_file())]
    monkeypatch.setattr(sys, "argv", ["homerule", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (1, "")
    assert "4 walls are missing: ask whoever runs the broker" in said.out
    assert PASSWORD not in said.out
