"""A day of the daemon in an hour: the road's traffic at its real pace, the idle stretches between skipped.

    python tests/bench/day.py [--minutes 60] [--hours 24] [--idle SECONDS] [--every 15] [--out day.json]

A clip of a dozen vehicles plays, then the clocks of daemon and subscriber run 120 times as fast for a while, in which
the daemon does all that it does on an empty road: checkpoints, purges, the hourly self-test. A real Mosquitto with
certificates and one `homerule receive` take part. Judged as in soak.py: memory, threads and file handles flat; and the
disk: the ledger with all of its files stays within what its entries need.
"""

import argparse
import struct
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

from edge.ledger.entries import Gap, Read, SelfTest
from tests.bench.soak import Sample, Watched, chart, judged, sampled, verdict
from tests.daemon.pole import OWNER, Pole, Running, dense_clip
from tests.site import running

CLIP_SECONDS = 12.0
SPEED = 120.0
SKIPPING = Path(__file__).with_name("skipping")
MOST_BYTES_A_READ = 2000
"""On the disk, of a day with one subscriber: entries, hashes, indices and what SQLite keeps free for the next."""
MOST_AT_REST = 12.0
"""Megabytes that the ledger's files need besides: bundles, the write-ahead log."""


def idle_between(minutes: float, hours: float) -> float:
    """Seconds to skip after each clip, so that so many hours pass in so many minutes."""
    pace = 60 * hours / minutes
    return CLIP_SECONDS * (pace - 1) / (1 - pace / SPEED)


def lived(asked: argparse.Namespace, stack: ExitStack, folder: Path) -> tuple[Pole, Running, list[Sample], Path]:
    """The day, printing each sample; `at` is in simulated seconds."""
    skipped = folder / "skipped"
    skipped.write_bytes(bytes(8))
    site = stack.enter_context(running(folder / "site", OWNER))
    pole = Pole(folder / "pole", site.port, site=site)
    stack.callback(pole.close)
    pole.look_at(dense_clip())
    idle = asked.idle or idle_between(asked.minutes, asked.hours)
    ahead = {"PYTHONPATH": f"{SKIPPING}:{Path.cwd()}", "SKIPPED": str(skipped), "IDLE": f"{idle:.1f}"}
    daemon, owner = pole.run(**ahead), pole.receive(OWNER, **ahead)
    watched = Watched(
        process=daemon.process.pid,
        ledger=pole.ledger,
        lives=lambda: daemon.process.poll() is None and owner.process.poll() is None,
        received=lambda: len(pole.received(OWNER)),
        entries=pole.entries,
        end=list,
    )
    began, samples = monotonic(), list[Sample]()
    print(f"{idle:.0f} s are skipped after each {CLIP_SECONDS:.0f} s of traffic")
    print("  hour   MB   peak  threads handles  ledger MB  reads received", flush=True)
    while watched.lives():
        at = monotonic() - began + struct.unpack("d", skipped.read_bytes())[0]
        if at >= 3600 * asked.hours:
            break
        sleep(asked.every)
        one = sampled(watched, at)
        samples.append(one)
        row = f"{at / 3600:6.2f} {one.resident:5.0f} {one.peak:5.0f} {one.threads:8} {one.handles:7}"
        print(f"{row} {one.ledger:10.2f} {one.received:9}", flush=True)
    return pole, daemon, samples, skipped


def main() -> int:
    """Lives it and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--idle", type=float, help="seconds skipped after each clip, whatever that takes")
    parser.add_argument("--every", type=float, default=15.0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="homerule-day-") as name, ExitStack() as stack:
        pole, daemon, samples, _ = lived(asked, stack, Path(name))
        alive = daemon.process.poll() is None
        stopped, report, entries = daemon.end(), pole.verified(), pole.entries()
        said = daemon.said
    for name, unit in (("resident", "MB"), ("threads", ""), ("handles", ""), ("ledger", "MB")):
        print(chart(name, unit, [float(getattr(each, name)) for each in samples]))
    found = verdict(samples) + [fault.what for fault in report.faults]
    reads = sum(isinstance(one, Read) for one in entries)
    if not alive or stopped:
        found.append(f"the daemon ended with {stopped}")
    if samples[-1].ledger > MOST_AT_REST + reads * MOST_BYTES_A_READ / 1e6:
        found.append(f"the ledger takes {samples[-1].ledger:.1f} MB for {reads} reads")
    print(f"reads {reads}, received {samples[-1].received}, self-tests ", end="")
    print(f"{sum(isinstance(one, SelfTest) for one in entries) // 2}, ", end="")
    print(f"gaps {sum(isinstance(one, Gap) for one in entries)}, peak {samples[-1].peak:.0f} MB")
    if found:
        print(said)
    return judged(samples, found, asked.out)


if __name__ == "__main__":
    sys.exit(main())
