"""A camera's troubles. Each is said once, with its mend, and once more when it is over.

All of the time without good pictures is kept as gaps for the audit log: no picture is no empty road.
"""

import logging
import re
import threading
import traceback
from dataclasses import dataclass
from datetime import datetime

from edge.clock import Clock, monotonic
from edge.decoding.trouble import Trouble, Why

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraGap:
    """Nothing was seen between two times: `why` until it was over, or until another trouble took its place."""

    camera_id: str
    began: datetime
    ended: datetime
    why: Why


def unforeseen(error: Exception) -> Trouble:
    """An error that nobody foresaw, as a trouble: its kind and place, not its words, which may hold an address."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = type(error).__name__
    said = f"a fault in this program ({kind} in {place.filename}, line {place.lineno}); connecting again, report this"
    return Trouble(Why.ENDED, said)


class Diary:
    """Keeps one camera's troubles: says them, and turns them into gaps. Any thread may look."""

    def __init__(self, camera_id: str, *, clock: Clock) -> None:
        self._camera_id = camera_id
        self._clock = clock
        self._lock = threading.Lock()
        self._gaps: list[CameraGap] = []
        self._open: Why | None = None
        self.mend = ""
        """What is to be done about the trouble that there is now."""
        self.since: datetime | None = None
        """Since when something is wrong, be it one trouble after the other."""
        self._began = clock.now().at
        self._outage_since = 0.0
        self._kept: list[Why] = []
        """What this outage was, each once however they take turns; the gap that is open is of the last."""
        self._said: set[tuple[Why, str]] = set()
        self._closed = False

    @property
    def why(self) -> Why | None:
        """The trouble that there is now."""
        return self._open

    def trouble(self, trouble: Trouble, *, since: datetime) -> None:
        """Something is wrong since `since`. Each mend is said once until all is well again, however often it is met."""
        mend = (trouble.why, re.sub(r"\d+", "", str(trouble)))  # other seconds are no other mend
        with self._lock:
            if self._closed:
                return
            if self._open is None:
                self.since = self._began = since
                self._outage_since = monotonic() - (self._clock.now().at - since).total_seconds()
            self._open, self.mend = trouble.why, str(trouble)
            if trouble.why not in self._kept:
                self._finish(self._clock.now().at)
                self._kept.append(trouble.why)
            if mend in self._said:
                return
            self._said.add(mend)
        _log.warning("camera %s: %s", self._camera_id, trouble)

    def well(self, since: datetime) -> None:
        """All is well since `since`."""
        with self._lock:
            if self._open is None:
                return
            self._finish(since)
            self._open, self.mend, self.since = None, "", None
            self._kept.clear()
            self._said.clear()
        _log.info("camera %s: good pictures again after %.0f s", self._camera_id, monotonic() - self._outage_since)

    def moment(self, trouble: Trouble, *, began: datetime, ended: datetime) -> None:
        """Something happened and is over: said, and a gap of its own."""
        with self._lock:
            self._keep(trouble.why, began, ended)
        _log.warning("camera %s: %s", self._camera_id, trouble)

    def note(self, said: str) -> None:
        """A change that is no trouble."""
        _log.info("camera %s: %s", self._camera_id, said)

    def close(self) -> None:
        """Nobody looks any more: an open gap ends here, and nothing is said from now on."""
        with self._lock:
            self._finish(self._clock.now().at)
            self._open, self._closed = None, True
            self._kept.clear()

    def gaps(self) -> list[CameraGap]:
        """The gaps that are over, each given once."""
        with self._lock:
            gaps, self._gaps = self._gaps, []
        return gaps

    def _finish(self, at: datetime) -> None:
        if self._kept:
            self._keep(self._kept[-1], self._began, at)
            self._began = at

    def _keep(self, why: Why, began: datetime, ended: datetime) -> None:
        # The clock may have been set back in between.
        self._gaps.append(CameraGap(camera_id=self._camera_id, began=began, ended=max(began, ended), why=why))
