"""The ledger under load: recording, and a log of a million reads. Process CPU time beside the clock's.

    python tests/bench/ledger.py record [--reads 20000] [--subscribers 50] [--batch 25]
    python tests/bench/ledger.py build LEDGER [--reads 1000000] [--subscribers 50]
    python tests/bench/ledger.py audit LEDGER            # of one that `build` made: size, verify, tally, proofs

Each read is shared with the owner and each tenth with a neighbour. Delivery is in tests/bench/delivery.py.
"""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from edge.ledger import Ledger
from edge.ledger.verify import verify
from edge.values import Acknowledgement, Recorded
from tests.ledger.builders import KEY, HandClock, decide, open_ledger, seal, tagged_read, token_of

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


def build(path: Path, reads: int, subscribers: int) -> None:
    """A long log: all reads recorded, sent and acknowledged."""
    clock, names = HandClock(), agencies(subscribers)
    ledger = open_ledger(path, clock)
    with measured(f"built {reads} reads x {subscribers} subscribers", reads):
        for number in range(0, reads, _TOGETHER):
            ledger.record_many(
                [one_read(clock, names, number + each) for each in range(min(_TOGETHER, reads - number))]
            )
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
    for part in (_verify, _tally, _proofs):
        if (child := os.fork()) == 0:
            part(path)
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)


def _verify(path: Path) -> None:
    with _timed("verify"):
        report = verify(path, KEY.public_key())
    print(f"  {report.entries} entries, {report.reads} reads, {len(report.faults)} faults")


def _tally(path: Path) -> None:
    ledger = open_ledger(path, HandClock())
    with _timed("tally"):
        counted = ledger.tally()
    print(f"  {sum(tally.reads for tally in counted.values())} decisions counted")


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
            ledger.root_at(number * (size // 100))


@contextmanager
def _timed(what: str) -> Iterator[None]:
    used, began = cpu(), perf_counter()
    yield
    print(f"{what}: {cpu() - used:.2f} s of CPU, {perf_counter() - began:.2f} s, at most {megabytes():.0f} MB")


def main() -> None:
    """One of the commands above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("record", "build", "audit"):
        one = commands.add_parser(name)
        if name != "record":
            one.add_argument("ledger", type=Path)
        if name != "audit":
            one.add_argument("--reads", type=int, default=20_000 if name == "record" else 1_000_000)
            one.add_argument("--subscribers", type=int, default=50)
        if name == "record":
            one.add_argument("--batch", type=int, default=25)
    asked = parser.parse_args()
    if asked.command == "record":
        record(asked.reads, asked.subscribers, asked.batch)
    elif asked.command == "build":
        build(asked.ledger, asked.reads, asked.subscribers)
    else:
        audit(asked.ledger)


if __name__ == "__main__":
    main()
