"""What a reader wants to be given, and what its answer means: the plate config of fast-plate-ocr, beside the network.

fast-plate-ocr's own class would do as well, but loading it brings a client for its hub and costs six megabytes.
"""

from typing import Annotated, Literal

import cv2
import numpy as np
import yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge.errors import ModelError
from edge.values import Pixels

_WAYS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos4": cv2.INTER_LANCZOS4,
}

Side = Annotated[int, Field(ge=8, le=2048)]


class PlateConfig(BaseModel):
    """The keys are fast-plate-ocr's; one that is not known here may change what the network wants, so it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_plate_slots: int = Field(ge=1, le=64)
    alphabet: str = Field(min_length=2)
    pad_char: str = Field(min_length=1, max_length=1)
    img_height: Side
    img_width: Side
    keep_aspect_ratio: bool = False
    interpolation: Literal["nearest", "linear", "cubic", "area", "lanczos4"] = "linear"
    image_color_mode: Literal["grayscale", "rgb"] = "grayscale"
    padding_color: tuple[int, int, int] | int = (114, 114, 114)
    plate_regions: list[str] | None = None

    @model_validator(mode="after")
    def _pads(self) -> "PlateConfig":
        if self.pad_char not in self.alphabet:
            raise ValueError("pad_char is not in the alphabet")
        return self

    @classmethod
    def parse(cls, written: bytes, *, file: str) -> "PlateConfig":
        """Raises ModelError when it is not YAML, or not a plate config."""
        try:
            return cls.model_validate(yaml.safe_load(written))
        except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
            why = "it is not YAML"
            if isinstance(error, ValidationError):
                first = error.errors()[0]
                why = "".join(f"`{key}`: " for key in first["loc"][:1]) + first["msg"].lower()
            raise ModelError(f"`{file}`: not a plate config ({why}); install the model again") from None

    @property
    def channels(self) -> int:
        """Of a pixel."""
        return 3 if self.image_color_mode == "rgb" else 1

    def prepared(self, crop: Pixels) -> Pixels:
        """A crop (height x width x 3, BGR) as the network wants it, height x width x channels."""
        code = cv2.COLOR_BGR2RGB if self.channels == 3 else cv2.COLOR_BGR2GRAY
        picture, size = cv2.cvtColor(crop, code), (self.img_width, self.img_height)
        if self.keep_aspect_ratio:
            high, wide = picture.shape[:2]
            scale = min(size[0] / wide, size[1] / high)
            size = max(1, round(wide * scale)), max(1, round(high * scale))
        picture = cv2.resize(picture, size, interpolation=_WAYS[self.interpolation])
        across, down = self.img_width - size[0], self.img_height - size[1]
        if across or down:
            grey = self.padding_color if isinstance(self.padding_color, tuple) else (self.padding_color,) * 3
            left, top = across // 2, down // 2
            picture = cv2.copyMakeBorder(
                picture, top, down - top, left, across - left, cv2.BORDER_CONSTANT, value=grey[: self.channels]
            )
        return picture.astype(np.uint8, copy=False).reshape(self.img_height, self.img_width, self.channels)
