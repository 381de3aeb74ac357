"""The folder that a replay writes: all of it or nothing, and for its owner's eyes only, because plates stand in it.

Files go to a hidden folder beside the one asked for, which takes its name at the very end.
"""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from edge.errors import HomeruleError

_FOLDER_MODE, _FILE_MODE = 0o700, 0o600


class OutputFolder:
    """`with OutputFolder(path) as out: out.write(...)`. Without a path, a temporary folder that is gone afterwards."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._part: Path | None = None

    def __enter__(self) -> "OutputFolder":
        """Raises HomeruleError when the folder is in use already or cannot be written."""
        if self._path is None:
            self._part = Path(tempfile.mkdtemp(prefix="homerule-replay-"))
            return self
        self._require_free(self._path)
        beside = self._path.absolute().parent
        try:
            beside.mkdir(parents=True, exist_ok=True)
            self._part = Path(tempfile.mkdtemp(prefix=f".{self._path.name}.", suffix=".part", dir=beside))
            self._part.chmod(_FOLDER_MODE)
        except OSError as error:
            raise _cannot_write(self._path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        part = self.folder
        if error is None and self._path is not None:
            try:
                os.rename(part, self._path)
            except OSError as failed:
                shutil.rmtree(part, ignore_errors=True)
                raise _cannot_write(self._path, failed) from failed
            return
        shutil.rmtree(part, ignore_errors=True)
        if self._path is not None and isinstance(error, OSError) and _is_of(part, error):
            raise _cannot_write(self._path, error) from error

    @property
    def folder(self) -> Path:
        """Where the files stand until the end."""
        if self._part is None:
            raise RuntimeError("the folder is not open")
        return self._part

    def write(self, name: str, text: str) -> None:
        """Writes one file, mode 0600, down to the disk. Raises HomeruleError when the disk is full."""
        path = self.folder / name
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb") as file:
                # a name of a file, which need be no UTF-8, shall not be what a whole run ends on
                file.write(text.encode("utf-8", "backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _cannot_write(self._path or path, error) from error

    @staticmethod
    def _require_free(path: Path) -> None:
        try:
            if path.is_symlink() or (path.exists() and not path.is_dir()):
                raise HomeruleError(f"`{path}`: is there already and is no folder; choose another name for --out")
            if path.is_dir() and any(path.iterdir()):
                raise HomeruleError(f"`{path}`: the folder is not empty; choose a new one for --out, or empty it")
        except OSError as error:
            raise _cannot_write(path, error) from error


def _is_of(folder: Path, error: OSError) -> bool:
    """Whether it is about a file in the folder: a screen that takes nothing any more is not the folder's fault."""
    return isinstance(error.filename, str) and Path(error.filename).is_relative_to(folder)


def _cannot_write(path: Path, error: OSError) -> HomeruleError:
    return HomeruleError(
        f"`{path}`: cannot be written ({error.strerror}); nothing was kept, choose a folder on a disk with room that"
        " you may write to"
    )
