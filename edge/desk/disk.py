"""Bytes in and out of files: read with a limit, written whole or not at all."""

import os
from pathlib import Path

from edge.errors import PolicyError

LARGEST = 64 * 1024 * 1024
"""Bytes of one file that are still read."""


def get(path: Path, *, name: str) -> bytes:
    """The bytes of the file at `path`; PolicyError says `name`, what is wrong, and the mend."""
    try:
        # not blocking, so that a pipe put in place of the file cannot hang the daemon
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise PolicyError(f"{name}: is missing in `{path.parent}`, put it back or run `homerule init`") from None
    except OSError as error:
        raise PolicyError(f"{name}: cannot be read, {why(error)}") from error
    if len(content) > LARGEST:
        raise PolicyError(f"{name}: is larger than {LARGEST // 1024 // 1024} MiB, cut it down")
    return content


def put(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Puts `content` in place of the file at `path` by one rename, safe against a power cut. Raises PolicyError.

    A file that is there already keeps its mode and, where we may set it, its owner.
    """
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.new")
    try:
        before = target.stat() if target.exists() else None
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode if before is None else before.st_mode & 0o777)
            if before is not None and os.geteuid() == 0:
                os.fchown(descriptor, before.st_uid, before.st_gid)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(fresh, target)
        settle(target.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise PolicyError(f"{path}: cannot be written, {why(error)}; nothing was changed") from error


def settle(folder: Path) -> None:
    """Makes the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def why(error: OSError) -> str:
    """What the system says, in lower case."""
    return (error.strerror or "unknown reason").lower()
