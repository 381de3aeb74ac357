"""The command line loads what a command needs and nothing else, and no command is missing from its table."""

import importlib
import pkgutil
import subprocess
import sys
from inspect import signature

import pytest
import typer
from typer.main import get_group

import edge.cli
from edge.cli import ALONE, COMMANDS, program

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
