"""What is in force, the order in which it changes, and the socket by which people ask."""

from edge.control.control import Control
from edge.control.rooms import Desk, Gates, Rights, Turned
from edge.control.standing import Alarm, Door, InForce, Standing

__all__ = ["Alarm", "Control", "Desk", "Door", "Gates", "InForce", "Rights", "Standing", "Turned"]
