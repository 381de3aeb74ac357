"""A network camera's stream that is decoded by another process, as another user where the system allows it.

That process has no keys, and what it says is not believed more than the camera: words are checked, pictures are only
looked at, and the memory that they lie in is ours.
"""

import contextlib
import fcntl
import json
import mmap
import os
import socket
import struct
import subprocess
import sys
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from pwd import getpwnam
from typing import Annotated, Literal

import av
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.capture.child import Child, may_run
from edge.capture.picture import Converter, Decoded
from edge.clock import monotonic
from edge.decoding.address import OPEN_SECONDS, Address
from edge.decoding.child import LONGEST, SLOTS
from edge.decoding.gated import Asks
from edge.decoding.stream import MOST_PIXELS, POLL_SECONDS, Apart, Arrival
from edge.decoding.trouble import Trouble, Why

DECODER_SOCKET = Path("/run/homerule-decoder.sock")
"""Where systemd starts a decoder for whoever connects, see systemd/homerule_decoder.socket."""
DECODER_USERS = ("homerule-decoder", "nobody")
"""As whom a daemon that is root starts it."""

_OPENS_WITHIN = 2 * OPEN_SECONDS + 6.0
_LONGEST_WORDS = 300
_MOST_FED = 10_000
"""Packets from one word to the next; a decoder speaks ten times a second."""
_MODULE = "edge.decoding.child"
_DIED = "its decoder has died, which what the camera sends may have done; connecting again"
_BABBLES = "its decoder says what no decoder says; connecting again"
_NO_ROOM = "finds no room for its pictures ({}); connecting again, raise `LimitNOFILE` or the memory if that stays so"


_Colours = Annotated[int, Field(ge=0, le=255)]
"""A byte of the stream says which they are (ITU-T H.273)."""


class _Said(BaseModel):
    """A word of the decoder's."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    opened: bool = False
    fed: int | None = Field(default=None, ge=0)
    resting: bool = False
    shape: tuple[int, int, Literal["yuv420p", "yuvj420p"], _Colours, _Colours] | None = None
    slot: int | None = Field(default=None, ge=0, lt=SLOTS)
    at: float = Field(default=0.0, allow_inf_nan=False)
    told: float | None = Field(default=None, allow_inf_nan=False)
    late: bool = False
    in_time: bool = True
    turns: int = Field(default=0, ge=0, lt=4)
    why: Why | None = Field(default=None, strict=False)
    said: str = ""


class ApartStream:
    """Stands where a Stream or a GatedStream stands. Belongs to the thread that opened it."""

    def __init__(self, address: Address, lookout: Asks | None = None) -> None:
        """Has it opened. Raises Trouble."""
        self._lookout, self._since = lookout, None if lookout is None else float("nan")
        self._converter = Converter()
        self._room: mmap.mmap | None = None
        self._rooms = 0
        self._theirs: set[int] = set()
        self._shape: tuple[int, int, str, int, int] | None = None
        self.fed, self.resting = 0, False
        self._opened = monotonic()
        self.apart: Apart = "process"
        self._line, self._child = _decoder()
        try:
            told = asdict(address) | {"credentials": address.credentials and str(address.credentials)}
            self._tell(open=told, gated=lookout is not None)
            if (word := self._hear(_OPENS_WITHIN)) is None or not word.opened:
                raise Trouble(Why.NOT_REACHED, f"{address.place} is not opened in time; connecting again")
        except Trouble:
            self.close()
            raise

    def read(self) -> Iterable[Arrival[Decoded]]:
        """The next picture, if one came within POLL_SECONDS. Raises Trouble."""
        if self._lookout is not None and (since := self._lookout.open_since(monotonic())) != self._since:
            self._since = since
            self._tell(since=since)
        try:
            return self._taken(self._hear(POLL_SECONDS))
        except (ValueError, OverflowError):  # of PyAV and numpy, at numbers that no picture has
            trouble = Trouble(Why.GARBAGE, _BABBLES)
        except OSError as error:
            trouble = Trouble(Why.ENDED, _NO_ROOM.format(error.strerror))
        raise trouble

    def _taken(self, word: _Said | None) -> list[Arrival[Decoded]]:
        """The picture that the decoder speaks of, if it does. Raises Trouble, and OSError when there is no room."""
        if word is None:
            return []
        if word.fed is not None:
            if not 0 <= word.fed - self.fed <= _MOST_FED:
                raise Trouble(Why.GARBAGE, _BABBLES)
            self.fed = word.fed
        if word.slot is not None:
            self.resting = False
            return [self._arrival(word, word.slot)]
        if word.shape is not None:
            self._make_room(word.shape)
        else:
            self.resting = word.resting
        return []

    def close(self) -> None:
        """Lets the decoder go."""
        self._line.close()
        if self._child is not None:
            self._child.end()

    def _arrival(self, word: _Said, slot: int) -> Arrival[Decoded]:
        came_meanwhile = self._opened <= word.at <= monotonic()
        if self._room is None or self._shape is None or slot not in self._theirs or not came_meanwhile:
            raise Trouble(Why.GARBAGE, _BABBLES)
        self._theirs.discard(slot)
        wide, high, name, space, extent = self._shape
        size = wide * high * 3 // 2
        samples = np.frombuffer(self._room, np.uint8, size, slot * size).reshape(high * 3 // 2, wide)
        weakref.finalize(samples, _give_back, self._line, self._theirs, self._rooms, slot)
        if not self._theirs:  # somebody keeps the others for long
            samples = samples.copy()
        frame: av.VideoFrame = av.VideoFrame.from_numpy_buffer(samples, name)
        frame.colorspace, frame.color_range = space, extent
        picture = self._converter.shown(frame, word.turns)
        return Arrival(at=word.at, told=word.told, picture=picture, late=word.late, in_time=word.in_time)

    def _make_room(self, shape: tuple[int, int, str, int, int]) -> None:
        """Memory for pictures of that size, which neither side can shrink; what lies in the old one stays whole."""
        wide, high, *_ = shape
        if wide < 2 or high < 4 or wide % 2 or high % 4 or wide * high > MOST_PIXELS:
            raise Trouble(Why.GARBAGE, _BABBLES)
        handle = os.memfd_create("pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(handle, SLOTS * wide * high * 3 // 2)
            fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self._room, self._shape, self._theirs = mmap.mmap(handle, 0), shape, set(range(SLOTS))
            self._rooms += 1
            with _dying():
                socket.send_fds(self._line, [b"{}"], [handle])
        finally:
            os.close(handle)

    def _tell(self, **word: object) -> None:
        with _dying():
            self._line.sendall(json.dumps(word).encode())

    def _hear(self, seconds: float) -> _Said | None:
        """Its next word, None when none comes in time. Raises Trouble, that of the stream too."""
        self._line.settimeout(seconds)
        with _dying():
            try:
                said, about, _, _ = self._line.recvmsg(LONGEST, socket.CMSG_SPACE(struct.calcsize("3i")))
            except TimeoutError:
                return None
        if not said:
            raise Trouble(Why.GARBAGE, _DIED)
        self._look_who(about)
        try:
            word = _Said.model_validate_json(said)
        except ValidationError:
            word = None
        if word is None:
            raise Trouble(Why.GARBAGE, _BABBLES)
        if word.why is not None:
            raise Trouble(word.why, _words(word.said))
        return word

    def _look_who(self, about: list[tuple[int, int, bytes]]) -> None:
        """The kernel says as whom it runs, see SO_PASSCRED in unix(7)."""
        for level, kind, told in about:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                self.apart = "process" if struct.unpack("3i", told)[1] == os.geteuid() else "user"


def _decoder() -> tuple[socket.socket, Child | None]:
    """A line to a decoder: one that systemd starts as a user of its own, else one that is started here."""
    try:
        return _joined() or _started()
    except OSError as error:
        trouble = Trouble(Why.NOT_REACHED, f"its decoder cannot be started ({error.strerror}); trying again")
    raise trouble


def _joined() -> tuple[socket.socket, None] | None:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    with contextlib.suppress(OSError):
        line.connect(str(DECODER_SOCKET))
        line.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        return line, None
    line.close()
    return None


def _started() -> tuple[socket.socket, Child]:
    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        try:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            words = (sys.executable, "-I", "-m", _MODULE)
            return line, Child(words, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, user=decoder_user())
        except OSError:
            line.close()
            raise


def is_isolated(wanted: bool | None) -> bool:
    """Whether streams are decoded apart; unless it is said, only where another user does it, who has no keys."""
    return wanted if wanted is not None else DECODER_SOCKET.exists() or decoder_user() is not None


@cache
def decoder_user() -> int | None:
    """As whom it is started, None: as ourselves. Only root may choose, and that user must be able to read our files."""
    if os.geteuid() != 0:
        return None
    for name in DECODER_USERS:
        with contextlib.suppress(KeyError):
            user = getpwnam(name).pw_uid
            return user if may_run(user, (sys.executable, "-I", "-c", f"import {_MODULE}")) else None
    return None


def _give_back(line: socket.socket, theirs: set[int], room: int, slot: int) -> None:
    """Nobody looks at the picture any more. May be called by any thread."""
    theirs.add(slot)
    with contextlib.suppress(OSError):
        line.send(json.dumps({"free": slot, "room": room}).encode(), socket.MSG_DONTWAIT)


@contextlib.contextmanager
def _dying() -> Iterator[None]:
    """What fails on the line; a decoder that does not listen either is as good as dead."""
    try:
        yield
    except OSError:
        raise Trouble(Why.GARBAGE, _DIED) from None


def _words(said: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in said[:_LONGEST_WORDS])
