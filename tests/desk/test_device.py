"""device.toml's `[models]` is changed in place: the choice changes, and no other byte that somebody wrote."""

import difflib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import load
from edge.desk.device import set_models
from edge.errors import ConfigError

EXAMPLE = (Path(__file__).parents[2] / "deploy" / "examples" / "device.toml").read_text()
BY = "homerule models tune: "


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The example, to be changed."""
    path = tmp_path / "device.toml"
    path.write_text(EXAMPLE)
    return path


def changes(file: Path, before: str = EXAMPLE) -> tuple[list[str], list[str]]:
    """The lines that are gone, and the ones that came."""
    lines = list(difflib.ndiff(before.splitlines(), file.read_text().splitlines()))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


def test_a_key_that_was_shown_as_a_comment_is_written_in_its_line(file: Path) -> None:
    assert set_models(file, {"detector": "plate-detector-416x256"})
    gone, came = changes(file)
    assert [line.split()[0] for line in gone] == ["#"]
    assert len(came) == 1
    assert came[0].startswith('detector = "plate-detector-416x256"')
    assert came[0].endswith("# by name; without it the default of that folder")
    assert load(file).models.detector == "plate-detector-416x256"


def test_a_key_that_stands_is_changed_where_it_stands(file: Path) -> None:
    set_models(file, {"threads": 2})
    before = file.read_text()
    set_models(file, {"threads": 4})
    gone, came = changes(file, before)
    assert (len(gone), len(came)) == (1, 1)
    assert came[0].startswith("threads  = 4 ")
    assert "#" in came[0]


def test_the_same_choice_again_writes_nothing(file: Path) -> None:
    set_models(file, {"detector": "a", "threads": 2})
    before = file.stat().st_mtime_ns
    assert not set_models(file, {"detector": "a", "threads": 2})
    assert file.stat().st_mtime_ns == before


def test_a_key_is_taken_away_again(file: Path) -> None:
    set_models(file, {"detector": "a"})
    set_models(file, {"detector": None})
    assert load(file).models.detector is None


def test_a_device_toml_without_the_table_gets_one(file: Path) -> None:
    start, end = EXAMPLE.index("[models]"), EXAMPLE.index("[broker]")
    file.write_text(EXAMPLE[:start] + EXAMPLE[end:])
    set_models(file, {"folder": "/srv/models", "reader": "b"}, by=BY, note="reason")
    assert load(file).models.reader == "b"
    assert file.read_text().startswith(EXAMPLE[:start] + EXAMPLE[end:])


def test_a_note_stands_at_the_head_and_takes_the_place_of_the_last_one(file: Path) -> None:
    set_models(file, {"threads": 2}, by=BY, note="one\ntwo")
    set_models(file, {"threads": 1}, by=BY, note="three")
    lines = file.read_text().splitlines()
    assert [line for line in lines if BY in line and line.startswith(f"# {BY}")] == [f"# {BY}three"]
    assert lines[lines.index(f"# {BY}three") - 1] == "[models]"


def test_a_broken_device_toml_is_left_alone(file: Path) -> None:
    file.write_text(EXAMPLE.replace("[models]", "[modles]"))
    with pytest.raises(ConfigError, match="did you mean `models`"):
        set_models(file, {"detector": "a"})
    assert "[modles]" in file.read_text()


def test_a_file_written_in_an_unusual_way_is_edited_rightly_or_not_at_all(file: Path) -> None:
    inline = EXAMPLE.replace("[models]\n", "", 1)
    file.write_text('models = { detector = "old" }\n' + inline)
    before = file.read_text()
    with pytest.raises(ConfigError):
        set_models(file, {"detector": "new"})
    assert file.read_text() == before


def test_a_name_that_device_toml_does_not_take_is_not_written(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="`detector` has a control character in it"):
        set_models(file, {"detector": "a\x1fb"})
    assert file.read_bytes() == before


NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=30)


@settings(max_examples=12, deadline=None)
@given(detector=NAMES | st.none(), reader=NAMES | st.none(), threads=st.integers(1, 16))
def test_whatever_is_chosen_is_what_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, detector: str | None, reader: str | None, threads: int
) -> None:
    file = tmp_path_factory.mktemp("device") / "device.toml"
    file.write_text(EXAMPLE)
    set_models(file, {"detector": detector, "reader": reader, "threads": threads})
    found = load(file)
    assert (found.models.detector, found.models.reader, found.models.threads) == (detector, reader, threads)
    before = tmp_path_factory.mktemp("device") / "device.toml"
    before.write_text(EXAMPLE)
    assert load(before).camera == found.camera
