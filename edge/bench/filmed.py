"""A camera's two streams out of two files: the large one decoded only while the small one shows motion.

The time is that of the packets; else it is what a live camera does.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import av

from edge.capture import Recording
from edge.capture.lookout import Lookout
from edge.capture.picture import Converter, Decoded
from edge.capture.recording import open_recording
from edge.config import Camera
from edge.decoding.gated import GatedStream
from edge.decoding.stream import Arrival, decode_cheaply
from edge.errors import CameraError
from edge.replay import CAMERA_ID
from edge.values import Frame
from edge.vision.gate import MotionGate


def filmed(recording: Recording, sub: str) -> "Filmed":
    """The recording of the large stream, and the file of the small one. Raises CameraError."""
    if not Path(sub).is_file():
        raise CameraError(f"`{sub}`: no such file; give the sub-stream's recording with `--sub`")
    return Filmed(recording, sub)


class Filmed:
    """Stands where a Recording stands."""

    def __init__(self, recording: Recording, sub: str) -> None:
        self.path, self.warnings = recording.path, recording.warnings
        self.total, self.frames_per_second = recording.total, recording.frames_per_second
        self._start = next(recording.frames()).captured_at
        open_recording(Path(sub), camera_id=CAMERA_ID, start=self._start)  # says what is wrong with it
        self._sub = sub

    def frames(self) -> Iterator[Frame]:
        """The frames that a live camera would give."""
        large = _File(str(self.path))
        camera = GatedStream(large, _Watch(self._sub), now=lambda: large.now)
        sequence = 0
        while not large.over:
            for arrival in camera.read():
                at = self._start + timedelta(seconds=arrival.at)
                yield Frame(camera_id=CAMERA_ID, sequence=sequence, captured_at=at, picture=arrival.picture)
                sequence += 1


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
            if packet is not None:
                for arrival in self._file.decoded(packet, self._file.now):
                    self._lookout.saw(arrival.picture, arrival.at)
        return self._lookout.open_since(now)


class _File:
    """The packets of a file, one by one; `now` is the second of the newest."""

    def __init__(self, path: str) -> None:
        container = av.open(path)
        video = container.streams.video[0]
        decode_cheaply(video)
        self._packets = container.demux(video)
        self._codec = video.codec_context
        self._converter = Converter()
        self.fed, self.now, self.over = 0, 0.0, False

    def packet(self) -> "av.Packet[av.VideoStream] | None":
        """The next one; None at the end."""
        packet = next(self._packets, None)
        if packet is None or not packet.size or packet.pts is None:
            self.over = True
            return None
        self.fed += 1
        self.now = float(packet.pts * packet.time_base)
        return packet

    def decoded(self, packet: "av.Packet[av.VideoStream] | None", at: float) -> list[Arrival[Decoded]]:
        """Its pictures."""
        frames = self._codec.decode(packet)
        return [
            Arrival(at=at, told=None, picture=self._converter.shown(frame))
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
