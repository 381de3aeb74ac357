"""Cameras: a recorded video file or a folder of images now; frames out, in order, none dropped, none changed."""

from edge.capture.recorded_at import recorded_at
from edge.capture.recording import Recording, frames, open_recording
from edge.capture.video import quieten

__all__ = ["Recording", "frames", "open_recording", "quieten", "recorded_at"]
