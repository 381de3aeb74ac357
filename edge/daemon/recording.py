"""Reads onto the disk, in a thread of its own: those of a moment with one commit, and none of them much later.

The first read after a quiet time is recorded at once. While many come, a commit takes all that came since the last.
"""

import threading
from collections.abc import Sequence

from edge.clock import monotonic
from edge.daemon.loops import Loop
from edge.errors import LedgerError
from edge.pipeline import Pipeline

TOGETHER = 0.02
"""Seconds from the beginning of one commit to that of the next. A read that just missed one waits for the longer of
this and that commit, and for its own: it is on the disk within 50 ms where a commit takes 25."""
_AGAIN_AFTER = 0.2


class Recording:
    """`turn` is called over and over; the pipelines ring the bell."""

    def __init__(self, *, pipelines: Sequence[Pipeline], bell: threading.Event) -> None:
        self._pipelines, self._bell = tuple(pipelines), bell
        self._last = monotonic() - TOGETHER

    def turn(self, loop: Loop) -> None:
        """Waits for reads and records them. What cannot be recorded waits in its pipeline, and is tried again."""
        if not self._bell.wait(_AGAIN_AFTER) and not any(each.unrecorded for each in self._pipelines):
            return
        loop.pause(max(0.0, self._last + TOGETHER - monotonic()))
        self._last = monotonic()
        self._bell.clear()
        for pipeline in self._pipelines:
            try:
                pipeline.record()
            except LedgerError:  # the storage knows and has said it
                loop.pause(_AGAIN_AFTER)
