"""A video file, decoded with one thread by ffmpeg through PyAV; time comes from the stream's own time stamps."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from edge.capture.picture import Converter, Decoded, keep_freed_memory
from edge.decoding.stream import MOST_PIXELS, decode_cheaply, packets_of
from edge.disk import shown
from edge.errors import CameraError
from edge.values import Frame

USUAL_FRAMES_PER_SECOND = 25.0
_LONGEST_STEP, _LEAP = 86400.0, 30.0
"""Seconds between two frames. What was filmed when something moved may pause for hours; time stamps of more leap, which
counts as long enough that no vehicle is the one before."""
_TOLD = re.compile(r"(\d{1,6}):(\d\d):(\d\d(?:\.\d{1,9})?)")
"""Hours, minutes and seconds, as an mkv tells when its pictures end."""


class VideoFile:
    """One recorded video. Opening it decodes the first frame, so that a file that holds no picture is known at once."""

    def __init__(self, path: Path, *, camera_id: str, start: datetime) -> None:
        """Raises CameraError when the file is empty, unreadable or gives no frame; OSError when it cannot be opened."""
        self.path = path
        self.warnings: list[str] = []
        self._camera_id = camera_id
        self._start = start
        with path.open("rb") as file:
            head = file.read(1024)
        if not head:
            raise CameraError(f"`{path}`: the file is empty (0 bytes); copy the recording again")
        if _is_text(head):
            raise CameraError(f"`{path}`: a text file, not a video; give the recording itself")
        keep_freed_memory()
        self._container = _open(path)
        video = self._container.streams.video[0]
        size = video.codec_context.width, video.codec_context.height  # a decoder that fails forgets them
        decode_cheaply(video)
        told = float(video.guessed_rate or 0)
        self.frames_per_second = told if 1.0 / _LONGEST_STEP <= told <= 1000.0 else USUAL_FRAMES_PER_SECOND
        self._begins, self._ends = _span(self._container, video)
        lasts = round((self._ends - self._begins) * self.frames_per_second)
        # an AVI may count the two fields of each frame, and what its rate makes of its length is right
        self._is_counted = bool(video.frames) and abs(video.frames - 2 * lasts) > 2
        self.total = video.frames if self._is_counted else lasts
        self._has_holes = False
        self._pictures = self._decode()
        self._first = next(self._pictures, None)
        if self._first is None:
            self._container.close()
            raise CameraError(f"`{path}`: {_why_nothing(*size)}")

    def frames(self) -> Iterator[Frame]:
        """Every frame of the file, once; a second call finds nothing left."""
        picture, self._first = self._first, None
        began = picture.frame.time or 0.0 if picture else 0.0
        pause = 1.0 / self.frames_per_second
        sequence, seconds, leapt = 0, 0.0, False
        while picture is not None:
            if sequence:
                # Some streams have no usable time stamps: then the frame rate carries on from the last good one.
                told = (picture.frame.time or 0.0) - began
                if told - seconds > _LONGEST_STEP:
                    leapt = True
                    began += told - seconds - _LEAP
                    told = seconds + _LEAP
                seconds = told if told > seconds else seconds + pause
            captured_at = self._start + timedelta(seconds=seconds)
            yield Frame(camera_id=self._camera_id, sequence=sequence, captured_at=captured_at, picture=picture)
            sequence += 1
            picture = next(self._pictures, None)
        self._container.close()
        if leapt:
            self.warnings.append(f"`{shown(self.path)}`: its time stamps leap; the leap counts as {_LEAP:.0f} s")
        if self._is_counted or not leapt:
            self._compare(sequence, began + seconds)

    def _decode(self) -> Iterator[Decoded]:
        """Every picture that can be decoded; what is damaged is left out, to the end of the file or its first hole."""
        converter, given = Converter(), False
        packets = packets_of(self._container, self._container.streams.video[0])
        while True:
            try:
                packet = next(packets)
            except (StopIteration, FFmpegError):
                return
            try:
                frames = packet.decode()
            except FFmpegError:
                self._has_holes |= given
                continue
            # what begins between two whole pictures has broken ones first, and misses nothing
            self._has_holes |= given and (packet.is_corrupt or any(frame.is_corrupt for frame in frames))
            given |= any(not frame.is_corrupt for frame in frames)
            yield from map(converter.shown, frames)

    def _compare(self, read: int, last: float) -> None:
        """Warns when too few frames were read, or the last, at second `last` of the stream's clock, is too early."""
        # The index of an mp4 counts exactly; a few frames less is no sign of damage.
        few = self.total - read > max(5, self.total // 100)
        lasts = self._ends - self._begins
        # What the frame rate makes of a length is no count: the pace may change, or the camera rest.
        if not self._is_counted and self._ends - last > max(1.0, lasts / 100) + 1.0 / self.frames_per_second:
            found = f"only {max(0.0, last - self._begins):.1f} of {lasts:.1f} seconds"
        elif few and (self._is_counted or self._has_holes):
            found = f"only {read} of {self.total} frames"
        else:
            return
        self.warnings.append(f"`{shown(self.path)}`: {found} could be decoded; the file is cut short or damaged")


def _span(container: InputContainer, video: VideoStream) -> tuple[float, float]:
    """When the pictures begin and end, in seconds of the stream's clock; at once where the file does not tell.

    The sound beside them may last longer; a cover lasts no time at all.
    """
    unit = video.time_base or Fraction(0)
    begins = float((video.start_time or 0) * unit)
    told = _TOLD.fullmatch(video.metadata.get("DURATION", ""))
    if video.disposition & Disposition.attached_pic:
        return begins, begins
    if told:  # in mkv, where ffmpeg otherwise takes the length of the whole file for that of its pictures
        hours, minutes, seconds = map(float, told.groups())
        ends = 3600 * hours + 60 * minutes + seconds
    elif video.duration:
        ends = begins + float(video.duration * unit)
    else:
        ends = (container.duration or 0) / av.time_base
    return begins, max(begins, ends)


def _open(path: Path) -> InputContainer:
    try:
        # A playlist in disguise stays off the network.
        container = av.open(str(path), options={"protocol_whitelist": "file"})
        # without a context it is in a coding that ffmpeg does not know
        if container.streams.video and container.streams.video[0].codec_context is not None:
            return container
        container.close()
    except (FFmpegError, ValueError):
        pass
    raise CameraError(
        f"`{path}`: not a video that can be played, or one that was cut short before its index was written;"
        " copy the recording again, or convert it with ffmpeg"
    )


def _why_nothing(wide: int, high: int) -> str:
    """What may be wrong with a video of that size in pixels, of which no frame can be decoded, and the mend."""
    if wide * high > MOST_PIXELS:
        return (
            f"pictures of {wide}x{high} are larger than {MOST_PIXELS // 1_000_000} megapixels;"
            " scale them down, e.g. with `ffmpeg -i IN -vf scale=3840:-2 OUT`"
        )
    return "no frame can be decoded; the file is cut short or damaged, copy the recording again"


def _is_text(head: bytes) -> bool:
    # ffmpeg would paint a text file as a picture, or follow the addresses of a playlist.
    return all(32 <= byte < 127 or byte in b"\t\n\r" for byte in head)
