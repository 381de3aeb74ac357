"""The model files: which there are (`manifest.toml`), whether they are unchanged (sha256), and loading them.

A model whose bytes are not those that the manifest names is refused, and so is one of somebody else's whose licence
nobody has accepted. Nothing here asks a network.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

import edge
from edge.errors import ModelError
from edge.vision.detector import Detector
from edge.vision.reader import Reader
from edge.written import Written, nearest, parse_toml

Kind = Literal["detector", "reader"]
MANIFEST = "manifest.toml"

_FILE = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_SHA256 = r"^[0-9a-f]{64}$"


class ModelEntry(Written):
    """One `[[model]]` of manifest.toml. A reader also names its plate config, and its margin (see Reader); a detector
    may name the one that looks at `parts` of a picture in its place.

    `homerule models fetch` also writes where it comes from (`source`), how its sha256 came to be known (`locked`: with
    homerule's catalogue, or from the file that came first), and when its licence was accepted.
    """

    name: str = Field(pattern=_FILE)
    kind: Kind
    file: str = Field(pattern=_FILE)
    sha256: str = Field(pattern=_SHA256)
    config: str | None = Field(default=None, pattern=_FILE)
    config_sha256: str | None = Field(default=None, pattern=_SHA256)
    licence: str
    margin: float = Field(default=0.0, ge=0.0, le=0.5)
    default: bool = False
    parts: str | None = Field(default=None, pattern=_FILE)
    input: tuple[int, int] | None = None
    parameters: int | None = None
    gflop: float | None = None
    data: tuple[str, ...] = ()
    accuracy: str | None = None
    source: str | None = None
    locked: Literal["catalogue", "first-fetch"] | None = None
    fetched: date | None = None
    accepted: date | None = None


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
    def load(
        cls,
        folder: Path | None = None,
        detector: str | None = None,
        reader: str | None = None,
        threads: int = 1,
        provider: str = "cpu",
    ) -> "Models":
        """Loads two models by name, or the defaults, from `folder` or, where it has none such, the built-in one.

        `threads` is how many each inference may use, `provider` what runs it, as device.toml calls it. Raises
        ModelError, and ConfigError when the provider is missing.
        """
        finds, reads = find_model("detector", detector, folder), find_model("reader", reader, folder)
        return cls(
            detector=finds.detector(threads, provider),
            reader=reads.reader(threads, provider),
            entries=(finds.entry, reads.entry),
        )

    @property
    def provider(self) -> str:
        """What really runs them: `cpu`, `cuda` or `tensorrt`."""
        return self.detector.provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A model's entry, and the folder that its files are in."""

    entry: ModelEntry
    folder: Path

    def detector(self, threads: int = 1, provider: str = "cpu") -> Detector:
        """Loads it, and what looks at parts for it.

        Raises ModelError when its licence is not accepted, its bytes are others, or it is no detector.
        """
        near = self.parts
        return self._finder(threads, provider, near._finder(threads, provider) if near else None)

    def _finder(self, threads: int, provider: str, parts: Detector | None = None) -> Detector:
        self._allowed()
        written = verified(self.folder, self.entry.file, self.entry.sha256)
        return Detector(name=self.entry.name, written=written, threads=threads, provider=provider, parts=parts)

    @property
    def parts(self) -> "Stored | None":
        """The detector that looks at parts in this one's place, if it has one. Raises ModelError."""
        if self.entry.parts is None:
            return None
        entry = choose(read_manifest(self.folder), "detector", self.entry.parts, self.folder)
        return Stored(entry=entry, folder=self.folder)

    def reader(self, threads: int = 1, provider: str = "cpu") -> Reader:
        """Loads it. Raises ModelError when its licence is not accepted, its bytes are others, or it is no reader."""
        self._allowed()
        self.check()
        file, config = self.folder / self.entry.file, self.folder / str(self.entry.config)
        return Reader(
            name=self.entry.name,
            file=file,
            config=config,
            margin=self.entry.margin,
            threads=threads,
            provider=provider,
        )

    def check(self) -> None:
        """Raises ModelError when a file of it is missing or has other bytes than the manifest says."""
        entry = self.entry
        verified(self.folder, entry.file, entry.sha256)
        near = self.parts
        if near is not None:
            verified(self.folder, near.entry.file, near.entry.sha256)
        if entry.kind == "reader":
            if entry.config is None or entry.config_sha256 is None:
                raise ModelError(f"{self.folder / MANIFEST}: reader `{entry.name}` has no `config` and `config_sha256`")
            verified(self.folder, entry.config, entry.config_sha256)

    def _allowed(self) -> None:
        entry = self.entry
        if entry.source is not None and entry.accepted is None:
            raise ModelError(
                f"model `{entry.name}` is under the licence {entry.licence}, which nobody has accepted yet; "
                f"run `homerule models use {entry.name} --accept-licence`"
            )


def find_model(kind: Kind, name: str | None, folder: Path | None = None) -> Stored:
    """The model of that kind and name (None: the default), from `folder`, else built in. Raises ModelError."""
    place, built_in = models_folder(folder), models_folder()
    here = read_manifest(place)
    if place != built_in and not any(_is_meant(entry, kind, name) for entry in here):
        there = read_manifest(built_in)
        if name is None or any(_is_meant(entry, kind, name) for entry in there):
            return Stored(entry=choose(there, kind, name, built_in), folder=built_in)
        return Stored(entry=choose(here + there, kind, name, place), folder=place)
    return Stored(entry=choose(here, kind, name, place), folder=place)


def _is_meant(entry: ModelEntry, kind: Kind, name: str | None) -> bool:
    return entry.kind == kind and (entry.default if name is None else entry.name == name)


def models_folder(folder: Path | None = None) -> Path:
    """Where the models are: the folder given, else the wheel's `edge/models`, else the checkout's `models`."""
    if folder is not None:
        return folder
    package = Path(edge.__file__).resolve().parent
    packed = package / "models"
    return packed if (packed / MANIFEST).is_file() else package.parent / "models"


def read_manifest(folder: Path) -> tuple[ModelEntry, ...]:
    """All models of a folder. Raises ModelError when its manifest is missing or wrong."""
    path = folder / MANIFEST
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
    path = folder / MANIFEST
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


def verified(folder: Path, file: str, sha256: str) -> bytes:
    """The bytes of a file of `folder`. Raises ModelError when they are not those with that sha256."""
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
