"""Pictures that come but show nothing: the same one again and again, or one colour all over. Pure."""

import numpy as np
from numpy.typing import NDArray

from edge.decoding.trouble import Trouble, Why

FROZEN_SECONDS = 30.0
"""A sensor has noise: not even an empty road at night is the same, bit by bit, for so long."""
BLACK_SECONDS = 10.0
_SPREAD = 3.0
"""Levels of 255: what a covered lens varies by, noise included."""

_FROZEN = "the picture stands still, bit by bit the same for {:.0f} s; restart the camera"
_BLACK = "the picture is of one colour for {:.0f} s; is the lens covered, the light gone?"


class Scrutiny:
    """Looks at a small luma plane (uint8) about once a second."""

    def __init__(self, *, frozen_seconds: float = FROZEN_SECONDS, black_seconds: float = BLACK_SECONDS) -> None:
        self._frozen_seconds = frozen_seconds
        self._black_seconds = black_seconds
        self._changed_at = self._seen_at = 0.0
        self.since = 0.0
        """Since when it has been wrong, when something is."""
        self.begin()

    def begin(self) -> None:
        """Pictures come anew: what was before counts no more."""
        self._before: NDArray[np.uint8] | None = None

    def look(self, plane: NDArray[np.uint8], at: float) -> Trouble | None:
        """What is wrong with the picture of second `at`, if it has been so for long enough."""
        before, self._before = self._before, plane
        if before is None:
            self._changed_at = self._seen_at = at
        if before is None or not np.array_equal(before, plane):
            self._changed_at = at
        low, high = np.percentile(plane, (5, 95))
        if high - low > _SPREAD:
            self._seen_at = at
        self.since = min(self._seen_at, self._changed_at)
        if at - self._seen_at >= self._black_seconds:
            return Trouble(Why.BLACK, _BLACK.format(self._black_seconds))
        if at - self._changed_at >= self._frozen_seconds:
            return Trouble(Why.FROZEN, _FROZEN.format(self._frozen_seconds))
        return None
