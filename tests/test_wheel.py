"""A built wheel runs outside the checkout, with the models and the examples that it carries.

Installed for real into a new environment; only the packages it needs are lent from the one that runs the tests.
"""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from edge import __version__
from edge.road.clip import Pass, Road, write_video

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    return next(folder.glob("homerule-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    pip("--python", str(folder / "venv" / "bin" / "python"), "install", "--no-deps", "--no-index", str(wheel))
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    # a line of a .pth file lends the packages, but not the .pth files among them: the checkout stays out of sight
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return folder / "venv" / "bin"


def pip(*words: str) -> None:
    run = subprocess.run([sys.executable, "-m", "pip", "-qq", *words], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def typed(program: Path, *words: str, inside: Path) -> subprocess.CompletedProcess[str]:
    """Runs a program as its user would, outside the checkout and with nothing of this process's Python settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(program), *words], cwd=inside, env=clean, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_wheel_carries_models_examples_and_law_packs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"edge/models/manifest.toml", "edge/examples/policy.toml", "edge/policy/laws/us-il.toml"} <= names
    assert "edge/hub/catalogue.toml" in names
    assert "edge/site/mosquitto.conf" in names
    assert sum(name.endswith(".onnx") for name in names) >= 2


def test_the_wheel_carries_no_tests_keys_or_training(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if not name.startswith(("edge/", "homerule-"))] == []
    assert [name for name in names if "training" in name or name.endswith((".key", ".pyc"))] == []


def test_the_installed_program_is_the_wheels_and_not_the_checkouts(installed: Path, tmp_path: Path) -> None:
    run = typed(installed / "python", "-c", "import edge; print(edge.__file__)", inside=tmp_path)
    assert run.stdout.startswith(str(installed.parent)), run.stdout + run.stderr


def test_the_installed_program_tells_its_version(installed: Path, tmp_path: Path) -> None:
    assert typed(installed / "homerule", "--version", inside=tmp_path).stdout == f"homerule {__version__}\n"


def test_the_installed_program_finds_all_it_needs(installed: Path, tmp_path: Path) -> None:
    run = typed(installed / "homerule", "check", inside=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_installed_program_replays_a_recording(installed: Path, tmp_path: Path) -> None:
    write_video(Road(passes=[Pass(text="ABX 4725")], seed=3), tmp_path / "road.mp4")
    run = typed(installed / "homerule", "replay", "road.mp4", "--out", "seen", inside=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    reads = [json.loads(line) for line in (tmp_path / "seen" / "reads.jsonl").read_text().splitlines()]
    assert [read["text"] for read in reads] == ["ABX4725"]
    assert (tmp_path / "seen" / "report.html").is_file()
