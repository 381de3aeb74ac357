"""The reference subscriber stores what verifies, once, before it acknowledges; and `homerule receive` on its own."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import keys
from edge.cli import main
from edge.delivery.broker import Broker, Handover
from edge.delivery.topics import ack_filter, read_topic
from edge.errors import ConfigError, NotStored
from edge.ledger import checkpoint
from edge.receive import LinesFile, Printed, Receiver, Stored, Witness
from edge.values import Envelope
from tests.broker import Mosquitto, free_port, mosquitto, wait_until
from tests.delivery.reads import (
    DEVICE,
    DEVICE_KEY,
    NEIGHBOUR,
    NOON,
    OWNER,
    PLATE,
    SEALING_KEY,
    TOKEN,
    sealed,
    tags,
)
from tests.ledger.builders import HandClock
from tests.receive.lines import line, note_of

__all__ = ["mosquitto"]


class Device:
    """The device's end: publishes what it is given, and hears acknowledgements."""

    def __init__(self, port: int, *, test: bool = False) -> None:
        self.broker = Broker(host="127.0.0.1", port=port, client_id="the-device", loopback_only=True)
        self.broker.subscribe(ack_filter(DEVICE, test=test))
        self.broker.connect()

    def publish(self, envelope: Envelope) -> Handover:
        return self.broker.publish(envelope, now=NOON)

    def heard(self, patience: float = 5.0) -> dict | None:
        arrival = self.broker.take(patience)
        return None if arrival is None else json.loads(arrival.payload)


@pytest.fixture
def device(mosquitto: Mosquitto) -> Iterator[Device]:
    device = Device(mosquitto.port)
    yield device
    device.broker.close()


class Subscriber:
    """The neighbour, with its file."""

    def __init__(self, port: int, out: Path, *, test: bool = False) -> None:
        self.out, self.store = out, LinesFile(out)
        self.clock = HandClock(at=NOON + timedelta(seconds=1))
        self.broker = Broker(host="127.0.0.1", port=port, client_id="neighbour", loopback_only=True)
        self.receiver = Receiver(
            broker=self.broker,
            store=self.store,
            subscriber_id=NEIGHBOUR,
            sealing_key=SEALING_KEY,
            device_public_key=DEVICE_KEY.public_key(),
            device_id=None,
            clock=self.clock,
            test=test,
            witness=Witness(out, DEVICE_KEY.public_key()),
        )
        wait_until(self.broker.ready, what="the subscriber is connected")

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.out.read_bytes().splitlines()]

    def note(self) -> str:
        return self.out.with_name(self.out.name + ".checkpoint").read_text()

    def close(self) -> None:
        self.broker.close()
        if self.store is not None:
            self.store.close()
            self.store = None


@pytest.fixture
def neighbour(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Subscriber]:
    subscriber = Subscriber(mosquitto.port, tmp_path / "reads.jsonl")
    yield subscriber
    subscriber.close()


def test_a_read_is_stored_and_then_acknowledged_with_its_token(device: Device, neighbour: Subscriber) -> None:
    envelope = sealed()
    device.publish(envelope)
    assert neighbour.receiver.step(patience=5).message_id == envelope.message_id
    (line,) = neighbour.lines()
    assert (line["id"], line["data"]["plate"]) == (envelope.message_id, PLATE)
    assert device.heard() == {"message_id": envelope.message_id, "acktoken": TOKEN}


def test_a_stored_line_keeps_no_token(device: Device, neighbour: Subscriber) -> None:
    device.publish(sealed())
    neighbour.receiver.step(patience=5)
    assert TOKEN not in neighbour.out.read_text()


def test_a_second_copy_is_acknowledged_again_and_not_stored(device: Device, neighbour: Subscriber) -> None:
    envelope = sealed()
    device.publish(envelope)
    device.publish(envelope)
    assert neighbour.receiver.step(patience=5) is not None
    assert neighbour.receiver.step(patience=5) is None
    assert device.heard() == device.heard()
    assert len(neighbour.lines()) == 1


def test_a_copy_after_a_restart_is_known_from_the_file(
    mosquitto: Mosquitto, device: Device, neighbour: Subscriber, tmp_path: Path
) -> None:
    envelope = sealed()
    device.publish(envelope)
    neighbour.receiver.step(patience=5)
    neighbour.close()
    again = Subscriber(mosquitto.port, tmp_path / "reads.jsonl")
    device.publish(envelope)
    assert again.receiver.step(patience=5) is None
    assert len(again.lines()) == 1
    again.close()


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (lambda: sealed(device_key=Ed25519PrivateKey.generate()), "not signed by the expected device key"),
        (lambda: sealed(tags(test=True)), "test message in production"),
        (lambda: sealed(subscriber_id=OWNER), "meant for another subscriber"),
        (lambda: sealed(device_id="oak-street-2"), "it came on another device's topic"),
        (lambda: sealed(tags(retain_until=NOON + timedelta(seconds=0.5))), "expired at"),
    ],
)
def test_what_does_not_verify_is_neither_stored_nor_acknowledged(
    device: Device, neighbour: Subscriber, caplog: pytest.LogCaptureFixture, envelope, why: str
) -> None:
    made, topic = envelope(), read_topic(DEVICE, NEIGHBOUR, test=False)
    for _ in range(2):
        device.broker.send(topic, made.payload, seconds=30)
        neighbour.receiver.step(patience=5)
    assert neighbour.receiver.refused == 2
    assert neighbour.lines() == []
    assert device.heard(0.2) is None
    assert [text for text in caplog.messages if why in text] == caplog.messages
    assert len(caplog.messages) == 1
    assert PLATE not in caplog.text


def test_a_read_that_cannot_be_stored_is_not_acknowledged(device: Device, neighbour: Subscriber) -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), neighbour.store._file)
    device.publish(sealed())
    with pytest.raises(ConfigError, match=r"no space left on device; the read is not acknowledged"):
        neighbour.receiver.step(patience=5)
    assert device.heard(0.2) is None


class Moody(Printed):
    """A store that does not take the first read."""

    def __init__(self) -> None:
        super().__init__([].append)
        self.moods = [NotStored("not now")]

    def add(self, read: Stored) -> None:
        if self.moods:
            raise self.moods.pop()
        super().add(read)


def test_a_read_that_a_command_does_not_take_is_not_acknowledged_and_the_next_one_is(
    device: Device, neighbour: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    neighbour.receiver._store = Moody()
    for name in ("first", "second"):
        device.publish(sealed(tags(read_id=name)))
        neighbour.receiver.step(patience=5)
    assert device.heard()["message_id"] == f"second.{NEIGHBOUR}"
    assert neighbour.receiver.failed == 1
    assert "not acknowledged, it comes again: not now" in caplog.text


def test_a_read_is_deleted_while_the_receiver_waits(device: Device, neighbour: Subscriber) -> None:
    device.publish(sealed(tags(retain_until=NOON + timedelta(minutes=3))))
    neighbour.receiver.step(patience=5)
    neighbour.clock.at = NOON + timedelta(minutes=3)
    neighbour.receiver.step(patience=0.01)
    assert neighbour.lines() == []
    assert neighbour.receiver.deleted == 1


def test_a_correction_says_which_stored_read_it_replaces(device: Device, neighbour: Subscriber) -> None:
    device.publish(sealed(tags(read_id="first")))
    device.publish(sealed(tags(read_id="second", replaces="first")))
    for _ in range(2):
        neighbour.receiver.step(patience=5)
    second = neighbour.lines()[1]
    assert (second["type"], second["replacesid"]) == ("org.homerule.correction.v1", f"first.{NEIGHBOUR}")
    assert second["replacesheld"] is True


def test_a_withdrawal_says_which_read_it_takes_back(device: Device, neighbour: Subscriber) -> None:
    device.publish(sealed(tags(read_id="second", replaces="first"), withdrawal=True))
    neighbour.receiver.step(patience=5)
    (line,) = neighbour.lines()
    assert (line["type"], line["replacesid"]) == ("org.homerule.withdrawal.v1", f"first.{NEIGHBOUR}")
    assert line["replacesheld"] is False


def test_a_read_that_comes_after_its_correction_says_so_also_after_a_restart(
    mosquitto: Mosquitto, device: Device, neighbour: Subscriber
) -> None:
    device.publish(sealed(tags(read_id="second", replaces="first")))
    neighbour.receiver.step(patience=5)
    neighbour.close()
    again = Subscriber(mosquitto.port, neighbour.out)
    device.publish(sealed(tags(read_id="first")))
    again.receiver.step(patience=5)
    assert again.lines()[1]["replacedby"] == f"second.{NEIGHBOUR}"
    again.close()


def test_the_newest_checkpoint_stands_beside_the_reads(device: Device, neighbour: Subscriber) -> None:
    for number, size in enumerate((5, 9, 7)):
        device.publish(sealed(tags(read_id=f"read{number}"), checkpoint=note_of(size)))
        neighbour.receiver.step(patience=5)
    assert neighbour.note() == note_of(9)


def test_two_logs_of_one_size_are_said(device: Device, neighbour: Subscriber, caplog: pytest.LogCaptureFixture) -> None:
    for number, fill in enumerate((b"a", b"b")):
        device.publish(sealed(tags(read_id=f"read{number}"), checkpoint=note_of(9, fill)))
        neighbour.receiver.step(patience=5)
    assert "two audit logs of 9 entries" in caplog.text


def test_a_checkpoint_that_the_device_did_not_sign_is_not_kept(
    device: Device, neighbour: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    forged = checkpoint.sign(DEVICE, "log", 9, b"r" * 32, Ed25519PrivateKey.generate()).note
    device.publish(sealed(checkpoint=forged))
    assert neighbour.receiver.step(patience=5) is not None
    assert "a checkpoint is refused" in caplog.text
    assert not neighbour.out.with_name("reads.jsonl.checkpoint").exists()


def test_a_test_read_that_would_be_kept_for_ever_is_refused(mosquitto: Mosquitto, tmp_path: Path) -> None:
    device, neighbour = Device(mosquitto.port, test=True), Subscriber(mosquitto.port, tmp_path / "reads", test=True)
    neighbour.receiver.step(patience=0.2)
    device.publish(sealed(tags(test=True, retain_until=datetime.max.replace(tzinfo=UTC))))
    assert neighbour.receiver.step(patience=5) is None
    assert neighbour.receiver.refused == 1
    assert neighbour.lines() == []
    device.broker.close()
    neighbour.close()


def test_the_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "reads.jsonl").touch(0o644)
    LinesFile(tmp_path / "reads.jsonl").close()
    assert stat.S_IMODE((tmp_path / "reads.jsonl").stat().st_mode) == 0o600


def test_a_line_cut_off_by_a_power_cut_is_removed(tmp_path: Path) -> None:
    out = tmp_path / "reads.jsonl"
    out.write_bytes(line("a.b").line + line("c.d").line[:-5])
    store = LinesFile(out)
    store.add(line("e.f"))
    assert (store.holds("a.b"), store.holds("c.d")) == (True, False)
    assert out.read_bytes() == line("a.b").line + line("e.f").line
    store.close()


@pytest.mark.parametrize("before", [b"", line("a.b").line])
def test_a_last_read_that_lost_only_its_newline_is_kept(tmp_path: Path, before: bytes) -> None:
    out = tmp_path / "reads.jsonl"
    out.write_bytes(before + line("c.d").line.removesuffix(b"\n"))
    store = LinesFile(out)
    store.add(line("e.f"))
    assert store.holds("c.d")
    assert out.read_bytes() == before + line("c.d").line + line("e.f").line
    store.close()


@pytest.mark.parametrize(
    "content",
    [
        "shopping list\n",
        "[" * 100_000 + "\n",
        line("a.b", test=True, time="2020-06-01T12:00:00Z", retainuntil="9999-12-31T00:00:00Z").line.decode(),
        "[]\n",
        '{"id":"a.b"}\n',
        line("a.b").line.decode() + "\n",
        "\xff\n",
        "a note",
        '{"key": 1}',
        "\0",
    ],
)
def test_a_file_with_other_content_is_left_alone(tmp_path: Path, content: str) -> None:
    out = tmp_path / "reads.jsonl"
    out.write_text(content, encoding="latin-1")
    out.chmod(0o644)
    with pytest.raises(ConfigError, match="is no received read"):
        LinesFile(out)
    assert out.read_text(encoding="latin-1") == content
    assert stat.S_IMODE(out.stat().st_mode) == 0o644


@pytest.mark.parametrize("length", [1, 9, 40])
@pytest.mark.parametrize("stored", [line("a.b"), line("a.b", bundledigest="0" * 64)], ids=["memory", "read"])
def test_the_first_line_cut_off_is_removed_where_it_is_ours(tmp_path: Path, stored: Stored, length: int) -> None:
    out = tmp_path / "reads.jsonl"
    out.write_bytes(stored.line[:length])
    LinesFile(out).close()
    assert out.read_bytes() == b""


def test_two_receivers_do_not_share_a_file(tmp_path: Path) -> None:
    first = LinesFile(tmp_path / "reads.jsonl")
    with pytest.raises(ConfigError, match="another `homerule receive` writes it"):
        LinesFile(tmp_path / "reads.jsonl")
    first.close()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened, is a directory"):
        LinesFile(tmp_path)


def test_a_printed_read_is_printed_once() -> None:
    printed: list[str] = []
    store = Printed(printed.append)
    store.add(line("a.b"))
    assert store.holds("a.b")
    assert printed == [line("a.b").line.decode()]


# the command


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the neighbour's and the device's keys, as they would lie on disk."""
    keys._store(SEALING_KEY, tmp_path / "agency.key")
    keys._store(DEVICE_KEY, tmp_path / "device.key")
    return tmp_path


def command(port: int, files: Path, *more: str, device_key: str | None = "device.key.pub") -> list[str]:
    given = {
        "--broker": f"127.0.0.1:{port}",
        "--subscriber": NEIGHBOUR,
        "--key": str(files / "agency.key"),
        "--device-key": None if device_key is None else str(files / device_key),
    }
    flat = [part for pair in given.items() if pair[1] is not None for part in pair]
    return ["receive", *flat, *more]


@contextmanager
def started(arguments: list[str]) -> "Iterator[subprocess.Popen[str]]":
    """The program in a process of its own, which a test that fails does not wait for."""
    whole = [sys.executable, "-m", "edge", *arguments]
    with subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The program in this process, which is quicker: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["homerule", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code, *capsys.readouterr())

    return run


def test_the_command_stores_a_read_that_the_test_device_sends(mosquitto: Mosquitto, files: Path) -> None:
    device = Device(mosquitto.port, test=True)
    out = files / "reads.jsonl"
    words = command(mosquitto.port, files, "--test", "--out", str(out), "--count", "1", device_key=None)
    with started(words) as process:
        envelope = sealed(tags(test=True), device_key=keys.TEST_DEVICE_KEY)
        wait_until(lambda: device.publish(envelope) is Handover.TAKEN, what="the command listens", within=30)
        assert process.wait(30) == 0
    assert json.loads(out.read_text().splitlines()[0])["data"]["plate"] == PLATE
    assert device.heard()["message_id"] == envelope.message_id
    device.broker.close()


def test_killed_and_started_again_it_runs_the_command_once_for_a_read(mosquitto: Mosquitto, files: Path) -> None:
    device = Device(mosquitto.port, test=True)
    ran, memory = files / "ran", files / "memory"
    keeps = files / "keeps"
    keeps.write_text(f'#!/bin/sh\ncat >> "{ran}"\n')
    keeps.chmod(0o700)
    words = ["--test", "--run", str(keeps), "--memory", str(memory)]
    envelope = sealed(tags(test=True), device_key=keys.TEST_DEVICE_KEY)
    connected = f"as {NEIGHBOUR} "
    for turn in (1, 2):
        with started(command(mosquitto.port, files, *words, device_key=None)) as process:
            # for a moment the broker still takes messages for the one that was killed
            wait_until(lambda turn=turn: mosquitto.log.count(connected) == turn, what="it is connected", within=30)
            wait_until(lambda: device.publish(envelope) is Handover.TAKEN, what="the command listens", within=30)
            assert device.heard(30)["message_id"] == envelope.message_id
            process.kill()
    assert [json.loads(line)["id"] for line in ran.read_text().splitlines()] == [envelope.message_id]
    assert PLATE not in memory.read_text()
    device.broker.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_command_stops_cleanly_when_told_to(mosquitto: Mosquitto, files: Path, how: signal.Signals) -> None:
    with started(command(mosquitto.port, files)) as process:
        wait_until(lambda: f"as {NEIGHBOUR}" in mosquitto.log, what="the command is connected", within=30)
        process.send_signal(how)
        said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, ("", "homerule: 0 reads received\n"))


def test_the_command_says_once_that_the_broker_is_away(files: Path, run) -> None:
    code, _, errors = run(*command(free_port(), files, "--for", "1.5"))
    assert code == 1
    lines = errors.splitlines()
    assert "cannot be reached (connection refused)" in lines[0]
    assert lines[1:] == ["homerule: 0 reads received", "homerule: the broker could not be reached in the time given"]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (["--broker", "127.0.0.1"], 2, "is not HOST:PORT"),
        (["--broker", "127.0.0.1:0"], 2, "is not HOST:PORT"),
        (["--broker", "127.0.0.1:" + "9" * 5000], 2, "is not HOST:PORT"),
        (["--run", "true", "--memory", "x", "--run-within", "1e300"], 2, "--run-within"),
        (["--key", "/nowhere.key"], 1, "/nowhere.key: no such file"),
        (["--device-key", "/nowhere.pub"], 1, "/nowhere.pub: no such file"),
        (["--device-key", "A" * 43 + "="], 1, "cannot be reached"),
        (["--device-key", "!" * 43 + "="], 1, "--device-key: not a public key"),
        (["--subscriber", "Not An Id"], 1, "`Not An Id` cannot stand in a topic"),
        (["--out", "/"], 1, "cannot be opened"),
        (["--ca", "/nowhere.pem"], 1, "/nowhere.pem: not a readable CA certificate (no such file or directory)"),
        (["--cert", "x"], 2, "need --ca"),
        (["--protocol", "4"], 2, "--protocol"),
        (["--device-key", keys.public_text(keys.TEST_DEVICE_KEY)], 1, "everybody can sign with the test device's key"),
        (["--test"], 1, "a real device's key signs no test messages"),
        (["--run", "true"], 2, "--run and --memory FILE go together"),
        (["--memory", "x"], 2, "--run and --memory FILE go together"),
        (["--run", "true", "--memory", "x", "--out", "y"], 2, "give --out or --run, not both"),
    ],
)
def test_wrong_arguments_are_named_without_a_traceback(
    files: Path, run, change: list[str], code: int, said: str
) -> None:
    ended, _, errors = run(*command(free_port(), files, "--for", "0.1", *change))
    assert ended == code
    assert said in errors


def test_keygen_prints_the_public_half_that_it_wrote(tmp_path: Path, run) -> None:
    made = run("keygen", str(tmp_path / "a.key"), "--kind", "sealing")
    assert made == (0, (tmp_path / "a.key.pub").read_text(), "")


def test_keygen_never_writes_over_a_key(tmp_path: Path, run) -> None:
    run("keygen", str(tmp_path / "a.key"), "--kind", "sealing")
    code, _, errors = run("keygen", str(tmp_path / "a.key"), "--kind", "signing")
    assert code == 1
    assert "exists already" in errors
