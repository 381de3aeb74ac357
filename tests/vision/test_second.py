"""The second look: it keeps to a plate that the first look loses, and costs nothing where there is none to keep to."""

from dataclasses import dataclass

from edge.clock import ReplayClock
from edge.values import Box, Detection, Picture, PlateRead
from edge.vision import Vision
from tests.vision.scene import START, Eyes, Vehicle, crossing, draw, standing, texts


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
            self.parts += part is not None
            return super().look(picture)

    eyes = Counting(scene)
    assert texts(seen_by(eyes, scene)) == ["AB12345"]
    assert eyes.parts <= 2  # when it has just left


def test_what_stands_and_is_hidden_is_not_looked_for_closely() -> None:
    scene = {10: standing("PARKED1", hidden=lambda seconds: seconds > 4)}
    eyes = Dim(scene)
    seen_by(eyes, scene, seconds=12)
    assert eyes.parts <= 6
