"""`homerule models evaluate` as it is typed: the keys that programs read, what is drawn, and no plate told."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge.cli import program
from edge.errors import HomeruleError
from edge.measure import look, sheet
from edge.measure.labelled import Photograph
from edge.measure.sheet import wrong
from edge.road.plate import draw_plate
from edge.vision import models_folder, read_manifest
from tests import networks
from tests.measure.street import Eyes, labelled

KEYS = (
    *("detector.recall", "detector.precision", "reader.exact", "reader.folded"),
    *("end_to_end.exact", "end_to_end.folded", "ms.detector", "ms.reader", "ms.photograph"),
)

Typed = Callable[..., str]


@pytest.fixture
def typed() -> Typed:
    """Runs `homerule models evaluate ...`; errors are raised."""

    def run(*words: str) -> str:
        done = CliRunner().invoke(program(["models"]), ["models", "evaluate", *words])
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return run


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, ...]:
    """A detector that finds one place in every picture, and a reader that reads the same in every crop, as files."""
    # a picture of 200 x 100 is shown to it as 64 x 32 under 16 rows of grey
    (tmp_path / "finder.onnx").write_bytes(networks.detector([(0, 3.2, 22.4, 16, 28.8, 0, 0.9)]))
    (tmp_path / "scribe.onnx").write_bytes(networks.reader("AB12"))
    (tmp_path / "scribe_plate_config.yaml").write_text(networks.CONFIG)
    return "--detector", str(tmp_path / "finder.onnx"), "--reader", str(tmp_path / "scribe.onnx")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photographs: one plate where the detector finds it, with the text that the reader reads; one elsewhere."""
    return labelled(tmp_path / "photographs", ["1.png,10,20,40,20,AB12", "2.png,120,60,40,20,CD34"])


def test_the_keys_that_programs_read_are_there_nested_and_dotted(
    typed: Typed, folder: Path, pair: tuple[str, ...]
) -> None:
    table = json.loads(typed(str(folder), "--json", *pair))
    for key in KEYS:
        group, name = key.split(".")
        assert table[key] == table[group][name], key
    assert [table[key] for key in KEYS[:6]] == [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert table["detector"]["recall_interval"][0] < 0.5 < table["detector"]["recall_interval"][1]
    assert table["reader"]["name"] == "scribe"
    assert len(table["detector"]["sha256"]) == 64


def test_a_folder_whose_name_is_no_utf_8_is_evaluated_and_shown_with_its_bytes(
    typed: Typed, folder: Path, pair: tuple[str, ...], tmp_path: Path
) -> None:
    folder = folder.rename(tmp_path / os.fsdecode(b"ev\xff"))
    chart = tmp_path / "chart.png"
    assert json.loads(typed(str(folder), "--json", "--chart", str(chart), *pair))["folder"] == rf"{tmp_path}/ev\xff"
    assert typed(str(folder), *pair).startswith(rf"{tmp_path}/ev\xff: 2 pictures")
    assert chart.stat().st_size > 1000


def test_crops_have_figures_of_the_reader_alone(typed: Typed, tmp_path: Path) -> None:
    folder = labelled(tmp_path / "crops", [], head="image,state,plate")
    cv2.imwrite(str(folder / "1.png"), draw_plate("AB 12345", width=160))
    (folder / "truth.csv").write_text("image,state,plate\n1.png,il,AB12345\n")
    table = json.loads(typed(str(folder), "--json"))
    assert table["reader.exact"] == 1.0
    assert table["detector"] is table["end_to_end"] is None
    assert "detector.recall" not in table


def test_no_plate_is_told_but_on_the_sheet_and_that_is_private(
    typed: Typed, folder: Path, pair: tuple[str, ...], tmp_path: Path
) -> None:
    page, drawn = tmp_path / "errors.png", tmp_path / "chart.png"
    said = typed(str(folder), "--sheet", str(page), "--chart", str(drawn), *pair)
    said += typed(str(folder), "--json", *pair)
    assert not {"AB12", "CD34"} & set(said.replace('"', " ").split())
    for path in (page, drawn):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert np.asarray(cv2.imread(str(path))).shape[2] == 3


def test_a_model_is_chosen_by_name_or_by_file(typed: Typed, folder: Path) -> None:
    small = next(one.name for one in read_manifest(models_folder()) if one.kind == "detector" and not one.default)
    assert small in typed(str(folder), "--detector", small)


def test_a_reader_without_its_plate_config_is_refused_with_the_mend(
    typed: Typed, folder: Path, pair: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "scribe_plate_config.yaml").unlink()
    with pytest.raises(HomeruleError, match=r"scribe\.yaml"):
        typed(str(folder), *pair)


def test_an_inference_that_fails_ends_the_evaluation(typed: Typed, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(networks.broken_detector())
    with pytest.raises(HomeruleError, match="inference failed"):
        typed(str(folder), "--detector", str(tmp_path / "broken.onnx"))


def test_a_drawing_that_cannot_be_written_is_said(
    typed: Typed, folder: Path, pair: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(HomeruleError, match="cannot be written"):
        typed(str(folder), "--chart", str(tmp_path / "nowhere" / "chart.png"), *pair)


def test_a_drawing_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    typed: Typed, folder: Path, pair: tuple[str, ...], tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for path in before:
        for option in ("--chart", "--sheet"):
            with pytest.raises(HomeruleError, match="is there already and is no earlier output of this kind"):
                typed(str(folder), option, str(path), *pair)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    for _ in range(2):
        typed(str(folder), "--chart", str(tmp_path / "chart.png"), *pair)
    assert cv2.imread(str(tmp_path / "chart.png")) is not None


def shown(texts: tuple[str, ...] = ("AB12",)) -> Photograph:
    boxes = np.array([[10, 20, 50, 40]], np.float32)
    pixels = np.full((100, 200, 3), 10, np.uint8)
    return Photograph(name="1.png", pixels=pixels, boxes=boxes, texts=texts, unlabelled=np.zeros((0, 4), np.float32))


@pytest.mark.parametrize(
    ("eyes", "kinds"),
    [
        (Eyes({10: [(10, 20, 50, 40, 0.9)]}), []),
        (Eyes({10: [(10, 20, 50, 40, 0.9)]}, text="A812"), ["misread"]),
        (Eyes(), ["missed"]),
        (Eyes({10: [(10, 20, 50, 40, 0.9), (100, 60, 140, 80, 0.9)]}), ["stray"]),
    ],
)
def test_the_sheet_shows_each_error_once_by_its_kind(eyes: Eyes, kinds: list[str]) -> None:
    assert [one.kind for one in wrong(shown(), look(eyes, shown()))] == kinds


def test_a_sheet_of_hundreds_of_errors_stays_a_page(tmp_path: Path) -> None:
    errors = wrong(shown(), look(Eyes(), shown())) * 900
    assert sheet(errors).shape[0] < 7000
    assert sheet([]).shape[0] > 0


def test_a_folder_of_models_may_be_named(typed: Typed, folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(models_folder(), tmp_path / "models", ignore=shutil.ignore_patterns("training"))
    for path in copied.glob("*.yaml"):
        path.write_text(path.read_text() + "\n")
    with pytest.raises(HomeruleError, match="sha256"):
        typed(str(folder), "--models", str(copied))
