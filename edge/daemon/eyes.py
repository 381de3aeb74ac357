"""What looks at the cameras, as device.toml says it: the models, once for all, and for each camera where to look."""

from datetime import timedelta

from edge.clock import Clock
from edge.config import Camera, ModelChoice
from edge.daemon.memory import give_back
from edge.vision import Models, Plausibility, Vision
from edge.vision.area import Area
from edge.vision.gate import MotionGate


def loaded(chosen: ModelChoice) -> Models:
    """The models that are named. Raises ModelError, and ConfigError when what is to run them is missing."""
    give_back()  # what the imports have left, before the models need room
    return Models.load(chosen.folder, chosen.detector, chosen.reader, chosen.threads, chosen.provider)


def eyes_of(camera: Camera, *, models: Models, chosen: ModelChoice, clock: Clock) -> Vision:
    """The eyes of one camera."""
    least = chosen.min_confidence
    plausibility = None if least is None else Plausibility(confidence=least)
    reread_after = timedelta(minutes=camera.reread_after_minutes)
    area = _area(camera)
    return Vision(models=models, clock=clock, plausibility=plausibility, reread_after=reread_after, area=area)


def gate_of(camera: Camera) -> MotionGate:
    """What says whether anything moves in the camera's sub-stream."""
    return MotionGate(_area(camera))


def _area(camera: Camera) -> Area:
    return Area(zones=camera.zones, masks=camera.masks)
