"""Builds everything from device.toml, watches over the threads, stops cleanly.

What cannot be right later stops the start: device.toml, the device's key, the models, a damaged ledger. What can, is
waited for: the broker and the certificate for it, the cameras, the disk, the city's files.
"""

import logging
import threading

from edge import __version__
from edge.capture import LiveCamera
from edge.capture.apart import is_isolated
from edge.clock import ClockTrust, SystemClock, monotonic
from edge.config import Camera, Config
from edge.control.server import Server
from edge.control.status import Status
from edge.daemon import systemd
from edge.daemon.alone import the_only_one
from edge.daemon.collection import Collection
from edge.daemon.eyes import eyes_of, gate_of, loaded
from edge.daemon.house import House
from edge.daemon.loops import Loop, end_at_latest, say_plainly
from edge.daemon.memory import Thrift, give_back
from edge.daemon.pace import Pace
from edge.daemon.purging import Purging
from edge.daemon.recording import Recording
from edge.daemon.report import Reporter
from edge.daemon.scraped import Scraped
from edge.daemon.storage import Storage
from edge.daemon.watch import Lane, Watch
from edge.errors import HomeruleError, LedgerError
from edge.keys import handed_over, load_signing_key
from edge.ledger.entries import ClockStep, ClockTrusted, Entry, Stop
from edge.pipeline import Pipeline
from edge.policy.bundle import Bundle
from edge.policy.hotlists import NO_LISTS, HotLists

STOP_WITHIN = 5.0
"""Seconds in which a clean stop is done, or the process ends as it is."""
_FINISH_WITHIN = 1.5
_DRAIN_WITHIN = 1.0
_LOOK_EVERY = 1.0
_STILL = 60.0
_TO_OPEN, _MORE_TIME = 600_000_000, 60_000_000  # microseconds, asked for once, and at every look until it is ready
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0

_log = logging.getLogger(__name__)


class Daemon:
    """One run. `stop` and `reload` may be called from a signal handler."""

    def __init__(self, *, config: Config, trust: ClockTrust) -> None:
        """Raises ConfigError and ModelError: then it does not start."""
        the_only_one(config)  # before anything is read that another daemon may be writing
        self._config, self._trust, self._vouched = config, trust, ""
        self._clock = SystemClock(trust=trust)
        self._key = load_signing_key(handed_over(config.device.key))
        self._models = loaded(config.models)
        self._storage = Storage(
            folder=config.device.ledger.parent, least_megabytes=config.limits.min_free_megabytes, clock=self._clock
        )
        self._purging = Purging(storage=self._storage, clock=self._clock)
        self._collection = Collection(
            config.device.collection_exception, floor=config.device.floor, clock=self._clock, note=self._storage.note
        )
        self._house: House | None = None
        self._why: str | None = None
        self._news, self._reload, self._bell, self._read = (threading.Event() for _ in range(4))
        self._stands = self._said = self._in_force = ""
        self._pause, self._next_open = _FIRST_PAUSE, 0.0
        self._thrift, self._ready = Thrift(), False
        lanes = [self._lane(camera) for camera in config.camera]
        self._watch = Watch(
            lanes=lanes,
            models=self._models,
            storage=self._storage,
            clock=self._clock,
            bell=self._bell,
            moved=lambda: trust.moved,
        )
        self._eyes = Loop("vision", self._watch.turn, broken=self.broken)
        recording = Recording(pipelines=[lane.pipeline for lane in lanes], bell=self._read)
        self._recorder = Loop("recording", recording.turn, broken=self.broken)
        self._reporter = Reporter(
            config=config,
            watch=self._watch,
            storage=self._storage,
            purging=self._purging,
            collection=self._collection,
            trust=trust,
        )
        self._socket = Server(path=config.device.socket, take_up=self.take_up, status=self.status)
        self._scraped = Scraped(config.device.metrics_port, self.status)

    def run(self) -> int:
        """Runs until it is stopped; the exit code. Before it has begun it raises ModelError, LedgerError, ConfigError,
        and PolicyError where the law forbids to collect.
        """
        give_back()
        say_plainly()
        self._watch.test()
        self._socket.start()
        self._scraped.start()
        systemd.tell(f"EXTEND_TIMEOUT_USEC={_TO_OPEN}\nSTATUS=opens the ledger")
        try:
            self._open(first=True)
        except BaseException:
            self._socket.close()
            raise
        self._watch.start()
        self._eyes.start()
        self._recorder.start()
        _log.info("homerule %s runs on %s", __version__, self._config.device.id)
        while self._why is None:
            self._news.wait(_LOOK_EVERY)
            self._news.clear()
            self._look_around()
        return self._end()

    def status(self) -> Status:
        """How the device stands, without waiting for anything."""
        return self._reporter.status(self._house)

    def stop(self, why: str) -> None:
        """Asks for a clean stop."""
        self._why = self._why or why
        self._news.set()

    def broken(self) -> None:
        """A thread has ended as none should: from this moment on nothing is sent."""
        self._why = "broken"
        self._news.set()

    def reload(self) -> None:
        """Asks that the city's files are taken up now."""
        self._reload.set()
        self._news.set()

    def in_force(self) -> Bundle | None:
        """What every decision is made under."""
        return None if (house := self._house) is None else house.in_force()

    def hotlists(self) -> HotLists:
        """What is looked for."""
        return NO_LISTS if (house := self._house) is None else house.hotlists()

    def take_up(self, by: str, may_tighten: bool) -> None:
        """Takes up the city's files and returns when they are in force. PolicyError, BrokerError, LedgerError."""
        if (house := self._house) is None:
            raise LedgerError(self._storage.trouble or "the ledger is closed, try again in a moment")
        with self._storage.watched(house.ledger):
            house.control.take_up(by, may_tighten=may_tighten)

    def _taken_up(self) -> None:
        try:
            self.take_up("sighup", may_tighten=True)
        except HomeruleError as error:
            _log.error("the city's files are not taken up: %s", error)
        else:
            _log.info("the city's files are taken up")

    def _lane(self, camera: Camera) -> Lane:
        eyes = eyes_of(camera, models=self._models, chosen=self._config.models, clock=self._clock)
        pipeline = Pipeline(
            vision=eyes,
            in_force=self.in_force,
            hotlists=self.hotlists,
            ledger=self._storage,
            clock=self._clock,
            device_id=self._config.device.id,
            device_key=self._key,
            test=False,
            bell=self._read,
            collects=self._collection.allows,
        )
        isolate = is_isolated(self._config.device.isolate_decoder)
        seen = LiveCamera(camera, clock=self._clock, bell=self._bell, gate=gate_of(camera), isolate=isolate)
        return Lane(camera=seen, pipeline=pipeline, eyes=eyes, pace=Pace(camera.id))

    def _open(self, *, first: bool) -> None:
        """Opens the ledger and what rests on it. Raises LedgerError."""
        house = House(
            config=self._config,
            clock=self._clock,
            key=self._key,
            storage=self._storage,
            purging=self._purging,
            collection=self._collection,
            first=first,
            broken=self.broken,
            sends=lambda: self._why != "broken",
            status=self._reporter.status,
        )
        try:
            house.look()
            self._house = house  # before it may be written: what waits is decided under what is in force, never without
            house.start()
        except LedgerError:
            self._house = None
            self._close(house, [])
            raise

    def _look_around(self) -> None:
        """Disk, clock, and threads that stand still."""
        self._trust.look()
        self._thrift.look()
        if (by := self._trust.by) != self._vouched:
            self._vouched = by
            self._storage.note(ClockTrusted(trusted=int(by != "nobody"), source=by))
        for step in self._trust.steps():
            _log.warning("the clock was moved by %+.1f s", step.seconds)
            self._storage.note(ClockStep(by=round(1000 * step.seconds)))
        self._storage.look()
        self._reporter.health.look(None if self._house is None else self._house.broker_connected)
        self._say_policy()
        if self._storage.faulty and self._house is not None:
            house, self._house = self._house, None
            self._close(house, [])
        if self._house is None:
            self._purging.look(None, alone=True)
        if self._house is None and monotonic() >= self._next_open and self._why is None:
            self._open_again()
        if self._reload.is_set() and self._house is not None:
            self._reload.clear()
            # it waits for the broker, which nobody else need do
            threading.Thread(target=self._taken_up, name="reload", daemon=True).start()
        self._look_for_standstill()

    def _look_for_standstill(self) -> None:
        """systemd is fed only while every thread moves; without systemd it is at least said."""
        name, seconds = max((loop.still_for, loop.name) for loop in (self._eyes, self._recorder))[::-1]
        if self._house is not None:
            name, seconds = max((name, seconds), self._house.still, key=lambda pair: pair[1])
        if seconds < _STILL:
            self._stands = ""
            self._tell_systemd()
        elif self._stands != name:
            self._stands = name
            _log.critical("%s has stood still for %.0f s, restart the daemon if it does not come back", name, seconds)

    def _tell_systemd(self) -> None:
        """Ready once the broker's rights were read back, which may take as long as the broker is away."""
        house = self._house
        if not self._ready and house is not None and house.control.standing().clear:
            self._ready = True
            systemd.tell("READY=1\nSTATUS=runs")
        systemd.tell("WATCHDOG=1" if self._ready else f"EXTEND_TIMEOUT_USEC={_MORE_TIME}\nSTATUS=waits for the broker")

    def _say_policy(self) -> None:
        """What is in force, whenever that has changed. Why nothing is, or why it is on hold, control says."""
        bundle = self.in_force()
        if bundle is None or bundle.digest == self._in_force:
            return
        self._in_force = bundle.digest
        version, until = f"{bundle.version}.{bundle.revision}", f"{bundle.valid_until:%Y-%m-%d}"
        _log.info("policy version %s is in force until %s, for %d agencies", version, until, len(bundle.subscribers))

    def _open_again(self) -> None:
        try:
            self._open(first=False)
            self._pause, self._said = _FIRST_PAUSE, ""
        except HomeruleError as error:
            if str(error) != self._said:
                _log.error("%s", error)
            self._said = str(error)
            self._next_open = monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _close(self, house: House, last: list[Entry]) -> None:
        try:
            house.close(last)
        except LedgerError as error:
            _log.error("%s", error)

    def _end(self) -> int:
        """The clean stop: what is in view is finished and recorded, what is due is sent, the log is closed.

        Where a thread broke nothing is sent, for an opt-out may not have been heard. What is in view is recorded even
        so: the owner does not lose it, and nobody gains by it, since the next start decides on it again at the door.
        """
        systemd.tell("STOPPING=1")
        began, last = monotonic(), Loop("last reads", self._watch.finish, broken=self.broken)
        threading.Thread(target=end_at_latest, args=(STOP_WITHIN,), name="deadline", daemon=True).start()
        self._socket.close()
        self._scraped.close()
        self._eyes.stop()
        self._recorder.stop()
        if self._eyes.join(_FINISH_WITHIN):
            last.start()
            last.join(_FINISH_WITHIN)
        self._recorder.join(_FINISH_WITHIN)
        self._watch.close()
        if self._house is not None:
            self._house.drain(_DRAIN_WITHIN)
            self._close(self._house, [] if self._why == "broken" else [Stop(why=self._why or "")])
        _log.info("stopped after %.1f s: %s", monotonic() - began, self._why)
        return 1 if self._why == "broken" else 0
