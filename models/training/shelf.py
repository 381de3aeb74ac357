"""The real part of the reader's training: what a detector gave on the training photographs, and crops with texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from agreed import (
    SURE,
    AgreedCrop,
    OwnBoxes,
    Pixels,
    agreed_crops,
    own_boxes,
    own_margins,
    reference_crops,
    said_of,
    taught,
    told_crops,
    typed_crops,
)
from crops import HEIGHT, WIDTH
from mine import NO_PLATE, Mined
from mine import read as read_mined
from numpy.typing import NDArray
from typed import Place

_STRAY_SCORE = 0.2


@dataclass(frozen=True, kw_only=True)
class Mine:
    """What mine.py found: the detector's boxes by plate, their margins (n, 4), and its strays as BGR 64 x 128."""

    own: OwnBoxes
    margins: NDArray[np.float64] | None
    strays: Pixels | None

    @classmethod
    def out_of(cls, folder: Path, path: Path) -> Mine:
        """Read mine.py's CSV and the photographs that it speaks of."""
        mined = read_mined(path)
        own = own_boxes(folder, "train", mined)
        margins, strays = own_margins(folder, "train", own), stray_crops(folder, mined)
        return cls(own=own, margins=margins if len(margins) else None, strays=strays if len(strays) else None)


def stray_crops(folder: Path, mined: list[Mined]) -> Pixels:
    """What was taken for a plate and is none, as BGR (n, 64, 128, 3)."""
    strays: dict[str, list[Mined]] = {}
    for one in mined:
        if one.plate == NO_PLATE and one.score >= _STRAY_SCORE:
            strays.setdefault(one.image, []).append(one)
    found = []
    for image, boxes in strays.items():
        picture = np.asarray(cv2.imread(str(folder / "images" / image)), np.uint8)
        for one in boxes:
            x1, y1, x2, y2 = (max(int(side), 0) for side in one.box)
            crop = picture[y1 : y2 + 1, x1 : x2 + 1]
            if crop.shape[0] >= 4 and crop.shape[1] >= 8:
                found.append(cv2.resize(crop, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR))
    return np.array(found, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


class Shelf:
    """Real crops with texts: typed ones as they are typed at that moment, the rest as a reference reader says."""

    def __init__(
        self, folder: Path, reference: Path | None, typed: Path | None, mined: Mine | None, kept: Path | None = None
    ) -> None:
        """What the reference says is `kept` in a file, for the next time."""
        self._folder = folder
        self._typed = typed
        self._reference = reference
        self._own = mined.own if mined else None
        self._said = said_of(folder, "train", reference, kept) if reference else {}

    @property
    def filled(self) -> bool:
        """Whether there is anything on it."""
        return bool(self._said or self._typed)

    def crops(self, ours: Callable[[Pixels], list[str]]) -> list[AgreedCrop]:
        """Crops of the train split; what was typed is believed, the rest as far as the reference is, and `ours`."""
        typed, seen = self._read_typed("train", self._own)
        if not self._said:
            return typed
        told = told_crops(self._folder, "train", self._said, seen, self._own)
        return [taught(crop, self._said[crop.place]) for crop in typed] + agreed_crops(told, ours)

    def held_out(self, reference: Path | None = None) -> list[AgreedCrop]:
        """Crops of the val split: typed ones, and the reference reader's sure ones where nothing was typed."""
        reference = reference or self._reference
        typed, seen = self._read_typed("val", None)
        sure = reference_crops(self._folder, "val", reference, SURE) if reference else []
        return typed + [crop for crop in sure if crop.place not in seen]

    def _read_typed(self, split: str, own: OwnBoxes | None) -> tuple[list[AgreedCrop], dict[Place, str]]:
        if self._typed is None or not self._typed.exists():
            return [], {}
        return typed_crops(self._folder, split, self._typed, own)
