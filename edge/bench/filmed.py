"""A camera's two streams out of two files: the large one decoded only while the small one shows motion.

What is sent comes when its time stamps say; else it is what a live camera does.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import av
from av.error import FFmpegError

from edge.capture import Recording
from edge.capture.lookout import Lookout
from edge.capture.picture import Converter, Decoded
from edge.capture.recording import open_recording
from edge.capture.video import USUAL_FRAMES_PER_SECOND
from edge.config import Camera
from edge.decoding.gated import GatedStream
from edge.decoding.stream import Arrival, decode_cheaply, packets_of
from edge.replay import CAMERA_ID
from edge.values import Frame
from edge.vision.gate import MotionGate


class Filmed:
    """Stands where a Recording stands."""

    def __init__(self, recording: Recording, sub: str) -> None:
        """The recording of the large stream, and the file of the small one. Raises CameraError."""
        self.path, self.warnings = recording.path, recording.warnings
        self.total, self.frames_per_second = recording.total, recording.frames_per_second
        self._start = next(recording.frames()).captured_at
        open_recording(Path(sub), camera_id=CAMERA_ID, start=self._start)  # says what is wrong with it
        self._sub = sub

    def frames(self) -> Iterator[Frame]:
        """The frames that a live camera would give."""
        large = _File(str(self.path))
        camera = GatedStream(large, _Watch(self._sub), now=lambda: large.now)
        for sequence, arrival in enumerate(_arrivals(large, camera)):
            at = self._start + timedelta(seconds=arrival.told or 0.0)
            yield Frame(camera_id=CAMERA_ID, sequence=sequence, captured_at=at, picture=arrival.picture)


def _arrivals(large: "_File", camera: GatedStream[Decoded]) -> Iterator[Arrival[Decoded]]:
    while not large.over:
        yield from camera.read()
    if not camera.resting:
        yield from large.drained(large.now)


class _Watch:
    """The small stream, watched up to the second that is asked about."""

    def __init__(self, sub: str) -> None:
        self._lookout = Lookout(
            Camera(id=CAMERA_ID, url="rtsp://camera/1", sub_url="rtsp://camera/2"), gate=MotionGate()
        )
        self._file = _File(sub)

    def open_since(self, now: float) -> float | None:
        """As the lookout says."""
        while self._file.now < now and not self._file.over:
            packet = self._file.packet()
            for arrival in self._file.decoded(packet, self._file.now):
                self._lookout.saw(arrival.picture, arrival.at)
        return self._lookout.open_since(now)


class _File:
    """The packets of a file, one by one; `now` is the second in which a camera would have sent the newest."""

    def __init__(self, path: str) -> None:
        container = av.open(path)
        video = container.streams.video[0]
        decode_cheaply(video)
        self._packets = packets_of(container, video)
        self._codec = video.codec_context
        self._converter = Converter()
        self._unit = float(video.time_base or 0)
        self._interval = 1 / float(video.guessed_rate or USUAL_FRAMES_PER_SECOND)
        self._sent: int | None = None
        self._shown: int | None = None
        self._told = 0.0
        self.fed, self.now, self.over = 0, 0.0, False

    def packet(self) -> "av.Packet[av.VideoStream] | None":
        """The next one; None at the end."""
        try:
            packet = next(self._packets, None)
        except FFmpegError:
            packet = None
        if packet is None or not packet.size:
            self.over = True
            return None
        # in the order in which they are sent; that in which they are shown goes to and fro
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None:
            self._sent = stamp if self._sent is None else self._sent
            self.now = max(self.now, (stamp - self._sent) * self._unit)
        elif self.fed:
            self.now += self._interval
        self.fed += 1
        return packet

    def decoded(self, packet: "av.Packet[av.VideoStream] | None", at: float) -> list[Arrival[Decoded]]:
        """Its pictures, what the decoder kept back if None. `told` is when they were filmed, from the first one on."""
        try:
            frames = self._codec.decode(packet)
        except FFmpegError:
            return []
        return [
            Arrival(at=at, told=self._filmed(frame, at), picture=self._converter.shown(frame))
            for frame in frames
            if isinstance(frame, av.VideoFrame)
        ]

    def drained(self, at: float) -> list[Arrival[Decoded]]:
        """What the decoder keeps back."""
        return self.decoded(None, at)

    def restart(self) -> None:
        """The decoder begins anew."""
        self._codec.flush_buffers()

    def close(self) -> None:
        """Nothing to do."""

    def _filmed(self, frame: av.VideoFrame, at: float) -> float:
        """Of a stream without time stamps it is known only when it came."""
        if frame.pts is None:
            self._told = max(self._told, at)
        else:
            self._shown = frame.pts if self._shown is None else self._shown
            self._told = max(self._told, (frame.pts - self._shown) * self._unit)
        return self._told
