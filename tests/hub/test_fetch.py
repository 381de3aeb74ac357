"""Fetching: whole, with the right sha256, a network that loads; or nothing at all changes."""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.request import Request

import pytest

from edge.errors import ModelError
from edge.hub import Catalogue, Fetched, Source, accept, fetch
from edge.hub.source import SameOrSafer
from edge.vision import Models, models_folder, read_manifest
from tests import networks
from tests.hub.publisher import DETECTOR, PLATE, READER, Fault, Server, catalogue, contents, published, served

TODAY = date(2026, 11, 2)


@pytest.fixture
def server() -> Iterator[Server]:
    """Their publisher."""
    with served(published()) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where fetched models are to lie; not made yet."""
    return tmp_path / "models"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetched(
    server: Server, folder: Path, name: str = DETECTOR, known: Catalogue | None = None, *, accepted: bool = True
) -> Fetched:
    source = Source(server.address)
    return fetch(name, catalogue=known or catalogue(), folder=folder, today=TODAY, source=source, accepted=accepted)


def refusal(server: Server, folder: Path, name: str = DETECTOR, known: Catalogue | None = None) -> str:
    """What is said when nothing is fetched; and nothing may have changed."""
    before = contents(folder)
    with pytest.raises(ModelError) as raised:
        fetched(server, folder, name, known)
    assert contents(folder) == before
    return str(raised.value)


def test_a_fetched_pair_finds_and_reads_through_the_same_door_as_ours(server: Server, folder: Path) -> None:
    fetched(server, folder)
    fetched(server, folder, READER)
    models = Models.load(folder, DETECTOR, READER)
    picture = published_picture()
    box = models.detector.find(picture)[0].box
    assert (box.x1, box.y1, box.x2, box.y2) == (8, 16, 48, 32)
    assert models.reader.read(picture).text == PLATE
    assert models.reader.margin == 0.05


def published_picture() -> networks.Pixels:
    return networks.blank((64, 64))


def test_a_reader_with_a_second_output_for_the_region_reads(server: Server, folder: Path) -> None:
    server.files["scribe.onnx"] = networks.reader("XY9", region=True)
    server.files["scribe.yaml"] = networks.CONFIG.encode() + b"plate_regions: ['Unknown', 'Elsewhere']\n"
    fetched(server, folder, READER)
    assert Models.load(folder, None, READER).reader.read(published_picture()).text == "XY9"


def test_what_the_folder_has_not_comes_from_the_built_in_models(server: Server, folder: Path) -> None:
    fetched(server, folder, READER)
    names = [entry.name for entry in Models.load(folder, None, READER).entries]
    built_in = next(entry.name for entry in read_manifest(models_folder()) if entry.default)
    assert names == [built_in, READER]


def test_a_known_sha256_is_noted_as_the_catalogues(server: Server, folder: Path) -> None:
    said = fetched(server, folder, known=catalogue(finder=sha256(server.files["finder.onnx"])))
    assert said.trusted_first == ()
    assert read_manifest(folder)[0].locked == "catalogue"


def test_a_file_with_another_sha256_than_the_catalogues_is_refused(server: Server, folder: Path) -> None:
    said = refusal(server, folder, known=catalogue(finder="0" * 64))
    assert "0" * 64 in said
    assert sha256(server.files["finder.onnx"]) in said


def test_an_unknown_sha256_is_locked_at_the_first_fetch_and_said(server: Server, folder: Path) -> None:
    said = fetched(server, folder, READER, catalogue(scribe=sha256(server.files["scribe.onnx"])))
    assert said.trusted_first == ("scribe.yaml",)
    entry = read_manifest(folder)[0]
    assert entry.locked == "first-fetch"
    assert entry.config_sha256 == sha256(server.files["scribe.yaml"])


def test_what_was_locked_at_the_first_fetch_holds_for_the_second(server: Server, folder: Path) -> None:
    fetched(server, folder)
    (folder / "finder.onnx").unlink()
    server.files["finder.onnx"] = networks.detector([])
    assert "when it was first fetched" in refusal(server, folder)


def test_a_lost_file_is_fetched_again_when_it_is_the_same(server: Server, folder: Path) -> None:
    fetched(server, folder)
    (folder / "finder.onnx").write_bytes(b"cut short")
    assert fetched(server, folder).fresh
    assert (folder / "finder.onnx").read_bytes() == server.files["finder.onnx"]


def test_what_lies_here_unchanged_is_not_asked_for_again(server: Server, folder: Path) -> None:
    fetched(server, folder)
    server.asked.clear()
    assert not fetched(server, folder).fresh
    assert server.asked == []


@pytest.mark.parametrize(
    ("fault", "said"), [("cut", "try again"), ("no length", "how long"), ("gone", "404"), ("elsewhere", "not https")]
)
def test_a_fetch_that_fails_leaves_nothing_behind(server: Server, folder: Path, fault: Fault, said: str) -> None:
    server.fault, server.leads_to = fault, "http://192.0.2.1/finder.onnx" if fault == "elsewhere" else ""
    folder.mkdir()
    expected = "come over https" if fault == "elsewhere" else said
    assert expected in refusal(server, folder)


def test_a_publisher_may_lead_to_its_file_server(server: Server, folder: Path) -> None:
    server.fault = "elsewhere"
    assert fetched(server, folder).fresh
    assert server.asked == ["finder.onnx", "finder.onnx"]


def test_nobody_leads_from_https_to_http(server: Server) -> None:
    asked = Request("https://publisher.invalid/finder.onnx")
    with pytest.raises(ModelError, match="which is not https"):
        SameOrSafer().redirect_request(asked, None, 302, "Found", {}, server.address)


def test_a_reader_whose_config_does_not_come_leaves_no_network_behind(server: Server, folder: Path) -> None:
    del server.files["scribe.yaml"]
    folder.mkdir()
    assert "404" in refusal(server, folder, READER)


def test_a_login_page_in_place_of_the_model_is_not_locked(server: Server, folder: Path) -> None:
    server.files["finder.onnx"] = b"<html>Please accept our terms</html>"
    folder.mkdir()
    assert "cannot load" in refusal(server, folder)


def test_a_reader_in_place_of_a_detector_is_not_locked(server: Server, folder: Path) -> None:
    server.files["finder.onnx"] = networks.reader("AB")
    folder.mkdir()
    assert "not a plate detector" in refusal(server, folder)


def test_a_folder_serves_where_there_is_no_network(tmp_path: Path, folder: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "finder.onnx").write_bytes(published()["finder.onnx"])
    fetch(DETECTOR, catalogue=catalogue(), folder=folder, today=TODAY, source=Source(str(stick)), accepted=True)
    assert read_manifest(folder)[0].source == str(stick / "finder.onnx")


@pytest.mark.parametrize("place", ["http://192.0.2.1/", "ftp://localhost/", "https:///x", "/nowhere/at/all"])
def test_a_source_that_cannot_be_believed_is_refused(place: str) -> None:
    with pytest.raises(ModelError):
        Source(place)


def test_a_model_whose_licence_nobody_accepted_is_not_loaded(server: Server, folder: Path) -> None:
    fetched(server, folder, accepted=False)
    with pytest.raises(ModelError, match="--accept-licence"):
        Models.load(folder, DETECTOR)
    accept(folder, DETECTOR, today=TODAY)
    assert Models.load(folder, DETECTOR).entries[0].accepted == TODAY


def test_a_licence_once_accepted_stays_accepted_when_the_file_is_fetched_again(server: Server, folder: Path) -> None:
    fetched(server, folder)
    (folder / "finder.onnx").unlink()
    assert fetched(server, folder, accepted=False).entry.accepted == TODAY


def test_a_persons_own_models_in_the_folder_are_not_touched(server: Server, folder: Path) -> None:
    folder.mkdir()
    own = networks.detector([])
    (folder / "finder.onnx").write_bytes(own)
    (folder / "manifest.toml").write_text(
        '[[model]]\nname = "mine"\nkind = "detector"\nfile = "finder.onnx"\nlicence = "ours"\n'
        f'sha256 = "{sha256(own)}"\n'
    )
    assert "`mine`" in refusal(server, folder)


def test_comments_in_the_manifest_stay(server: Server, folder: Path) -> None:
    fetched(server, folder)
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text() + "# compared with the second pole, 2026-11-02\n")
    fetched(server, folder, READER)
    accept(folder, READER, today=TODAY)
    assert "# compared with the second pole" in manifest.read_text()
    assert [entry.name for entry in read_manifest(folder)] == [DETECTOR, READER]


def test_nothing_is_fetched_into_the_folder_that_came_with_homerule(server: Server) -> None:
    with pytest.raises(ModelError, match="came with homerule"):
        fetched(server, models_folder())
    assert server.asked == []


def test_an_unknown_name_is_refused_with_what_was_meant(server: Server, folder: Path) -> None:
    with pytest.raises(ModelError, match="did you mean `finder-64`"):
        fetched(server, folder, "findr-64")
