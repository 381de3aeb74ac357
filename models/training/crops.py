"""What a detector would hand to the reader: a plate in a loose box on a real bumper, tilted, blurred, small, noisy, by
day or by infrared light. Every crop leaves as uint8 RGB 64 x 128, squeezed as the reader's input is.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 128, 64


@dataclass(frozen=True, kw_only=True)
class LabelledBox:
    """One labelled plate of the training photographs; x1 y1 x2 y2 in pixels of that photograph."""

    image: str
    source: str
    x1: float
    y1: float
    x2: float
    y2: float


def labelled_boxes(folder: Path, split: str) -> list[LabelledBox]:
    """The boxes of one split out of `boxes.csv`; photographs without a plate have no row here."""
    with open(folder / "boxes.csv", newline="", encoding="utf-8") as rows:
        return [
            LabelledBox(
                image=row["image"],
                source=row["source"],
                x1=float(row["x1"]),
                y1=float(row["y1"]),
                x2=float(row["x2"]),
                y2=float(row["y2"]),
            )
            for row in csv.DictReader(rows)
            if row["split"] == split and row["x1"]
        ]


def cut(picture: Pixels, box: LabelledBox, margin: float) -> Pixels:
    """The box out of a BGR photograph with a margin given as a share of its sides, kept inside the photograph."""
    wide, high = (box.x2 - box.x1) * margin, (box.y2 - box.y1) * margin
    x1, y1 = max(int(box.x1 - wide), 0), max(int(box.y1 - high), 0)
    return picture[y1 : max(int(np.ceil(box.y2 + high)), y1 + 2), x1 : max(int(np.ceil(box.x2 + wide)), x1 + 2)]


def bumpers(folder: Path, rng: np.random.Generator, most: int = 1800) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Plate-free textures out of the training photographs, uint8 BGR (n, 64, 128, 3) each.

    First the surroundings of plates, the plates themselves painted over; second other places of the same photographs.
    """
    boxes = defaultdict(list)
    for box in labelled_boxes(folder, "train"):
        boxes[box.image].append(box)
    around, elsewhere = [], []
    names = sorted(boxes)
    rng.shuffle(names)
    for name in names[:most]:
        read = cv2.imread(str(folder / "images" / name))
        largest = max(boxes[name], key=lambda box: box.x2 - box.x1)
        if read is None or largest.x2 - largest.x1 < 24:
            continue
        picture = _u8(read)
        around.append(_surroundings(picture, largest))
        other = _other_place(picture, boxes[name], rng)
        if other is not None:
            elsewhere.append(other)
    return np.stack(around), np.stack(elsewhere)


def _surroundings(picture: Pixels, box: LabelledBox) -> Pixels:
    wide, high = box.x2 - box.x1, box.y2 - box.y1
    centre, size = ((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2), (wide * 1.6, high * 1.8)
    warp = np.array(
        [
            [WIDTH / size[0], 0, WIDTH / 2 - centre[0] * WIDTH / size[0]],
            [0, HEIGHT / size[1], HEIGHT / 2 - centre[1] * HEIGHT / size[1]],
        ]
    )
    view = cv2.warpAffine(picture, warp, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    cover = np.zeros((HEIGHT, WIDTH), np.uint8)
    x, y = round(WIDTH * (0.5 - 0.54 / 1.6)), round(HEIGHT * (0.5 - 0.56 / 1.8))
    cover[y : HEIGHT - y, x : WIDTH - x] = 255
    return np.asarray(cv2.inpaint(view, cover, 3, cv2.INPAINT_TELEA), dtype=np.uint8)


def _other_place(picture: Pixels, boxes: list[LabelledBox], rng: np.random.Generator) -> Pixels | None:
    rows, columns = picture.shape[:2]
    for _ in range(12):
        wide = int(rng.uniform(0.1, 0.4) * columns)
        high = int(wide * rng.uniform(0.25, 0.7))
        x, y = int(rng.integers(0, columns - wide)), int(rng.integers(0, max(rows - high, 1)))
        if all(x + wide < box.x1 or x > box.x2 or y + high < box.y1 or y > box.y2 for box in boxes):
            return np.asarray(cv2.resize(picture[y : y + high, x : x + wide], (WIDTH, HEIGHT)), dtype=np.uint8)
    return None


class Camera:
    """Turns clean plates, and real crops, into what a camera and a detector would deliver."""

    def __init__(
        self,
        *,
        around: NDArray[np.uint8],
        elsewhere: NDArray[np.uint8],
        rng: np.random.Generator,
        margins: NDArray[np.float64] | None = None,
        strays: NDArray[np.uint8] | None = None,
    ) -> None:
        """`margins` (n, 4) are a detector's own: shares left, right, top, bottom of its boxes that are not plate;
        `strays` what it took for a plate and is none, as `bumpers` gives its textures."""
        self._around = around
        self._elsewhere = elsewhere
        self._own_margins = margins
        self._strays = strays
        self._noise = rng.normal(0, 1, (16, 320, 640, 3)).astype(np.float32).clip(-4, 4)
        self._noise[8:] = self._noise[8:, :, :, :1]
        self._motion = {
            length: [_motion_kernel(length, angle) for angle in range(0, 180, 15)] for length in range(3, 17)
        }

    def rendered(self, rng: np.random.Generator, plate: Pixels, *, easy: bool) -> Pixels:
        """A crop of a rendered plate; `easy` ones are large, nearly straight and clear."""
        wide = int(np.exp(rng.uniform(np.log(100 if easy else 44), np.log(210))))
        aspect = plate.shape[1] / plate.shape[0]
        margins = self._margins(rng, easy)
        high = max(round(wide / aspect * rng.uniform(0.85, 1.15)), 12)
        quad = _seen_at_an_angle(rng, 0.25 if easy else 1.0)
        share = np.array([1 - margins[0] - margins[1], 1 - margins[2] - margins[3]])
        corners = ((quad * share + (margins[0], margins[2])) * (wide, high)).astype(np.float32)
        sheet = plate
        reduce = wide * share[0] / plate.shape[1]
        if reduce < 0.7:
            sheet = np.asarray(
                cv2.resize(plate, None, fx=reduce * 1.15, fy=reduce * 1.15, interpolation=cv2.INTER_AREA),
                dtype=np.uint8,
            )
        rows, columns = sheet.shape[:2]
        edges = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
        view = self._ground(rng, wide, high)
        if rng.random() < 0.2:
            # Plates throw headlight and infrared light back: the car around them may be nearly black.
            view = _u8(cv2.convertScaleAbs(view, alpha=rng.uniform(0.05, 0.4)))
        warp = cv2.getPerspectiveTransform(edges, corners)
        cv2.warpPerspective(
            sheet, warp, (wide, high), dst=view, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
        )
        return self._seen(rng, view, easy)

    def real(
        self, rng: np.random.Generator, crop: Pixels, seen: Sequence[tuple[float, float, float, float]] = ()
    ) -> Pixels:
        """A real crop, cut with a margin of 20 % of the plate's sides, at other margins, tilt and light.

        `seen` are a detector's boxes of this plate as shares x1, y1, x2, y2 of the crop; half the time one is taken.
        """
        rows, columns = crop.shape[:2]
        wide = min(int(np.exp(rng.uniform(np.log(56), np.log(210)))), max(int(columns * 1.2), 40))
        high = int(np.clip(round(wide * rows / columns * rng.uniform(0.7, 1.15)), 14, 320))
        # 20 % on each side of 100 % is 1/7 of the whole; a tight box starts there.
        keep = rng.uniform(-0.1, 1.0, 4) if rng.random() < 0.8 else np.full(4, 1.0)
        left, right, top, bottom = (1 / 7) * keep
        if seen and rng.random() < 0.5:
            x1, y1, x2, y2 = seen[int(rng.integers(len(seen)))]
            left, right, top, bottom = x1, 1 - x2, y1, 1 - y2
        edges = np.array([[left, top], [1 - right, top], [1 - right, 1 - bottom], [left, 1 - bottom]]) + rng.normal(
            0, 0.012, (4, 2)
        )
        edges = edges * (columns, rows)
        if rng.random() < 0.5:
            edges = _tilted(edges, float(rng.normal(0, 0.07)), float(rng.normal(0, 0.07)))
        source = edges.astype(np.float32)
        target = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        warp = cv2.getPerspectiveTransform(source, target)
        if wide < columns * 0.6:
            crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), 0.35 * columns / wide), dtype=np.uint8)
        view = cv2.warpPerspective(crop, warp, (wide, high), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return self._seen(rng, _u8(view), True, real=True)

    def background(self, rng: np.random.Generator) -> Pixels:
        """A crop with no plate in it."""
        bank = self._elsewhere if rng.random() < 0.7 else self._around
        if self._strays is not None and rng.random() < 0.6:
            bank = self._strays
        view = bank[int(rng.integers(len(bank)))]
        if rng.random() < 0.5:
            keep = rng.uniform(0, 0.2, 4)
            y1, y2 = int(HEIGHT * keep[0]), HEIGHT - int(HEIGHT * keep[1])
            view = view[y1:y2, int(WIDTH * keep[2]) : WIDTH - int(WIDTH * keep[3])]
        wide = int(rng.integers(38, 160))
        view = cv2.resize(view, (wide, max(wide // 2, 14)))
        return self._seen(rng, np.ascontiguousarray(view), rng.random() < 0.5)

    def _margins(self, rng: np.random.Generator, easy: bool) -> tuple[float, float, float, float]:
        """Shares of the crop's sides left, right, top and bottom that are not plate; below nought the plate is cut."""
        if easy:
            left, right, top, bottom = rng.uniform(0, 0.05, 4)
            return float(left), float(right), float(top), float(bottom)
        if self._own_margins is not None and rng.random() < 0.45:
            own = self._own_margins[int(rng.integers(len(self._own_margins)))] + rng.normal(0, 0.01, 4)
            left, right, top, bottom = own[[1, 0, 2, 3]] if rng.random() < 0.5 else own
            return float(left), float(right), float(top), float(bottom)
        reach = rng.choice([0.06, 0.12, 0.2])
        left, right = rng.uniform(-0.045, reach, 2)
        top, bottom = rng.uniform(-0.07, reach * 1.45, 2)
        return float(left), float(right), float(top), float(bottom)

    def _ground(self, rng: np.random.Generator, wide: int, high: int) -> Pixels:
        draw = rng.random()
        if draw < 0.1:
            return np.full((high, wide, 3), rng.integers(0, 256, 3), np.uint8)
        bank = self._around if draw < 0.75 else self._elsewhere
        view = bank[int(rng.integers(len(bank)))]
        if rng.random() < 0.5:
            view = view[:, ::-1]
        return np.asarray(cv2.resize(np.ascontiguousarray(view), (wide, high)), dtype=np.uint8)

    def _seen(self, rng: np.random.Generator, view: Pixels, easy: bool, real: bool = False) -> Pixels:
        """Light, lens, sensor and codec; then the squeeze to the reader's input."""
        wide = view.shape[1]
        often = 0.4 if real else 0.3 if easy else float(rng.uniform(0.35, 1.0))
        if rng.random() < 0.3 * often:
            view = _uneven_light(rng, view)
        night = rng.random() < 0.2 * often
        view = _by_night(rng, view) if night else _toned(rng, view, often)
        if rng.random() < 0.04 * often:
            view = _rain(rng, view)
        draw = rng.random() / often
        if draw < 0.28 + 0.1 * night:
            # A character takes a seventh to a ninth of the plate: beyond half of that nobody reads it.
            view = _u8(cv2.filter2D(view, -1, self._shake(rng, rng.uniform(0.02, 0.055) * wide)))
        if 0.2 < draw < 0.6:
            view = _u8(cv2.GaussianBlur(view, (0, 0), float(rng.uniform(0.35, 0.75) * (wide / 110) ** 0.7 + 0.1)))
        if rng.random() < (0.9 if night else 0.55 * often):
            view = self._grain(rng, view, 22 if night else 16)
        if rng.random() < 0.2 * often:
            view = _resized(rng, view)
        if rng.random() < (0.7 if night else 0.45 * often):
            _, packed = cv2.imencode(".jpg", view, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))))
            view = _u8(cv2.imdecode(packed, cv2.IMREAD_COLOR))
        how = cv2.INTER_LINEAR if rng.random() < 0.8 else cv2.INTER_AREA
        view = _u8(cv2.resize(view, (WIDTH, HEIGHT), interpolation=how))
        return np.ascontiguousarray(view[:, :, ::-1])

    def _shake(self, rng: np.random.Generator, length: float) -> NDArray[np.float32]:
        """A motion blur of about this many pixels: mostly along the road or, from a shaking post, in any direction."""
        kernels = self._motion[int(np.clip(round(length), min(self._motion), max(self._motion)))]
        return kernels[int(rng.choice([0, 0, 1, 11])) if rng.random() < 0.4 else int(rng.integers(len(kernels)))]

    def _grain(self, rng: np.random.Generator, view: Pixels, most: float) -> Pixels:
        high, wide = view.shape[:2]
        y, x = int(rng.integers(0, 321 - min(high, 320))), int(rng.integers(0, 641 - wide))
        grain = self._noise[int(rng.integers(16)), y : y + high, x : x + wide]
        return np.asarray(cv2.add(view, grain * float(rng.uniform(2, most)), dtype=cv2.CV_8U), dtype=np.uint8)


def _u8(pixels: object) -> Pixels:
    """What cv2 returns, which its stubs type too widely."""
    return np.asarray(pixels, np.uint8)


def _motion_kernel(length: int, angle: float) -> NDArray[np.float32]:
    size = length + 2
    kernel = np.zeros((size, size), np.float32)
    reach = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) * (length - 1) / 2
    start, end = np.rint(((size - 1) / 2 + np.stack([-reach, reach])) * 16).astype(int)
    cv2.line(kernel, tuple(map(int, start)), tuple(map(int, end)), 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def _tilted(corners: NDArray[np.float64], turn: float, shear: float) -> NDArray[np.float64]:
    """Corners (4, 2) turned about their middle and sheared, upwards the more to the right; angles in radians."""
    middle = corners.mean(0)
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray((corners - middle) @ np.array([[1, shear], [0, 1]]) @ turned + middle)


def _seen_at_an_angle(rng: np.random.Generator, strength: float) -> NDArray[np.float64]:
    """Corners of a tilted, sheared plate scaled so that its upright bounding box is the unit square."""
    tilt = rng.normal(0, 0.045) * strength if rng.random() < 0.65 else rng.uniform(-0.25, 0.25) * strength
    shear_x, shear_y = rng.normal(0, 0.06, 2) * strength
    far = rng.normal(0, 0.04, 2) * strength
    square = np.array([[-1.0, -0.5], [1.0, -0.5], [1.0, 0.5], [-1.0, 0.5]])
    square[:, 1] *= 1 + far[0] * np.sign(square[:, 0])
    square[:, 0] *= 1 + far[1] * np.sign(square[:, 1])
    square = square @ np.array([[1, shear_y], [shear_x, 1]])
    square = square @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    low, top = square.min(0), square.max(0)
    return np.asarray((square - low) / (top - low))


def _uneven_light(rng: np.random.Generator, view: Pixels) -> Pixels:
    """A shadow across the plate or a glare on it."""
    high, wide = view.shape[:2]
    if rng.random() < 0.6:
        coarse = rng.uniform(0.45, 1.25, (2, int(rng.integers(2, 5)))).astype(np.float32)
        if rng.random() < 0.4:
            coarse = np.where(coarse > 0.85, 1.0, 0.5).astype(np.float32)
        field = cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_CUBIC)
        return np.asarray(cv2.multiply(view, cv2.merge([field, field, field]), dtype=cv2.CV_8U), dtype=np.uint8)
    glare = np.zeros((high, wide), np.uint8)
    at = (int(rng.integers(wide)), int(rng.integers(high)))
    cv2.ellipse(
        glare,
        at,
        (max(int(wide * rng.uniform(0.08, 0.3)), 1), max(int(high * rng.uniform(0.1, 0.4)), 1)),
        float(rng.uniform(0, 180)),
        0,
        360,
        int(rng.integers(60, 220)),
        -1,
    )
    glare = _u8(cv2.GaussianBlur(glare, (0, 0), wide * 0.06))
    return np.asarray(cv2.add(view, cv2.merge([glare, glare, glare])), dtype=np.uint8)


def _toned(rng: np.random.Generator, view: Pixels, often: float) -> Pixels:
    """Exposure, contrast, white balance; grey as by infrared light; seldom inverted, as some sheeting is by night."""
    if rng.random() < 0.25:
        grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY)
        view = np.asarray(cv2.merge([grey, grey, grey]), dtype=np.uint8)
        balance = np.ones(3)
    else:
        balance = np.exp(rng.normal(0, 0.12, 3) * often)
    levels = np.arange(256, dtype=np.float64)[:, None] / 255
    contrast = rng.uniform(1 - 0.65 * often, 1.15) if rng.random() < 0.6 else 1.0
    middle = rng.uniform(0.2, 0.8)
    levels = (levels - middle) * contrast + middle + rng.uniform(-0.15, 0.12) * often
    levels = np.clip(levels * balance, 0, 1) ** float(np.exp(rng.normal(0, 0.3) * often))
    if rng.random() < 0.03:
        levels = 1 - levels
    table = np.rint(levels * 255).astype(np.uint8)[:, None, :].transpose(1, 0, 2)
    return np.asarray(cv2.LUT(view, np.ascontiguousarray(table)), dtype=np.uint8)


def _by_night(rng: np.random.Generator, view: Pixels) -> Pixels:
    """Little light or infrared light: a plate that shines out of the dark and blooms, or one that hardly shows."""
    wide = view.shape[1]
    grey = view.max(axis=2) if rng.random() < 0.3 else np.asarray(cv2.cvtColor(view, cv2.COLOR_BGR2GRAY))
    tint = np.exp(rng.normal(0, 0.1, 3)) if rng.random() < 0.5 else np.ones(3)
    if rng.random() < 0.45:
        view = np.asarray(cv2.merge([grey, grey, grey]), dtype=np.uint8)
    levels = np.arange(256, dtype=np.float64)[:, None] / 255
    if rng.random() < 0.45:
        # Lamp light thrown back: the ground of the plate is burnt out and flows into the letters.
        levels = np.clip(levels * rng.uniform(1.0, 2.2) - rng.uniform(0, 0.25), 0, 1)
        view = _looked_up(view, levels * tint)
        soft = cv2.GaussianBlur(view, (0, 0), max(wide * float(rng.uniform(0.008, 0.03)), 0.6))
        share = float(rng.uniform(0.1, 0.5))
        return np.asarray(cv2.addWeighted(view, 1.0, soft, share, -20.0 * share), dtype=np.uint8)
    floor, top = rng.uniform(0.0, 0.16), rng.uniform(0.14, 0.55)
    levels = floor + (top - 0.25 * floor) * levels ** rng.uniform(0.8, 1.8)
    return _looked_up(view, levels * tint)


def _looked_up(view: Pixels, levels: NDArray[np.float64]) -> Pixels:
    """Every colour through a table (256, 3) of levels 0 to 1."""
    table = np.rint(np.clip(levels, 0, 1) * np.ones(3) * 255).astype(np.uint8)[:, None, :].transpose(1, 0, 2)
    return np.asarray(cv2.LUT(view, np.ascontiguousarray(table)), dtype=np.uint8)


def _resized(rng: np.random.Generator, view: Pixels) -> Pixels:
    """Fewer pixels than the frame pretends: a digital zoom, a sub-stream scaled up, coarse colour of a codec."""
    high, wide = view.shape[:2]
    share = float(rng.uniform(0.5, 0.9))
    size = (max(round(wide * share), 34), max(round(high * share), 10))
    small = cv2.resize(view, size, interpolation=cv2.INTER_AREA if rng.random() < 0.6 else cv2.INTER_NEAREST)
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _rain(rng: np.random.Generator, view: Pixels) -> Pixels:
    high, wide = view.shape[:2]
    view = view.copy()
    for _ in range(int(rng.integers(5, 25))):
        x, y, length = int(rng.integers(wide)), int(rng.integers(high)), int(rng.integers(3, 12))
        cv2.line(view, (x, y), (x + length // 4, y + length), (int(rng.integers(150, 240)),) * 3, 1, cv2.LINE_AA)
    return view
