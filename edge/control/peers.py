"""Who is at the other end of a unix socket, as the kernel says, and what that person may ask."""

import grp
import os
import socket
import struct
from dataclasses import dataclass

READERS, CLERKS = "homerule", "homerule-clerk"
"""The groups whose members may read how things stand, and, of the second, tighten."""

_CREDENTIALS = struct.Struct("iII")
_SO_PEERGROUPS = 59  # Linux, asm-generic; Python has no name for it
_MOST_GROUPS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A process by its user and all its groups."""

    uid: int
    groups: frozenset[int]

    @property
    def is_own(self) -> bool:
        """Root, or the user that the daemon runs as."""
        return self.uid in (0, os.geteuid())

    @property
    def may_read(self) -> bool:
        """Whether it may be told how things stand."""
        return self.is_own or self._is_in(READERS) or self._is_in(CLERKS)

    @property
    def may_tighten(self) -> bool:
        """Whether it may have an edit without a signature taken up."""
        return self.is_own or self._is_in(CLERKS)

    def _is_in(self, group: str) -> bool:
        try:
            return grp.getgrnam(group).gr_gid in self.groups
        except KeyError:
            return False


def peer_of(connection: socket.socket) -> Peer:
    """The peer of a connected unix socket, as it was when it connected. OSError when the kernel does not say."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, gid = _CREDENTIALS.unpack(raw)
    try:
        listed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MOST_GROUPS)
    except OSError:
        listed = b""  # an old kernel, or somebody in more groups than these: then only the first group counts
    groups = struct.unpack(f"{len(listed) // 4}I", listed)
    return Peer(uid=uid, groups=frozenset({gid, *groups}))
