"""A drawn street with a known plate, looked at by the models: a dead model must not look like an empty road."""

from dataclasses import dataclass

from edge.errors import ModelError
from edge.road.clip import Pass, Road
from edge.values import Box, Pixels
from edge.vision import Models
from edge.vision.reader import cut_out
from edge.vision.tracker import overlap

_PLATE = "ABX 4725"
_SIZE = (640, 360)
_ON_IT = 0.3
"""A box that overlaps the plate by so much has found it."""
_AGAIN = "install the models again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """How sure the models were of the known plate, both in 0..1."""

    found: float
    read: float


class SelfTest:
    """Holds the picture, which takes a moment to draw. `run` is called by whoever runs the models."""

    def __init__(self) -> None:
        self._drawn: tuple[Pixels, Box] | None = None

    def run(self, models: Models) -> Passed:
        """Raises ModelError when the plate is not found, or is read as another."""
        self._drawn = self._drawn or known_street()
        picture, plate = self._drawn
        found = [each for each in models.detector.find(picture) if overlap(each.box, plate) >= _ON_IT]
        if not found:
            raise ModelError(
                f"detector `{models.detector.name}` finds no plate where there is one in the drawn street, "
                f"name another or {_AGAIN}"
            )
        best = max(found, key=lambda each: each.confidence)
        reading = models.reader.read(cut_out(picture, best.box, margin=models.reader.margin))
        if _folded(reading.text) != _folded(_PLATE):
            raise ModelError(f"reader `{models.reader.name}` misreads the drawn plate, name another or {_AGAIN}")
        return Passed(found=best.confidence, read=reading.confidence)


def known_street() -> tuple[Pixels, Box]:
    """The picture of the road in which the plate is widest, and where it is."""
    road = Road(passes=[Pass(text=_PLATE)], seed=3, size=_SIZE)
    box, number = max(
        ((box, number) for number in range(road.length) for _, box in road.plates(number)),
        key=lambda each: each[0].width,
    )
    return road.frame(number), box


def _folded(text: str) -> str:
    return text.replace(" ", "").replace("O", "0")
