"""Test mode: a recorded video through the same pipeline as a camera, and a report on who would have received what.

Nothing of it reaches production: it has its own ledger, its own device key, and every read carries the test mark.
"""

from edge.replay.annotate import AnnotatedVideo
from edge.replay.folder import OutputFolder
from edge.replay.publish import Publisher
from edge.replay.replay import CAMERA_ID, Replay, Step
from edge.replay.result import Result
from edge.replay.rules import Rules, load_rules
from edge.replay.summary import write_result

__all__ = [
    "CAMERA_ID",
    "AnnotatedVideo",
    "OutputFolder",
    "Publisher",
    "Replay",
    "Result",
    "Rules",
    "Step",
    "load_rules",
    "write_result",
]
