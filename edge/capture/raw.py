"""Raw pictures from a program's standard output: so many bytes are one picture, and what they show is not parsed."""

import fcntl
import os
import select
import subprocess
from collections.abc import Iterable

import av
import numpy as np

from edge.camera import PixelFormat
from edge.capture.child import Child
from edge.capture.picture import Converter, Decoded
from edge.capture.program import Program
from edge.clock import monotonic
from edge.decoding.stream import POLL_SECONDS, Apart, Arrival
from edge.decoding.trouble import Trouble, Why

_PIPE_BYTES = 1024 * 1024
"""What everybody may ask for; with the usual 64 KiB a picture would take fifty turns."""


class RawStream:
    """Stands where a Stream stands. Belongs to the thread that opened it."""

    apart: Apart = ""
    resting = False

    def __init__(self, program: Program) -> None:
        """Starts the program. Raises Trouble when that is impossible."""
        self._program = program
        self._shape = _shape(program.pixel_format, *program.size)
        self._converter = Converter()
        self.fed = 0
        """Pictures so far."""
        try:
            self._child = Child(program.words, stdout=subprocess.PIPE)
        except OSError as error:
            said = f"`{program.name}` cannot be started ({(error.strerror or 'no such program').lower()})"
            raise Trouble(Why.NOT_REACHED, f"{said}; {program.missing}") from None
        out = self._child.stdout
        assert out is not None  # noqa: S101 - asked for  # nosec B101
        self._out = out.fileno()
        os.set_blocking(self._out, False)
        fcntl.fcntl(self._out, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._ready = select.poll()
        self._ready.register(self._out, select.POLLIN)
        self._begin()

    def read(self) -> Iterable[Arrival[Decoded]]:
        """The next picture, if it came whole within POLL_SECONDS. Raises Trouble when the program has ended."""
        until = monotonic() + POLL_SECONDS
        while (left := until - monotonic()) > 0:
            if not self._ready.poll(1000 * left):
                return []
            try:
                count = os.readv(self._out, [self._samples.data[self._filled :]])
            except BlockingIOError:
                continue
            if not count:
                raise self._ended()
            self._filled += count
            if self._filled == len(self._samples):
                return [self._arrival()]
        return []

    def close(self) -> None:
        """Ends the program."""
        self._child.end()

    def _begin(self) -> None:
        self._samples = np.empty(int(np.prod(self._shape)), np.uint8)
        self._filled = 0

    def _arrival(self) -> Arrival[Decoded]:
        samples = self._samples.reshape(self._shape)
        frame = av.VideoFrame.from_numpy_buffer(samples, self._program.pixel_format)
        self.fed += 1
        self._begin()
        return Arrival(at=monotonic(), told=None, picture=self._converter.shown(frame))

    def _ended(self) -> Trouble:
        code = self._child.exit_code(1.0)
        said = "has closed its output" if code is None else self._program.mend(code)
        if code in self._program.mends:
            return Trouble(Why.NOT_REACHED, f"`{self._program.name}` {said}")
        if self._filled:
            wide, high = self._program.size
            left = f"and left {self._filled} bytes, which are no whole picture of {wide}x{high}"
            return Trouble(
                Why.GARBAGE, f"`{self._program.name}` {said}, {left}; check `size`, `pixel_format` and the program"
            )
        why = Why.ENDED if self.fed else Why.NOT_REACHED
        return Trouble(why, f"`{self._program.name}` {said}; it is started again")


def _shape(pixel_format: PixelFormat, wide: int, high: int) -> tuple[int, ...]:
    if pixel_format in ("yuv420p", "nv12"):
        return high * 3 // 2, wide
    return (high, wide) if pixel_format == "gray" else (high, wide, 3)
