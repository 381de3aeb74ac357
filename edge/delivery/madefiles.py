"""Files that are made once and belong to one user: whole or not there, private from the first byte, durable."""

import os
import pwd
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge import disk
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One file of the site: made now, or there before, and then perhaps not as it would be made now."""

    path: Path
    made: bool
    differs: bool = False


class Making:
    """Makes files that are not there, and remembers which."""

    def __init__(self) -> None:
        self.written: list[Written] = []

    def file(self, path: Path, content: Callable[[], bytes], *, mode: int, owner: str | None) -> None:
        """A file of these bytes, unless there is one."""
        fresh = path.with_name(f".{path.name}.new")
        if not self.noted(path):
            try:
                with disk.alone(fresh) as descriptor:
                    os.fchmod(descriptor, mode)
                    with os.fdopen(descriptor, "wb", closefd=False) as file:
                        file.write(content())
                    os.fsync(descriptor)
                    disk.require(descriptor, fresh)
                    os.link(fresh, path)  # whole or not at all, and never over another
                _given_for_good(path, owner)
            except OSError as error:
                raise ConfigError(f"{path}: cannot be made, {disk.why(error)}") from error

    def text(self, path: Path, content: bytes, *, owner: str | None) -> None:
        """A file that holds no secret, of these bytes, unless there is one; whether that one differs is noted."""
        if not path.exists():
            self.file(path, lambda: content, mode=0o644, owner=owner)
            return
        try:
            differs = path.read_bytes() != content
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read, {disk.why(error)}") from error
        self.written.append(Written(path=path, made=False, differs=differs))

    def noted(self, path: Path) -> bool:
        """Whether it is there already; either way it is noted."""
        there = path.exists()
        self.written.append(Written(path=path, made=not there))
        return there


def put_new(path: Path, content: bytes) -> None:
    """A file of these bytes that everybody may read; ConfigError if there is one."""
    if path.exists():
        raise ConfigError(f"{path}: exists already and is not written over, choose another name or move it away")
    Making().file(path, lambda: content, mode=0o644, owner=None)


@contextmanager
def whole_with(path: Path) -> Iterator[None]:
    """Takes a file that was just made away again when what belongs to it fails: half would only block the next try."""
    with ExitStack() as on_failure:
        on_failure.callback(_remove, path)
        yield
        on_failure.pop_all()


def put(path: Path, content: bytes) -> None:
    """Puts `content` in place of the file at `path` by one rename; mode and owner stay. ConfigError."""
    try:
        disk.put(path, content, mode=0o644)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written, {disk.why(error)}; nothing was changed") from error


def folder(path: Path, owner: str | None) -> None:
    """A folder that only its owner may look into, unless there is one. ConfigError."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not path.is_dir():
            path.mkdir(mode=0o700)
            give(path, owner)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be made, {disk.why(error)}; choose another place") from error


def user(wanted: str | None, usual: str) -> str:
    """The user whose files these are: who was named, the usual one where we are root and it exists, else ourselves.

    ConfigError when who was named does not exist.
    """
    ourselves = pwd.getpwuid(os.geteuid()).pw_name
    if wanted is None and os.geteuid() != 0:
        return ourselves
    try:
        return pwd.getpwnam(usual if wanted is None else wanted).pw_name
    except KeyError:
        if wanted is None:
            return ourselves
        raise ConfigError(f"there is no user `{wanted}` here, make it or name another") from None


def give(path: Path, owner: str | None) -> None:
    """Gives a file to its user, where we are root."""
    if owner is not None and os.geteuid() == 0:
        shutil.chown(path, owner, pwd.getpwnam(owner).pw_gid)


def _remove(path: Path) -> None:
    with suppress(OSError):  # what failed first is what is told
        path.unlink()


def _given_for_good(path: Path, owner: str | None) -> None:
    """A new file that its user cannot have, or that a power cut may take away, is not left: it would be in the way."""
    try:
        give(path, owner)
        disk.settle(path.parent)
    except OSError:
        _remove(path)
        raise


def uid(owner: str | None) -> int | None:
    """The id of a user that is known to exist."""
    return None if owner is None else pwd.getpwnam(owner).pw_uid
