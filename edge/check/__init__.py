"""Whether everything that Homerule needs is there and works, one finding for each thing; nothing is changed.

What is wrong is said with its mend. What cannot be looked at from here is said too, so that silence never means ok.
"""

from edge.check.device import device
from edge.check.finding import Finding, State
from edge.check.program import program

__all__ = ["Finding", "State", "device", "program"]
