"""How reads are held against the truth."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.bench.score import Said, Truth, judge, said, truths
from edge.errors import ConfigError
from edge.values import Box, PlateRead

START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST, SECOND = Truth(plate="ABC1234", start=1.0, end=3.0), Truth(plate="XOI9876", start=5.0, end=7.0)


def one(text: str, at: float, confidence: float = 0.9) -> Said:
    return Said(text=text, confidence=confidence, first=at, last=at + 1)


def read(name: str, text: str, replaces: str | None = None) -> PlateRead:
    at = START + timedelta(seconds=2)
    box = Box(x1=0, y1=0, x2=1, y2=1)
    return PlateRead(
        read_id=name,
        camera_id="north",
        first_seen=at,
        best_seen=at,
        last_seen=at,
        box=box,
        text=text,
        confidence=0.9,
        lowest_character_confidence=0.9,
        frames=3,
        replaces=replaces,
    )


def test_a_vehicle_is_seen_by_a_read_of_its_time_that_is_more_alike_than_not() -> None:
    score = judge([one("ABC1239", 1.5), one("XO19B76", 5.5)], [FIRST, SECOND])
    assert (score.seen, score.exact, score.folded, score.false_reads) == (2, 0, 0, 0)


def test_o_and_zero_i_and_one_are_the_same_only_in_the_folded_figure() -> None:
    score = judge([one("X019876", 5.5)], [SECOND])
    assert (score.exact, score.folded) == (0, 1)


def test_a_second_read_of_a_vehicle_is_a_duplicate_and_the_surest_one_counts() -> None:
    score = judge([one("ABC1234", 1.5, 0.5), one("ABC1235", 2.5, 0.9)], [FIRST])
    assert (score.seen, score.duplicates, score.exact) == (1, 1, 0)


@pytest.mark.parametrize("stranger", [one("QQQ5555", 1.5), one("ABC1234", 20.0)])
def test_a_read_of_no_vehicle_or_of_another_time_is_false(stranger: Said) -> None:
    score = judge([stranger], [FIRST])
    assert (score.seen, score.false_reads) == (0, 1)
    assert score.shares["precision"].value == 0.0


def test_a_read_goes_to_the_vehicle_that_it_resembles_most() -> None:
    twin = Truth(plate="ABC1235", start=1.0, end=3.0)
    score = judge([one("ABC1235", 1.5), one("ABC1234", 1.5)], [FIRST, twin])
    assert (score.exact, score.duplicates) == (2, 0)


def test_a_correction_stands_in_the_place_of_what_it_replaces() -> None:
    given = said([read("a", "ABC1235"), read("b", "ABC1234", replaces="a")], start=START)
    assert [each.text for each in given] == ["ABC1234"]


def test_scores_add_up() -> None:
    both = judge([one("ABC1234", 1.5)], [FIRST]) + judge([], [SECOND])
    assert (both.passes, both.seen, len(both.misses)) == (2, 1, 1)


def test_no_plate_shows_in_a_representation() -> None:
    score = judge([one("QQQ5555", 1.5)], [FIRST])
    assert "ABC1234" not in repr((score, FIRST))
    assert "QQQ5555" not in repr(score)


def test_the_truth_is_told_in_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.json"
    path.write_text(
        '{"fps": 30, "frames": 99, "passes": [{"plate": "ABC1234", "start": 30, "end": 90, "source": "x"}]}'
    )
    assert truths(path) == (FIRST,)


@pytest.mark.parametrize("written", ["ABC1234", "abc 12 34", " ABC-1234", "A.B.C·1234"])
def test_a_plate_is_told_as_people_write_it(tmp_path: Path, written: str) -> None:
    path = tmp_path / "clip.json"
    path.write_text(json.dumps({"fps": 30, "passes": [{"plate": written, "start": 30, "end": 90}]}))
    assert judge([one("ABC1234", 1.5)], truths(path)).exact == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"fps": 0, "passes": [{"plate": "A", "start": 1, "end": 2}]}',
        '{"fps": 30, "passes": []}',
        '{"fps": 30, "passes": [{"plate": "A"}]}',
        '{"fps": 30, "passes": [{"plate": "A", "start": 90, "end": 30}]}',
        '{"fps": 30, "passes": [{"plate": "", "start": 1, "end": 2}]}',
        '{"fps": 30, "passes": [{"plate": " - ", "start": 1, "end": 2}]}',
        '{"fps": 30, "passes": [{"plate": "A", "start": 1, "end": Infinity}]}',
        '{"fps": Infinity, "passes": [{"plate": "A", "start": 1, "end": 2}]}',
    ],
)
def test_what_is_no_truth_is_refused_with_an_example(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clip.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="in frames"):
        truths(path)
