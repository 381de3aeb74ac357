"""One hour's stream in a loop at its real pace: are memory, threads and file handles of `homerule run` flat?

    python tests/bench/soak.py [--minutes 60] [--every 15] [--clip CLIP.mp4] [--size 1920x1080] [--out soak.json]
    python tests/bench/soak.py --reads-per-second 20 [--agencies 10] [--minutes 60] ...

A real RTSP server (or, with --file, the clip itself), a real Mosquitto with certificates, the daemon and one
`homerule receive` run in a temporary folder. With --reads-per-second the daemon is fed with reads instead, each for
every agency. Every `--every` seconds the daemon's /proc is read. The first sixth of the time is left out as warming up.
Exit code 1 when something grew.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from edge.ledger.entries import Entry, Gap, Read
from edge.road.clip import Pass, Road, write_video
from tests.daemon.pole import OWNER, Pole
from tests.leak.agencies import Manner
from tests.leak.scene import Nursery, acted
from tests.rtsp import RtspCamera, missing
from tests.site import running

TICKS = os.sysconf("SC_CLK_TCK")
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60
MEMORY_SLACK = 0.04
"""Share by which the median of the last quarter may lie above that of the second."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The daemon at one moment. Memory in MB, `cpu` in seconds since its start, `ledger` in MB with its log."""

    at: float
    resident: float
    peak: float
    threads: int
    handles: int
    cpu: float
    ledger: float
    received: int


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A daemon at work. `end` stops it and gives what was wrong."""

    process: int
    ledger: Path
    lives: Callable[[], bool]
    received: Callable[[], int]
    entries: Callable[[], list[Entry]]
    end: Callable[[], list[str]]


def sampled(daemon: Watched, at: float) -> Sample:
    """What /proc says of the daemon."""
    proc = Path("/proc") / str(daemon.process)
    told = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    times = (proc / "stat").read_text().rpartition(")")[2].split()
    return Sample(
        at=round(at, 1),
        resident=int(told["VmRSS"].split()[0]) / 1024,
        peak=int(told["VmHWM"].split()[0]) / 1024,
        threads=int(told["Threads"]),
        handles=len(list((proc / "fd").iterdir())),
        cpu=(int(times[11]) + int(times[12])) / TICKS,
        ledger=sum(file.stat().st_size for file in daemon.ledger.parent.iterdir()) / 1e6,
        received=daemon.received(),
    )


def chart(name: str, unit: str, values: list[float]) -> str:
    """One line: least, a bar for each stretch of time, most."""
    step = max(1, len(values) // WIDTH)
    stretches = [max(values[at : at + step]) for at in range(0, len(values), step)]
    low, high = min(values), max(values)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(BARS[round((value - low) * scale)] for value in stretches)
    return f"{name:<10}{low:>9.1f} {bars} {high:.1f} {unit}"


def grown(name: str, values: list[float], slack: float) -> str | None:
    """What to say if the last quarter lies above the second by more than `slack` (a share); else None."""
    quarter = max(1, len(values) // 4)
    before, after = median(values[quarter : 2 * quarter]), median(values[-quarter:])
    return f"{name} grew from {before:.1f} to {after:.1f}" if after > before * (1 + slack) else None


def verdict(samples: list[Sample]) -> list[str]:
    """What grew; nothing is the best of answers."""
    warm = samples[len(samples) // 6 :]
    found = [
        grown("memory (MB)", [each.resident for each in warm], MEMORY_SLACK),
        grown("threads", [each.threads for each in warm], 0.0),
        grown("file handles", [each.handles for each in warm], 0.0),
    ]
    return [each for each in found if each]


def drawn(folder: Path, size: tuple[int, int]) -> Path:
    """A clip of half a minute: twelve vehicles, one of them on the hot list."""
    letters = "ABCDEFHJKLM"
    texts = ["AB12345", *(f"Q{first}{first} {4000 + 317 * number}" for number, first in enumerate(letters))]
    path = folder / "road.mp4"
    write_video(Road(passes=[Pass(text=text, speed=14.0) for text in texts], seed=8, size=size), path)
    return path


@contextmanager
def camera(folder: Path, clip: Path, *, as_file: bool) -> Iterator[dict[str, object]]:
    """A [[camera]] that plays the clip for ever."""
    if as_file or missing():
        print(missing() or "the clip itself is the camera", file=sys.stderr)
        yield {"id": "lane-1", "url": str(clip), "repeat": True}
        return
    server = RtspCamera(folder, clip)
    server.start()
    try:
        yield {"id": "lane-1", "url": server.url}
    finally:
        server.kill()


@contextmanager
def filmed(asked: argparse.Namespace, folder: Path) -> Iterator[Watched]:
    """`homerule run` before a camera, and one agency that receives."""
    wide, _, high = asked.size.partition("x")
    clip = asked.clip.resolve() if asked.clip else drawn(folder, (int(wide), int(high)))
    with running(folder / "site", OWNER) as site, camera(folder, clip, as_file=asked.file) as table:
        pole = Pole(folder / "pole", site.port, site=site)
        try:
            pole.device["camera"] = [table]
            pole.receive(OWNER)
            daemon = pole.run()

            def end() -> list[str]:
                code = daemon.end()
                said = [f"the daemon ended with {code}: {daemon.said}"] if code else []
                return said + [fault.what for fault in pole.verified().faults]

            yield Watched(
                process=daemon.process.pid,
                ledger=pole.ledger,
                lives=lambda: daemon.process.poll() is None,
                received=lambda: len(pole.received(OWNER)),
                entries=pole.entries,
                end=end,
            )
        finally:
            pole.close()


@contextmanager
def fed(asked: argparse.Namespace, folder: Path) -> Iterator[Watched]:
    """The daemon in the scene of tests/leak, whose oracle says at the end whether everybody had everything in order."""
    nursery, far = Nursery(), {f"far-{number:02}": Manner(returns=True) for number in range(asked.agencies - 2)}
    try:
        with acted(folder / "scene", nursery, far) as scene:
            scene.begin()
            scene.flow(asked.reads_per_second)
            device = scene.device
            assert device is not None

            def end() -> list[str]:
                scene.drain()
                return scene.oracle().findings()

            def entries() -> list[Entry]:
                ledger = scene._ledger()
                try:
                    return [logged.entry for logged in ledger.entries()]
                finally:
                    ledger.close()

            yield Watched(
                process=device.number,
                ledger=scene.ledger,
                lives=lambda: device.runs,
                received=lambda: sum(len(one.receipts) for one in scene.agencies.values()),
                entries=entries,
                end=end,
            )
    finally:
        nursery.close()


def soak(asked: argparse.Namespace, daemon: Watched) -> list[Sample]:
    """Watches it, printing each sample."""
    began, samples = monotonic(), list[Sample]()
    print("minute   MB   peak  threads handles  CPU %  ledger MB  reads received")
    while (at := monotonic() - began) < 60 * asked.minutes and daemon.lives():
        sleep(min(asked.every, 60 * asked.minutes - at))
        if not daemon.lives():
            break
        sample = sampled(daemon, monotonic() - began)
        last = samples[-1] if samples else sample
        share = 100 * (sample.cpu - last.cpu) / max(sample.at - last.at, 1e-6)
        samples.append(sample)
        row = f"{sample.at / 60:6.1f} {sample.resident:5.0f} {sample.peak:5.0f} {sample.threads:8} {sample.handles:7}"
        print(f"{row} {share:6.1f} {sample.ledger:10.2f} {sample.received:9}", flush=True)
    return samples


def report(samples: list[Sample], entries: list[Entry]) -> None:
    """Prints how it went."""
    for line in (
        chart("memory", "MB", [each.resident for each in samples]),
        chart("threads", "", [float(each.threads) for each in samples]),
        chart("handles", "", [float(each.handles) for each in samples]),
        chart("ledger", "MB", [each.ledger for each in samples]),
    ):
        print(line)
    print(f"reads {sum(isinstance(one, Read) for one in entries)}, received {samples[-1].received}, ", end="")
    print(f"gaps {sum(isinstance(one, Gap) for one in entries)}, peak {samples[-1].peak:.0f} MB, ", end="")
    used, passed = samples[-1].cpu - samples[0].cpu, samples[-1].at - samples[0].at
    print(f"CPU {100 * used / max(passed, 1e-6):.1f} % of one core")


def judged(samples: list[Sample], found: list[str], out: Path | None) -> int:
    """Prints what was found and writes all of it to `out`; the exit code."""
    for each in found or ["flat"]:
        print(f"verdict: {each}")
    if out:
        out.write_text(json.dumps({"found": found, "samples": [asdict(each) for each in samples]}, indent=1))
    return 1 if found else 0


def main() -> int:
    """Runs and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=15.0)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--file", action="store_true", help="the clip itself as the camera, no RTSP")
    parser.add_argument("--reads-per-second", type=float)
    parser.add_argument("--agencies", type=int, default=10)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    scene = filmed if asked.reads_per_second is None else fed
    with tempfile.TemporaryDirectory(prefix="homerule-soak-") as name, scene(asked, Path(name)) as daemon:
        samples = soak(asked, daemon)
        found = verdict(samples) if daemon.lives() else ["the daemon died"]
        found += daemon.end()
        entries = daemon.entries()
    if not samples:
        print(*found, sep="\n")
        return 1
    report(samples, entries)
    return judged(samples, found, asked.out)


if __name__ == "__main__":
    sys.exit(main())
