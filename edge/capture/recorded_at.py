"""When a recording was made: what an mp4 says in its own header, else when the file was last written."""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from edge.errors import CameraError

_MP4_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Many writers leave the creation time at zero."""


def recorded_at(path: Path) -> datetime:
    """The time of the recording, to the second, in UTC. Raises CameraError when there is none at `path`."""
    try:
        told = _told(path) if path.is_file() else None
        return told or datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    except FileNotFoundError:
        raise CameraError(f"`{path}`: no such file or folder; check the spelling and the folder you are in") from None
    except OSError as error:
        raise CameraError(f"`{path}`: cannot be read ({error.strerror}); check who owns it and its mode") from error


def _told(path: Path) -> datetime | None:
    """The creation time of the `mvhd` box inside `moov` (ISO/IEC 14496-12, 8.2.2), if the file has one that is set."""
    with path.open("rb") as file:
        end = path.stat().st_size
        for name, start, stop in _boxes(file, 0, end):
            if name == b"moov":
                for inner, begins, _ in _boxes(file, start, stop):
                    if inner == b"mvhd":
                        return _creation_time(file, begins)
    return None


def _boxes(file: BinaryIO, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and end of each box between two places of the file; stops at the first that makes no sense."""
    while start + 8 <= stop:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        inside = start + 8
        if size == 1 and start + 16 <= stop:
            (size,) = struct.unpack(">Q", file.read(8))
            inside += 8
        if size < inside - start or start + size > stop:
            return
        yield name, inside, start + size
        start += size


def _creation_time(file: BinaryIO, start: int) -> datetime | None:
    file.seek(start)
    head = file.read(12)
    if len(head) < 12:
        return None
    seconds = struct.unpack(">Q", head[4:12])[0] if head[0] == 1 else struct.unpack(">I", head[4:8])[0]
    if seconds >= 2**33:
        return None
    at = _MP4_EPOCH + timedelta(seconds=seconds)
    return at if at >= _EARLIEST else None
