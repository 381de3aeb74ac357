"""Who vouches for the computer's clock: the kernel, systemd-timesyncd or chrony. Nothing is changed by asking.

The kernel's word comes first: it is withdrawn the moment somebody sets the clock by hand.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from edge.clock import Vouched, monotonic, wall

TIMESYNCD = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd touches it at every synchronisation, see systemd-timesyncd.service(8)."""
CHRONY = Path("/run/chrony")

_UNSYNCHRONISED = 0x40  # STA_UNSYNC, <linux/timex.h>
_ERROR = 5  # TIME_ERROR, clock_adjtime(2)
_CHRONY_EVERY = 60.0
_CHRONY_WITHIN = 2.0


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


class Timekeepers:
    """Asks each in turn; for `ClockTrust`."""

    def __init__(
        self,
        *,
        kernel: Callable[[], bool] = synchronised,
        timesyncd: Path = TIMESYNCD,
        chrony: Path = CHRONY,
    ) -> None:
        self._kernel, self._timesyncd, self._chrony = kernel, timesyncd, chrony
        self._next_chrony = float("-inf")

    def __call__(self) -> Vouched | None:
        """Who vouches now, None for nobody."""
        try:
            if self._kernel():
                return Vouched(by="kernel")
        except OSError:
            pass  # a kernel that will not say does not vouch
        return self._by_timesyncd() or self._by_chrony()

    def _by_timesyncd(self) -> Vouched | None:
        try:
            touched = self._timesyncd.stat().st_mtime_ns
        except OSError:
            return None
        age = wall() - touched / 1e9
        # the folder is emptied at every boot, so a file that is there is of this boot; one of the future is of a
        # clock that was moved since
        return Vouched(by="timesyncd", age=age, stamp=touched) if age >= 0 else None

    def _by_chrony(self) -> Vouched | None:
        """chrony tells the kernel where `rtcsync` is set, as Debian does; only elsewhere it must be asked itself."""
        if monotonic() < self._next_chrony or not os.path.isdir(self._chrony):
            return None
        self._next_chrony = monotonic() + _CHRONY_EVERY
        program = shutil.which("chronyc")
        if program is None:
            return None
        asked = wall()
        try:
            said = subprocess.run(  # noqa: S603 - a fixed command, no shell
                [program, "-c", "tracking"], capture_output=True, text=True, timeout=_CHRONY_WITHIN, check=False
            ).stdout
        except (OSError, subprocess.SubprocessError):
            return None
        return tracking(said, asked)


def tracking(said: str, asked: float) -> Vouched | None:
    """What `chronyc -c tracking` says: 14 fields, the fourth the time of the last update, the last the leap status.

    `asked` is the wall clock's second before: while it is asked, which takes a while, the update grows no older.
    """
    fields = said.strip().split(",")
    if len(fields) < 14 or fields[-1] != "Normal":
        return None
    try:
        updated = float(fields[3])
    except ValueError:
        return None
    age = max(0.0, asked - updated)
    return Vouched(by="chrony", age=age, stamp=round(updated * 1e9)) if updated <= wall() else None
