"""`homerule run`: everything built from device.toml, plain threads that meet only at the ledger, and a clean stop.

None of the threads can hang the others: what each has for another waits in the ledger, and what may fail is tried again
by the one that it concerns.
"""

from edge.daemon.daemon import Daemon

__all__ = ["Daemon"]
