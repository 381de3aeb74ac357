"""The manifest.toml beside fetched models, which is their lock: what was fetched once is what is loaded ever after.

It is written by whoever may write that folder, root on a device; the daemon only reads it. Comments that people wrote
into it stay.
"""

from datetime import date
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from edge import disk
from edge.disk import why
from edge.errors import ModelError
from edge.vision.models import MANIFEST, ModelEntry, models_folder, read_manifest

FOLDER = Path("/usr/local/share/homerule/models")
"""Where fetched models lie unless told otherwise: root's, so that the daemon's own user cannot change them."""

_HEAD = """\
# Models that `homerule models fetch` brought, and their lock: a file with another sha256 than stands here is refused.
# locked = "catalogue": its sha256 came with homerule. locked = "first-fetch": it is that of the file that came first;
# had somebody slipped in another one then, this would not show it, so compare it with that of a second device.
# Keep this file root's.
"""


def locked(folder: Path) -> dict[str, ModelEntry]:
    """What the folder's manifest holds, by name; nothing when there is none yet. Raises ModelError."""
    if not (folder / MANIFEST).exists():
        return {}
    return {entry.name: entry for entry in read_manifest(folder)}


def own_folder(folder: Path) -> Path:
    """The folder, made if it is missing; never the one that came with homerule. Raises ModelError."""
    if folder.resolve() == models_folder().resolve():
        raise ModelError(f"`{folder}`: holds the models that came with homerule, name another one with `--folder`")
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"`{folder}`: cannot be made ({why(error)}); {_MEND}") from error
    return folder


def put_file(folder: Path, name: str, content: bytes) -> None:
    """Puts a whole, checked file in its place by one rename. Raises ModelError."""
    try:
        disk.put(folder / name, content, mode=0o644)
    except OSError as error:
        raise ModelError(f"`{folder / name}`: cannot be written ({why(error)}); {_MEND}") from error


def write(folder: Path, entry: ModelEntry) -> None:
    """Writes one entry into the folder's manifest, in place of one of that name. Raises ModelError."""
    path = folder / MANIFEST
    try:
        before = path.read_bytes() if path.exists() else b""
        document = tomlkit.parse(before.decode() or _HEAD)
        models = document.setdefault("model", tomlkit.aot())
        table = next((one for one in models if one["name"] == entry.name), None)
        if table is None:
            table = tomlkit.table()
            models.append(table)
            table = models[-1]
        for key, value in entry.model_dump(exclude_none=True, exclude_defaults=True).items():
            table[key] = list(value) if isinstance(value, tuple) else value
        disk.put(path, tomlkit.dumps(document).encode(), mode=0o644, over=before)
    except OSError as error:
        raise ModelError(f"`{path}`: cannot be written ({why(error)}); {_MEND}") from error
    except (TOMLKitError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise ModelError(f"`{path}`: cannot be edited in place ({error}); mend it or move it away") from error
    if locked(folder).get(entry.name) != entry:
        raise ModelError(f"`{path}`: does not say what was to be written, mend it by hand")


def accept(folder: Path, name: str, *, today: date) -> ModelEntry:
    """Notes that the licence of a fetched model is accepted. Raises ModelError."""
    entry = locked(folder).get(name)
    if entry is None:
        raise ModelError(f"`{folder / MANIFEST}`: no model `{name}` was fetched into this folder")
    if entry.accepted is None and entry.source is not None:
        entry = entry.model_copy(update={"accepted": today})
        write(folder, entry)
    return entry


_MEND = "run it as root, or name a folder of your own with `--folder`"
