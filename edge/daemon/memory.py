"""Memory on a small computer: one heap for all threads, pictures outside of it, what the start needed given back.

glibc gives every thread a heap of its own, and keeps whole pictures in them once it has seen a few; together that costs
about 80 MB for one camera of 1080p. Loading the libraries runs through most of their code once, another 40 MB.
"""

import ctypes
import mmap
import re
from collections.abc import Iterator
from pathlib import Path

from edge.clock import monotonic

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # <malloc.h>
_A_PICTURE = 2_000_000
_SLACK = 64_000_000
"""Bytes of free memory at the top of the heap that are not given back each time they are free."""
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 600.0
_UNWRITTEN = ("r-xp", "r--p")
_MAPPED = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ +/")


def one_heap() -> None:
    """Call it before any thread is started. Does nothing where the C library is another than glibc."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _A_PICTURE)
        library.mallopt(_TRIM_THRESHOLD, _SLACK)


def give_back() -> None:
    """Returns free memory to the system, and what nobody needs now of the libraries; what is needed comes again."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
    if not hasattr(library, "madvise"):
        return
    for start, end in _unwritten():
        library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


class Thrift:
    """Gives back what the start, a broker that came back or a report needed once: often at first, then now and then."""

    def __init__(self) -> None:
        self._pause, self._next = _FIRST_PAUSE, 0.0

    def look(self) -> None:
        """Called every second or so."""
        if monotonic() >= self._next:
            give_back()
            self._next = monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def _unwritten() -> Iterator[tuple[int, int]]:
    """Where files lie in memory as they are on the disk: a page that was written to could not come again."""
    try:
        told = Path("/proc/self/smaps").read_text().splitlines()
    except OSError:
        return
    place: tuple[int, int] | None = None
    for line in told:
        if line[0] in "0123456789abcdef":
            found = _MAPPED.match(line)
            place = (int(found[1], 16), int(found[2], 16)) if found and found[3] in _UNWRITTEN else None
        elif place and line.startswith("Anonymous:"):
            if line.split()[1] == "0":
                yield place
            place = None
