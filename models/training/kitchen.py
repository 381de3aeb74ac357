"""Makes the reader's batches: rendered plates seen by a camera, real crops and empty background among them. `Cook` does
it in a process of its own, so that the training waits for nothing.
"""

from __future__ import annotations

import multiprocessing
import queue
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

Batch = tuple[NDArray[np.uint8], list[str]]

BATCH = 32
FIRST, POOL = 600, 8_000
"""Rendered plates at hand: when it begins, and at most."""
REPLACED = 8
PICTURES = 900
BACKGROUND = 0.08
REAL = 0.38
SHUFFLED = 0.55
"""Of the real crops that can be cut between their characters."""
_AHEAD = 12
"""Batches kept ready."""


class Kitchen:
    """Makes batches: a pool of rendered plates, seen by a camera, with real crops and empty background among them."""

    def __init__(
        self, folder: Path, rng: np.random.Generator, mined: Mine | None = None, *, pictures: int = PICTURES
    ) -> None:
        """`pictures` are the photographs that lend their bumpers and walls."""
        self._rng = rng
        self._press = Press(alphabets=tuple(load_alphabets(rng)))
        around, elsewhere = bumpers(folder, rng, pictures)
        margins, strays = (mined.margins, mined.strays) if mined else (None, None)
        self._camera = Camera(around=around, elsewhere=elsewhere, rng=rng, margins=margins, strays=strays)
        self._pool = [self._press.render(rng) for _ in range(FIRST)]
        self._real: list[list[AgreedCrop]] = []

    def add_real(self, crops: list[AgreedCrop]) -> None:
        """Take real crops from here on; each text is as likely as another, however often it was photographed."""
        by_text: dict[str, list[AgreedCrop]] = {}
        for crop in crops:
            by_text.setdefault(crop.text, []).append(crop)
        self._real = list(by_text.values())

    def batch(self, easy_share: float) -> Batch:
        """uint8 RGB (BATCH, 64, 128, 3) and the texts."""
        for _ in range(REPLACED):
            plate = self._press.render(self._rng)
            if len(self._pool) < POOL:
                self._pool.append(plate)
            else:
                self._pool[int(self._rng.integers(POOL))] = plate
        made = [self._one(easy_share) for _ in range(BATCH)]
        return np.stack([crop for crop, _ in made]), [text for _, text in made]

    def _one(self, easy_share: float) -> tuple[NDArray[np.uint8], str]:
        rng = self._rng
        draw = rng.random()
        if draw < BACKGROUND:
            return self._camera.background(rng), ""
        if self._real and draw < BACKGROUND + REAL:
            same = self._real[int(rng.integers(len(self._real)))]
            chosen = same[int(rng.integers(len(same)))]
            if chosen.cuts and rng.random() < SHUFFLED:
                chosen = shuffled(rng, chosen)
            return self._camera.real(rng, chosen.crop, chosen.seen), chosen.text
        plate, text = self._pool[int(rng.integers(len(self._pool)))]
        return self._camera.rendered(rng, plate, easy=bool(rng.random() < easy_share)), text


class Cook:
    """A kitchen in another process; ends with this one."""

    def __init__(self, folder: Path, seed: tuple[int, ...], mined: Mine | None) -> None:
        fresh = multiprocessing.get_context("spawn")
        self._ready: multiprocessing.Queue[Batch] = fresh.Queue(_AHEAD)
        self._orders, orders = fresh.Pipe()
        self._process = fresh.Process(target=_cook, args=(folder, seed, mined, orders, self._ready), daemon=True)
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
    folder: Path, seed: tuple[int, ...], mined: Mine | None, orders: Connection, ready: multiprocessing.Queue[Batch]
) -> None:
    cv2.setNumThreads(1)
    kitchen, share = Kitchen(folder, np.random.default_rng(seed), mined=mined), 0.9
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
