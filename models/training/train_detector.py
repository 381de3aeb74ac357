"""Train the plate detector on a processor, by the clock.

    python models/training/train_detector.py --plates DIR --work DIR --minutes 80

The learning rate falls to zero when the minutes are over, however many steps that was. Every three minutes everything
needed to go on is written to the work folder; started again with the same folder, it goes on.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from detector_net import PlateDetector, parameters_of
from detector_targets import batch_of, box_loss, heat_loss
from fonts import font_files, load_alphabets
from lettering import draw_lettering
from mine import read as read_mined
from photographs import load_photographs
from plain_plates import plain_plate
from plates import Press
from scenes import SceneMaker
from torch import Tensor

BATCH = 14
PEAK_RATE = 2.5e-3
GO_ON_RATE = 1.2e-3
WARM_STEPS = 200
SAVE_EVERY_S = 180.0
PLATES = 1200
LETTERING = 600


@dataclass
class Progress:
    """What a stopped run needs to go on: seconds of training so far, steps so far."""

    elapsed_s: float = 0.0
    steps: int = 0


def feed(plates: Path, seed: int, mined: Path | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches for ever: RGB 0..1 [batch, 3, size, size] and targets."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    fonts = font_files()
    lettering = [draw_lettering(rng, fonts) for _ in range(LETTERING)]
    photographs = load_photographs(plates, "train", mined=read_mined(mined) if mined else ())
    maker = SceneMaker(photographs, _drawn_plates(rng), lettering, rng)
    while True:
        pixels, target = batch_of([maker.make() for _ in range(BATCH)])
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)
        yield images.contiguous(memory_format=torch.channels_last), torch.from_numpy(target)


def _drawn_plates(rng: np.random.Generator) -> list[Any]:
    """Plates to paste: mostly the ones the reader learns from, and some plainer, with more varied grounds."""
    press = Press(alphabets=tuple(load_alphabets(rng)))
    return [press.render(rng)[0] for _ in range(PLATES)] + [plain_plate(rng) for _ in range(PLATES // 3)]


def rate(progress: Progress, minutes: float, peak: float) -> float:
    """Learning rate now: a short warm-up, then half a cosine over the wall clock."""
    share = min(progress.elapsed_s / (minutes * 60), 1.0)
    return peak * min(1.0, (progress.steps + 1) / WARM_STEPS) * 0.5 * (1 + float(np.cos(np.pi * share)))


def follow(average: torch.nn.Module, net: torch.nn.Module, steps: int) -> None:
    """Move the running average of the weights (and of batch norm's figures) towards the net."""
    keep = min(0.998, 1 - 2 / (steps + 2))
    with torch.no_grad():
        for kept, now in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(now, 1 - keep)
            else:
                kept.copy_(now)


def save(path: Path, state: dict[str, Any]) -> None:
    """Write the state whole or not at all."""
    torch.save(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def train(
    plates: Path, work: Path, minutes: float, seed: int, weights: Path | None = None, mined: Path | None = None
) -> None:
    """Train until the minutes are over; leaves `latest.pt` in the work folder."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    work.mkdir(parents=True, exist_ok=True)
    net = PlateDetector().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if weights:
        net.load_state_dict(torch.load(weights, weights_only=True))
    print(f"{parameters_of(net)} parameters", flush=True)
    average, progress = deepcopy(net), Progress()
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    latest = work / "latest.pt"
    if latest.exists():
        state = torch.load(latest, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        progress = Progress(state["elapsed_s"], state["steps"])
        print(f"going on at {progress.elapsed_s / 60:.1f} minutes, step {progress.steps}", flush=True)

    def keep() -> None:
        save(
            latest,
            {
                "net": net.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "elapsed_s": progress.elapsed_s,
                "steps": progress.steps,
            },
        )

    batches = feed(plates, seed + progress.steps, mined)
    _run(net, average, optimizer, progress, minutes, GO_ON_RATE if weights else PEAK_RATE, batches, keep)
    keep()
    print("done", flush=True)


def _run(
    net: PlateDetector,
    average: PlateDetector,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    minutes: float,
    peak: float,
    batches: Iterator[tuple[Tensor, Tensor]],
    keep: Any,
) -> None:
    net.train()
    ready = next(batches)
    before = saved = time.monotonic()
    sums = np.zeros(2)
    while progress.elapsed_s < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = rate(progress, minutes, peak)
        logits, distances = net(ready[0])
        heat, box = heat_loss(logits, distances, ready[1]), box_loss(distances, ready[1])
        optimizer.zero_grad()
        (heat + 2 * box).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        progress.steps += 1
        follow(average, net, progress.steps)
        sums += [heat.item(), box.item()]
        ready = next(batches)
        now = time.monotonic()
        progress.elapsed_s, before = progress.elapsed_s + now - before, now
        if progress.steps % 50 == 0:
            print(
                f"{progress.elapsed_s / 60:6.1f} min  step {progress.steps}  heat {sums[0] / 50:.3f}"
                f"  box {sums[1] / 50:.3f}",
                flush=True,
            )
            sums[:] = 0
        if now - saved > SAVE_EVERY_S:
            saved = now
            keep()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plates", type=Path, required=True, help="folder with boxes.csv and images/")
    parser.add_argument("--work", type=Path, required=True, help="folder for the state of the run, outside the project")
    parser.add_argument("--minutes", type=float, default=80.0)
    parser.add_argument("--weights", type=Path, help="go on from these averaged weights (checkpoints/detector.pt)")
    parser.add_argument("--mined", type=Path, help="what mine.py wrote: strays become hard negatives")
    parser.add_argument("--seed", type=int, default=1)
    found = parser.parse_args()
    train(found.plates, found.work, found.minutes, found.seed, found.weights, found.mined)


if __name__ == "__main__":
    main()
