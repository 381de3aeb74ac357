"""A drawn street with a known plate, looked at by the models: a dead model must not look like an empty road."""

from dataclasses import dataclass

from edge.errors import ModelError
from edge.road.clip import Pass, Road
from edge.values import Pixels
from edge.vision import Models
from edge.vision.reader import cut_out

_PLATE = "ABX 4725"
_SIZE = (640, 360)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """How sure the models were of the known plate, both in 0..1."""

    found: float
    read: float


class SelfTest:
    """Holds the picture, which takes a moment to draw. `run` is called by whoever runs the models."""

    def __init__(self) -> None:
        self._picture: Pixels | None = None

    def run(self, models: Models) -> Passed:
        """Raises ModelError when the plate is not found, or is read as another."""
        if self._picture is None:
            self._picture = _drawn()
        found = models.detector.find(self._picture)
        if not found:
            raise ModelError("the detector finds no plate in the drawn street, install the models again")
        best = max(found, key=lambda each: each.confidence)
        reading = models.reader.read(cut_out(self._picture, best.box, margin=models.reader.margin))
        if _folded(reading.text) != _folded(_PLATE):
            raise ModelError("the reader misreads the drawn plate, install the models again")
        return Passed(found=best.confidence, read=reading.confidence)


def _drawn() -> Pixels:
    """The picture of the road in which the plate is widest."""
    road = Road(passes=[Pass(text=_PLATE)], seed=3, size=_SIZE)
    number = max(range(road.length), key=lambda each: max((box.width for _, box in road.plates(each)), default=0))
    return road.frame(number)


def _folded(text: str) -> str:
    return text.replace(" ", "").replace("O", "0")
