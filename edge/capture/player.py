"""A recording that stands in for a camera: every picture, at the pace at which it was filmed."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge.capture.recording import open_recording
from edge.clock import monotonic
from edge.config import Camera
from edge.decoding.trouble import Trouble, Why
from edge.errors import CameraError
from edge.values import Picture

_LATE = 1.0
"""Seconds; whoever takes the pictures more slowly than that makes the recording run slower, not further behind."""
_USUAL_PICTURES_PER_SECOND = 5.0
_START = datetime(2000, 1, 1, tzinfo=UTC)


def play(path: Path, camera: Camera, *, closing: threading.Event) -> Iterator[tuple[float, Picture]]:
    """Each picture when it is due, and when that was in seconds of `edge.clock.monotonic`; ends early once `closing`.

    Raises Trouble when there is no recording to play.
    """
    try:
        recording = open_recording(
            path,
            camera_id=camera.id,
            start=_START,
            pictures_per_second=camera.frames_per_second or _USUAL_PICTURES_PER_SECOND,
        )
        began = monotonic()
        for frame in recording.frames():
            due = began + (frame.captured_at - _START).total_seconds()
            late = monotonic() - due
            if late > _LATE:
                began, due = began + late, due + late
            if closing.wait(max(0.0, -late)):
                return
            yield due, frame.picture
    except CameraError as error:
        raise Trouble(Why.NOT_REACHED if not os.path.exists(path) else Why.GARBAGE, str(error)) from None
