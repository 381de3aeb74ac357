"""A camera's pictures, from wherever they come: a stream that is decoded here, or a program that writes them raw."""

from collections.abc import Iterable
from typing import Protocol

from edge.capture.address import address_of
from edge.capture.picture import Converter, Decoded
from edge.capture.program import program_of
from edge.capture.raw import RawStream
from edge.config import Camera
from edge.decoding.gated import Asks, GatedStream
from edge.decoding.stream import Arrival, Stream


class Pictures(Protocol):
    """An open stream. `fed` counts what has come; while it is `resting`, no picture is no trouble."""

    @property
    def fed(self) -> int: ...

    @property
    def resting(self) -> bool: ...

    def read(self) -> Iterable[Arrival[Decoded]]: ...

    def close(self) -> None: ...


def opened(camera: Camera, lookout: Asks | None = None) -> Pictures:
    """Opens it; with a `lookout` it is decoded only while something moves. Raises Trouble."""
    if camera.is_raw:
        return RawStream(program_of(camera))
    plain = Stream(address_of(camera), Converter().shown)
    return GatedStream(plain, lookout) if lookout is not None else plain
