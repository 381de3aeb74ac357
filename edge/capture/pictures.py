"""A folder of images, read in the order of their names as if a camera had taken them at an even pace."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np

from edge.capture.picture import Plain
from edge.disk import shown, why
from edge.errors import CameraError
from edge.values import Frame, Pixels

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})


class PictureFolder:
    """Images of one folder (not of the folders in it); `frame2` comes before `frame10`."""

    def __init__(self, path: Path, *, camera_id: str, start: datetime, pictures_per_second: float) -> None:
        """Raises CameraError when the folder holds no image, OSError when it cannot be listed."""
        self.path = path
        self.warnings: list[str] = []
        self.frames_per_second = pictures_per_second
        self._camera_id = camera_id
        self._start = start
        found = (entry for entry in path.iterdir() if entry.suffix.lower() in PICTURE_ENDINGS and entry.is_file())
        self._pictures = sorted(found, key=_in_order)
        self.total = len(self._pictures)
        if not self._pictures:
            endings = " ".join(sorted(ending.lstrip(".") for ending in PICTURE_ENDINGS))
            raise CameraError(f"`{path}`: the folder holds no images; put some there ({endings})")

    def frames(self) -> Iterator[Frame]:
        """Every image that can be decoded. Raises CameraError when not one of them can."""
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        decoded, unread = 0, None
        for place, picture in enumerate(self._pictures):
            try:
                pixels = image_in(picture)
            except OSError as error:
                unread = error
                self.warnings.append(
                    f"`{shown(picture)}`: cannot be read ({why(error)}), check its owner and mode; left out"
                )
                continue
            if pixels is None:
                self.warnings.append(f"`{shown(picture)}`: not an image that can be decoded; left out")
                continue
            captured_at = self._start + timedelta(seconds=place / self.frames_per_second)
            yield Frame(camera_id=self._camera_id, sequence=place, captured_at=captured_at, picture=Plain(pixels))
            decoded += 1
        if not decoded:
            fault, mend = "decoded", "copy them again"
            if unread is not None:
                fault, mend = f"read ({why(unread)})", "check their owner and mode"
            raise CameraError(f"`{self.path}`: not one of its {self.total} images can be {fault}; {mend}")


def image_in(picture: Path) -> Pixels | None:
    """The image in a file, None for what is none. Raises OSError. OpenCV is not told the name: it may be no UTF-8."""
    written = np.frombuffer(picture.read_bytes(), np.uint8)
    try:
        pixels = cv2.imdecode(written, cv2.IMREAD_COLOR) if written.size else None
    except cv2.error:
        return None
    return None if pixels is None else pixels.astype(np.uint8, copy=False)


def _in_order(picture: Path) -> list[tuple[int, str]]:
    """Sorts digits by their number: frame2 before frame10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", picture.name)]
