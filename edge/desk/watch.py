"""A cheap look at the city's files: whether one was changed, swapped, removed or shut off since the last look."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from edge.policy.bundle import HOTLISTS

_INNER = ("laws", HOTLISTS)
Seen = tuple[tuple[object, ...], ...]


def look(folder: Path, *others: Path) -> Seen:
    """What the system knows of every file in a policy folder and of `others`; equal as long as nothing changed."""
    return tuple(_folder(folder)) + tuple(_one(path) for path in others)


def _folder(folder: Path) -> Iterator[tuple[object, ...]]:
    for place in (folder, *(folder / inner for inner in _INNER)):
        yield _one(place)
        try:
            with os.scandir(place) as entries:
                names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        except OSError as error:
            yield (str(place), error.errno)
            continue
        for name in names:
            yield _one(place / name)


def _one(path: Path) -> tuple[object, ...]:
    try:
        status = os.stat(path)
    except OSError as error:
        return str(path), error.errno
    place = (str(path), status.st_dev, status.st_ino, status.st_mode, status.st_uid)
    if stat.S_ISDIR(status.st_mode):
        return place  # what lies in it is looked at by itself; an editor's own files there say nothing
    return (*place, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
