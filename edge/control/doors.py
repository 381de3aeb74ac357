"""A subscriber's door has two locks: its gate here, and its right at the broker. It opens only when the right is there
and was read back; it is shut here first, and whatever the broker then says, it stays shut until the right is gone.

The wanted state is set by one thread at a time, which never waits for the broker; `work` brings the broker in line.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping

from edge.clock import Clock
from edge.control.rooms import Gates, Rights
from edge.control.troubles import Trouble, Troubles
from edge.errors import BrokerError
from edge.ledger.entries import Entry, Granted, GrantFailed, RevocationFailed, Revoked, RightsApplied
from edge.values import Grant, Steps

Wanted = Mapping[str, Grant | None]
"""Who shall have a right at the broker; None: it has no certificate there, and its gate is all there is."""

_PASS = 4.0
"""Seconds after which a pass ends, with what is left for the next one; a call that has begun is not cut short."""

_log = logging.getLogger(__name__)


class Doors:
    """See the module. `shut` and `want` are called under control's lock, the rest from any thread."""

    def __init__(
        self,
        *,
        gates: Gates,
        rights: Rights,
        note: Callable[..., object],
        clock: Clock,
        elapsed: Callable[[], float],
    ) -> None:
        """All gates are taken to be shut. `note` writes entries to the audit log, all or none; LedgerError."""
        self._gates, self._rights, self._note, self._elapsed = gates, rights, note, elapsed
        self._busy = threading.Lock()
        self._news = threading.Condition(threading.RLock())
        self._generation: int | None = None
        self._wanted: dict[str, Grant | None] = {}
        self._opened: frozenset[str] = frozenset()
        self._changing, self._sure = set[str](), set[str]()
        self._owed, self._held = dict[str, Steps](), dict[str, Grant]()
        self._troubles = Troubles(clock)
        self._attempt = 0

    def shut(self, names: Iterable[str]) -> None:
        """Shuts the doors of those who are about to lose something; they stay shut until `want` was called."""
        for name in sorted(names):
            with self._news:
                self._changing.add(name)
            began = self._elapsed()
            self._gates.shut(name)
            with self._news:
                self._owed[name] = (("gate", round(1000 * (self._elapsed() - began))),)

    def want(self, wanted: Wanted, *, opened: Collection[str]) -> None:
        """From now on `wanted` shall have rights, and of those the doors of `opened` be open.

        Whoever was shut for losing something loses all that the broker keeps for it before it gets anything again.
        """
        with self._news:
            closing = self._opened - frozenset(opened) - self._changing
            self._wanted, self._opened = dict(wanted), frozenset(opened)
        for name in sorted(closing):
            self._gates.shut(name)
        with self._news:
            self._changing.clear()
            self._troubles.keep(self._wanted.keys() | self._held.keys() | self._owed.keys())
            self._troubles.hurry()
            self._news.notify_all()

    def work(self) -> None:
        """One pass: the broker is brought in line, rights taken away first, and doors are opened.

        LedgerError when it cannot be written down; what the broker does not do is tried again in a later pass.
        """
        with self._busy:
            self._attempt += 1
            until = self._elapsed() + _PASS
            try:
                if self._in_step() or self._apply():
                    self._take_away(until)
                    self._give(until)
                self._open()
            finally:
                with self._news:
                    self._news.notify_all()

    def wait_for_work(self, patience: float, *, resting: bool) -> None:
        """Returns when there is something to do, or after `patience` seconds; not before that when `resting`."""
        with self._news:
            self._news.wait_for(lambda: not resting and self._is_work(), patience)

    def settled(self, patience: float, *, alone: bool) -> None:
        """Returns when all is as wanted; with `alone` it works on that itself, for nobody else does.

        BrokerError says what is not, after `patience` seconds at the latest; it is tried on.
        """
        until = self._elapsed() + patience
        with self._news:
            ticket = self._attempt + (1 if self._busy.locked() else 0)
            self._troubles.hurry()
            self._news.notify_all()
        while True:
            if alone:
                self.work()
            with self._news:
                if self._in_line():
                    return
                failed = self._troubles.after(ticket, lost=self._generation is None)
                if failed is None and self._elapsed() >= until:
                    failed = "the broker has not answered yet, see `homerule status`"
                if failed is not None:
                    raise BrokerError(failed)
                if not alone:
                    self._news.wait(max(0.01, min(0.5, until - self._elapsed())))

    @property
    def away(self) -> Trouble | None:
        """Why no right can be set at all, None while they can."""
        return self._troubles.away

    @property
    def clear(self) -> bool:
        """Whether nobody can hold, at the broker, what it should not have."""
        with self._news:
            return self._generation is not None and not self._changing and not self._losing()

    @property
    def troubles(self) -> dict[str, Trouble]:
        """Whose right could not be set, and why."""
        with self._news:
            return dict(self._troubles.of)

    def right(self, name: str) -> str:
        """How the subscriber's right at the broker stands: granted, none, not needed, or not known."""
        with self._news:
            if self._generation is None or name in self._owed or name in self._troubles.of:
                return "not known"
            if name in self._held:
                return "granted" if name in self._sure else "not known"
            return "not needed" if name in self._wanted else "none"

    def _in_step(self) -> bool:
        """Whether the broker is the one to which all rights were applied; if not, nothing stays open."""
        generation = self._rights.generation()
        if generation is not None and generation == self._generation:
            return True
        with self._news:
            self._generation = None
            self._sure.clear()
            shut = sorted(self._opened)
        for name in shut:
            if self._gates.is_open(name):
                self._gates.shut(name)
        return False

    def _apply(self) -> bool:
        """All rights at once, to a broker of which nothing is known. True when they were read back."""
        with self._news:
            if self._troubles.rests(self._elapsed()):
                return False
            # whoever is owed a revocation loses its right here; what it may still have is granted by itself later
            owed = {name: steps for name, steps in self._owed.items() if name not in self._changing}
            free = self._wanted.keys() - self._owed.keys() - self._changing
            grants = {name: each for name, each in self._wanted.items() if each is not None and name in free}
        began, before = self._elapsed(), self._rights.generation()
        try:
            self._rights.apply(sorted(grants.values()))
            if before is None or self._rights.generation() != before:
                raise BrokerError("the broker came and went, its rights are set again")
        except BrokerError as error:
            with self._news:
                self._troubles.lose(error, attempt=self._attempt, elapsed=self._elapsed())
            return False
        took = round(1000 * (self._elapsed() - began))
        ended = [Revoked(subscriber=name, steps=(*steps, ("applied", took))) for name, steps in owed.items()]
        self._write([*ended, RightsApplied(granted=len(grants), took=took)])
        with self._news:
            self._held, self._sure = grants, set(grants)
            self._clear(owed)
            self._troubles.clear()
            self._generation = before
        return True

    def _take_away(self, until: float) -> None:
        """Takes rights away at the broker, those not tried before first, and writes it down in one commit."""
        done: list[tuple[str, Steps, Steps]] = []
        failed: list[Entry] = []
        for name in self._due(self._losing):
            with self._news:
                if name in self._changing:
                    continue
                held, owed = self._held.get(name), self._owed.get(name, ())
            try:
                took = self._rights.revoke(held) if held is not None else ()
            except BrokerError as error:
                failed += self._failed(name, error, RevocationFailed)
            else:
                done.append((name, owed, took))
            if self._elapsed() > until or not self._in_step():
                break
        self._write([*(Revoked(subscriber=name, steps=(*owed, *took)) for name, owed, took in done), *failed])
        with self._news:
            for name, owed, _ in done:
                self._held.pop(name, None)
                self._sure.discard(name)
                self._troubles.mend(name)
                self._clear({name: owed})

    def _give(self, until: float) -> None:
        """Gives rights, each to a session in which nothing waits, and writes it down in one commit."""
        done: list[tuple[str, Steps]] = []
        failed: list[Entry] = []
        for name in self._due(self._gaining):
            if self._elapsed() > until or not self._in_step():
                break
            with self._news:
                wanted = self._wanted.get(name)
                if wanted is None or name in self._changing or name in self._losing():
                    continue
                self._held[name] = wanted  # from here on the broker may hold it, whatever it says
            try:
                done.append((name, self._rights.grant(wanted)))
            except BrokerError as error:
                failed += self._failed(name, error, GrantFailed)
        self._write([*(Granted(subscriber=name, steps=took) for name, took in done), *failed])
        with self._news:
            for name, _ in done:
                self._sure.add(name)
                self._troubles.mend(name)

    def _write(self, entries: list[Entry]) -> None:
        if entries:
            self._note(*entries)

    def _open(self) -> None:
        """Opens the doors whose right was read back; a change that has begun meanwhile keeps its own shut."""
        with self._news:
            for name in sorted(self._opened):
                if self._may_open(name) and not self._gates.is_open(name):
                    self._gates.open(name)

    def _may_open(self, name: str) -> bool:
        wanted = self._wanted.get(name)
        return (
            self._generation is not None
            and name in self._wanted
            and name not in self._changing
            and name not in self._owed
            and (wanted is None or (self._held.get(name) == wanted and name in self._sure))
        )

    def _is_work(self) -> bool:
        if self._generation is None:
            return not self._troubles.rests(self._elapsed())
        unopened = any(self._may_open(name) and not self._gates.is_open(name) for name in self._opened)
        return unopened or bool(self._due(self._losing) or self._due(self._gaining))

    def _due(self, whose: Callable[[], set[str]]) -> list[str]:
        """Those for whom it is time, the ones who failed before last."""
        with self._news:
            return self._troubles.due(whose() - self._changing, self._elapsed())

    def _losing(self) -> set[str]:
        """Who holds, or is owed the end of, what it should not have."""
        return {name for name, held in self._held.items() if held != self._wanted.get(name)} | set(self._owed)

    def _gaining(self) -> set[str]:
        """Whose right is wanted and was not read back."""
        return {name for name, grant in self._wanted.items() if grant is not None and name not in self._sure}

    def _in_line(self) -> bool:
        held = {name: each for name, each in self._wanted.items() if each is not None}
        return (
            self._generation is not None
            and not self._owed
            and self._held == held
            and all(self._gates.is_open(name) for name in self._opened)
        )

    def _clear(self, owed: Mapping[str, Steps]) -> None:
        """What was owed is done, unless the same one has lost something again meanwhile."""
        for name, steps in owed.items():
            if self._owed.get(name) is steps:
                del self._owed[name]

    def _failed(self, name: str, error: BrokerError, maker: type[RevocationFailed] | type[GrantFailed]) -> list[Entry]:
        """What the audit log is to be told, once."""
        with self._news:
            new = self._troubles.fail(name, error, attempt=self._attempt, elapsed=self._elapsed())
        if new is None:
            return []
        _log.error("subscriber %s stays shut: %s", name, error)
        return [maker(subscriber=name, step=new.step)]
