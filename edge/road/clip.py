"""A short recording of a road that never was: known plates on drawn cars, the same for the same seed.

It stands in for a camera in the demo and in tests, where a real recording would be somebody's plate.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.disk import is_utf8, shown
from edge.errors import CameraError
from edge.road.car import Car
from edge.road.street import LANE_AWAY, LANE_TOWARDS, PARKING_BAY, Points, View, draw_street
from edge.values import Box, Pixels

_LEGIBLE = 45
"""From this width in pixels on a plate counts as readable in `truth`."""
_NEAREST, _VANISHED = 6.0, 62.0
_PARKED_AT = 20.5
_SLOWEST, _FASTEST = 0.6, 1.4
"""Speed beside the camera and far away, as shares of a pass's own speed; between them it grows with the distance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One vehicle going by. It drives away (rear plate, near lane) or `towards` the camera (front plate, far lane).

    `enters` is the second of its appearance; without it, it follows the pass before without hiding it. `speed` (m/s) is
    that of the middle of its way: near the camera it is slower, as at a stop line.
    """

    text: str
    state: str = "ILLINOIS"
    colour: str = "silver"
    body: str = "sedan"
    towards: bool = False
    speed: float = 10.0
    enters: float | None = None


Truth = tuple[str, int, int]
"""A plate's text without spaces, and the first and last frame in which it is wholly in view and wide enough to read."""


class Road:
    """A camera's view of a street on which the given vehicles pass; `parked` stands in the bay all the time."""

    def __init__(
        self,
        *,
        passes: Sequence[Pass],
        seed: int = 0,
        size: tuple[int, int] = (1280, 720),
        fps: float = 25.0,
        parked: Pass | None = None,
    ) -> None:
        self.size, self.fps = size, fps
        self._seed = seed
        self._view = View.of(size)
        self._traffic = [_Vehicle.of(each, start, fps) for each, start in _timetable(passes)]
        self._parked = _car(parked) if parked else None
        self._parked_text = parked.text.replace(" ", "") if parked else ""
        chance = np.random.default_rng(seed)
        self._scene = draw_street(self._view, chance)
        self._noise = _noise(size, chance)
        self._phase = float(chance.uniform(0, 6.28))
        if self._parked:
            self._parked.draw(self._scene, self._view, PARKING_BAY, _PARKED_AT)
        self.length = max([vehicle.last for vehicle in self._traffic], default=round(2 * fps)) + round(fps / 2)

    @property
    def truth(self) -> tuple[Truth, ...]:
        """What there is to read, by order of appearance."""
        plates = [vehicle.truth(self._view) for vehicle in self._traffic]
        if self._parked:
            plates.append((self._parked_text, 0, self.length - 1))
        return tuple(sorted((plate for plate in plates if plate), key=lambda plate: plate[1]))

    def frame(self, number: int) -> Pixels:
        """The picture with this number, (height, width, 3) uint8 BGR; any order, the same each time."""
        picture = self._scene.copy()
        moving = [(vehicle.at(number), vehicle) for vehicle in self._traffic]
        for z, vehicle in sorted(((z, v) for z, v in moving if z is not None), key=lambda pair: -pair[0]):
            vehicle.car.draw(picture, self._view, vehicle.lane, z)
        return self._expose(picture, number)

    def plates(self, number: int) -> tuple[tuple[str, Box], ...]:
        """The legible plates of that picture, parked ones left out: text without spaces, and where it is."""
        found = []
        for vehicle in self._traffic:
            z = vehicle.at(number)
            corners = None if z is None else vehicle.car.plate(self._view, vehicle.lane, z)
            if corners is not None and _legible(corners, self._view):
                (x1, y1), (x2, y2) = corners[0].tolist(), corners[2].tolist()
                found.append((vehicle.text, Box(x1=x1, y1=y1, x2=x2, y2=y2)))
        return tuple(found)

    def frames(self) -> Iterator[Pixels]:
        """All pictures in order."""
        for number in range(self.length):
            yield self.frame(number)

    def _expose(self, picture: Pixels, number: int) -> Pixels:
        """Clouds that pass, and the sensor's noise."""
        seconds = number / self.fps
        light = 1.0 + 0.09 * np.sin(seconds * 0.55 + self._phase) + 0.02 * np.sin(seconds * 2.3)
        chance = np.random.default_rng((self._seed, number))
        wide, high = self.size
        top, left = int(chance.integers(48)), int(chance.integers(64))
        noise = self._noise[top : top + high, left : left + wide]
        # The noise lies around 12 so that one saturating addition of bytes is enough.
        exposed = cv2.addWeighted(picture, float(light), noise, 1.0, -12.0)
        return np.asarray(exposed, dtype=np.uint8)


def write_video(road: Road, path: Path) -> None:
    """Write the road as a video file (MPEG-4 for `.mp4`); CameraError when the file cannot be written."""
    if not is_utf8(path):
        raise CameraError(f"`{shown(path)}`: is no UTF-8 name, rename it")
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, road.fps, road.size)
    if not writer.isOpened():
        raise CameraError(f"{path}: cannot be written as a video, choose a writable folder and a name ending in .mp4")
    try:
        for picture in road.frames():
            writer.write(picture)
    finally:
        writer.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vehicle:
    """A car on its way: which frames it is on the road, and where it is in each."""

    text: str
    car: Car
    lane: float
    towards: bool
    first: int
    last: int
    fps: float
    speed: float

    @classmethod
    def of(cls, given: Pass, start: float, fps: float) -> "_Vehicle":
        frames = int(_seconds(given.speed) * fps)
        first = round(start * fps)
        return cls(
            text=given.text.replace(" ", ""),
            car=_car(given),
            lane=LANE_TOWARDS if given.towards else LANE_AWAY,
            towards=given.towards,
            first=first,
            last=first + frames,
            fps=fps,
            speed=given.speed,
        )

    def at(self, number: int) -> float | None:
        """How many metres away the visible end is, or None when the car is not on the road."""
        if not self.first <= number <= self.last:
            return None
        along = (self.last - number if self.towards else number - self.first) / self.fps
        growth = _growth(self.speed)
        return _NEAREST + _SLOWEST * self.speed / growth * math.expm1(growth * along)

    def truth(self, view: View) -> Truth | None:
        seen = []
        for number in range(self.first, self.last + 1):
            z = self.at(number)
            if z is not None and _legible(self.car.plate(view, self.lane, z), view):
                seen.append(number)
        return (self.text, seen[0], seen[-1]) if seen else None


def _car(given: Pass) -> Car:
    return Car(text=given.text, state=given.state, colour=given.colour, body=given.body, towards=given.towards)


def _timetable(passes: Sequence[Pass]) -> Iterator[tuple[Pass, float]]:
    """When each pass starts: as given, or when the one before no longer hides it or is hidden by it."""
    clear = 0.0
    for given in passes:
        whole = _seconds(given.speed)
        # One that drives away is legible a little after its start; one that comes nearer must never be hidden.
        early = 0.0 if given.towards else 0.08 * whole
        start = given.enters if given.enters is not None else max(clear - early, 0.0)
        yield given, start
        clear = start + (whole * 0.74 if given.towards else whole * 0.62)


def _growth(speed: float) -> float:
    """How much faster a vehicle is for each metre from the camera, in m/s."""
    return (_FASTEST - _SLOWEST) * speed / (_VANISHED - _NEAREST)


def _seconds(speed: float) -> float:
    """How long a vehicle is on the road."""
    return math.log(_FASTEST / _SLOWEST) / _growth(speed)


def _legible(corners: Points, view: View) -> bool:
    inside = (corners >= 2).all() and (corners <= np.array(view.size) - 3).all()
    return bool(inside and corners[1, 0] - corners[0, 0] >= _LEGIBLE * view.size[0] / 1280)


def _noise(size: tuple[int, int], chance: np.random.Generator) -> Pixels:
    wide, high = size[0] + 64, size[1] + 48
    grain = chance.normal(12, 2.6, (high, wide, 1)) + chance.normal(0, 1.2, (high, wide, 3))
    return np.asarray(np.clip(np.rint(grain), 0, 255), dtype=np.uint8)
