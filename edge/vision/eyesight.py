"""What `Vision` needs to see with, and what it tells of itself."""

from dataclasses import dataclass, field
from typing import Protocol

from edge.values import Box, Detection, Frame, Picture, Pixels
from edge.vision.reader import Reading


class Detecting(Protocol):
    """Finds plates in a picture (edge.vision.Detector)."""

    def look(self, picture: Picture, part: Box | None = None) -> list[Detection]: ...

    def reach(self, size: tuple[int, int]) -> tuple[float, float]:
        """How much of a picture of `size` a part may hold, to be seen as large as in a look at the whole."""
        ...


class Reads(Protocol):
    """Reads one crop (edge.vision.Reader), cut with the margin that it wants."""

    @property
    def margin(self) -> float: ...

    def read(self, crop: Pixels, roomier: Pixels | None = None) -> Reading:
        """`roomier` is the same plate with ROOM more around it, for a second reading where the first is doubtful."""
        ...


class Eyesight(Protocol):
    """A detector and a reader (edge.vision.Models)."""

    @property
    def detector(self) -> Detecting: ...

    @property
    def reader(self) -> Reads: ...


class Gate(Protocol):
    """Says where anything moves in a frame, None: nowhere (edge.vision.gate.MotionGate)."""

    def moving(self, frame: Frame) -> Box | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was done so far. `rejected` says how many candidates were dropped, by reason.

    Of the `looks`, so many were at `parts` of a picture. `hurried` are the passages of which fewer than eight looks
    show the plate whole, `corrections` are not among the `passages`.
    """

    frames: int
    looks: int
    parts: int
    readings: int
    passages: int
    corrections: int
    hurried: int
    rejected: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A plate in view: its place in the latest frame that was looked at, and the text so far."""

    box: Box
    text: str = field(repr=False)
    confidence: float
