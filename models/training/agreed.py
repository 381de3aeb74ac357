"""Real crops with a text. Some were typed by who looked at them; of the rest the text is taken as the label where a
reference reader is sure of what it reads at two margins, and the reader in training reads the same (O as 0, I as 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from crops import LabelledBox, cut, labelled_boxes
from mine import Mined
from numpy.typing import NDArray
from teacher import Shares, Teacher, certain, certainty, squeezed, text_of
from typed import Place, typed_texts

from edge.measure.looks import folded

Pixels = NDArray[np.uint8]
OwnBoxes = Mapping[tuple[str, int, int], tuple[tuple[float, float, float, float], ...]]
"""A detector's boxes by the labelled box that they lie on (see `place_of`), x1 y1 x2 y2 in pixels."""

_LEAST_WIDE = 30
"""Pixels: narrower plates are passed over."""
MARGIN = 0.2
"""Crops are kept with this margin, as a share of the plate's sides."""
LEAST, LEAST_OF_HARD = 0.25, 0.6
"""How certain the reference must be of its least sure character for a crop that nobody else reads so."""
SURE, PERHAPS = 0.72, 0.45
"""The least sure character of the reference must reach the first alone, the second when our reader agrees."""


@dataclass(frozen=True, kw_only=True)
class AgreedCrop:
    """One real crop as uint8 BGR, cut with MARGIN, and its text."""

    crop: Pixels
    text: str
    place: tuple[str, int, int]
    """Which labelled box it is, see `place_of`."""
    seen: tuple[tuple[float, float, float, float], ...] = ()
    """A detector's boxes of this plate, as shares x1, y1, x2, y2 of the crop."""
    cuts: tuple[int, ...] = ()
    """Columns at which the crop may be cut between its characters, see shuffled.py; empty: nowhere."""
    source: str = ""
    shares: Shares | None = None
    """What a reader should say of it, slot by slot; without it the text, surely."""
    weight: float = 1.0
    """How much it counts in training."""

    def tight(self) -> Pixels:
        """The crop at the reader's input size, uint8 RGB (64, 128, 3), with a margin of 4 %."""
        rows, columns = self.crop.shape[:2]
        x, y = int(columns * (MARGIN - 0.04) / (1 + 2 * MARGIN)), int(rows * (MARGIN - 0.04) / (1 + 2 * MARGIN))
        return squeezed(self.crop[y : rows - y, x : columns - x])


def reference_crops(
    folder: Path, split: str, reference: Path, least: float, own: OwnBoxes | None = None
) -> list[AgreedCrop]:
    """The crops of a split that the reference reader reads the same way, and surely, at two margins."""
    teacher = Teacher(reference)
    found = []
    for box, picture in _pictures(folder, split):
        said = teacher.shares(np.stack([squeezed(cut(picture, box, margin)) for margin in (0.02, 0.08)]))
        texts = [text_of(shares) for shares in said]
        if texts[0] == texts[1] and len(texts[0]) >= 3 and said.max(-1).min() > least:
            found.append(_kept(picture, box, texts[0], own))
    return found


def taught(crop: AgreedCrop, said: Shares) -> AgreedCrop:
    """The crop, its label softened by what the reference says of it, if that reads the same."""
    if folded(text_of(said)) != folded(crop.text):
        return crop
    return replace(crop, shares=(certain(crop.text) + said) / 2)


def told_crops(
    folder: Path, split: str, said: Mapping[Place, Shares], typed: Mapping[Place, str], own: OwnBoxes | None = None
) -> list[AgreedCrop]:
    """Crops that nobody typed: what the reference says is all there is, and counts as far as it is certain.

    Of those that were too hard for who looked at them (typed as ""), it must be surer.
    """
    found = []
    for box, picture in _pictures(folder, split):
        place = place_of(box)
        sure, text = certainty(said[place]), text_of(said[place])
        if not typed.get(place) and len(text) >= 3 and sure >= (LEAST_OF_HARD if place in typed else LEAST):
            found.append(replace(_kept(picture, box, text, own), shares=said[place], weight=sure))
    return found


def said_of(folder: Path, split: str, reference: Path, kept: Path | None = None) -> dict[Place, Shares]:
    """What the reference says of every labelled plate of a split, over several cuts; `kept` for the next time."""
    looked = list(_pictures(folder, split)) if kept is None or not kept.exists() else None
    places = [place_of(box) for box in labelled_boxes(folder, split) if box.x2 - box.x1 >= _LEAST_WIDE]
    if looked is None:
        return dict(zip(places, np.load(kept), strict=True))
    teacher = Teacher(reference)
    shares = np.stack([teacher.looked(picture, box) for box, picture in looked])
    if kept is not None:
        np.save(kept, shares)
    return dict(zip(places, shares, strict=True))


def typed_crops(
    folder: Path, split: str, typed: Path, own: OwnBoxes | None = None
) -> tuple[list[AgreedCrop], dict[Place, str]]:
    """The crops whose text was typed by who looked at them (see typed.py), and what was typed at all places.

    An empty plate says that nobody can read it: such a crop is for neither list.
    """
    texts = typed_texts(typed, folder)
    found = [
        _kept(picture, box, texts[place_of(box)], own)
        for box, picture in _pictures(folder, split)
        if texts.get(place_of(box))
    ]
    return found, texts


def _kept(picture: Pixels, box: LabelledBox, text: str, own: OwnBoxes | None) -> AgreedCrop:
    crop = cut(picture, box, MARGIN).copy()
    left = max(int(box.x1 - (box.x2 - box.x1) * MARGIN), 0)
    top = max(int(box.y1 - (box.y2 - box.y1) * MARGIN), 0)
    rows, columns = crop.shape[:2]
    boxes = (own or {}).get(place_of(box), ())
    seen = tuple(
        ((x1 - left) / columns, (y1 - top) / rows, (x2 - left) / columns, (y2 - top) / rows) for x1, y1, x2, y2 in boxes
    )
    return AgreedCrop(crop=crop, text=text, place=place_of(box), seen=seen, source=box.source)


def own_boxes(folder: Path, split: str, mined: list[Mined], least: float = 0.3) -> OwnBoxes:
    """The detector's boxes of each labelled plate, in pixels of the photograph."""
    rows: dict[str, list[LabelledBox]] = {}
    for box in labelled_boxes(folder, split):
        rows.setdefault(box.image, []).append(box)
    found: dict[tuple[str, int, int], list[tuple[float, float, float, float]]] = {}
    for one in mined:
        if one.plate >= 0 and one.score >= least:
            found.setdefault(place_of(rows[one.image][one.plate]), []).append(one.box)
    return {place: tuple(boxes) for place, boxes in found.items()}


def own_margins(folder: Path, split: str, own: OwnBoxes) -> NDArray[np.float64]:
    """What part of the detector's boxes is not plate: shares left, right, top and bottom (n, 4); below 0 cuts it."""
    found = []
    for box in labelled_boxes(folder, split):
        for x1, y1, x2, y2 in own.get(place_of(box), ()):
            wide, high = x2 - x1, y2 - y1
            found.append([(box.x1 - x1) / wide, (x2 - box.x2) / wide, (box.y1 - y1) / high, (y2 - box.y2) / high])
    return np.asarray(np.clip(np.array(found).reshape(-1, 4), -0.12, 0.3), np.float64)


def place_of(box: LabelledBox) -> tuple[str, int, int]:
    """What tells one labelled box from another: its photograph and its upper left corner in whole pixels."""
    return box.image, int(box.x1), int(box.y1)


def agreed_crops(told: list[AgreedCrop], ours: Callable[[Pixels], list[str]]) -> list[AgreedCrop]:
    """The reference's crops, those in full that our reader reads the same and the reference is fairly sure of."""
    texts = ours(np.stack([crop.tight() for crop in told])) if told else []
    return [
        taught(replace(crop, weight=1.0), crop.shares)
        if crop.shares is not None and crop.weight >= PERHAPS and folded(text) == folded(crop.text)
        else crop
        for crop, text in zip(told, texts, strict=True)
    ]


def _pictures(folder: Path, split: str) -> Iterator[tuple[LabelledBox, Pixels]]:
    kept: dict[str, Pixels] = {}
    for box in labelled_boxes(folder, split):
        if box.x2 - box.x1 < _LEAST_WIDE:
            continue
        if box.image not in kept:
            kept = {box.image: np.asarray(cv2.imread(str(folder / "images" / box.image)), dtype=np.uint8)}
        yield box, kept[box.image]
