"""Loaded by Python itself at the start of a program of the simulated day (PYTHONPATH): its clock can run ahead.

SKIPPED is a file of eight bytes: by how many seconds the clock of everybody here is ahead. Each time the recording
that stands in for the camera begins anew, nothing happens on the road for IDLE seconds, and they pass SPEED times as
fast; the daemon meanwhile does all that it does on an empty road.
"""

import importlib.abc
import importlib.util
import mmap
import os
import struct
import sys
import time
from datetime import datetime as real_datetime
from types import ModuleType, SimpleNamespace

SPEED = 120.0
STEP = 0.01
"""Seconds of the real clock."""

with open(os.environ["SKIPPED"], "r+b") as file:
    shared = mmap.mmap(file.fileno(), 8)


def ahead() -> float:
    return struct.unpack("d", shared[:8])[0]


class Ahead(real_datetime):
    """Its `now` is ahead; what it makes of a number is an ordinary time."""

    @classmethod
    def now(cls, tz: object = None) -> real_datetime:
        return real_datetime.fromtimestamp(time.time() + ahead(), tz)

    @classmethod
    def fromtimestamp(cls, at: float, tz: object = None) -> real_datetime:
        return real_datetime.fromtimestamp(at, tz)


def skip(seconds: float) -> None:
    """Lets them pass."""
    until = ahead() + seconds
    while ahead() < until:
        time.sleep(STEP)
        shared[:8] = struct.pack("d", min(until, ahead() + SPEED * STEP))


def slowly(player: ModuleType) -> None:
    """Before a recording begins again, the road is empty for a while."""
    real, begun = player.open_recording, []

    def opened(*values: object, **options: object) -> object:
        if begun:
            skip(float(os.environ["IDLE"]))
        begun.append(1)
        return real(*values, **options)

    player.open_recording = opened


class Finder(importlib.abc.MetaPathFinder):
    """Waits for the player to be loaded; loading it here would load the decoder before the daemon has set its heap."""

    def find_spec(self, name: str, path: object, target: object = None) -> object:
        if name != "edge.capture.player":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def loaded(module: ModuleType) -> None:
            load(module)
            slowly(module)

        spec.loader.exec_module = loaded
        return spec


import edge.clock  # noqa: E402

edge.clock.datetime = Ahead
edge.clock.time = SimpleNamespace(
    **{name: getattr(time, name) for name in ("thread_time", "process_time", "CLOCK_BOOTTIME")},
    time=lambda: time.time() + ahead(),
    monotonic=lambda: time.monotonic() + ahead(),
    clock_gettime=lambda which: time.clock_gettime(which) + ahead(),
)
edge.clock.ClockTrust.__init__.__kwdefaults__["wall"] = edge.clock.time.time
sys.meta_path.insert(0, Finder())
