"""The archive: a compressed tar file for its owner's eyes alone, each part looked at once more before it is written."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from edge import disk
from edge.doctor.redact import Redactor
from edge.errors import ConfigError

MODE = 0o600
_FOLDER = "homerule-support"


def write(path: Path, parts: Iterable[tuple[str, str]], redactor: Redactor) -> list[str]:
    """Writes them, never over another file; the names of those that are in it. ConfigError when it cannot be made."""
    try:
        file = path.open("xb")
        try:
            with file:
                path.chmod(MODE)
                return _packed(file, parts, redactor)
        except BaseException:
            path.unlink(missing_ok=True)  # half of one would only stand in the way of the next try
            raise
    except FileExistsError:
        raise ConfigError(f"{path}: exists already and is not written over, name another with `--out`") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written, {disk.why(error)}") from error


def _packed(file: BinaryIO, parts: Iterable[tuple[str, str]], redactor: Redactor) -> list[str]:
    names = []
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, text in parts:
            shown = redactor(text)
            if redactor.holds(shown):
                shown = "left out: it still held something that may not leave\n"
            told = tarfile.TarInfo(f"{_FOLDER}/{name}")
            content = shown.encode()
            told.size, told.mode = len(content), MODE
            archive.addfile(told, io.BytesIO(content))
            names.append(name)
    return names
