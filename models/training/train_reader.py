"""Trains the plate reader on one core within a given number of minutes, from rendered plates and, later on, real
crops of the training split whose text two readers agree on. Interrupted training goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from agreed import AgreedCrop
from kitchen import BATCH, Batch, Cook, Kitchen
from numpy.typing import NDArray
from reader_net import ALPHABET, PAD, SLOTS, Reader, grown, reader_of, text_of
from shelf import Mine, Shelf
from shuffled import with_cuts
from torch import Tensor
from torch.nn import functional

PEAK, GO_ON_PEAK = 1.3e-3, 1e-3
WARM_UP = 150
LEARNED_TO_LOOK = 2.2
"""Below this loss the slots have found their characters, and harder crops may come."""
HARDER_OVER = 1500
LABEL_AT = (0.26, 0.42, 0.58, 0.75)
GO_ON_AT = (0.0, 0.3, 0.65)
"""Shares of the time at which real crops are labelled (again), each time by a better reader; the second when training
goes on from weights that can read."""
MEET_EVERY = 25
"""Steps."""
SMOOTH = 0.03
"""Share of certainty that is never asked for, so that a confidence keeps its meaning."""


@dataclass(kw_only=True)
class Course:
    """How far the training is; kept in the checkpoint."""

    seconds: float = 0.0
    step: int = 0
    crops: int = 0
    loss: float = 5.0
    looked_at: int = -1
    """The step at which the net had learned to look; -1 before."""
    went_on: bool = False
    labelled: int = 0
    history: list[str] = field(default_factory=list)

    def easy_share(self) -> float:
        """Most crops are easy until the net has learned to look; then fewer and fewer."""
        if self.looked_at < 0:
            return 0.9
        if self.went_on:
            return 0.4
        return max(0.9 - 0.8 * (self.step - self.looked_at) / HARDER_OVER, 0.25)


def targets(texts: list[str]) -> tuple[Tensor, Tensor, Tensor]:
    """Slot targets (n, 10), and for the column head the concatenated characters and their counts."""
    slots = torch.full((len(texts), SLOTS), PAD)
    for row, text in enumerate(texts):
        slots[row, : len(text)] = torch.tensor([ALPHABET.index(sign) for sign in text], dtype=torch.long)
    line = torch.tensor([ALPHABET.index(sign) for text in texts for sign in text], dtype=torch.long)
    return slots, line, torch.tensor([len(text) for text in texts])


def loss_of(reader: Reader, batch: Batch) -> Tensor:
    """Cross-entropy of the slots with what should be said, plus half the CTC loss of the columns."""
    crops = torch.from_numpy(batch.pixels).permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
    slots, columns = reader(crops)
    _, line, counts = targets(batch.texts)
    weights = torch.from_numpy(batch.weights)
    wanted = torch.from_numpy(batch.shares).transpose(1, 2)
    direct = functional.cross_entropy(slots.transpose(1, 2), wanted, label_smoothing=SMOOTH, reduction="none").mean(1)
    across = columns.log_softmax(-1).transpose(0, 1)
    lengths = torch.full((len(counts),), across.shape[0])
    spelled = functional.ctc_loss(across, line, lengths, counts, blank=PAD, reduction="none", zero_infinity=True)
    return ((direct + 0.5 * spelled / counts.clamp(min=1)) * weights).mean()


def rate(done: float, step: int, peak: float) -> float:
    """Learning rate: a short warm-up in steps, full for a third of the time, then half a cosine down to nothing."""
    fall = min(max((done - 0.33) / 0.67, 0.0), 1.0)
    return peak * min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * fall)) + 1e-7


@torch.no_grad()
def follow(mean: Reader, reader: Reader, step: int) -> None:
    """Move the averaged weights a little towards the trained ones."""
    keep = min(0.9988, (step + 1) / (step + 20))
    for old, new in zip(mean.state_dict().values(), reader.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - keep)
        else:
            old.copy_(new)


@torch.no_grad()
def read(reader: Reader, pixels: NDArray[np.uint8]) -> list[str]:
    """Texts of crops given as uint8 RGB (n, 64, 128, 3)."""
    reader.eval()
    texts: list[str] = []
    for start in range(0, len(pixels), 64):
        part = torch.from_numpy(pixels[start : start + 64]).permute(0, 3, 1, 2).float()
        texts += text_of(reader(part)[0])
    return texts


@torch.no_grad()
def spelled(reader: Reader, pixels: NDArray[np.uint8]) -> list[list[tuple[str, float]]]:
    """What the column head sees in crops as uint8 RGB (n, 64, 128, 3): characters and the places of their middles."""
    reader.eval()
    lines = []
    for start in range(0, len(pixels), 64):
        part = torch.from_numpy(pixels[start : start + 64]).permute(0, 3, 1, 2).float()
        for row in reader(part)[1].argmax(-1).tolist():
            runs, line = itertools.groupby(range(len(row)), key=row.__getitem__), []
            for sign, places in runs:
                where = list(places)
                if sign != PAD:
                    line.append((ALPHABET[sign], (where[0] + where[-1] + 1) / 2 / len(row)))
            lines.append(line)
    return lines


def share_right(read_texts: list[str], texts: list[str]) -> float:
    return 100 * sum(a == b for a, b in zip(read_texts, texts, strict=True)) / max(len(texts), 1)


def save(path: Path, **parts: object) -> None:
    """Write a checkpoint so that a crash leaves the old one or the new one."""
    torch.save(parts, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def train(given: argparse.Namespace) -> None:
    """Train until the minutes are used up; leaves `last.pt` (to go on) and `reader.pt` (averaged weights) in `out`."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(given.seed)
    folder, out = given.folder, given.out
    reader, course = Reader(larger=given.larger), Course()
    if given.weights:
        small = torch.load(given.weights, weights_only=True)
        reader = grown(small) if given.larger else reader_of(small)
        course = Course(looked_at=0, went_on=True, loss=1.0)
    reader, mean = reader.to(memory_format=torch.channels_last), Reader(larger=reader.larger)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=PEAK, weight_decay=0.02, betas=(0.9, 0.98), fused=True)
    if (out / "last.pt").exists():
        kept = torch.load(out / "last.pt", weights_only=False)
        reader.load_state_dict(kept["reader"])
        mean.load_state_dict(kept["mean"])
        optimiser.load_state_dict(kept["optimiser"])
        for group in optimiser.param_groups:
            group["fused"] = True
        course = Course(**kept["course"])
    else:
        mean.load_state_dict(reader.state_dict())
    mined = Mine.out_of(folder, given.mined) if given.mined else None
    cook = Cook(folder, (given.seed, course.step), mined, given.reference)
    held_out = Kitchen(folder, np.random.default_rng(given.seed + 1_000_000), pictures=250).batch
    probe = [held_out(0.1) for _ in range(16)]
    shelf = Shelf(folder, given.reference, given.typed, mined, out / "said.npy")
    if course.labelled:
        cook.add_real(real_crops(shelf, mean))
    val = shelf.held_out()
    peak = given.peak or (GO_ON_PEAK if course.went_on else PEAK)
    run(
        reader,
        mean,
        optimiser,
        course,
        cook,
        probe,
        val,
        shelf,
        out=out,
        beside=given.beside,
        settled=given.settled,
        budget=given.minutes * 60,
        peak=peak,
    )


def run(
    reader: Reader,
    mean: Reader,
    optimiser: torch.optim.Optimizer,
    course: Course,
    cook: Cook,
    probe: list[Batch],
    val: list[AgreedCrop],
    shelf: Shelf,
    *,
    out: Path,
    beside: Path | None,
    settled: int,
    budget: float,
    peak: float,
) -> None:
    """The training loop proper."""
    saved = shown = course.seconds
    before = time.monotonic()
    met = 0.0
    while course.seconds < budget:
        done = course.seconds / budget
        for group in optimiser.param_groups:
            group["lr"] = rate(done, course.step, peak)
        reader.train()
        reader.look[:settled].eval().requires_grad_(False)
        loss = loss_of(reader, cook.batch(course.easy_share()))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 2.0)
        optimiser.step()
        follow(mean, reader, course.step)
        course.loss += (loss.item() - course.loss) * 0.02
        course.step += 1
        course.crops += BATCH
        if beside and course.step % MEET_EVERY == 0:
            met = meet(reader, out, beside, met)
        if course.looked_at < 0 and course.loss < LEARNED_TO_LOOK:
            course.looked_at = course.step
        label_at = GO_ON_AT if course.went_on else LABEL_AT
        if shelf.filled and course.labelled < len(label_at) and done > label_at[course.labelled]:
            cook.add_real(real_crops(shelf, mean))
            course.labelled += 1
        now = time.monotonic()
        course.seconds += now - before
        before = now
        if course.seconds - shown > 400 or course.step == 1:
            shown = course.seconds
            print(line_of(course, mean, probe, val), flush=True)
        if course.seconds - saved > 170:
            saved = course.seconds
            keep(out, reader, mean, optimiser, course)
    keep(out, reader, mean, optimiser, course)
    print("finished:", line_of(course, mean, probe, val), flush=True)


@torch.no_grad()
def meet(reader: Reader, out: Path, beside: Path, met: float) -> float:
    """Leave our weights for the training beside, and go half the way to its own, if they are newer than `met`.

    Two trainings that meet often learn nearly as one of both their crops: each has a processor of its own.
    """
    save(out / "met.pt", **reader.state_dict())
    other = beside / "met.pt"
    if not other.exists() or other.stat().st_mtime <= met:
        return met
    written, theirs = other.stat().st_mtime, torch.load(other, weights_only=True)
    for name, ours in reader.state_dict().items():
        if ours.dtype.is_floating_point:
            ours.lerp_(theirs[name], 0.5)
    return written


def keep(out: Path, reader: Reader, mean: Reader, optimiser: torch.optim.Optimizer, course: Course) -> None:
    """Write both files of a checkpoint."""
    parts = {"reader": reader.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict()}
    save(out / "last.pt", **parts, course=vars(course))
    save(out / "reader.pt", **mean.state_dict())


def real_crops(shelf: Shelf, mean: Reader) -> list[AgreedCrop]:
    """The real crops as the averaged reader agrees on them, with the places at which they may be cut."""
    crops = with_cuts(shelf.crops(lambda crops: read(mean, crops)), lambda pixels: spelled(mean, pixels))
    print(f"{sum(bool(crop.cuts) for crop in crops)} of {len(crops)} real crops have clear gaps", flush=True)
    return crops


def line_of(course: Course, mean: Reader, probe: list[Batch], val: list[AgreedCrop]) -> str:
    """One line about the state of the training, measured on held-out rendered plates and on the val split."""
    seen = [text for batch in probe for text in read(mean, batch.pixels)]
    wanted = [text for batch in probe for text in batch.texts]
    line = (
        f"{course.seconds / 60:5.1f} min step {course.step} crops {course.crops} loss {course.loss:.3f} "
        f"easy {course.easy_share():.2f} rendered {share_right(seen, wanted):.1f}"
    )
    if val:
        pixels = np.stack([crop.tight() for crop in val])
        line += f" val {share_right(read(mean, pixels), [crop.text for crop in val]):.1f} of {len(val)}"
    return line


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="training photographs: boxes.csv and images/")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints go")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument(
        "--reference", type=Path, help="a second reader (ONNX, its config beside it) to label real crops with"
    )
    parser.add_argument(
        "--peak", type=float, help="highest learning rate; by default lower when it goes on from weights"
    )
    parser.add_argument("--weights", type=Path, help="go on from these weights (reader.pt), a smaller net's too")
    parser.add_argument("--mined", type=Path, help="what mine.py wrote: a detector's boxes become crops")
    parser.add_argument("--typed", type=Path, help="texts of real crops that were looked at: image, x1, y1, plate")
    parser.add_argument("--larger", action="store_true", help="train the larger net: slower, and it needs hours")
    parser.add_argument("--beside", type=Path, help="the `--out` of a training with another seed that runs beside this")
    parser.add_argument(
        "--settled", type=int, default=0, help="so many of the first convolutions stay as they are: 4 save a third"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    train(given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
