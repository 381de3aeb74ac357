"""The floor: what the audit log of this device must at least hold. It lies outside what is backed up and put back.

An audit log with less than the floor is an older copy, in which opt-outs may be missing: then nothing is shared. The
floor only rises.
"""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge import disk
from edge.disk import why
from edge.errors import PolicyError
from edge.policy.manifest import LedgerId

_MOST = 4096
Count = Annotated[int, Field(ge=0, lt=2**63)]


class Floor(BaseModel):
    """The audit log's id, the version and revision in force, and how many entries the log had."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    ledger: LedgerId
    version: Count
    revision: Count
    tree_size: Count

    @property
    def bundle(self) -> tuple[int, int]:
        """Version and revision, in the order in which they grow."""
        return self.version, self.revision

    @property
    def line(self) -> str:
        """All that a floor file says."""
        return json.dumps(self.model_dump(), sort_keys=True)


def read(path: Path) -> Floor | None:
    """The floor, None when there is no file. Raises PolicyError."""
    try:
        content, _ = disk.read(path, most=_MOST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PolicyError(f"{path}: the floor file cannot be read, {why(error)}; nothing is shared") from error
    try:
        return Floor.model_validate_json(content, strict=True)
    except (ValidationError, RecursionError):
        raise PolicyError(
            f"{path}: the floor file is damaged, so nothing is shared; put it back from where it was copied, "
            f"or begin a new audit log and have the city adopt it"
        ) from None


def write(path: Path, floor: Floor) -> None:
    """Puts the floor in place by one rename. Raises PolicyError."""
    try:
        disk.put(path, f"{floor.line}\n".encode("ascii"), mode=0o600)
    except OSError as error:
        raise PolicyError(f"{path}: the floor file cannot be written, {why(error)}") from error


def disagrees(path: Path, floor: Floor | None, held: Floor, *, has_bundle: bool) -> str | None:
    """Why an audit log that holds `held` may not be believed, or None. `has_bundle`: whether a bundle is in it.

    A floor that was never there and one that is gone look alike, from an old audit log put back too: only whoever knows
    which of them it is may begin one.
    """
    if floor is None:
        return (
            f"{path}: there is no floor file, so that nobody can tell whether this audit log is the newest one, and "
            f"nothing is shared; if there was one, put it back, or begin a new audit log and have the city adopt it; "
            f"if `floor` is new in device.toml and no copy of the audit log was put back, write `{held.line}` into a "
            f"new one that the daemon may read"
            if has_bundle
            else None
        )
    if floor.ledger != held.ledger:
        if not has_bundle or held.version > floor.version:
            return None  # a new one: see that the city adopts it with a bundle newer than the floor
        return (
            f"{path}: another audit log was put in the place of the one that this device had, with version "
            f"{held.version}.{held.revision} where {floor.version}.{floor.revision} was in force; put that one back"
        )
    if held.bundle < floor.bundle or held.tree_size < floor.tree_size:
        return (
            f"{path}: an older copy of the audit log was put back: it has version {held.version}.{held.revision} and "
            f"{held.tree_size} entries, this device was at {floor.version}.{floor.revision} and {floor.tree_size}; "
            f"put the newest one back, or move it away, so that a new one is begun, and have the city adopt that"
        )
    return None
