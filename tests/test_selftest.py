"""A dead model must not look like an empty road: networks that answer nothing, wrongly or not at all are an error."""

from pathlib import Path

import numpy as np
import pytest

from edge.errors import ModelError
from edge.selftest import SelfTest
from edge.vision import Detector, Models, Reader, models_folder, read_manifest
from tests import networks


@pytest.fixture(scope="module")
def picture() -> SelfTest:
    """The self-test, its picture drawn once."""
    return SelfTest()


@pytest.fixture(scope="module")
def built_in() -> Models:
    """Our own models."""
    return Models.load()


def finds(content: bytes, others: Models) -> Models:
    """Another detector beside our reader."""
    return Models(detector=Detector(name="finder", written=content), reader=others.reader, entries=others.entries)


def reads(folder: Path, content: bytes, others: Models) -> Models:
    """Another reader behind our detector."""
    (folder / "scribe.onnx").write_bytes(content)
    (folder / "scribe.yaml").write_text(networks.CONFIG)
    reader = Reader(name="scribe", file=folder / "scribe.onnx", config=folder / "scribe.yaml")
    return Models(detector=others.detector, reader=reader, entries=others.entries)


def test_our_own_models_pass(picture: SelfTest, built_in: Models) -> None:
    passed = picture.run(built_in)
    assert passed.found > 0.5
    assert passed.read > 0.7


@pytest.mark.parametrize("name", [entry.name for entry in read_manifest(models_folder()) if entry.kind == "detector"])
def test_each_detector_of_ours_passes_whatever_else_it_takes_for_a_plate(picture: SelfTest, name: str) -> None:
    assert picture.run(Models.load(None, name)).read > 0.7


def test_a_detector_that_finds_nothing_ever_fails(picture: SelfTest, built_in: Models) -> None:
    with pytest.raises(ModelError, match="finds no plate"):
        picture.run(finds(networks.detector([]), built_in))


def test_a_detector_that_finds_the_same_everywhere_fails(picture: SelfTest, built_in: Models) -> None:
    with pytest.raises(ModelError, match="`finder` finds no plate where there is one"):
        picture.run(finds(networks.detector([(0, 1, 20, 12, 26, 0, 0.9)]), built_in))


def test_a_detector_whose_inference_fails_fails(picture: SelfTest, built_in: Models) -> None:
    with pytest.raises(ModelError, match="inference failed"):
        picture.run(finds(networks.broken_detector(), built_in))


def test_a_detector_that_gives_no_numbers_fails(picture: SelfTest, built_in: Models) -> None:
    with pytest.raises(ModelError, match="not finite"):
        picture.run(finds(networks.detector([(0, 1, 1, 2, 2, 0, float("nan"))]), built_in))


@pytest.mark.parametrize("text", ["", "AB12"])
def test_a_reader_that_reads_nothing_or_something_else_fails(
    picture: SelfTest, built_in: Models, tmp_path: Path, text: str
) -> None:
    with pytest.raises(ModelError, match="misreads"):
        picture.run(reads(tmp_path, networks.reader(text), built_in))


def test_a_reader_whose_inference_fails_fails(picture: SelfTest, built_in: Models, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="inference failed"):
        picture.run(reads(tmp_path, networks.broken_reader(), built_in))


def test_an_inference_that_fails_is_never_an_empty_road() -> None:
    broken = Detector(name="finder", written=networks.broken_detector())
    with pytest.raises(ModelError):
        broken.find(np.zeros((64, 64, 3), np.uint8))
