"""The play: vehicles pass in real time, three agencies listen, and in the middle the city opts out.

Everything but the road is the real program: the same pipeline, ledger, relay, control and `homerule receive`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from edge import desk
from edge.capture import Plain
from edge.clock import SystemClock, monotonic
from edge.control.control import Control
from edge.control.status import Report, status_of
from edge.control.word import word_of
from edge.delivery import topics
from edge.delivery.broker import Broker
from edge.delivery.wire import StatusWord
from edge.demo.agencies import Agency
from edge.demo.brokers import Account, DemoBroker
from edge.demo.city import AGENCIES, DEVICE_ID, FAR_AWAY, OPT_OUT, City
from edge.demo.judge import Receipt, Ruling, Silence
from edge.demo.log import called_back, in_words
from edge.demo.rights import DemoRights
from edge.demo.screen import Screen
from edge.errors import HomeruleError
from edge.ledger import LEDGER_NAME, Ledger
from edge.ledger.entries import Start, Stop, Switch
from edge.pipeline import Eyes, Outcome, Pipeline
from edge.relay import Relay
from edge.relay.notices import Notices, will
from edge.road.clip import Road
from edge.values import Frame

CAMERA_ID = "street"
_QUIET_WITHIN = 3.0
"""Seconds that the clerk waits for a moment when nothing is on its way, so that before and after are easy to tell."""
_DELIVERED_WITHIN = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What there is to judge afterwards."""

    road: Road
    rulings: tuple[Ruling, ...]
    received: dict[str, list[Receipt]]
    silence: Silence | None
    opt_out_took: float
    logged: bool
    called_back: frozenset[tuple[str, str]]
    frames: int
    dropped: int


class Play:
    """One performance. `run` may be called once; it ends what it started, whatever happens."""

    def __init__(
        self, *, city: City, broker: DemoBroker, make_road: Callable[[], Road], eyes: Eyes, screen: Screen
    ) -> None:
        self._city, self._broker, self._make_road, self._eyes, self._screen = city, broker, make_road, eyes, screen
        self._clock = SystemClock(trusted=True)
        self._rulings: list[Ruling] = []
        self._agencies: list[Agency] = []
        self._silence: Silence | None = None
        self._called_back: frozenset[tuple[str, str]] = frozenset()
        self._opt_out_took = 0.0
        self._logged = False
        self._began = 0.0
        self._frames = self._last = 0

    def run(self) -> Played:
        """Plays it through. Raises any HomeruleError of the rooms."""
        with ExitStack() as stage:
            accounts = _accounts()
            stage.callback(self._broker.stop)
            self._broker.start(list(accounts.values()))
            self._open_ledger(stage, accounts[DEVICE_ID])
            self._agencies = [
                Agency(name=name, city=self._city, broker=self._broker, account=accounts[name]) for name in AGENCIES
            ]
            for agency in self._agencies:
                stage.callback(agency.stop)
                agency.start()
            self._road = self._make_road()  # while the agencies start
            for agency in self._agencies:
                agency.await_listening()
            with self._relaying():
                self._drive()
                self._await_delivery()
            self._ledger.note(Stop(why="the demo is over"))
            self._ledger.checkpoint()
        return self._played()

    def _open_ledger(self, stage: ExitStack, account: Account) -> None:
        key = self._city.device_key
        path = self._city.folder / LEDGER_NAME
        self._ledger = stage.enter_context(
            closing(Ledger.open(path, clock=self._clock, key=key, device=DEVICE_ID, test=True))
        )
        self._ledger.note(Start(software="homerule demo", after="first"))
        line = self._line(account)
        stage.callback(line.close)
        self._relay = Relay(
            ledger=self._ledger,
            broker=line,
            in_force=lambda: self._control.in_force(),
            hotlists=lambda: self._control.hotlists(),
            clock=self._clock,
            device_id=DEVICE_ID,
            test=True,
            shut=True,
        )
        self._control = Control(
            ledger=self._ledger,
            clock=self._clock,
            desk=self._city.sign(ledger_id=self._ledger.ledger_id, now=self._clock.now().at),
            gates=self._relay,
            rights=DemoRights(self._broker),
        )
        self._control.tick()
        self._notices = self._telling(line)
        self._pipeline = Pipeline(
            vision=self._eyes,
            in_force=self._control.in_force,
            hotlists=self._control.hotlists,
            ledger=self._ledger,
            clock=self._clock,
            device_id=DEVICE_ID,
            device_key=key,
            test=True,
        )

    def _line(self, account: Account) -> Broker:
        return Broker(
            host="127.0.0.1",
            port=self._broker.port,
            client_id=DEVICE_ID,
            protocol=self._broker.protocol,
            username=account.name,
            password=account.password,
            loopback_only=True,
            will=will(DEVICE_ID, test=True),
        )

    def _telling(self, line: Broker) -> Notices:
        """What all who may read here are told."""
        return Notices(
            broker=line,
            clock=self._clock,
            device_id=DEVICE_ID,
            test=True,
            standing=self._standing,
            checkpoint=self._ledger.latest_checkpoint,
            may_tell=lambda: self._control.standing().clear,
        )

    def _standing(self) -> StatusWord:
        return word_of(status_of(DEVICE_ID, self._control.standing(), Report()), test=True)

    @contextmanager
    def _relaying(self) -> Iterator[None]:
        """The relay in its own thread; what it raises is raised here at the end."""
        over, failures = threading.Event(), list[HomeruleError]()

        def work() -> None:
            try:
                while not over.is_set():
                    self._relay.step(patience=0.05)
                    self._notices.step()
                self._notices.last()
            except HomeruleError as error:
                failures.append(error)

        thread = threading.Thread(target=work, name="relay", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failures:
            raise failures[0]

    def _drive(self) -> None:
        """Frame by frame at the road's own pace; a frame whose time has passed is dropped, as a live camera does."""
        self._began = monotonic()
        tick, number = threading.Event(), -1
        middle = self._road.length / self._road.fps / 2
        while number < self._road.length - 1:
            due = self._began + (number + 1) / self._road.fps
            tick.wait(max(due - monotonic(), 0.0))
            number = min(int(self._seconds() * self._road.fps), self._road.length - 1)
            frame = Frame(
                camera_id=CAMERA_ID,
                sequence=number,
                captured_at=self._clock.now().at,
                picture=Plain(self._road.frame(number)),
            )
            self._frames, self._last = self._frames + 1, number
            self._take_down(self._pipeline.step(frame))
            if self._silence is None and self._is_time(middle):
                self._opt_out()
            self._look_around()
        self._take_down(self._pipeline.finish())

    def _seconds(self) -> float:
        return monotonic() - self._began

    def _is_time(self, middle: float) -> bool:
        since = self._seconds() - middle
        return since >= 0 and (self._ledger.waiting() == 0 or since > _QUIET_WITHIN)

    def _opt_out(self) -> None:
        """The clerk edits the file; the device takes it up; the broker's right goes; only then it is in force."""
        began, seconds, before = monotonic(), self._seconds(), self._ledger.checkpoint().size
        desk.opt_out(self._city.policy, OPT_OUT)
        self._screen.say(seconds, "the clerk turns National Lookup off in policy.toml, unsigned")
        self._control.take_up("file")
        self._silence = Silence(agency=FAR_AWAY, since=self._clock.now().at)
        self._opt_out_took = monotonic() - began
        self._called_back = called_back(self._ledger.entries())
        for agency, read_id in self._called_back:
            self._screen.called_back(agency, read_id)
        self._screen.switch(f"National Lookup is OFF since {self._silence.since:%H:%M:%S} UTC", on=False)
        self._screen.say(
            self._seconds(), f"in force after {self._opt_out_took:.2f} s: at the camera, and at the broker"
        )
        for logged in self._ledger.entries(first=before):
            if (words := in_words(logged.entry)) is not None:
                self._screen.say(self._seconds(), f"audit log {logged.position}: {words}")
                self._logged |= isinstance(logged.entry, Switch) and logged.entry.switch == OPT_OUT

    def _take_down(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            read, tags = outcome.tagged.read, outcome.tagged.tags
            ruling = Ruling(read_id=read.read_id, text=read.text, decisions=outcome.decisions, replaces=tags.replaces)
            self._rulings.append(ruling)
            self._screen.read(
                read.read_id,
                seconds=self._seconds(),
                text=read.text,
                hit=bool(tags.hits),
                decisions=outcome.decisions,
            )

    def _look_around(self) -> None:
        for agency in self._agencies:
            for receipt in agency.receipts():
                self._screen.received(agency.name, receipt.read_id)
        self._screen.show(self._seconds())

    def _await_delivery(self) -> None:
        """Gives what is on its way the time to arrive."""
        pause, until = threading.Event(), monotonic() + _DELIVERED_WITHIN
        while self._ledger.waiting() and monotonic() < until:
            pause.wait(0.05)
            self._look_around()
        self._look_around()

    def _played(self) -> Played:
        return Played(
            road=self._road,
            rulings=tuple(self._rulings),
            received={agency.name: agency.receipts() for agency in self._agencies},
            silence=self._silence,
            opt_out_took=self._opt_out_took,
            logged=self._logged,
            called_back=self._called_back,
            frames=self._frames,
            dropped=self._last + 1 - self._frames,
        )


def _accounts() -> dict[str, Account]:
    """The device may publish to every agency, say how it stands and read acknowledgements; an agency reads what is for
    it and how the device stands, and acknowledges.
    """
    notices = topics.notice_filters(DEVICE_ID, test=True)
    device = Account(
        name=DEVICE_ID,
        reads=(topics.ack_filter(DEVICE_ID, test=True),),
        writes=(*(topics.read_topic(DEVICE_ID, name, test=True) for name in AGENCIES), *notices),
    )
    agencies = [
        Account(
            name=name,
            reads=(topics.read_filter(DEVICE_ID, name, test=True), *notices),
            writes=(topics.ack_topic(DEVICE_ID, name, test=True),),
        )
        for name in AGENCIES
    ]
    return {account.name: account for account in (device, *agencies)}
