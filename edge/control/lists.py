"""The hot lists of the bundle in force. One that cannot be believed counts as none: an alarm, never a stop.

A long list takes seconds to read; that is done beside all else, and until then what was at hand stays, as long as it
is for the bundle in force.
"""

import threading

from edge.control.alarms import Alarms
from edge.control.rooms import Desk
from edge.errors import PolicyError
from edge.policy.bundle import Bundle
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.values import Instant

_SHORT = 0.25
"""Seconds in which the lists of most cities are read."""


class Lists:
    """`at_hand` is what is looked for. One thread at a time; it reads with a thread of its own."""

    def __init__(self, *, desk: Desk, alarms: Alarms) -> None:
        self._desk, self._alarms = desk, alarms
        self.at_hand: HotLists = NO_LISTS
        self._of: object = None
        self._reading: _Reading | None = None
        self._again = False
        self._alarmed: frozenset[str] = frozenset()

    def drop(self, bundle: Bundle) -> None:
        """Puts aside what is not for `bundle`, which is about to come into force."""
        if self._of != _named(bundle):
            self.at_hand, self._of = NO_LISTS, None

    def gather(self, bundle: Bundle | None) -> None:
        """Reads the lists of `bundle` as they lie there now. Those that did not change cost nothing."""
        if bundle is None:
            return
        if self._reading is not None:
            self._again = True  # what is being read may be the files as they were before
            return
        self._reading = _Reading(self._desk, bundle)
        self._reading.start()
        self._reading.join(_SHORT)
        self._collect(bundle)

    def look_around(self, bundle: Bundle | None, now: Instant) -> None:
        """Takes what has been read, and lets an alarm stand for each list that counts as none. Raises LedgerError."""
        self._collect(bundle)
        if self._of is None:
            return
        wrong = {**self.at_hand.stale(now.at), **self.at_hand.refused}
        for name in sorted(self._alarmed - wrong.keys()):
            self._alarms.end(f"hotlist:{name}", written=True)
        for name, said in wrong.items():
            self._alarms.stand(f"hotlist:{name}", said, why="refused" if name in self.at_hand.refused else "stale")
        self._alarmed = frozenset(wrong)

    def _collect(self, bundle: Bundle | None) -> None:
        reading = self._reading
        if reading is None or reading.is_alive():
            return
        self._reading = None
        if bundle is not None and _named(reading.bundle) == _named(bundle):
            self.at_hand, self._of = reading.found, _named(bundle)
        if self._again:
            self._again = False
            self.gather(bundle)


class _Reading(threading.Thread):
    """The lists of one bundle, being read. `found` is there when it has ended."""

    def __init__(self, desk: Desk, bundle: Bundle) -> None:
        super().__init__(name="hot lists", daemon=True)
        self._desk, self.bundle = desk, bundle
        self.found = HotLists(lists=(), refused=dict.fromkeys((one.id for one in bundle.policy.hotlist), "not read"))

    def run(self) -> None:
        try:
            self.found = self._desk.hotlists(self.bundle)
        except PolicyError as error:
            self.found = HotLists(lists=(), refused=dict.fromkeys(self.found.refused, str(error)))


def _named(bundle: Bundle) -> object:
    """All that the lists are read by."""
    return dict(bundle.hotlist_digests), bundle.policy.hotlist, bundle.banned
