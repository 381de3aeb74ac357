"""`homerule audit export`, `verify`, `prove` and `prune` as they are typed, and killed in the middle."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner, Result

from edge.audit.proof import proven
from edge.cli import program
from edge.keys import public_text
from edge.ledger import Ledger
from edge.ledger.entries import Exported, Pruned, SelfTest
from edge.ledger.verify import verify
from tests.audit.logs import CITY, SECOND_VERIFIER, begun, lived_in, some_reads, word
from tests.ledger.builders import KEY, START, HandClock, device_folder


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """The bytes of a ledger, and a checkpoint from its middle."""
    path = tmp_path_factory.mktemp("commands") / "ledger.sqlite"
    held = lived_in(path, reads=180)
    return path.read_bytes(), held


@pytest.fixture
def site(lived: tuple[bytes, str], tmp_path: Path) -> Path:
    """A device's folder, with the keys that an auditor was given."""
    (tmp_path / "ledger.sqlite").write_bytes(lived[0])
    (tmp_path / "held").write_text(lived[1])
    (tmp_path / "device.pub").write_text(public_text(KEY))
    (tmp_path / "city.pub").write_text(public_text(CITY))
    return device_folder(tmp_path)


def typed(site: Path, *words: str) -> Result:
    return CliRunner().invoke(program(["audit"]), ["audit", *(word.replace("@", f"{site}/") for word in words)])


def export(site: Path, *words: str) -> Result:
    return typed(site, "export", "--config", "@device.toml", "--out", "@a.zip", *words)


def entries_of(site: Path, kind: type) -> list[object]:
    ledger = Ledger.open(site / "ledger.sqlite", clock=HandClock(), key=KEY, device="pole-7")
    found = [logged.entry for logged in ledger.entries() if isinstance(logged.entry, kind)]
    ledger.close()
    return found


@pytest.mark.parametrize("log", ["@", "@ledger.sqlite"])
def test_a_city_key_is_no_key_of_a_ledger_and_that_is_said(site: Path, log: str) -> None:
    said = typed(site, "verify", log, "--city-key", "@nofile")
    assert said.exit_code == 2
    assert "is for an archive" in said.output
    assert "ok  " not in said.output


def test_the_second_verifier_takes_the_same_options(site: Path) -> None:
    """Lines of two notes each too, as forks are kept; but no other archive."""
    assert export(site).exit_code == 0
    note = (site / "held").read_text()
    (site / "forks").write_text(json.dumps({"notes": [note, note]}) + "\n")
    for option, held, wanted in (
        ("--public-key", "@held", 0),
        ("--device-key", "@forks", 0),
        ("--public-key", "@ledger.sqlite", 1),
    ):
        words = ("@a.zip", option, "@device.pub", "--city-key", "@city.pub", "--checkpoint", held)
        assert typed(site, "verify", *words).exit_code == wanted
        again = [word.replace("@", f"{site}/") for word in words]
        done = subprocess.run([sys.executable, SECOND_VERIFIER, *again], capture_output=True, text=True, check=False)
        assert done.returncode == wanted, done.stderr
        assert "Traceback" not in done.stderr


def test_an_export_verifies_with_nothing_but_the_archive_and_the_pinned_keys(site: Path) -> None:
    assert export(site).exit_code == 0
    said = typed(
        site, "verify", "@a.zip", "--device-key", "@device.pub", "--city-key", "@city.pub", "--checkpoint", "@held"
    )
    assert (said.exit_code, {line.split()[0] for line in said.output.splitlines()}) == (0, {"ok", "note"})
    assert "note  some entries are of kinds" in said.output
    assert said.output.count("note") == 1


def test_the_export_stands_in_the_log_with_the_sha256_of_the_file(site: Path) -> None:
    export(site)
    digest = hashlib.sha256((site / "a.zip").read_bytes()).hexdigest()
    (entry,) = entries_of(site, Exported)
    assert isinstance(entry, Exported)
    assert (entry.first, entry.sha256) == (0, digest)


def test_a_fault_is_one_line_with_its_sort_and_place_and_exit_code_1(site: Path) -> None:
    export(site)
    content = (site / "a.zip").read_bytes()
    at = content.index(b'["switch"') + 3
    (site / "a.zip").write_bytes(content[:at] + b"X" + content[at + 1 :])
    said = typed(site, "verify", "@a.zip", "--device-key", "@device.pub")
    assert said.exit_code == 1
    (line,) = said.output.splitlines()
    assert line.startswith(f"FAULT edit {site}/a.zip: bytes ")
    assert line.endswith("its bytes were changed")


def test_a_checkpoint_for_others_to_fetch_finds_a_log_that_was_put_back(site: Path) -> None:
    export(site)
    old = (site / "a.zip").read_bytes()
    (site / "out").mkdir()
    entries = entries_of(site, object)
    said = typed(site, "checkpoint", "--config", "@device.toml", "--out", "@out")
    (made,) = (site / "out").iterdir()
    assert (said.exit_code, said.output, made.name) == (0, f"{made}\n", f"pole-7-{len(entries)}.checkpoint")
    assert made.stat().st_mode & 0o777 == 0o644
    (site / "a.zip").unlink()
    export(site)
    kept = ["--device-key", "@device.pub", "--checkpoint", str(made)]
    assert typed(site, "verify", "@a.zip", *kept).exit_code == 0
    (site / "a.zip").write_bytes(old)
    assert typed(site, "verify", "@a.zip", *kept).exit_code == 1


def test_what_a_receiver_kept_counts_to_the_last_line_also_without_its_end(site: Path) -> None:
    export(site)
    typed(site, "checkpoint", "--config", "@device.toml", "--out", "@")
    (later,) = site.glob("*.checkpoint")
    lines = [json.dumps({"note": note.read_text()}) for note in (site / "held", later)]

    def verified(kept: str, log: str) -> Result:
        (site / "kept").write_text(kept)
        return typed(site, "verify", log, "--device-key", "@device.pub", "--checkpoint", "@kept")

    for kept in ("\n".join(lines), "\n".join(lines) + "\n"):
        said = verified(kept, "@a.zip")
        assert (said.exit_code, "FAULT truncation" in said.output) == (1, True)
    torn = verified(f"{lines[0]}\n{lines[1][:20]}", "@a.zip")  # as a receiver that is killed leaves it
    assert (torn.exit_code, "1 held elsewhere" in torn.output) == (0, True)
    for kept, why in ((lines[0][:20], "line 1 is not one"), ('{"notes": []}\n', "holds no checkpoint")):
        assert why in str(verified(kept, "@a.zip").exception)


def test_a_checkpoint_of_the_same_size_with_another_root_is_kept(site: Path) -> None:
    (site / "out").mkdir()
    words = ("checkpoint", "--config", "@device.toml", "--out", "@out")
    assert [typed(site, *words).exit_code for _ in range(2)] == [0, 0]
    (made,) = (site / "out").iterdir()
    other = made.read_text().replace("homerule/", "homerule/fork-")
    made.write_text(other)
    assert typed(site, *words).exit_code == 1
    assert made.read_text() == other


def test_a_proof_is_printed_and_proves_the_entry(site: Path) -> None:
    export(site)
    said = typed(site, "prove", "@a.zip", "7", "--device-key", "@device.pub")
    assert said.exit_code == 0
    assert proven(said.output, KEY.public_key())[0] == 7


def test_only_the_days_that_were_asked_for_are_exported(site: Path) -> None:
    said = export(site, "--from", "2026-11-23T12:30:00Z", "--to", "2026-11-24")
    assert said.exit_code == 0
    assert word(site / "a.zip") == "ok"
    (site / "a.zip").unlink()
    none = export(site, "--from", "2027-01-01")
    assert none.exception is not None
    assert "no entries of that time" in str(none.exception)


def test_nothing_young_is_pruned_and_nothing_without_its_archive(site: Path) -> None:
    export(site)
    young = typed(site, "prune", "--config", "@device.toml", "--before", "2026-11-24", "--archive", "@a.zip")
    assert "audit_years" in str(young.exception)
    assert entries_of(site, Pruned) == []


def test_what_is_old_and_archived_is_pruned_and_the_rest_verifies(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export(site)
    monkeypatch.setattr("edge.cli.audit_archive.SystemClock", lambda **_: HandClock(at=START.replace(year=2028)))
    said = typed(site, "prune", "--config", "@device.toml", "--before", "2026-11-24", "--archive", "@a.zip")
    assert said.exit_code == 0, said.exception
    assert len(entries_of(site, Pruned)) == 1
    rest = typed(site, "verify", "@", "--device-key", "@device.pub", "--checkpoint", "@held")
    assert rest.exit_code == 0, rest.output
    old = typed(site, "verify", "@a.zip", "--device-key", "@device.pub", "--city-key", "@city.pub")
    assert old.exit_code == 0


WORK = """
import sys
from pathlib import Path
from edge.audit.export import Export, export
from edge.ledger import Ledger, pruning
from edge.ledger.entries import Exported
from tests.ledger.builders import KEY, HandClock
pruning._BLOCKS_A_STEP = 1
folder = Path(sys.argv[1])
ledger = Ledger.open(folder / "ledger.sqlite", clock=HandClock(), key=KEY, device="pole-7")
print("ready", flush=True)
made = Export(ledger.history, KEY, software="1.0")
export(made, folder / f"{sys.argv[2]}.zip",
       announce=lambda digest: ledger.note(Exported(first=made.first, last=made.last, sha256=digest)))
print("exported", flush=True)
list(ledger.prune(None))
cut = min(ledger.history.pruned + 2048, ledger.size - 1)
list(ledger.prune(cut - cut % 256, ("0" * 64,)))
ledger.close()
"""


def test_killed_anywhere_in_an_export_or_a_prune_log_and_archives_are_whole_or_say_where_not(
    tmp_path: Path, full: bool
) -> None:
    clock, path, chance, root = HandClock(), tmp_path / "ledger.sqlite", Random(8), str(Path(__file__).parents[2])
    ledger = begun(path, clock)
    for _ in range(4):
        ledger.note(*(SelfTest(model="m", digest="d" * 64, passed=1) for _ in range(3000)))
        some_reads(ledger, clock, 12)
    held = ledger.checkpoint().note
    ledger.close()
    for number in range(40 if full else 4):
        process = subprocess.Popen(
            [sys.executable, "-c", WORK, str(tmp_path), str(number)],
            stdout=subprocess.PIPE,
            cwd=root,
            env={**os.environ, "PYTHONPATH": root},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        if number % 2:
            process.stdout.readline()
        try:
            process.wait(chance.random() * 0.6)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert verify(path, KEY.public_key(), held=[held]).faults == ()
    announced = [entry.sha256 for entry in entries_of(tmp_path, Exported) if isinstance(entry, Exported)]
    for made in tmp_path.glob("*.zip"):
        if not made.name.startswith("."):
            assert hashlib.sha256(made.read_bytes()).hexdigest() in announced
            assert word(made) == "ok"


def test_a_proof_is_printed_letter_for_letter_where_the_terminal_knows_few_letters(site: Path) -> None:
    export(site)
    few = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = [sys.executable, "-m", "edge", "audit", "prove", str(site / "a.zip"), "0"]
    done = subprocess.run(words, capture_output=True, check=False, env=few)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("utf-8") == typed(site, "prove", "@a.zip", "0").output


def test_a_log_whose_name_is_no_utf_8_is_reported_with_its_bytes(site: Path) -> None:
    log = (site / "ledger.sqlite").rename(site / os.fsdecode(b"b\xff.sqlite"))
    said = typed(site, "report", str(log), "--out", "@q.html", "--json", "@q.json", "--csv", "@q.csv")
    assert "written: " in said.output
    assert json.loads((site / "q.json").read_text())["log"]["where"] == rf"{site}/b\xff.sqlite"
    assert (site / "q.html").read_text().startswith("<!doctype html>")
