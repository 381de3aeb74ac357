"""One gate a subscriber: whoever shuts it knows, when that returns, that nothing is in flight to the subscriber.

A gate that was shut and opened again is another gate: what was decided at the old one does not leave by the new one.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

_Row = TypeVar("_Row")
_Handed = TypeVar("_Handed")

Pass = object
"""What one opening of one gate is known by."""


class Gates:
    """Asked by the relay's thread, opened and shut by any. No lock is held while anybody waits for the broker."""

    def __init__(self, *, shut: bool) -> None:
        """`shut`: how a gate stands that nobody has touched yet."""
        self._news = threading.Condition()
        self._shut_at_first = shut
        self._passes: dict[str, Pass | None] = {}
        self._flying: set[str] = set()

    def open(self, subscriber_id: str) -> None:
        """Lets decisions made from now on through."""
        with self._news:
            if self._pass(subscriber_id) is None:
                self._passes[subscriber_id] = Pass()

    def shut(self, subscriber_id: str, *, patience: float) -> bool:
        """Lets nothing more through, and waits until nothing is in flight; False if something is after `patience`."""
        with self._news:
            self._passes[subscriber_id] = None
            return self._news.wait_for(lambda: subscriber_id not in self._flying, patience)

    def is_open(self, subscriber_id: str) -> bool:
        """Whether the subscriber's gate is open."""
        with self._news:
            return self._pass(subscriber_id) is not None

    def opening(self, subscriber_id: str) -> Pass | None:
        """The pass of the subscriber's gate, None while it is shut. Ask for it before you decide."""
        with self._news:
            return self._pass(subscriber_id)

    def let_through(
        self, rows: Iterable[tuple[str, _Row]], passes: Mapping[str, Pass], hand_over: Callable[[_Row], _Handed]
    ) -> list[tuple[str, _Row, _Handed]]:
        """Hands over each (subscriber, row) whose gate is still the one of its pass, without waiting for an answer.

        They are in flight until `landed` is called.
        """
        with self._news:
            through = []
            for subscriber_id, row in rows:
                if (given := passes.get(subscriber_id)) is not None and self._pass(subscriber_id) is given:
                    self._flying.add(subscriber_id)
                    through.append((subscriber_id, row, hand_over(row)))
            return through

    def landed(self) -> None:
        """Nothing is in flight any more."""
        with self._news:
            self._flying.clear()
            self._news.notify_all()

    def _pass(self, subscriber_id: str) -> Pass | None:
        if subscriber_id not in self._passes:
            self._passes[subscriber_id] = None if self._shut_at_first else Pass()
        return self._passes[subscriber_id]
