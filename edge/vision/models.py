"""The model files: which there are (`manifest.toml`), whether they are unchanged (sha256), and loading them.

A model whose bytes are not those that the manifest names is refused.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

import edge
from edge.errors import ModelError
from edge.vision.detector import Detector
from edge.vision.reader import Reader
from edge.written import Written, nearest, parse_toml

Kind = Literal["detector", "reader"]

_FILE = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_SHA256 = r"^[0-9a-f]{64}$"


class ModelEntry(Written):
    """One `[[model]]` of manifest.toml. A reader also names its plate config, and its margin (see Reader)."""

    name: str = Field(pattern=_FILE)
    kind: Kind
    file: str = Field(pattern=_FILE)
    sha256: str = Field(pattern=_SHA256)
    config: str | None = Field(default=None, pattern=_FILE)
    config_sha256: str | None = Field(default=None, pattern=_SHA256)
    licence: str
    margin: float = Field(default=0.0, ge=0.0, le=0.5)
    default: bool = False
    input: tuple[int, int] | None = None
    parameters: int | None = None
    data: tuple[str, ...] = ()
    accuracy: str | None = None


class Manifest(Written):
    """manifest.toml as it is written."""

    model: tuple[ModelEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """A detector and a reader, loaded, with the entries that they were loaded from."""

    detector: Detector
    reader: Reader
    entries: tuple[ModelEntry, ModelEntry]

    @classmethod
    def load(cls, folder: Path | None = None, detector: str | None = None, reader: str | None = None) -> "Models":
        """Loads two models by name, or the defaults, from `folder` or the built-in one. Raises ModelError."""
        place = models_folder(folder)
        known = read_manifest(place)
        finds = choose(known, "detector", detector, place)
        reads = choose(known, "reader", reader, place)
        loaded = Detector(name=finds.name, written=_verified(place, finds.file, finds.sha256))
        if reads.config is None or reads.config_sha256 is None:
            raise ModelError(f"{place / 'manifest.toml'}: reader `{reads.name}` has no `config` and `config_sha256`")
        _verified(place, reads.file, reads.sha256)
        _verified(place, reads.config, reads.config_sha256)
        reading = Reader(name=reads.name, file=place / reads.file, config=place / reads.config, margin=reads.margin)
        return cls(detector=loaded, reader=reading, entries=(finds, reads))


def models_folder(folder: Path | None = None) -> Path:
    """Where the models are: the folder given, else the wheel's `edge/models`, else the checkout's `models`."""
    if folder is not None:
        return folder
    package = Path(edge.__file__).resolve().parent
    packed = package / "models"
    return packed if (packed / "manifest.toml").is_file() else package.parent / "models"


def read_manifest(folder: Path) -> tuple[ModelEntry, ...]:
    """All models of a folder. Raises ModelError when its manifest is missing or wrong."""
    path = folder / "manifest.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(
            f"`{path}`: cannot be read ({error.strerror}); give the folder that holds the models, or install again"
        ) from error
    except UnicodeDecodeError as error:
        raise ModelError(f"`{path}`: is not UTF-8 text; install the models again") from error
    models = parse_toml(text, Manifest, file=str(path), error=ModelError).model
    names = [entry.name for entry in models]
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"`{path}`: two models are named `{name}`; rename one")
    return models


def choose(models: tuple[ModelEntry, ...], kind: Kind, name: str | None, folder: Path) -> ModelEntry:
    """The model of that kind and name, or the default one when `name` is None. Raises ModelError."""
    path = folder / "manifest.toml"
    of_kind = [entry for entry in models if entry.kind == kind]
    if name is None:
        wanted = [entry for entry in of_kind if entry.default]
        if len(wanted) != 1:
            raise ModelError(f"`{path}`: {len(wanted)} models of kind `{kind}` have `default = true`; one must")
        return wanted[0]
    for entry in of_kind:
        if entry.name == name:
            return entry
    names = [entry.name for entry in of_kind]
    hint = nearest(name, names) or f", there is {' '.join(f'`{known}`' for known in names) or 'none'}"
    raise ModelError(f"`{path}`: no {kind} `{name}`{hint}")


def _verified(folder: Path, file: str, sha256: str) -> bytes:
    path = folder / file
    try:
        written = path.read_bytes()
    except OSError as error:
        raise ModelError(f"`{path}`: cannot be read ({error.strerror}); install the models again") from error
    found = hashlib.sha256(written).hexdigest()
    if not re.fullmatch(_SHA256, sha256) or found != sha256:
        raise ModelError(
            f"`{path}`: its sha256 is {found}, but manifest.toml says {sha256}; the file was changed or cut short,"
            " install the models again"
        )
    return written
