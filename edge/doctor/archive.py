"""The archive: a compressed tar file for its owner's eyes alone, each part looked at once more before it is written."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from edge import disk
from edge.doctor.redact import Redactor
from edge.errors import ConfigError

MODE = 0o600
_FOLDER = "homerule-support"


def write(path: Path, parts: Iterable[tuple[str, str]], redactor: Redactor) -> list[str]:
    """Writes them, never over another file; the names of those that are in it. ConfigError when it cannot be made."""
    names = []
    try:
        with path.open("xb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            path.chmod(MODE)
            for name, text in parts:
                shown = redactor(text)
                if redactor.holds(shown):
                    shown = "left out: it still held something that may not leave\n"
                told = tarfile.TarInfo(f"{_FOLDER}/{name}")
                content = shown.encode()
                told.size, told.mode = len(content), MODE
                archive.addfile(told, io.BytesIO(content))
                names.append(name)
    except FileExistsError:
        raise ConfigError(f"{path}: exists already and is not written over, name another with `--out`") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written, {disk.why(error)}") from error
    return names
