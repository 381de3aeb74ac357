"""Loaded by Python itself at the start of a daemon under test (PYTHONPATH): lets its disk and its clocks misbehave.

The folder FAULTS says how, and may be changed while the daemon runs:
    commit    `before` or `after`, and SQLite's name for it: every commit fails, before it has happened or after it
    free      megabytes that are free on every disk
    shift     seconds by which the wall clock is wrong
    patience  seconds after which a thread that does not move stands still; told before the start
    stall     the name of a thread that stands still while it is named here
    vouched   while this file is there, the kernel vouches for the clock; without it nobody does
    throttled what a Raspberry's firmware says of its processor, in bits
    readonly  while this file is there, nothing can be synced to any disk
    breaks    what fails as nobody foresaw while it is named here: `look`, whether the city's files have changed, or
              the turns of a thread
"""

import errno
import os
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace

FAULTS = Path(os.environ["FAULTS"])
real_connect, real_time, real_statvfs = sqlite3.connect, time.time, os.statvfs
real_read_text, real_fsync = Path.read_text, os.fsync
FIRMWARE = "/sys/devices/platform/soc/soc:firmware/get_throttled"


def told(name: str) -> str:
    try:
        return real_read_text(FAULTS / name).strip()
    except OSError:
        return ""


def fault(name: str) -> sqlite3.OperationalError:
    """As SQLite raises it."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = name
    return error


class Disk(sqlite3.Connection):
    """A connection whose commits fail when they are told to."""

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        when, _, name = told("commit").partition(" ") if sql == "COMMIT" else ("", "", "")
        if when == "before":
            raise fault(name)
        done = super().execute(sql, *values)
        if when == "after":
            raise fault(name)
        return done


def connect(*values: object, **options: object) -> sqlite3.Connection:
    return real_connect(*values, **{"factory": Disk, **options})


def statvfs(path: str) -> object:
    free = told("free")
    room = int(free or 0) * 1_000_000
    return SimpleNamespace(f_bavail=room, f_bfree=room, f_blocks=room, f_frsize=1) if free else real_statvfs(path)


def read_text(path: Path, *values: object, **options: object) -> str:
    return told("throttled") if str(path) == FIRMWARE else real_read_text(path, *values, **options)


def fsync(handle: int) -> None:
    if (FAULTS / "readonly").exists():
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    real_fsync(handle)


sqlite3.connect = connect
os.statvfs = statvfs
os.fsync = fsync
Path.read_text = read_text
time.time = lambda: real_time() + float(told("shift") or 0)


import edge.timekeeping  # noqa: E402

edge.timekeeping.synchronised = (FAULTS / "vouched").exists
edge.timekeeping.Timekeepers.__call__ = lambda _: (
    edge.timekeeping.Vouched(by="kernel") if (FAULTS / "vouched").exists() else None
)


import edge.daemon.daemon  # noqa: E402
import edge.desk.city  # noqa: E402
from edge.daemon.loops import Loop  # noqa: E402

real_look, real_init = edge.desk.city.look, Loop.__init__


def look(*places: Path) -> object:
    if told("breaks") == "look":
        raise KeyError("AB12345")
    return real_look(*places)


def init(self: Loop, name: str, turn: object, **values: object) -> None:
    def failing(loop: Loop) -> None:
        if told("breaks") == name:
            raise KeyError("AB12345")
        while told("stall") == name:
            time.sleep(0.05)
        turn(loop)

    real_init(self, name, failing, **values)


edge.desk.city.look = look
Loop.__init__ = init
if told("patience"):
    edge.daemon.daemon._STILL = float(told("patience"))
