"""Between the thread that decodes and the one that looks: one slot.

Live, the newest picture takes the place of one that nobody fetched, and that is counted; a recording waits instead.
"""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT_SECONDS = 1.0
"""How long a picture that comes late waits for the one before it to be taken; models that hang hold up no camera."""


class Mailbox(Generic[T]):
    """One slot. `waits`: putting blocks until the slot is free, so that nothing is dropped."""

    def __init__(self, *, waits: bool, bell: threading.Event | None = None) -> None:
        """`bell`, if given, is rung at each new picture: for one who looks at several cameras."""
        self.dropped = 0
        self._waits = waits
        self._bell = bell
        self._slot: T | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, thing: T, *, keep: bool = False) -> None:
        """Offers `thing`; dropped when the mailbox is closed. `keep`: waits a while for the slot to be free."""
        with self._changed:
            if self._waits or keep:
                patience = None if self._waits else KEPT_SECONDS
                self._changed.wait_for(lambda: self._slot is None or self._closed, patience)
            if self._closed:
                return
            self.dropped += self._slot is not None
            self._slot = thing
            self._changed.notify_all()
        if self._bell is not None:
            self._bell.set()

    def take(self, timeout: float) -> T | None:
        """What is there, within `timeout` seconds; None if nothing came, at once if it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot is not None or self._closed, timeout)
            thing, self._slot = self._slot, None
            self._changed.notify_all()
        return thing

    def close(self) -> None:
        """Wakes everybody; nothing is put or taken from now on."""
        with self._changed:
            self._closed, self._slot = True, None
            self._changed.notify_all()
