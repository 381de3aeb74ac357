"""Files on a disk that may be full, slow or gone: made durable, put in place by one rename, complaints in plain words.

Nothing here knows what a file means; the caller says which error its own caller can do something about.
"""

import errno
import os
import stat
from pathlib import Path


class NotDurable(OSError):
    """The new file is in place, whole, but a power cut may bring the old one back."""


def why(error: OSError) -> str:
    """What the system says, in lower case."""
    return (error.strerror or "unknown reason").lower()


def read(path: Path, *, most: int) -> tuple[bytes, os.stat_result]:
    """The first `most` bytes of a regular file, and what the system knows of exactly that file. Raises OSError.

    It never waits: a pipe or a device put in place of the file is refused.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most), status
    finally:
        os.close(descriptor)


class Overtaken(OSError):
    """Somebody else has written the file meanwhile; it is as they left it."""


def put(path: Path, content: bytes, *, mode: int, over: bytes | None = None) -> None:
    """Puts `content` in place of the file at `path` by one rename that outlives a power cut. Raises OSError.

    With `over` it takes the place of exactly these bytes, and Overtaken is raised when others stand there by then.
    A file that is there already keeps its mode, group and owner, as far as we may set them. After an error the file
    is as it was; but NotDurable says that the new one is there.
    """
    target = path.resolve()
    if not target.name:
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    fresh = target.with_name(f".{target.name}.new")
    try:
        before = target.stat() if target.exists() else None
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            _like(descriptor, before, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if over is not None and target.read_bytes() != over:
            raise Overtaken(errno.EBUSY, "somebody else has changed it meanwhile")
        os.replace(fresh, target)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    try:
        settle(target.parent)
    except OSError as error:
        raise NotDurable(error.errno, error.strerror) from error


def settle(folder: Path) -> None:
    """Makes the names in `folder` durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _like(descriptor: int, before: os.stat_result | None, mode: int) -> None:
    """The owner goes first: changing it takes set-user-id bits away, and never may a mode be wider than its group."""
    if before is None:
        os.fchmod(descriptor, mode)
        return
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (before.st_uid, before.st_gid):
        owner = before.st_uid if os.geteuid() == 0 else -1
        try:
            os.fchown(descriptor, owner, before.st_gid)
        except PermissionError:
            # the group cannot be kept, so its rights are not kept for another one
            os.fchmod(descriptor, before.st_mode & 0o707)
            return
    os.fchmod(descriptor, before.st_mode & 0o777)
