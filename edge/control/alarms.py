"""What needs a person, said once when it begins, and what the audit log has still to be told."""

import logging
from collections.abc import Mapping

from edge.clock import Clock
from edge.control.status import AlarmStatus
from edge.control.troubles import Trouble
from edge.ledger import Ledger, entries
from edge.ledger.entries import Entry
from edge.policy.bundle import Bundle
from edge.values import Instant

_CLOCK = "the clock is not known to be right, so only the owner is served; see that its time service runs"
_RAN_OUT = "the policy has run out, so only the owner is served; have the city sign a new one"
_TO_COME = (
    "the policy was signed at a time that is still to come, so only the owner is served; set the clock right that is "
    "wrong, here or where it was signed, and have the city sign again"
)

_log = logging.getLogger(__name__)


class Alarms:
    """Changed by one thread at a time, read by any."""

    def __init__(self, *, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._standing: Mapping[str, AlarmStatus] = {}
        self.unwritten: list[Entry] = []
        self._is_held = False

    def all(self) -> tuple[AlarmStatus, ...]:
        """Those that stand, the oldest first."""
        return tuple(sorted(self._standing.values(), key=lambda one: (one.since, one.what)))

    def stand(self, what: str, said: str, *, why: str | None = None) -> None:
        """Lets an alarm stand. `why` is a word for the audit log, where that has no other entry for it."""
        before = self._standing.get(what)
        since = before.since if before is not None else self._clock.now().at
        self._standing = {**self._standing, what: AlarmStatus(what=what, said=said, since=since)}
        if before is None or before.said != said:
            _log.error("%s", said)
        if before is None and why is not None:
            self.write(entries.Alarm(what=what, why=why))

    def end(self, what: str, *, written: bool = False) -> None:
        """Ends an alarm, if it stands; `written` when the audit log knows of it."""
        if what in self._standing:
            self._standing = {name: one for name, one in self._standing.items() if name != what}
            _log.warning("%s: mended", what)
            if written:
                self.write(entries.AlarmEnded(what=what))

    def hold(self) -> None:
        """Tells the audit log that only the owner is served, once. Raises LedgerError."""
        if not self._is_held:
            self._is_held = True
            self.write(entries.Held(why="the policy files cannot be taken up"))

    def release(self) -> None:
        """Tells it that this has ended, if it knows of it. Raises LedgerError."""
        if self._is_held:
            self._is_held = False
            self.write(entries.HoldEnded())

    @property
    def hold_ended(self) -> list[Entry]:
        """The same for whoever writes it together with what comes into force, and then calls `told`."""
        return [entries.HoldEnded()] if self._is_held else []

    def told(self) -> None:
        """The audit log has been told all that was unwritten, and that a hold has ended."""
        self.unwritten.clear()
        self._is_held = False

    def look_around(self, now: Instant, bundle: Bundle | None, away: Trouble | None) -> None:
        """What stands by itself: the clock, the end of the policy, the broker's rights. Raises LedgerError."""
        if now.trusted:
            self.end("clock")
        else:
            self.stand("clock", _CLOCK)
        if bundle is not None and now.at >= bundle.valid_until:
            self.stand("valid-until", _RAN_OUT)
        else:
            self.end("valid-until")
        if now.trusted and bundle is not None and not bundle.has_begun(now.at):
            self.stand("signed-at", _TO_COME)
        else:
            self.end("signed-at")
        if away is not None:
            self.stand("broker-rights", away.why, why=away.step)
        else:
            self.end("broker-rights", written=True)

    def write(self, entry: Entry) -> None:
        """Writes to the audit log; what cannot be written now is written first when it can be again. LedgerError."""
        self.unwritten.append(entry)
        while self.unwritten:
            self._ledger.note(self.unwritten[0])
            del self.unwritten[0]
