"""No damaged or truncated stream ends the process, escapes the errors of the capture room, or eats the memory."""

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.capture import open_recording
from edge.decoding.address import Address
from edge.decoding.stream import Stream
from edge.decoding.trouble import Trouble
from edge.errors import CameraError
from edge.road.clip import Pass, Road, write_video

KINDS = {
    "plain.h264": "-c:v libx264 -preset ultrafast -bf 0 -g 12",
    "b-pictures.h264": "-c:v libx264 -preset veryfast -bf 2 -g 24",
    "small.h264": "-c:v libx264 -preset ultrafast -bf 0 -g 12 -s 96x54",
    "tv.ts": "-c:v libx264 -preset ultrafast -bf 0 -g 12 -f mpegts",
    "motion.mjpeg": "-c:v mjpeg -q:v 6 -f mjpeg",
    "file.mp4": "-c:v libx264 -preset ultrafast -bf 0 -g 12",
}


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a drawn street in every coding that cameras use."""
    folder = tmp_path_factory.mktemp("streams")
    clip = folder / "clip.avi"
    write_video(Road(passes=[Pass(text="CB 54 719", speed=20.0)], seed=5, size=(320, 180), fps=12.5), clip)
    for name, words in KINDS.items():
        command = ["ffmpeg", "-v", "error", "-i", clip, "-t", "2", "-an", "-pix_fmt", "yuv420p", *words.split()]
        subprocess.run([*command, folder / name], check=True)
    return folder


def test_a_coding_that_nobody_knows_is_said(streams: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes((streams / "file.mp4").read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(Trouble, match="its kind of picture cannot be read; set the camera"):
        Stream(Address(place="here", name=str(film)), lambda frame: frame)
    with pytest.raises(CameraError, match="not a video that can be played"):
        open_recording(film, camera_id="north", start=datetime(2026, 1, 1, tzinfo=UTC))


def with_another(stream: bytes) -> bytes:
    """An MPEG transport stream whose pictures come once more from its middle on, under a number that it never named."""
    packets = [stream[start : start + 188] for start in range(0, len(stream), 188)]
    pictures, made = b"\x01\x00", []
    for number, packet in enumerate(packets):
        made.append(packet)
        if number > len(packets) // 2 and bytes((packet[1] & 0x1F, packet[2])) == pictures:
            made.append(packet[:1] + bytes((packet[1] & 0xE0 | 0x03, 0x33)) + packet[3:])
    return b"".join(made)


def count(path: Path) -> int:
    """The pictures of a camera whose stream this is."""
    stream, found = Stream(Address(place="here", name=str(path)), lambda frame: frame), list[object]()
    with suppress(Trouble):
        while True:
            found += stream.read()
    return len(found)


def test_a_stream_beside_the_pictures_that_begins_in_the_middle_costs_none(streams: Path, tmp_path: Path) -> None:
    alone, both = tmp_path / "alone.ts", tmp_path / "both.ts"  # longer than what is looked at when it is opened
    subprocess.run(
        ["ffmpeg", "-v", "error", "-stream_loop", "9", "-i", streams / "tv.ts", "-c", "copy", alone], check=True
    )
    both.write_bytes(with_another(alone.read_bytes()))
    start = datetime(2026, 1, 1, tzinfo=UTC)
    seen = [len(list(open_recording(path, camera_id="north", start=start).frames())) for path in (alone, both)]
    assert seen[0] == seen[1] == count(alone) == count(both) > 200


def fuzzed(streams: Path, first: int, count: int) -> None:
    """Runs so many damaged streams; fails with the number of the one that got through."""
    command = [sys.executable, "-m", "tests.capture.fuzzing", str(streams), str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3000)
    last = (done.stdout.splitlines() or ["none"])[-1]
    assert done.returncode == 0, f"damaged stream {last}: {done.returncode} {done.stderr[-2000:]}"


def test_damaged_streams_give_pictures_or_a_trouble_and_nothing_else(streams: Path) -> None:
    fuzzed(streams, 0, 60)


@pytest.mark.full
@pytest.mark.parametrize("part", range(8))
def test_thousands_of_damaged_streams_give_pictures_or_a_trouble_and_nothing_else(streams: Path, part: int) -> None:
    fuzzed(streams, 1000 + 500 * part, 500)
