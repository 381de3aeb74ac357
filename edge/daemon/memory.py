"""Memory on a small computer: one heap for all threads, and what the start needed is given back.

glibc gives every thread a heap of its own, which on a device with few cores costs tens of megabytes and saves nothing.
"""

import ctypes

_ARENA_MAX = -8  # M_ARENA_MAX, <malloc.h>


def one_heap() -> None:
    """Call it before any thread is started. Does nothing where the C library is another than glibc."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_ARENA_MAX, 1)


def give_back() -> None:
    """Returns free memory to the system."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
