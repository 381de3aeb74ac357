"""What the gate takes for motion."""

from datetime import timedelta

import numpy as np
import pytest

from edge.capture import Plain
from edge.values import Frame
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
    return [gate.moving(frame) for frame in given]


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


def test_a_change_of_size_counts_as_motion() -> None:
    given = frames(3)
    smaller = Frame(camera_id="north", sequence=3, captured_at=START, picture=Plain(given[0].pixels[:200].copy()))
    assert moving([*given, smaller]) == [True, False, False, True]
