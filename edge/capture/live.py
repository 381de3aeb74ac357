"""A camera that is looked at as long as the daemon runs: one thread connects, decodes, and connects again.

The newest picture wins; a recording that stands in for a camera plays at its own pace and loses none. Whatever is
wrong is said once and kept as a gap, and no trouble of a camera ends the thread.
"""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from edge.capture.address import device_path
from edge.capture.lookout import Lookout, Stirs
from edge.capture.mailbox import Mailbox
from edge.capture.opening import opened
from edge.capture.picture import keep_freed_memory
from edge.capture.player import play
from edge.capture.scrutiny import BLACK_SECONDS, FROZEN_SECONDS, Scrutiny
from edge.capture.sizes import Sizes
from edge.capture.state import CameraState, per_second
from edge.capture.timeline import Timeline
from edge.capture.trouble import CameraGap, Diary, unforeseen
from edge.clock import Clock, monotonic
from edge.config import Camera
from edge.decoding.stream import NOBODY
from edge.decoding.trouble import Trouble, Why
from edge.errors import CameraError
from edge.values import Frame, Picture

_PAUSES = (0.5, 1.0, 2.0, 3.0)
"""Seconds between attempts. With the time that opening takes, a camera that is back is seen within ten seconds."""
_LOGIN_PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0)
"""After a refused login: many cameras shut out who guesses. A changed login file is tried at once."""
_CLOSE_SECONDS = 1.8
_SCRUTINY_SECONDS = 1.0
_PLANE_WIDTH = 160
_RATE_SECONDS = 5.0
_UNSURE = 0.01
_LAG_SHARE = 0.05  # what each picture weighs: the last twenty count

_STALLED = "stays connected but sent nothing for {:.0f} s; connecting again"
_GARBAGE = "sends, but nothing that can be decoded for {:.0f} s; connecting again, restart it if that stays so"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how many seconds something may last until it is a trouble, or until a trouble is over (`steady`).

    `first` is for the first picture after connecting: some cameras send a whole one only every ten seconds, and some
    programs take as long to start.
    """

    first: float = 20.0
    stalled: float = 5.0
    steady: float = 2.0
    frozen: float = FROZEN_SECONDS
    black: float = BLACK_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Caught:
    sequence: int
    captured: float
    picture: Picture


class LiveCamera:
    """One camera. Any thread may ask for its state and gaps, one takes the frames."""

    def __init__(
        self,
        camera: Camera,
        *,
        clock: Clock,
        patience: Patience | None = None,
        bell: threading.Event | None = None,
        gate: Stirs | None = None,
        isolate: bool = False,
    ) -> None:
        """A camera of device.toml, not started yet. `bell` is set at each new frame, for one who looks at several.

        `gate` says whether something moves in the camera's sub-stream, if it has one; `isolate`: another process
        decodes.
        """
        self.id = camera.id
        self._camera, self._isolate, self._apart = camera, isolate, NOBODY
        self._clock = clock
        self._patience = patience or Patience()
        self._recorded = "://" not in camera.url and device_path(camera) is None and not camera.is_raw
        self._lookout = Lookout(camera, gate=gate, isolate=isolate) if gate and camera.sub_url else None
        self._mailbox: Mailbox[_Caught] = Mailbox(waits=self._recorded, bell=bell)
        self._diary = Diary(camera.id, clock=clock)
        self._scrutiny = Scrutiny(frozen_seconds=self._patience.frozen, black_seconds=self._patience.black)
        self._sizes = Sizes()
        self._timeline = Timeline()
        self._numbers = count()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {camera.id}", daemon=True)
        self._rate: deque[float] = deque(maxlen=1000)
        self._since = clock.now().at
        self._connected = self._over = False
        self._frames = self._failures = 0
        self.lag = 0.0
        """Seconds by which this device decodes the last pictures late; with a few tenths its processor is too slow."""
        self._zero: datetime | None = None
        self._latest = self._looked_at = self._good_since = float("-inf")

    def start(self) -> None:
        """Begins to look, in a thread of its own."""
        self._since = self._clock.now().at
        keep_freed_memory()
        if self._lookout:
            self._lookout.start()
        self._thread.start()

    def frame(self, timeout: float) -> Frame | None:
        """The newest frame that nobody took yet, waiting for it up to `timeout` seconds; None when none came.

        Its time is that of the capture, on the clock as it stands now: when the clock is set, the frames follow it.
        Raises CameraError when the camera's thread has died of a fault in this program.
        """
        caught = self._mailbox.take(timeout)
        if caught is None:
            if self._thread.ident and not self._thread.is_alive() and not self._over and not self._closing.is_set():
                raise CameraError(f"camera {self.id}: its thread has died, restart the daemon and report this")
            return None
        at = self._time_of(caught.captured)
        return Frame(camera_id=self.id, sequence=caught.sequence, captured_at=at, picture=caught.picture)

    def state(self) -> CameraState:
        """How the camera is at this moment."""
        now = monotonic()
        recent = [at for at in list(self._rate) if now - at <= _RATE_SECONDS]
        return CameraState(
            connected=self._connected,
            since=self._since,
            frames=self._frames,
            dropped=self._mailbox.dropped,
            fps=per_second(recent),
            width=self._sizes.size[0],
            height=self._sizes.size[1],
            why=self._diary.why,
            over=self._over,
            gate=self._lookout.gate(now) if self._lookout else "",
            apart=self._apart,
            mend=self._diary.mend,
            wrong_since=self._diary.since,
        )

    def gaps(self) -> list[CameraGap]:
        """The times without good pictures that are over, each given once."""
        return self._diary.gaps()

    def close(self) -> None:
        """Stops looking, within two seconds: a thread that ffmpeg keeps longer while connecting ends on its own."""
        self._closing.set()
        self._mailbox.close()
        if self._lookout:
            self._lookout.stop()
        until = monotonic() + _CLOSE_SECONDS
        if self._thread.ident:
            self._thread.join(_CLOSE_SECONDS)
        if self._lookout:
            self._lookout.join(until - monotonic())
        self._diary.close()

    def _run(self) -> None:
        while not self._closing.is_set() and not self._over:
            try:
                look = self._play if self._recorded else self._watch
                look()
            except Exception as error:  # noqa: BLE001 - a camera that nobody looks at must not count as connected
                self._set_connected(False)
                trouble = error if isinstance(error, Trouble) else unforeseen(error)
                self._trouble(trouble)
                self._pause(trouble.why)

    def _watch(self) -> None:
        """One connection, until it breaks. Raises Trouble."""
        stream = opened(self._camera, self._lookout, isolate=self._isolate)
        self._apart = stream.apart
        self._timeline.begin()
        self.lag = 0.0
        self._scrutiny.begin()
        packet_at = picture_at = monotonic()
        fed, patience = 0, self._patience.first
        try:
            while not self._closing.is_set():
                for arrival in stream.read():
                    picture_at, patience = monotonic(), self._patience.stalled
                    captured = self._timeline.captured(arrival.at, arrival.told, in_time=arrival.in_time)
                    self._examine(arrival.picture, captured)
                    if not arrival.late:
                        # what a decoder that keeps up gets late, the network or the camera's clock has made late
                        began = arrival.at if arrival.in_time else captured
                        self.lag += _LAG_SHARE * (picture_at - began - self.lag)
                    self._catch(arrival.picture, captured, keep=arrival.late)
                now = monotonic()
                if stream.fed > fed:
                    self._rate.extend([now] * (stream.fed - fed))
                    fed, packet_at = stream.fed, now
                if stream.resting:
                    picture_at, self.lag = now, 0.0  # whatever was late has been decoded
                # what a camera sends comes at once, whole or not; a program starts first
                if now - packet_at > (patience if self._camera.is_raw else self._patience.stalled):
                    raise Trouble(Why.STALLED, _STALLED.format(now - packet_at))
                if now - picture_at > patience:
                    raise Trouble(Why.GARBAGE, _GARBAGE.format(now - picture_at))
        finally:
            stream.close()

    def _play(self) -> None:
        """A recording, once or again and again, at its own pace. Raises Trouble."""
        pictures = play(Path(self._camera.url), self._camera, closing=self._closing)
        for captured, picture in pictures:
            at = self._timeline.captured(captured, None)
            self._sizes.size, self._good_since = picture.size, min(self._good_since, at)
            self._catch(picture, at)
        if not self._camera.repeat and not self._closing.is_set():
            self._over = True
            self._set_connected(False)
            self._diary.note("the recording has ended")

    def _examine(self, picture: Picture, at: float) -> None:
        """Whether the picture shows something, and whether its size is what it was."""
        changed = self._sizes.change(picture.size, at)
        if changed is not None:
            self._diary.moment(changed, began=self._time_of(self._latest), ended=self._time_of(at))
        if at - self._looked_at < _SCRUTINY_SECONDS:
            return
        self._looked_at = at
        luma = picture.luma(max(1, picture.size[0] // _PLANE_WIDTH))
        trouble, since = self._scrutiny.look(luma, at), self._scrutiny.since
        if trouble is None:
            trouble, since = self._sizes.trouble(at), self._sizes.since
        if trouble is not None:
            self._good_since = float("inf")
            self._diary.trouble(trouble, since=self._time_of(since))
        else:
            self._good_since = min(self._good_since, at)

    def _catch(self, picture: Picture, captured: float, *, keep: bool = False) -> None:
        """A picture: counted, offered, and after some good ones a trouble is over."""
        self._set_connected(True)
        if self._diary.why and captured - self._good_since >= self._patience.steady:
            self._diary.well(self._time_of(self._good_since))
            self._failures = 0
        self._frames += 1
        if self._recorded:
            self._rate.append(captured)
        self._latest = captured
        self._mailbox.put(_Caught(sequence=next(self._numbers), captured=captured, picture=picture), keep=keep)

    def _trouble(self, trouble: Trouble) -> None:
        began = self._since if self._latest == float("-inf") else self._time_of(self._latest)
        self._set_connected(False)
        # the first picture that comes again is looked at, for it may be as bad as the last one was
        self._good_since, self._looked_at = float("inf"), float("-inf")
        self._diary.trouble(trouble, since=began)

    def _pause(self, why: Why) -> None:
        """Waits before the next attempt; not at all once the login file was changed."""
        pauses = _LOGIN_PAUSES if why is Why.REFUSED_LOGIN else _PAUSES
        until = monotonic() + pauses[min(self._failures, len(pauses) - 1)]
        self._failures += 1
        before = _stamp(self._camera.credentials)
        while monotonic() < until and _stamp(self._camera.credentials) == before:
            if self._closing.wait(0.25):
                return

    def _set_connected(self, connected: bool) -> None:
        if connected != self._connected:
            self._connected, self._since = connected, self._clock.now().at

    def _time_of(self, at: float) -> datetime:
        """A second of the monotonic clock as a time of the wall clock as it stands now."""
        before = monotonic()
        now = self._clock.now().at
        after = monotonic()
        zero = now - timedelta(seconds=after)
        # Two readings of two clocks never fall together; only what cannot come from that is a clock that was set.
        if self._zero is None or abs((zero - self._zero).total_seconds()) > _UNSURE + after - before:
            self._zero = zero
        return self._zero + timedelta(seconds=at)


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        told = path.stat() if path else None
    except OSError:
        return None
    return (told.st_mtime_ns, told.st_ino, told.st_mode) if told else None
