"""Stored reads without what was read, and checkpoints of the device's audit log."""

from edge.ledger import checkpoint
from edge.receive import Stored
from tests.delivery.reads import DEVICE, DEVICE_KEY


def line(name: str, **changes: object) -> Stored:
    """A stored read without what was read."""
    plain = {
        "id": name,
        "time": "2026-06-01T12:00:00.000Z",
        "retainuntil": "2026-06-02T12:00:00.000Z",
        "receivedat": "2026-06-01T12:00:01.000Z",
        "test": False,
    }
    return Stored(content=plain | changes)


def note_of(size: int, fill: bytes = b"r", log: str = "log") -> str:
    return checkpoint.sign(DEVICE, log, size, fill * 32, DEVICE_KEY).note
