"""The subscriber tells a person when a device is lost and back, and keeps the checkpoints shown between reads."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.delivery.broker import Arrival
from edge.delivery.topics import checkpoint_topic, status_topic
from edge.delivery.wire import CheckpointWord, StatusWord, encoded, said
from edge.errors import EnvelopeError
from edge.ledger import checkpoint
from edge.receive import Witness, notices
from tests.broker import Mosquitto, mosquitto
from tests.delivery.reads import DEVICE, DEVICE_KEY, NOON, sealed
from tests.ledger.builders import HandClock
from tests.receive.lines import note_of
from tests.receive.test_receive import Device, Subscriber

__all__ = ["mosquitto"]
STATUS, CHECKPOINT = status_topic(DEVICE, test=False), checkpoint_topic(DEVICE, test=False)


@pytest.fixture
def device(mosquitto: Mosquitto) -> Iterator[Device]:
    made = Device(mosquitto.port)
    yield made
    made.broker.close()


@pytest.fixture
def neighbour(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Subscriber]:
    made = Subscriber(mosquitto.port, tmp_path / "reads.jsonl")
    yield made
    made.close()


@pytest.fixture
def tell(device: Device, neighbour: Subscriber) -> Callable[..., None]:
    """The device publishes this, and the neighbour has taken it."""

    def tell(payload: bytes, topic: str = STATUS) -> None:
        device.broker.send(topic, payload, seconds=30)
        assert neighbour.receiver.step(patience=5) is None

    return tell


def standing(state: str, **more: object) -> bytes:
    return said(StatusWord(**({"v": 1, "device": DEVICE, "state": state, "test": False} | more)))


def showing(note: str, hours: float = 0, **more: object) -> bytes:
    plain = {"v": 1, "device": DEVICE, "at": NOON + timedelta(hours=hours), "checkpoint": encoded(note.encode())}
    return said(CheckpointWord(**(plain | more)))


def test_a_lost_device_is_told_with_the_time_once_and_its_return_too(
    tell: Callable[..., None], neighbour: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    for state in ("running", "lost", "lost", "running", "running"):
        tell(standing(state))
    lost, back = caplog.messages
    assert lost.startswith(f"{DEVICE} is lost since {neighbour.clock.at:%Y-%m-%d %H:%M:%S} UTC: ")
    assert back.startswith(f"{DEVICE} is back after ")


def test_a_device_that_was_stopped_is_not_called_lost(
    tell: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    tell(standing("running"))
    tell(standing("stopped"))
    (stopped,) = caplog.messages
    assert "is stopped since" in stopped


def test_a_device_that_says_nothing_any_more_is_told_while_the_broker_is_there(
    tell: Callable[..., None],
    neighbour: Subscriber,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(notices, "monotonic", lambda: seconds[0])
    tell(standing("running"))
    seconds[0] += notices.SILENT_AFTER - 1
    neighbour.receiver.step(patience=0.01)
    assert caplog.messages == []
    seconds[0] += 2
    for _ in range(3):
        neighbour.receiver.step(patience=0.01)
    assert len(caplog.messages) == 1
    assert f"{DEVICE} is silent since" in caplog.text
    tell(standing("running"))
    assert caplog.messages[1].startswith(f"{DEVICE} is back")


def test_the_checkpoint_of_the_topic_stands_beside_the_reads(
    tell: Callable[..., None], neighbour: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    for number, size in enumerate((5, 9, 7)):
        tell(showing(note_of(size), number / 60), CHECKPOINT)
    assert neighbour.note() == note_of(9)
    assert neighbour.lines() == []
    assert caplog.messages == []


def test_a_fork_between_a_read_and_the_topic_is_told(
    device: Device, tell: Callable[..., None], neighbour: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    device.publish(sealed(checkpoint=note_of(9)))
    neighbour.receiver.step(patience=5)
    tell(showing(note_of(9, b"x")), CHECKPOINT)
    assert "two audit logs of 9 entries" in caplog.text


def test_a_log_that_goes_back_on_the_topic_is_told(
    tell: Callable[..., None], neighbour: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    neighbour.clock.move(3600 * 3)
    tell(showing(note_of(900)), CHECKPOINT)
    tell(showing(note_of(501), 2), CHECKPOINT)
    assert "went back from 900 to 501 entries" in caplog.text


def test_a_time_in_the_future_does_not_hide_a_log_that_goes_back(
    tell: Callable[..., None], neighbour: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    tell(showing(note_of(900), 24 * 365), CHECKPOINT)
    neighbour.clock.move(3600 * 3)
    tell(showing(note_of(501), 3), CHECKPOINT)
    assert "went back from 900 to 501 entries" in caplog.text


FORGED = checkpoint.sign(DEVICE, "log", 9, b"r" * 32, Ed25519PrivateKey.generate()).note


@pytest.mark.parametrize(
    ("payload", "topic", "why"),
    [
        (showing(FORGED), CHECKPOINT, "not signed by its key"),
        (showing(note_of(9), device="oak-street-2"), CHECKPOINT, "came on another's topic"),
        (showing(note_of(9), checkpoint="AAAA"), CHECKPOINT, "not signed by its key"),
        (showing(note_of(9), checkpoint="////"), CHECKPOINT, "not signed by its key"),
        (standing("lost", device="oak-street-2"), STATUS, "came on another's topic"),
        (showing("QX7 K219\n9\nAAAA\n\n"), CHECKPOINT, "not signed by its key"),
        (b"QX7 K219", STATUS, "a status is not version 1"),
        (b'{"v":2}', CHECKPOINT, "a checkpoint is not version 1"),
    ],
    ids=[
        "forged",
        "another topic",
        "no note",
        "no text",
        "another device lost",
        "a plate for a name",
        "no status",
        "another version",
    ],
)
def test_what_does_not_hold_is_refused_and_said_once(
    tell: Callable[..., None],
    neighbour: Subscriber,
    caplog: pytest.LogCaptureFixture,
    payload: bytes,
    topic: str,
    why: str,
) -> None:
    for _ in range(2):
        tell(payload, topic)
    (words,) = caplog.messages
    assert why in words
    assert "QX7" not in words
    assert not neighbour.out.with_name("reads.jsonl.checkpoint").exists()


def test_who_asked_for_one_device_is_told_of_no_other(caplog: pytest.LogCaptureFixture) -> None:
    heard = notices.Notices(
        witness=Witness(None, DEVICE_KEY.public_key()), clock=HandClock(), test=False, device_id="oak-street-2"
    )
    with pytest.raises(EnvelopeError, match="another device's"):
        heard.hear(Arrival(topic=STATUS, payload=standing("lost"), done=lambda: None))
    with pytest.raises(EnvelopeError, match="another device's"):
        heard.hear(Arrival(topic=CHECKPOINT, payload=showing(note_of(9)), done=lambda: None))
    assert caplog.messages == []


VALID = [standing("running"), standing("lost"), showing(note_of(9)), showing(FORGED)]


@settings(deadline=None, max_examples=150)
@given(
    topic=st.sampled_from([STATUS, CHECKPOINT]),
    payload=st.binary(max_size=300)
    | st.builds(
        lambda of, at, with_: of[:at] + with_ + of[at + len(with_) :],
        st.sampled_from(VALID),
        st.integers(0, 400),
        st.binary(max_size=12),
    ),
)
def test_whatever_a_stranger_sends_is_taken_or_refused_in_words_of_ours(topic: str, payload: bytes) -> None:
    heard = notices.Notices(witness=Witness(None, DEVICE_KEY.public_key()), clock=HandClock(), test=False)
    words = ""
    try:
        heard.hear(Arrival(topic=topic, payload=payload, done=lambda: None))
    except EnvelopeError as refused:
        words = str(refused)
    assert not words or OURS.fullmatch(words), words


OURS = re.compile(
    r"a (status|checkpoint) is not version 1 of the wire format(, at `[a-z_.0-9]+`)?|a checkpoint is not base64|"
    r"a checkpoint is not that device's, or not signed by its key|it is another device's, or came on another's topic"
)


def test_a_status_of_test_mode_says_nothing_of_the_device(
    tell: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    tell(standing("running"))
    tell(standing("lost", test=True))
    assert caplog.messages == []


def test_devices_that_nobody_has_are_not_remembered_without_end(
    device: Device, neighbour: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "_MOST_DEVICES", 3)
    for number in range(6):
        word = standing("running", device=f"device-{number}")
        device.broker.send(status_topic(f"device-{number}", test=False), word, seconds=30)
        neighbour.receiver.step(patience=5)
    assert len(neighbour.receiver._notices._devices) == 3
