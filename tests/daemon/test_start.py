"""How a daemon starts and stops: what stops the start, what is waited for, what is said, and with which exit code."""

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import keys
from edge.ledger.entries import Alarm, AlarmEnded, ClockTrusted, HotListsInForce, Start, Stop
from edge.ledger.look import look
from tests.broker import Mosquitto, free_port, wait_until
from tests.daemon.pole import COUNTY, OWNER, TEXAS, Pole, Running, dense_clip
from tests.site import running

pytestmark = pytest.mark.needs("mosquitto")

EVERYBODY = {OWNER, COUNTY, TEXAS}
FAULTY = Path(__file__).parent / "faults"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path_factory.mktemp("broker"))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def pole(tmp_path: Path, broker: Mosquitto) -> Iterator[Pole]:
    pole = Pole(tmp_path / "pole", broker.port)
    yield pole
    pole.close()


def started(pole: Pole, **environment: str) -> Running:
    daemon = pole.run(**environment)
    daemon.await_words("runs on", within=40)
    return daemon


def served(pole: Pole) -> set[str]:
    """Whose gates are open."""
    return {each.id for each in pole.status().subscribers if each.gate == "open"} & EVERYBODY


def alarm(pole: Pole, what: str = "policy") -> str:
    return {each.what: each.said for each in pole.status().alarms}.get(what, "")


# -- what stops the start


def refused(pole: Pole) -> str:
    """What it says when it does not start."""
    daemon = pole.run()
    assert daemon.process.wait(40) == 1, daemon.said
    assert "Traceback" not in daemon.said
    return daemon.said


def no_key(pole: Pole) -> None:
    (pole.folder / "device.key").unlink()


def another_devices_ledger(pole: Pole) -> None:
    (pole.folder / "device.key").unlink()
    (pole.folder / "device.key.pub").unlink()
    keys.new_signing_key(pole.folder / "device.key")


def no_ledger_but_something_else(pole: Pole) -> None:
    pole.ledger.write_bytes(b"this is no database at all, but it is long enough to be one" * 20)


def a_model_of_other_bytes(pole: Pole) -> None:
    folder = pole.folder / "models"
    folder.mkdir()
    manifest = f'''
    [[model]]
    name = "one"
    kind = "detector"
    file = "one.onnx"
    sha256 = "{"0" * 64}"
    licence = "none"
    default = true
    [[model]]
    name = "two"
    kind = "reader"
    file = "one.onnx"
    sha256 = "{"0" * 64}"
    licence = "none"
    default = true
    '''
    (folder / "manifest.toml").write_text(manifest)
    (folder / "one.onnx").write_bytes(b"not a model")
    pole.device["models"] = {"folder": str(folder)}


def forbid_to_collect(pole: Pole, *, allow: bool = False) -> None:
    path, words = pole.policy / "laws" / "us-il.toml", "unattended_roadside = "
    before, after = ("false", "true") if allow else ("true", "false")
    text = path.read_text()
    assert words + before in text
    path.write_text(text.replace(words + before, words + after))
    pole.sign()


STOPS: dict[str, tuple[Callable[[Pole], object], str]] = {
    "no device key": (no_key, "device.key"),
    "the ledger of another device": (another_devices_ledger, "it belongs to device"),
    "a ledger that is none": (no_ledger_but_something_else, "it is not a ledger"),
    "a model whose bytes are others": (a_model_of_other_bytes, "the file was changed or cut short"),
    "a law that forbids to collect": (forbid_to_collect, "collection_exception"),
}


@pytest.mark.parametrize("name", STOPS)
def test_what_can_never_be_right_stops_the_start_with_the_mend(pole: Pole, name: str) -> None:
    act, words = STOPS[name]
    act(pole)
    assert words in refused(pole)


WRONG: dict[str, tuple[Callable[[Any], object], str]] = {
    "a key that nobody knows": (
        lambda device: device["limits"].update(min_free_megabite=10),
        "[limits] unknown key `min_free_megabite`, did you mean `min_free_megabytes`?",
    ),
    "a value of the wrong kind": (lambda device: device["broker"].update(port="8883"), "[broker] `port`"),
    "a password in an address": (
        lambda device: device.update(camera=[{"id": "a", "url": "rtsp://me:secret@192.0.2.1/1"}]),
        "holds a password",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_device_toml_is_said_with_file_table_key_and_mend(pole: Pole, name: str) -> None:
    change, words = WRONG[name]
    change(pole.device)
    said = refused(pole)
    assert words in said
    assert "device.toml" in said
    assert "secret" not in said


def test_without_a_device_toml_it_says_which_file_it_looked_for(pole: Pole) -> None:
    done = pole.ask("run", "--config", str(pole.folder / "none.toml"))
    assert done.returncode == 1
    assert "none.toml: cannot be read" in done.stderr


def test_wrong_usage_is_exit_code_2(pole: Pole) -> None:
    assert pole.ask("run", "--no-such-option").returncode == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "another daemon has this ledger"),
        ({"socket": "other.sock"}, "another daemon has this ledger"),
        ({"ledger": "other.sqlite"}, "another daemon answers there"),
    ],
    ids=["as it is", "with another socket", "with another ledger"],
)
def test_a_second_daemon_on_the_same_device_does_not_start_until_the_first_is_killed(
    pole: Pole, change: dict[str, str], words: str
) -> None:
    first = started(pole)
    pole.device["device"].update(change)
    assert words in refused(pole)
    first.kill()
    started(pole)


def test_a_second_daemon_with_the_same_broker_does_not_start_and_the_rights_stay(tmp_path: Path) -> None:
    with running(tmp_path / "site", OWNER) as site:
        pole = Pole(tmp_path / "pole", site.port, site=site)
        try:
            started(pole)
            wait_until(lambda: OWNER in served(pole), what="the owner is served")
            pole.device["device"].update({"ledger": "other.sqlite", "socket": "other.sock"})
            assert f"another daemon administers this broker as `{site.device_id}`, stop it first" in refused(pole)
            assert OWNER in served(pole)
            assert OWNER in {grant.subscriber_id for grant in site.rights().look()[0]}  # asked as `broker check` asks
        finally:
            pole.close()


# -- what is waited for


def test_a_law_that_forbids_to_collect_yields_to_an_exception_that_is_named(pole: Pole) -> None:
    forbid_to_collect(pole)
    pole.device["device"]["collection_exception"] = "RSA 236:130, III: incident of 2026-11-02"
    started(pole)
    wait_until(lambda: served(pole) == EVERYBODY, what="everybody is served")


def test_a_bundle_whose_law_forbids_to_collect_ends_the_collecting_while_it_runs(pole: Pole) -> None:
    pole.look_at(dense_clip())
    daemon = started(pole)
    wait_until(lambda: pole.count_reads(), what="reads are recorded", within=40)
    forbid_to_collect(pole)
    assert "collection_exception" in pole.take_up()
    assert "no plate is read" in alarm(pole, "collection")
    seen, waiting, frames = pole.read_ids(), pole.waiting(OWNER), pole.decoded()
    pole.receive(OWNER)
    wait_until(lambda: pole.decoded() > frames + 40, what="several vehicles have gone by", within=40)
    assert (pole.read_ids(), pole.received(OWNER)) == (seen, [])
    forbid_to_collect(pole, allow=True)
    wait_until(lambda: pole.read_ids() > seen, what="reads are recorded again", within=40)
    wait_until(lambda: pole.held(OWNER) >= waiting, what="its owner has what waited", within=40)
    assert alarm(pole, "collection") == ""
    daemon.end()
    told = [one for one in pole.entries() if isinstance(one, Alarm | AlarmEnded) and one.what == "collection"]
    assert [type(one) for one in told] == [Alarm, AlarmEnded]


def test_neither_files_put_back_nor_a_restart_undo_that_and_the_log_says_once_that_it_did_not_start(pole: Pole) -> None:
    pole.device["device"]["floor"] = "state/floor"
    daemon = started(pole)
    allowed = pole.keep_aside()
    forbid_to_collect(pole)
    assert "collection_exception" in pole.take_up()
    pole.lay(allowed)
    assert "homerule sign --version" in pole.take_up()
    assert "homerule sign --version" in alarm(pole, "collection")
    daemon.end()
    for _ in range(2):
        assert "homerule sign --version" in refused(pole)
    told = [one for one in pole.entries() if isinstance(one, Start | Stop | Alarm)]
    assert told[-3:] == [told[-3], Alarm(what="collection", why="law"), Stop(why="law")]
    assert [type(one) for one in told if not isinstance(one, Alarm)] == [Start, Stop] * 2


def test_without_a_pinned_key_nobody_is_served_and_it_says_what_to_do(pole: Pole) -> None:
    pin = pole.pin.rename(pole.pin.with_suffix(".aside"))
    started(pole).await_words(str(pole.pin))
    assert served(pole) == set()
    assert str(pole.pin) in alarm(pole)
    pin.rename(pole.pin)
    wait_until(lambda: served(pole) == EVERYBODY, what="with the pin back everybody is served, without a restart")


def test_a_ledger_that_the_city_has_not_adopted_shares_nothing_and_it_says_the_command(pole: Pole) -> None:
    pole.ledger.unlink()
    daemon = started(pole)
    assert served(pole) == set()
    name = pole.status().report.ledger_id
    daemon.await_words(f"--adopt {name}")
    assert f"--adopt {name}" in alarm(pole)
    pole.sign(adopt=(name,))
    wait_until(lambda: served(pole) == EVERYBODY, what="once it is adopted everybody is served")


def test_a_ledger_that_was_swapped_shares_nothing(pole: Pole) -> None:
    daemon = started(pole)
    assert daemon.end() == 0
    pole.ledger.unlink()
    pole.begin_ledger()
    started(pole).await_words("--adopt")
    assert served(pole) == set()
    assert "--adopt" in alarm(pole)


def test_an_old_ledger_put_back_is_found_by_the_floor_and_shares_nothing(pole: Pole) -> None:
    pole.device["device"]["floor"] = "floor"
    old = pole.ledger.read_bytes()
    assert started(pole).end() == 0
    pole.ledger.write_bytes(old)
    started(pole).await_words("floor")
    assert served(pole) == set()
    assert "floor" in alarm(pole)


def test_a_broker_that_is_down_at_the_start_is_waited_for(pole: Pole, tmp_path: Path) -> None:
    late = Mosquitto(tmp_path)
    pole.device["broker"]["port"] = late.port
    daemon = started(pole)
    daemon.await_words(f"broker at 127.0.0.1:{late.port} cannot be reached")
    late.start()
    try:
        daemon.await_words(f"broker at 127.0.0.1:{late.port} back after")
    finally:
        late.kill()


def test_a_certificate_that_is_not_there_at_the_start_is_waited_for_and_is_an_alarm(tmp_path: Path) -> None:
    with running(tmp_path / "site", OWNER) as site:
        pole, file = Pole(tmp_path / "pole", site.port, site=site), site.table.certificate
        aside = file.rename(file.with_suffix(".aside"))
        try:
            daemon = started(pole)
            wait_until(lambda: f"{file} with " in alarm(pole, "certificate"), what="the alarm")
            daemon.await_words("no certificate and key (no such file or directory)")
            aside.rename(file)
            daemon.await_words(f"broker at 127.0.0.1:{site.port} back after")
            wait_until(lambda: alarm(pole, "certificate") == "", what="the end of the alarm")
        finally:
            pole.close()


def test_a_camera_that_is_not_there_is_waited_for_and_is_an_alarm(pole: Pole) -> None:
    pole.device["camera"] = [{"id": "lane-1", "url": f"rtsp://127.0.0.1:{free_port()}/stream1"}]
    started(pole)
    wait_until(lambda: alarm(pole, "camera:lane-1"), what="the alarm")
    assert "refuses the connection; is the camera still starting" in alarm(pole, "camera:lane-1")


# -- stopping


@pytest.mark.parametrize(("number", "why"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupted")])
def test_it_stops_when_it_is_told_to_and_says_so_in_the_log(pole: Pole, number: signal.Signals, why: str) -> None:
    daemon = started(pole)
    daemon.send(number)
    assert daemon.process.wait(6) == 0, daemon.said
    assert [entry.why for entry in pole.entries() if isinstance(entry, Stop)] == [why]
    assert not (pole.folder / "control.sock").exists()


def test_the_next_start_says_that_the_run_before_was_stopped(pole: Pole) -> None:
    for _ in range(2):
        assert started(pole).end() == 0
    assert [entry.after for entry in pole.entries() if isinstance(entry, Start)] == ["first", "stop"]


def test_what_the_city_gives_while_the_device_is_off_is_in_force_after_the_start(pole: Pole) -> None:
    pole.switch("national_lookup", False)
    before = pole.sign()
    daemon = started(pole)
    wait_until(lambda: served(pole) == {OWNER, COUNTY}, what="all but the agency far away are served")
    assert daemon.end() == 0
    pole.switch("national_lookup", True)
    pole.sign(replaces=before.digest)
    daemon = started(pole)
    wait_until(lambda: served(pole) == EVERYBODY, what="it is served too")
    assert daemon.end() == 0


def test_a_run_names_its_hot_lists_right_after_its_start(pole: Pole) -> None:
    assert started(pole).end() == 0
    entries = pole.entries()
    named = entries[[type(entry) for entry in entries].index(Start) + 1]
    assert isinstance(named, HotListsInForce)
    assert [one[:2] for one in named.lists] == [("county-stolen", 0)]


def test_the_log_says_who_vouches_for_the_clock(pole: Pole) -> None:
    daemon = started(pole)
    wait_until(lambda: list(look(pole.ledger, frozenset({"clock-trust"}))), what="the clock's entry")
    daemon.end()
    told = [(entry.trusted, bool(entry.source)) for entry in pole.entries() if isinstance(entry, ClockTrusted)]
    assert told == [(1, True)]


def test_a_camera_and_a_broker_that_hang_do_not_hold_up_the_stop(pole: Pole) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        pole.device["camera"] = [{"id": "lane-1", "url": f"rtsp://127.0.0.1:{deaf.getsockname()[1]}/stream1"}]
        pole.device["broker"]["port"] = deaf.getsockname()[1]
        daemon = started(pole)
        daemon.send(signal.SIGTERM)
        assert daemon.process.wait(6) == 0, daemon.said


# -- the clock


def trusting(pole: Pole, *, vouched: bool) -> Path:
    """A daemon that finds out by itself whether its clock may be believed; the folder that says so."""
    faults = pole.folder / "faults"
    faults.mkdir()
    if vouched:
        (faults / "vouched").touch()
    config = pole.written()
    path = f"{FAULTY}:{FAULTY.parents[2]}"
    daemon = pole.start(["run", "--config", str(config)], PYTHONPATH=path, FAULTS=str(faults))
    daemon.await_words("runs on", within=40)
    return faults


def test_while_nobody_vouches_for_the_clock_only_the_owner_is_served(pole: Pole) -> None:
    faults = trusting(pole, vouched=False)
    wait_until(lambda: served(pole) == {OWNER}, what="the owner is served")
    assert alarm(pole, "clock")
    (faults / "vouched").touch()
    wait_until(lambda: served(pole) == EVERYBODY, what="everybody is served once somebody vouches")
    assert pole.status().report.clock_by == "kernel"


def test_a_clock_that_is_moved_by_hand_serves_the_owner_alone_and_is_in_the_log(pole: Pole) -> None:
    faults = trusting(pole, vouched=True)
    wait_until(lambda: served(pole) == EVERYBODY, what="everybody is served")
    (faults / "vouched").unlink()
    (faults / "shift").write_text("-3600")
    wait_until(lambda: served(pole) == {OWNER}, what="the owner alone is served")
    wait_until(lambda: "the clock was moved by -3600.0 s" in pole.said(), what="it is said")
