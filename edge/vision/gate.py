"""Says whether anything moves, from a few thousand pixels, so that an empty road costs next to nothing.

It only ever saves work: whoever asks must still look now and then, for a vehicle that stood there from the start.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Box, Frame
from edge.vision.area import EVERYWHERE, Area
from edge.vision.parts import whole

PLANE_WIDTH = 160
"""Columns of the small plane; one is 12 pixels of a 1080p frame."""
CHANGE = 14.0
"""Levels of 255 by which a pixel must differ; sensor noise after the blur stays under half of it, at night too."""
CHANGED_PIXELS = 12
"""A car whose plate is just readable covers ten times as many."""
STIR, STIR_SECONDS = 7.0, 0.2
"""And so much against the picture of a moment before: what a vehicle that has gone leaves in the background stands."""
BACKGROUND_SECONDS = 2.0
"""How long the background takes to follow the light, and a stopped vehicle to become part of it."""


class MotionGate:
    """Compares a small plane of each picture with a running average of those before, and with one of a moment before,
    where `area` counts.
    """

    def __init__(self, area: Area = EVERYWHERE) -> None:
        self._area = area
        self._counts: NDArray[np.bool_] | None = None
        self._background: NDArray[np.float32] | None = None
        self._before = 0.0
        self._moments: list[tuple[float, NDArray[np.float32]]] = []

    def moving(self, frame: Frame) -> Box | None:
        """Where something moves in this frame, None: nowhere; everywhere in the first one and after a change of size.

        What moves on the small plane may begin a pixel before and end a pixel behind.
        """
        step = max(1, frame.picture.size[0] // PLANE_WIDTH)
        changed = self._changed(frame.picture.luma(step), frame.captured_at.timestamp())
        if changed is None:
            return whole(frame.picture.size)
        if not _is_enough(changed):
            return None
        left, top, columns, rows = cv2.boundingRect(changed.view(np.uint8))
        wide, high = frame.picture.size
        return Box(
            x1=float(max(0, step * (left - 1))),
            y1=float(max(0, step * (top - 1))),
            x2=float(min(wide, step * (left + columns + 1))),
            y2=float(min(high, step * (top + rows + 1))),
        )

    def stirs(self, luma: NDArray[np.uint8], at: float) -> bool:
        """Whether something moves, by the brightness alone: a plane of about PLANE_WIDTH columns, at second `at`."""
        changed = self._changed(luma, at)
        return changed is None or _is_enough(changed)

    def _changed(self, luma: NDArray[np.uint8], at: float) -> NDArray[np.bool_] | None:
        """Which pixels of the plane have; None: there is nothing yet to compare them with."""
        plane = cv2.boxFilter(luma, cv2.CV_32F, (3, 3)).astype(np.float32, copy=False)
        background, seconds = self._background, max(0.0, at - self._before)
        self._before = at
        if background is None or background.shape != plane.shape:
            self._background, self._counts = plane.copy(), self._area.plane(plane.shape)
            self._moments = [(at, plane)]
            return None
        changed: NDArray[np.bool_] = cv2.absdiff(plane, self._moments[0][1]) > STIR
        if self._counts is not None:
            changed &= self._counts
        if _is_enough(changed):
            # The whole picture growing lighter or darker is a cloud or the camera's exposure, not a vehicle.
            some = (plane[::3, ::3] - background[::3, ::3]).ravel()
            lighter = np.partition(some, some.size // 2)[some.size // 2]
            changed &= cv2.absdiff(plane, background + lighter) > CHANGE
        cv2.accumulateWeighted(plane, background, 1.0 - math.exp(-seconds / BACKGROUND_SECONDS))
        if not 0.0 <= at - self._moments[-1][0] < STIR_SECONDS:
            self._moments = [*self._moments[-1:], (at, plane)]
        return changed


def _is_enough(changed: NDArray[np.bool_]) -> bool:
    return int(np.count_nonzero(changed)) >= CHANGED_PIXELS
