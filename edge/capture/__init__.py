"""Cameras: frames out, in order, none changed. Live ones give the newest frame, recordings every one."""

from edge.capture.live import LiveCamera, Patience
from edge.capture.picture import Plain
from edge.capture.recorded_at import recorded_at
from edge.capture.recording import Recording, frames, open_recording
from edge.capture.state import CameraState
from edge.capture.trouble import CameraGap
from edge.decoding.trouble import Trouble, Why

__all__ = [
    "CameraGap",
    "CameraState",
    "LiveCamera",
    "Patience",
    "Plain",
    "Recording",
    "Trouble",
    "Why",
    "frames",
    "open_recording",
    "recorded_at",
]
