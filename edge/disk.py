"""Files on a disk that may be full, slow or gone: made durable, put in place by one rename, complaints in plain words.

Nothing here knows what a file means; the caller says which error its own caller can do something about.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep

_ROUNDS, _PAUSE = 500, 0.02
"""How often somebody else's file is looked at again, and the seconds between: ten together, longer than any writing."""


class NotDurable(OSError):
    """The new file is in place, whole, but a power cut may bring the old one back."""


class Overtaken(OSError):
    """Somebody else has written the file meanwhile; it is as they left it."""


class Halfway(OSError):
    """Of several files the first are new and the others are not, and what was done could not be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A new file, whole and durable, that only waits for its name; nobody else writes one for the same place."""

    target: Path
    fresh: Path
    descriptor: int
    before: os.stat_result | None


def why(error: OSError) -> str:
    """What the system says, in lower case."""
    return (error.strerror or "unknown reason").lower()


def shown(path: Path | str) -> str:
    """A name as a person may be shown it and any file may hold it: bytes that are no UTF-8 stand there as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_utf8(path: Path) -> bool:
    """Whether the whole name is UTF-8: OpenCV breaks the process over one that is not."""
    return shown(path) == str(path)


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


def put(path: Path, content: bytes, *, mode: int, over: bytes | None = None) -> None:
    """Puts `content` in place of the file at `path` by one rename that outlives a power cut. Raises OSError.

    With `over` it takes the place of exactly these bytes (none: of no file), and Overtaken is raised when others stand
    there by then; of all who write with this function only one is between the comparison and the rename.
    A file that is there already keeps its mode, group and owner, as far as we may set them. After an error the file
    is as it was; but NotDurable says that the new one is there.
    """
    target = _target(path)
    with _ready(target, content, mode) as ready:
        if over is not None and (target.read_bytes() if target.exists() else b"") != over:
            raise Overtaken(errno.EBUSY, "somebody else has changed it meanwhile")
        _rename(ready)
    _settle_all([target.parent])


def put_all(files: Mapping[Path, bytes], *, mode: int) -> None:
    """As `put` for several files, which get their names in this order; none does before all are on the disk.

    After an error all are as they were; but Halfway says that they are not, and NotDurable that all are new.
    """
    contents = {_target(path): content for path, content in files.items()}
    with ExitStack() as held:
        ready = [held.enter_context(_ready(target, content, mode)) for target, content in contents.items()]
        old = {one.target: None if one.before is None else one.target.read_bytes() for one in ready}
        done: list[Path] = []
        try:
            for one in ready:
                _rename(one)
                done.append(one.target)
        except OSError as error:
            _take_back({target: old[target] for target in reversed(done)}, error)
            raise
    _settle_all(dict.fromkeys(target.parent for target in contents))


@contextmanager
def alone(name: Path) -> Iterator[int]:
    """Makes a file that nobody else has meanwhile, and gives its descriptor, to write to; afterwards `name` is gone.

    Whoever asks for the same name waits, or after ten seconds gets an OSError. What was there already, left by a
    process that was killed or put there by others, is never written to: it is taken away.
    """
    descriptor = _made(name)
    try:
        yield descriptor
    finally:
        with suppress(OSError):  # left behind, it is in nobody's way
            if _stands(descriptor, name):
                name.unlink()
        os.close(descriptor)


def settle(folder: Path) -> None:
    """Makes the names in `folder` durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _target(path: Path) -> Path:
    target = path.resolve()
    if not target.name or target.is_dir():
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    return target


@contextmanager
def _ready(target: Path, content: bytes, mode: int) -> Iterator[_Ready]:
    fresh = target.with_name(f".{target.name}.new")
    with alone(fresh) as descriptor:
        before = target.stat() if target.exists() else None
        _like(descriptor, before, mode)
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.fsync(descriptor)
        yield _Ready(target=target, fresh=fresh, descriptor=descriptor, before=before)


def require(descriptor: int, name: Path) -> None:
    """To be asked before what `alone` gave gets its name. Raises OSError when it does not stand there any more."""
    if not _stands(descriptor, name):  # another user, who may not lock our file, took it away
        raise OSError(errno.EBUSY, "somebody else is writing it")


def _rename(ready: _Ready) -> None:
    require(ready.descriptor, ready.fresh)
    os.replace(ready.fresh, ready.target)


def _take_back(old: Mapping[Path, bytes | None], error: OSError) -> None:
    try:
        for target, content in old.items():
            if content is None:
                target.unlink()
            else:
                put(target, content, mode=0o600)
    except OSError:
        raise Halfway(error.errno, error.strerror) from error


def _settle_all(folders: Iterable[Path]) -> None:
    try:
        for folder in folders:
            settle(folder)
    except OSError as error:
        raise NotDurable(error.errno, error.strerror) from error


def _made(name: Path) -> int:
    for turn in range(_ROUNDS):
        try:
            descriptor = _locked(name, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            if not _cleared(name, waited=turn > _ROUNDS // 2):
                sleep(_PAUSE)
            continue
        if descriptor is not None:
            return descriptor
    raise OSError(errno.EBUSY, "somebody else is writing it")


def _locked(name: Path, flags: int) -> int | None:
    """The file at `name`, open and locked; None when another has it, or when it stands there no more."""
    with ExitStack() as opened:
        descriptor = os.open(name, flags | os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        opened.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        except OSError:  # a file system without locks
            if flags & os.O_EXCL:
                name.unlink()
            raise
        if not _stands(descriptor, name):
            return None
        opened.pop_all()
        return descriptor


def _cleared(name: Path, *, waited: bool) -> bool:
    """Takes away what stands at `name`, unless somebody has it; who has taken it away meanwhile has done it for us.

    Whoever writes a file holds its lock and finds it under this name, so what nobody holds was left behind.
    """
    held = None
    try:
        status = os.lstat(name)
        if stat.S_ISREG(status.st_mode) and status.st_nlink < 2:
            held = _locked(name, 0)
            if held is None:
                return False
    except FileNotFoundError:
        return True
    except PermissionError:  # another user's, and nobody can tell whether he still writes it: he is given time
        if not waited:
            return False
    try:
        name.unlink(missing_ok=True)
    finally:
        if held is not None:
            os.close(held)
    return True


def _stands(descriptor: int, name: Path) -> bool:
    """Whether the file that is open here is the one at `name`."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(name))
    except FileNotFoundError:
        return False


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
