"""A witness of the device's audit log: whoever rewrites that log later, or copies the device, is found against it.

Kept are signed checkpoints, no plates. Without proofs of consistency a witness cannot see every change; it sees two
logs of one size that differ, a log that goes back, a log that begins anew, and two logs that grow in turn.
"""

import json
import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge import disk
from edge.errors import ConfigError, LedgerError
from edge.ledger.checkpoint import open_note
from edge.values import Checkpoint

_MOST = 5000
_LATE = timedelta(minutes=10)
"""A read that waited carries an older checkpoint; one that was taken so much later must not."""

_MEANINGS = {
    "new": "{device} has begun a new audit log after {before} entries of the one before: its disk was replaced or "
    "wiped; ask the city why, and who keeps the old one",
    "fork": "{device} shows two audit logs of {found} entries that differ: its log was rewritten, or a copy of the "
    "device writes on; tell the city: one is not true",
    "two": "{device} writes two audit logs in turn: two computers hold its key; tell the city: one is a copy",
    "back": "{device}'s audit log went back from {before} to {found} entries: an older copy of its disk writes on, "
    "or its clock was put wrong; tell the city",
}

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Log:
    """What is known of one log: a root for each size that was seen, the longest note, and when its read was taken."""

    device: str
    newest: Checkpoint
    at: datetime
    roots: dict[int, Checkpoint] = field(default_factory=dict)


class Witness:
    """Sees the checkpoints that come with reads, and says what does not fit together."""

    def __init__(self, beside: Path | None, key: Ed25519PublicKey) -> None:
        """Keeps its files beside the store `beside`, or none when it is None; ConfigError if they cannot be read."""
        self._key, self._logs, self._current = key, dict[str, _Log](), dict[str, str]()
        self._said: set[str] = set()
        self._lines = 0
        self._newest, self._history, self._findings = (
            None if beside is None else beside.with_name(f"{beside.name}.{end}")
            for end in ("checkpoint", "checkpoints", "forks")
        )
        try:
            self._recall()
        except OSError as error:
            raise ConfigError(f"{self._history}: cannot be read, {disk.why(error)}") from error

    def see(self, note: str, device: str, at: datetime) -> str | None:
        """Takes the checkpoint of a read that `device` took `at` that time; gives what to tell the person, if anything.

        Raises LedgerError when it is not that device's, ConfigError when it cannot be kept.
        """
        found = open_note(note, self._key)
        if not _origin(found).startswith(f"homerule/{device}/"):
            raise LedgerError(f"it is not of `{device}`")
        known = self._logs.get(_origin(found))
        misfit = self._compared(found, known, device, at)
        try:
            told = None if misfit is None else self._told(*misfit, found, device)
            if known is None or found.size not in known.roots:
                self._append(self._history, {"note": note, "at": at.isoformat()})
                self._lines += 1
                if self._lines > _MOST:
                    self._shorten()
            if self._take(found, device, at) and self._newest is not None:
                disk.put(self._newest, note.encode(), mode=0o600)
        except OSError as error:
            raise ConfigError(f"{self._history}: cannot be written, {disk.why(error)}") from error
        return told

    def _compared(
        self, found: Checkpoint, known: _Log | None, device: str, at: datetime
    ) -> tuple[str, Checkpoint] | None:
        """What does not fit: its sort in `_MEANINGS`, and the note known before that it does not fit to."""
        current = self._logs.get(self._current.get(device, ""))
        if known is None:
            return None if current is None else ("new", current.newest)
        same = known.roots.get(found.size)
        if same is not None and same.root != found.root:
            return "fork", same
        if current is not None and current is not known and found.size > known.newest.size:
            return "two", current.newest
        if found.size < known.newest.size and at > known.at + _LATE:
            return "back", known.newest
        return None

    def _told(self, sort: str, before: Checkpoint, found: Checkpoint, device: str) -> str | None:
        """The sentence, once for each log and sort. Both notes are kept: the device's own signature is the evidence."""
        if f"{sort} {_origin(found)}" in self._said:
            return None
        self._said.add(f"{sort} {_origin(found)}")
        meaning = _MEANINGS[sort].format(device=device, before=before.size, found=found.size)
        self._append(self._findings, {"found": sort, "meaning": meaning, "notes": [before.note, found.note]})
        return meaning if self._findings is None else f"{meaning}; both signed checkpoints are in {self._findings}"

    def _take(self, found: Checkpoint, device: str, at: datetime) -> bool:
        """Remembers it, and lets go of the oldest; whether it is now the newest of its device."""
        name = _origin(found)
        known = self._logs.get(name)
        if known is None:
            self._logs[name] = _Log(device=device, newest=found, at=at, roots={found.size: found})
            self._current[device] = name
            return True
        known.roots.setdefault(found.size, found)
        if len(known.roots) > _MOST:
            known.roots = dict(list(known.roots.items())[_MOST // 2 :])
        if found.size <= known.newest.size:
            return False
        known.newest, known.at = found, at
        self._current[device] = name
        return True

    def _recall(self) -> None:
        """Reads what was kept, each note verified again, and lets go of the oldest."""
        if self._history is None:
            return
        if self._findings is not None and self._findings.exists():
            _log.warning(
                "%s: tells of audit logs that do not fit together, move it away when that is cleared up", self._findings
            )
        try:
            lines = self._history.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return
        self._lines = len(lines)
        if len(lines) > _MOST or not self._history.read_bytes().endswith(b"\n"):
            lines = self._shorten()
        for line in lines:
            try:
                kept = json.loads(line)
                found = open_note(str(kept["note"]), self._key)
                self._take(found, _origin(found).split("/")[1], datetime.fromisoformat(kept["at"]).astimezone(UTC))
            except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError, LedgerError):
                if "kept" not in self._said:
                    _log.warning(
                        "%s: holds a line that is no checkpoint of this device key, it is passed over", self._history
                    )
                self._said.add("kept")

    def _shorten(self) -> list[bytes]:
        """Lets go of the oldest lines, and of one that a power cut left; gives the others."""
        if self._history is None:
            return []
        lines = self._history.read_bytes().split(b"\n")[:-1][-_MOST // 2 :]
        disk.put(self._history, b"".join(line + b"\n" for line in lines), mode=0o600)
        self._lines = len(lines)
        return lines

    def _append(self, path: Path | None, content: dict[str, object]) -> None:
        if path is None:
            return
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "ab") as lines:
            lines.write(json.dumps(content, separators=(",", ":")).encode("ascii") + b"\n")
            lines.flush()
            os.fsync(lines.fileno())


def _origin(checkpoint: Checkpoint) -> str:
    return checkpoint.note.partition("\n")[0]
