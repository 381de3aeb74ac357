"""Randomised rounds: whatever happens, in whatever order, the oracle finds nothing on the wrong side.

To play a round again:  .venv/bin/python -m tests.leak.rounds SEED
"""

from pathlib import Path

import pytest

from tests.leak.rounds import played
from tests.leak.scene import Nursery

pytestmark = pytest.mark.needs("mosquitto")

EVERY_DAY = 1
ROUNDS = 60


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=() if seed < EVERY_DAY else pytest.mark.full) for seed in range(ROUNDS)]
)
def test_nothing_crosses_to_the_wrong_side(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    findings = played(seed, tmp_path / "round", nursery)
    assert findings == [], f"play it again: python -m tests.leak.rounds {seed}"
