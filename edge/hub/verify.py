"""Whether every model file is still the one that its manifest names, and the manifest still says what it may."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.disk import why
from edge.errors import ModelError
from edge.hub.catalogue import Catalogue
from edge.vision.models import MANIFEST, ModelEntry, Stored, read_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one model, or of a folder. `wrong` says what is not well, `notes` what is worth a look."""

    name: str
    said: str
    wrong: str | None = None
    notes: tuple[str, ...] = ()


def verify(folder: Path, catalogue: Catalogue) -> list[Verdict]:
    """One verdict for each model of a folder's manifest, and for the folder. Raises ModelError for no manifest."""
    found = [_of(entry, folder, catalogue) for entry in read_manifest(folder)]
    return [*found, Verdict(name=str(folder), said=f"{len(found)} models", notes=tuple(_not_roots(folder)))]


def _of(entry: ModelEntry, folder: Path, catalogue: Catalogue) -> Verdict:
    said = f"{entry.kind}, {entry.sha256[:12]}"
    if entry.locked == "first-fetch":
        said += f", locked when it was fetched first, {entry.fetched}"
    elif entry.locked == "catalogue":
        said += ", as homerule's catalogue says"
    wrong = _other_than_published(entry, catalogue)
    try:
        Stored(entry=entry, folder=folder).check()
    except ModelError as error:
        wrong = str(error)
    notes: tuple[str, ...] = ()
    if entry.source is not None and entry.accepted is None:
        notes = (f"the licence ({entry.licence}) is not accepted yet, so it is not loaded",)
    return Verdict(name=entry.name, said=said, wrong=wrong, notes=notes)


def _other_than_published(entry: ModelEntry, catalogue: Catalogue) -> str | None:
    """A manifest that was rewritten to fit another file is found out where the catalogue knows the sha256."""
    published = next((one for one in catalogue.model if one.name == entry.name), None)
    if published is None:
        return None
    written = {entry.file: entry.sha256, entry.config: entry.config_sha256}
    for file, sha256 in published.files.items():
        if sha256 is not None and written.get(file) != sha256:
            return f"`{MANIFEST}` says another sha256 of {file} than the catalogue's {sha256}; fetch it again"
    return None


def _not_roots(folder: Path) -> Iterator[str]:
    """What of the folder somebody else than root could change."""
    for path in (folder, folder / MANIFEST):
        try:
            status = os.stat(path)
        except OSError as error:
            yield f"`{path}` cannot be looked at, {why(error)}"
            continue
        if status.st_uid != 0:
            yield f"`{path}` is not root's: whoever owns it can put other models in place"
        elif status.st_mode & 0o022:
            yield f"`{path}` can be written by others than root, who can put other models in place"
