"""What both models make of labelled photographs, and how long they take; through the same door as the daemon.

A box counts as far as both believe in it: the joint score is the detector's times the mean of the reader's certainty
over the characters. A box in which the reader finds fewer than three characters scores nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from edge.clock import busy
from edge.measure.labelled import Photograph
from edge.measure.overlaps import OVERLAP, Boxes, overlaps, pairs, rows, strays
from edge.values import Box, Detection, Pixels
from edge.vision import Reading
from edge.vision.eyesight import Reads
from edge.vision.reader import cut_out, two_margins

JOINT = 0.3
"""The joint score from which on a box counts as found."""
SHORTEST = 3
_FOLD = str.maketrans("OI", "01")


class Finds(Protocol):
    """Finds plates in a whole picture (edge.vision.Detector)."""

    def find(self, pixels: Pixels) -> list[Detection]: ...


class Both(Protocol):
    """A detector and a reader (edge.vision.Models, edge.measure.Pair)."""

    @property
    def detector(self) -> Finds: ...

    @property
    def reader(self) -> Reads: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """A box that the detector gave, what is read in it, and the joint score (0..1)."""

    box: Box
    score: float
    reading: Reading
    joint: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPlate:
    """One labelled plate. `on_truth`: read out of its labelled box; `best`: the best box that lies on it, or None.

    `found`: by a box that both models believe in.
    """

    text: str = field(repr=False)
    box: Box
    found: bool
    on_truth: Reading | None
    best: Believed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One photograph: its plates, the boxes that are wrong, their numbers, and the processor seconds of each stage."""

    name: str
    boxed: bool
    complete: bool
    plates: tuple[SeenPlate, ...]
    believed: int
    strays: tuple[Believed, ...]
    boxes: int
    loose: int
    detecting: float
    reading: tuple[float, ...]
    whole: float


def joint(score: float, confidences: Sequence[float]) -> float:
    """The joint score of a box: the detector's score, the reader's certainty of each character (0..1)."""
    return score * float(np.mean(confidences)) if len(confidences) >= SHORTEST else 0.0


def folded(text: str) -> str:
    """The text with O as 0 and I as 1, which most plates draw alike and ground truths spell as they like."""
    return text.translate(_FOLD)


def looks(models: Both, shown: Iterable[Photograph]) -> Iterator[tuple[Photograph, Look]]:
    """Finds and reads the plates of each photograph. Raises ModelError."""
    for photograph in shown:
        yield photograph, look(models, photograph)


def look(models: Both, shown: Photograph) -> Look:
    """Finds and reads the plates of one photograph, and reads what was labelled. Raises ModelError."""
    began = busy()
    detections = models.detector.find(shown.pixels) if shown.boxed else []
    detecting = busy() - began
    spent: list[float] = []
    found = []
    for one in detections:
        reading = _read(models, shown.pixels, one.box, two_margins(models.reader.margin), spent)
        score = joint(one.confidence, reading.confidences)
        found.append(Believed(box=one.box, score=one.confidence, reading=reading, joint=score))
    whole = busy() - began
    ranked = sorted(found, key=lambda one: -one.joint)
    sure = [one for one in ranked if one.joint >= JOINT]
    boxes = rows([one.box for one in found])
    wrong = strays(shown.boxes, rows([one.box for one in sure]), shown.unlabelled)
    return Look(
        name=shown.name,
        boxed=shown.boxed,
        complete=shown.complete,
        plates=tuple(_plates(models, shown, ranked, spent)),
        believed=len(pairs(shown.boxes, rows([one.box for one in sure]))),
        strays=tuple(sure[number] for number in wrong),
        boxes=len(pairs(shown.boxes, boxes)),
        loose=len(strays(shown.boxes, boxes, shown.unlabelled)),
        detecting=detecting,
        reading=tuple(spent),
        whole=whole,
    )


def _plates(models: Both, shown: Photograph, ranked: Sequence[Believed], spent: list[float]) -> Iterator[SeenPlate]:
    """`ranked`: what was found, best first."""
    places = rows([one.box for one in ranked])
    found = set(pairs(shown.boxes, places[: sum(one.joint >= JOINT for one in ranked)]).values())
    for number, (place, text) in enumerate(zip(shown.boxes, shown.texts, strict=True)):
        box = Box(x1=float(place[0]), y1=float(place[1]), x2=float(place[2]), y2=float(place[3]))
        # a crop has nothing left around it that a second reading could take
        margins = two_margins(models.reader.margin) if shown.boxed else (0.0,)
        on = _on(place, places)
        yield SeenPlate(
            text=text,
            box=box,
            found=number in found,
            on_truth=_read(models, shown.pixels, box, margins, spent) if text else None,
            best=ranked[on[0]] if on else None,
        )


def _on(plate: Boxes, places: Boxes) -> list[int]:
    if not len(places):
        return []
    return [int(number) for number in np.flatnonzero(overlaps(places, plate[None])[:, 0] >= OVERLAP)]


def _read(models: Both, pixels: Pixels, box: Box, margins: Sequence[float], spent: list[float]) -> Reading:
    began = busy()
    reading = models.reader.read(*(cut_out(pixels, box, margin=margin) for margin in margins))
    spent.append(busy() - began)
    return reading
