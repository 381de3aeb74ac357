"""A thread that does one thing over and over. What nobody foresaw ends the whole daemon, never a thread in silence."""

import logging
import os
import threading
import traceback
from collections.abc import Callable

from edge.clock import monotonic

_log = logging.getLogger(__name__)


class Loop:
    """Calls `turn` until it is stopped. A turn takes a few seconds at most, and waits by `pause`."""

    def __init__(self, name: str, turn: Callable[["Loop"], None], *, broken: Callable[[], None]) -> None:
        """`broken` is called when a turn raises what it should not."""
        self.name = name
        self._turn, self._broken = turn, broken
        self._stop = threading.Event()
        self._beat = monotonic()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Asks it to end after the present turn."""
        self._stop.set()

    def join(self, timeout: float) -> bool:
        """Whether it has ended, after waiting `timeout` seconds at most."""
        if self._thread.ident is not None:
            self._thread.join(max(timeout, 0.0))
        return not self._thread.is_alive()

    def pause(self, seconds: float) -> None:
        """Waits, but not when the loop is to stop. For the turn itself."""
        self._stop.wait(seconds)

    @property
    def still_for(self) -> float:
        """Seconds since the present turn began, 0 when it is not running."""
        return monotonic() - self._beat if self._thread.is_alive() else 0.0

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._beat = monotonic()
                self._turn(self)
        except Exception as error:
            _say(self.name, error)
            self._broken()


def say_plainly() -> None:
    """From now on any thread that ends of what nobody foresaw is told as a loop is, without the words of the error."""
    threading.excepthook = lambda told: _say(told.thread.name if told.thread else "a thread", told.exc_value)


def _say(name: str, error: BaseException | None) -> None:
    """The words of an error that nobody foresaw may hold a plate, so only its kind and place are said."""
    place = traceback.extract_tb(error.__traceback__)[-1] if error is not None and error.__traceback__ else None
    where = f"{place.filename}, line {place.lineno}" if place is not None else "a place unknown"
    _log.critical("%s: %s in %s", name, type(error).__name__, where)


def end_at_latest(within: float) -> None:
    """A disk or a camera that hangs must not hold up the stop; the ledger is whole at any moment."""
    threading.Event().wait(within - 0.2)
    _log.critical("did not stop in %.0f s, ends as it is", within)
    logging.shutdown()
    os._exit(1)
