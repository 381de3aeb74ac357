"""[[camera]] of device.toml: where the pictures of one camera come from, and where to look in them."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from edge.written import Setting

Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Polygon = Annotated[tuple[tuple[Fraction, Fraction], ...], Field(min_length=3, max_length=64)]
PixelFormat = Literal["yuv420p", "nv12", "bgr24", "rgb24", "gray"]

_REMOTE = ("rtsp", "rtsps", "http", "https")
_NUMBERED = ("usb", "picamera", "jetson")
_LEAST_EXTENT = 1e-4  # of the picture


class Camera(Setting):
    """One camera. `url` is rtsp://, rtsps://, http(s)://, usb:NUMBER, or the path of a device, a video or a folder.

    picamera:NUMBER is a CSI camera of a Raspberry Pi, jetson:NUMBER one of a Jetson; with pipe: the `command` writes
    raw pictures of that `size` and `pixel_format` on its standard output.
    `size` and `frames_per_second` are asked of a camera at this computer; the latter is also a folder's pace.
    `repeat` plays a video or a folder again and again. With `sub_url`, the address of the same camera's small stream,
    that one is watched, and `url` is decoded only while something moves. `zones` are where to look, `masks` where not:
    polygons whose corners are fractions of the picture, from [0, 0] top left to [1, 1] bottom right. A parked vehicle
    that was out of sight is read again after `reread_after_minutes` without it, and sooner where law or city let
    nothing be kept for so long.
    """

    id: Id
    url: str
    transport: Literal["tcp", "udp"] = "tcp"
    credentials: Path | None = None
    size: str | None = Field(default=None, pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")
    frames_per_second: float | None = Field(default=None, gt=0, le=240)
    command: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    pixel_format: PixelFormat = "yuv420p"
    repeat: bool = False
    sub_url: str | None = None
    zones: tuple[Polygon, ...] = ()
    masks: tuple[Polygon, ...] = ()
    reread_after_minutes: float = Field(default=30.0, gt=0, le=24 * 60)

    @field_validator("zones", "masks")
    @classmethod
    def _wide(cls, polygons: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
        if any(_extent(polygon) < _LEAST_EXTENT for polygon in polygons):
            raise ValueError("has a polygon that surrounds nothing, give its corners in the order of its edge")
        return polygons

    @field_validator("url", "sub_url")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", url)
        if not scheme:
            if not url.startswith("/"):
                raise ValueError("must be an address or a whole path from / on")
            return url
        name = scheme.group(1)
        if name not in (*_REMOTE, *_NUMBERED, "pipe"):
            raise ValueError(
                "must start with rtsp://, rtsps://, http://, https://, usb:, picamera:, jetson: or pipe:, or be a path"
            )
        if name in _NUMBERED and not re.fullmatch(r"[a-z]+:\d{1,3}", url):
            raise ValueError(f"must be `{name}:` and the camera's number, such as {name}:0")
        if name == "pipe" and url != "pipe:":
            raise ValueError("must be `pipe:` alone, what is to be run stands in `command`")
        if name in _REMOTE and not urlsplit(url).hostname:
            raise ValueError("names no host, write it as rtsp://host/path")
        if "@" in urlsplit(url).netloc:
            raise ValueError("holds a password, put `user:password` in a file of its own and name it in `credentials`")
        if name in _REMOTE and not _has_good_port(url):
            raise ValueError("has a port that is none, write a number from 1 to 65535 or leave it out")
        return url

    @model_validator(mode="after")
    def _keys_that_fit(self) -> "Camera":
        if self.sub_url is not None and not ("://" in self.url and "://" in self.sub_url):
            raise ValueError("`sub_url` is for a camera on the network, both addresses start with rtsp:// or http://")
        if self.repeat and (self.url.startswith("/dev/") or not self.url.startswith("/")):
            raise ValueError("`repeat` is for a video or a folder of images, remove it")
        if (self.size or self.frames_per_second) and "://" in self.url:
            raise ValueError("`size` and `frames_per_second` are set in the camera itself, remove them")
        if (self.url == "pipe:") != bool(self.command):
            raise ValueError('`command` and `url = "pipe:"` belong together, write both')
        if self.url == "pipe:" and self.size is None:
            raise ValueError("`size` is needed with a pipe, such as 1920x1080: raw pictures do not tell it")
        if self.is_raw and self.size and (self.pixels[0] % 8 or self.pixels[1] % 4):
            raise ValueError("`size` of raw pictures must be a multiple of 8 wide and of 4 high")
        return self

    @property
    def is_raw(self) -> bool:
        """Whether a program of its own delivers raw pictures."""
        return self.url.partition(":")[0] in ("picamera", "jetson", "pipe")

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height that are asked for."""
        wide, _, high = (self.size or "1920x1080").partition("x")
        return int(wide), int(high)


def _has_good_port(url: str) -> bool:
    """Whether it names a port that there can be, or none."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _extent(polygon: Polygon) -> float:
    """The part of the picture that a polygon surrounds."""
    ends = (*polygon[1:], polygon[0])
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(polygon, ends, strict=True))) / 2
