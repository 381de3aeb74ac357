"""Where a camera is to look: zones that count, masks that do not, both as polygons in fractions of the picture.

Outside of it nothing moves and no plate is read. Without a zone the whole picture counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Box

Polygon = Sequence[tuple[float, float]]
"""Corners as (x, y); (0, 0) is top left and (1, 1) bottom right."""

_FINER = 8
"""Bits of a pixel to which corners are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of a camera's picture that counts."""

    zones: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()

    def holds(self, box: Box, size: tuple[int, int]) -> bool:
        """Whether the middle of a box counts, in a picture of `size` (width, height)."""
        x, y = (box.x1 + box.x2) / 2 / size[0], (box.y1 + box.y2) / 2 / size[1]
        inside = not self.zones or any(_surrounds(zone, x, y) for zone in self.zones)
        return inside and not any(_surrounds(mask, x, y) for mask in self.masks)

    def plane(self, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
        """Which pixels of a plane of that shape (height, width) count; None when all of them do."""
        if not self.zones and not self.masks:
            return None
        drawn = np.full(shape, not self.zones, np.uint8)
        for polygons, counts in ((self.zones, 1), (self.masks, 0)):
            for polygon in polygons:
                corners = np.array(polygon) * (shape[1], shape[0]) - 0.5
                cv2.fillPoly(drawn, [np.round(corners * 2**_FINER).astype(np.int32)], [counts], shift=_FINER)
        return drawn.astype(bool)


EVERYWHERE = Area()


def _surrounds(polygon: Polygon, x: float, y: float) -> bool:
    """Whether a ray to the right from (x, y) crosses the polygon's edge an odd number of times."""
    odd = False
    before_x, before_y = polygon[-1]
    for at_x, at_y in polygon:
        if (at_y > y) != (before_y > y) and x < at_x + (y - at_y) / (before_y - at_y) * (before_x - at_x):
            odd = not odd
        before_x, before_y = at_x, at_y
    return odd
