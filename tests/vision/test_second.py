"""The second look: it keeps to a plate that the first look loses, and costs nothing where there is none to keep to."""

from dataclasses import dataclass, replace

import pytest

from edge.clock import ReplayClock
from edge.values import Box, Detection, Picture, PlateRead
from edge.vision import Vision
from edge.vision.cadence import CLOSE
from edge.vision.second import CLOSELY_SURE, CLOSER
from tests.vision.scene import START, WIDE, Eyes, Vehicle, crossing, draw, standing, texts


@dataclass
class Dim(Eyes):
    """A plate so faint that a look at the whole picture finds it every third time; closely it is always found."""

    closely: bool = True
    whole: int = 0
    parts: int = 0

    def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
        if part is not None:
            self.parts += 1
            return super().look(picture) if self.closely else []
        self.whole += 1
        return super().look(picture) if self.whole % 3 == 0 else []


def seen_by(eyes: Eyes, vehicles: dict[int, Vehicle], *, seconds: float = 5.0) -> list[PlateRead]:
    vision = Vision(models=eyes, clock=ReplayClock(start=START))
    reads = [read for frame in draw(vehicles, seconds=seconds, fps=25) for read in vision.passages(frame)]
    return reads + vision.finish()


def test_a_faint_plate_gets_its_looks_by_looking_closely() -> None:
    scene = {10: crossing("AB12345", begins=1.0)}
    (closely,) = seen_by(Dim(scene), scene)
    (whole,) = seen_by(Dim(scene, closely=False), scene)
    assert closely.text == whole.text == "AB12345"
    assert closely.frames >= 8 > whole.frames


def test_a_plate_that_is_always_found_is_never_looked_at_twice() -> None:
    scene = {10: crossing("AB12345", begins=1.0)}

    @dataclass
    class Counting(Eyes):
        parts: int = 0

        def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
            self.parts += part is not None and part.width <= CLOSER * WIDE
            return super().look(picture)

    eyes = Counting(scene)
    assert texts(seen_by(eyes, scene)) == ["AB12345"]
    assert eyes.parts <= 2  # when it has just left


@pytest.mark.parametrize(("confidence", "said"), [(CLOSELY_SURE, ["AB12345"]), (CLOSELY_SURE - 0.01, [])])
def test_what_moves_and_shows_no_plate_is_looked_at_closely_and_what_is_found_there_must_be_sure(
    confidence: float, said: list[str]
) -> None:
    class Far(Eyes):
        def look(self, picture: Picture, part: Box | None = None) -> list[Detection]:
            if part is None or part.width > CLOSE * WIDE:
                return []
            return [replace(one, confidence=confidence) for one in super().look(picture)]

    scene = {10: crossing("AB12345", begins=1.0)}
    assert texts(seen_by(Far(scene), scene)) == said


def test_what_stands_and_is_hidden_is_not_looked_for_closely() -> None:
    scene = {10: standing("PARKED1", hidden=lambda seconds: seconds > 4)}
    eyes = Dim(scene)
    seen_by(eyes, scene, seconds=12)
    assert eyes.parts <= 6
