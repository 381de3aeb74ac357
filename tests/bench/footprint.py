"""What one camera of 1080p costs a device: memory of `homerule run`, and the time from its start to its first frame.

    python tests/bench/footprint.py [--clip CLIP.mp4] [--sub SUB.mp4] [--seconds 60] [--repeats 3] [--json]

A real RTSP server plays the clip (a drawn one without --clip); a real Mosquitto and one `homerule receive` stand by.
Peak is VmHWM of /proc, the parts are those of smaps_rollup at the end.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic, sleep

from edge.road.clip import Pass, Road, write_video
from tests.daemon.pole import OWNER, Pole
from tests.rtsp import RtspCamera
from tests.site import running

TICKS = os.sysconf("SC_CLK_TCK")


def drawn(folder: Path) -> Path:
    """Half a minute of 1080p with a dozen vehicles."""
    path = folder / "road.mp4"
    passes = [Pass(text=f"Q{letter}{letter} 4{number}17", speed=14.0) for number, letter in enumerate("ABCDEFHJKLMN")]
    write_video(Road(passes=passes, seed=8, size=(1920, 1080)), path)
    return path


def rollup(pid: int) -> dict[str, float]:
    """MB by kind, as the kernel sums it up."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    wanted = ("Rss", "Pss", "Pss_Anon", "Pss_File", "Private_Dirty")
    return {
        name: round(int(rest.split()[0]) / 1024, 1)
        for name, rest in (line.split(":", 1) for line in lines)
        if name in wanted
    }


def once(folder: Path, clip: Path, sub: Path | None, seconds: float) -> dict[str, object]:
    """One start of the daemon."""
    with running(folder / "site", OWNER) as site:
        pole = Pole(folder / "pole", site.port, site=site)
        server = RtspCamera(folder, clip, fps=30.0, whole_every=2.0, sub=sub, sub_fps=15.0)
        server.start()
        camera: dict[str, object] = {"id": "lane-1", "url": server.url}
        if sub is not None:
            camera["sub_url"] = server.sub_url
        pole.device["camera"] = [camera]
        pole.receive(OWNER)
        began = monotonic()
        daemon = pole.run()
        daemon.await_words("runs on", within=60)
        ready = monotonic() - began
        try:
            while not (pole.status().report.cameras[0].frames_per_second or 0):
                sleep(0.02)
            first = monotonic() - began
            sleep(max(0.0, seconds - first))
            proc = Path(f"/proc/{daemon.process.pid}")
            told = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
            times = (proc / "stat").read_text().rpartition(")")[2].split()
            return {
                "peak_megabytes": round(int(told["VmHWM"].split()[0]) / 1024, 1),
                "resident_megabytes": round(int(told["VmRSS"].split()[0]) / 1024, 1),
                "threads": int(told["Threads"]),
                "ready_seconds": round(ready, 2),
                "first_frame_seconds": round(first, 2),
                "cpu_seconds": round((int(times[11]) + int(times[12])) / TICKS, 1),
                "reads": len(pole.received(OWNER)),
                "parts": rollup(daemon.process.pid),
            }
        finally:
            daemon.end()
            pole.close()
            server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--sub", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rounds = []
    for _ in range(asked.repeats):
        with tempfile.TemporaryDirectory(prefix="homerule-footprint-") as name:
            folder = Path(name)
            clip = asked.clip.resolve() if asked.clip else drawn(folder)
            rounds.append(once(folder, clip, asked.sub.resolve() if asked.sub else None, asked.seconds))
            print(rounds[-1], file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps(rounds, indent=1))
        return
    for name in ("peak_megabytes", "resident_megabytes", "ready_seconds", "first_frame_seconds", "cpu_seconds"):
        values = [float(one[name]) for one in rounds]
        print(f"{name:<22}{median(values):8.1f}  ({min(values):.1f} to {max(values):.1f})")


if __name__ == "__main__":
    main()
