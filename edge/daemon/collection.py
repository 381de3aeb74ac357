"""Under a law pack that forbids unattended roadside readers the device does not run at all, unless police IT names the
exception that it falls under. Where the city signs such a pack while it runs, it reads, records and sends nothing from
that moment on, as if it had not started, and begins again with the next policy that lets it.
"""

from collections.abc import Callable
from datetime import datetime

from edge.clock import Clock
from edge.errors import PolicyError
from edge.ledger.entries import Alarm, AlarmEnded, Entry
from edge.policy.bundle import Bundle
from edge.policy.collection import refusal

WHAT = "collection"
"""The alarm's name."""


class Collection:
    """Asked of every bundle before it may come into force. `exception` is `[device] collection_exception`.

    `refused` says why nothing may be collected now, None when it may; `since` when that began. Any thread may read.
    """

    def __init__(self, exception: str | None, *, clock: Clock, note: Callable[[Entry], object]) -> None:
        self._exception, self._clock, self._note = exception, clock, note
        self.refused: str | None = None
        self.since: datetime | None = None

    def unfit(self, bundle: Bundle) -> str | None:
        """Why this device may not collect under `bundle`, which the city asks for; None when it may.

        It holds at once, for the bundle does not come into force: files that cannot be read after it change nothing.
        """
        before, why = self.refused, refusal(bundle, self._exception)
        if why is not None and before is None:
            self.since = self._clock.now().at
            self._note(Alarm(what=WHAT, why="law"))
        elif why is None and before is not None:
            self._note(AlarmEnded(what=WHAT))
        self.refused = why
        return why

    def allows(self) -> bool:
        """Whether anything may be collected now."""
        return self.refused is None

    def require_fit(self, in_force: Bundle | None) -> None:
        """PolicyError when what is in force, or what the city asks for in its place, forbids to collect here."""
        why = self.refused or (None if in_force is None else refusal(in_force, self._exception))
        if why is not None:
            raise PolicyError(why)
