"""The command line loads what a command needs and nothing else, and no command is missing from its table."""

import ctypes
import errno
import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import get_type_hints

import pytest
import typer
from typer.main import get_group
from typer.models import ParameterInfo
from typer.testing import CliRunner

import edge.cli
from edge.cli import ALONE, COMMANDS, program, streams

ROOT = Path(__file__).parents[1]
FILES = [name for _, name, _ in pkgutil.iter_modules(edge.cli.__path__)]
REGISTERED = {name: getattr(importlib.import_module(f"edge.cli.{name}"), "register", None) for name in FILES}
GROUPS = [name for name, register in REGISTERED.items() if register and "app" in signature(register).parameters]


@pytest.mark.parametrize("file", GROUPS)
def test_every_command_of_a_file_is_in_the_table_under_that_file(file: str) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    importlib.import_module(f"edge.cli.{file}").register(app)
    for name in get_group(app).commands:
        assert file in COMMANDS[name], name


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_the_same_alone_as_among_all_others(name: str) -> None:
    alone, among = (get_group(program(words)).commands[name] for words in ([name], []))
    assert alone.get_help(typer.Context(alone)) == among.get_help(typer.Context(among))
    assert sorted(getattr(alone, "commands", ())) == sorted(getattr(among, "commands", ()))


@pytest.mark.parametrize("words", sorted(ALONE))
def test_what_a_clerk_waits_for_is_the_same_alone_as_in_its_group(words: tuple[str, str]) -> None:
    group, name = words
    alone, among = (get_group(program(asked)).commands[group].commands[name] for asked in (words, [group]))
    assert alone.get_help(typer.Context(alone)) == among.get_help(typer.Context(among))


def test_an_opt_out_loads_neither_the_daemon_nor_numbers_nor_tables() -> None:
    asked = "import sys; from edge.cli import program; program(['policy', 'opt-out']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "rich.table", "sqlite3", "edge.ledger", "edge.control.control", "edge.cli.policy"} & set(
        loaded
    )


def test_a_word_that_is_no_command_gets_a_hint() -> None:
    done = subprocess.run([sys.executable, "-m", "edge", "rum"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'run'" in done.stderr


def test_the_daemon_loads_neither_pictures_nor_tables_before_its_device_toml_is_read() -> None:
    asked = "import sys; from edge.cli import program; program(['run']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cv2", "onnxruntime", "av", "rich.table", "pydantic", "numpy"} & set(loaded)


SAID = "homerule: standard output cannot be written (no space left on device), so not all was said\n"
NO_FILE = "`x`: no such policy folder"


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of a shell in which `homerule` is this program."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    function = f'homerule() {{ {sys.executable} -m edge "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", function + line], capture_output=True, text=True, check=False, env={**own, **environment}
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("homerule --version >/dev/full", 1, SAID),
        ("homerule policy show deploy/examples >/dev/full", 1, SAID),
        ("homerule keygen --help >/dev/full 2>/dev/full", 1, ""),
        ("homerule --version >&-", 1, SAID.replace("no space left on device", "bad file descriptor")),
        ("homerule policy show deploy/examples >&-", 1, "bad file descriptor"),
        ("homerule --version >&- 2>&- <&-", 1, ""),
        ("homerule policy show x >/dev/full", 1, NO_FILE),
        ("homerule policy show x 2>/dev/full", 1, ""),
        ("homerule policy show x 2>&-", 1, ""),
        ("homerule policy show deploy/examples | true; exit ${PIPESTATUS[0]}", 1, ""),
    ],
)
def test_an_output_that_takes_nothing_is_one_line_and_no_success(line: str, code: int, said: str) -> None:
    done = shell(line)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == bool(said)


@pytest.mark.parametrize(
    "words",
    ["policy show", "policy history --ledger", "hotlist check", "models list --folder", "models verify --folder"],
)
def test_an_error_of_the_system_is_one_line_with_the_file_and_no_traceback(words: str) -> None:
    done = shell(f"homerule {words} {'x' * 300}")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "xxx" in done.stderr
    assert "file name too long" in done.stderr


def test_a_letter_that_the_output_does_not_know_is_written_in_another_way() -> None:
    asked = "from edge.cli import streams; streams.prepare(); print(chr(0xa7), chr(0xdcff))"
    done = shell(f"{sys.executable} -c '{asked}'", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stdout, done.stderr) == (0, "\\xa7 \\udcff\n", "")


@pytest.mark.parametrize("module", ["typer", "edge.cli.policy"])
def test_stopped_while_it_loads_it_ends_without_a_traceback(module: str) -> None:
    asked = (
        "import sys\n"
        "class Stopped:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stopped())\n"
        "sys.argv = ['homerule', 'policy', 'show', 'x']\n"
        "from edge.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "homerule: stopped\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("printf '[%.0s' {1..100000} >deep; homerule bench deep --truth deep", "is no truth of a clip"),
        ("homerule broker setup $'bad\\xff' --device pole-1 --host localhost", "is not UTF-8"),
        ("homerule keygen '' --certificate name", "names no file"),
        ("homerule init / --state US-IL --place X", "no name for a new folder"),
        (
            f"homerule subscriber add {'x' * 300} a --name b --agency-id 1 --state US-IL --kind x --purpose x",
            "too long",
        ),
        (f"homerule policy opt-out {'x' * 300} national_lookup", "too long"),
    ],
)
def test_what_can_be_no_input_is_one_line_with_the_mend(line: str, said: str, tmp_path: Path) -> None:
    done = shell(f"cd {tmp_path}; {line}", PYTHONPATH=str(Path(__file__).parents[1]))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("policy", "show", str(ROOT / "deploy" / "examples")),
        ("hotlist", "list", str(ROOT / "deploy" / "examples")),
        ("subscriber", "list", str(ROOT / "deploy" / "examples")),
    ],
)
def test_whether_a_path_can_be_read_is_found_out_by_reading(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert CliRunner().invoke(program(words), words).exit_code == 0


def paths(app: typer.Typer) -> Iterator[tuple[str, ParameterInfo]]:
    """Every path that a command takes: the command, and what it says of it."""
    for group in app.registered_groups:
        yield from paths(group.typer_instance)
    for command in app.registered_commands:
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            if "Path" in str(hint):
                yield f"{command.callback.__name__} {name}", hint.__metadata__[0]


@pytest.mark.parametrize("words", [(), *sorted(ALONE)])
def test_no_path_is_called_wrong_usage_because_it_cannot_be_read(words: tuple[str, ...]) -> None:
    found = list(paths(program(words)))
    assert found
    assert [name for name, said in found if said.readable] == []


def without_privileges() -> None:
    """Before a program starts: root may not read everything any more, and for anybody else nothing changes."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, taken with PR_CAPBSET_DROP
        ctypes.CDLL(None).prctl(24, capability)


@pytest.mark.parametrize("words", ["policy show", "policy check", "subscriber list", "audit verify", "unit --config"])
def test_a_folder_that_may_not_be_read_is_refused_in_our_own_words(tmp_path: Path, words: str) -> None:
    (tmp_path / "city").mkdir(mode=0)
    done = subprocess.run(
        [sys.executable, "-m", "edge", *words.split(), tmp_path / "city"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=without_privileges,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "city" in done.stderr
    assert "permission denied" in done.stderr


def test_what_belongs_to_another_user_is_said_with_the_mend() -> None:
    said = streams.told(PermissionError(errno.EACCES, "Permission denied", "/led/ledger.sqlite"))
    assert said == "/led/ledger.sqlite: permission denied; run this as the user whose it is, or as root"
