"""The marked video: at which rates and of which pictures, and what is said where it cannot be written."""

import os
import resource
import stat
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture.picture import Plain
from edge.errors import HomeruleError
from edge.replay import AnnotatedVideo
from edge.values import Frame

AT = datetime(2026, 1, 1, tzinfo=UTC)


def grey(wide: int, high: int) -> Frame:
    picture = Plain(np.full((high, wide, 3), 90, np.uint8))
    return Frame(camera_id="c", sequence=0, captured_at=AT, picture=picture)


@pytest.mark.parametrize("rate", [0.1, 25.0, 29.97002997, 65.6789, 90.123, 239.7602, 999.99])
def test_the_rate_is_the_nearest_that_the_encoder_takes(tmp_path: Path, rate: float) -> None:
    video = AnnotatedVideo(tmp_path / "marked.mp4", frames_per_second=rate)
    for _ in range(3):
        video.add(grey(32, 16), [])
    video.keep()
    video.drop()
    told = cv2.VideoCapture(str(tmp_path / "marked.mp4")).get(cv2.CAP_PROP_FPS)
    assert told == pytest.approx(rate, rel=1e-4)


def test_pictures_that_come_once_an_hour_are_marked_too(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "marked.mp4", frames_per_second=1 / 3600)
    video.add(grey(32, 16), [])
    video.keep()
    assert (tmp_path / "marked.mp4").stat().st_size > 0


@pytest.mark.parametrize(("wide", "high"), [(1, 1), (8200, 100)])
def test_pictures_that_the_encoder_does_not_take_are_told_by_their_size(tmp_path: Path, wide: int, high: int) -> None:
    video = AnnotatedVideo(tmp_path / "marked.mp4", frames_per_second=10)
    with pytest.raises(HomeruleError) as refused:
        video.add(grey(wide, high), [])
    video.drop()
    assert f"takes no pictures of {wide}x{high}; scale them to between 2 and 8190 pixels" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_beginning_is_not_the_fault_of_the_pictures(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "marked.mp4", frames_per_second=10)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(HomeruleError, match=r"cannot be written \(file too large\)"):
            video.add(grey(320, 240), [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    video.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_told_as_one_without_room(tmp_path: Path) -> None:
    video = AnnotatedVideo(tmp_path / "marked.mp4", frames_per_second=10)
    video.add(grey(320, 240), [])
    next(tmp_path.glob(".*.part.mp4")).unlink()  # as good as nothing of it on the disk
    with pytest.raises(HomeruleError, match=r"\(no space left on device\); choose a place with room for --annotate"):
        video.keep()
    video.drop()


def test_a_place_that_is_none_is_not_told_as_one_without_room(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HomeruleError, match="choose another place for --annotate"):
        AnnotatedVideo(tmp_path / "file" / "marked.mp4", frames_per_second=10)


def test_a_hidden_file_that_lies_there_and_a_second_video_of_the_same_name_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / ".marked.part.mp4"
    theirs.write_text("a person's own")
    first, second = (AnnotatedVideo(tmp_path / "marked.mp4", frames_per_second=10) for _ in range(2))
    for wide, video in ((32, first), (64, second)):
        video.add(grey(wide, 16), [])
    second.drop()
    first.keep()
    first.drop()
    assert {path.name for path in tmp_path.iterdir()} == {"marked.mp4", ".marked.part.mp4"}
    assert theirs.read_text() == "a person's own"
    assert stat.S_IMODE((tmp_path / "marked.mp4").stat().st_mode) == 0o600
    assert cv2.VideoCapture(str(tmp_path / "marked.mp4")).get(cv2.CAP_PROP_FRAME_WIDTH) == 32


def test_in_the_folder_one_is_in_a_name_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    video = AnnotatedVideo(Path("marked.mp4"), frames_per_second=10)
    video.add(grey(32, 16), [])
    video.keep()
    video.drop()
    assert [path.name for path in tmp_path.iterdir()] == ["marked.mp4"]


@pytest.mark.parametrize("name", [b"o\xff.mp4", b"o\xff/marked.mp4"])
def test_a_name_that_is_no_utf_8_is_refused_first_and_shown_with_its_bytes(tmp_path: Path, name: bytes) -> None:
    with pytest.raises(HomeruleError) as refused:
        AnnotatedVideo(tmp_path / os.fsdecode(name), frames_per_second=10)
    assert f"{tmp_path}/{name.decode(errors='backslashreplace')}`: is no UTF-8 name; choose" in str(refused.value)
    assert list(tmp_path.iterdir()) == []
