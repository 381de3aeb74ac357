"""A camera's stream, opened and decoded by ffmpeg through PyAV, one thread, no conversion.

Every error of ffmpeg is turned into a `Trouble` here: ffmpeg's own carry the address, and with it the login.
"""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import sleep
from typing import Generic, Literal, TypeVar

import av
from av import error as fault
from av.container import InputContainer
from av.video.stream import VideoStream

from edge.clock import monotonic
from edge.decoding.address import OPEN_SECONDS, Address
from edge.decoding.trouble import Trouble, Why

POLL_SECONDS = 1.5
"""How long a read may block, so that whoever closes need not wait longer. More than a hiccup of the network: a read
that is broken off in the middle of a packet spoils the stream."""
_NAP_SECONDS = 0.005
WAITED = 0.004
"""Seconds; a packet for which one waits longer has just come, those before it had piled up."""
_IDLE = 0.25
"""What of its time a decoder waits at least that keeps up; one that has fallen behind finds the next packet there."""
_FADES = 0.95
"""With each packet, what was before: the last twenty count."""
MOST_PIXELS = 16_000_000
"""Of a picture. A damaged stream may speak of a hundred times as many, and the decoder would ask for the memory."""
DECODER_OPTIONS = {"max_pixels": str(MOST_PIXELS), "skip_loop_filter": "nointra"}
"""Smoothing the edges of blocks is a fifth of decoding, and no more plates are read for it. Key frames are smoothed, so
that what the others lack adds up to the next one at most. What has no such filter is decoded as ever."""

_UNREADABLE = "its kind of picture cannot be read; set the camera to plain H.264"
_FAULTS = (fault.FFmpegError, OSError, ValueError)
P = TypeVar("P")

Apart = Literal["", "process", "user"]
"""Who decodes: "" the daemon itself, another process, or another process as another user."""
NOBODY: Apart = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival(Generic[P]):
    """A picture that came at second `at` of `edge.clock.monotonic`; `told` is the stream's own time stamp, if any.

    `late`: it is decoded later than it came, and the next one must not take its place. `in_time`: whoever decodes waits
    for the camera, not the camera for him.
    """

    at: float
    told: float | None
    picture: P
    late: bool = False
    in_time: bool = True


def decode_cheaply(video: VideoStream) -> None:
    """Before the first picture: one thread, which costs least processor time, and DECODER_OPTIONS."""
    video.thread_type = "NONE"
    video.codec_context.options = DECODER_OPTIONS


def packets_of(container: InputContainer, video: VideoStream) -> "Iterator[av.Packet[av.VideoStream]]":
    """Its packets from here on; PyAV stumbles at those of a stream that begins in the middle, and goes on."""
    while True:
        try:
            yield from container.demux(video)
            return
        except IndexError:
            continue


def turns_of(frame: av.VideoFrame) -> int:
    """The quarters of a turn to the left, 0 to 3, that set it upright; of another angle the nearest."""
    return round(frame.rotation / 90) % 4


class Stream(Generic[P]):
    """An open stream. Belongs to the thread that opened it."""

    apart: Apart = ""

    def __init__(self, address: Address, shown: Callable[[av.VideoFrame], P]) -> None:
        """Connects; takes up to twice OPEN_SECONDS. `shown` makes the pictures that are given. Raises Trouble."""
        opened = _opened(address)
        if isinstance(opened, Trouble):
            # Raised outside of any `except`, so that not even the context of the error holds what ffmpeg said.
            raise opened
        self.fed = 0
        """Packets so far, decoded or not."""
        self._has_clock = address.has_clock
        self._container = opened
        self._video = opened.streams.video[0]
        decode_cheaply(self._video)
        self._packets = packets_of(opened, self._video)
        self._over = False
        self._waited = self._passed = 1.0
        self._read_at = monotonic()
        self._shown = shown
        self._convertible: set[tuple[str, int, int]] = set()
        self.resting = False
        """Always decoded, so that no picture is always a trouble."""

    def read(self) -> Iterable[Arrival[P]]:
        """The pictures of the next packet, none if it cannot be decoded or did not come within POLL_SECONDS.

        Raises Trouble when the stream is over or broken.
        """
        packet = self.packet()
        return () if packet is None else self.decoded(packet, None)

    def packet(self) -> "av.Packet[av.VideoStream] | None":
        """The next packet, None if it did not come within POLL_SECONDS. Raises Trouble as `read` does."""
        asked, before = monotonic(), self._read_at
        packet = self._next()
        self._read_at = monotonic()
        took = self._read_at - asked
        self._waited = _FADES * self._waited + (took if took > WAITED else 0.0)
        self._passed = _FADES * self._passed + self._read_at - before
        return packet

    def _next(self) -> "av.Packet[av.VideoStream] | None":
        packet = trouble = None
        try:
            packet = next(self._packets, None)
        except fault.BlockingIOError:
            sleep(_NAP_SECONDS)  # a device that was opened so as not to block has no picture yet
            self._packets = packets_of(self._container, self._video)
        except fault.ExitError:
            self._packets = packets_of(self._container, self._video)
        except _FAULTS as error:
            trouble = _broken(error)
        if trouble is not None:
            raise trouble
        if packet is None:
            if self._over:
                raise Trouble(Why.ENDED, "the camera ended the stream; connecting again")
            return None
        self._over = packet.size == 0
        self.fed += not self._over
        return packet

    def restart(self) -> None:
        """The decoder forgets what it has seen: the next packet holds a whole picture."""
        self._video.codec_context.flush_buffers()

    def close(self) -> None:
        """Says goodbye to the camera, without waiting for an answer."""
        try:
            self._container.close()
        except _FAULTS:
            return

    def drained(self, at: float) -> list[Arrival[P]]:
        """The pictures that the decoder still keeps back; it must be restarted then."""
        return self.decoded(None, at)

    def decoded(self, packet: "av.Packet[av.VideoStream] | None", at: float | None) -> list[Arrival[P]]:
        """The pictures of a packet that came at second `at`, just now if None. Raises Trouble when none can be used."""
        try:
            frames = self._video.codec_context.decode(packet)
        except _FAULTS:
            return []
        arrived = monotonic() if at is None else at
        self._check_convertible(frames)
        in_time = self._waited >= _IDLE * self._passed
        return [
            Arrival(
                at=arrived,
                told=frame.time if self._has_clock else None,
                picture=self._shown(frame),
                in_time=in_time,
            )
            for frame in frames
            if isinstance(frame, av.VideoFrame) and not frame.is_corrupt
        ]

    def _check_convertible(self, frames: Sequence[object]) -> None:
        """So that whoever takes a picture later is not the one who finds out."""
        for frame in frames:
            if not isinstance(frame, av.VideoFrame):
                continue
            kind = (frame.format.name, int(frame.colorspace), int(frame.color_range))
            if kind not in self._convertible:
                trouble = None
                try:
                    frame.reformat(width=16, height=16, format="bgr24")
                except _FAULTS:
                    trouble = Trouble(Why.GARBAGE, _UNREADABLE)
                if trouble is not None:
                    raise trouble
                self._convertible.add(kind)


_MENDS = {
    errno.ENOENT: "is not there; check the plug and the number",
    errno.ENODEV: "is not there; check the plug and the number",
    errno.ENXIO: "is not there; check the plug and the number",
    errno.ENOTTY: "is no camera; check the number, `v4l2-ctl --list-devices` shows them",
    errno.EBUSY: "is used by another program; end that one",
    errno.EACCES: "may not be opened; put the daemon's user into the group `video`",
    errno.EIO: "cannot be reached, or what answers is no video; check its power, cable and `url`",
}


def _opened(address: Address) -> InputContainer | Trouble:
    try:
        timeout = (OPEN_SECONDS, POLL_SECONDS)
        container = av.open(address.name, format=address.format, options=address.options, timeout=timeout)
    except _FAULTS as error:
        return _unopened(error, address)
    video = next(iter(container.streams.video), None)
    if video is not None and video.codec_context is not None:
        return container
    container.close()
    if video is not None:  # in a coding that ffmpeg does not know
        return Trouble(Why.GARBAGE, _UNREADABLE)
    return Trouble(Why.GARBAGE, f"{address.place} answers, but with no video; check the path in `url`")


def _unopened(error: Exception, address: Address) -> Trouble:
    place = address.place
    if isinstance(error, fault.HTTPUnauthorizedError | fault.HTTPForbiddenError):
        said = "asks for a login; put `user:password` in a file and name it in `credentials`"
        if address.credentials is not None:
            said = f"refuses the login in {address.credentials}; put the right `user:password` there"
        return Trouble(Why.REFUSED_LOGIN, f"{place} {said}")
    if isinstance(error, fault.HTTPNotFoundError):
        return Trouble(Why.NOT_REACHED, f"{place} answers, but has nothing at that path; check the path in `url`")
    if isinstance(error, fault.InvalidDataError | fault.LookupError | fault.ArgumentError):
        where = "`size` and `frames_per_second`" if address.format else "the path in `url`"
        return Trouble(Why.GARBAGE, f"{place} answers, but with no video that can be read; check {where}")
    mend = _MENDS.get(getattr(error, "errno", None) or 0)
    if mend is not None:
        return Trouble(Why.NOT_REACHED, f"{place} {mend}")
    if isinstance(error, fault.ConnectionRefusedError):
        said = "refuses the connection; is the camera still starting, is the port right?"
    elif isinstance(error, fault.ExitError | fault.TimeoutError) and address.udp:
        said = 'does not answer, or its UDP packets do not arrive; check power and cable, or set `transport = "tcp"`'
    else:
        said = "does not answer; check its power, cable and address"
    return Trouble(Why.NOT_REACHED, f"{place} {said}")


def _broken(error: Exception) -> Trouble:
    if isinstance(error, fault.TimeoutError):
        return Trouble(Why.STALLED, "no picture comes although the connection stands; connecting again")
    if isinstance(error, fault.InvalidDataError):
        return Trouble(Why.GARBAGE, "what comes is no video any more; connecting again, restart it if that stays so")
    return Trouble(Why.ENDED, "the connection broke; connecting again")
