"""Pictures that come but show nothing: the same one again and again, or one colour all over. Pure."""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.decoding.trouble import Trouble, Why

FROZEN_SECONDS = 30.0
"""A sensor has noise: not even an empty road at night shows nothing for so long that has not been shown before."""
BLACK_SECONDS = 10.0
_SPREAD = 3.0
"""Levels of 255: what a covered lens varies by, noise included."""
_REMEMBERED = 16
"""Planes, those that were met last. Of one still picture, an encoder's key and predicted frames decode to several that
differ, and come again and again."""
_ALIKE = 1000
"""One sample of so many may differ, by one level, as when the encoder's rate wavers; of the weakest noise many do."""
_MOVED = 24
"""Levels by which no two frames of one still picture differ anywhere: something moved, and a film that is shown again
and again is not frozen."""
_FLAT = 2 / 3
"""Share of samples like those beside and above. A dark or poorly coded picture of more of them is told in so few words
that a live one too comes again: it is only frozen when it is bit by bit the one before."""

_FROZEN = "the picture stands still, nothing new in it for {:.0f} s; restart the camera"
_BLACK = "the picture is of one colour for {:.0f} s; is the lens covered, the light gone?"


class Scrutiny:
    """Looks at a small luma plane (uint8) about once a second."""

    def __init__(self, *, frozen_seconds: float = FROZEN_SECONDS, black_seconds: float = BLACK_SECONDS) -> None:
        self._frozen_seconds = frozen_seconds
        self._black_seconds = black_seconds
        self._changed_at = self._seen_at = 0.0
        self.since = 0.0
        """Since when it has been wrong, when something is."""
        self._wrong = False
        self._before: NDArray[np.uint8] | None = None
        self._known: list[NDArray[np.uint8]] = []

    def begin(self) -> None:
        """Pictures come anew: what was before counts no more, unless it was wrong; a covered lens stays so."""
        if not self._wrong:
            self._before, self._known = None, []

    def look(self, plane: NDArray[np.uint8], at: float) -> Trouble | None:
        """What is wrong with the picture of second `at`, if it has been so for long enough."""
        trouble = self._trouble(plane, at)
        self._wrong = trouble is not None
        return trouble

    def _trouble(self, plane: NDArray[np.uint8], at: float) -> Trouble | None:
        if self._before is None:
            self._seen_at = at
        if self._is_new(plane):
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

    def _is_new(self, plane: NDArray[np.uint8]) -> bool:
        """Whether it is none of those before, and remembers it."""
        before, self._before = self._before, plane
        within = 0 if _is_flat(plane) else _MOVED
        if before is None or before.shape != plane.shape or _apart(before, plane) > within:
            self._known = []
        alike = [known for known in self._known if _is_alike(known, plane)]
        others = [known for known in self._known if not any(known is each for each in alike)]
        self._known = [*others, *(alike or [plane])][-_REMEMBERED:]
        return not alike


def _is_flat(plane: NDArray[np.uint8]) -> bool:
    inner = plane[1:, 1:]
    level = np.count_nonzero((inner == plane[1:, :-1]) & (inner == plane[:-1, 1:]))
    return bool(level > _FLAT * inner.size)


def _is_alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return bool(np.count_nonzero(one != other) <= one.size // _ALIKE and _apart(one, other) <= 1)


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    """By how many levels they differ where they differ most."""
    return int(cv2.absdiff(one, other).max())
