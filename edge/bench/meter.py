"""How much processor time and memory this process has taken, its children included."""

import resource
from pathlib import Path


class Meter:
    """Counts from its making on."""

    def __init__(self) -> None:
        self._began = _taken()

    @property
    def cpu(self) -> float:
        """Seconds in user and system since then."""
        return _taken() - self._began


def peak_megabytes() -> float:
    """The most memory that this process has ever had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _taken() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
