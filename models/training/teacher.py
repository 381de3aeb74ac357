"""What a reference reader makes of plates, as whole distributions: its doubts are learned too, and its sense of where
an O stands and where a zero, which one shape serves for on most plates.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
from crops import HEIGHT, WIDTH, LabelledBox, Pixels
from numpy.typing import NDArray

from edge.measure.looks import folded

Shares = NDArray[np.float32]
"""How likely each character of ALPHABET is in each of the SLOTS: (10, 37), or (n, 10, 37)."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
SLOTS = 10
ALIKE = ("0O", "1I")
_VIEWS = ((0.02, 0, 0), (0.05, 0, 0), (0.08, 0, 0), (0.12, 0, 0), (0.07, 0.03, -0.03), (0.07, -0.03, 0.03))
"""Free space around the plate, and shifts right and down, as shares of its sides."""
_TRUSTED = 0.75
"""How much the reference's word counts, beside the label's, on whether a sign is the letter or the digit."""


def certain(text: str) -> Shares:
    """The distribution that knows the text."""
    shares = np.zeros((SLOTS, len(ALPHABET)), np.float32)
    shares[range(SLOTS), [ALPHABET.index(sign) for sign in text.ljust(SLOTS, "_")]] = 1
    return shares


def text_of(shares: Shares) -> str:
    """The likeliest text."""
    return "".join(ALPHABET[k] for k in shares.argmax(-1)).replace("_", "")


def squeezed(crop: Pixels) -> Pixels:
    """A BGR crop of any size as a reader's input: uint8 RGB (64, 128, 3)."""
    small = cv2.resize(np.ascontiguousarray(crop), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(small[:, :, ::-1])


class Teacher:
    """A reference reader, asked for its distributions."""

    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def shares(self, pixels: Pixels) -> Shares:
        """Its distributions (n, 10, 37) for crops as uint8 RGB (n, 64, 128, 3)."""
        said = self._session.run(None, {self._input: pixels})[0].reshape(len(pixels), -1, len(ALPHABET))
        found = np.zeros((len(pixels), SLOTS, len(ALPHABET)), np.float32)
        found[:, :, -1] = 1
        found[:, : said.shape[1]] = said
        return found

    def looked(self, picture: Pixels, box: LabelledBox) -> Shares:
        """The mean of its distributions over several cuts of one plate: what hangs on the cut is no knowledge."""
        wide, high = box.x2 - box.x1, box.y2 - box.y1
        views = []
        for margin, right, down in _VIEWS:
            x1, y1 = box.x1 + (right - margin) * wide, box.y1 + (down - margin) * high
            x2, y2 = box.x2 + (right + margin) * wide, box.y2 + (down + margin) * high
            top, left = max(int(y1), 0), max(int(x1), 0)
            view = picture[top : max(int(np.ceil(y2)), top + 2), left : max(int(np.ceil(x2)), left + 2)]
            views.append(squeezed(view))
        return np.asarray(self.shares(np.stack(views)).mean(0), np.float32)

    def weighed(self, plate: Pixels, text: str, alike: str) -> Shares:
        """The label of a drawn plate, its signs out of `alike` shared between letter and digit as the reference does.

        It is asked on the clean plate, and only believed where it reads the rest as it is written.
        """
        known = certain(text)
        if not any(sign in alike for sign in text):
            return known
        edge = max(round(0.05 * plate.shape[0]), 1)
        around = cv2.copyMakeBorder(plate, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        said = self.shares(squeezed(np.asarray(around, np.uint8))[None])[0]
        if folded(text_of(said)) != folded(text):
            return known
        for slot, sign in enumerate(text):
            pair = next((pair for pair in ALIKE if sign in pair and sign in alike), None)
            if pair:
                both = [ALPHABET.index(one) for one in pair]
                split = said[slot, both] / max(float(said[slot, both].sum()), 1e-6)
                known[slot, both] = (1 - _TRUSTED) * known[slot, both] + _TRUSTED * split
        return known


def certainty(shares: Shares) -> float:
    """How sure it is of its least sure slot."""
    return float(shares.max(-1).min())
