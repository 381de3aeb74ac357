"""The bench of passages: what its bins of confidence are made of, and which wishes go against one another."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import passages
from tests.bench.test_score import FIRST, read


def test_each_read_of_a_vehicle_is_right_or_wrong_by_its_own_text() -> None:
    sums = passages.Sums()
    reads = [read("a", "ABC1234"), replace(read("b", "ABC1Z39"), confidence=0.6), read("c", "QQQ5555")]
    passages.compare(Path("clip.mp4"), reads, (FIRST,), sums, quiet=True)
    assert sums.score.duplicates == 1
    assert sums.sure == [(0.9, True), (0.6, False)]


def test_a_plate_is_named_as_people_write_it(tmp_path: Path) -> None:
    told = passages.told_of(tmp_path / "clip.mp4", "abc 1234, K71-834", 9.0)
    assert [truth.plate for truth in told] == ["ABC1234", "K71834"]


@pytest.mark.parametrize("words", [["--plates", "ABC1234"], []])
def test_calibrating_without_the_times_of_the_plates_is_wrong_usage(tmp_path: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, passages.__file__, str(tmp_path / "clip.mp4"), "--calibrate", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "write CLIP.json beside each clip" in done.stderr
