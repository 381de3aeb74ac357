"""The reference subscriber: opens, verifies, stores, and only then acknowledges; what does not verify is not stored.

Trusted with everything in it: the store holds plates in clear, in a file that only its owner can read.
"""

from edge.receive.receiver import Receiver
from edge.receive.run import Commanded
from edge.receive.store import LinesFile, Printed, Store, Stored
from edge.receive.witness import Witness

__all__ = ["Commanded", "LinesFile", "Printed", "Receiver", "Store", "Stored", "Witness"]
