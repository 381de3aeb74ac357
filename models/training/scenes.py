"""Training scenes for the plate detector: photographs laid over one another, plates from 13 to 240 pixels wide.

Every plate in a scene is labelled, ignored or gone: a plate cut off or covered by a later layer is ignored, never left
as an unlabelled one. Hence no mirrored borders either: what a photograph does not cover shows another photograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from lettering import paste_lettering
from numpy.typing import NDArray
from photographs import Photograph, Pixels, Points
from weather import disturb, scribble

SIZE = 320
NARROWEST, WIDEST = 13.0, 240.0
STRAY = 0.35
"""Share of scenes with something in the middle that an earlier detector took for a plate."""
LARGEST_MAGNIFICATION = 1.8

Floats = NDArray[np.floating]


@dataclass
class Label:
    """One plate in the scene: its box x1, y1, x2, y2 in pixels; `ignored` ones are neither plate nor background."""

    box: Points
    exact: bool
    ignored: bool


@dataclass
class Scene:
    """A scene in the making. `soft` is where unlabelled plates are likely, as 0 or 1."""

    pixels: Pixels
    soft: NDArray[np.uint8]
    labels: list[Label] = field(default_factory=list)

    def cover(self, low: Floats, high: Floats) -> None:
        """Drop the labels that a new layer from `low` to `high` (x, y) covers, ignore those it touches."""
        kept = []
        for label in self.labels:
            inside = np.minimum(label.box[2:], high) - np.maximum(label.box[:2], low)
            share = float(np.prod(np.maximum(inside, 0)) / np.prod(label.box[2:] - label.box[:2]))
            if share < 0.95:
                label.ignored = label.ignored or share > 0.05
                kept.append(label)
        self.labels = kept

    def label(self, points: Points, exact: bool, seen: Floats) -> None:
        """Label the plate with these corners, as far as it lies in the visible part `seen` (x1, y1, x2, y2)."""
        whole = np.concatenate([points.min(axis=0), points.max(axis=0)])
        box = np.concatenate([np.maximum(whole[:2], seen[:2]), np.minimum(whole[2:], seen[2:])])
        size = box[2:] - box[:2]
        if (size < 1.5).any():
            return
        share = float(np.prod(size) / np.prod(whole[2:] - whole[:2]))
        ignored = bool(share < 0.75 or size[0] < 11 or size[1] < 4)
        self.labels.append(Label(box.astype(np.float32), exact, ignored))


class SceneMaker:
    """Makes scenes out of photographs, drawn plates (BGR, any size) and lettering (BGRA), all chance from `rng`."""

    def __init__(
        self,
        photographs: Sequence[Photograph],
        plates: Sequence[Pixels],
        lettering: Sequence[Pixels],
        rng: np.random.Generator,
    ) -> None:
        self.rng = rng
        self.lettering = lettering
        self.plates = [_halves(plate) for plate in plates]
        self.fooled = [photograph for photograph in photographs if len(photograph.strays)]
        self.by_source: dict[str, list[Photograph]] = {}
        for photograph in photographs:
            self.by_source.setdefault(photograph.source, []).append(photograph)
        self.sources = sorted(self.by_source)
        shares = {"experiment-plates": 0.5, "open-images-plates": 0.22, "ro-license-plates": 0.28}
        weights = np.array([shares.get(source, 0.2) for source in self.sources])
        self.shares = weights / weights.sum()

    def make(self) -> Scene:
        """One scene, photographic disturbances included."""
        scene = Scene(np.full((SIZE, SIZE, 3), 114, np.uint8), np.zeros((SIZE, SIZE), np.uint8))
        rng = self.rng
        # The letterbox's grey stays visible in one scene of fourteen, as it is at the edge of a real frame.
        if rng.random() < 0.93:
            self._fill(scene)
        for _ in range(rng.choice([0, 1, 2, 3], p=[0.35, 0.3, 0.2, 0.15])):
            self._lay(scene, width=_log_uniform(rng, NARROWEST, 60), main=False)
        if self.fooled and rng.random() < STRAY:
            self._lay_stray(scene, width=_log_uniform(rng, NARROWEST, 120))
        if rng.random() < 0.9:
            self._lay(scene, width=_log_uniform(rng, NARROWEST, WIDEST), main=True)
        if rng.random() < 0.30:
            for _ in range(int(rng.integers(1, 4))):
                piece = self.lettering[int(rng.integers(len(self.lettering)))]
                scene.cover(*paste_lettering(scene.pixels, piece, rng))
        if rng.random() < 0.10:
            self._paste_anywhere(scene)
        if rng.random() < 0.10:
            scribble(scene.pixels, rng)
        scene.pixels = disturb(scene.pixels, rng)
        return scene

    def _pick(self) -> Photograph:
        source = self.sources[int(self.rng.choice(len(self.sources), p=self.shares))]
        among = self.by_source[source]
        return among[int(self.rng.integers(len(among)))]

    def _fill(self, scene: Scene) -> None:
        """Fill the scene with part of a photograph without plates."""
        photograph = self._pick()
        while photograph.bare is None:
            photograph = self._pick()
        rng = self.rng
        height, width = photograph.levels[0].shape[:2]
        scale = SIZE / min(height, width) * rng.uniform(1.0, 2.0)
        stretch = rng.uniform(1.0, 1.6) if photograph.squashed else 1.0
        room = np.array([width * scale * stretch - SIZE, height * scale - SIZE])
        shift = -room * rng.random(2)
        matrix = np.array([[scale * stretch, 0, shift[0]], [0, scale, shift[1]]])
        _warp_onto(scene, photograph.bare, matrix, soft=not photograph.complete)
        _doubt(scene, photograph, matrix)

    def _lay_stray(self, scene: Scene, *, width: float) -> None:
        """Lay a photograph so that what was taken for a plate and is none is `width` pixels wide."""
        rng = self.rng
        photograph = self.fooled[int(rng.integers(len(self.fooled)))]
        x1, y1, x2, y2 = photograph.strays[int(rng.integers(len(photograph.strays)))].astype(np.float64)
        stretch = rng.uniform(1.0, 1.8) if photograph.squashed else rng.uniform(0.9, 1.1)
        linear = _turn(rng.normal(0, 0.02)) @ np.diag([stretch * (-1.0 if rng.random() < 0.4 else 1.0), 1.0])
        wide = max((x2 - x1) * stretch, 1.0)
        linear *= min(width, LARGEST_MAGNIFICATION * wide) / wide
        centre = linear @ [(x1 + x2) / 2, (y1 + y2) / 2]
        matrix = np.column_stack([linear, rng.uniform(0.1, 0.9, 2) * SIZE - centre])
        self._show(scene, photograph, matrix)

    def _show(self, scene: Scene, photograph: Photograph, matrix: NDArray[np.float64]) -> None:
        """Warp a photograph in as it is and label its plates."""
        _warp_onto(scene, photograph.levels, matrix, soft=not photograph.complete)
        seen = _extent(matrix, photograph.levels[0].shape)
        for points, exact in zip(_apply(matrix, photograph.corners), photograph.exact, strict=True):
            scene.label(points, bool(exact), seen)
        _doubt(scene, photograph, matrix)

    def _lay(self, scene: Scene, *, width: float, main: bool) -> None:
        """Lay one photograph so that one of its plates is `width` pixels wide, or its painted-over twin."""
        rng = self.rng
        photograph = self._pick()
        chosen = int(rng.integers(len(photograph.corners)))
        matrix = self._matrix(photograph, chosen, width, main)
        chance = rng.random()
        corners = _apply(matrix, photograph.corners)
        if photograph.bare is None or chance < 0.62:
            self._show(scene, photograph, matrix)
            return
        _warp_onto(scene, photograph.bare, matrix, soft=not photograph.complete)
        _doubt(scene, photograph, matrix)
        if chance < 0.92:
            for points in corners:
                self._paste(scene, *self._replacement(points, photograph.source))

    def _matrix(self, photograph: Photograph, chosen: int, width: float, main: bool) -> NDArray[np.float64]:
        """Photograph to scene: stretch, level, scale so that the chosen plate gets its width, turn a little, place."""
        rng = self.rng
        points = photograph.corners[chosen].astype(np.float64)
        stretch = rng.uniform(1.0, 1.8) if photograph.squashed else rng.uniform(0.9, 1.1)
        linear = np.diag([stretch, 1.0])
        leaning = _tilt(points @ linear.T)
        level = -leaning * rng.uniform(0.6, 1.0) if abs(leaning) > 0.08 and rng.random() < 0.7 else 0.0
        slack = 0.04 if photograph.exact[chosen] and rng.random() < 0.5 else 0.01
        linear = _turn(level + rng.normal(0, slack)) @ linear
        if rng.random() < 0.3:
            linear = np.array([[1.0, rng.normal(0, 0.04)], [rng.normal(0, 0.04), 1.0]]) @ linear
        if rng.random() < 0.4:
            linear = np.diag([-1.0, 1.0]) @ linear
        found = max(float(np.ptp((points @ linear.T)[:, 0])), 1.0)
        linear *= min(width, LARGEST_MAGNIFICATION * found) / found
        centre = linear @ points.mean(axis=0)
        low, high = (0.05, 0.95) if main else (-0.1, 1.1)
        return np.column_stack([linear, rng.uniform(low, high, 2) * SIZE - centre])

    def _draw(self, *, american: bool) -> list[Pixels]:
        """A drawn plate: twice as wide as high, or (where there is one) of another shape."""
        for _ in range(20):
            halves = self.plates[int(self.rng.integers(len(self.plates)))]
            height, width = halves[0].shape[:2]
            if (width < 2.6 * height) == american:
                break
        return halves

    def _replacement(self, points: Points, source: str) -> tuple[list[Pixels], Points]:
        """A drawn plate for where a real one was, and its corners: American in four of five."""
        rng = self.rng
        halves = self._draw(american=bool(rng.random() < 0.80))
        aspect = halves[0].shape[1] / halves[0].shape[0]
        low, high = points.min(axis=0), points.max(axis=0)
        wide = float(high[0] - low[0])
        if source == "ro-license-plates" and aspect < 2.6:
            wide *= rng.uniform(0.55, 0.8)
        return halves, self._quad((low + high) / 2, wide, aspect)

    def _quad(self, centre: Floats, wide: float, aspect: float) -> Points:
        """Corners of a plate of this width and aspect, a little turned and skewed."""
        rng = self.rng
        half = np.array([max(wide, NARROWEST), max(wide / aspect, NARROWEST / 3)]) / 2
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        corners += rng.normal(0, 0.02, (4, 2)) * half
        shear = np.array([[rng.uniform(0.85, 1.0), rng.normal(0, 0.03)], [rng.normal(0, 0.06), 1.0]])
        return np.asarray(corners @ shear.T + centre, np.float32)

    def _paste_anywhere(self, scene: Scene) -> None:
        halves = self._draw(american=True)
        wide = _log_uniform(self.rng, NARROWEST, 90)
        place = self.rng.uniform(0.05, 0.95, 2) * SIZE
        self._paste(scene, halves, self._quad(place, wide, halves[0].shape[1] / halves[0].shape[0]))

    def _paste(self, scene: Scene, halves: list[Pixels], points: Points) -> None:
        """Draw a plate into the scene, as bright as what it covers, and label it."""
        rng = self.rng
        low = np.maximum(np.floor(points.min(axis=0)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 2, SIZE)
        if (high - low < 4).any():
            return
        wanted = float(np.linalg.norm(points[1] - points[0]))
        plate = next((half for half in reversed(halves) if half.shape[1] >= wanted), halves[0])
        height, width = plate.shape[:2]
        ends = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
        local = (points - low).astype(np.float32)
        matrix = cv2.getPerspectiveTransform(ends, local - 0.5)
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        patch = scene.pixels[low[1] : high[1], low[0] : high[0]]
        light = np.clip(float(patch.mean()) / 110, 0.25, 1.1) * rng.uniform(0.7, 1.3)
        drawn = cv2.warpPerspective(plate, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cover = np.zeros(size[::-1], np.uint8)
        cv2.fillConvexPoly(cover, np.round(local * 16 - 8).astype(np.int32), 255, cv2.LINE_AA, 4)
        blurred = cv2.GaussianBlur(cv2.merge([drawn, cover]), (0, 0), rng.uniform(0.3, 0.9))
        alpha = blurred[..., 3:].astype(np.float32) / 255
        patch[:] = np.clip(blurred[..., :3] * light * alpha + patch * (1 - alpha), 0, 255).astype(np.uint8)
        scene.cover(low.astype(float), high.astype(float))
        scene.label(points, True, np.array([0, 0, SIZE, SIZE], np.float32))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _halves(plate: Pixels) -> list[Pixels]:
    """The plate at full, half, quarter and eighth size."""
    sizes = [plate]
    while len(sizes) < 4:
        sizes.append(np.asarray(cv2.resize(sizes[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8))
    return sizes


def _turn(angle: float) -> NDArray[np.float64]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _tilt(points: NDArray[np.float64]) -> float:
    """How far the plate's long sides lean, in radians; nothing where that is more than a lean."""
    sides = np.roll(points, -1, axis=0) - points
    side = sides[int(np.argmax(np.linalg.norm(sides[:2], axis=1)))]
    angle = (float(np.arctan2(side[1], side[0])) + np.pi / 2) % np.pi - np.pi / 2
    return angle if abs(angle) < 0.7 else 0.0


def _apply(matrix: NDArray[np.float64], points: Points) -> Points:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def _ends(shape: tuple[int, ...]) -> Points:
    height, width = shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)


def _extent(matrix: NDArray[np.float64], shape: tuple[int, ...]) -> Points:
    """The part of the scene that a photograph of this shape covers, as a box."""
    ends = _apply(matrix, _ends(shape))
    return np.concatenate([np.maximum(ends.min(axis=0), 0), np.minimum(ends.max(axis=0), SIZE)])


def _doubt(scene: Scene, photograph: Photograph, matrix: NDArray[np.float64]) -> None:
    """Ignore what may be a plate that nobody labelled."""
    for x1, y1, x2, y2 in photograph.doubtful:
        points = _apply(matrix, np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float32))
        low, high = np.maximum(points.min(axis=0), 0), np.minimum(points.max(axis=0), SIZE)
        if (high - low > 1).all():
            scene.labels.append(Label(np.concatenate([low, high]).astype(np.float32), False, True))


def _warp_onto(scene: Scene, levels: tuple[Pixels, ...], matrix: NDArray[np.float64], *, soft: bool) -> None:
    """Warp a photograph into the scene, from the level nearest in size, and settle what it covers."""
    box = _extent(matrix, levels[0].shape)
    low, high = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
    if (high - low < 2).any():
        return
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    level = int(np.clip(np.floor(-np.log2(scale) + 0.35), 0, len(levels) - 1))
    # Pixel i of a level is centred on (i + 0.5) * step in full-size pixels; warpAffine counts from pixel centres.
    linear = matrix[:, :2] * 2**level
    shift = matrix[:, 2] - low + linear @ [0.5, 0.5] - 0.5
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    warped = cv2.warpAffine(
        levels[level], np.column_stack([linear, shift]), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    ends = _apply(matrix, _ends(levels[0].shape)) - low
    cover = np.zeros(size[::-1], np.uint8)
    cv2.fillConvexPoly(cover, np.round(ends * 16 - 8).astype(np.int32), 255, cv2.LINE_8, 4)
    cv2.copyTo(warped, cover, scene.pixels[low[1] : high[1], low[0] : high[0]])
    scene.soft[low[1] : high[1], low[0] : high[0]][cover > 0] = soft
    scene.cover(low.astype(float), high.astype(float))
