"""`homerule models list | fetch | verify | use` as they are typed, with our own models under other people's names."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge.cli import program
from edge.config import load
from edge.errors import HomeruleError
from edge.hub import read_catalogue
from edge.hub.lock import FOLDER
from edge.vision import models_folder, read_manifest
from tests import networks
from tests.hub.publisher import Server, served

DETECTOR, READER = "yolo-v9-t-384-license-plate-end2end", "cct-s-v2-global-model"
EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "device.toml"

Typed = Callable[..., Result]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """Runs `homerule models ...` with a device.toml and a folder of this test's own; errors are raised."""
    shutil.copy(EXAMPLE, tmp_path / "device.toml")

    def run(command: str, *words: str) -> Result:
        places = ["--config", str(tmp_path / "device.toml"), "--folder", str(tmp_path / "models")]
        done = CliRunner().invoke(program(["models"]), ["models", command, *words, *places])
        if isinstance(done.exception, HomeruleError):
            raise done.exception
        return done

    return run


@pytest.fixture
def server() -> Iterator[Server]:
    """Serves our own models under the file names of the hub's."""
    own = {entry.kind: entry for entry in read_manifest(models_folder()) if entry.default}
    reader = own["reader"]
    files = {
        "yolo-v9-t-384-license-plates-end2end.onnx": (models_folder() / own["detector"].file).read_bytes(),
        "cct_s_v2_global.onnx": (models_folder() / reader.file).read_bytes(),
        "cct_s_v2_global_plate_config.yaml": (models_folder() / str(reader.config)).read_bytes(),
    }
    with served(files) as running:
        yield running


def test_every_model_of_the_catalogue_is_listed_with_its_licence(typed: Typed) -> None:
    rows = {row["name"]: row for row in json.loads(typed("list", "--json").stdout)}
    assert rows[DETECTOR]["state"] == "to fetch, locked at first fetch"
    assert "GPL-3.0" in rows[DETECTOR]["licence"]
    assert rows["yolo-v9-t-256-license-plate-end2end"]["sha256"].startswith("938a34ce868d")
    assert rows["cct-xs-v1-global-model"]["sha256"].startswith("c1ae2ae031b1")
    assert sum(bool(row["used"]) for row in rows.values()) == 2


def test_a_fetch_shows_the_licence_and_says_what_was_locked(typed: Typed, server: Server) -> None:
    said = typed("fetch", READER, "--from", server.address).stdout
    assert "licence: MIT" in said
    assert "locked from now on" in said
    assert f"models use {READER} --accept-licence" in said


def test_a_model_is_used_only_once_its_licence_is_accepted(typed: Typed, server: Server, tmp_path: Path) -> None:
    typed("fetch", READER, "--from", server.address)
    before = (tmp_path / "device.toml").read_bytes()
    with pytest.raises(HomeruleError, match="--accept-licence"):
        typed("use", READER)
    assert (tmp_path / "device.toml").read_bytes() == before
    assert "is now" in typed("use", READER, "--accept-licence").stdout
    chosen = load(tmp_path / "device.toml").models
    assert (chosen.reader, chosen.detector, chosen.folder) == (READER, None, tmp_path / "models")


def test_a_used_model_is_marked_and_comments_stay(typed: Typed, server: Server, tmp_path: Path) -> None:
    typed("fetch", DETECTOR, "--from", server.address, "--accept-licence")
    asked = list(server.asked)
    typed("use", DETECTOR)
    assert server.asked == asked, "using a model asks no network"
    rows = json.loads(typed("list", "--json").stdout)
    assert next(row["name"] for row in rows if row["used"]) == DETECTOR
    assert "# one table for each camera" in (tmp_path / "device.toml").read_text()


def test_a_model_that_fails_the_self_test_is_not_used(typed: Typed, server: Server, tmp_path: Path) -> None:
    server.files["yolo-v9-t-384-license-plates-end2end.onnx"] = networks.detector([])
    typed("fetch", DETECTOR, "--from", server.address, "--accept-licence")
    with pytest.raises(HomeruleError, match="finds no plate"):
        typed("use", DETECTOR)
    assert load(tmp_path / "device.toml").models.detector is None


def test_a_model_that_was_not_fetched_is_not_used(typed: Typed) -> None:
    with pytest.raises(HomeruleError, match=f"homerule models fetch {DETECTOR}"):
        typed("use", DETECTOR)


def test_a_built_in_model_is_used_without_a_folder(typed: Typed, tmp_path: Path) -> None:
    typed("use", "plate-detector-640x384")
    chosen = load(tmp_path / "device.toml").models
    assert (chosen.detector, chosen.folder) == ("plate-detector-640x384", None)


def test_verify_ends_with_1_when_a_file_was_changed(typed: Typed, server: Server, tmp_path: Path) -> None:
    typed("fetch", READER, "--from", server.address)
    assert typed("verify").exit_code == 0
    (tmp_path / "models" / "cct_s_v2_global_plate_config.yaml").write_text("alphabet: 'ABC'\n")
    done = typed("verify")
    assert done.exit_code == 1
    assert f"WRONG {READER}" in done.stdout


HUB = (
    *(f"yolo-v9-t-{side}-license-plate-end2end" for side in (256, 384, 416, 512, 640)),
    "yolo-v9-s-608-license-plate-end2end",
    *(f"cct-{size}-v{version}-global-model" for size in ("xs", "s") for version in (1, 2)),
)


@pytest.mark.parametrize("name", HUB)
def test_every_name_of_the_hub_is_fetched_verified_and_used(typed: Typed, tmp_path: Path, name: str) -> None:
    wanted = read_catalogue().named(name)
    own = next(entry for entry in read_manifest(models_folder()) if entry.kind == wanted.kind and entry.default)
    files = {wanted.file: (models_folder() / own.file).read_bytes()}
    if wanted.config is not None:
        files[wanted.config] = (models_folder() / str(own.config)).read_bytes()
    with served(files) as server:
        if wanted.sha256 is not None:
            with pytest.raises(HomeruleError, match=f"it must be {wanted.sha256}"):
                typed("fetch", name, "--from", server.address)
            return
        typed("fetch", name, "--from", server.address, "--accept-licence")
    assert typed("verify").exit_code == 0
    typed("use", name)
    assert name in (load(tmp_path / "device.toml").models.detector, load(tmp_path / "device.toml").models.reader)


def test_fetched_models_lie_where_the_daemons_user_cannot_write() -> None:
    assert FOLDER.is_relative_to("/usr/local/share")
