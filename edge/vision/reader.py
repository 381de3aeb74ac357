"""Reads one plate crop, through fast-plate-ocr's own class, so that hub readers and ours go through one door."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from fast_plate_ocr import LicensePlateRecognizer
from fast_plate_ocr.core.process import preprocess_image, resize_image
from numpy.typing import NDArray
from yaml import YAMLError  # type: ignore[import-untyped]

from edge.errors import ModelError
from edge.values import Box, Picture, Pixels
from edge.vision.session import RUNTIME_ERRORS, first_line, options, providers, require

_LOADING_ERRORS: tuple[type[Exception], ...] = (
    *RUNTIME_ERRORS, YAMLError, OSError, TypeError, KeyError, AttributeError
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one look at a plate says: the text, and how sure the reader is of each of its characters (0..1).

    `chances` has a row for each character and a column for each of `signs`: how likely the reader takes each sign to
    stand there (0..1). Without it only the text and its confidences are known.
    """

    text: str = field(repr=False)
    confidences: tuple[float, ...]
    signs: str = ""
    chances: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)

    @property
    def confidence(self) -> float:
        """The mean over the characters; 0 for no text."""
        return sum(self.confidences) / len(self.confidences) if self.confidences else 0.0


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
        wanted = providers(provider)
        try:
            self._recognizer = LicensePlateRecognizer(
                onnx_model_path=file, plate_config_path=config, providers=wanted, sess_options=options(threads)
            )
        except _LOADING_ERRORS as error:
            raise ModelError(
                f"model `{name}`: fast-plate-ocr cannot load it ({first_line(error)}); install the file again"
            ) from error
        self.provider = require(provider, self._recognizer.model.get_providers())
        self._is_grey = self._recognizer.config.image_color_mode == "grayscale"

    def read(self, crop: Pixels) -> Reading:
        """Reads a crop (height x width x 3, BGR). Raises ModelError when the inference fails."""
        picture = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY if self._is_grey else cv2.COLOR_BGR2RGB)
        config = self._recognizer.config
        try:
            chances = self._chances(picture.astype(np.uint8, copy=False))
        except RUNTIME_ERRORS as error:
            raise ModelError(
                f"model `{self.name}`: inference failed ({first_line(error)}); run `homerule check`"
            ) from error
        if not np.isfinite(chances).all():
            raise ModelError(f"model `{self.name}`: gives numbers that are not finite; install the file again")
        pad = config.alphabet.find(config.pad_char)
        best = chances.argmax(axis=1)
        rows = np.flatnonzero(best != pad)
        return Reading(
            text="".join(config.alphabet[best[row]] for row in rows),
            confidences=tuple(float(chances[row, best[row]]) for row in rows),
            signs=config.alphabet.replace(config.pad_char, ""),
            chances=np.delete(chances[rows], pad, axis=1),
        )

    def _chances(self, picture: Pixels) -> NDArray[np.float32]:
        """A row for each slot of the reader, a column for each sign of its alphabet."""
        config, recognizer = self._recognizer.config, self._recognizer
        sized = resize_image(
            picture,
            config.img_height,
            config.img_width,
            image_color_mode=config.image_color_mode,
            keep_aspect_ratio=config.keep_aspect_ratio,
            interpolation_method=config.interpolation,
            padding_color=config.padding_color,
        )
        answer = recognizer.model.run([recognizer.plate_output_name], {"input": preprocess_image(sized)})[0]
        return np.asarray(answer, np.float32).reshape(config.max_plate_slots, len(config.alphabet))


def cut_out(pixels: Pixels, box: Box, *, margin: float) -> Pixels:
    """A copy of the plate with `margin` of its width and height left free on each side, inside the picture."""
    high, wide = pixels.shape[:2]
    x1, y1, x2, y2 = _around(box, (wide, high), margin)
    return pixels[y1:y2, x1:x2].copy()


def cut_from(picture: Picture, box: Box, *, margin: float) -> Pixels:
    """The same out of a picture of which nothing else needs to be converted."""
    return picture.cut(*_around(box, picture.size, margin))


def _around(box: Box, size: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    wide, high = size
    left, right = box.x1 - margin * box.width, box.x2 + margin * box.width
    top, bottom = box.y1 - margin * box.height, box.y2 + margin * box.height
    x1, y1 = max(0, int(left)), max(0, int(top))
    x2, y2 = min(wide, int(np.ceil(right))), min(high, int(np.ceil(bottom)))
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)


def sharpness_of(crop: Pixels) -> float:
    """How much the brightness of neighbouring pixels (BGR) differs, in levels."""
    return math.sqrt(float(cv2.Laplacian(crop[:, :, 1], cv2.CV_32F).var()) + 1.0)
