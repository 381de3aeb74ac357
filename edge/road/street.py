"""The street that the demo's camera looks along, and the camera's geometry: metres in, pixels out.

The camera stands 2.4 m high at the right kerb and looks along the street through a long lens, as a plate camera does.
Metres: x to the right of the camera, y up from the ground, z away from the camera.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Pixels

Points = NDArray[np.float64]

LANE_AWAY, LANE_TOWARDS, PARKING_BAY = -1.05, -3.75, 1.32
"""Where the middle of each lane lies, in metres."""
_CENTRE_LINE, _LEFT_KERB, _RIGHT_KERB = -2.4, -5.1, 2.36
_NEAR, _FAR = 14.0, 400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A pinhole camera that looks along z; `focal` in pixels, the vanishing point in pixels, `height` in metres."""

    size: tuple[int, int]
    focal: float
    vanishing: tuple[float, float]
    height: float = 2.4

    @classmethod
    def of(cls, size: tuple[int, int]) -> "View":
        unit = size[0] / 1280
        return cls(size=size, focal=4000 * unit, vanishing=(820 * unit, size[1] * 0.14))

    def project(self, points: object) -> Points:
        """Pixels (n, 2) of points given in metres, (n, 3)."""
        metres = np.asarray(points, dtype=np.float64)
        depth = metres[:, 2]
        x = self.vanishing[0] + self.focal * metres[:, 0] / depth
        y = self.vanishing[1] + self.focal * (self.height - metres[:, 1]) / depth
        return np.stack([x, y], axis=1)


def fill(canvas: Pixels, points: Points, colour: tuple[float, float, float]) -> None:
    """Fill the convex polygon `points` (n, 2) in pixels, with smooth edges."""
    cv2.fillConvexPoly(canvas, np.rint(points * 16).astype(np.int32), colour, cv2.LINE_AA, 4)


def draw_street(view: View, chance: np.random.Generator) -> Pixels:
    """The empty street in daylight, (height, width, 3) uint8 BGR."""
    wide, high = view.size
    scene = _sky(wide, high, view.vanishing[1])
    _houses(scene, view, chance, side=-1)
    _houses(scene, view, chance, side=1)
    _trees(scene, view, chance)
    scene = cv2.GaussianBlur(scene, (0, 0), 2.2 * wide / 1280).astype(np.uint8)
    _ground(scene, view, chance)
    _lamp(scene, view)
    return np.asarray(cv2.GaussianBlur(scene, (0, 0), 0.7 * wide / 1280), dtype=np.uint8)


def _sky(wide: int, high: int, horizon: float) -> Pixels:
    share = np.clip(np.arange(high) / max(horizon, 1.0), 0, 1)[:, None]
    column = np.array([236.0, 206.0, 168.0]) * (1 - share) + np.array([232.0, 226.0, 214.0]) * share
    return np.ascontiguousarray(np.broadcast_to(column[:, None, :], (high, wide, 3))).astype(np.uint8)


def _houses(scene: Pixels, view: View, chance: np.random.Generator, *, side: int) -> None:
    """A row of house fronts along the street, drawn from the farthest to the nearest."""
    x = side * (9.5 if side < 0 else 6.8)
    walls = [(120, 132, 168), (150, 164, 176), (98, 112, 142), (172, 176, 180), (132, 146, 150), (110, 122, 128)]
    starts = list(np.arange(24.0, 260.0, 17.0))
    for z in reversed(starts):
        length, tall = 15.0, float(chance.uniform(5.5, 8.5))
        shade = walls[int(chance.integers(len(walls)))]
        haze = min(z / 330, 0.75)
        wall = tuple(part * (1 - haze) + 214 * haze for part in shade)
        front = [(x, 0.0, z), (x, tall, z), (x, tall, z + length), (x, 0.0, z + length)]
        fill(scene, view.project(front), (wall[0], wall[1], wall[2]))
        gable = [(x, 0.0, z), (x, tall, z), (x + side * 9, tall, z), (x + side * 9, 0.0, z)]
        fill(scene, view.project(gable), (wall[0] * 0.8, wall[1] * 0.8, wall[2] * 0.82))
        for floor in (0.9, 3.6):
            for along in np.arange(z + 1.2, z + length - 1.5, 3.2):
                glass = [(x, floor, along), (x, floor + 1.5, along)]
                glass += [(x, floor + 1.5, along + 1.4), (x, floor, along + 1.4)]
                dark = 74 * (1 - haze) + 190 * haze
                fill(scene, view.project(glass), (dark * 1.1, dark, dark * 0.9))


def _trees(scene: Pixels, view: View, chance: np.random.Generator) -> None:
    spots = [(-7.4, z) for z in range(34, 240, 15)] + [(5.2, z) for z in range(44, 240, 17)]
    for x, z in sorted(spots, key=lambda spot: -spot[1]):
        haze = min(z / 320, 0.7)
        foot, crown = view.project([(x, 0.0, z), (x, 3.2, z)])
        reach = view.focal / z
        cv2.line(scene, _pixel(foot), _pixel(crown), (52, 62, 74), max(int(reach * 0.28), 1), cv2.LINE_AA)
        for _ in range(46):
            offset = chance.normal(0, 0.85, 2) * reach
            bright = chance.uniform(0.65, 1.2)
            leaf = np.array([58.0, 108.0, 84.0]) * bright * (1 - haze) + np.array([206.0, 212.0, 206.0]) * haze
            middle = crown + np.array([offset[0], offset[1] * 0.8 - reach])
            radius = max(int(chance.uniform(0.25, 0.6) * reach), 1)
            cv2.circle(scene, _pixel(middle), radius, tuple(float(part) for part in leaf), -1, cv2.LINE_AA)


def _ground(scene: Pixels, view: View, chance: np.random.Generator) -> None:
    strips = [
        (-40.0, _LEFT_KERB - 2.2, (84, 128, 104)),
        (_RIGHT_KERB + 2.0, 40.0, (80, 122, 100)),
        (_LEFT_KERB - 2.2, _LEFT_KERB - 0.18, (168, 174, 178)),
        (_RIGHT_KERB + 0.18, _RIGHT_KERB + 2.0, (170, 176, 180)),
        (_LEFT_KERB, _RIGHT_KERB, (112, 110, 108)),
    ]
    for left, right, colour in strips:
        fill(scene, view.project([(left, 0, _NEAR), (right, 0, _NEAR), (right, 0, _FAR), (left, 0, _FAR)]), colour)
    for lane in (LANE_AWAY, LANE_TOWARDS):
        for track in (-0.72, 0.72):
            _stripe(scene, view, lane + track, 0.5, _NEAR, _FAR, (104, 102, 100))
    for joint in np.arange(_NEAR, 90, 1.8):
        for left, right in ((_LEFT_KERB - 2.2, _LEFT_KERB - 0.18), (_RIGHT_KERB + 0.18, _RIGHT_KERB + 2.0)):
            ends = view.project([(left, 0, joint), (right, 0, joint)])
            cv2.line(scene, _pixel(ends[0]), _pixel(ends[1]), (142, 148, 152), 1, cv2.LINE_AA)
    for kerb in (_LEFT_KERB - 0.09, _RIGHT_KERB + 0.09):
        _stripe(scene, view, kerb, 0.18, _NEAR, _FAR, (188, 192, 194))
    _grain(scene, view, chance)
    for side in (-0.11, 0.11):
        _stripe(scene, view, _CENTRE_LINE + side, 0.11, _NEAR, _FAR, (84, 186, 222))
    for z in np.arange(_NEAR + 1, 200, 6.6):
        _stripe(scene, view, 0.34, 0.1, z, z + 3.0, (226, 230, 230))
    for z in (17.2, 24.0, 30.8):
        paint = view.project([(0.4, 0, z), (_RIGHT_KERB, 0, z), (_RIGHT_KERB, 0, z + 0.12), (0.4, 0, z + 0.12)])
        fill(scene, paint, (222, 226, 226))


def _stripe(
    scene: Pixels, view: View, x: float, wide: float, near: float, far: float, colour: tuple[float, float, float]
) -> None:
    left, right = x - wide / 2, x + wide / 2
    fill(scene, view.project([(left, 0, near), (right, 0, near), (right, 0, far), (left, 0, far)]), colour)


def _grain(scene: Pixels, view: View, chance: np.random.Generator) -> None:
    """Stones and stains: fine in the distance, coarse near the camera."""
    wide, high = view.size
    top = int(view.vanishing[1]) + 8
    rough = np.zeros((high - top, wide), np.float32)
    for scale, weight in ((1, 5.0), (3, 4.0), (24, 5.0)):
        small = chance.normal(0, 1, ((high - top) // scale + 2, wide // (scale * 2) + 2)).astype(np.float32)
        rough += weight * cv2.resize(small, (wide, high - top), interpolation=cv2.INTER_CUBIC)
    rough *= np.linspace(0.25, 1.0, high - top, dtype=np.float32)[:, None]
    below = scene[top:].astype(np.float32) + rough[:, :, None]
    scene[top:] = np.clip(below, 0, 255).astype(np.uint8)


def _lamp(scene: Pixels, view: View) -> None:
    """A street lamp on the right pavement, which tells the eye how far the street runs."""
    for z in (96.0, 62.0):
        foot, top = view.project([(3.0, 0, z), (3.0, 7.0, z)])
        cv2.line(scene, _pixel(foot), _pixel(top), (66, 70, 72), max(int(view.focal / z * 0.14), 2), cv2.LINE_AA)


def _pixel(point: Points) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
