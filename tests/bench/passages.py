"""Passages against the truth: recall, precision, duplicates and right texts, and what the best single frame would say.

    python tests/bench/passages.py CLIP.mp4 ... [--models DIR] [--detector NAME] [--reader NAME] [--plates A,B]
                                   [--single 2] [--chart FILE.svg] [--json] [--quiet] [--calibrate]

The truth stands beside each clip (CLIP.json with `fps` and `passes` of plate, start, end in frames); for a clip without
one, --plates names the plates that are to be seen in it. Intervals are Wilson's, 95 %; `folded` takes O as 0, I as 1.
The best single frame is the surest reading of a pass in every second frame of it (--single N: every N-th, 0: none),
with the same models. --calibrate fits edge/vision/trust.py to the passes: give it clips that nothing is reported on.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from edge.bench.score import Score, Truth, folded, judge, said, shared_out, truths
from edge.capture import open_recording
from edge.clock import ReplayClock
from edge.measure.labelled import signs
from edge.shares import Share
from edge.values import Frame, PlateRead
from edge.vision import Models, Reading, Vision
from edge.vision.reader import cuts_from, two_margins
from edge.vision.texts import differences
from edge.vision.vote import Ballot

START = datetime(2026, 1, 1, tzinfo=UTC)
SHORTEST = 4
"""A reading of fewer characters is no plate for the baseline either."""


@dataclass(frozen=True)
class Look:
    """One plate in one frame, read."""

    at: float
    width: float
    reading: Reading


@dataclass
class Sums:
    """Over all clips."""

    score: Score = field(default_factory=Score)
    single_exact: int = 0
    single_folded: int = 0
    singles: int = 0
    video_seconds: float = 0.0
    cpu_seconds: float = 0.0
    looks: int = 0
    readings: int = 0
    hurried: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    sure: list[tuple[float, bool]] = field(default_factory=list)
    """Of each read that belongs to a vehicle: its confidence, and whether it is right (folded)."""


def told_of(clip: Path, plates: str | None, seconds: float) -> tuple[Truth, ...]:
    """The truth of one clip."""
    beside = clip.with_suffix(".json")
    if plates is not None or not beside.exists():
        named = [signs(plate) for plate in (plates or "").split(",")]
        return tuple(Truth(plate=plate, start=0.0, end=seconds) for plate in named if plate)
    return truths(beside)


def watch(clip: Path, models: Models, sums: Sums) -> tuple[list[PlateRead], float]:
    """Replays one clip; its reads, and how many seconds it lasts."""
    recording = open_recording(clip, camera_id="bench", start=START)
    vision = Vision(models=models, clock=ReplayClock(start=START))
    begun = time.process_time()
    reads = [read for frame in recording.frames() for read in vision.passages(frame)] + vision.finish()
    sums.cpu_seconds += time.process_time() - begun
    counts = vision.counts
    seconds = counts.frames / recording.frames_per_second
    sums.video_seconds += seconds
    sums.looks, sums.readings = sums.looks + counts.looks, sums.readings + counts.readings
    sums.hurried += counts.hurried
    for reason, number in counts.rejected.items():
        sums.rejected[reason] = sums.rejected.get(reason, 0) + number
    return reads, seconds


def compare(clip: Path, reads: list[PlateRead], told: tuple[Truth, ...], sums: Sums, *, quiet: bool) -> None:
    corrections = sum(read.replaces is not None for read in reads)
    standing = said(reads, start=START)
    score = judge(standing, told, corrections=corrections)
    sums.score = sums.score + score
    mine, _ = shared_out(standing, told)
    sums.sure += [
        (one.confidence, folded(one.text) == folded(truth.plate)) for truth, found in mine.items() for one in found
    ]
    for miss in () if quiet else score.misses:
        what = f"{miss.plate} was read as {miss.text or 'nothing'}" if miss.plate else f"false read {miss.text}"
        print(f"{clip.name} at {miss.at:.1f} s: {what} ({miss.confidence:.2f})", file=sys.stderr)


def every(clip: Path, models: Models, told: tuple[Truth, ...], step: int) -> dict[Truth, list[Look]]:
    """All that the models read in every `step`-th frame of each pass."""
    found: dict[Truth, list[Look]] = {truth: [] for truth in told}
    for frame in open_recording(clip, camera_id="bench", start=START).frames():
        at = (frame.captured_at - START).total_seconds()
        of = [truth for truth in told if truth.start <= at < truth.end]
        looks = readings(frame, models, at) if of and frame.sequence % step == 0 else []
        for truth in of:
            found[truth] += looks
    return found


def readings(frame: Frame, models: Models, at: float) -> list[Look]:
    """Every plate in one frame, read."""
    boxes = [one.box for one in models.detector.look(frame.picture)]
    margins = two_margins(models.reader.margin)
    crops = [(box, cuts_from(frame.picture, box, margins=margins)) for box in boxes]
    return [Look(at=at, width=box.width, reading=models.reader.read(*cuts)) for box, cuts in crops]


def surest(looks: list[Look]) -> str:
    """The text of the reading that is surest of its characters."""
    long = [look.reading for look in looks if len(look.reading.text) >= SHORTEST]
    return max(long, key=lambda reading: reading.confidence).text if long else ""


def samples(truth: Truth, looks: list[Look]) -> list[tuple[list[float], bool]]:
    """Votes over parts of one pass: the three figures that `trust` takes, and whether the text is right."""
    mine = [look for look in looks if 2 * differences(look.reading.text, truth.plate) < len(truth.plate)]
    made = []
    for part in (mine[::3], mine[1::3], mine[:8], mine[:12:2], mine[4:12]):
        if len(part) < 2:
            continue
        ballot = Ballot()
        for look in part:
            ballot.add(look.reading, width=look.width, sharpness=1.0, at=START + timedelta(seconds=look.at))
        vote = ballot.result()
        if vote is not None:
            length = sum(len(look.reading.text) == len(vote.text) for look in part) / len(part)
            figures = [vote.agreement, vote.lowest_character_confidence, length]
            made.append((figures, folded(vote.text) == folded(truth.plate)))
    return made


def fitted(made: list[tuple[list[float], bool]]) -> list[float]:
    """The logistic function's constant and its three factors (Newton's method, a little ridge)."""
    given = np.array([[1.0, *figures] for figures, _ in made])
    right = np.array([float(is_right) for _, is_right in made])
    ridge = np.diag([0.0, 1e-3, 1e-3, 1e-3])
    factors = np.zeros(4)
    for _ in range(100):
        likely = 1.0 / (1.0 + np.exp(-given @ factors))
        slope = given.T @ (likely - right) / len(right) + ridge @ factors
        bend = (given.T * (likely * (1.0 - likely))) @ given / len(right) + ridge + 1e-9 * np.eye(4)
        factors = factors - np.linalg.solve(bend, slope)
    return [round(float(factor), 2) for factor in factors]


def bins(sure: list[tuple[float, bool]]) -> list[tuple[float, float, Share]]:
    """From which to which confidence, and the share that is right there."""
    edges = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0001)
    pairs = pairwise(edges)
    held = [(low, high, [right for chance, right in sure if low <= chance < high]) for low, high in pairs]
    return [(low, min(1.0, high), Share(right=sum(rights), of=len(rights))) for low, high, rights in held if rights]


def lines(sums: Sums) -> list[str]:
    """The outcome in words."""
    score, shares = sums.score, dict(sums.score.shares)
    if sums.singles:
        shares["best single frame, exact"] = Share(right=sums.single_exact, of=sums.singles)
        shares["best single frame, folded"] = Share(right=sums.single_folded, of=sums.singles)
    told = [f"{score.passes} passes, {score.reads} reads, {score.corrections} corrected, {score.false_reads} false"]
    for name, share in shares.items():
        low, high = share.interval
        told.append(f"  {name:<27}{share.value:7.1%}   {low:.1%} to {high:.1%}   ({share.right} of {share.of})")
    told += [
        f"  confidence {low:.2f} to {high:.2f}: {share.value:.0%} right of {share.of}"
        for low, high, share in bins(sums.sure)
    ]
    told.append(f"  dropped: {', '.join(f'{number} {reason}' for reason, number in sums.rejected.items()) or 'none'}")
    cpu = 60 * sums.cpu_seconds / max(1e-9, sums.video_seconds)
    told.append(
        f"  {cpu:.1f} CPU-s a video-minute, {sums.looks} looks and {sums.readings} readings"
        f" in {sums.video_seconds:.0f} s, {sums.hurried} passages with fewer than eight looks"
    )
    return told


def drawn(sums: Sums) -> str:
    """An SVG of how often reads of each confidence are right."""
    side, edge = 320, 40
    dots = "".join(
        f'<circle cx="{edge + side * (low + high) / 2:.0f}" cy="{edge + side * (1 - share.value):.0f}"'
        f' r="{3 + share.of**0.5:.1f}" fill="#1f6f54" fill-opacity=".7"/>'
        for low, high, share in bins(sums.sure)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side + 2 * edge} {side + 2 * edge}">'
        f'<rect x="{edge}" y="{edge}" width="{side}" height="{side}" fill="none" stroke="#888"/>'
        f'<path d="M{edge} {edge + side}L{edge + side} {edge}" stroke="#888" stroke-dasharray="4"/>{dots}'
        f'<g font-family="sans-serif" font-size="13"><text x="{edge}" y="{edge - 12}">share of reads that are right'
        "</text>"
        f'<text x="{edge + side}" y="{side + 2 * edge - 12}" text-anchor="end">confidence</text></g></svg>\n'
    )


def as_json(sums: Sums) -> str:
    shares = {name: (share.value, *share.interval) for name, share in sums.score.shares.items()}
    told = asdict(sums) | {
        "shares": shares,
        "bins": [(low, high, share.value, share.of) for low, high, share in bins(sums.sure)],
    }
    return json.dumps(told, indent=1)


def asked() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--detector")
    parser.add_argument("--reader")
    parser.add_argument("--plates", help="plates to be seen, with commas, for a clip without a truth beside it")
    parser.add_argument(
        "--single", type=int, default=2, help="the baseline looks at every so many frames; 0: no baseline"
    )
    parser.add_argument("--chart", type=Path, help="writes how often reads of each confidence are right, as SVG")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quiet", action="store_true", help="does not list what was read wrongly")
    parser.add_argument("--calibrate", action="store_true", help="fits the confidence instead")
    given = parser.parse_args()
    timed = given.plates is None and all(clip.with_suffix(".json").exists() for clip in given.clips)
    if given.calibrate and not timed:
        parser.error("--calibrate needs the times of the plates: leave out --plates, write CLIP.json beside each clip")
    return given


def main() -> None:
    given = asked()
    models, sums, made = Models.load(given.models, given.detector, given.reader), Sums(), []
    for clip in given.clips:
        seconds = 0.0
        if not given.calibrate:
            reads, seconds = watch(clip, models, sums)
        told = told_of(clip, given.plates, seconds)
        if not given.calibrate:
            compare(clip, reads, told, sums, quiet=given.quiet)
        for truth, looks in (
            every(clip, models, told, given.single or 2).items() if given.single or given.calibrate else ()
        ):
            text = surest(looks)
            sums.singles += 1
            sums.single_exact += text == truth.plate
            sums.single_folded += folded(text) == folded(truth.plate)
            made += samples(truth, looks)
    if given.calibrate:
        print("CONSTANT, AGREEMENT, LOWEST, LENGTH =", ", ".join(map(str, fitted(made))), f"# {len(made)} votes")
        return
    if given.chart:
        given.chart.write_text(drawn(sums))
    print(as_json(sums) if given.json else "\n".join(lines(sums)))


if __name__ == "__main__":
    main()
