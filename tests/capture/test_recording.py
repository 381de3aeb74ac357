"""What a recording gives, and what is said about one that gives nothing."""

import math
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
import pytest

from edge.capture import frames, open_recording
from edge.errors import CameraError

START = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty frames at 20 a second, each brighter than the one before, with noise so that the file has some length."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (160, 96))
    chance = np.random.default_rng(3)
    for brightness in range(40):
        writer.write((chance.integers(0, 90, (96, 160, 3)) + 4 * brightness).astype(np.uint8))
    writer.release()
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CameraError) as raised:
        list(frames(path, camera_id="north", start=START))
    assert str(path) in str(raised.value)
    return str(raised.value)


def test_every_frame_of_a_video_comes_in_order(clip: Path) -> None:
    seen = list(frames(clip, camera_id="north", start=START))
    assert [frame.sequence for frame in seen] == list(range(40))
    brightness = [float(frame.pixels.mean()) for frame in seen]
    assert brightness == sorted(brightness)
    assert {frame.camera_id for frame in seen} == {"north"}


def test_time_comes_from_the_stream(clip: Path) -> None:
    seen = list(frames(clip, camera_id="north", start=START))
    assert seen[0].captured_at == START
    assert abs(seen[39].captured_at - START - timedelta(seconds=39 / 20)) < timedelta(milliseconds=2)


def stamped(path: Path, stamps: list[float]) -> Path:
    """A recording of ten frames a second, as it says, whose frames bear these time stamps."""
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number, at in enumerate(stamps):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 5 * number, np.uint8), "yuv420p")
            frame = frame.reformat(format="yuvj420p")
            frame.pts = number
            for packet in stream.encode(frame):
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = round(at * 1000)
                container.mux(packet)
    return path


@pytest.mark.parametrize("leap", [86402.0, 1e12])
def test_a_leap_of_the_time_stamps_is_no_day_that_has_passed(tmp_path: Path, leap: float) -> None:
    path = stamped(tmp_path / "leap.mkv", [0.0, 0.1, 0.4, leap, leap + 0.2, leap + 0.3])
    recording = open_recording(path, camera_id="north", start=START)
    seen = [(frame.captured_at - START).total_seconds() for frame in recording.frames()]
    assert seen == pytest.approx([0.0, 0.1, 0.4, 30.4, 30.6, 30.7], abs=0.002)
    assert ["leap" in warning for warning in recording.warnings] == [True], "and none of frames that are missing"


def test_a_recording_that_pauses_for_minutes_or_hours_keeps_its_time(tmp_path: Path) -> None:
    stamps = [0.0, 30.0, 330.0, 330.1, 20_000.0]
    path = stamped(tmp_path / "paused.mkv", stamps)
    seen = [(frame.captured_at - START).total_seconds() for frame in frames(path, camera_id="north", start=START)]
    assert seen == pytest.approx(stamps, abs=0.002)


def test_the_number_of_frames_is_known_before_the_first_is_read(clip: Path) -> None:
    assert open_recording(clip, camera_id="north", start=START).total == 40


def test_an_avi_that_counts_each_frame_twice_is_not_taken_for_half_a_recording(clip: Path, tmp_path: Path) -> None:
    film, path = tmp_path / "film.mp4", tmp_path / "fields.avi"
    for words in ([clip, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-bf", "0", film], [film, "-c", "copy", path]):
        subprocess.run(["ffmpeg", "-v", "error", "-i", *words], check=True)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 80
    recording = open_recording(path, camera_id="north", start=START)
    assert (recording.total, len(list(recording.frames())), recording.warnings) == (40, 40, [])


def turned(clip: Path, path: Path, degrees: float) -> Path:
    """The clip in another file that says by how much it is to be turned to the right."""
    whole = bytearray(clip.read_bytes())
    matrix = whole.index(b"tkhd") + 44  # ISO/IEC 14496-12, 8.3.2
    cosine, sine = (round((1 << 16) * one(math.radians(degrees))) for one in (math.cos, math.sin))
    whole[matrix : matrix + 36] = struct.pack(">9i", cosine, sine, 0, -sine, cosine, 0, 0, 0, 1 << 30)
    path.write_bytes(whole)
    return path


@pytest.fixture
def telephone(clip: Path, tmp_path: Path) -> Path:
    """The clip, filmed lying down."""
    return turned(clip, tmp_path / "telephone.mp4", 90)


def test_a_recording_that_was_filmed_lying_down_stands_upright(clip: Path, telephone: Path) -> None:
    lying = next(frames(clip, camera_id="north", start=START)).pixels
    upright = next(frames(telephone, camera_id="north", start=START)).pixels
    assert np.array_equal(upright, np.rot90(lying, -1))
    assert np.array_equal(upright, cv2.VideoCapture(str(telephone)).read()[1])


def test_its_brightness_stands_upright_too(clip: Path, telephone: Path) -> None:
    lying = next(frames(clip, camera_id="north", start=START)).picture.luma(1)
    upright = next(frames(telephone, camera_id="north", start=START)).picture
    assert np.array_equal(upright.luma(1), np.rot90(lying, -1))
    # the pixels that whoever counts in upright pixels means, also where the step does not go into the height
    assert np.array_equal(upright.luma(7), upright.luma(1)[::7, ::7])


@pytest.mark.parametrize(
    ("degrees", "quarters"), [(0, 0), (30, 0), (45, 0), (60, 1), (100, 1), (135, 2), (180, 2), (225, 2), (300, 3)]
)
def test_a_recording_that_was_filmed_askew_is_turned_by_the_nearest_quarter(
    clip: Path, tmp_path: Path, degrees: int, quarters: int
) -> None:
    filmed = next(frames(clip, camera_id="north", start=START)).picture
    picture = next(frames(turned(clip, tmp_path / "askew.mp4", degrees), camera_id="north", start=START)).picture
    upright = np.rot90(filmed.pixels(), -quarters)
    assert np.array_equal(picture.pixels(), upright)
    assert picture.size == (upright.shape[1], upright.shape[0])
    assert np.array_equal(picture.luma(1), np.rot90(filmed.luma(1), -quarters))
    assert np.array_equal(picture.cut(8, 10, 40, 30), upright[10:30, 8:40])
    wide, high = picture.size
    assert picture.scaled((wide // 2, high // 2)).shape == (high // 2, wide // 2, 3)
    assert picture.scaled((16, 10), (8, 10, 40, 30)).shape == (10, 16, 3)


@pytest.mark.needs("ffmpeg")
def test_frames_between_key_frames_are_left_unsmoothed_and_stay_close_to_the_encoders(tmp_path: Path) -> None:
    path = tmp_path / "road.mp4"
    source = "testsrc2=size=640x360:rate=25:duration=4,noise=alls=12:allf=t"
    coding = "-c:v libx264 -preset veryfast -bf 0 -g 50 -sc_threshold 0 -crf 26 -pix_fmt yuv420p"
    ffmpeg = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, *coding.split(), str(path)]
    subprocess.run(ffmpeg, check=True)
    with av.open(path) as container:
        smoothed = [(frame.key_frame, frame.to_ndarray()[:360].astype(float)) for frame in container.decode(video=0)]
    ours = [frame.picture for frame in frames(path, camera_id="north", start=START)]
    assert len(ours) == len(smoothed) == 100
    errors = [
        float(np.square(picture.luma(1) - theirs).mean()) for picture, (_, theirs) in zip(ours, smoothed, strict=True)
    ]
    keys = [at for at, (is_key, _) in enumerate(smoothed) if is_key]
    assert keys == [0, 50]
    assert [errors[at] for at in keys] == [0.0, 0.0]
    assert 0.0 < max(errors) < 40.0, "levels squared: 40 is 32 dB"


def test_a_missing_video_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nowhere.mp4")


def test_an_empty_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "0 bytes" in refusal(path)


def test_a_text_file_named_mp4_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("this is not a video\n" * 80)
    assert "text file" in refusal(path)


def test_a_file_of_noise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(1).bytes(20_000))
    assert "not a video" in refusal(path)


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize("coding", ["mjpeg", "libx264"])
def test_pictures_that_are_too_large_are_refused_as_such(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "large.mp4"
    source = "color=size=7680x4320:rate=5:duration=0.2"
    ffmpeg = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", coding, path]
    subprocess.run(ffmpeg, check=True)
    said = refusal(path)
    assert "pictures of 7680x4320 are larger than 16 megapixels; scale them down" in said
    assert "damaged" not in said


def test_a_video_cut_before_its_index_is_refused(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    whole = clip.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov") - 4])
    assert "cut short" in refusal(path)


def test_a_video_with_its_index_and_half_its_pictures_gives_what_it_has_and_says_so(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.mp4"
    whole = bytearray(clip.read_bytes())
    start, end = whole.index(b"mdat") + 4, whole.index(b"moov") - 4
    whole[(start + end) // 2 : end] = bytes(end - (start + end) // 2)
    path.write_bytes(whole)
    recording = open_recording(path, camera_id="north", start=START)
    decoded = len(list(recording.frames()))
    assert 5 < decoded < 35
    assert [f"only {decoded} of 40 frames" in warning for warning in recording.warnings] == [True]


def test_a_whole_video_gives_no_warning(clip: Path) -> None:
    recording = open_recording(clip, camera_id="north", start=START)
    list(recording.frames())
    assert recording.warnings == []


WHOLE = {
    "a changing pace in mkv": ("-vf select='mod(n,3)' -vsync vfr {} changing.mkv", 66),
    "a changing pace in flv": ("-vf select='mod(n,3)' -vsync vfr {} changing.flv", 66),
    "a picture every two seconds": ("-vf setpts=50*PTS -r 0.5 -frames:v 50 {} slow.mkv", 50),
    "sound that lasts longer, in mkv": ("-f lavfi -i sine=duration=20 {} -c:a aac longer.mkv", 100),
    "sound that lasts longer, in ts": ("-f lavfi -i sine=duration=20 {} -c:a aac longer.ts", 100),
    "sound that lasts longer, in avi": (
        "-f lavfi -i sine=duration=20 -bsf:v h264_mp4toannexb -c:v copy -c:a aac longer.avi",
        100,
    ),
    "sound with a cover": (
        "-f lavfi -i sine=duration=3 -map 1 -map 0 -frames:v 1 -c:v mjpeg -disposition:v attached_pic cover.mp3",
        1,
    ),
}
H264 = "-c:v libx264 -preset ultrafast -bf 0 -pix_fmt yuv420p"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds, 25 frames each."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    filmed("-f lavfi -i testsrc2=size=160x96:rate=25:duration=4 -g 25 {} film.mkv", path.parent)
    return path


def filmed(words: str, folder: Path) -> Path:
    """What ffmpeg makes of these words, coded as H264 says where they leave room for it."""
    subprocess.run(["ffmpeg", "-v", "error", *words.format(H264).split()], cwd=folder, check=True)
    return folder / words.split()[-1]


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize(("words", "count"), WHOLE.values(), ids=WHOLE)
def test_a_whole_video_is_not_called_cut_short(film: Path, tmp_path: Path, words: str, count: int) -> None:
    recording = open_recording(filmed(f"-i {film} {words}", tmp_path), camera_id="north", start=START)
    assert (len(list(recording.frames())), recording.warnings) == (count, [])


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize("ending", ["mkv", "flv"])
def test_a_video_that_ends_before_its_time_says_so(film: Path, tmp_path: Path, ending: str) -> None:
    whole = filmed(f"-i {film} -c copy whole.{ending}", tmp_path)
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    recording = open_recording(path, camera_id="north", start=START)
    list(recording.frames())
    assert [bool(re.search(r"only [12]\.\d of 4\.\d seconds", warning)) for warning in recording.warnings] == [True]


@pytest.mark.needs("ffmpeg")
@pytest.mark.parametrize("ending", ["ts", "flv"])
def test_a_video_with_a_hole_says_so(film: Path, tmp_path: Path, ending: str) -> None:
    path = filmed(f"-i {film} -c copy hole.{ending}", tmp_path)
    whole = path.read_bytes()
    start, end = len(whole) * 4 // 10, len(whole) * 7 // 10
    path.write_bytes(whole[:start] + bytes(end - start) + whole[end:])
    recording = open_recording(path, camera_id="north", start=START)
    count = len(list(recording.frames()))
    assert 50 < count < 90
    assert [f"only {count} of 100 frames" in warning for warning in recording.warnings] == [True]


@pytest.mark.needs("ffmpeg")
def test_a_pace_below_one_a_second_is_kept(film: Path, tmp_path: Path) -> None:
    path = filmed(f"-i {film} -vf setpts=50*PTS -r 0.5 -frames:v 10 {{}} slow.mkv", tmp_path)
    recording = open_recording(path, camera_id="north", start=START)
    assert (recording.frames_per_second, recording.total) == (0.5, 10)


def test_a_decoder_says_nothing_on_its_own(tmp_path: Path) -> None:
    # In a process of its own: ffmpeg takes its log level from the first use.
    path = tmp_path / "noise.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + np.random.default_rng(1).bytes(20_000))
    opening = (
        "import sys, datetime, pathlib; from edge.capture import frames; from edge.errors import CameraError\n"
        "try: list(frames(pathlib.Path(sys.argv[1]), camera_id='n', start=datetime.datetime.now(datetime.UTC)))\n"
        "except CameraError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", opening, str(path)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert "no images" in refusal(tmp_path)


def test_a_folder_whose_images_are_all_broken_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.jpg").write_bytes(b"")
    (tmp_path / "two.png").write_bytes(b"no png")
    assert "can be decoded" in refusal(tmp_path)


def test_a_broken_image_among_good_ones_is_left_out_and_said(tmp_path: Path) -> None:
    for name in ("frame2.png", "frame10.png"):
        cv2.imwrite(str(tmp_path / name), np.full((40, 60, 3), 9, np.uint8))
    (tmp_path / "frame3.png").write_bytes(b"no png")
    recording = open_recording(tmp_path, camera_id="north", start=START, pictures_per_second=2.0)
    seen = list(recording.frames())
    assert [(frame.captured_at - START).total_seconds() for frame in seen] == [0.0, 1.0]
    assert len(recording.warnings) == 1
    assert "frame3.png" in recording.warnings[0]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder into which everybody may look."""
    with TemporaryDirectory(prefix="homerule-open-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def unreadable(*files: Path) -> Iterator[None]:
    """These may not be read, by root neither: it is somebody else meanwhile."""
    for file in files:
        file.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_an_image_that_may_not_be_read_is_left_out_and_said(open_folder: Path) -> None:
    one, two = open_folder / "1.png", open_folder / "2.png"
    for path in (one, two):
        cv2.imwrite(str(path), np.full((40, 60, 3), 9, np.uint8))
    recording = open_recording(open_folder, camera_id="north", start=START)
    with unreadable(two):
        assert len(list(recording.frames())) == 1
    assert recording.warnings == [f"`{two}`: cannot be read (permission denied), check its owner and mode; left out"]
    with unreadable(one, two), pytest.raises(CameraError, match=r"can be read \(permission denied\)"):
        list(recording.frames())


def test_images_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), np.full((40, 60, 3), number, np.uint8))
    assert [int(frame.pixels[0, 0, 0]) for frame in frames(tmp_path, camera_id="north", start=START)] == [1, 9, 10]


def test_a_name_with_a_raised_digit_has_its_place_too(tmp_path: Path) -> None:
    for shade, name in enumerate(("1²1.png", "1²2.png", "2.png")):
        cv2.imwrite(str(tmp_path / name), np.full((40, 60, 3), shade, np.uint8))
    assert [int(frame.pixels[0, 0, 0]) for frame in frames(tmp_path, camera_id="north", start=START)] == [0, 1, 2]


def test_a_device_is_neither_a_file_nor_a_folder() -> None:
    assert "neither" in refusal(Path("/dev/null"))
