"""Memory on a small computer: one heap for all threads, pictures outside of it, what the start needed given back.

glibc gives every thread a heap of its own, and keeps whole pictures in them once it has seen a few; together that costs
about 80 MB for one camera of 1080p.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # <malloc.h>
_A_PICTURE = 2_000_000
_SLACK = 64_000_000
"""Bytes of free memory at the top of the heap that are not given back each time they are free."""


def one_heap() -> None:
    """Call it before any thread is started. Does nothing where the C library is another than glibc."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_ARENA_MAX, 1)
        library.mallopt(_MMAP_THRESHOLD, _A_PICTURE)
        library.mallopt(_TRIM_THRESHOLD, _SLACK)


def give_back() -> None:
    """Returns free memory to the system."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
