"""Compressed pictures that wait while nothing moves, so that the beginning of a passage can still be decoded.

What is kept begins with a whole picture, or where the decoder stands; it reaches back a little further than asked for.
Pure.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

P = TypeVar("P")

MOST_BYTES = 24 * 1024 * 1024
"""A camera of 4 Mbit/s that sends a whole picture every ten seconds needs 6 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Generic[P]):
    """One packet of `size` bytes that came at second `at`; `whole`: it can be decoded without those before."""

    packet: P = field(repr=False)
    at: float
    whole: bool
    size: int


class Backlog(Generic[P]):
    """Packets in the order in which they came."""

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        self._held: deque[Held[P]] = deque()
        self._bytes = 0
        self._most_bytes = most_bytes
        self.anew = False
        """Whether the decoder must begin anew with the first packet: others before it were left out."""

    def add(self, held: Held[P]) -> None:
        """Keeps one more."""
        self._held.append(held)
        self._bytes += held.size

    @property
    def is_full(self) -> bool:
        """Whether more is held than there is room for: take it, and decode it although nothing moves."""
        return self._bytes > self._most_bytes

    def forget(self, before: float) -> Held[P] | None:
        """Leaves out all before the newest whole picture that came at `before` or earlier.

        That picture, if there is one: it is the first now. None when all must be kept.
        """
        newest = next((each for each in reversed(self._held) if each.whole and each.at <= before), None)
        if newest is None:
            return None
        while self._held[0] is not newest:
            self._bytes -= self._held.popleft().size
            self.anew = True
        return newest

    def take(self) -> Held[P] | None:
        """The oldest, which is held no longer; None when nothing is left."""
        if not self._held:
            return None
        held = self._held.popleft()
        self._bytes -= held.size
        return held
