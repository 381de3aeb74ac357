"""The training's modules are plain files that import one another by name; they are tested as they are run."""

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

TRAINING = Path(__file__).resolve().parents[2] / "models" / "training"
# At the end: none of their names may hide a module of anybody else.
sys.path.append(str(TRAINING))

Row = tuple[str, str, str, tuple[float, float, float, float]]


@pytest.fixture
def rng() -> np.random.Generator:
    """Chance, the same in every run."""
    return np.random.default_rng(7)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder as the training takes it: three photographs, 300 x 240, with two plates in the first."""
    chance = np.random.default_rng(3)
    (tmp_path / "images").mkdir()
    rows: Sequence[Row] = (
        ("a.png", "train", "experiment-plates", (40, 60, 140, 110)),
        ("a.png", "train", "experiment-plates", (180, 60, 280, 110)),
        ("b.png", "train", "experiment-plates", (100, 100, 160, 130)),
        ("c.png", "val", "ro-license-plates", (100, 100, 190, 120)),
    )
    for name in ("a.png", "b.png", "c.png"):
        ground = cv2.resize(chance.integers(60, 190, (12, 15, 3)).astype(np.uint8), (300, 240))
        for image, _, _, (x1, y1, x2, y2) in rows:
            if image == name:
                cv2.rectangle(ground, (int(x1), int(y1)), (int(x2), int(y2)), (235, 235, 235), -1)
        cv2.imwrite(str(tmp_path / "images" / name), ground)
    corners = "".join(f",q{axis}{i}" for i in (1, 2, 3, 4) for axis in "xy")
    lines = [f"image,split,source,x1,y1,x2,y2{corners}"]
    lines += [f"{image},{split},{source},{','.join(map(str, box))}{',' * 8}" for image, split, source, box in rows]
    (tmp_path / "boxes.csv").write_text("\n".join(lines) + "\n")
    return tmp_path
