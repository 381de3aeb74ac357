"""A camera's two streams out of files: where something always moves, every frame comes, at its own time."""

import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.bench.filmed import Filmed
from edge.capture import open_recording
from edge.values import Frame

START = datetime(2026, 1, 1, tzinfo=UTC)


def coded(path: Path, size: str, *, reordered: int) -> Path:
    """Two seconds in which something always moves; `late`: from second 1000 on; `reordered` pictures wait for later."""
    late = ["-output_ts_offset", "1000"] if "late" in path.name else []
    moves = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration=2"]
    subprocess.run(["ffmpeg", "-v", "error", *moves, "-c:v", "libx264", "-bf", str(reordered), *late, path], check=True)
    return path


def seconds(frames: Iterable[Frame]) -> list[float]:
    return [round((frame.captured_at - START).total_seconds(), 3) for frame in frames]


@pytest.mark.parametrize(
    ("large", "small"),
    [
        ("large.mp4", "small.mp4"),
        ("large-late.ts", "small.mp4"),
        ("large.mp4", "small-late.ts"),
        ("large.h264", "small.mp4"),
        ("large.mp4", "small.h264"),
    ],
)
def test_every_frame_comes_at_its_own_time(tmp_path: Path, large: str, small: str) -> None:
    clip, sub = coded(tmp_path / large, "320x180", reordered=3), coded(tmp_path / small, "160x90", reordered=0)
    given = seconds(Filmed(open_recording(clip, camera_id="c", start=START), str(sub)).frames())
    assert (len(given), given[-1]) == (50, 1.96)
    assert given == sorted(given)
    if clip.suffix != ".h264":
        assert given == seconds(open_recording(clip, camera_id="c", start=START).frames())
