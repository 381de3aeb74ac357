"""What may leave the ledger: entries that are old enough, and that verified archives of this very log hold.

It is never less than the years that police IT wrote, and never more than the archives have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge import disk
from edge.audit.segments import BLOCK
from edge.audit.span import written_at
from edge.audit.verify import verify_archive
from edge.errors import LedgerError
from edge.ledger.checkpoint import origin
from edge.ledger.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The entries before `at` may go; `archives` are the sha256 of those that hold them."""

    at: int
    archives: tuple[str, ...]


def cut(history: History, archives: Sequence[Path], *, key: Ed25519PublicKey, before: int, allowed: int) -> Cut:
    """Where the log may be cut so that nothing written from `before` on goes, nor anything the archives do not hold.

    `before` and `allowed`, up to which time it may be, in milliseconds since 1970. LedgerError says what is in the way.
    """
    if before > allowed:
        raise LedgerError("`--before` is later than `[limits] audit_years` in device.toml allows; name an earlier day")
    held = sorted(_held(history, path, key) for path in archives)
    covered = history.pruned
    for first, last, _ in held:
        if first <= covered:
            covered = max(covered, last)
    last = min(_first_from(history, before), covered, history.size - 1)
    last -= last % BLOCK
    if last <= history.pruned:
        if covered <= history.pruned:
            raise LedgerError(f"no archive holds the entries from {history.pruned} on; export them first")
        raise LedgerError("there is nothing to prune: too few entries are older than that")
    return Cut(at=last, archives=tuple(digest for first, _, digest in held if first < last))


def _held(history: History, path: Path, key: Ed25519PublicKey) -> tuple[int, int, str]:
    """First and last entry that an archive holds, and its sha256; LedgerError unless it is whole and of this log."""
    report = verify_archive(path, device_key=key)
    said = report.manifest
    if report.faults or said is None:
        what = report.faults[0].what if report.faults else "it says nothing"
        raise LedgerError(f"{path}: it is not as it was written ({what}); nothing was pruned")
    begun = history.begun
    if said.origin != origin(begun.device, begun.ledger_id):
        raise LedgerError(f"{path}: it is an archive of another log; nothing was pruned")
    if said.size > history.size or history.root_at(said.size).hex() != said.root:
        raise LedgerError(f"{path}: it holds other entries than this ledger; nothing was pruned, ask who changed one")
    try:
        with path.open("rb") as file:
            return said.first, said.last, file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read, {disk.why(error)}") from error


def _first_from(history: History, before: int) -> int:
    """The position of the first entry that was not written before that time."""
    for position, raw in history.raw(history.pruned, history.size):
        if written_at(raw) >= before:
            return position
    return history.size
