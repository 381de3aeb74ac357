"""A video file or folder at its own pace, in a loop, until live cameras stand here."""

from pathlib import Path

from edge.capture import open_recording
from edge.clock import Clock, monotonic
from edge.values import Frame


class FromFile:
    """Gives the next frame when its time has come."""

    def __init__(self, *, camera_id: str, path: Path, clock: Clock) -> None:
        self._camera_id, self._path, self._clock = camera_id, path, clock
        self._start = clock.now().at
        self._open()

    def _open(self) -> None:
        self._recording = open_recording(self._path, camera_id=self._camera_id, start=self._start)
        self._frames = self._recording.frames()
        self._due = monotonic()

    def frame(self, timeout: float) -> Frame | None:
        if monotonic() < self._due:
            from time import sleep

            sleep(min(timeout, max(0.0, self._due - monotonic())))
            if monotonic() < self._due:
                return None
        frame = next(self._frames, None)
        if frame is None:
            self._open()
            return None
        self._due += 1 / self._recording.frames_per_second
        return Frame(
            camera_id=frame.camera_id, sequence=frame.sequence, captured_at=self._clock.now().at, pixels=frame.pixels
        )
