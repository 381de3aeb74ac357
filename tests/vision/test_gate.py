"""What the gate takes for motion."""

from datetime import timedelta

import numpy as np
import pytest

from edge.capture import Plain
from edge.values import Box, Frame
from edge.vision.area import Area
from edge.vision.gate import MotionGate
from tests.vision.scene import START


def frames(count: int, *, brightness: float = 90.0, noise: float = 3.0, drift: float = 0.0) -> list[Frame]:
    chance = np.random.default_rng(4)
    made = []
    for number in range(count):
        pixels = chance.normal(brightness + drift * number, noise, (360, 640, 3)).clip(0, 255).astype(np.uint8)
        captured_at = START + timedelta(seconds=number / 25)
        made.append(Frame(camera_id="north", sequence=number, captured_at=captured_at, picture=Plain(pixels)))
    return made


def moving(given: list[Frame]) -> list[bool]:
    gate = MotionGate()
    return [gate.moving(frame) is not None for frame in given]


def test_the_first_frame_counts_as_motion() -> None:
    assert moving(frames(1)) == [True]


@pytest.mark.parametrize("noise", [0.0, 3.0, 8.0])
def test_sensor_noise_is_no_motion(noise: float) -> None:
    assert not any(moving(frames(50, noise=noise))[1:])


def test_a_cloud_is_no_motion() -> None:
    assert not any(moving(frames(100, drift=0.8))[1:])


def test_a_change_of_exposure_is_no_motion() -> None:
    dark, light = frames(10, brightness=60), frames(20, brightness=110)[10:]
    assert not any(moving(dark + light)[1:])


def test_a_small_car_is_motion() -> None:
    given = frames(20)
    given[15].pixels[100:130, 200:240] = 30
    assert moving(given)[1:] == [number == 15 for number in range(1, 20)]


def test_the_gate_says_where_something_moves() -> None:
    given = frames(20)
    given[15].pixels[100:130, 200:240] = 30
    gate = MotionGate()
    where = [gate.moving(frame) for frame in given]
    assert where[0] == Box(x1=0, y1=0, x2=640, y2=360)
    (box,) = (each for each in where[1:] if each is not None)
    assert 180 <= box.x1 <= 200 < 240 <= box.x2 <= 260
    assert 80 <= box.y1 <= 100 < 130 <= box.y2 <= 150


def test_a_vehicle_moves_all_the_time_and_leaves_nothing_behind_that_does() -> None:
    given = frames(90)
    for number in range(10, 60):
        given[number].pixels[100:250, 8 * (number - 10) : 8 * (number - 10) + 220] = 255
    stirs = moving(given)
    assert all(stirs[10:60])
    assert not any(stirs[70:])


def test_a_vehicle_that_stands_moves_no_more() -> None:
    given = frames(60)
    for number in range(10, 60):
        left = min(8 * (number - 10), 160)
        given[number].pixels[100:250, left : left + 220] = 255
    stirs = moving(given)
    assert all(stirs[10:30])
    assert not any(stirs[42:])


def test_a_change_of_size_counts_as_motion() -> None:
    given = frames(3)
    smaller = Frame(camera_id="north", sequence=3, captured_at=START, picture=Plain(given[0].pixels[:200].copy()))
    assert moving([*given, smaller]) == [True, False, False, True]


LEFT_HALF = Area(zones=(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),))
CLOCK = Area(masks=(((0.3, 0.25), (0.4, 0.25), (0.4, 0.4), (0.3, 0.4)),))


@pytest.mark.parametrize(("area", "seen"), [(Area(), True), (LEFT_HALF, True), (CLOCK, False)])
def test_only_what_moves_where_the_camera_is_to_look_is_motion(area: Area, seen: bool) -> None:
    given = frames(4)
    given[2].pixels[100:130, 200:240] = 30
    gate = MotionGate(area)
    assert [gate.moving(frame) is not None for frame in given][1:3] == [False, seen]


def test_what_moves_outside_the_zone_is_no_motion() -> None:
    given = frames(4)
    given[2].pixels[100:130, 500:540] = 30
    gate = MotionGate(LEFT_HALF)
    assert [gate.moving(frame) for frame in given][1:] == [None, None, None]


@pytest.mark.parametrize(("x", "y", "held"), [(100, 100, True), (500, 100, False), (220, 110, False)])
def test_a_plate_counts_by_its_middle(x: float, y: float, held: bool) -> None:
    area = Area(zones=LEFT_HALF.zones, masks=CLOCK.masks)
    assert area.holds(Box(x1=x - 30, y1=y - 10, x2=x + 30, y2=y + 10), (640, 360)) is held


def test_the_plane_and_the_boxes_agree_on_what_counts() -> None:
    """A pixel of the plane counts when a box around its middle does."""
    area = Area(zones=(((0.1, 0.9), (0.45, 0.1), (0.8, 0.85)),), masks=(((0.4, 0.5), (0.6, 0.5), (0.5, 0.8)),))
    plane = area.plane((90, 160))
    assert plane is not None
    middles = [[area.holds(Box(x1=x, y1=y, x2=x + 1, y2=y + 1), (160, 90)) for x in range(160)] for y in range(90)]
    assert np.count_nonzero(plane != np.array(middles)) < 0.03 * plane.size
