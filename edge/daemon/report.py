"""How the device stands, put together for the control socket, at once and without waiting for disk or broker."""

import os
from datetime import datetime
from pathlib import Path

from edge import __version__
from edge.clock import ClockTrust, SystemClock
from edge.config import Config
from edge.control.status import AlarmStatus, CameraStatus, Report, Standing, Status, status_of
from edge.daemon.collection import WHAT, Collection
from edge.daemon.health import Health
from edge.daemon.house import House
from edge.daemon.purging import Purging
from edge.daemon.storage import Storage
from edge.daemon.watch import Lane, Watch
from edge.rejection import Rejection


class Reporter:
    """Knows whom to ask; asked from the threads of the control socket."""

    def __init__(
        self,
        *,
        config: Config,
        watch: Watch,
        storage: Storage,
        purging: Purging,
        collection: Collection,
        trust: ClockTrust,
    ) -> None:
        self._device_id, self._folder = config.device.id, config.device.ledger.parent
        self._watch, self._storage, self._purging, self._trust = watch, storage, purging, trust
        self._collection = collection
        self._clock = SystemClock(trust=trust)
        self._started_at = self._clock.now().at
        self.health = Health(broker=config.broker, clock=self._clock)

    def status(self, house: House | None) -> Status:
        """All of it; `house` is None while the ledger is closed."""
        return status_of(self._device_id, self._standing(house), self._report(house))

    def _standing(self, house: House | None) -> Standing:
        if house is not None:
            return house.control.standing()
        now = self._clock.now()
        since = self._storage.since or now.at
        said = self._storage.trouble or "the ledger is closed, nothing is shared"
        return Standing(
            at=now.at,
            clock_trusted=now.trusted,
            bundle=None,
            held=None,
            subscribers=(),
            clear=False,
            alarms=(_alarm("ledger", said, since),),
        )

    def _report(self, house: House | None) -> Report:
        return Report(
            software=f"homerule {__version__}",
            started_at=self._started_at,
            cameras=tuple(_camera(each) for each in self._watch.lanes),
            provider=self._watch.models.provider,
            broker_connected=house.broker_connected if house is not None else None,
            reads_waiting=house.waiting if house is not None else None,
            ledger_id=house.ledger.ledger_id if house is not None else None,
            ledger_entries=house.entries if house is not None else None,
            free_megabytes=_free(self._folder),
            clock_by=self._trust.by,
            tested_at=self._watch.tested_at,
            temperature=self.health.temperature,
            throttled=self.health.throttled,
            certificate_days=self.health.certificate_days,
            alarms=tuple(self._alarms(house)),
        )

    def _alarms(self, house: House | None) -> list[AlarmStatus]:
        now = self._clock.now().at
        found = []
        if house is not None and (trouble := self._storage.trouble) is not None:
            found.append(_alarm("ledger", trouble, self._storage.since or now))
        if self._purging.alarm is not None:
            found.append(_alarm("purge", self._purging.alarm, self._purging.alarm_since or now))
        if (why := self._collection.refused) is not None:
            found.append(_alarm(WHAT, f"no plate is read and nothing is sent: {why}", self._collection.since or now))
        if self._watch.alarm is not None:
            found.append(_alarm("models", self._watch.alarm, self._watch.alarm_since or now))
        for each in (lane.camera for lane in self._watch.lanes):
            state = each.state()
            if state.why is not None:
                said = f"camera {each.id}: {state.mend or state.why.value}"
                found.append(_alarm(f"camera:{each.id}", said, state.wrong_since or now))
        found += [_alarm(*each) for each in self.health.alarms()]
        if self._trust.injected:
            found.append(_alarm("clock", "the clock is believed because --trust-clock says so", self._started_at))
        return found


def _camera(lane: Lane) -> CameraStatus:
    state, counts = lane.camera.state(), lane.eyes.counts
    return CameraStatus(
        id=lane.camera.id,
        connected=state.connected,
        since=state.since,
        frames_per_second=state.fps,
        pace=round(lane.pace.value, 2),
        gate=state.gate,
        why="" if state.why is None else state.why.value,
        frames=state.frames,
        dropped=state.dropped,
        decoder=state.apart,
        rejected={reason: counts.rejected.get(reason, 0) for reason in Rejection},
        hurried=counts.hurried,
    )


def _alarm(what: str, said: str, since: datetime) -> AlarmStatus:
    return AlarmStatus(what=what, said=said, since=since)


def _free(folder: Path) -> int | None:
    try:
        status = os.statvfs(folder)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize // 1_000_000
