"""A replay's folder is written whole or not at all."""

import json
import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import HomeruleError
from edge.replay import OutputFolder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(path: Path) -> str:
    with pytest.raises(HomeruleError) as raised, OutputFolder(path) as out:
        out.write("reads.jsonl", "{}\n")
    return str(raised.value)


def test_the_folder_takes_its_name_only_at_the_end(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as out:
        out.write("reads.jsonl", "{}\n")
        assert not (tmp_path / "out").exists()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["reads.jsonl"]


def test_only_its_owner_may_look_into_it(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as out:
        out.write("reads.jsonl", "{}\n")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "out" / "reads.jsonl").stat().st_mode) == 0o600


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def broken() -> None:
        with OutputFolder(tmp_path / "out") as out:
            out.write("reads.jsonl", "{}\n")
            raise RuntimeError("the model broke")

    with pytest.raises(RuntimeError):
        broken()
    assert names(tmp_path) == []


@pytest.mark.parametrize(("inside", "blamed"), [(True, HomeruleError), (False, BrokenPipeError)])
def test_only_an_error_of_the_folder_is_said_of_it(tmp_path: Path, inside: bool, blamed: type[Exception]) -> None:
    def broken() -> None:
        with OutputFolder(tmp_path / "out") as out:
            raise OSError(28, "No space", str(out.folder / "x")) if inside else BrokenPipeError(32, "Broken pipe")

    with pytest.raises(blamed):
        broken()
    assert names(tmp_path) == []


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("mine")
    assert "not empty" in refusal(tmp_path / "out")
    assert names(tmp_path / "out") == ["diary.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with OutputFolder(tmp_path / "out") as out:
        out.write("reads.jsonl", "{}\n")
    assert names(tmp_path / "out") == ["reads.jsonl"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert "no folder" in refusal(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refusal(tmp_path / "file" / "out")
    assert "cannot be written" in refusal(Path("/proc/homerule/out"))


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # A limit on the size of files stands in for the full disk: the write itself fails.
    writing = (
        "import sys, pathlib; from edge.replay import OutputFolder; from edge.errors import HomeruleError\n"
        "try:\n with OutputFolder(pathlib.Path(sys.argv[1])) as out: out.write('report.html', 'x' * 100_000)\n"
        "except HomeruleError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", writing, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )
    assert "cannot be written (File too large); nothing was kept" in done.stdout
    assert names(tmp_path) == []


def test_without_a_name_nothing_is_kept() -> None:
    with OutputFolder(None) as out:
        out.write("reads.jsonl", "{}\n")
        folder = out.folder
    assert not folder.exists()


def test_a_name_that_is_no_utf_8_does_not_end_the_writing(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as out:
        out.write("summary.json", os.fsdecode(b'{"name": "b\xff.ts"}\n'))
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == {"name": os.fsdecode(b"b\xff.ts")}
