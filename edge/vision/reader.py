"""Reads one plate crop, through fast-plate-ocr's own class, so that hub readers and ours go through one door."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from fast_plate_ocr import LicensePlateRecognizer
from yaml import YAMLError  # type: ignore[import-untyped]

from edge.errors import ModelError
from edge.values import Box, Picture, Pixels
from edge.vision.session import RUNTIME_ERRORS, first_line, options, providers, require

_LOADING_ERRORS: tuple[type[Exception], ...] = (
    *RUNTIME_ERRORS, YAMLError, OSError, TypeError, KeyError, AttributeError
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one look at a plate says: the text, and how sure the reader is of each of its characters (0..1)."""

    text: str = field(repr=False)
    confidences: tuple[float, ...]

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
        try:
            answer = self._recognizer.run_one(picture, return_confidence=True, remove_pad_char=False)
        except RUNTIME_ERRORS as error:
            raise ModelError(
                f"model `{self.name}`: inference failed ({first_line(error)}); run `homerule check`"
            ) from error
        chances = np.asarray(answer.char_probs, dtype=np.float64)
        if not np.isfinite(chances).all():
            raise ModelError(f"model `{self.name}`: gives numbers that are not finite; install the file again")
        pad = self._recognizer.config.pad_char
        kept = [(sign, float(chance)) for sign, chance in zip(answer.plate, chances, strict=False) if sign != pad]
        return Reading(text="".join(sign for sign, _ in kept), confidences=tuple(chance for _, chance in kept))


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
