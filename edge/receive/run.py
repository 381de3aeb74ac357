"""Each read goes to a command of the subscriber's own, as JSON on its standard input; exit code 0 means stored.

Nothing of a read stands in the command's arguments or environment, where every user of the computer could see it, and
no shell is started that nobody wrote. What was stored is remembered in a file without plates.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from datetime import datetime

from edge import disk
from edge.errors import ConfigError, NotStored
from edge.receive.store import LinesFile, Stored


class Commanded:
    """Reads go to a command; `memory` remembers which ones it took."""

    def __init__(self, command: str, memory: LinesFile, *, within: float) -> None:
        """`command` is split into words as a shell would; it has `within` seconds for a read. ConfigError if none."""
        try:
            self._words = shlex.split(command)
        except ValueError:
            raise ConfigError("--run: a quotation mark is not closed") from None
        if not self._words:
            raise ConfigError("--run: names no command")
        if shutil.which(self._words[0]) is None:
            raise ConfigError(f"--run: `{self._words[0]}` is no command that can be started, give its whole path")
        self._memory, self._within = memory, within

    def holds(self, message_id: str) -> bool:
        return self._memory.holds(message_id)

    def replaced_by(self, message_id: str) -> str | None:
        return self._memory.replaced_by(message_id)

    def add(self, read: Stored) -> None:
        self._run(read.line)
        self._memory.add(read.bare())

    def purge(self, now: datetime) -> int:
        self._memory.purge(now)
        return 0  # what the command stored is its own to delete

    def _run(self, line: bytes) -> None:
        name = self._words[0]
        try:
            # a group of its own: Ctrl-C stops us after this read, not the command in the middle of it
            process = subprocess.Popen(self._words, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603
        except OSError as error:
            raise NotStored(f"`{name}` cannot be started, {disk.why(error)}") from error
        with process:
            try:
                process.communicate(line, timeout=self._within)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise NotStored(
                    f"`{name}` was ended after {self._within:g} s, give it more with --run-within"
                ) from None
        if process.returncode:
            raise NotStored(f"`{name}` ended with {process.returncode}")
