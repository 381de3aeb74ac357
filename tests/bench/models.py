"""What the built-in models cost beside others in one run: processor time of one thread, least of all rounds in turn.

    python tests/bench/models.py [--reader FILE.onnx]

A detector's time is that of one look at a 1280 x 720 picture, letterbox and all that comes after the network included;
it is held against a YOLO-shaped network of 2.9 GFLOP that goes through the same door (yardstick.py). So is the motion
gate, once before a road on which nothing moves and once before one on which something always does. FILE is a reader to
hold ours against, its plate config beside it. Exit code 1 when the default detector takes more than half of the
yardstick, the small one more than a quarter, the letterbox as much as its network, the gate a hundredth, or our reader
more than FILE.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from edge.capture import Plain
from edge.clock import busy
from edge.measure import load
from edge.values import Frame, Picture, Pixels
from edge.vision import Detector, models_folder, read_manifest
from edge.vision.gate import MotionGate
from edge.vision.models import find_model
from tests import networks
from tests.bench.yardstick import Yardstick

ALLOWED = (0.5, 0.25, 0.15)
"""Of the yardstick's time: the default detector, the smaller one, and the one for parts."""


def least(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Milliseconds of each piece of work, the pieces in turn."""
    spent: dict[str, float] = dict.fromkeys(works, float("inf"))
    for number in range(rounds + 3):
        for name, work in works.items():
            began = busy()
            work()
            if number >= 3:
                spent[name] = min(spent[name], 1000 * (busy() - began))
    return spent


def asked(pictures: Sequence[Picture]) -> Callable[[], object]:
    """A gate, asked about these pictures over and over, ten a second."""
    gate, start, numbers = MotionGate(), datetime(2026, 1, 1, tzinfo=UTC), count()

    def ask() -> object:
        number = next(numbers)
        at, picture = start + timedelta(seconds=number / 10), pictures[number % len(pictures)]
        return gate.moving(Frame(camera_id="north", sequence=number, captured_at=at, picture=picture))

    return ask


def driven_by(street: Pixels) -> list[Picture]:
    """A car in eight places one after the other."""
    pictures = [street.copy() for _ in range(8)]
    for place, picture in enumerate(pictures):
        picture[200:600, 150 * place : 150 * place + 150] //= 2
    return [Plain(picture) for picture in pictures]


def main() -> int:
    """Times, prints, judges."""
    parser = argparse.ArgumentParser(description="what the built-in models cost beside others")
    parser.add_argument("--reader", type=Path, help="another reader (.onnx)")
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    chance = np.random.default_rng(1)
    street = cv2.resize(chance.integers(0, 255, (45, 80, 3)).astype(np.uint8), (1280, 720)).astype(np.uint8, copy=False)
    yardstick = Yardstick()
    other = Detector(name="yardstick", written=yardstick.written())
    named = [one for one in read_manifest(models_folder()) if one.kind == "detector"]
    ours = [find_model("detector", one.name).detector() for one in sorted(named, key=lambda one: not one.default)]
    works: dict[str, Callable[[], object]] = {"yardstick": lambda: other.find(street)}
    for one in ours:
        works[one.name] = lambda one=one: one.find(street)
        bare = Detector(name="bare", written=networks.detector([], one.input_size))
        works[f"{one.name} bare"] = lambda bare=bare: bare.find(street)
    works |= {"nothing moves": asked([Plain(street)]), "something moves": asked(driven_by(street))}
    spent = least(works, given.rounds)
    print(f"yardstick: {2 * yardstick.macs / 1e9:.2f} GFLOP, {spent['yardstick']:.1f} ms")
    wrong = False
    for one, allowed in zip(ours, ALLOWED, strict=True):
        share, box = spent[one.name] / spent["yardstick"], spent[f"{one.name} bare"]
        network = spent[one.name] - box
        print(f"{one.name}: {spent[one.name]:.1f} ms, {share:.2f} of the yardstick; {box:.1f} of them letterbox")
        wrong |= share > allowed or box >= network
    for name in ("nothing moves", "something moves"):
        share, of_ours = spent[name] / spent["yardstick"], spent[name] / spent[ours[0].name]
        print(f"gate, {name}: {spent[name]:.2f} ms, {share:.4f} of the yardstick, {of_ours:.4f} of {ours[0].name}")
        wrong |= share >= 0.01
    if given.reader:
        crop = chance.integers(0, 255, (70, 140, 3)).astype(np.uint8)
        pair, theirs = load(None, None, None), load(None, None, str(given.reader))
        cost = least({"ours": lambda: pair.reader.read(crop), "theirs": lambda: theirs.reader.read(crop)}, given.rounds)
        print(f"reader: {cost['ours']:.2f} ms a crop, {given.reader.stem} {cost['theirs']:.2f}")
        wrong |= cost["ours"] > cost["theirs"]
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
