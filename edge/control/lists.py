"""The hot lists of the bundle in force. One that cannot be believed counts as none: an alarm, never a stop.

A long list takes seconds to read; that is done beside all else, and until then each that was at hand stays, as long as
the bundle in force says the same of it. While one is not at hand nothing is a hit on it: the audit log has a gap there.

The audit log names the versions that are at hand, and not stale, before any read is looked up in them, and no read
that was looked up in others is recorded behind that (`Ledger.look_for`, `record_many`): as with bundles, the last such
entry before a read holds for its hits. A read that was decided while a list was not at hand is none, and may stand
behind the word for it too; a hit that is not recorded yet when its list grows stale is decided again. It is weaker at
the door: what is decided there again stands behind the word for the list that it was held against, but may stand behind
the word for the next one too.
"""

import threading
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from edge.clock import Clock, milliseconds
from edge.control.alarms import Alarms
from edge.control.rooms import Desk
from edge.errors import PolicyError
from edge.ledger import Ledger
from edge.ledger.entries import Gap
from edge.policy.bundle import Bundle, hotlist_files
from edge.policy.hotlists import NO_LISTS, HotLists, gather
from edge.values import Instant

_SHORT = 0.25
"""Seconds in which the lists of most cities are read."""
_WRITTEN_WITHIN = 2.0
"""Seconds in which whoever brings a list has brought what vouches for it; before that it is not refused."""
_AGAIN = 30.0
"""Seconds to the next look while a list is refused: what it was refused for may be over without a file that changes."""


class Lists:
    """`at_hand` is what is looked for. One thread at a time; it reads with a thread of its own."""

    def __init__(
        self, *, ledger: Ledger, desk: Desk, alarms: Alarms, clock: Clock, elapsed: Callable[[], float]
    ) -> None:
        """Nothing is at hand before the first `look_around`: the log names the lists of a run after its start."""
        self._ledger, self._desk, self._alarms, self._clock, self._elapsed = ledger, desk, alarms, clock, elapsed
        self.at_hand: HotLists = NO_LISTS
        self._of: Mapping[str, object] = {}
        self._reading: _Reading | None = None
        self._again = False
        self._next_look = 0.0
        self._alarmed: frozenset[str] = frozenset()
        self._stale: AbstractSet[str] = frozenset()
        self._looks = False
        self._blind_since: dict[str, int] = {}
        self._wrong_since: dict[str, float] = {}

    def drop(self, bundle: Bundle) -> None:
        """Puts aside what is not for `bundle`, which is about to come into force. What was not read yet stays so: to
        whoever looks a read up, `NO_LISTS` are lists to come, and any others without an entry the whole truth.
        """
        named, before = _named(bundle), self.at_hand
        if self._of == named:
            return
        self._of = {name: rests_on for name, rests_on in self._of.items() if named.get(name) == rests_on}
        refused = {name: said for name, said in before.refused.items() if name in self._of}
        if before is not NO_LISTS:
            self.at_hand = gather((one for one in before.lists if one.id in self._of), refused)
        if self._looks:
            self._is_blind(named)

    def gather(self, bundle: Bundle | None) -> None:
        """Reads the lists of `bundle` as they lie there now. Those that did not change cost nothing. LedgerError."""
        if bundle is None:
            return
        if self._reading is not None:
            self._again = True  # what is being read may be the files as they were before
            return
        self._next_look = self._elapsed() + _AGAIN
        self._reading = _Reading(self._desk, bundle)
        self._reading.start()
        self._reading.join(_SHORT)
        if self._looks:
            self._collect(bundle)

    def look_around(self, bundle: Bundle | None, now: Instant) -> None:
        """Takes what has been read, and lets an alarm stand for each list that counts as none. Raises LedgerError."""
        self._collect(bundle)
        self._looks = True
        named = {} if bundle is None else _named(bundle)
        if self._of != named and bundle is not None:
            self._is_blind(named)
            if self._reading is None and not self._doubts():  # or the ledger had failed, and holds another bundle
                self.gather(bundle)
        elif self.at_hand.refused and self._elapsed() >= self._next_look:
            self.gather(bundle)
        stale = self.at_hand.stale(now.at)
        if stale.keys() != self._stale:
            self._name(self.at_hand, now, unread=named.keys() - self._of.keys())
        wrong = {**stale, **self.at_hand.refused}
        unread = self._alarmed & (named.keys() - self._of.keys())
        for name in sorted(self._alarmed - wrong.keys() - unread):
            self._alarms.end(f"hotlist:{name}", written=True)
        for name, said in wrong.items():
            self._alarms.stand(f"hotlist:{name}", said, why="refused" if name in self.at_hand.refused else "stale")
        self._alarmed = unread.union(wrong)

    def _collect(self, bundle: Bundle | None) -> None:
        reading = self._reading
        if reading is None or reading.is_alive():
            return
        if bundle is not None and _named(reading.bundle) == (named := _named(bundle)):
            self._take(reading.found, named)
        self._reading = None  # not before: what the log could not be told of is taken later
        if self._again:
            self._again = False
            self.gather(bundle)

    def _take(self, found: HotLists, named: Mapping[str, object]) -> None:
        """A list that has only now become wrong may be half written: it is not at hand, and not refused either.

        Raises LedgerError: then it is taken once more.
        """
        now = self._elapsed()
        self._wrong_since = {name: self._wrong_since.get(name, now) for name in found.refused}
        doubts = self._doubts()
        refused = {name: said for name, said in found.refused.items() if name not in doubts}
        self._name(found, self._clock.now(), unread=doubts)
        self.at_hand = gather(found.lists, refused)
        self._of = {name: rests_on for name, rests_on in named.items() if name not in doubts}
        self._sees_again(named.keys() - self._of.keys())

    def _name(self, lists: HotLists, now: Instant, *, unread: AbstractSet[str]) -> None:
        """Has the log say which of these are in force. Raises LedgerError; then it is said once more."""
        self._ledger.look_for(lists.versions(now.at), unread=unread)
        self._stale = lists.stale(now.at).keys()

    def _doubts(self) -> set[str]:
        """The lists of which it is too early to say that they are wrong."""
        now = self._elapsed()
        return {name for name, since in self._wrong_since.items() if now < since + _WRITTEN_WITHIN}

    def _is_blind(self, named: Mapping[str, object]) -> None:
        """Reads that are decided from now on are no hits on what is named and not at hand, whatever stands there."""
        now = milliseconds(self._clock.now().at)
        for name in named.keys() - self._of.keys():
            self._blind_since.setdefault(name, now)

    def _sees_again(self, unread: AbstractSet[str]) -> None:
        """The audit log is told from when to when nothing could be a hit on a list. Raises LedgerError."""
        ended = milliseconds(self._clock.now().at)
        for name in sorted(self._blind_since.keys() - unread):
            began = min(self._blind_since.pop(name), ended)
            self._alarms.write(Gap(what=f"hotlist:{name}", began=began, ended=ended, why="not-at-hand"))


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


def _named(bundle: Bundle) -> dict[str, object]:
    """All that each list is read by."""
    digests = bundle.hotlist_digests
    return {
        one.id: (one, bundle.banned, [digests.get(name) for name in hotlist_files(one.id)])
        for one in bundle.policy.hotlist
    }
