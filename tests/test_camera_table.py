"""What device.toml says about where a camera is to look, its small stream, and what runs the models."""

import pytest

from edge.config import Camera, ModelChoice
from edge.errors import ConfigError
from edge.written import parse_toml

SQUARE = "[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]"


def camera(*lines: str) -> Camera:
    text = "\n".join(
        ('id = "lane-1"', *(lines if any("url =" in line for line in lines) else ('url = "rtsp://h/1"', *lines)))
    )
    return parse_toml(text, Camera, file="device.toml", error=ConfigError)


def test_zones_and_masks_are_polygons_in_fractions_of_the_picture() -> None:
    written = camera(f"zones = [{SQUARE}]", f"masks = [{SQUARE}, [[0, 0], [1, 0], [1, 1]]]")
    assert written.zones[0][0] == (0.1, 0.1)
    assert len(written.masks) == 2


@pytest.mark.parametrize(
    "polygon",
    [
        "[[0.1, 0.1], [0.9, 0.9]]",
        "[[10, 10], [90, 10], [90, 90]]",
        "[[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]",
        "[[0.1, 0.1]]",
    ],
    ids=["two corners", "pixels", "a line", "a point"],
)
def test_what_surrounds_nothing_is_refused(polygon: str) -> None:
    with pytest.raises(ConfigError, match="masks"):
        camera(f"masks = [{polygon}]")


def test_a_small_stream_belongs_to_a_camera_on_the_network() -> None:
    assert camera('url = "rtsp://h/1"', 'sub_url = "rtsp://h/2"').sub_url == "rtsp://h/2"
    with pytest.raises(ConfigError, match="camera on the network"):
        camera('url = "usb:0"', 'sub_url = "rtsp://h/2"')


def test_a_password_in_the_small_streams_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="holds a password") as refused:
        camera('url = "rtsp://h/1"', 'sub_url = "rtsp://viewer:geheim@h/2"')
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("port", ["70000", "0", "-1", "stream"])
@pytest.mark.parametrize("key", ["url", "sub_url"])
def test_a_port_that_there_cannot_be_is_refused_with_the_mend(key: str, port: str) -> None:
    lines = {"url": "rtsp://10.0.0.5/1", "sub_url": "rtsp://10.0.0.5/2", key: f"rtsp://10.0.0.5:{port}/s"}
    with pytest.raises(ConfigError, match=f"`{key}` has a port that is none, write a number from 1 to 65535"):
        camera(*(f'{name} = "{address}"' for name, address in lines.items()))


@pytest.mark.parametrize("port", ["", ":", ":1", ":65535"])
def test_a_port_may_be_left_out(port: str) -> None:
    assert camera(f'url = "rtsp://10.0.0.5{port}/s"').url == f"rtsp://10.0.0.5{port}/s"


def test_a_word_of_a_command_may_be_of_several_lines() -> None:
    made = Camera(id="a", url="pipe:", size="640x480", command=("sh", "-c", "one\n\ttwo"))
    assert made.command[2] == "one\n\ttwo"


def test_a_provider_is_one_of_three() -> None:
    with pytest.raises(ConfigError, match="provider"):
        parse_toml('provider = "gpu"', ModelChoice, file="device.toml", error=ConfigError)
