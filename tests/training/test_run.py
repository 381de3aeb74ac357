"""The one command that trains: what it says before it begins."""

import subprocess
import tomllib
from pathlib import Path

from tests.training.conftest import TRAINING


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TRAINING / "run"), *words], capture_output=True, text=True, check=False)


def test_without_a_folder_it_says_how_it_is_used() -> None:
    done = run()
    assert (done.returncode, "usage: models/training/run DATA_DIR" in done.stderr) == (2, True)


def test_a_folder_without_boxes_is_named(tmp_path: Path) -> None:
    done = run(str(tmp_path))
    assert done.returncode == 1
    assert f"`{tmp_path}` has no boxes.csv" in done.stderr


def test_every_module_of_the_training_is_named_in_its_readme() -> None:
    told = (TRAINING / "README.md").read_text()
    assert [path.name for path in TRAINING.glob("*.py") if f"`{path.name}`" not in told] == []


def test_figures_are_told_of_the_file_alone_that_they_were_measured_on() -> None:
    figures = tomllib.loads((TRAINING / "figures.toml").read_text())
    shipped = tomllib.loads((TRAINING.parent / "manifest.toml").read_text())["model"]
    told = {one["name"]: one["accuracy"] for one in shipped}
    measured = {one["name"]: figures[one["name"]]["sha256"] == one["sha256"] for one in shipped}
    assert {name: figures[name]["text"] if measured[name] else "not measured yet" for name in told} == told
