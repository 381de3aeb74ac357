"""Passages against the truth: recall, duplicates, false reads, and how many texts are right.

    python tests/bench/passages.py CLIP.mp4 ... [--models DIR] [--detector NAME] [--reader NAME] [--plates A,B] [--json]

The truth stands beside each clip (CLIP.json with `fps` and `passes` of plate, start, end in frames); for a clip without
one, --plates names the plates that are to be seen in it. O=0 and I=1 are folded in the figure of that name.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.capture import open_recording
from edge.clock import ReplayClock
from edge.values import PlateRead
from edge.vision import Models, Vision
from edge.vision.texts import differences

START = datetime(2026, 1, 1, tzinfo=UTC)
SLACK_SECONDS = 1.5
FOLDED = str.maketrans("OI", "01")


@dataclass(frozen=True)
class Truth:
    """One vehicle: its plate, and from when to when it is in the picture (seconds)."""

    plate: str
    start: float
    end: float


@dataclass
class Figures:
    """The sums over all clips."""

    passes: int = 0
    seen: int = 0
    exact: int = 0
    folded: int = 0
    duplicates: int = 0
    false_reads: int = 0
    video_seconds: float = 0.0
    cpu_seconds: float = 0.0
    looks: int = 0
    readings: int = 0


def truths(clip: Path, plates: str | None, seconds: float) -> list[Truth]:
    """The truth of one clip."""
    beside = clip.with_suffix(".json")
    if plates is not None or not beside.exists():
        return [Truth(plate, 0.0, seconds) for plate in (plates or "").split(",") if plate]
    told = json.loads(beside.read_text())
    return [Truth(one["plate"], one["start"] / told["fps"], one["end"] / told["fps"]) for one in told["passes"]]


def belongs(read: PlateRead, truth: Truth) -> bool:
    """Whether a read is of that vehicle: in its time, and more alike than not."""
    first, last = ((at - START).total_seconds() for at in (read.first_seen, read.last_seen))
    in_time = first <= truth.end + SLACK_SECONDS and last >= truth.start - SLACK_SECONDS
    return in_time and 2 * differences(read.text, truth.plate) < max(len(read.text), len(truth.plate))


def judge(clip: Path, models: Models, plates: str | None, sums: Figures) -> None:
    """Replays one clip and adds to the sums; says on stderr what was wrong."""
    recording = open_recording(clip, camera_id="bench", start=START)
    vision = Vision(models=models, clock=ReplayClock(start=START))
    begun = time.process_time()
    reads = [read for frame in recording.frames() for read in vision.passages(frame)] + vision.finish()
    sums.cpu_seconds += time.process_time() - begun
    seconds = vision.counts.frames / recording.frames_per_second
    sums.video_seconds += seconds
    sums.looks += vision.counts.looks
    sums.readings += vision.counts.readings
    left = list(reads)
    for truth in truths(clip, plates, seconds):
        mine = sorted((read for read in left if belongs(read, truth)), key=lambda read: -read.confidence)
        left = [read for read in left if read not in mine]
        sums.passes += 1
        sums.seen += bool(mine)
        sums.duplicates += max(0, len(mine) - 1)
        sums.exact += bool(mine) and mine[0].text == truth.plate
        right = bool(mine) and mine[0].text.translate(FOLDED) == truth.plate.translate(FOLDED)
        sums.folded += right
        if not right:
            told = f"{mine[0].text} ({mine[0].confidence:.2f})" if mine else "nothing"
            print(f"{clip.name}: {truth.plate} at {truth.start:.1f} s was read as {told}", file=sys.stderr)
    sums.false_reads += len(left)
    for read in left:
        print(f"{clip.name}: false read {read.text} ({read.confidence:.2f})", file=sys.stderr)
    print(f"{clip.name}: dropped {vision.counts.rejected}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--detector")
    parser.add_argument("--reader")
    parser.add_argument("--plates", help="plates to be seen, with commas, for a clip without a truth beside it")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    models = Models.load(given.models, given.detector, given.reader)
    sums = Figures()
    for clip in given.clips:
        judge(clip, models, given.plates, sums)
    if given.json:
        print(json.dumps(asdict(sums), indent=1))
        return
    of = max(1, sums.passes)
    print(
        f"{sums.passes} passes: seen {sums.seen / of:.1%}, exact {sums.exact / of:.1%}, folded {sums.folded / of:.1%},"
        f" duplicates {sums.duplicates}, false reads {sums.false_reads};"
        f" {60 * sums.cpu_seconds / max(1e-9, sums.video_seconds):.1f} CPU-s a video-minute,"
        f" {sums.looks} looks, {sums.readings} readings"
    )


if __name__ == "__main__":
    main()
