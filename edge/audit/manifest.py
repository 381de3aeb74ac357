"""PURE: what the device signs of an archive: which entries of which log, and the sha256 of every file inside.

The signature is a C2SP signed note by the key that signs the log's checkpoints. Its text begins with a line that no
checkpoint can begin with, so that neither passes for the other.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from edge.audit.container import Member
from edge.errors import LedgerError
from edge.ledger.checkpoint import open_text, origin, sign_note
from edge.policy.policy import HIGHEST

MANIFEST, MEMBERS = "manifest.txt", "members.json"
FIRST_LINE = "homerule audit archive 1"
LONGEST_MANIFEST = 1 << 16

Count = Annotated[int, Field(ge=0, le=HIGHEST)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/%~-]{1,600}$")]


class Manifest(BaseModel):
    """The entries from `first` up to, not with, `last` of a log that had `size` entries and the root `root` then.

    `since` and `until` are the times that were asked for, "" for none; `members` the sha256 of members.json.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    device: str
    ledger: str
    mode: str
    software: str
    first: Count
    last: Count
    size: Count
    root: Hash
    since: str
    until: str
    members: Hash

    @property
    def origin(self) -> str:
        """The log's name in its checkpoints."""
        return origin(self.device, self.ledger)


_LISTED = TypeAdapter(list[tuple[_Name, Count, Annotated[int, Field(ge=0, lt=2**32)], Hash]])


def sign(manifest: Manifest, key: Ed25519PrivateKey) -> bytes:
    """The content of manifest.txt."""
    return sign_note(f"{FIRST_LINE}\n{_json(manifest.model_dump())}\n", manifest.origin, key).encode()


def unsigned(content: bytes) -> Manifest:
    """What manifest.txt says, whoever signed it. LedgerError if it is not one."""
    try:
        lines = content.decode().split("\n")
        if lines[0] != FIRST_LINE:
            raise LedgerError("it is not the manifest of an audit archive")
        return Manifest.model_validate_json(lines[1], strict=True)
    except (ValueError, LookupError, RecursionError) as error:
        raise LedgerError("it is not the manifest of an audit archive") from error


def opened(content: bytes, key: Ed25519PublicKey) -> Manifest:
    """What manifest.txt says. LedgerError unless `key` signed it, for the log that it names, and nobody added to it."""
    found = unsigned(content)
    text = open_text(content.decode(), found.origin, key)
    if text != f"{FIRST_LINE}\n{_json(found.model_dump())}\n" or content.count(b"\n") != 4:
        raise LedgerError("it is not in the form in which it is written")
    return found


def members_text(members: Sequence[Member]) -> bytes:
    """The content of members.json: name, size, crc32 and sha256 of each file after it, in their order, one a line."""
    lines = ",\n".join(_json([one.name, one.size, one.crc32, one.sha256]) for one in members)
    return f"[\n{lines}\n]\n".encode()


def listed(content: bytes) -> list[Member]:
    """The inverse of `members_text`. LedgerError if it is not one."""
    try:
        found = _LISTED.validate_json(content)
    except (ValidationError, RecursionError) as error:
        raise LedgerError("it is not the list of an archive's files") from error
    return [Member(name=name, size=size, crc32=crc32, sha256=digest) for name, size, crc32, digest in found]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
