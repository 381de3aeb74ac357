"""Damaged streams through the real decoder, in a process of its own: only a decoder's crash can end that one.

    python tests/capture/fuzzing.py FOLDER FIRST COUNT

FOLDER holds whole streams; each number from FIRST on makes one damaged stream, the same each time. Ends with 0 when
nothing but what the capture room raises on purpose came out of them.
"""

import random
import resource
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from edge.capture import Trouble, open_recording
from edge.capture.picture import Converter
from edge.capture.scrutiny import Scrutiny
from edge.decoding.address import Address
from edge.decoding.gated import GatedStream
from edge.decoding.stream import MOST_PIXELS, Stream
from edge.errors import CameraError

FORMATS = {".h264": "h264", ".mjpeg": "mjpeg", ".ts": "mpegts", ".mp4": "mov"}
MOST_MEGABYTES = 1500
"""Of address space more than at the start: room for a picture of MOST_PIXELS a few times over, not for rubbish."""


def flipped(stream: bytes, chance: random.Random) -> bytes:
    """Some bits the other way round."""
    damaged = bytearray(stream)
    for _ in range(chance.choice((1, 5, 30, 300))):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def head_flipped(stream: bytes, chance: random.Random) -> bytes:
    """The same where the stream says what it is."""
    return flipped(stream[:200], chance) + stream[200:]


def cut_short(stream: bytes, chance: random.Random) -> bytes:
    return stream[: chance.randrange(len(stream))]


def holed(stream: bytes, chance: random.Random) -> bytes:
    """A piece is missing, in its place nothing, noise, zeros, or what came before."""
    start = chance.randrange(len(stream))
    length = chance.choice((1, 100, 1400, 20_000))
    fillings = (b"", chance.randbytes(length), bytes(length), stream[max(0, start - length) : start])
    return stream[:start] + chance.choice(fillings) + stream[start + length :]


def shuffled(stream: bytes, chance: random.Random) -> bytes:
    """Its packets in another order."""
    pieces = stream.split(b"\x00\x00\x01")
    chance.shuffle(pieces)
    return b"\x00\x00\x01".join(pieces)


def noise(stream: bytes, chance: random.Random) -> bytes:
    return stream[: chance.choice((0, 64, 500))] + chance.randbytes(chance.choice((0, 1, 1000, 50_000)))


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flipped, head_flipped, cut_short, holed, shuffled, noise
)  # fmt: skip


class Often:
    """Something moves every other second."""

    def __init__(self) -> None:
        self.asked = 0

    def open_since(self, now: float) -> float | None:
        self.asked += 1
        return now if self.asked // 5 % 2 else None


def watched(path: Path, gated: bool) -> None:
    """As a live camera's thread does, and what the one that looks does with each picture."""
    scrutiny = Scrutiny()
    try:
        plain = Stream(Address(place="here", name=str(path), format=FORMATS[path.suffix]), Converter().shown)
        stream = GatedStream(plain, Often()) if gated else plain
        for _ in range(2000):
            for arrival in stream.read():
                looked_at(arrival.picture)
                scrutiny.look(arrival.picture.luma(4), arrival.at)
        stream.close()
    except (Trouble, CameraError):
        return


def replayed(path: Path) -> None:
    """As `homerule replay` does."""
    try:
        for frame in open_recording(path, camera_id="north", start=datetime(2026, 1, 1, tzinfo=UTC)).frames():
            looked_at(frame.picture)
    except CameraError:
        return


def looked_at(picture: object) -> None:
    wide, high = picture.size
    assert wide * high <= MOST_PIXELS
    picture.scaled((64, 36))
    picture.cut(wide // 3, high // 3, max(wide // 2, wide // 3 + 1), max(high // 2, high // 3 + 1))


def main() -> None:
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    whole = sorted(path for path in folder.iterdir() if path.suffix in FORMATS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEGABYTES * 2**20,) * 2)
    for number in range(first, first + count):
        chance = random.Random(number)
        source, other = chance.choice(whole), chance.choice(whole)
        stream = source.read_bytes()
        if chance.random() < 0.1:  # the size changes in the middle
            stream += other.read_bytes()
        damaged = folder / f"damaged{source.suffix}.d{source.suffix}"
        damaged.write_bytes(chance.choice(DAMAGES)(stream, chance))
        print(number, source.name, flush=True)
        watched(damaged, gated=chance.random() < 0.5)
        replayed(damaged)
        damaged.unlink()


if __name__ == "__main__":
    main()
