"""A drawn scene and eyes that see it: plates are rectangles whose blue channel is a number that stands for a text.

The detector and the reader here find and read exactly what was drawn, so that a test decides what is seen.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from edge.capture import Plain
from edge.clock import ReplayClock
from edge.values import Box, Detection, Frame, Picture, Pixels, PlateRead
from edge.vision import Reading, Vision

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
WIDE, HIGH = 640, 360
_PLATE_RED = 201

Place = tuple[float, float, float] | None
"""Left, top and width of a plate in pixels, or None when it is out of sight."""


@dataclass(frozen=True, kw_only=True)
class Vehicle:
    """A plate on its way: `at` gives its place at each second; `says` what the reader makes of each look at it."""

    text: str
    at: Callable[[float], Place]
    says: Callable[[int], tuple[str, float]] | None = None


def crossing(text: str, *, begins: float, lasts: float = 1.8, top: float = 200.0, width: float = 80.0) -> Vehicle:
    """A vehicle that drives through the picture from left to right."""

    def at(seconds: float) -> Place:
        done = (seconds - begins) / lasts
        return (done * (WIDE + width) - width, top, width) if 0 <= done <= 1 else None

    return Vehicle(text=text, at=at)


def standing(
    text: str,
    *,
    left: float = 100.0,
    hidden: Callable[[float], bool] = lambda seconds: False,
    says: Callable[[int], tuple[str, float]] | None = None,
) -> Vehicle:
    """A vehicle that stands where it stands."""
    return Vehicle(text=text, at=lambda seconds: None if hidden(seconds) else (left, 100.0, 70.0), says=says)


def unsure(vehicle: Vehicle) -> Vehicle:
    """The same vehicle, of which every third look says something else at the end."""
    other = vehicle.text[:-1] + "X"
    return replace(vehicle, says=lambda look: (other if look % 3 == 0 else vehicle.text, 0.9))


@dataclass
class Eyes:
    """The detector and reader of a scene, and what was asked of them."""

    vehicles: Mapping[int, Vehicle]
    found: int = 0
    looks: dict[int, int] = field(default_factory=dict)
    failing: Exception | None = None
    margin: float = 0.0

    @property
    def detector(self) -> "Eyes":
        return self

    @property
    def reader(self) -> "Eyes":
        return self

    def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
        pixels = picture.pixels()
        self.found += 1
        if self.failing:
            raise self.failing
        plates = pixels[:, :, 2] == _PLATE_RED
        detections = []
        for number in sorted(set(pixels[plates][:, 0].tolist())):
            rows, columns = np.nonzero(plates & (pixels[:, :, 0] == number))
            box = Box(x1=columns.min(), y1=rows.min(), x2=columns.max() + 1, y2=rows.max() + 1)
            detections.append(Detection(box=box, confidence=0.9))
        return detections

    def reach(self, size: tuple[int, int]) -> tuple[float, float]:
        return float(size[0]), float(size[1])

    def read(self, crop: Pixels, roomier: Pixels | None = None) -> Reading:
        plates = crop[crop[:, :, 2] == _PLATE_RED]
        number = int(np.bincount(plates[:, 0]).argmax())
        self.looks[number] = self.looks.get(number, 0) + 1
        vehicle = self.vehicles[number]
        text, sure = vehicle.says(self.looks[number]) if vehicle.says else (vehicle.text, 0.97)
        return Reading(text=text, confidences=(sure,) * len(text))


def draw(vehicles: Mapping[int, Vehicle], *, seconds: float, fps: float, begins: float = 0.0) -> Iterator[Frame]:
    """So many seconds of the scene, frame by frame; later vehicles stand in front of earlier ones."""
    for sequence in range(round(seconds * fps)):
        pixels = np.full((HIGH, WIDE, 3), 90, np.uint8)
        for number, vehicle in vehicles.items():
            place = vehicle.at(begins + sequence / fps)
            if place is not None:
                _draw(pixels, place, number)
        captured_at = START + timedelta(seconds=begins + sequence / fps)
        yield Frame(camera_id="north", sequence=sequence, captured_at=captured_at, picture=Plain(pixels))


def _draw(pixels: Pixels, place: tuple[float, float, float], number: int) -> None:
    left, top, width = place
    # The body moves too, so that something moves even where a plate is small.
    _fill(pixels, (left - width / 2, top - width, 2 * width, 1.5 * width), (20, 40, 60))
    _fill(pixels, (left, top, width, width / 2), (number, 220, _PLATE_RED))


def _fill(pixels: Pixels, area: tuple[float, float, float, float], colour: tuple[int, int, int]) -> None:
    left, top, wide, high = area
    pixels[max(0, round(top)) : max(0, round(top + high)), max(0, round(left)) : max(0, round(left + wide))] = colour


def watch(*vehicles: Vehicle, seconds: float, fps: float = 25.0) -> tuple[list[PlateRead], Vision, Eyes]:
    """All reads of a scene, in the order in which they were handed on, and whose eyes they were."""
    numbered = dict(enumerate(vehicles, start=10))
    eyes = Eyes(numbered)
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    reads = [read for frame in draw(numbered, seconds=seconds, fps=fps) for read in vision.passages(frame)]
    return reads + vision.finish(), vision, eyes


def texts(reads: list[PlateRead]) -> list[str]:
    return [read.text for read in reads]
