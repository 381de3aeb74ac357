"""`homerule demo`, for real, with each broker: everything on the page is held against the files that it leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edge.clock import SystemClock, from_milliseconds, monotonic
from edge.demo.agencies import Book
from edge.demo.city import AGENCIES, DEVICE_ID, FAR_AWAY, NEIGHBOUR, OWNER, found_city
from edge.demo.judge import Receipt, Ruling, Silence, astray
from edge.demo.performance import PASSES
from edge.keys import TEST_DEVICE_KEY
from edge.ledger import Ledger
from edge.ledger.entries import Logged, Revoked, Switch
from edge.values import Decision, Effect
from tests.broker import wait_until
from tests.ledger.builders import outcomes

PLATES = {one.text.replace(" ", "") for one in PASSES}
HITS = {"AB12345", "ZK95417"}


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A demo that ran, and what it left."""

    folder: Path
    result: subprocess.CompletedProcess[str]
    entries: Sequence[Logged]
    decisions: dict[str, tuple[Decision, ...]]

    def lines(self, agency: str) -> list[dict[str, Any]]:
        """What lies in an agency's file."""
        return [json.loads(line) for line in (self.folder / f"{agency}.jsonl").read_text().splitlines()]

    def held(self, agency: str) -> set[str]:
        """The ids of the reads in an agency's file."""
        return {line["id"].partition(".")[0] for line in self.lines(agency)}

    def plates(self, agency: str) -> list[str]:
        return [line["data"]["plate"] for line in self.lines(agency)]

    def allowed(self, agency: str) -> set[str]:
        """The ids of the reads that the audit log says it was allowed."""
        return {
            read_id
            for read_id, decisions in self.decisions.items()
            for one in decisions
            if one.subscriber_id == agency and one.effect is Effect.SHARE
        }

    @property
    def opt_out(self) -> datetime:
        """When the audit log says that the right was gone."""
        return next(from_milliseconds(one.at) for one in self.entries if isinstance(one.entry, Revoked))


@pytest.fixture(
    scope="module",
    params=["amqtt", pytest.param("mosquitto", marks=[pytest.mark.needs("mosquitto"), pytest.mark.full])],
)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("demo") / "kept"
    command = [sys.executable, "-m", "edge", "demo", "--broker", request.param, "--keep", str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    path = folder / "ledger.sqlite"
    ledger = Ledger.open(path, clock=SystemClock(trusted=True), key=TEST_DEVICE_KEY, device=DEVICE_ID, test=True)
    try:
        entries, decisions = list(ledger.entries()), dict(outcomes(ledger))
    finally:
        ledger.close()
    return Kept(folder=folder, result=result, entries=entries, decisions=decisions)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ended_on_its_way_it_leaves_no_file_and_no_program(number: signal.Signals, tmp_path: Path) -> None:
    inside = os.environ | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "edge", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=inside) as demo:
        wait_until(lambda: any(tmp_path.rglob("*.jsonl")), what="an agency that listens")
        begun = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        demo.send_signal(number)
        demo.communicate(timeout=30)
    assert demo.returncode == 130  # as Ctrl-C
    assert list(tmp_path.iterdir()) == []
    assert begun
    assert not [one for one in begun if Path("/proc", one).exists()]


def test_a_folder_that_a_group_may_write_is_good_enough_for_a_demo(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)  # what a umask of 0002 makes
    now = SystemClock(trusted=True).now().at
    city = found_city(tmp_path, now=now).sign(ledger_id="log-one-AAAAAAAAAAAAAA", now=now)
    assert city.take_up(None, ledger_id="log-one-AAAAAAAAAAAAAA")[1].signed


def test_it_ends_well(kept: Kept) -> None:
    assert kept.result.returncode == 0, kept.result.stdout + kept.result.stderr


def test_it_says_nothing_on_stderr(kept: Kept) -> None:
    assert kept.result.stderr == ""


@pytest.mark.parametrize("agency", AGENCIES)
def test_each_file_holds_what_the_log_says_was_allowed(kept: Kept, agency: str) -> None:
    assert kept.held(agency) == kept.allowed(agency)


def test_the_owner_holds_every_read(kept: Kept) -> None:
    assert kept.held(OWNER) == set(kept.decisions)


def test_only_plates_that_passed_were_received(kept: Kept) -> None:
    assert set(kept.plates(OWNER)) <= PLATES
    assert len(kept.plates(OWNER)) > len(PLATES) / 2


def test_the_neighbour_holds_the_hits_and_nothing_else(kept: Kept) -> None:
    assert set(kept.plates(NEIGHBOUR)) == HITS & set(kept.plates(OWNER))


def test_the_far_agency_got_something_before_the_opt_out(kept: Kept) -> None:
    assert kept.lines(FAR_AWAY)


def test_the_far_agency_got_nothing_after_the_opt_out(kept: Kept) -> None:
    received = [datetime.fromisoformat(line["receivedat"]) for line in kept.lines(FAR_AWAY)]
    assert max(received) <= kept.opt_out


def test_others_went_on_receiving_after_the_opt_out(kept: Kept) -> None:
    received = [datetime.fromisoformat(line["receivedat"]) for line in kept.lines(OWNER)]
    assert max(received) > kept.opt_out


def test_after_the_opt_out_it_is_the_reason_that_the_log_gives(kept: Kept) -> None:
    reasons = {
        one.reasons[0]
        for decisions in kept.decisions.values()
        for one in decisions
        if one.subscriber_id == FAR_AWAY and one.effect is Effect.WITHHOLD
    }
    assert reasons == {"deny_optout_national_lookup"}


def test_the_log_names_the_switch_that_was_turned(kept: Kept) -> None:
    turned = [one.entry for one in kept.entries if isinstance(one.entry, Switch)]
    assert [(one.switch, one.before, one.after) for one in turned] == [("national-lookup", "on", "off")]


def test_no_picture_leaves_but_to_the_owner(kept: Kept) -> None:
    with_crop = {agency for agency in AGENCIES if any("crop" in line["data"] for line in kept.lines(agency))}
    assert with_crop == {OWNER}


def test_no_plate_stands_in_the_ledger(kept: Kept) -> None:
    content = (kept.folder / "ledger.sqlite").read_bytes()
    # the one thing in the ledger that may hold them is what nobody can read there: sealed envelopes
    assert not [plate for plate in PLATES if plate.encode() in content]


def test_the_kept_ledger_verifies_against_the_device_key(kept: Kept) -> None:
    key = kept.folder / "keys" / "device.key.pub"
    command = [sys.executable, "-m", "edge", "audit", "verify", str(kept.folder), "--public-key", str(key)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_road_is_kept_as_a_video(kept: Kept) -> None:
    assert (kept.folder / "road.mp4").stat().st_size > 100_000


def test_a_read_put_into_a_file_it_does_not_belong_in_is_found(kept: Kept) -> None:
    received = {agency: Book(kept.folder / f"{agency}.jsonl").receipts() for agency in AGENCIES}
    assert judged(kept, received) == []
    withheld = next(one for one in received[OWNER] if one.read_id not in kept.allowed(FAR_AWAY))
    received[FAR_AWAY].append(withheld)
    assert any("which it was not allowed" in said for said in judged(kept, received))


def judged(kept: Kept, received: dict[str, list[Receipt]]) -> list[str]:
    """What the demo's own judge says of these files."""
    text = {one.read_id: one.text for one in received[OWNER]}
    rulings = [Ruling(read_id=name, text=text[name], decisions=made) for name, made in kept.decisions.items()]
    silence = Silence(agency=FAR_AWAY, since=kept.opt_out)
    return astray(truth=sorted(PLATES), rulings=rulings, received=received, called_back=set(), silence=silence)


def test_a_folder_that_is_there_already_is_not_touched(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge", "demo", "--keep", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "is there already" in result.stderr


def test_when_it_is_terminated_nothing_of_it_goes_on_running(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    demo = subprocess.Popen(
        [sys.executable, "-m", "edge", "demo", "--keep", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until = monotonic() + 60
    while len(processes_about(folder)) <= len(AGENCIES) and monotonic() < until:
        assert demo.poll() is None
    assert len(processes_about(folder)) > len(AGENCIES)
    demo.terminate()
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert processes_about(folder) == []


def processes_about(folder: Path) -> list[str]:
    """The numbers of the processes whose command line names the folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and str(folder).encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue  # it ended meanwhile
    return found


def test_a_folder_whose_name_is_no_utf_8_is_refused_before_anything_is_shown(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge", "demo", "--keep", str(tmp_path / os.fsdecode(b"k\xff"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert r"k\xff`: is no UTF-8 name" in done.stderr
    assert list(tmp_path.iterdir()) == []
