"""A camera's pictures, from wherever they come: a stream that is decoded here, or a program that writes them raw."""

from collections.abc import Iterable
from typing import Protocol

from edge.capture.address import address_of, device_path
from edge.capture.apart import ApartStream
from edge.capture.picture import Converter, Decoded
from edge.capture.program import program_of
from edge.capture.raw import RawStream
from edge.config import Camera
from edge.decoding.gated import Asks, GatedStream
from edge.decoding.stream import Apart, Arrival, Stream


class Pictures(Protocol):
    """An open stream. `fed` counts what has come; while it is `resting`, no picture is no trouble.

    `apart` says who decodes.
    """

    @property
    def fed(self) -> int: ...

    @property
    def resting(self) -> bool: ...

    @property
    def apart(self) -> Apart: ...

    def read(self) -> Iterable[Arrival[Decoded]]: ...

    def close(self) -> None: ...


def opened(camera: Camera, lookout: Asks | None = None, *, isolate: bool = False) -> Pictures:
    """Opens it; with a `lookout` it is decoded only while something moves. Raises Trouble.

    `isolate`: what comes over the network is decoded by another process.
    """
    if camera.is_raw:
        return RawStream(program_of(camera))
    address = address_of(camera)
    if isolate and device_path(camera) is None:
        return ApartStream(address, lookout)
    plain = Stream(address, Converter().shown)
    return GatedStream(plain, lookout) if lookout is not None else plain
