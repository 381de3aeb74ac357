"""The ledger under load: recording, and a log of a million reads. Process CPU time beside the clock's.

    python tests/bench/ledger.py record [--reads 20000] [--subscribers 50] [--batch 25]
    python tests/bench/ledger.py stream [--reads 10000] [--subscribers 50] [--rate 500]  # as the daemon does: by time
        # how late a read is means nothing where others want the processor: then under `chrt --fifo 10`
    python tests/bench/ledger.py build LEDGER [--reads 1000000] [--subscribers 50]
    python tests/bench/ledger.py audit LEDGER            # of one that `build` made: size, verify, proofs
    python tests/bench/ledger.py archive LEDGER          # export, verify by both, prove; then prune a copy by half

Each read is shared with the owner and each tenth with a neighbour. Delivery is in tests/bench/delivery.py.
"""

import argparse
import os
import resource
import runpy
import shutil
import sqlite3
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep

from edge.audit.archive import open_archive
from edge.audit.export import Export, export
from edge.audit.proof import prove, proven
from edge.audit.verify import verify_archive
from edge.daemon.loops import Loop
from edge.daemon.recording import Recording
from edge.keys import public_text
from edge.ledger import Ledger
from edge.ledger.ledgerfile import commit_now
from edge.ledger.verify import verify
from edge.values import Acknowledgement, Recorded
from tests.ledger.builders import DEVICE, KEY, HandClock, decide, open_ledger, seal, tagged_read, token_of

_SEALED = 2048  # bytes of a usual sealed read
_TOGETHER = 500


def cpu() -> float:
    """Seconds of CPU that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def megabytes() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def measured(what: str, count: int, *, unit: str = "read") -> Iterator[None]:
    """Says how much CPU and time each of `count` things took."""
    used, began = cpu(), perf_counter()
    yield
    used, took = cpu() - used, perf_counter() - began
    print(
        f"{what}: {used:.1f} s of CPU, {took:.1f} s by the clock; a {unit} {1e3 * used / count:.3f} ms of CPU, "
        f"{count / took:.0f} {unit}s/s, {count / used:.0f} on a core to itself"
    )


def one_read(clock: HandClock, subscribers: list[str], number: int) -> Recorded:
    """A read for the owner, each tenth for a neighbour too."""
    read_id, shared = clock.new_id(), subscribers[:2] if number % 10 == 0 else subscribers[:1]
    return Recorded(
        tagged=tagged_read(read_id, at=clock.at),
        decisions=tuple(decide(read_id, subscribers, shared)),
        envelopes=tuple(seal(read_id, name, at=clock.at, size=_SEALED) for name in shared),
    )


def agencies(count: int) -> list[str]:
    """Their names."""
    return [f"agency-{number:02}-pd" for number in range(count)]


def record(reads: int, subscribers: int, batch: int) -> None:
    """Recording alone, durable, so many reads with one commit."""
    clock, names = HandClock(), agencies(subscribers)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        ledger = open_ledger(Path(folder) / "ledger.sqlite", clock)
        made = [one_read(clock, names, number) for number in range(reads)]
        with measured(f"recorded {reads} reads x {subscribers} subscribers, {batch} a commit", reads):
            for at in range(0, reads, batch):
                ledger.record_many(made[at : at + batch])
        ledger.close()


class Waiting:
    """Stands for a pipeline: reads that wait, and how long each waited until it was on the disk."""

    def __init__(self, ledger: Ledger, bell: threading.Event) -> None:
        self._ledger, self._bell = ledger, bell
        self._waiting: deque[tuple[float, Recorded]] = deque()
        self.late: list[float] = []
        self.commits = 0

    @property
    def unrecorded(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def come(self, due: float, read: Recorded) -> None:
        """One more read, that was there at `due`."""
        self._waiting.append((due, read))
        self._bell.set()

    def record(self) -> None:
        """All that wait with one commit."""
        found = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if found:
            self._ledger.record_many([read for _, read in found])
            now = perf_counter()
            self.late += [now - due for due, _ in found]
            self.commits += 1


def stream(reads: int, subscribers: int, rate: float) -> None:
    """Reads that come evenly, recorded by the daemon's own thread; how late each is on the disk."""
    clock, names, disk = HandClock(), agencies(subscribers), list[float]()

    def commit(db: sqlite3.Connection) -> None:
        began = perf_counter()
        commit_now(db)
        disk.append(perf_counter() - began)

    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        ledger = open_ledger(Path(folder) / "ledger.sqlite", clock, commit=commit)
        made = [one_read(clock, names, number) for number in range(reads)]
        disk.clear()
        bell = threading.Event()
        waiting = Waiting(ledger, bell)
        recording = Recording(pipelines=[waiting], bell=bell)  # type: ignore[list-item]
        loop = Loop("recording", recording.turn, broken=sys.exit)
        loop.start()
        with measured(f"{reads} reads x {subscribers} subscribers came at {rate:.0f} a second", reads):
            began = perf_counter()
            for number, read in enumerate(made):
                due = began + number / rate
                sleep(max(0.0, due - perf_counter()))
                waiting.come(due, read)
            while waiting.unrecorded or len(waiting.late) < reads:
                sleep(0.01)
        loop.stop()
        loop.join(5)
        print(f"  {waiting.commits} commits; on the disk after {_spread(waiting.late)}; a commit took {_spread(disk)}")
        print(f"  {sum(1 for one in waiting.late if one > 0.05)} reads were later than 50 ms")
        ledger.close()


def _spread(seconds: list[float]) -> str:
    found = sorted(1e3 * one for one in seconds)
    at = (found[len(found) // 2], found[len(found) * 99 // 100], found[-1])
    return "{:.1f} ms (half), {:.1f} (99 of 100), {:.1f} (the latest)".format(*at)


def build(path: Path, reads: int, subscribers: int) -> None:
    """A long log: all reads recorded, sent and acknowledged."""
    clock, names = HandClock(), agencies(subscribers)
    ledger = open_ledger(path, clock)
    with measured(f"built {reads} reads x {subscribers} subscribers", reads):
        for number in range(0, reads, _TOGETHER):
            ledger.record_many(
                [one_read(clock, names, number + each) for each in range(min(_TOGETHER, reads - number))]
            )
            with ledger.together():
                settle(ledger, clock)
            clock.move(60)
            if number % (10 * _TOGETHER) == 0:
                ledger.expire(clock.at)
                ledger.checkpoint()
    ledger.checkpoint()
    ledger.close()


def settle(ledger: Ledger, clock: HandClock) -> None:
    """Everything that waits is sent and acknowledged."""
    while rows := ledger.mark_sent(ledger.due(clock.at, limit=128)):
        ledger.acknowledge_many(
            [
                Acknowledgement(
                    subscriber_id=row.envelope.subscriber_id,
                    message_id=row.envelope.message_id,
                    ack_token=token_of(row.envelope.message_id),
                )
                for row in rows
            ]
        )


def audit(path: Path) -> None:
    """What an auditor waits for. Each part in a process of its own, so that its memory is its own."""
    print(f"{path.stat().st_size / 1e6:.0f} MB")
    for part in (_verify, _proofs):
        _apart(part, path)


def _verify(path: Path) -> None:
    with _timed("verify"):
        report = verify(path, KEY.public_key())
    print(f"  {report.entries} entries, {report.reads} reads, {len(report.faults)} faults")


def _proofs(path: Path) -> None:
    ledger = open_ledger(path, HandClock())
    size = ledger.size
    with _timed("100 proofs of inclusion"):
        for number in range(100):
            ledger.history.inclusion_proof(number * (size // 100), size)
    with _timed("100 proofs of consistency"):
        for number in range(100):
            ledger.history.consistency_proof(number * (size // 100), size)
    with _timed("100 earlier roots"):
        for number in range(100):
            ledger.history.root_at(number * (size // 100))


def archive(path: Path) -> None:
    """What an archive of it takes, on the device and on the auditor's computer."""
    ledger = Ledger.open(path, clock=HandClock(), key=KEY, device=DEVICE)
    out, copy = path.with_name("bench.homerule-audit.zip"), path.with_name("bench-pruned.sqlite")
    out.unlink(missing_ok=True)
    with _timed("export"):
        export(Export(ledger.history, KEY, software="bench"), out)
    size = ledger.size
    ledger.close()
    print(f"  {out.stat().st_size / 1e6:.0f} MB")
    for part in (_verify_archive, _verify_again, _prove):
        _apart(part, out)
    shutil.copy(path, copy)
    ledger = Ledger.open(copy, clock=HandClock(), key=KEY, device=DEVICE)
    with _timed("prune half of it"):
        for _ in ledger.prune(size // 512 * 256, ("0" * 64,)):
            pass
    ledger.close()
    _apart(_verify, copy)
    copy.unlink()


def _verify_archive(path: Path) -> None:
    with _timed("verify the archive"):
        report = verify_archive(path, device_key=KEY.public_key())
    print(f"  {report.entries} entries, {report.reads} reads, {len(report.faults)} faults")


def _verify_again(path: Path) -> None:
    key = path.with_name("bench.pub")
    key.write_text(public_text(KEY))
    script = Path(__file__).parents[2] / "deploy" / "verify_archive.py"
    sys.argv = [str(script), str(path), "--device-key", str(key)]
    with _timed("verify it by deploy/verify_archive.py"):
        runpy.run_path(str(script), run_name="__main__")


def _prove(path: Path) -> None:
    used: list[float] = []
    for number in range(20):
        began = cpu()
        with open_archive(path) as found:
            proven(prove(found, number * (found.size // 20)), KEY.public_key())
        used.append(cpu() - began)
    print(f"open, prove an entry and check it: {1e3 * sorted(used)[10]:.0f} ms of CPU, at most {1e3 * max(used):.0f}")


def _apart(part: Callable[[Path], None], path: Path) -> None:
    """In a process of its own, so that its memory is its own."""
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        part(path)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    used, began = cpu(), perf_counter()
    yield
    print(f"{what}: {cpu() - used:.2f} s of CPU, {perf_counter() - began:.2f} s, at most {megabytes():.0f} MB")


def main() -> None:
    """One of the commands above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, reads in (("record", 20_000), ("stream", 10_000), ("build", 1_000_000), ("audit", 0), ("archive", 0)):
        one = commands.add_parser(name)
        if name in ("build", "audit", "archive"):
            one.add_argument("ledger", type=Path)
        if reads:
            one.add_argument("--reads", type=int, default=reads)
            one.add_argument("--subscribers", type=int, default=50)
        if name == "record":
            one.add_argument("--batch", type=int, default=25)
        if name == "stream":
            one.add_argument("--rate", type=float, default=500)
    asked = parser.parse_args()
    if asked.command == "record":
        record(asked.reads, asked.subscribers, asked.batch)
    elif asked.command == "stream":
        stream(asked.reads, asked.subscribers, asked.rate)
    elif asked.command == "build":
        build(asked.ledger, asked.reads, asked.subscribers)
    elif asked.command == "archive":
        archive(asked.ledger)
    else:
        audit(asked.ledger)


if __name__ == "__main__":
    main()
