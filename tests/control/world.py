"""A device whose gates, broker and city are made of memory, and which knows of every message who could have got it.

Ledger, bundles and decisions are the real ones. Each thing that control does to the world is a step, at which the world
can fail (`failed`: nothing happened; `lied`: it happened and control was told that it did not) or the device can crash.
"""

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import tomlkit

from edge.control.control import Control
from edge.control.rooms import Turned
from edge.desk import Refused
from edge.desk.laws import law_text
from edge.errors import BrokerError, LedgerError, PolicyError
from edge.ledger import Ledger
from edge.ledger.ledgerfile import commit_now
from edge.policy import bundle as bundles
from edge.policy.bundle import Bundle
from edge.policy.decide import decide
from edge.policy.hotlists import NO_LISTS, HotLists
from edge.policy.manifest import Manifest
from edge.values import BundleFiles, Effect, Grant, Instant, Steps, Tags
from tests.ledger.builders import DEVICE, KEY, HandClock
from tests.policy.city import NOW, OWNER, Table, agency, agreement, hit, owner, policy, taken, texan

NEIGHBOUR, TEXAN, FEED = "neighbour-pd", "texas-so", "county-so"
ALL = (OWNER, NEIGHBOUR, TEXAN, FEED)
LAPSES = NOW + timedelta(hours=1)
"""When the Texan's agreement ends, where it is one that does."""


class Crash(BaseException):
    """The device loses its power."""


@dataclass
class Steps_:
    """Counts what is done to the world, and does to it what a test has set for a step: by number, from the next on."""

    plan: dict[int, str] = field(default_factory=dict)
    done: int = 0

    def set(self, after: int, what: str) -> None:
        """`what` is failed, lied or crash."""
        self.plan[self.done + after] = what

    def next(self) -> str | None:
        """What happens at this step."""
        self.done += 1
        what = self.plan.pop(self.done, None)
        if what == "crash":
            raise Crash
        return what

    def clear(self) -> None:
        """Nothing more goes wrong."""
        self.plan.clear()


@dataclass
class TrustedClock(HandClock):
    """Moved by hand, and believed or not."""

    trusted: bool = True

    def now(self) -> Instant:
        return Instant(at=self.at, trusted=self.trusted)


class MemoryGates:
    """Gates that are shut at first."""

    def __init__(self, steps: Steps_) -> None:
        self._steps, self.opened = steps, set[str]()
        self.asked: list[tuple[str, int, datetime, datetime]] = []

    def open(self, subscriber_id: str) -> None:
        self._steps.next()
        self.opened.add(subscriber_id)

    def shut(self, subscriber_id: str) -> None:
        self._steps.next()
        self.opened.discard(subscriber_id)

    def is_open(self, subscriber_id: str) -> bool:
        return subscriber_id in self.opened

    def decide_again(
        self, subscriber_id: str, bundle: Bundle, lists: HotLists, now: Instant, *, counted: datetime
    ) -> None:
        self._steps.next()
        self.asked.append((subscriber_id, bundle.version, now.at, counted))


class MemoryBroker:
    """Keeps rights and one session each, like Mosquitto: a right that is gone holds the session's queue back, and gives
    it out when the right is there again, unless somebody has dropped it. It outlives the device.
    """

    def __init__(self) -> None:
        self.rights: dict[str, Grant] = {}
        self.waiting: dict[str, list[tuple[int, Tags]]] = {}
        self.published = 0
        self.life = 1
        self.is_up = True

    def publish(self, name: str, tags: Tags) -> None:
        """Queued for whoever has the right at this moment, under a number that counts all that was ever published."""
        self.published += 1
        if self.is_up and name in self.rights:
            self.waiting.setdefault(name, []).append((self.published, tags))

    def deliver(self, name: str) -> list[tuple[int, Tags]]:
        """What a subscriber gets that is there now, each with its number."""
        return self.waiting.pop(name, []) if self.is_up and name in self.rights else []

    def restart(self) -> None:
        """All sessions are gone, and the rights are those of an old backup: everybody's."""
        self.life += 1
        self.waiting.clear()
        self.is_up = True
        self.rights = {name: Grant(subscriber_id=name, certificate_name=name) for name in ALL}


class MemoryRights:
    """The control connection to it. One on which something failed is not used again: the next is another generation,
    unless it `survives`.
    """

    def __init__(self, broker: MemoryBroker, steps: Steps_) -> None:
        self._broker, self._steps = broker, steps
        self._connection, self._seen = 0, 0
        self._granted: set[Grant] = set()
        self.always: str | None = None
        self.survives = False

    def apply(self, wanted: Collection[Grant]) -> None:
        self._connected()
        keep = {one for one in wanted if one in self._granted}
        for name in set(self._broker.rights) - {one.subscriber_id for one in wanted}:
            self._try(lambda name=name: self._drop(name, None))
        for one in sorted(wanted):
            self._try(lambda one=one: None if one in keep else self._drop(one.subscriber_id, one))
        self._granted = set(wanted)

    def grant(self, grant: Grant) -> Steps:
        self._connected()
        self._try(lambda: self._drop(grant.subscriber_id, None))
        self._try(lambda: self._drop(grant.subscriber_id, grant))
        self._granted.add(grant)
        return (("granted", 1),)

    def revoke(self, grant: Grant) -> Steps:
        self._connected()
        self._granted.discard(grant)
        self._try(lambda: self._broker.rights.pop(grant.subscriber_id, None))
        self._try(lambda: self._drop(grant.subscriber_id, None))
        return (("removed", 1), ("dropped", 1))

    def generation(self) -> int | None:
        if not self._broker.is_up:
            return None
        if self._seen != self._broker.life:
            self._new_connection()
        return self._connection

    def _connected(self) -> None:
        if self.generation() is None:
            raise BrokerError("the broker is away")

    def _new_connection(self) -> None:
        self._connection += 1
        self._seen = self._broker.life
        self._granted.clear()

    def _try(self, do: Any) -> None:
        what = self._steps.next() or self.always
        if what == "failed":
            self._lost()
            raise BrokerError("it failed")
        do()
        if what == "lied":
            self._lost()
            raise BrokerError("no answer came")

    def _lost(self) -> None:
        if not self.survives:
            self._new_connection()

    def _drop(self, name: str, then: Grant | None) -> None:
        self._broker.waiting.pop(name, None)
        if then is None:
            self._broker.rights.pop(name, None)
        else:
            self._broker.rights[name] = then


class MemoryDesk:
    """The city's files: a bundle that they ask for, or the refusal that they earn."""

    def __init__(self, files: BundleFiles, steps: Steps_) -> None:
        self._steps = steps
        self.files, self.news = files, True
        self.refused: Exception | None = None
        self.floor = (0, 0)
        self.forbids: Exception | None = None
        self.unkept: Exception | None = None

    def ask(self, files: BundleFiles) -> None:
        """The files are these from now on."""
        self.files, self.refused, self.news = files, None, True

    def spoil(self, *, hold: bool) -> None:
        """The files are of no use from now on."""
        self.refused = Refused("policy.toml: is not TOML, mend it", why="unreadable", hold=hold)
        self.news = True

    def changed(self) -> bool:
        news, self.news = self.news, False
        return news

    def restore(self, stored: Any, *, ledger_id: str, tree_size: int, pinned: str | None = None) -> Turned | None:
        if self.forbids is not None:
            raise self.forbids
        return None if stored is None else (stored[0], bundles.parse(stored[0], signed=True, revision=stored[1]))

    def take_up(self, in_force: Bundle | None, *, ledger_id: str) -> Turned:
        if self.forbids is not None:
            raise self.forbids
        if self.refused is not None:
            raise self.refused
        made = bundles.parse(self.files, signed=True)
        if in_force is not None and made.digest == in_force.digest:
            return self.files, in_force
        if in_force is not None and made.version <= in_force.version:
            raise Refused("manifest.json: is older", why="older", hold=False)
        return self.files, made

    def hotlists(self, bundle: Bundle) -> HotLists:
        return NO_LISTS

    def keep_floor(self, version: int, revision: int, tree_size: int) -> None:
        self._steps.next()
        if self.unkept is not None:
            raise self.unkept
        self.floor = (version, revision)


@dataclass(frozen=True)
class Wish:
    """What a city may wish for, in few words."""

    national: bool = True
    statewide: bool = True
    suspended: bool = False
    lapsing: bool = False
    full: bool = True
    purposes: tuple[str, ...] = ("stolen_vehicle", "parking")
    known: bool = True
    signed_at: datetime = NOW
    kept: float = 24
    """Hours that a read is kept."""

    def files(self, version: int) -> BundleFiles:
        """The signed files of it."""
        ends = LAPSES.date() + timedelta(days=1) if self.lapsing else (NOW + timedelta(days=300)).date()
        held = agreement(expires_on=ends, purposes=["stolen_vehicle"])
        agencies: list[Table] = [
            owner(),
            agency(NEIGHBOUR, purposes=list(self.purposes)),
            texan(TEXAN, agreement=[held]),
        ]
        if self.known:
            agencies.append(agency(FEED, feed="all", suspended=self.suspended))
        sharing = {"national_lookup": self.national, "statewide_lookup": self.statewide}
        named = [FEED] if self.full and self.known else []
        written = policy({"sharing": {**sharing, "full_feed": named}, "retention": {"undelivered_hours": self.kept}})
        texts = {
            "policy.toml": tomlkit.dumps(written).encode(),
            "subscribers.toml": tomlkit.dumps({"subscriber": agencies}).encode(),
            "laws/us-il.toml": law_text("us-il"),
        }
        like = Manifest(
            version=version, replaces=None, devices=(DEVICE,), signed_at=self.signed_at, files={}, hotlists={}
        )
        return bundles.unsigned(texts, hotlists={}, like=like)


class World:
    """The device and all around it. `elapsed` is time as it passes for the device."""

    def __init__(self, path: Path) -> None:
        self.path, self.steps, self.clock = path, Steps_(), TrustedClock(at=NOW)
        self.elapsed, self.version = 1000.0, 1
        self.broker = MemoryBroker()
        self.desk = MemoryDesk(Wish().files(1), self.steps)
        self.open()

    def open(self) -> None:
        """The device starts; what it was doing before is forgotten. It may crash or fail in this very moment."""
        self.gates = MemoryGates(self.steps)
        self.rights = MemoryRights(self.broker, self.steps)
        self.desk.news = True
        self.ledger = Ledger.open(self.path, clock=self.clock, key=KEY, device=DEVICE, commit=self._commit)
        self.control: Control | None = None
        self.control = Control(
            ledger=self.ledger,
            clock=self.clock,
            desk=self.desk,
            gates=self.gates,
            rights=self.rights,
            elapsed=lambda: self.elapsed,
        )

    def crash(self) -> None:
        """Power goes and comes back; the broker lives on. What was planned to go wrong does so in the next life."""
        while True:
            self.control = None
            self.gates.opened.clear()
            self.ledger._file.abandon()
            try:
                self.open()
            except (Crash, LedgerError):
                continue
            return

    def wish(self, wish: Wish) -> None:
        """The city signs another bundle and puts it there."""
        self.version += 1
        self.desk.ask(wish.files(self.version))

    def passes(self, seconds: float) -> None:
        """Time goes by."""
        self.elapsed += seconds
        self.clock.move(seconds)

    def read(self, *purposes: str) -> Tags | None:
        """A vehicle goes by: every subscriber whose gate is open and to whom the decision gives it is sent it."""
        control = self.control
        bundle = control.in_force() if control is not None else None
        if bundle is None:
            return None
        hits = [hit(purpose, expires_at=self.clock.at + timedelta(days=1)) for purpose in purposes]
        tags = taken(bundle, *hits, at=self.clock.at)
        for name, subscriber in bundle.subscribers.items():
            if self.gates.is_open(name):
                decision = decide(tags, subscriber, bundle, self.clock.now())
                if decision.effect is Effect.SHARE:
                    self.broker.publish(name, tags)
        return tags

    def entries(self, kind: type) -> list[Any]:
        """All entries of one kind."""
        return [each.entry for each in self.ledger.entries() if isinstance(each.entry, kind)]

    def allowed(self, name: str, tags: Tags, bundle: Bundle, now: Instant) -> bool:
        """Whether a bundle gives this read to that agency; its age is left aside, for which messages run out."""
        subscriber = bundle.subscribers.get(name)
        later = now.at + timedelta(days=1)
        hits = tuple(replace(one, expires_at=later) for one in tags.hits)
        tags = replace(tags, hits=hits, captured_at=now.at, retain_until=later)
        return subscriber is not None and decide(tags, subscriber, bundle, now).effect is Effect.SHARE

    def take_up(self) -> None:
        """As the clerk's command does."""
        assert self.control is not None
        self.control.take_up("cli")

    def calm(self, *, within: int = 200) -> None:
        """Nothing goes wrong any more, and time passes until all is as wanted."""
        self.steps.clear()
        self.broker.is_up = True
        assert self.control is not None
        for _ in range(within):
            try:
                self.control.tick()
            except LedgerError:
                pass
            else:
                if not self.control.standing().alarms and self._quiet():
                    return
            self.passes(0.5)
        raise AssertionError(f"no calm: {self.control.standing().alarms}")

    def _quiet(self) -> bool:
        assert self.control is not None
        try:
            self.control.take_up("cli")
        except (BrokerError, PolicyError, LedgerError):
            return False
        return True

    def _commit(self, db: sqlite3.Connection) -> None:
        what = self.steps.next()
        if what == "failed":
            raise sqlite3.OperationalError("disk I/O error")
        commit_now(db)
        if what == "lied":
            raise sqlite3.OperationalError("disk I/O error")


def open_gates(world: World) -> set[str]:
    """Whose gates are open."""
    return set(world.gates.opened)


def names(entries: Iterable[Any]) -> list[str]:
    """The subscribers that entries are about."""
    return [one.subscriber for one in entries]
