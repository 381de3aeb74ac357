"""Looks counted: how many plates were found and read right, by width too, and how long it took.

Exact counts a text as it stands; folded takes O for 0 and I for 1 on both sides. Each has its 95 % interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.measure.calibration import Right, Shares, calibration_error
from edge.measure.looks import JOINT, Look, SeenPlate, folded
from edge.shares import Share

WIDTHS = (0, 40, 60, 80, 100, 130, 170, 230, 320)
"""Pixels; where one class of plates ends and the next begins."""
SURE = 0.9

Figure = float | int | str | None | list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """How a set of plates was read: right as they stand, and right with O=0 and I=1."""

    exact: Share
    folded: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """Plates at least `least` and less than `most` pixels wide: found, and read right end to end (folded)."""

    least: int
    most: int | None
    found: Share
    read: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What two models are worth on a folder. What cannot be said of crops is None.

    `recall` and `precision`: of the boxes that both models believe in; `alone_...`: of all boxes of the detector.
    `confidences`, `right`: of the reads on labelled boxes, folded. `milliseconds`: processor time of each stage, the
    median and the least.
    """

    photographs: int
    recall: Share | None
    precision: Share | None
    alone_recall: Share | None
    alone_precision: Share | None
    reader: Read
    end_to_end: Read | None
    confidences: Shares
    right: Right
    widths: tuple[Width, ...]
    milliseconds: dict[str, tuple[float, float]]

    def table(self) -> dict[str, object]:
        """For programs: nested tables, shares in 0..1."""
        detector = None
        if self.recall is not None and self.precision is not None:
            detector = {
                **_figure("recall", self.recall),
                **_figure("precision", self.precision),
                "joint_score": JOINT,
                "alone": {**_figure("recall", self.alone_recall), **_figure("precision", self.alone_precision)},
            }
        sure = self.confidences >= SURE
        return {
            "photographs": self.photographs,
            "detector": detector,
            "reader": {
                **_both(self.reader),
                "calibration_error": round(calibration_error(self.confidences, self.right), 4),
                "sure": {"from": SURE, **_figure("right", _share(self.right[sure])), "of_all": _mean(sure)},
            },
            "end_to_end": _both(self.end_to_end) if self.end_to_end is not None else None,
            "by_width": [
                {"from": one.least, "to": one.most, **_figure("found", one.found), **_figure("folded", one.read)}
                for one in self.widths
            ],
            "ms": {
                **{stage: round(median, 3) for stage, (median, _) in self.milliseconds.items()},
                **{f"{stage}_least": round(least, 3) for stage, (_, least) in self.milliseconds.items()},
            },
        }


def count(looks: Sequence[Look]) -> Figures:
    """Counts the looks at a folder."""
    plates = [plate for one in looks for plate in one.plates]
    known = [plate for plate in plates if plate.on_truth is not None]
    boxed = [one for one in looks if one.boxed]
    whole = [one for one in boxed if one.complete]
    placed = [plate for one in boxed for plate in one.plates]
    reads = [(plate.on_truth.text, plate.on_truth.confidence, plate.text) for plate in known if plate.on_truth]
    ends = [(plate.best.reading.text if plate.best else "", plate.text) for plate in placed if plate.text]
    believed, boxes = sum(one.believed for one in whole), sum(one.boxes for one in whole)
    return Figures(
        photographs=len(looks),
        recall=Share(right=sum(plate.found for plate in placed), of=len(placed)) if boxed else None,
        precision=Share(right=believed, of=believed + sum(len(one.strays) for one in whole)) if boxed else None,
        alone_recall=Share(right=sum(one.boxes for one in boxed), of=len(placed)) if boxed else None,
        alone_precision=Share(right=boxes, of=boxes + sum(one.loose for one in whole)) if boxed else None,
        reader=_reads([(text, truth) for text, _, truth in reads]),
        end_to_end=_reads(ends) if ends else None,
        confidences=np.array([confidence for _, confidence, _ in reads], np.float64),
        right=np.array([folded(text) == folded(truth) for text, _, truth in reads], np.bool_),
        widths=tuple(_by_width(placed)),
        milliseconds=_milliseconds(looks),
    )


def _reads(pairs: Sequence[tuple[str, str]]) -> Read:
    exact = sum(text == truth for text, truth in pairs)
    same = sum(folded(text) == folded(truth) for text, truth in pairs)
    return Read(exact=Share(right=exact, of=len(pairs)), folded=Share(right=same, of=len(pairs)))


def _by_width(plates: Sequence[SeenPlate]) -> list[Width]:
    classes = []
    for least, most in zip(WIDTHS, (*WIDTHS[1:], None), strict=True):
        inside = [one for one in plates if one.box.width >= least and (most is None or one.box.width < most)]
        known = [one for one in inside if one.text]
        right = sum(one.best is not None and folded(one.best.reading.text) == folded(one.text) for one in known)
        if inside:
            found = Share(right=sum(one.found for one in inside), of=len(inside))
            classes.append(Width(least=least, most=most, found=found, read=Share(right=right, of=len(known))))
    return classes


def _milliseconds(looks: Sequence[Look]) -> dict[str, tuple[float, float]]:
    """Median and least of each stage; the first look of all warms up and is left out."""
    later = looks[1:] or looks
    stages = {
        "detector": [one.detecting for one in later if one.boxed],
        "reader": [seconds for one in later for seconds in one.reading],
        "photograph": [one.whole for one in later if one.boxed],
    }
    return {stage: (1000 * float(np.median(spent)), 1000 * min(spent)) for stage, spent in stages.items() if spent}


def _both(read: Read) -> dict[str, Figure]:
    return {**_figure("exact", read.exact), **_figure("folded", read.folded)}


def _figure(name: str, share: Share | None) -> dict[str, Figure]:
    if share is None:
        return {name: None}
    low, high = share.interval
    return {name: round(share.value, 4), f"{name}_interval": [round(low, 4), round(high, 4)], f"{name}_of": share.of}


def _share(right: NDArray[np.bool_]) -> Share:
    return Share(right=int(right.sum()), of=len(right))


def _mean(flags: NDArray[np.bool_]) -> float:
    return round(float(flags.mean()), 4) if len(flags) else 0.0
