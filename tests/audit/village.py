"""Sixteen weeks of a made-up village, with everything in them that an auditor asks about."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from edge.clock import milliseconds
from edge.ledger.entries import (
    Alarm,
    AlarmEnded,
    BundleRefused,
    ClockStep,
    ClockTrusted,
    Entry,
    Gap,
    Held,
    HoldEnded,
    Purge,
    RevocationFailed,
    Revoked,
    SelfTest,
    SubscriberChanged,
)
from tests.audit.device import STOLEN, Device
from tests.policy.city import Table, agency, agreement, owner, policy

NORTH, SOUTH = "north-1", "south-2"
OPTED_OUT_FIRST = datetime(2026, 8, 17, 9, 12, tzinfo=UTC)
BACK_ON = datetime(2026, 9, 7, 15, 40, tzinfo=UTC)
OPTED_OUT_AGAIN = datetime(2026, 9, 21, 8, 5, tzinfo=UTC)
LAPSED = datetime(2026, 10, 15, tzinfo=UTC)
ADDED = datetime(2026, 11, 9, 10, 0, tzinfo=UTC)
CRASHED = datetime(2026, 9, 2, 3, 10, tzinfo=UTC)
CLERK, CHIEF = "socket, uid 1004", "socket, uid 1001"
_HOUR = timedelta(hours=1)


def agencies(*, with_elm: bool = False) -> list[Table]:
    """The registry of the village."""
    told = [
        owner(name="Village Police Department"),
        agency("cook-auto-theft", name="Cook County Auto Theft Desk", kind="county"),
        agency("lake-pd", name="Lake Police Department", channels=["direct"], feed="all"),
        agency(
            "fox-lake-pd",
            name="Fox Lake Police Department, Wisconsin",
            state="US-WI",
            channels=["direct", "national-lookup"],
            agreement=[agreement("fox-lake-2026", signed_on=date(2026, 7, 15), expires_on=LAPSED.date())],
        ),
        agency(
            "brazos-bend-so",
            name="Brazos Bend County Sheriff, Texas",
            kind="county",
            state="US-TX",
            channels=["national-lookup"],
            agreement=[agreement("brazos-2026", signed_on=date(2026, 7, 1))],
        ),
        agency("border-office", name="Border Office", kind="federal", channels=["national-lookup"]),
        agency("plate-data-inc", name="Plate Data Inc.", kind="private", channels=["national-lookup"]),
    ]
    elm = agency("elm-so", name="Elm County Sheriff", kind="county")
    return [*told, elm] if with_elm else told


def written(at: datetime, **sharing: Any) -> Table:
    """The policy of the village, signed at `at`."""
    named = {"direct": ["lake-pd", "fox-lake-pd"], "full_feed": ["lake-pd"]}
    return policy({"valid_until": at + timedelta(days=85), "sharing": {**named, **sharing}})


class Village:
    """The device of the village; `run` lives through it, day by day, with so many reads a day."""

    def __init__(self, path: Path, *, a_day: int = 3, days: int = 112) -> None:
        self.device, self._a_day, self._days = Device(path), a_day, days
        self._chance = Random(7)
        self.reads: dict[str, int] = {}

    def run(self) -> Device:
        """All of it; the ledger is closed at the end."""
        device = self.device
        device.start()
        device.sign(written(device.clock.at), agencies())
        happenings = {each.at.date(): each for each in _happenings()}
        for day in range(self._days):
            midnight = datetime(2026, 8, 3, tzinfo=UTC) + timedelta(days=day)
            with device.ledger.together():
                self._live(midnight, happenings.get(midnight.date()))
        device.close()
        return device

    def _live(self, midnight: datetime, happening: "Happening | None") -> None:
        device = self.device
        hours = sorted(self._hour() for _ in range(self._count(midnight)))
        for hour in range(24):
            here = midnight + timedelta(hours=hour)
            if device.clock.at > here:
                continue
            device.clock.at = here
            device.ledger.note(SelfTest(model="plates", digest="ab" * 32, passed=1))
            for _ in range(hours.count(hour)):
                device.clock.move(self._chance.uniform(5, 120))
                self._passes()
            if happening is not None and happening.at.hour == hour:
                device.clock.at = max(happening.at, device.clock.at)
                happening.play(device)
            device.clock.at += timedelta(minutes=3)
            device.deliver(*(["cook-auto-theft"] if midnight.day % 9 == 0 else []))
        device.ledger.expire(device.clock.at)
        if midnight.weekday() == 6:
            device.ledger.checkpoint()

    def _passes(self) -> None:
        camera = NORTH if self._chance.random() < 0.62 else SOUTH
        given = self.device.passes(camera, *([STOLEN] if self._chance.random() < 0.18 else []))
        for name in given.shared:
            self.reads[name] = self.reads.get(name, 0) + 1

    def _count(self, day: datetime) -> int:
        """Few reads a day are always as many; of many there are fewer on a Sunday."""
        if self._a_day < 10:
            return self._a_day
        usual = (1.0, 1.05, 1.05, 1.1, 1.2, 0.8, 0.55)[day.weekday()]
        return round(self._a_day * usual * self._chance.uniform(0.8, 1.1))

    def _hour(self) -> int:
        return min(23, max(0, round(self._chance.gauss(14, 4.5))))


class Happening:
    """Something that happens at a time."""

    def __init__(self, at: datetime, *entries: Entry, do: Any = None, after: timedelta | None = None) -> None:
        self.at, self._entries, self._do, self._after = at, entries, do, after

    def play(self, device: Device) -> None:
        """It happens."""
        if self._do is not None:
            self._do(device)
        for entry in self._entries:
            device.ledger.note(entry)
            if self._after is not None:
                device.clock.at += self._after


def _gap(what: str, began: datetime, hours: float, why: str) -> Happening:
    ended = began + timedelta(hours=hours)
    entry = Gap(what=what, began=milliseconds(began), ended=milliseconds(ended), why=why)
    return Happening(ended, entry)


def _happenings() -> Iterator[Happening]:
    yield Happening(OPTED_OUT_FIRST, do=_opt_out(CLERK))
    yield _gap(f"camera:{SOUTH}", datetime(2026, 8, 22, 7, tzinfo=UTC), 61, "not-reached")
    yield Happening(CRASHED, do=_crash)
    yield Happening(BACK_ON, do=lambda device: device.sign(written(BACK_ON), agencies(), by=CHIEF))
    yield _gap("ledger", datetime(2026, 9, 14, 11, tzinfo=UTC), 0.7, "disk-full")
    yield Happening(OPTED_OUT_AGAIN, do=_opt_out("file"))
    yield Happening(datetime(2026, 9, 28, 12, tzinfo=UTC), BundleRefused(digest="", version=0, why="signature"))
    yield Happening(datetime(2026, 10, 5, 6, tzinfo=UTC), do=_maintenance)
    yield _gap("models", datetime(2026, 10, 9, 13, tzinfo=UTC), 1.5, "model-error")
    yield Happening(LAPSED, SubscriberChanged(subscriber="fox-lake-pd", change="lapsed", by="time"))
    yield Happening(
        datetime(2026, 10, 20, 9, tzinfo=UTC),
        Held(why="the policy files cannot be taken up"),
        HoldEnded(),
        after=timedelta(minutes=20),
    )
    yield Happening(
        datetime(2026, 10, 26, 17, tzinfo=UTC),
        Alarm(what="broker-rights", why="apply"),
        AlarmEnded(what="broker-rights"),
        after=timedelta(minutes=9),
    )
    yield Happening(datetime(2026, 11, 2, 4, tzinfo=UTC), ClockStep(by=2400))
    yield Happening(ADDED, do=lambda device: device.sign(_later(written(ADDED)), agencies(with_elm=True), by=CHIEF))
    yield Happening(datetime(2026, 11, 16, 18, tzinfo=UTC), Purge(what="reads not recorded", count=4, failed=1))


def _later(told: Table) -> Table:
    told["sharing"]["national_lookup"] = False
    return told


def _opt_out(by: str) -> Any:
    def do(device: Device) -> None:
        device.opt_out(by=by)
        if by == "file":
            device.ledger.note(RevocationFailed(subscriber="fox-lake-pd", step="drop"))
        steps = (("gate", 6), ("removed", 110), ("read-back", 30), ("drop", 240 if by == "file" else 90))
        device.ledger.note(*(Revoked(subscriber=name, steps=steps) for name in ("brazos-bend-so", "fox-lake-pd")))

    return do


def _crash(device: Device) -> None:
    device.crash(timedelta(hours=2, minutes=31))
    device.ledger.note(ClockTrusted(trusted=0, source="nobody"))
    device.clock.at += timedelta(minutes=11)
    device.ledger.note(ClockTrusted(trusted=1, source="timesyncd"))


def _maintenance(device: Device) -> None:
    device.stop()
    device.clock.at += 3 * _HOUR
    device.start(after="stop")


__all__ = ["NORTH", "SOUTH", "Village", "agencies", "replace", "written"]
