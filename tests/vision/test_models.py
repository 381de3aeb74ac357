"""A model that is missing, was changed, or is none, is refused by name and with the mend."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import ModelError
from edge.road.plate import draw_plate
from edge.vision import Detector, Models, Reader, models_folder, read_manifest
from edge.vision.reader import DOUBTFUL
from edge.vision.session import Session

JUNK = b"not a network"


def entry(name: str, kind: str = "detector", *, sha256: str = "", extra: str = "default = true") -> str:
    digest = sha256 or hashlib.sha256(JUNK).hexdigest()
    config = f'config = "{name}.yaml"\nconfig_sha256 = "{digest}"\n' if kind == "reader" else ""
    return (
        f'[[model]]\nname = "{name}"\nkind = "{kind}"\nfile = "{name}.onnx"\nsha256 = "{digest}"\n'
        f'{config}licence = "Apache-2.0"\n{extra}\n'
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two models that are junk, and match their manifest."""
    (tmp_path / "manifest.toml").write_text(entry("finder") + entry("scribe", "reader"))
    for name in ("finder.onnx", "scribe.onnx", "scribe.yaml"):
        (tmp_path / name).write_bytes(JUNK)
    return tmp_path


@pytest.fixture(scope="module")
def built_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the models that come with Homerule."""
    return Path(shutil.copytree(models_folder(), tmp_path_factory.mktemp("models") / "models"))


def refusal(folder: Path, detector: str | None = None) -> str:
    with pytest.raises(ModelError) as raised:
        Models.load(folder, detector)
    return str(raised.value)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    assert "manifest.toml" in refusal(tmp_path)


def test_an_unknown_key_is_named_with_what_was_meant(folder: Path) -> None:
    (folder / "manifest.toml").write_text(entry("finder", extra="defualt = true"))
    assert "did you mean `default`" in refusal(folder)


def test_a_file_outside_the_folder_cannot_be_named(folder: Path) -> None:
    text = entry("finder").replace("finder.onnx", "../finder.onnx")
    (folder / "manifest.toml").write_text(text)
    assert "`file`" in refusal(folder)


def test_a_missing_model_file_is_refused(folder: Path) -> None:
    (folder / "finder.onnx").unlink()
    assert "finder.onnx" in refusal(folder)


def test_a_changed_model_is_refused_with_both_digests(folder: Path) -> None:
    (folder / "finder.onnx").write_bytes(b"something else")
    said = refusal(folder)
    assert hashlib.sha256(b"something else").hexdigest() in said
    assert hashlib.sha256(JUNK).hexdigest() in said


def test_a_file_that_is_no_network_is_refused(folder: Path) -> None:
    assert "cannot load" in refusal(folder)


def test_an_unknown_name_is_refused_with_what_was_meant(folder: Path) -> None:
    assert "did you mean `finder`" in refusal(folder, "findr")


def test_two_defaults_are_refused(folder: Path) -> None:
    (folder / "manifest.toml").write_text(entry("finder") + entry("seeker") + entry("scribe", "reader"))
    assert "default" in refusal(folder)


def test_two_models_of_one_name_are_refused(folder: Path) -> None:
    (folder / "manifest.toml").write_text(entry("finder") + entry("finder"))
    assert "two models" in refusal(folder)


def test_the_built_in_models_match_their_manifest() -> None:
    assert {entry.kind for entry in read_manifest(models_folder())} == {"detector", "reader"}
    loaded = Models.load()
    assert [entry.default for entry in loaded.entries] == [True, True]


def test_the_built_in_models_are_as_small_as_is_said() -> None:
    entries = {entry.name: entry for entry in read_manifest(models_folder())}
    large, small, reader = (
        entries[name] for name in ("plate-detector-640x384", "plate-detector-416x256", "us-plate-reader")
    )
    assert max(large.parameters or 0, small.parameters or 0) <= 1_000_000
    assert (reader.parameters or 0) <= 1_500_000
    assert 0 < (large.gflop or 0) <= 1.3
    assert 0 < (small.gflop or 0) <= 0.6


def test_a_byte_changed_in_a_built_in_model_is_refused(built_in: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(built_in, tmp_path / "changed"))
    for path in folder.glob("*.yaml"):
        path.write_bytes(path.read_bytes() + b"\n")
    assert "sha256" in refusal(folder)


def test_a_reader_is_no_detector(built_in: Path) -> None:
    readers = [entry for entry in read_manifest(built_in) if entry.kind == "reader"]
    with pytest.raises(ModelError, match="not a plate detector"):
        Detector(name="reader", written=(built_in / readers[0].file).read_bytes())


def test_a_detector_is_no_reader(built_in: Path) -> None:
    entries = {entry.kind: entry for entry in read_manifest(built_in)}
    config = entries["reader"].config
    assert config is not None
    with pytest.raises(ModelError, match="not a plate reader"):
        Reader(name="detector", file=built_in / entries["detector"].file, config=built_in / config)


def test_an_inference_that_fails_is_an_error_and_no_empty_answer(built_in: Path) -> None:
    finder = next(entry for entry in read_manifest(built_in) if entry.kind == "detector")
    session = Session(name="finder", written=(built_in / finder.file).read_bytes())
    with pytest.raises(ModelError, match="inference failed"):
        session.run(np.zeros((1, 3, 8, 8), np.float32))


def test_the_built_in_reader_reads_a_drawn_plate() -> None:
    reading = Models.load().reader.read(draw_plate("AB 12345", width=160))
    assert reading.text == "AB12345"
    assert len(reading.confidences) == 7


def test_nothing_is_found_in_an_empty_picture() -> None:
    assert Models.load().detector.find(np.full((720, 1280, 3), 100, np.uint8)) == []


def test_a_doubtful_text_is_read_again_in_another_cut_and_the_mean_counts() -> None:
    reader, clear = Models.load().reader, draw_plate("AB 12345", width=160)
    blurs = (np.asarray(cv2.GaussianBlur(clear, (0, 0), sigma), np.uint8) for sigma in range(2, 12))
    blurred = next(crop for crop in blurs if 0.0 < reader.read(crop).confidence < DOUBTFUL)
    alone, together = reader.read(blurred), reader.read(blurred, clear)
    assert (alone.cuts, together.cuts) == (1, 2)
    assert reader.read(blurred, blurred) == replace(alone, cuts=2)
    assert alone.confidence < together.confidence < reader.read(clear).confidence
    assert reader.read(clear, blurred) == reader.read(clear)
