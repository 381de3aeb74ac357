"""The decoder as a process of its own, `python -I -m edge.decoding.child`: what a camera sends is parsed here alone.

Its standard input is the line to the daemon, a socket that keeps messages apart; each is one JSON object. First comes
the address; pictures go into memory that the daemon has made, and never back. It ends when the line does. It imports
no keys, no policy and no network but ffmpeg's, and writes no file.
"""

import contextlib
import json
import mmap
import resource
import select
import socket
import sys
from typing import Any

import av

from edge.clock import monotonic
from edge.decoding.address import Address
from edge.decoding.gated import GatedStream
from edge.decoding.stream import Arrival, Stream, turns_of
from edge.decoding.trouble import Trouble

LONGEST = 16 * 1024
"""Bytes of a message."""
SLOTS = 4
"""Pictures in the shared memory: one that is looked at, one that waits, one on its way, and one to spare."""
KEPT_SECONDS = 1.0
"""How long a late picture waits for a slot, see edge.capture.mailbox."""
_TELL_EVERY = 0.1
_ROOM_WITHIN = 5.0
_HEARD_WITHIN = 10.0
_PLAIN = ("yuv420p", "yuvj420p")


class _Gone(Exception):
    """The daemon is not there any more, or speaks another tongue."""


class Decoder:
    """One stream and the line on which it is delivered."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._since: float | None = None
        self._free: set[int] = set()
        self._room: memoryview | None = None
        self._rooms = 0
        self._shape: tuple[object, ...] | None = None
        self._told = float("-inf")

    def run(self) -> None:
        """Opens what it is told to, and delivers until the line or the stream ends."""
        order, _ = self._hear(None)
        try:
            plain = Stream(Address(**order["open"]), lambda frame: frame)
            stream = GatedStream(plain, self) if order["gated"] else plain
            self._say(opened=True)
            while True:
                for arrival in stream.read():
                    self._give(arrival, stream.fed)
                self._listen(0.0)
                if monotonic() - self._told >= _TELL_EVERY:
                    self._told = monotonic()
                    self._say(fed=stream.fed, resting=stream.resting)
        except Trouble as trouble:
            self._say(why=trouble.why.value, said=str(trouble))
            self._line.settimeout(_HEARD_WITHIN)
            while True:  # until the daemon hangs up: what lies unread would take our last word with it
                self._hear(None)

    def open_since(self, now: float) -> float | None:
        """What the daemon has last said of the small stream, see edge.capture.lookout."""
        return self._since

    def _give(self, arrival: Arrival[av.VideoFrame], fed: int) -> None:
        """Puts a picture where the daemon sees it; left out when there is no room, for the newest counts."""
        frame = _plain(arrival.picture)
        shape = (frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range))
        if shape != self._shape:
            self._shape = shape
            self._make_room(shape, frame.width * frame.height * 3 // 2)
        self._listen(0.0)
        until = monotonic() + KEPT_SECONDS
        while arrival.late and not self._free and (left := until - monotonic()) > 0:
            self._listen(left)
        if not self._free or self._room is None:
            return
        slot = self._free.pop()
        _copy(frame, self._room[slot * (len(self._room) // SLOTS) :])
        turns = turns_of(arrival.picture)  # what a picture says beside its samples is not in the shared memory
        about = {"at": arrival.at, "told": arrival.told, "late": arrival.late, "in_time": arrival.in_time}
        self._say(slot=slot, fed=fed, turns=turns, **about)

    def _make_room(self, shape: tuple[object, ...], size: int) -> None:
        """Asks for memory for pictures of another size."""
        self._room = None
        self._free = set()
        self._say(shape=shape)
        until = monotonic() + _ROOM_WITHIN
        while self._room is None:
            if monotonic() > until:
                raise _Gone
            self._listen(until - monotonic(), size=size)

    def _listen(self, seconds: float, *, size: int = 0) -> None:
        """Takes in what the daemon has said; waits so long for it at most."""
        while select.select([self._line], [], [], max(0.0, seconds))[0]:
            seconds = 0.0
            word, memory = self._hear(size or None)
            if memory is not None:
                self._room, self._free = memory, set(range(SLOTS))
                self._rooms += 1
            elif "free" in word and word["room"] == self._rooms and self._room is not None:
                self._free.add(int(word["free"]))
            elif "since" in word:
                self._since = word["since"]

    def _hear(self, size: int | None) -> tuple[dict[str, Any], memoryview | None]:
        said, handles, _, _ = socket.recv_fds(self._line, LONGEST, 1)
        if not said:
            raise _Gone
        word = json.loads(said)
        if not handles:
            return word, None
        with open(handles[0], "rb+", buffering=0) as file:
            return word, memoryview(mmap.mmap(file.fileno(), SLOTS * (size or 0)))

    def _say(self, **word: object) -> None:
        self._line.sendall(json.dumps(word).encode())


def _plain(frame: av.VideoFrame) -> av.VideoFrame:
    """Brightness and two colours of half the size, in the sizes that such pictures can have."""
    wide, high = frame.width & ~1, frame.height & ~3
    if frame.format.name in _PLAIN and (wide, high) == (frame.width, frame.height):
        return frame
    return frame.reformat(width=wide, height=high, format=_PLAIN[0])


def _copy(frame: av.VideoFrame, room: memoryview) -> None:
    start = 0
    for plane in frame.planes:
        samples, row, rows = memoryview(plane), plane.width, plane.height
        if plane.line_size == row:
            room[start : start + row * rows] = samples[: row * rows]
        else:
            for number in range(rows):
                begin = start + number * row
                room[begin : begin + row] = samples[number * plane.line_size :][:row]
        start += row * rows


def main() -> int:
    """Runs until the daemon has had enough."""
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        with contextlib.suppress(OSError, ValueError):  # the unit has set them, and forbids to touch them
            resource.setrlimit(limit, (0, 0))
    with contextlib.suppress(_Gone, OSError), socket.socket(fileno=0) as line:
        Decoder(line).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
