"""The README's commands, typed as a new user types them, in a clean folder and in the order in which they stand."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge import desk
from edge.road.clip import Pass, Road, write_video
from edge.values import Flag
from tests.broker import wait_until
from tests.policy.city import NOW, hit, receives, taken

README = Path(__file__).parent.parent / "README.md"
HOMERULE = Path(sys.executable).with_name("homerule")
DEVICE = """
[device]
id = "pole-1"
ledger = "ledger.sqlite"
key = "city/device.key"
socket = "control.sock"
[[camera]]
id = "north"
url = "{folder}/road.mp4"
repeat = true
[broker]
host = "localhost"
access = "mosquitto"
ca = "broker/device/ca.crt"
certificate = "broker/device/device.crt"
key = "broker/device/device.key"
control_port = 1884
control_credential = "broker/device/control"
[policy]
folder = "city"
pin = "city/city.key.pub"
"""
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


@pytest.mark.needs("mosquitto")
def test_every_other_command_of_the_readme_works_as_typed(tmp_path: Path) -> None:
    """`homerule run` goes on beside the commands after it, with a drawn road for a camera and the broker set up before.

    Its clock is believed, since nobody vouches for that of a test machine; the status says so, with exit code 1.
    """
    write_video(Road(passes=(Pass(text="AB12345"),), seed=5), tmp_path / "road.mp4")
    typed = [words for words in commands(README.read_text()) if words[0] not in SCRIPTS]
    assert typed
    said = ""
    with ExitStack() as running:
        for words in typed:
            assert words[0] == "homerule", f"{shlex.join(words)}: the README promises only `homerule` and two scripts"
            if words[1] == "run":
                pole(tmp_path, running, words)
                continue
            run = subprocess.run(
                [HOMERULE, *(adopted(said) if word == "ID" else word for word in words[1:])],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            said = run.stdout
            right = (0, 1) if words[1] == "status" else (0,)
            assert run.returncode in right, f"{shlex.join(words)}\n{run.stdout}\n{run.stderr}"
    shutil.rmtree(tmp_path / "seen")


def pole(folder: Path, running: ExitStack, words: list[str]) -> None:
    """Writes device.toml for what the commands before have made, starts the broker and the daemon."""
    (folder / "device.toml").write_text(DEVICE.replace("{folder}", str(folder)))
    settings = folder / "broker" / "mosquitto" / "mosquitto.conf"
    if os.geteuid() == 0:  # another user may not look into a test's folders
        settings.write_text(settings.read_text().replace("user mosquitto\n", "user root\n"))
    with (folder / "broker.log").open("wb") as log:
        broker = subprocess.Popen(["mosquitto", "-c", settings], stdout=log, stderr=log)
    running.callback(ended, broker)
    with (folder / "run.log").open("wb") as log:
        daemon = subprocess.Popen([HOMERULE, *words[1:], "--trust-clock"], cwd=folder, stdout=log, stderr=log)
    running.callback(ended, daemon)
    wait_until(lambda: " runs on " in (folder / "run.log").read_text(), what="the daemon runs", within=60)


def adopted(said: str) -> str:
    """The id of the audit log, as a person reads it in what `homerule status` has just said."""
    found = re.search(r"entries, id ([A-Za-z0-9_-]{22})", said)
    assert found, said
    return found.group(1)


def ended(process: subprocess.Popen[bytes]) -> None:
    """Ends it as systemd would."""
    process.terminate()
    process.wait(20)


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
