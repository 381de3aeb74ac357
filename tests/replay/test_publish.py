"""`--publish`: sealed test reads to a broker on this computer, and to no other."""

from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from edge.capture import open_recording
from edge.delivery.topics import checkpoint_topic, status_topic
from edge.delivery.wire import StatusWord, parse
from edge.errors import BrokerError
from edge.replay import Publisher, Replay, load_rules
from tests.broker import Mosquitto, wait_until
from tests.replay.test_replay import SCENE, save
from tests.vision.scene import START, Eyes

STATUS, CHECKPOINT = status_topic("replay", test=True), checkpoint_topic("replay", test=True)


@pytest.fixture
def run(tmp_path: Path) -> Replay:
    pictures = save(tmp_path / "pictures", SCENE, seconds=6)
    (tmp_path / "ledger").mkdir()
    return Replay(
        recording=open_recording(pictures, camera_id="recording", start=START, pictures_per_second=10),
        models=Eyes(SCENE),
        rules=load_rules(None, start=START),
        folder=tmp_path / "ledger",
        start=START,
    )


@pytest.mark.needs("mosquitto")
def test_the_reads_that_the_policy_allows_arrive_as_test_reads(run: Replay, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    arrived: list[tuple[str, bytes]] = []
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    listener.on_message = lambda client, userdata, message: arrived.append((message.topic, message.payload))
    listener.connect("127.0.0.1", broker.port)
    listener.subscribe("#", qos=1)
    listener.loop_start()
    try:
        with Publisher(f"127.0.0.1:{broker.port}", run=run) as publisher:
            shared = 0
            for step in run.steps():
                shared += sum(one.effect == "share" for outcome in step.outcomes for one in outcome.decisions)
                publisher.step()
            missing = publisher.finish()
        wait_until(lambda: states(arrived)[-1:] == ["stopped"], what="all has arrived")
    finally:
        listener.loop_stop()
        broker.stop()
    assert shared > 0
    assert missing == shared
    reads = [topic for topic, _ in arrived if topic.startswith("homerule-test/v1/replay/to/")]
    assert len(reads) == shared
    assert {topic for topic, _ in arrived if topic not in reads} == {STATUS, CHECKPOINT}
    assert set(states(arrived)[:-1]) == {"running"}


def states(arrived: list[tuple[str, bytes]]) -> list[str]:
    """What the replay has said of itself."""
    return [parse(StatusWord, payload, what="it").state for topic, payload in arrived if topic == STATUS]


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1:1883", "broker.example.org:1883", "0.0.0.0:1883", "127.0.0.1.example.org:1883", "[2001:db8::1]:1883"],
)
def test_another_computer_is_refused_before_anything_is_connected(run: Replay, address: str) -> None:
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1"):
        Publisher(address, run=run)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost:", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:²", ""])
def test_an_address_that_is_none_is_refused_with_an_example(run: Replay, address: str) -> None:
    with pytest.raises(BrokerError, match=r"like 127\.0\.0\.1:1883"):
        Publisher(address, run=run)


def test_a_broker_that_is_away_is_said(run: Replay) -> None:
    with pytest.raises(BrokerError), Publisher("127.0.0.1:1", run=run):
        pass
