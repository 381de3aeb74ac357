"""PURE: the archive's container, a zip file (stored, not compressed) in which nothing is left to chance.

What is written beside the members' contents follows from their names, sizes and checksums, so that no byte of it can
be changed unseen. Format: PKWARE APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16, without zip64: at most 4 GiB.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from edge.errors import LedgerError

_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_VERSION, _UNIX, _FIRST_OF_1980 = 20, 3 << 8, 0x21
_MODE = 0o100600 << 16
_LARGEST, _MOST = 2**32 - 2, 2**16 - 2

HEADER, CRC_AT = _LOCAL.size, 14
"""Bytes before a member's name; its content follows the name. And where among them its checksum is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file inside: its name (ASCII), and size, crc32 and sha256 (hex) of its content."""

    name: str
    size: int
    crc32: int
    sha256: str

    @property
    def header(self) -> bytes:
        """What stands before the content."""
        name = self.name.encode("ascii")
        fields = (_VERSION, 0, 0, 0, _FIRST_OF_1980, self.crc32, self.size, self.size, len(name), 0)
        return _LOCAL.pack(b"PK\x03\x04", *fields) + name


class Content:
    """Takes a member's content piece by piece and gives the member."""

    def __init__(self, name: str) -> None:
        self._name, self._size, self._crc32, self._digest = name, 0, 0, sha256()

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self._size += len(piece)
        self._crc32 = zlib.crc32(piece, self._crc32)
        self._digest.update(piece)

    def member(self) -> Member:
        """What was added, as a member."""
        return Member(name=self._name, size=self._size, crc32=self._crc32, sha256=self._digest.hexdigest())


def member(name: str, content: bytes) -> Member:
    """The member that has this content."""
    made = Content(name)
    made.add(content)
    return made.member()


def places(members: Sequence[Member]) -> Iterator[tuple[int, Member]]:
    """Each member and the byte at which its header begins."""
    at = 0
    for one in members:
        yield at, one
        at += len(one.header) + one.size


def directory(members: Sequence[Member]) -> bytes:
    """What stands after the last content. LedgerError if there is too much for a plain zip file."""
    central, at = bytearray(), 0
    for at, one in places(members):
        name = one.name.encode("ascii")
        sizes = (one.crc32, one.size, one.size, len(name), 0, 0, 0, 0, _MODE)
        if at + one.size > _LARGEST:
            break
        central += _CENTRAL.pack(b"PK\x01\x02", _UNIX | _VERSION, _VERSION, 0, 0, 0, _FIRST_OF_1980, *sizes, at)
        central += name
    end = sum(len(one.header) + one.size for one in members)
    if len(members) > _MOST or end + len(central) > _LARGEST:
        raise LedgerError("an archive holds at most 4 GiB; export a shorter time with `--from` and `--to`")
    return bytes(central) + _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(central), end, 0)


def first_size(header: bytes) -> tuple[int, int, int]:
    """Of a file's first header: the name's length, the content's size and crc32."""
    fields = _LOCAL.unpack(header)
    return fields[9], fields[8], fields[6]
