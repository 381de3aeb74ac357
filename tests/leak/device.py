"""The real daemon in a process that is killed for real, fed with reads instead of pictures.

    python -m tests.leak.device         imports the daemon once, then forks one for each folder named on stdin

Everything is as `homerule run` builds it. What is added: a feeder that hands reads to a pipeline built as a camera's
is, a wall clock that may be wrong, and a death at a chosen step. The folder says how, while the device runs:
    rate     reads a second
    shift    seconds by which the wall clock is wrong
    armed    `STEP before|after VICTIM`: at this step the victim dies (kill -9), once; broker.pid says who the broker is
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from itertools import cycle
from pathlib import Path
from typing import Any

from edge import config
from edge.clock import ClockTrust
from edge.control.server import Server
from edge.daemon import Daemon
from edge.daemon.memory import one_heap
from edge.delivery.access import MosquittoRights
from edge.delivery.dynsec import Dynsec
from edge.errors import HomeruleError
from edge.ledger import Ledger
from edge.pipeline import Pipeline
from edge.relay import Relay
from edge.timekeeping import Timekeepers
from edge.values import Box, Frame, PlateRead

STEPS: dict[str, tuple[type, str]] = {
    "gate": (Relay, "shut"),
    "commit": (Ledger, "accept_bundle"),
    "rows": (Ledger, "drop_rows"),
    "command": (Dynsec, "do"),
    "read back": (Dynsec, "account"),
    "session": (MosquittoRights, "_drop"),
    "record": (Ledger, "note"),
    "answer": (Server, "_answer"),
}
"""The sequence of a revocation, step by step, by where it is done."""

VICTIMS = ("daemon", "broker", "both")


class Eyes:
    """What was put here has passed by."""

    def __init__(self) -> None:
        self.seen: list[PlateRead] = []

    def passages(self, frame: Frame) -> list[PlateRead]:
        return []

    def finish(self) -> list[PlateRead]:
        seen, self.seen = self.seen, []
        return seen

    def forget(self, at: datetime, *, kept: timedelta) -> None:
        """Knows of nothing but what is still to pass."""


class Feeder:
    """Reads at a steady pace, each plate of the list in turn."""

    def __init__(self, folder: Path, daemon: Daemon) -> None:
        self._folder, self._daemon = folder, daemon
        self._plates = cycle((folder / "plates").read_text().split())
        self._eyes = Eyes()
        self._pipeline = Pipeline(
            vision=self._eyes,
            in_force=daemon.in_force,
            hotlists=daemon.hotlists,
            ledger=daemon._storage,
            clock=daemon._clock,
            device_id=daemon._config.device.id,
            device_key=daemon._key,
            test=False,
        )

    def start(self) -> None:
        """Begins; it ends with the process."""
        threading.Thread(target=self._run, name="feeder", daemon=True).start()

    def _run(self) -> None:
        due = time.monotonic()
        while self._daemon._why is None:
            rate = float(told(self._folder, "rate") or 0)
            if rate <= 0 or self._daemon._house is None:
                time.sleep(0.02)
                due = time.monotonic()
                continue
            self._pass()
            due = max(due + 1 / rate, time.monotonic() - 0.5)
            time.sleep(max(0.0, due - time.monotonic()))

    def _pass(self) -> None:
        clock = self._daemon._clock
        at = clock.now().at
        read = PlateRead(
            read_id=clock.new_id(),
            camera_id="north",
            first_seen=at - timedelta(seconds=2),
            best_seen=at - timedelta(seconds=1),
            last_seen=at,
            box=Box(x1=0, y1=0, x2=90, y2=40),
            text=next(self._plates),
            confidence=0.9,
            lowest_character_confidence=0.8,
            frames=9,
        )
        self._eyes.seen.append(read)
        with contextlib.suppress(HomeruleError):  # it waits in the pipeline, as in the daemon
            self._pipeline.finish()


def told(folder: Path, name: str) -> str:
    """What a file of the folder says, "" while it is not there."""
    try:
        return (folder / name).read_text().strip()
    except OSError:
        return ""


def deadly(folder: Path) -> None:
    """From here on each step looks whether it is the one at which somebody dies."""

    def die(step: str, when: str) -> None:
        wanted, _, victim = told(folder, "armed").rpartition(" ")
        if wanted != f"{step} {when}":
            return
        try:
            (folder / "armed").unlink()
        except FileNotFoundError:
            return  # another thread is at it
        if victim in ("broker", "both"):
            os.kill(int(told(folder, "broker.pid")), signal.SIGKILL)
        if victim in ("daemon", "both"):
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(step: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(*values: Any, **options: Any) -> Any:
            die(step, "before")
            result = method(*values, **options)
            die(step, "after")
            return result

        return call

    for step, (owner, name) in STEPS.items():
        setattr(owner, name, wrapped(step, getattr(owner, name)))


def run(folder: Path) -> int:
    """As `homerule run` does it; the exit code."""
    one_heap()
    speaker, log = logging.StreamHandler(sys.stderr), logging.getLogger("edge")
    speaker.setFormatter(logging.Formatter("homerule: %(message)s"))
    log.addHandler(speaker)
    log.setLevel(logging.INFO)
    trust = ClockTrust(
        vouches=Timekeepers(), injected=True, wall=lambda: time.time() + float(told(folder, "shift") or 0)
    )
    try:
        daemon = Daemon(config=config.load(folder / "device.toml"), trust=trust)
        signal.signal(signal.SIGTERM, lambda *_: daemon.stop("terminated"))
        signal.signal(signal.SIGHUP, lambda *_: daemon.reload())
        Feeder(folder, daemon).start()
        return daemon.run()
    except HomeruleError as error:
        print(f"homerule: {error}", file=sys.stderr, flush=True)
        return 1


def born(folder: Path) -> int:
    """Forks a device for this folder; gives its process id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        log = os.open(folder / "daemon.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for standard, mine in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(mine, standard)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        deadly(folder)
        code = run(folder)
    except BaseException:
        traceback.print_exc()  # else nobody would hear of it
        raise
    finally:
        logging.shutdown()
        os._exit(code)


def main() -> None:
    """One line of JSON in, `{"folder": ...}`; a process id out. At the end of stdin all devices end."""
    made = []
    for line in sys.stdin:
        made.append(born(Path(json.loads(line)["folder"])))
        print(made[-1], flush=True)
    for process in made:  # not waited for until here, so that no number is used again
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


if __name__ == "__main__":
    main()
