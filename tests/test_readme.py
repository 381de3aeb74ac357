"""The README's commands, typed as a new user types them, in a clean folder and in the order in which they stand."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import desk
from edge.road.clip import Pass, Road, write_video
from edge.values import Flag
from tests.policy.city import NOW, hit, receives, taken

README = Path(__file__).parent.parent / "README.md"
HOMERULE = Path(sys.executable).with_name("homerule")
SCRIPTS = {"deploy/test", "deploy/demo"}  # deploy/test would run itself; the demo has tests of its own


def commands(text: str) -> list[list[str]]:
    """Every line of every `sh` block, split as a shell would."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


def test_the_two_commands_of_the_readme_are_scripts_that_can_be_run() -> None:
    named = [words[0] for words in commands(README.read_text()) if words[0] in SCRIPTS]
    assert sorted(set(named)) == ["deploy/demo", "deploy/test"]
    for script in named:
        assert os.access(README.parent / script, os.X_OK)


def test_every_other_command_of_the_readme_works_as_typed(tmp_path: Path) -> None:
    write_video(Road(passes=(Pass(text="AB12345"),), seed=5), tmp_path / "road.mp4")
    typed = [words for words in commands(README.read_text()) if words[0] not in SCRIPTS]
    assert typed
    for words in typed:
        assert words[0] == "homerule", f"{shlex.join(words)}: the README promises only `homerule` and two scripts"
        run = subprocess.run(
            [HOMERULE, *words[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, f"{shlex.join(words)}\n{run.stdout}\n{run.stderr}"
    shutil.rmtree(tmp_path / "seen")


@pytest.mark.parametrize(
    ("lookup_is_on", "receive"),
    [
        (True, {"prospect-grove-pd", "cook-auto-theft", "brazos-bend-so", "fox-lake-pd"}),
        (False, {"prospect-grove-pd", "cook-auto-theft", "fox-lake-pd"}),
    ],
)
def test_the_table_of_the_readme_is_what_the_example_policy_decides(
    tmp_path: Path, lookup_is_on: bool, receive: set[str]
) -> None:
    """Fox Lake, which the table leaves out, is fed by name. Johnson Fork has no agreement; two are or hold federal."""
    desk.copy_examples(tmp_path / "policy", now=NOW)
    if lookup_is_on:
        desk.opt_in(tmp_path / "policy", "national-lookup")
    bundle = desk.open_bundle(tmp_path / "policy", pin=None)
    assert {"johnson-fork-so", "border-sector", "lakeshore-task-force"} <= set(bundle.subscribers)
    assert receives(bundle, taken(bundle, hit(), test=True, raised=[Flag.TEST])) == receive


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\((.*?)\)", README.read_text()))
def test_every_picture_of_the_readme_is_there(picture: str) -> None:
    assert (README.parent / picture).is_file()
