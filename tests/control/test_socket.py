"""The control socket: who may ask what, and that nobody who asks can hurt anybody else."""

import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from edge.control import peers
from edge.control.client import ask_status, ask_take_up
from edge.control.peers import Peer, peer_of
from edge.control.server import LONGEST_QUESTION, Server
from edge.control.status import AlarmStatus, BundleStatus, CameraStatus, Report, Status, SubscriberStatus
from edge.errors import BrokerError, ConfigError, ControlError, HomeruleError, LedgerError, NoDaemon, PolicyError
from edge.rejection import Rejection
from tests.broker import wait_until

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
STRANGER = 65534


def status(*alarms: AlarmStatus) -> Status:
    """How some device stands."""
    return Status(
        device="pole-1",
        at=AT,
        clock_trusted=True,
        bundle=BundleStatus(
            digest="ab" * 32,
            version=3,
            revision=1,
            signed_at=AT - timedelta(days=5),
            valid_until=AT + timedelta(days=20),
            owner="village-pd",
            opt_outs=("national-lookup", "private"),
            by_hand=("national-lookup off",),
        ),
        held=None,
        subscribers=(
            SubscriberStatus(id="village-pd", name="Village Police", gate="open", right="granted", why=""),
            SubscriberStatus(id="texas-so", name="Texas", gate="shut", right="none", why="National Lookup is off."),
        ),
        alarms=alarms,
        report=Report(
            software="homerule 0.1.0",
            started_at=AT - timedelta(hours=3),
            cameras=(
                CameraStatus(
                    id="north",
                    connected=False,
                    since=AT - timedelta(minutes=9),
                    why="refused-login",
                    rejected={Rejection.TOO_SMALL: 5, Rejection.LENGTH: 0, Rejection.UNSURE: 2},
                    hurried=3,
                ),
            ),
            broker_connected=True,
            reads_waiting=12,
            ledger_id="some-id",
            ledger_entries=5231,
            free_megabytes=900,
            clock_by="timesyncd",
        ),
    )


class Device:
    """What the socket speaks for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.refuses: HomeruleError | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.alarms: tuple[AlarmStatus, ...] = ()

    def take_up(self, by: str, may_tighten: bool) -> None:
        self.asked.append((by, may_tighten))
        self.goes_on.wait(10)
        if self.refuses is not None:
            raise self.refuses

    def status(self) -> Status:
        return status(*self.alarms)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def path(tmp_path: Path, device: Device) -> Iterator[Path]:
    path = tmp_path / "run" / "control.sock"
    server = Server(path=path, take_up=device.take_up, status=device.status)
    server.start()
    yield path
    device.goes_on.set()
    server.close()
    assert not path.exists()


def connected(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(10)
    line.connect(str(path))
    return line


def answer(line: socket.socket) -> dict:
    heard = b""
    while not heard.endswith(b"\n"):
        more = line.recv(65536)
        if not more:
            break
        heard += more
    return json.loads(heard) if heard else {}


def asked(path: Path, question: bytes) -> dict:
    with connected(path) as line:
        line.sendall(question)
        return answer(line)


def test_the_daemons_own_user_is_told_how_things_stand(path: Path) -> None:
    assert ask_status(path) == status()


def test_anybody_can_connect_and_the_socket_lies_in_a_folder_of_the_daemons(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o022 == 0


def test_a_change_is_asked_for_under_the_users_number(path: Path, device: Device) -> None:
    assert ask_take_up(path) == status()
    assert device.asked == [(f"socket, uid {os.geteuid()}", True)]


@pytest.mark.parametrize("kind", [PolicyError, BrokerError, LedgerError])
def test_a_refusal_comes_back_as_what_it_is(path: Path, device: Device, kind: type[HomeruleError]) -> None:
    device.refuses = kind("policy.toml: is no good, mend it")
    with pytest.raises(kind, match=r"policy\.toml: is no good, mend it"):
        ask_take_up(path)


@pytest.mark.parametrize(
    "question",
    [b"", b"nonsense", b"[]", b'{"ask":"opt-in"}', b'{"ask":"status","more":1}', b"[" * 4000, b'"\xff\xfe"'],
)
def test_what_is_no_question_is_said_to_be_none(path: Path, question: bytes) -> None:
    said = asked(path, question + b"\n")
    assert said["ok"] is False
    assert said["kind"] == "request"


def test_a_question_without_end_is_not_read_to_its_end(path: Path) -> None:
    with connected(path) as line:
        try:
            line.sendall(b"x" * (4 * LONGEST_QUESTION))
            assert answer(line) == {}
        except OSError:
            pass  # hung up on before all was sent
    assert ask_status(path)


def test_those_who_say_nothing_keep_nobody_waiting_and_are_hung_up_on(path: Path) -> None:
    silent = [connected(path) for _ in range(7)]
    began = monotonic()
    assert ask_status(path)
    assert monotonic() - began < 1.5
    for line in silent:
        assert line.recv(1) == b""
        line.close()


def test_a_crowd_of_one_user_is_sent_away(path: Path) -> None:
    crowd = [connected(path) for _ in range(9)]
    assert answer(crowd[-1])["kind"] == "busy"
    for line in crowd:
        line.close()
    wait_until(lambda: _answers(path), what="the next is answered when they have gone")


def _answers(path: Path) -> bool:
    try:
        return bool(ask_status(path))
    except ControlError:
        return False


def test_status_is_told_while_a_change_is_waited_for(path: Path, device: Device) -> None:
    device.goes_on.clear()
    waiting = threading.Thread(target=lambda: ask_take_up(path))
    waiting.start()
    wait_until(lambda: device.asked, what="the change has begun")
    assert ask_status(path)
    device.goes_on.set()
    waiting.join()


def test_who_asks_does_not_wait_for_ever(path: Path, device: Device) -> None:
    device.goes_on.clear()
    with pytest.raises(ControlError, match=r"within 0\.2 s"):
        ask_take_up(path, patience=0.2)


def test_without_a_daemon_it_says_that_none_runs(tmp_path: Path) -> None:
    with pytest.raises(NoDaemon, match="no daemon is running here"):
        ask_status(tmp_path / "nobody.sock")


def test_a_socket_that_was_left_behind_is_taken_over(tmp_path: Path, device: Device) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    with pytest.raises(NoDaemon):
        ask_status(path)
    server = Server(path=path, take_up=device.take_up, status=device.status)
    server.start()
    assert ask_status(path)
    server.close()


def test_a_socket_on_which_a_daemon_answers_is_left_alone(path: Path, device: Device) -> None:
    with pytest.raises(ConfigError, match="another daemon"):
        Server(path=path, take_up=device.take_up, status=device.status).start()
    assert ask_status(path)


def test_the_kernel_says_who_asks() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        peer = peer_of(here)
    assert peer.uid == os.geteuid()
    assert peer.groups >= {os.getegid()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("groups", "reads", "tightens"), [([], False, False), ([4001], True, False), ([7, 4002], True, True)]
)
def test_the_two_groups_read_and_tighten_and_a_stranger_does_neither(
    path: Path, device: Device, monkeypatch: pytest.MonkeyPatch, groups: list[int], reads: bool, tightens: bool
) -> None:
    gids = {"homerule": 4001, "homerule-clerk": 4002}
    monkeypatch.setattr(peers.grp, "getgrnam", lambda name: type("Group", (), {"gr_gid": gids[name]}))
    for folder in (path.parent, *path.parents):
        if folder.stat().st_uid == os.geteuid() and str(folder).startswith("/tmp/pytest"):
            folder.chmod(0o755)
    shown, taken = as_stranger(path, groups)
    assert shown["ok"] is reads
    assert (shown["status"] is not None) is reads
    assert taken["ok"] is True
    assert (taken["status"] is not None) is reads
    assert device.asked == [(f"socket, uid {STRANGER}", tightens)]


def as_stranger(path: Path, groups: list[int]) -> list[dict]:
    """What another user hears, who asks how things stand and then for a change."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setresgid(STRANGER, STRANGER, STRANGER)
            os.setresuid(STRANGER, STRANGER, STRANGER)
            for question in (b'{"ask":"status"}\n', b'{"ask":"take-up"}\n'):
                theirs.sendall(json.dumps(asked(path, question)).encode() + b"\n")
        finally:
            os._exit(0)
    theirs.close()
    os.waitpid(child, 0)
    with ours, ours.makefile() as told:
        return [json.loads(line) for line in told]


def test_a_user_in_no_group_at_all_has_no_rights() -> None:
    assert not Peer(uid=STRANGER, groups=frozenset()).may_read
    assert not Peer(uid=STRANGER, groups=frozenset()).may_tighten
