"""A disk that fails, fills up or cannot be written: sharing stops, it is said once, and all goes on when it is well."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from edge.ledger.entries import Gap
from tests.broker import Mosquitto, mosquitto, wait_until
from tests.daemon.pole import OWNER, TEXAS, Pole, Running, dense_clip

__all__ = ["mosquitto"]
pytestmark = pytest.mark.needs("mosquitto")

FAULTY = Path(__file__).parent / "faults"
STOPPED, BACK = "nothing is shared", "the ledger can be written again"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount, run the tests as root")


@pytest.fixture
def pole(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Pole]:
    pole = Pole(tmp_path / "pole", mosquitto.port)
    pole.look_at(dense_clip())
    (pole.folder / "faults").mkdir()
    pole.receive(OWNER)
    yield pole
    pole.close()


def faulty(pole: Pole, *options: str) -> Running:
    """A daemon whose disk and clocks the test holds in its hand."""
    path = os.pathsep.join((str(FAULTY), str(FAULTY.parents[2])))
    return pole.run(*options, PYTHONPATH=path, FAULTS=str(pole.folder / "faults"))


def await_reads(pole: Pole, more: int = 1) -> None:
    count = len(pole.plates(OWNER))
    wait_until(lambda: len(pole.plates(OWNER)) >= count + more, what=f"{more} more reads at the owner", within=40)


def in_order(pole: Pole, daemon: Running) -> None:
    """Ends it, and holds what came of it against the log."""
    wait_until(lambda: pole.count_waiting(OWNER) == 0, what="all has arrived", within=20)
    assert daemon.end() == 0, daemon.said
    assert pole.verified().faults == ()
    assert all(pole.decisions().values()), "a read that waited for the ledger was decided as nobody's"
    # what was in view at the end is recorded, and may still wait for the next start
    assert pole.held(OWNER) | pole.waiting(OWNER) == pole.allowed(OWNER)
    assert len(pole.received(OWNER)) == len(pole.held(OWNER))


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("before SQLITE_IOERR_FSYNC", "the disk failed"),
        ("after SQLITE_IOERR_FSYNC", "the disk failed"),
        pytest.param("before SQLITE_READONLY", "it cannot be written", marks=pytest.mark.full),
        pytest.param("before SQLITE_FULL", "the disk is full", marks=pytest.mark.full),
    ],
)
def test_a_disk_that_fails_is_waited_out_and_nothing_is_lost_or_sent_twice(pole: Pole, fails: str, said: str) -> None:
    daemon = faulty(pole)
    await_reads(pole)
    (pole.folder / "faults" / "commit").write_text(fails)
    daemon.await_words(said)
    wait_until(lambda: "ledger" in alarms(pole), what="the status says it")
    seen = pole.count_reads()
    (pole.folder / "faults" / "commit").unlink()
    daemon.await_words(BACK)
    assert daemon.said.count(STOPPED) == 1, daemon.said
    wait_until(lambda: pole.count_reads() > seen, what="reads are recorded again", within=30)
    in_order(pole, daemon)
    gaps = [entry for entry in pole.entries() if isinstance(entry, Gap) and entry.what == "ledger"]
    assert [gap.why for gap in gaps] == ["disk-full" if "FULL" in fails else "disk"]


@pytest.mark.full
def test_what_goes_by_while_the_ledger_is_closed_is_decided_once_it_is_open(pole: Pole) -> None:
    daemon = faulty(pole)
    await_reads(pole)
    (pole.folder / "faults" / "commit").write_text("before SQLITE_IOERR_FSYNC")
    wait_until(lambda: "ledger" in alarms(pole), what="the status says it")
    frames, seen = pole.decoded(), pole.count_reads()
    wait_until(lambda: pole.decoded() > frames + 40, what="several vehicles have gone by")
    (pole.folder / "faults" / "commit").unlink()
    daemon.await_words(BACK)
    wait_until(lambda: pole.count_reads() > seen + 2, what="they are recorded", within=30)
    in_order(pole, daemon)


def alarms(pole: Pole) -> set[str]:
    """What needs a person."""
    return {each.what for each in pole.status().alarms}


def test_with_too_little_room_nothing_is_shared_until_there_is_more(pole: Pole, mosquitto: Mosquitto) -> None:
    pole.device["limits"]["min_free_megabytes"] = 200
    daemon = faulty(pole)
    await_reads(pole)
    wait_until(lambda: pole.count_waiting(TEXAS), what="something waits for Texas, which is not there yet")
    (pole.folder / "faults" / "free").write_text("199")
    daemon.await_words("less than 200 MB are free")
    count, recorded = len(pole.plates(OWNER)), pole.count_reads()
    wait_until(lambda: "ledger" in alarms(pole), what="the status says it")
    pole.receive(TEXAS)
    wait_until(lambda: mosquitto.log.count(f" as {TEXAS} ") > 0, what="Texas listens")
    sleep(3)  # longer than a vehicle and a rest of the relay take
    assert pole.count_reads() - recorded <= 1
    assert pole.plates(TEXAS) == []
    (pole.folder / "faults" / "free").write_text("205")
    wait_until(lambda: pole.status().report.free_megabytes == 205, what="a little more is free")
    assert BACK not in daemon.said, "it must not come and go at the edge"
    (pole.folder / "faults" / "free").unlink()
    daemon.await_words(BACK)
    assert daemon.said.count(STOPPED) == 1, daemon.said
    wait_until(lambda: len(pole.plates(OWNER)) > count, what="reads flow again", within=30)
    wait_until(lambda: pole.plates(TEXAS), what="what waited for Texas arrives")
    in_order(pole, daemon)


def test_a_disk_that_cannot_be_written_at_the_start_stops_the_start_with_the_mend(pole: Pole) -> None:
    (pole.folder / "faults" / "commit").write_text("before SQLITE_READONLY")
    daemon = faulty(pole)
    assert daemon.process.wait(30) == 1
    assert "ledger.sqlite: it cannot be written; make the file and its folder writable" in daemon.said
    assert "Traceback" not in daemon.said


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of a few megabytes in the place of `folder`, with what was in it."""
    held = {file.name: file.read_bytes() for file in folder.iterdir()}
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        for name, content in held.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@as_root
@pytest.mark.full
def test_a_disk_that_is_really_full_stops_the_sharing_until_there_is_room(pole: Pole) -> None:
    with small_disk(pole.folder / "state", 12) as state:
        daemon = pole.run()
        await_reads(pole)
        with contextlib.suppress(OSError), (state / "filler").open("wb") as file:
            while True:
                file.write(b"x" * 4096)
        daemon.await_words(STOPPED)
        subprocess.run(["mount", "-o", "remount,size=64m", str(state)], check=True)
        daemon.await_words(BACK)
        await_reads(pole)
        in_order(pole, daemon)


@as_root
@pytest.mark.full
def test_on_a_read_only_disk_it_does_not_start_and_says_why(pole: Pole) -> None:
    with small_disk(pole.folder / "state", 12) as state:
        subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
        daemon = pole.run()
        assert daemon.process.wait(30) == 1
        assert "cannot be opened for writing (read-only file system)" in daemon.said
