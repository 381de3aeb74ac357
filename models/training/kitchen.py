"""Makes the reader's batches: rendered plates seen by a camera, real crops and empty background among them. `Cook` does
it in a process of its own, so that the training waits for nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
from agreed import AgreedCrop
from crops import Camera, bumpers
from fonts import load_alphabets
from numpy.typing import NDArray
from plates import Press
from shelf import Mine
from shuffled import shuffled
from teacher import Shares, Teacher, certain


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Crops as uint8 RGB (BATCH, 64, 128, 3) with what a reader should say of them."""

    pixels: NDArray[np.uint8]
    texts: list[str]
    shares: NDArray[np.float32]
    """How likely each character is in each slot (BATCH, 10, 37)."""
    weights: NDArray[np.float32]
    """How much each crop counts (BATCH,)."""


_Crop = tuple[NDArray[np.uint8], str, Shares, float]

BATCH = 32
FIRST, POOL = 600, 8_000
"""Rendered plates at hand: when it begins, and at most."""
REPLACED = 8
PICTURES = 900
BACKGROUND = 0.08
REAL = 0.28
SHUFFLED = 0.55
"""Of the real crops that can be cut between their characters."""
_AHEAD = 12
"""Batches kept ready."""


class Kitchen:
    """Makes batches: a pool of rendered plates, seen by a camera, with real crops and empty background among them."""

    def __init__(
        self,
        folder: Path,
        rng: np.random.Generator,
        mined: Mine | None = None,
        *,
        pictures: int = PICTURES,
        teacher: Teacher | None = None,
    ) -> None:
        """`pictures` are the photographs that lend their bumpers and walls."""
        self._rng = rng
        self._teacher = teacher
        self._press = Press(alphabets=tuple(load_alphabets(rng)))
        around, elsewhere = bumpers(folder, rng, pictures)
        margins, strays = (mined.margins, mined.strays) if mined else (None, None)
        self._camera = Camera(around=around, elsewhere=elsewhere, rng=rng, margins=margins, strays=strays)
        self._pool = [self._plate() for _ in range(FIRST)]
        self._real: list[list[AgreedCrop]] = []

    def add_real(self, crops: list[AgreedCrop]) -> None:
        """Take real crops from here on; each text is as likely as another, however often it was photographed."""
        by_text: dict[str, list[AgreedCrop]] = {}
        for crop in crops:
            by_text.setdefault(crop.text, []).append(crop)
        self._real = list(by_text.values())

    def batch(self, easy_share: float) -> Batch:
        """The next batch."""
        for _ in range(REPLACED):
            plate = self._plate()
            if len(self._pool) < POOL:
                self._pool.append(plate)
            else:
                self._pool[int(self._rng.integers(POOL))] = plate
        made = [self._one(easy_share) for _ in range(BATCH)]
        return Batch(
            pixels=np.stack([one[0] for one in made]),
            texts=[one[1] for one in made],
            shares=np.stack([one[2] for one in made]),
            weights=np.array([one[3] for one in made], np.float32),
        )

    def _plate(self) -> tuple[NDArray[np.uint8], str, Shares]:
        plate, text, alike = self._press.drawn(self._rng)
        return plate, text, self._teacher.weighed(plate, text, alike) if self._teacher else certain(text)

    def _one(self, easy_share: float) -> _Crop:
        rng = self._rng
        draw = rng.random()
        if draw < BACKGROUND:
            return self._camera.background(rng), "", certain(""), 1.0
        if self._real and draw < BACKGROUND + REAL:
            same = self._real[int(rng.integers(len(self._real)))]
            chosen = same[int(rng.integers(len(same)))]
            if chosen.cuts and rng.random() < SHUFFLED:
                chosen = shuffled(rng, chosen)
            shares = certain(chosen.text) if chosen.shares is None else chosen.shares
            return self._camera.real(rng, chosen.crop, chosen.seen), chosen.text, shares, chosen.weight
        plate, text, shares = self._pool[int(rng.integers(len(self._pool)))]
        return self._camera.rendered(rng, plate, easy=bool(rng.random() < easy_share)), text, shares, 1.0


class Cook:
    """A kitchen in another process; ends with this one."""

    def __init__(self, folder: Path, seed: tuple[int, ...], mined: Mine | None, reference: Path | None) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._ready: multiprocessing.Queue[Batch] = fresh.Queue(_AHEAD)
        self._orders, orders = fresh.Pipe()
        self._process = fresh.Process(
            target=_cook, args=(folder, seed, mined, reference, orders, self._ready), daemon=True
        )
        self._process.start()
        self._share = -1.0

    def add_real(self, crops: list[AgreedCrop]) -> None:
        """Take these real crops in place of the earlier ones; the batches that stand ready are still without them."""
        self._orders.send(crops)
        print(f"real crops: {len(crops)}, {len({crop.text for crop in crops})} texts", flush=True)

    def batch(self, easy_share: float) -> Batch:
        """The next batch; a changed share of easy crops counts for those that are not yet made."""
        if abs(easy_share - self._share) > 0.005:
            self._share = easy_share
            self._orders.send(easy_share)
        while True:
            try:
                return self._ready.get(timeout=5)
            except queue.Empty:
                if not self._process.is_alive():
                    raise SystemExit("the process that makes the crops has ended; see above for why") from None


def _cook(
    folder: Path,
    seed: tuple[int, ...],
    mined: Mine | None,
    reference: Path | None,
    orders: Connection,
    ready: multiprocessing.Queue[Batch],
) -> None:
    # Linux shares the processors out by session: in one of its own the kitchen takes nothing from the training.
    os.setsid()
    # When the training is gone nobody takes what is left, and it must not be waited for.
    ready.cancel_join_thread()
    cv2.setNumThreads(1)
    teacher = Teacher(reference) if reference else None
    kitchen, share = Kitchen(folder, np.random.default_rng(seed), mined=mined, teacher=teacher), 0.9
    made: Batch | None = None
    while True:
        # Orders are taken while the queue is full too: who gives one does not take a batch meanwhile.
        while orders.poll():
            try:
                order = orders.recv()
            except EOFError:
                return
            if isinstance(order, float):
                share = order
            else:
                kitchen.add_real(order)
        made = made or kitchen.batch(share)
        try:
            ready.put(made, timeout=0.2)
            made = None
        except queue.Full:
            pass
