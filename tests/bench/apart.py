"""What it costs to decode a camera's stream in a process of its own, beside decoding it in the daemon.

    python tests/bench/apart.py [--seconds 20] [--rounds 3] [--size 1920x1080]

A real RTSP server plays a drawn road; each picture is taken and its brightness looked at, as the motion gate does.
Both forms take turns. Processor time is user and system time of the process and of its decoder, from the first picture
on; memory is the share that each has for itself (Pss). Prints both, and the ratio of the medians.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from edge.capture import LiveCamera
from edge.clock import SystemClock, monotonic
from edge.config import Camera
from edge.daemon.memory import give_back, one_heap
from tests.daemon import pole
from tests.rtsp import RtspCamera


def looked(url: str, seconds: float, isolate: bool) -> None:
    """One form, in a process of its own: prints seconds of processor time, pictures, and megabytes."""
    one_heap()
    camera = LiveCamera(Camera(id="lane-1", url=url), clock=SystemClock(trusted=True), isolate=isolate)
    give_back()
    camera.start()
    while camera.frame(5.0) is None:
        pass
    frame, pictures, megabytes, before = None, 0, 0.0, used() + sum(map(ticks, children()))
    until = monotonic() + seconds
    while monotonic() < until:
        if (frame := camera.frame(0.5)) is not None:
            frame.picture.luma(12)
            pictures += 1
            if pictures % 100 == 0:
                megabytes = max(megabytes, sum(map(share, (os.getpid(), *children()))))
    print(used() + sum(map(ticks, children())) - before, pictures, megabytes)
    camera.close()


def used() -> float:
    """Of this process."""
    told = resource.getrusage(resource.RUSAGE_SELF)
    return told.ru_utime + told.ru_stime


def ticks(number: int) -> float:
    """Of another, since its start."""
    told = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def children() -> list[int]:
    """Processes of this one."""
    return [int(number) for number in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()] or [
        int(number) for task in Path("/proc/self/task").iterdir() for number in (task / "children").read_text().split()
    ]


def share(number: int) -> float:
    """Megabytes that it has for itself."""
    lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def main() -> int:
    """Takes turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--look", nargs=2, metavar=("URL", "ISOLATE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.look:
        looked(asked.look[0], asked.seconds, asked.look[1] == "apart")
        return 0
    wide, _, high = asked.size.partition("x")
    found: dict[str, list[float]] = {"inside": [], "apart": []}
    with tempfile.TemporaryDirectory(prefix="homerule-apart-") as name:
        clip = Path(name) / "road.mp4"
        noisy = f"scale={wide}:{high},noise=alls=6:allf=t"
        subprocess.run(["ffmpeg", "-v", "error", "-i", pole.clip(), "-vf", noisy, "-t", "8", clip], check=True)
        camera = RtspCamera(Path(name), clip)
        camera.start()
        try:
            for _ in range(asked.rounds):
                for form, costs in found.items():
                    again = [sys.executable, __file__, "--seconds", str(asked.seconds), "--look", camera.url, form]
                    cpu, pictures, megabytes = map(float, subprocess.check_output(again, text=True).split())
                    print(f"{form:<7} {1000 * cpu / pictures:6.2f} ms a picture, {pictures:.0f}, {megabytes:5.0f} MB")
                    costs.append(cpu / pictures)
        finally:
            camera.kill()
    print(f"apart / inside: {median(found['apart']) / median(found['inside']):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
