"""The house stands: rooms import only downwards, the pure rooms stay pure, and a deliberate breach is seen."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 300
LONGEST_FUNCTION = 40
"""Lines; a function's are counted from the first statement after its docstring."""

LONGER_FOR_A_REASON: dict[str, str] = {}
"""`path` or `path:function`, and why it stays whole."""


def contracts_in(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on a copy of the program."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "COLUMNS": "200"},
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The program and its contracts, to be broken."""
    shutil.copytree(ROOT / "edge", tmp_path / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copied: Path) -> None:
    run = contracts_in(copied)
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


@pytest.mark.parametrize(
    ("module", "breach", "broken"),
    [
        ("values.py", "import edge.clock", "floors"),
        ("ledger/store.py", "import edge.delivery.broker", "floors"),
        ("vision/vision.py", "import edge.replay", "floors"),
        ("newroom.py", "import edge.errors", "floors"),
        ("policy/decide.py", "import os", "purity"),
        ("policy/decide.py", "import time", "purity"),
        ("policy/tag.py", "from edge import keys", "purity"),
        ("written.py", "import logging", "purity"),
        ("delivery/envelope.py", "import sqlite3", "purity"),
        ("desk/folder.py", "import cv2", "pictures"),
        ("ledger/log.py", "import socket", "network"),
        ("delivery/broker.py", "import sqlite3", "ledger"),
    ],
)
def test_a_deliberate_breach_breaks_its_contract(copied: Path, module: str, breach: str, broken: str) -> None:
    path = copied / "edge" / module
    with path.open("a") as file:
        file.write(f"\n{breach}\n")
    run = contracts_in(copied)
    assert run.returncode == 1, run.stdout
    assert [line for line in run.stdout.splitlines() if line.startswith(broken) and "BROKEN" in line] or (
        broken == "floors" and "newroom" in run.stdout
    )


def test_chance_and_time_come_through_the_clock(tmp_path: Path) -> None:
    breach = tmp_path / "breach.py"
    breach.write_text(
        '"""Asks the computer itself."""\n\nimport time\nimport uuid\nfrom datetime import UTC, date, datetime\n\n'
        "SEEN = [datetime.now(UTC), date.today(), time.time(), time.monotonic(), uuid.uuid4()]\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", ROOT / "pyproject.toml", "--select", "TID251", breach],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.count("TID251") == 5, run.stdout + run.stderr


def test_no_file_is_longer_than_one_can_hold_in_mind() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_page_without_a_reason() -> None:
    long = {f"{name}:{function}": lines for name, function, lines in functions() if lines > LONGEST_FUNCTION}
    assert {place: lines for place, lines in long.items() if place not in LONGER_FOR_A_REASON} == {}
    assert set(LONGER_FOR_A_REASON) <= set(long), "a reason that is no longer needed"


def test_every_module_says_what_it_is() -> None:
    assert [name for name, path in modules() if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_everything_is_caught_only_where_a_thread_or_each_new_start_would_end_in_silence() -> None:
    caught = [
        name
        for name, path in modules()
        for handler in ast.walk(ast.parse(path.read_text()))
        if isinstance(handler, ast.ExceptHandler) and _catches_everything(handler)
    ]
    assert set(caught) == {
        "edge/daemon/loops.py",
        "edge/capture/live.py",
        "edge/capture/lookout.py",
        "edge/control/wishes.py",
    }


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the program by its path in the checkout."""
    for path in sorted((ROOT / "edge").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), path


def functions() -> Iterator[tuple[str, str, int]]:
    """Every function: its module, its name, its lines without signature and docstring."""
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                yield name, node.name, (node.end_lineno or 0) - first.lineno + 1


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:  # it goes on its way
        return False
    if handler.type is None:
        return True
    return isinstance(handler.type, ast.Name) and handler.type.id == "Exception"
