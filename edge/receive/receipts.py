"""What was deleted and when, a JSON line each time, without plates: never before it is gone, and never forgotten.

The line waits in a file of its own while the reads are deleted. Who finds it there after a power cut looks whether they
are gone.
"""

import json
import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from edge import disk
from edge.clock import stamp


class Receipts:
    """The receipts of one store, in `STORE.receipts` (0600). Raises OSError."""

    def __init__(self, store: Path, *, held: Collection[str]) -> None:
        """`held` are the messages that the store holds now."""
        self._path = store.with_name(f"{store.name}.receipts")
        self._waiting = store.with_name(f"{store.name}.receipts.waiting")
        try:
            waiting = self._waiting.read_bytes()
        except FileNotFoundError:
            return
        if not set(json.loads(waiting)["ids"]) & set(held):
            self.confirm()
        self._waiting.unlink(missing_ok=True)

    def announce(self, gone: Collection[str], now: datetime) -> None:
        """Before these messages are deleted."""
        said = {
            "deletedat": stamp(now),
            "why": "retention",
            "count": len(gone),
            "ids": list(gone),
        }
        disk.put(self._waiting, json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n", mode=0o600)

    def confirm(self) -> None:
        """After they are gone for good."""
        line = self._waiting.read_bytes()
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "r+b") as receipts:
            # a power cut may have come in the middle of it, or right after it
            start = max(0, receipts.seek(0, os.SEEK_END) - 2 * len(line))
            receipts.seek(start)
            tail = receipts.read()
            whole = tail[: tail.rfind(b"\n") + 1]
            receipts.seek(start + len(whole))
            if not whole.endswith(line):
                receipts.write(line)
            receipts.truncate()
            receipts.flush()
            os.fsync(receipts.fileno())
        disk.settle(self._path.parent)
        self._waiting.unlink(missing_ok=True)
