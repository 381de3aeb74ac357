"""Tuning: what is chosen of what was measured, and that measuring and writing really happen."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge.cli import program
from edge.config import load
from edge.errors import ModelError
from edge.measure import Choice, Tried, Tuning, known, tune
from edge.measure.tune import LONGEST, Cost, best_of, keeps_up
from edge.vision import models_folder, read_manifest
from edge.vision.models import ModelEntry, Stored
from tests import networks

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "device.toml"


def tried(
    detector: str = "large",
    *,
    threads: int = 1,
    wall: float = 20.0,
    processor: float = 20.0,
    found: int = 32,
    read: int = 30,
) -> Tried:
    choice = Choice(detector=detector, reader="scribe", threads=threads)
    return Tried(choice=choice, cost=Cost(wall=wall, processor=processor), found=found, read=read, of=32)


LARGE, SMALL = tried(), tried("small", wall=8.0, processor=8.0, found=28, read=24)
TWIN = tried("twin", wall=12.0, processor=12.0, found=32, read=29)


def tuning(*all_of: Tried, now: Tried, cameras: int = 1) -> Tuning:
    best = best_of(all_of, cameras)
    return Tuning(tried=all_of, now=now.choice, best=best, cameras=cameras, failed={}, disturbed=False)


def test_a_cheaper_one_that_loses_plates_is_not_better() -> None:
    found = tuning(LARGE, SMALL, now=LARGE)
    assert found.best is LARGE
    assert not found.better


def test_a_cheaper_one_that_loses_nothing_is_better() -> None:
    found = tuning(LARGE, SMALL, TWIN, now=LARGE)
    assert found.best is TWIN
    assert found.better


def test_a_little_cheaper_is_not_worth_a_change() -> None:
    assert not tuning(LARGE, tried("twin", wall=19.0, processor=19.0), now=LARGE).better


def test_one_that_finds_more_is_better_than_a_cheap_one_that_stands_in_device_toml() -> None:
    found = tuning(LARGE, SMALL, now=SMALL)
    assert found.best is LARGE
    assert found.better


def test_where_the_large_one_does_not_keep_up_the_small_one_is_better() -> None:
    slow, small = tried(wall=1.5 * LONGEST, processor=1.5 * LONGEST), tried("small", wall=0.6 * LONGEST, found=28)
    assert tuning(slow, small, now=slow).best is small


def test_a_second_thread_is_taken_where_one_does_not_keep_up() -> None:
    one, two = tried(wall=1.5 * LONGEST), tried(threads=2, wall=0.8 * LONGEST, processor=95.0)
    assert tuning(one, two, now=one).best is two


def test_one_thread_is_taken_where_it_keeps_up() -> None:
    one, two = tried(wall=0.9 * LONGEST, processor=50.0), tried(threads=2, wall=0.5 * LONGEST, processor=53.0)
    assert tuning(one, two, now=two).best is one


def test_more_cameras_leave_less_time() -> None:
    half = tried(wall=LONGEST / 2)
    assert keeps_up(half, 2)
    assert not keeps_up(half, 3)


def test_where_nothing_keeps_up_the_quickest_is_taken() -> None:
    slow, slower = tried(wall=3 * LONGEST, found=10), tried("large", wall=9 * LONGEST)
    assert best_of([slow, slower], 1) is slow


TRIED = st.lists(
    st.builds(
        tried,
        st.sampled_from(["a", "b", "c"]),
        threads=st.sampled_from([1, 2, 4]),
        wall=st.floats(1, 500),
        processor=st.floats(1, 500),
        found=st.integers(0, 32),
        read=st.integers(0, 32),
    ),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(all_of=TRIED, cameras=st.integers(1, 4))
def test_nothing_that_was_tried_is_better_in_everything_than_the_best(all_of: list[Tried], cameras: int) -> None:
    best = best_of(all_of, cameras)
    for one in all_of:
        surely = one.found > best.found + 1 and one.read > best.read + 1
        quicker = one.cost.wall < best.cost.wall and one.cost.processor < best.cost.processor
        assert not (surely and quicker), (one, best)


def test_the_built_in_set_is_always_the_same_and_has_small_plates() -> None:
    one = known()
    known.cache_clear()
    assert all((a.pixels == b.pixels).all() for a, b in zip(one, known(), strict=True))
    widths = [float(row[2] - row[0]) for shown in one for row in shown.boxes]
    assert min(widths) < 0.045 * 1280
    assert max(widths) > 0.07 * 1280


def stored(folder: Path, name: str, content: bytes) -> Stored:
    (folder / f"{name}.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    entry = ModelEntry(name=name, kind="detector", file=f"{name}.onnx", sha256=sha256, licence="ours")
    return Stored(entry=entry, folder=folder)


@pytest.fixture(scope="module")
def built_in() -> dict[str, Stored]:
    """The default detector and the default reader."""
    return {
        entry.kind: Stored(entry=entry, folder=models_folder())
        for entry in read_manifest(models_folder())
        if entry.default
    }


def test_a_model_that_fails_is_left_out_and_said(tmp_path: Path, built_in: dict[str, Stored]) -> None:
    now = Choice(detector=built_in["detector"].entry.name, reader=built_in["reader"].entry.name, threads=1)
    broken, no_network = stored(tmp_path, "broken", networks.broken_detector()), stored(tmp_path, "none", b"junk")
    found = tune(
        [built_in["detector"], broken, no_network],
        [built_in["reader"]],
        now=now,
        cameras=1,
        shown=known()[:4],
        rounds=2,
    )
    assert {one.choice.detector for one in found.tried} == {now.detector}
    assert sorted(found.failed) == [f"broken with {now.reader}", "none"]
    assert min(one.cost.processor for one in found.tried) > 0


def test_no_model_that_works_is_an_error(tmp_path: Path, built_in: dict[str, Stored]) -> None:
    now = Choice(detector="none", reader=built_in["reader"].entry.name, threads=1)
    with pytest.raises(ModelError, match="no pair of models works"):
        tune([stored(tmp_path, "none", b"junk")], [built_in["reader"]], now=now, cameras=1, shown=[], rounds=2)


def test_a_dry_run_writes_nothing_and_another_run_what_was_measured_with_the_choice(tmp_path: Path) -> None:
    (tmp_path / "manifest.toml").write_text(
        f'[[model]]\nname = "blind"\nkind = "detector"\nfile = "blind.onnx"\nlicence = "ours"\n'
        f'sha256 = "{stored(tmp_path, "blind", networks.detector([])).entry.sha256}"\n'
    )
    file = tmp_path / "device.toml"
    chosen = f'[models]\nfolder = "{tmp_path}"\ndetector = "blind" # until the better one is there'
    file.write_text(EXAMPLE.read_text().replace("[models]", chosen))
    words = ["models", "tune", "--config", str(file), "--rounds", "3"]
    dry = CliRunner().invoke(program(["models"]), [*words, "--dry-run"])
    assert "now  blind" in dry.stdout
    assert "nothing is written" in dry.stdout
    assert load(file).models.detector == "blind"
    assert "restart" in CliRunner().invoke(program(["models"]), words).stdout
    assert load(file).models.detector in {one.name for one in read_manifest(models_folder())}
    written = file.read_text()
    notes = [line for line in written.splitlines() if line.startswith("# homerule models tune: ")]
    assert "ms a look" in notes[0]
    assert "before: blind" in notes[1]
    assert "# until the better one is there" in written


def test_where_nothing_is_better_that_is_said_and_nothing_written(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    file.write_text(EXAMPLE.read_text())
    words = ["models", "tune", "--config", str(file), "--rounds", "3"]
    CliRunner().invoke(program(["models"]), words)
    first = file.read_bytes()
    again = CliRunner().invoke(program(["models"]), words)
    assert "nothing is better here" in again.stdout
    assert file.read_bytes() == first
