"""Whether the kernel holds the clock for synchronised; without that only the owner is served."""

import ctypes
import os

_UNSYNCHRONISED = 0x40  # STA_UNSYNC, <linux/timex.h>
_ERROR = 5  # TIME_ERROR, clock_adjtime(2)


class _Timex(ctypes.Structure):
    """struct timex as far as `status`; the rest is room. See adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def synchronised() -> bool:
    """Asks the kernel, changing nothing (adjtimex with no modes). OSError when the kernel will not say."""
    state = _Timex()
    answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer != _ERROR and not state.status & _UNSYNCHRONISED
