"""A command takes each read on its standard input; what it does not take comes again, what it took does not."""

import json
import stat
import sys
from pathlib import Path

import pytest

from edge.errors import ConfigError, NotStored
from edge.receive import Commanded, LinesFile
from tests.delivery.reads import PLATE
from tests.receive.lines import line

READ = line("a.b", data={"plate": PLATE})


def script(folder: Path, text: str) -> str:
    """A command of one program in Python."""
    (folder / "command.py").write_text(text)
    return f"{sys.executable} {folder / 'command.py'}"


def commanded(folder: Path, command: str, within: float = 20.0) -> Commanded:
    return Commanded(command, LinesFile(folder / "memory", receipts=False), within=within)


def test_the_command_has_the_read_on_its_standard_input_and_nowhere_else(tmp_path: Path) -> None:
    shows = "import json, os, sys; json.dump([sys.stdin.read(), sys.argv, dict(os.environ)], open('shown', 'w'))"
    store = commanded(
        tmp_path, script(tmp_path, shows.replace("'shown'", repr(str(tmp_path / "shown")))) + " 'two words'"
    )
    store.add(READ)
    came, words, environment = json.loads((tmp_path / "shown").read_text())
    assert json.loads(came) == dict(READ.content)
    assert words[1:] == ["two words"]
    assert PLATE not in str(words) + str(environment)


def test_no_shell_stands_between(tmp_path: Path) -> None:
    store = commanded(
        tmp_path, f"{script(tmp_path, 'import sys; sys.exit(sys.argv[1:] != [chr(36) + chr(72), chr(59)])')} $H ;"
    )
    store.add(READ)
    assert store.holds("a.b")


def test_the_memory_holds_no_plate_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    commanded(tmp_path, "true").add(READ)
    assert PLATE not in (tmp_path / "memory").read_text()
    assert stat.S_IMODE((tmp_path / "memory").stat().st_mode) == 0o600


def test_what_is_forgotten_in_time_is_not_said_to_be_deleted_where_the_command_stored_it(tmp_path: Path) -> None:
    store = commanded(tmp_path, "true")
    store.add(READ)
    assert store.purge(READ.until) == 0
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("memory", b"")]


def test_what_a_command_took_is_known_after_a_restart(tmp_path: Path) -> None:
    memory = LinesFile(tmp_path / "memory")
    Commanded("true", memory, within=20).add(READ)
    memory.close()
    assert commanded(tmp_path, "true").holds("a.b")


@pytest.mark.parametrize(
    ("text", "within", "why"),
    [
        ("import sys; sys.exit(3)", 20.0, "ended with 3"),
        ("import os; os.kill(os.getpid(), 9)", 20.0, "ended with -9"),
        ("import time; time.sleep(60)", 0.3, "was ended after 0.3 s, give it more with --run-within"),
    ],
)
def test_what_a_command_does_not_take_is_not_stored(tmp_path: Path, text: str, within: float, why: str) -> None:
    store = commanded(tmp_path, script(tmp_path, text), within)
    with pytest.raises(NotStored, match=why) as refused:
        store.add(READ)
    assert PLATE not in str(refused.value)
    assert not store.holds("a.b")


def test_a_command_that_goes_away_meanwhile_is_tried_again(tmp_path: Path) -> None:
    command = tmp_path / "command"
    command.write_text("#!/bin/sh\nexit 0\n")
    command.chmod(0o700)
    store = commanded(tmp_path, str(command))
    command.rename(tmp_path / "away")
    with pytest.raises(NotStored, match="cannot be started, no such file"):
        store.add(READ)
    (tmp_path / "away").rename(command)
    store.add(READ)


@pytest.mark.parametrize(
    ("command", "why"),
    [("", "names no command"), ("'true", "a quotation mark is not closed"), ("/no/such", "`/no/such` is no command")],
)
def test_what_is_no_command_is_said_at_the_start(tmp_path: Path, command: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        commanded(tmp_path, command)
