"""`homerule ledger`, as the timers and the installer type it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge.cli import program
from edge.ledger.database import open_readonly
from edge.ledger.migrations import MIGRATIONS
from edge.ledger.verify import verify
from tests.ledger.builders import KEY, HandClock, device_folder, open_ledger, record


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device's folder; its key is handed over as systemd does it, and the hour of its one read is long over."""
    credentials = tmp_path / "credentials"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    device_folder(tmp_path, credentials=credentials)
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ["a-pd"], ["a-pd"])
    ledger.close()
    return tmp_path


def typed(device: Path, *words: str) -> Result:
    command = ["ledger", *words, "--config", str(device / "device.toml")]
    return CliRunner().invoke(program(command), command)


def test_purge_deletes_what_is_over_and_says_so_in_the_log(device: Path) -> None:
    before = verify(device / "ledger.sqlite", KEY.public_key())
    assert before.waiting == 1
    said = typed(device, "purge")
    assert (said.exit_code, "1 sealed reads" in said.output) == (0, True), said.output
    after = verify(device / "ledger.sqlite", KEY.public_key())
    assert (after.faults, after.waiting) == ((), 0)
    assert after.entries > before.entries
    assert b"sealed for" not in b"".join(path.read_bytes() for path in device.glob("ledger.sqlite*"))


def test_purge_before_the_first_start_has_nothing_to_do(device: Path) -> None:
    (device / "ledger.sqlite").unlink()
    said = typed(device, "purge")
    assert (said.exit_code, "not there yet" in said.output) == (0, True)
    assert not (device / "ledger.sqlite").exists()


@pytest.mark.parametrize("words", [("purge",), ("take-back", "3")])
def test_a_folder_in_the_place_of_the_ledger_is_not_taken_for_none(device: Path, words: tuple[str, ...]) -> None:
    (device / "ledger.sqlite").unlink()
    (device / "ledger.sqlite").mkdir()
    said = typed(device, *words)
    assert (said.exit_code, "no such ledger file" in str(said.exception)) == (1, True)


def test_take_back_leaves_a_ledger_of_that_shape(device: Path) -> None:
    said = typed(device, "take-back", str(len(MIGRATIONS) - 1))
    assert said.exit_code == 0, said.output
    db = open_readonly(device / "ledger.sqlite")
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) - 1,)
    db.close()


def test_the_program_says_which_shape_it_writes() -> None:
    command = ["ledger", "shape"]
    assert CliRunner().invoke(program(command), command).output == f"{len(MIGRATIONS)}\n"
