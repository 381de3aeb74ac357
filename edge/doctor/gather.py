"""What goes into the archive, a text each. A part that fails says so in its place, and the others are gathered still.

Of device.toml only what has no words of its own is shown: numbers, switches, and choices out of a fixed list.
"""

import os
import platform
import shutil
import stat
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edge import __version__, disk
from edge.check import device, program
from edge.clock import Clock, SystemClock
from edge.config import Config
from edge.control.client import ask_status
from edge.doctor.learn import packages
from edge.errors import HomeruleError
from edge.ledger.codec import decode
from edge.ledger.entries import Gap, Purge, SelfTest
from edge.ledger.look import looking
from edge.vision.models import models_folder, read_manifest, verified

_CHOICES = {"transport", "size", "pixel_format", "provider", "protocol", "access", "log_format"}
_LINES, _NO_HOST = "400", "--no-hostname"
_PATIENCE = 20.0
_UNIT = "homerule.service"

_PROPERTIES = (
    *("ActiveState", "SubState", "Result", "NRestarts", "ExecMainStatus", "ActiveEnterTimestamp", "StatusText"),
    *("MemoryCurrent", "MemoryPeak", "TasksCurrent", "CPUUsageNSec", "WatchdogTimestamp", "UnitFileState"),
)


def parts(config: Config, *, clock: Clock | None = None) -> Iterator[tuple[str, str]]:
    """Name and text of each."""
    own = clock or SystemClock(trusted=False)
    makers: dict[str, Callable[[], str]] = {
        "about.txt": lambda: _about(own),
        "device.toml.txt": lambda: "\n".join(_config(config)),
        "status.json": lambda: ask_status(config.device.socket).model_dump_json(indent=1),
        "check.txt": lambda: _check(config, own),
        "unit.txt": lambda: _said("systemctl", "show", _UNIT, "--property", ",".join(_PROPERTIES)),
        "log.txt": lambda: _said("journalctl", "--unit", _UNIT, "--lines", _LINES, "--output", "short-iso", _NO_HOST),
        "disk.txt": lambda: _disk(config),
        "models.txt": lambda: _models(config),
        "audit.txt": lambda: _audit(config),
    }
    for name, make in makers.items():
        try:
            text = make()
        except (HomeruleError, OSError, subprocess.SubprocessError) as error:
            text = f"could not be gathered: {error}"
        yield name, text.rstrip() + "\n"


def _about(clock: Clock) -> str:
    lines = [f"gathered at {clock.now().at:%Y-%m-%d %H:%M} UTC", f"homerule {__version__}"]
    lines.append(f"Python {platform.python_version()}, {platform.machine()}, Linux {platform.release()}")
    return "\n".join([*lines, *packages()])


def _config(table: BaseModel, where: str = "") -> Iterator[str]:
    for key in type(table).model_fields:
        yield from _shown(f"{where}{key}", key, getattr(table, key))


def _shown(where: str, key: str, value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from _config(value, f"{where}.")
    elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        for number, one in enumerate(value, start=1):
            yield from _config(one, f"{where}[{number}].")
    elif value is None or isinstance(value, bool | int | float) or key in _CHOICES:
        yield f"{where} = {value}"
    elif isinstance(value, Path):
        yield f"{where} = {_file(value)}"
    elif key == "url":
        yield f"{where} = {value.partition(':')[0] if ':' in value else 'a path'}: (not shown)"
    else:
        yield f"{where} = (not shown, {len(value)} long)"


def _file(path: Path) -> str:
    try:
        told = path.stat()
    except OSError as error:
        return f"(a path: {disk.why(error)})"
    return f"(a path: mode {stat.S_IMODE(told.st_mode):o}, owner {told.st_uid}, {told.st_size} bytes)"


def _check(config: Config, clock: Clock) -> str:
    chosen = config.models
    found = program(
        clock=clock, models=chosen.folder, detector=chosen.detector, reader=chosen.reader, provider=chosen.provider
    )
    return "\n".join(f"{one.state.value}: {one.thing}: {one.said}" for one in found + device(config, clock=clock))


def _said(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not here"
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)  # noqa: S603 - no shell
    return done.stdout or f"{command[0]} has nothing to say"


def _disk(config: Config) -> str:
    folder = config.device.ledger.parent
    free = os.statvfs(folder)
    lines = [f"{free.f_bavail * free.f_frsize // 1_000_000} MB and {free.f_favail} files free at the ledger"]
    lines += [f"{one.stat().st_size:>12} {one.suffix}" for one in sorted(folder.glob(f"{config.device.ledger.name}*"))]
    return "\n".join(lines)


def _models(config: Config) -> str:
    folder = models_folder(config.models.folder)
    lines = []
    for one in read_manifest(folder):
        try:
            verified(folder, one.file, one.sha256)
            state = "unchanged"
        except HomeruleError:
            state = "NOT as its manifest says"
        lines.append(f"{one.kind} {one.name} {one.sha256} {state}")
    return "\n".join(lines)


def _audit(config: Config) -> str:
    """Counts and gaps of the audit log; no names."""
    counts: Counter[str] = Counter()
    told: list[str] = []
    with looking(config.device.ledger) as log:
        for position, raw in log.entries():
            _, entry = decode(raw)
            counts[type(entry).__name__] += 1
            if isinstance(entry, Gap):
                kind = entry.what.partition(":")[0]
                told.append(f"gap of {kind}, {entry.why}: {(entry.ended - entry.began) / 1000:.1f} s")
            elif (isinstance(entry, SelfTest) and not entry.passed) or (isinstance(entry, Purge) and entry.failed):
                told.append(f"failed: {type(entry).__name__} at {position}")
    return "\n".join([*(f"{count:>9} {name}" for name, count in sorted(counts.items())), *told[-200:]])
