"""The three standard streams, which whoever starts a command may have closed, filled, or set to few letters."""

import io
import os
import sys
from collections.abc import Callable
from typing import IO, cast

from edge.disk import why


class Lasting(io.TextIOBase):
    """Standard output for a command that goes on when it is gone: after the first error nothing is written to it."""

    def __init__(self) -> None:
        self._gone: OSError | None = None
        self._stream = sys.stdout

    @property
    def stream(self) -> IO[str]:
        """Itself, as whoever prints wants it."""
        return cast("IO[str]", self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str, /) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def end(self) -> None:
        """Ends the command, when all else is done, as `finish` would: with 1 where not all was said."""
        if self._gone is not None:
            _say_lost(self._gone)
            raise SystemExit(1)

    def _try(self, act: Callable[[], object]) -> None:
        if self._gone is None:
            try:
                act()
            except OSError as error:
                self._gone = error


def prepare() -> None:
    """Opens what is closed, so that no other file gets its number, and lets every letter be written somehow."""
    _reopen()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(what: str) -> None:
    """Prints one line about this program on stderr, if that takes it."""
    try:
        print(f"homerule: {what}", file=sys.stderr, flush=True)
    except OSError:
        _drop(sys.stderr)


def told(error: OSError) -> str:
    """What the system says, with the file's name where it gives one, and the mend where there is one for all."""
    said = why(error) if error.strerror else str(error) or type(error).__name__
    if error.filename is None:
        return said
    mend = "; run this as the user whose it is, or as root" if isinstance(error, PermissionError) else ""
    return f"{error.filename}: {said}{mend}"


def stuck() -> bool:
    """Whether standard output does not take what was printed."""
    try:
        sys.stdout.flush()
    except OSError:
        return True
    return False


def finish(code: int) -> int:
    """The exit code once all that was printed is written: 1 where it cannot be. Of a reader that left, no word."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _drop(sys.stdout)
        if code == 0:
            _say_lost(error)
        return code or 1
    return code


def _say_lost(error: OSError) -> None:
    if not isinstance(error, BrokenPipeError):
        say(f"standard output cannot be written ({why(error)}), so not all was said")


def _reopen() -> None:
    if sys.stdin is None:
        sys.stdin = os.fdopen(_nothing(0, os.O_RDONLY))
    if sys.stdout is None:
        # for reading only: what is printed there is lost, and that must show
        sys.stdout = os.fdopen(_nothing(1, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(_nothing(2, os.O_WRONLY), "w")


def _nothing(number: int, flags: int) -> int:
    null = os.open(os.devnull, flags)
    if null != number:
        os.dup2(null, number)
        os.close(null)
    os.set_inheritable(number, True)
    return number


def _drop(stream: io.TextIOBase | object) -> None:
    """Lets what a stream still holds go nowhere, or Python complains of it at its own end."""
    if isinstance(stream, io.TextIOWrapper):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
