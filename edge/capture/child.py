"""Programs that this one runs and that must not outlive it, whatever ends it, `kill -9` included.

setpriv(1) of util-linux asks the kernel for that in the new process itself, takes away every way to more rights, and
changes the user where one is given. Nothing is inherited but the standard streams.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_SETPRIV = "/usr/bin/setpriv"
_ENDS_WITHIN = 0.5
_TRIED_WITHIN = 20.0
_NOT_PASSED_ON = ("CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC")


class Child:
    """One such program, in a process group of its own. Belongs to the thread that has started it: it ends with that."""

    def __init__(
        self, words: Sequence[str], *, stdin: int = subprocess.DEVNULL, stdout: int, user: int | None = None
    ) -> None:
        """Raises OSError when it cannot be started. With `user`, an id, it runs as that one: only root can do that."""
        if not Path(_SETPRIV).exists() or shutil.which(words[0]) is None:
            raise FileNotFoundError(words[0] if Path(_SETPRIV).exists() else _SETPRIV)
        self._process = subprocess.Popen(  # noqa: S603 - no shell
            [_SETPRIV, "--pdeathsig=KILL", "--no-new-privs", *_as(user), "--", *words],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.DEVNULL,  # what it says may hold an address, and is not ours to keep
            env={name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON},
            start_new_session=True,
        )

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes, when it was started with a pipe."""
        return self._process.stdout

    @property
    def number(self) -> int:
        """Its process id."""
        return self._process.pid

    def exit_code(self, within: float = 0.0) -> int | None:
        """How it has ended, after waiting so many seconds; None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(within)
        return None

    def end(self) -> None:
        """Ends it and all that it has started."""
        self._signal(signal.SIGTERM)
        self.exit_code(_ENDS_WITHIN)
        self._signal(signal.SIGKILL)
        self.exit_code(_ENDS_WITHIN)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def may_run(user: int, words: Sequence[str]) -> bool:
    """Whether that user could run this to a good end; for root alone to ask."""
    try:
        tried = subprocess.run(  # noqa: S603 - no shell
            [_SETPRIV, *_as(user), "--", *words], capture_output=True, check=False, timeout=_TRIED_WITHIN
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def _as(user: int | None) -> list[str]:
    return [] if user is None else [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--bounding-set=-all"]
