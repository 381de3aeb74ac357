"""Says whether anything moves, from a few thousand pixels, so that an empty road costs next to nothing.

It only ever saves work: whoever asks must still look now and then, for a vehicle that stood there from the start.
"""

from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Frame

PLANE_WIDTH = 160
"""Columns of the small plane; one is 12 pixels of a 1080p frame."""
CHANGE = 14.0
"""Levels of 255 by which a pixel must differ; sensor noise after the blur stays under half of it, at night too."""
CHANGED_PIXELS = 12
"""A car whose plate is just readable covers ten times as many."""
BACKGROUND_SECONDS = 2.0
"""How long the background takes to follow the light, and a stopped vehicle to become part of it."""


class MotionGate:
    """Compares a strided plane of each frame with a running average of those before."""

    def __init__(self) -> None:
        self._background: NDArray[np.float32] | None = None
        self._before: datetime | None = None

    def moving(self, frame: Frame) -> bool:
        """Whether something moves in this frame; True for the first one and after a change of size."""
        step = max(1, frame.picture.size[0] // PLANE_WIDTH)
        plane = cv2.blur(frame.picture.luma(step).astype(np.float32), (3, 3)).astype(np.float32, copy=False)
        background, before = self._background, self._before
        self._before = frame.captured_at
        if background is None or before is None or background.shape != plane.shape:
            self._background = plane
            return True
        change = plane - background
        # The whole picture growing lighter or darker is a cloud or the camera's exposure, not a vehicle.
        change -= np.median(change[::3, ::3])
        seconds = max(0.0, (frame.captured_at - before).total_seconds())
        background += (plane - background) * np.float32(1.0 - np.exp(-seconds / BACKGROUND_SECONDS))
        return int(np.count_nonzero(np.abs(change) > CHANGE)) >= CHANGED_PIXELS
