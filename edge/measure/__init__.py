"""What models are worth: plates found and read on anybody's labelled photographs, and what is quickest here.

The training of our own models measures with the same code.
"""

from edge.measure.chart import chart, reliability
from edge.measure.evaluate import Evaluation, Pair, draw, evaluate, load
from edge.measure.figures import Figures, count
from edge.measure.known import known
from edge.measure.labelled import Photograph, photographs
from edge.measure.looks import JOINT, Look, folded, joint, look, looks
from edge.measure.sheet import sheet
from edge.measure.tune import Choice, Tried, Tuning, tune

__all__ = [
    "JOINT",
    "Choice",
    "Evaluation",
    "Figures",
    "Look",
    "Pair",
    "Photograph",
    "Tried",
    "Tuning",
    "chart",
    "count",
    "draw",
    "evaluate",
    "folded",
    "joint",
    "known",
    "load",
    "look",
    "looks",
    "photographs",
    "reliability",
    "sheet",
    "tune",
]
