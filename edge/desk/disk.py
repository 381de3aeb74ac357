"""The files that people write, in and out: what the disk complains of becomes a PolicyError that names the file."""

from pathlib import Path

from edge import disk
from edge.disk import settle, why
from edge.errors import PolicyError

LARGEST = 64 * 1024 * 1024
"""Bytes of one file that are still read."""

__all__ = ["LARGEST", "foreign", "get", "put", "settle", "why"]


def get(path: Path, *, name: str) -> bytes:
    """The bytes of the file at `path`; PolicyError says `name`, what is wrong, and the mend."""
    try:
        content, _ = disk.read(path, most=LARGEST + 1)
    except FileNotFoundError:
        raise PolicyError(f"{name}: is missing in `{path.parent}`, put it back or run `homerule init`") from None
    except PermissionError as error:
        raise PolicyError(foreign(name, path.parent, error)) from error
    except OSError as error:
        raise PolicyError(f"{name}: cannot be read, {why(error)}") from error
    if len(content) > LARGEST:
        raise PolicyError(f"{name}: is larger than {LARGEST // 1024 // 1024} MiB, cut it down")
    return content


def foreign(name: str, folder: Path, error: PermissionError) -> str:
    """What is said of a file or folder that this user may not read, with the mend."""
    return f"{name}: cannot be read in `{folder}`, {why(error)}; run this as the user whose it is, or as root"


def put(path: Path, content: bytes, *, mode: int = 0o644, over: bytes | None = None) -> None:
    """Puts `content` in place of the file at `path` by one rename, safe against a power cut. Raises PolicyError.

    A file that is there already keeps its mode and, where we may set it, its owner. With `over` it takes the place of
    these bytes and of no others, so that of two people who edit at once neither undoes the other.
    """
    try:
        disk.put(path, content, mode=mode, over=over)
    except disk.Overtaken as error:
        raise PolicyError(f"{path}: {why(error)}; look at it, and do it once more") from error
    except disk.NotDurable as error:
        raise PolicyError(
            f"{path}: is written, but {why(error)}: after a power cut it may be as it was before; mend the disk"
        ) from error
    except OSError as error:
        raise PolicyError(f"{path}: cannot be written, {why(error)}; nothing was changed") from error
