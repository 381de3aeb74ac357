"""The one thread that runs the models: cameras in turn, and a model that fails is an alarm and a gap."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from edge.capture import Plain
from edge.clock import SystemClock
from edge.daemon import watch as watching
from edge.daemon.loops import Loop
from edge.daemon.pace import Pace
from edge.daemon.storage import Storage
from edge.daemon.watch import QUIET_SECONDS, Lane, Watch
from edge.errors import CameraError, LedgerError, ModelError
from edge.ledger.entries import Entry, Gap, Purge, SelfTest
from edge.selftest import known_street
from edge.values import Detection, Frame, Pixels
from edge.vision.reader import Reading

NO_PIXELS = np.zeros((4, 4, 3), np.uint8)
_, PLATE = known_street()


class Camera:
    """Has a frame whenever it is asked, or never."""

    def __init__(self, name: str, *, idle: bool = False) -> None:
        self.id, self.idle, self.asked, self.lag = name, idle, 0, 0.0

    def frame(self, timeout: float) -> Frame | None:
        self.asked += 1
        if self.idle:
            return None
        at = SystemClock(trusted=True).now().at
        return Frame(camera_id=self.id, sequence=self.asked, captured_at=at, picture=Plain(NO_PIXELS))

    def gaps(self) -> list[object]:
        return []

    def start(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Steps:
    """A pipeline that counts its frames and fails as it is told to."""

    name: str
    order: list[str]
    taken: int = 0
    lost: int = 0
    unrecorded: int = 0
    fails: Callable[[], None] = lambda: None

    def step(self, frame: Frame) -> None:
        self.taken += 1
        self.order.append(self.name)
        self.fails()

    def record(self) -> None:
        self.taken += 1
        self.fails()

    def rest(self) -> None:
        self.order.append(f"{self.name} rests")

    def finish(self) -> None:
        self.order.append(f"{self.name} finished")


@dataclass
class Eyes:
    """Looks as often as it is told."""

    name: str
    order: list[str]
    pace: float = 1.0

    def moved(self, by: timedelta) -> None:
        self.order.append(f"{self.name} moved by {by.total_seconds():.0f} s")


@dataclass
class Models:
    """Finds and reads the known plate, unless it is dead."""

    dead: bool = False
    name: str = "stand-in"
    entries: tuple[object, ...] = field(default_factory=lambda: (Named("finds"), Named("reads")))
    margin: float = 0.0

    @property
    def detector(self) -> "Models":
        return self

    @property
    def reader(self) -> "Models":
        return self

    def find(self, pixels: Pixels) -> list[Detection]:
        return [] if self.dead else [Detection(box=PLATE, confidence=0.9)]

    def read(self, crop: Pixels, roomier: Pixels | None = None) -> Reading:
        return Reading(text="ABX4725", confidences=(0.9,) * 7)


@dataclass(frozen=True)
class Named:
    name: str
    sha256: str = "0" * 64


class Log:
    """Stands where the ledger stands, and keeps what is noted."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def note(self, entry: Entry) -> int:
        self.entries.append(entry)
        return len(self.entries)


@dataclass
class Room:
    """A watch with all that it needs."""

    watch: Watch
    lanes: list[Lane]
    models: Models
    storage: Storage
    log: Log
    loop: Loop
    moved: list[float]

    def turns(self, number: int) -> None:
        for _ in range(number):
            self.watch.turn(self.loop)

    def noted(self) -> list[Entry]:
        self.storage.write_notes()
        return self.log.entries


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Room]:
    monkeypatch.setattr(watching, "_LONGEST_WAIT", 0.0)
    monkeypatch.setattr(watching, "_AGAIN_AFTER", 0.0)

    def made(*cameras: Camera) -> Room:
        order: list[str] = []
        clock = SystemClock(trusted=True)
        storage, log = Storage(folder=tmp_path, least_megabytes=0, clock=clock), Log()
        storage.use(log)
        lanes = [
            Lane(camera=camera, pipeline=Steps(camera.id, order), eyes=Eyes(camera.id, order), pace=Pace(camera.id))
            for camera in cameras
        ]
        models, moved = Models(), list[float]()
        bell = threading.Event()
        watch = Watch(lanes=lanes, models=models, storage=storage, clock=clock, bell=bell, moved=lambda: sum(moved))
        watch.test()
        loop = Loop("vision", watch.turn, broken=lambda: None)
        return Room(watch=watch, lanes=lanes, models=models, storage=storage, log=log, loop=loop, moved=moved)

    return made


def test_two_cameras_that_always_have_a_frame_get_the_same_number_of_turns(room: Callable[..., Room]) -> None:
    made = room(Camera("a"), Camera("b"))
    made.turns(20)
    assert [lane.pipeline.taken for lane in made.lanes] == [20, 20]


def test_the_camera_that_waited_longest_has_the_next_turn(room: Callable[..., Room]) -> None:
    made = room(Camera("a"), Camera("b", idle=True), Camera("c"))
    made.turns(3)
    made.lanes[1].camera.idle = False  # it has waited since the start
    made.turns(1)
    assert made.lanes[0].pipeline.order[-3:] == ["b", "a", "c"]


def test_a_camera_whose_pictures_come_late_is_looked_at_less_often_and_the_other_is_not(
    room: Callable[..., Room],
) -> None:
    made = room(Camera("a"), Camera("b"))
    made.lanes[0].camera.lag = 2.0
    made.turns(1)
    assert [lane.eyes.pace for lane in made.lanes] == [pytest.approx(0.7), 1.0]


def test_a_step_of_the_clock_ends_what_is_in_view_and_then_moves_what_is_remembered(room: Callable[..., Room]) -> None:
    made = room(Camera("a"), Camera("b"))
    made.turns(1)
    made.moved.append(-7200.0)
    made.turns(2)
    finished = ["a finished", "b finished", "a moved by -7200 s", "b moved by -7200 s"]
    assert made.lanes[0].pipeline.order == ["a", "b", *finished, "a", "b", "a", "b"]


def test_a_picture_that_cannot_be_converted_is_said_once_and_the_frames_go_on(
    room: Callable[..., Room], caplog: pytest.LogCaptureFixture
) -> None:
    made = room(Camera("a"))

    def fails() -> None:
        raise CameraError("a picture cannot be converted, set the camera to plain H.264")

    made.lanes[0].pipeline.fails = fails
    made.turns(5)
    assert made.watch.alarm is None
    assert (made.lanes[0].pipeline.taken, caplog.text.count("plain H.264")) == (5, 1)


def test_a_camera_that_gives_no_frame_for_long_has_what_is_in_view_handed_on_and_rests_again_and_again(
    room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(watching, "monotonic", lambda: seconds[0])
    made = room(camera := Camera("a"))
    made.turns(1)
    camera.idle = True
    for _ in range(3 * round(QUIET_SECONDS)):
        seconds[0] += 1.0
        made.turns(1)
    assert made.lanes[0].pipeline.order == ["a", "a rests", "a rests"]  # a camera with a gate is quiet for seconds
    camera.idle = False
    made.turns(1)
    assert made.lanes[0].pipeline.order[3:] == ["a"]


def test_a_camera_that_gives_nothing_holds_up_no_other(room: Callable[..., Room]) -> None:
    made = room(Camera("a", idle=True), Camera("b"))
    made.turns(20)
    assert [lane.pipeline.taken for lane in made.lanes] == [0, 20]


def test_the_self_test_is_in_the_log_for_each_model(room: Callable[..., Room]) -> None:
    made = room(Camera("a"))
    assert [(entry.model, entry.passed) for entry in made.noted()] == [("finds", 1), ("reads", 1)]


def test_a_model_that_dies_in_service_is_an_alarm_and_a_gap_once_it_reads_again(
    room: Callable[..., Room], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = room(Camera("a"))
    made.models.dead = True
    made.watch._next_test = 0.0
    made.turns(4)
    assert made.watch.alarm is not None
    assert "finds no plate" in made.watch.alarm
    assert caplog.text.count("the road is not watched") == 1
    made.models.dead = False
    made.turns(1)
    assert made.watch.alarm is None
    assert [entry.why for entry in made.noted() if isinstance(entry, Gap)] == ["model-error"]
    assert {entry.passed for entry in made.noted() if isinstance(entry, SelfTest)} == {0, 1}


def test_an_inference_that_fails_is_an_alarm_and_the_frames_go_on(room: Callable[..., Room]) -> None:
    made = room(Camera("a"))

    def fails() -> None:
        raise ModelError("model `reads`: inference failed; run `homerule check`")

    made.lanes[0].pipeline.fails = fails
    made.watch.turn(made.loop)
    assert made.watch.alarm is not None
    made.lanes[0].pipeline.fails = lambda: None
    made.turns(2)
    assert made.watch.alarm is None


def test_reads_that_were_lost_for_want_of_room_are_counted_in_the_log(room: Callable[..., Room]) -> None:
    made = room(Camera("a"))

    def fails() -> None:
        raise LedgerError("the disk is full")

    made.lanes[0].pipeline.fails = fails
    made.turns(1)
    made.lanes[0].pipeline.lost = 3
    made.turns(2)
    assert [(entry.count, entry.failed) for entry in made.noted() if isinstance(entry, Purge)] == [(3, 1)]
