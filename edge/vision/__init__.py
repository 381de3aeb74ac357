"""Motion gate, detector, tracker, reader and vote: frames in, one `PlateRead` per passing vehicle out."""

from edge.vision.detector import Detector
from edge.vision.eyesight import Counts, Eyesight, Sighting
from edge.vision.models import ModelEntry, Models, models_folder, read_manifest
from edge.vision.passage import Plausibility
from edge.vision.reader import Reader, Reading
from edge.vision.vision import Vision

__all__ = [
    "Counts",
    "Detector",
    "Eyesight",
    "ModelEntry",
    "Models",
    "Plausibility",
    "Reader",
    "Reading",
    "Sighting",
    "Vision",
    "models_folder",
    "read_manifest",
]
