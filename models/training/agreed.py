"""Real crops with a text that nobody typed: where a reference reader is sure of what it reads at two margins, and the
reader in training reads the same (O as 0 and I as 1), the text is taken as the label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from crops import HEIGHT, WIDTH, LabelledBox, cut, labelled_boxes
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

MARGIN = 0.2
"""Crops are kept with this margin, as a share of the plate's sides."""
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
SURE, PERHAPS = 0.72, 0.45
"""The least sure character of the reference must reach the first alone, the second when our reader agrees."""
_FOLD = str.maketrans("OI", "01")


@dataclass(frozen=True, kw_only=True)
class AgreedCrop:
    """One real crop as uint8 BGR, cut with MARGIN, and its text."""

    crop: Pixels
    text: str

    def tight(self) -> Pixels:
        """The crop at the reader's input size, uint8 RGB (64, 128, 3), with a margin of 4 %."""
        rows, columns = self.crop.shape[:2]
        x, y = int(columns * (MARGIN - 0.04) / (1 + 2 * MARGIN)), int(rows * (MARGIN - 0.04) / (1 + 2 * MARGIN))
        return squeezed(self.crop[y : rows - y, x : columns - x])


def folded(text: str) -> str:
    """The text with O read as 0 and I as 1."""
    return text.translate(_FOLD)


def squeezed(crop: Pixels) -> Pixels:
    """A BGR crop of any size as the reader's input: uint8 RGB (64, 128, 3)."""
    small = cv2.resize(np.ascontiguousarray(crop), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(small[:, :, ::-1])


def reference_crops(folder: Path, split: str, reference: Path, least: float) -> list[AgreedCrop]:
    """The crops of a split that the reference reader reads the same way, and surely, at two margins."""
    session = _session(reference)
    found = []
    for box, picture in _pictures(folder, split):
        close, loose = cut(picture, box, 0.02), cut(picture, box, 0.08)
        texts, sure = _read(session, np.stack([squeezed(close), squeezed(loose)]))
        if texts[0] == texts[1] and len(texts[0]) >= 3 and sure.min() > least:
            found.append(AgreedCrop(crop=cut(picture, box, MARGIN).copy(), text=texts[0]))
    return found


def agreed_crops(perhaps: list[AgreedCrop], ours: Callable[[Pixels], list[str]]) -> list[AgreedCrop]:
    """Those of the reference's crops that our reader reads the same."""
    texts = ours(np.stack([crop.tight() for crop in perhaps]))
    return [crop for crop, text in zip(perhaps, texts, strict=True) if folded(text) == folded(crop.text)]


def _pictures(folder: Path, split: str) -> Iterator[tuple[LabelledBox, Pixels]]:
    kept: dict[str, Pixels] = {}
    for box in labelled_boxes(folder, split):
        if box.x2 - box.x1 < 30:
            continue
        if box.image not in kept:
            kept = {box.image: np.asarray(cv2.imread(str(folder / "images" / box.image)), dtype=np.uint8)}
        yield box, kept[box.image]


def _session(reference: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(reference), options, providers=["CPUExecutionProvider"])


def _read(session: onnxruntime.InferenceSession, pixels: Pixels) -> tuple[list[str], NDArray[np.float32]]:
    """Texts, and for each the probability of its least sure character."""
    shares = session.run(None, {session.get_inputs()[0].name: pixels})[0].reshape(len(pixels), -1, len(_ALPHABET))
    texts = ["".join(_ALPHABET[k] for k in row).rstrip("_") for row in shares.argmax(-1)]
    return texts, shares.max(-1).min(-1)
