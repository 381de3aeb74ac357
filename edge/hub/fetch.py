"""Fetches one model of the catalogue into a folder: whole, with the right sha256, a network that loads; or not at all.

A file whose sha256 is known, from the catalogue or from an earlier fetch, must have it. Otherwise the one that comes
now is locked in the folder's manifest.toml, and said to be: trust on first use.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from edge.errors import ModelError
from edge.hub.catalogue import Catalogue, Published
from edge.hub.lock import locked, own_folder, put_file, write
from edge.hub.source import Source
from edge.vision.models import MANIFEST, ModelEntry, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What there is after a fetch. `fresh`: it was fetched now; `trusted_first`: files whose sha256 nobody knew."""

    entry: ModelEntry
    folder: Path
    fresh: bool
    trusted_first: tuple[str, ...]


def fetch(
    name: str,
    *,
    catalogue: Catalogue,
    folder: Path,
    today: date,
    source: Source | None = None,
    accepted: bool = False,
    progress: Callable[[str, int], None] = lambda *_: None,
) -> Fetched:
    """Fetches the model `name` into `folder`, from its publisher or from `source`.

    `accepted`: the caller has accepted its licence. Raises ModelError; then the folder is as it was.
    """
    wanted = catalogue.named(name)
    place = own_folder(folder)
    before = _before(wanted, place)
    known = _known(wanted, before)
    if before is not None and _unchanged(place, before):
        if accepted and before.accepted is None:
            before = before.model_copy(update={"accepted": today})
            write(place, before)
        return Fetched(entry=before, folder=place, fresh=False, trusted_first=())
    origin = source or Source(catalogue.publisher_of(wanted).address)
    files = {file: origin.get(file, partial(progress, file)) for file in wanted.files}
    for file, content in files.items():
        _compare(file, content, known[file], origin, place if before else None)
    entry = _entry(wanted, catalogue, files, origin.address(wanted.file), before, today if accepted else None, today)
    _loads(entry, files, origin)
    for file, content in files.items():
        put_file(place, file, content)
    write(place, entry)
    first = tuple(file for file, sha256 in known.items() if sha256 is None)
    return Fetched(entry=entry, folder=place, fresh=True, trusted_first=first)


def _before(wanted: Published, folder: Path) -> ModelEntry | None:
    """What was fetched under that name earlier; a person's own models are not touched."""
    for entry in locked(folder).values():
        mine = entry.name != wanted.name or entry.source is None
        if mine and (entry.name == wanted.name or {entry.file, entry.config} & set(wanted.files)):
            raise ModelError(
                f"`{folder / MANIFEST}`: model `{entry.name}` has that name or that file already; rename it, or name "
                "another folder with `--folder`"
            )
    return locked(folder).get(wanted.name)


def _known(wanted: Published, before: ModelEntry | None) -> dict[str, str | None]:
    """The sha256 that each file must have: the catalogue's, else that of the first fetch, else None."""
    files = wanted.files
    if before is None:
        return files
    earlier = {before.file: before.sha256, before.config: before.config_sha256}
    return {file: sha256 or earlier.get(file) for file, sha256 in files.items()}


def _unchanged(folder: Path, entry: ModelEntry) -> bool:
    try:
        Stored(entry=entry, folder=folder).check()
    except ModelError:
        return False
    return True


def _compare(file: str, content: bytes, sha256: str | None, origin: Source, lock: Path | None) -> None:
    found = hashlib.sha256(content).hexdigest()
    if sha256 is None or found == sha256:
        return
    known = f"it was {sha256} when it was first fetched, see {lock / MANIFEST}" if lock else f"it must be {sha256}"
    raise ModelError(
        f"`{origin.address(file)}`: its sha256 is {found}, but {known}; it is another file, nothing was changed here"
    )


def _entry(
    wanted: Published,
    catalogue: Catalogue,
    files: Mapping[str, bytes],
    source: str,
    before: ModelEntry | None,
    accepted: date | None,
    today: date,
) -> ModelEntry:
    digests = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
    return ModelEntry(
        name=wanted.name,
        kind=wanted.kind,
        file=wanted.file,
        sha256=digests[wanted.file],
        config=wanted.config,
        config_sha256=digests[wanted.config] if wanted.config else None,
        licence=catalogue.publisher_of(wanted).licence,
        margin=wanted.margin,
        source=source,
        locked="catalogue" if wanted.pinned else "first-fetch",
        fetched=today,
        accepted=accepted or (before.accepted if before else None),
    )


def _loads(entry: ModelEntry, files: Mapping[str, bytes], origin: Source) -> None:
    """A login page that a network put in place of the file must not be locked as the model."""
    with TemporaryDirectory(prefix="homerule-models-") as name:
        for file, content in files.items():
            (Path(name) / file).write_bytes(content)
        stored = Stored(entry=entry.model_copy(update={"source": None}), folder=Path(name))
        try:
            stored.detector() if entry.kind == "detector" else stored.reader()
        except ModelError as error:
            raise ModelError(f"`{origin.address(entry.file)}`: {error}; nothing was changed here") from error
