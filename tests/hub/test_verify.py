"""Verifying: a changed file, a rewritten lock and a folder that is not root's are found out."""

import hashlib
import os
from datetime import date
from pathlib import Path

import pytest

from edge.hub import Catalogue, Source, Verdict, fetch, verify
from tests import networks
from tests.hub.publisher import DETECTOR, READER, catalogue, published

TODAY = date(2026, 11, 2)
KNOWN = catalogue(finder=hashlib.sha256(published()["finder.onnx"]).hexdigest())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder into which both models were fetched, the licence of the reader not accepted."""
    stick = tmp_path / "stick"
    stick.mkdir()
    for name, content in published().items():
        (stick / name).write_bytes(content)
    for name in (DETECTOR, READER):
        source, accepted = Source(str(stick)), name == DETECTOR
        fetch(name, catalogue=KNOWN, folder=tmp_path / "models", today=TODAY, source=source, accepted=accepted)
    return tmp_path / "models"


def verdicts(folder: Path, known: Catalogue = KNOWN) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in verify(folder, known)}


def test_what_was_fetched_and_left_alone_is_well(folder: Path) -> None:
    found = verdicts(folder)
    assert [verdict.wrong for verdict in found.values()] == [None, None, None]
    assert "catalogue" in found[DETECTOR].said
    assert "fetched first, 2026-11-02" in found[READER].said


@pytest.mark.parametrize(
    ("file", "name"), [("finder.onnx", DETECTOR), ("scribe.onnx", READER), ("scribe.yaml", READER)]
)
def test_one_byte_changed_is_wrong(folder: Path, file: str, name: str) -> None:
    changed = bytearray((folder / file).read_bytes())
    changed[-1] ^= 1
    (folder / file).write_bytes(changed)
    assert [name] == [verdict.name for verdict in verify(folder, KNOWN) if verdict.wrong]


def test_a_missing_file_is_wrong(folder: Path) -> None:
    (folder / "scribe.yaml").unlink()
    assert "cannot be read" in str(verdicts(folder)[READER].wrong)


def test_a_lock_that_was_rewritten_to_fit_another_file_is_wrong(folder: Path) -> None:
    other = networks.detector([])
    manifest = folder / "manifest.toml"
    before = hashlib.sha256((folder / "finder.onnx").read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(other).hexdigest()))
    (folder / "finder.onnx").write_bytes(other)
    assert "than the catalogue's" in str(verdicts(folder)[DETECTOR].wrong)


def test_a_licence_that_waits_is_said(folder: Path) -> None:
    assert "not accepted" in verdicts(folder)[READER].notes[0]


def test_a_lock_that_others_can_write_is_said(folder: Path) -> None:
    assert os.geteuid() == 0 or verdicts(folder)[str(folder)].notes
    (folder / "manifest.toml").chmod(0o666)
    assert "manifest.toml" in verdicts(folder)[str(folder)].notes[-1]
