"""`homerule bench`: what a clip costs, how many of its vehicles are read right, and how soon; beside it, baselines.

Each run is a process of its own, and the kinds take turns, so that what else the computer does falls on all alike.
"""

from edge.bench.plan import Plan
from edge.bench.result import Result
from edge.bench.run import run

__all__ = ["Plan", "Result", "run"]
