"""Reads one plate crop, through any reader in the form of fast-plate-ocr: hub readers and ours go through one door.

Input: uint8 1 x H x W x C, as the plate config says. Output: for each slot the chance of each sign of the alphabet.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.values import Box, Picture, Pixels
from edge.vision.plateconfig import PlateConfig
from edge.vision.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one look at a plate says: the text, and how sure the reader is of each of its characters (0..1).

    `chances` has a row for each character and a column for each of `signs`: how likely the reader takes each sign to
    stand there (0..1). Without it only the text and its confidences are known. It is the mean of so many `cuts`.
    """

    text: str = field(repr=False)
    confidences: tuple[float, ...]
    signs: str = ""
    chances: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    cuts: int = 1

    @property
    def confidence(self) -> float:
        """The mean over the characters; 0 for no text."""
        return sum(self.confidences) / len(self.confidences) if self.confidences else 0.0


DOUBTFUL = 0.8
"""A text that is less sure than this is read a second time, with more room around the plate, and the mean counts."""
ROOM = 0.06
"""So much more, as a part of the plate's box on each side."""


class Reader:
    """A plate reader that is ready to run."""

    def __init__(
        self, *, name: str, file: Path, config: Path, margin: float = 0.0, threads: int = 1, provider: str = "cpu"
    ) -> None:
        """`file` is the ONNX file and `config` its fast-plate-ocr plate config.

        `margin` is the free space that it reads best with, as a part of the detector's box on each side: nothing for
        ours, 5 to 10 % for fast-alpr's. Raises ModelError, and ConfigError when the provider is missing.
        """
        self.margin = margin
        self.name = name
        try:
            written, told = file.read_bytes(), config.read_bytes()
        except OSError as error:
            raise ModelError(
                f"`{error.filename}`: cannot be read ({error.strerror}); install the models again"
            ) from error
        self._config = PlateConfig.parse(told, file=str(config))
        self._session = Session(name=name, written=written, threads=threads, provider=provider, output="plate")
        self.provider = self._session.provider
        shape = self._session.input_shape
        wanted = (shape[0], self._config.img_height, self._config.img_width, self._config.channels)
        if len(shape) != 4 or any(
            isinstance(have, int) and have != want for have, want in zip(shape, wanted, strict=True)
        ):
            raise ModelError(f"model `{name}`: not a plate reader of `{config.name}`, its input is {list(shape)}")

    def read(self, crop: Pixels, roomier: Pixels | None = None) -> Reading:
        """Reads a crop (height x width x 3, BGR), and where that is doubtful `roomier`, the same with ROOM around it.

        Raises ModelError when the inference fails.
        """
        chances = self._chances(crop)
        reading = self._reading(chances)
        if roomier is None or not 0.0 < reading.confidence < DOUBTFUL:
            return reading
        return replace(self._reading(np.float32(0.5) * (chances + self._chances(roomier))), cuts=2)

    def _chances(self, crop: Pixels) -> NDArray[np.float32]:
        """How likely each sign of the alphabet is in each slot."""
        config = self._config
        answer = self._session.run(config.prepared(crop)[None])
        if answer.size != config.max_plate_slots * len(config.alphabet):
            raise ModelError(f"model `{self.name}`: its output is {list(answer.shape)}, which its config does not fit")
        return answer.reshape(config.max_plate_slots, len(config.alphabet))

    def _reading(self, chances: NDArray[np.float32]) -> Reading:
        config = self._config
        pad = config.alphabet.find(config.pad_char)
        best = chances.argmax(axis=1)
        rows = np.flatnonzero(best != pad)
        return Reading(
            text="".join(config.alphabet[best[row]] for row in rows),
            confidences=tuple(float(chances[row, best[row]]) for row in rows),
            signs=config.alphabet.replace(config.pad_char, ""),
            chances=np.delete(chances[rows], pad, axis=1),
        )


def two_margins(margin: float) -> tuple[float, float]:
    """The margins of the two cuts that `Reader.read` takes, of a reader that reads best with `margin`."""
    return margin, margin + ROOM


def cut_out(pixels: Pixels, box: Box, *, margin: float) -> Pixels:
    """A copy of the plate with `margin` of its width and height left free on each side, inside the picture."""
    high, wide = pixels.shape[:2]
    x1, y1, x2, y2 = _around(box, (wide, high), margin)
    return pixels[y1:y2, x1:x2].copy()


def cuts_from(picture: Picture, box: Box, *, margins: Sequence[float]) -> list[Pixels]:
    """The same with each of these margins, out of a picture of which nothing else needs to be converted.

    The picture is cut once, the crops share their memory.
    """
    corners = [_around(box, picture.size, margin) for margin in margins]
    left, top = min(each[0] for each in corners), min(each[1] for each in corners)
    widest = picture.cut(left, top, max(each[2] for each in corners), max(each[3] for each in corners))
    return [widest[y1 - top : y2 - top, x1 - left : x2 - left] for x1, y1, x2, y2 in corners]


def _around(box: Box, size: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    wide, high = size
    left, right = box.x1 - margin * box.width, box.x2 + margin * box.width
    top, bottom = box.y1 - margin * box.height, box.y2 + margin * box.height
    x1, y1 = max(0, int(left)), max(0, int(top))
    x2, y2 = min(wide, int(np.ceil(right))), min(high, int(np.ceil(bottom)))
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)


def sharpness_of(crop: Pixels) -> float:
    """How much the brightness of neighbouring pixels (BGR) differs, in levels."""
    _, deviation = cv2.meanStdDev(cv2.Laplacian(crop[:, :, 1], cv2.CV_32F))
    return math.hypot(float(deviation[0, 0]), 1.0)
