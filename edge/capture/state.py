"""How a camera is at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edge.capture.lookout import Gate
from edge.decoding.stream import Apart
from edge.decoding.trouble import Why


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """How a camera is.

    `connected`: pictures come, since `since`, else none since then. `frames` were decoded, `dropped` of them taken by
    nobody. `fps` is of the last seconds. `why` is the trouble that there is, also one with pictures, such as a covered
    lens. `over`: a recording has ended, nothing more will come. `gate`: whether the main stream is decoded now, for a
    camera whose sub-stream is watched; of one that sends pictures nobody decodes, `fps` counts them all the same.
    `apart`: whether another process decodes, and as another user. `mend`: what is to be done about `why`.
    `wrong_since`: since when something is wrong, be it one trouble after the other.
    """

    connected: bool
    since: datetime
    frames: int
    dropped: int
    fps: float
    width: int
    height: int
    why: Why | None
    over: bool
    gate: Gate = ""
    apart: Apart = ""
    mend: str = ""
    wrong_since: datetime | None = None


def per_second(times: Sequence[float]) -> float:
    """How many come in a second; 0.0 where all came at once."""
    took = times[-1] - times[0] if times else 0.0
    return round((len(times) - 1) / took, 1) if took > 0.0 else 0.0
