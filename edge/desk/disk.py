"""The files that people write, in and out: what the disk complains of becomes a PolicyError that names the file."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from edge import disk
from edge.disk import settle, why
from edge.errors import PolicyError

LARGEST = 64 * 1024 * 1024
"""Bytes of one file that are still read."""

__all__ = ["LARGEST", "alone", "foreign", "get", "put", "put_all", "settle", "why"]


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
    with _told(path):
        disk.put(path, content, mode=mode, over=over)


def put_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Puts all these files into `folder`, in this order, or none of them. Raises PolicyError.

    None gets its name before all are on the disk, so that a full one changes nothing.
    """
    made = [inner for inner in dict.fromkeys((folder / name).parent for name in files) if not inner.exists()]
    with _told(folder), ExitStack() as on_failure:
        for inner in made:
            inner.mkdir(exist_ok=True)
            on_failure.callback(_remove_if_empty, inner)
        disk.put_all({folder / name: content for name, content in files.items()}, mode=0o644)
        on_failure.pop_all()


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Keeps everybody else from what is done in `folder` under this name, until it is done. Raises PolicyError."""
    with ExitStack() as held:
        with _told(folder):
            if not folder.is_dir():
                raise PolicyError(f"`{folder}`: no such policy folder, make one with `homerule init {folder}`")
            held.enter_context(disk.alone(folder / f".{name}.new"))
        yield


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except disk.Overtaken as error:
        raise PolicyError(f"{path}: {why(error)}; look at it, and do it once more") from error
    except disk.NotDurable as error:
        raise PolicyError(
            f"{path}: is written, but {why(error)}: after a power cut it may be as it was before; mend the disk"
        ) from error
    except disk.Halfway as error:
        raise PolicyError(f"{path}: is written in part, {why(error)}; mend the disk, and do it once more") from error
    except OSError as error:
        raise PolicyError(f"{path}: cannot be written, {why(error)}; nothing was changed") from error


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
