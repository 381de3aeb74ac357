"""Checkpoints that somebody else kept: a signed note, the history that `homerule receive` keeps, or another archive."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge import disk
from edge.audit.archive import open_archive
from edge.audit.manifest import Manifest
from edge.errors import LedgerError
from edge.ledger import checkpoint
from edge.ledger.fault import Sort

_MOST = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One checkpoint, a signed note that nobody has judged yet, and where it was kept."""

    note: str
    where: str


def held(path: Path) -> list[Held]:
    """The checkpoints in a file. LedgerError if it cannot be read or holds none."""
    found = _in_archive(path) if is_zipfile(path) else _in_file(path)
    if not found:
        raise LedgerError(f"{path}: holds no checkpoint, give one that was kept of this log, or what holds some")
    return found


def _in_archive(path: Path) -> list[Held]:
    with open_archive(path) as archive:
        return [Held(note=note, where=f"{path}, at {checkpoint.size_of(note)} entries") for note in archive.notes()]


def _in_file(path: Path) -> list[Held]:
    try:
        content, _ = disk.read(path, most=_MOST)
    except OSError as error:
        raise LedgerError(f"{path}: the checkpoint cannot be read ({disk.why(error)})") from error
    text = content.decode("utf-8", "replace")
    if not text.startswith("{"):
        return [Held(note=text, where=str(path))]
    *lines, last = text.split("\n")
    found = []
    for number, line in enumerate([*lines, last] if last else lines, 1):
        try:
            kept = json.loads(line)
            notes = [kept["note"]] if "note" in kept else kept["notes"]
            found += [Held(note=str(note), where=f"{path}, line {number}") for note in notes]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if found and number > len(lines):
                break  # the receiver was killed while it wrote this one
            raise LedgerError(f"{path}: line {number} is not one that `homerule receive` wrote") from error
    return found


def judged(one: Held, key: Ed25519PublicKey, said: Manifest, roots: Mapping[int, bytes]) -> tuple[Sort | None, str]:
    """What it says of an archive's log, whose roots at some sizes are known; no sort and "" if it agrees."""
    try:
        found = checkpoint.open_note(one.note, key)
    except LedgerError as error:
        return Sort.STRANGER, f"it is no checkpoint of this device's key: {error}"
    origin = found.note.partition("\n")[0]
    if origin != said.origin:
        return Sort.FORK, f"the same key also signed the log `{origin}`"
    if found.size in roots:
        forked = f"it vouches for {found.size} other entries than these: one of the two logs is not true"
        return (None, "") if roots[found.size] == found.root else (Sort.FORK, forked)
    if found.size > said.size:
        return Sort.TRUNCATION, (
            f"it vouches for {found.size} entries, this log had {said.size}: it was cut short, it is an older copy, "
            "or it was exported before that; export it again and see"
        )
    where = "before its first" if found.size < said.first else "after its last"
    return None, f"its {found.size} entries end {where} entry, so nothing follows; export the whole log"
