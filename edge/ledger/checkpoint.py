"""PURE: checkpoints of the audit tree as C2SP signed notes, so that any witness tool can check them.

Formats: c2sp.org/signed-note (Ed25519, signature type 0x01) and c2sp.org/tlog-checkpoint.
"""

import base64
import binascii
import re
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.errors import LedgerError
from edge.values import Checkpoint

_ED25519 = b"\x01"
_LONGEST = 1 << 16
_MOST_SIGNATURES = 16
_SIZE = re.compile("0|[1-9][0-9]{0,15}")


def origin(device: str, ledger_id: str) -> str:
    """The name of one device's one log, first line of its checkpoints and name of its key."""
    return f"homerule/{device}/{ledger_id}"


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """`text`, which ends in a newline, with one signature line under the key name `name`."""
    _check_name(name)
    if not text.endswith("\n"):
        raise LedgerError("a signed note must end in a newline")
    stamp = key_id(name, key.public_key()) + key.sign(text.encode())
    return f"{text}\n\u2014 {name} {base64.b64encode(stamp).decode()}\n"


def open_text(note: str, name: str, key: Ed25519PublicKey) -> str:
    """The text that the signature covers; LedgerError unless `name` signed it. Other keys' lines are ignored."""
    text, gap, lines = note.rpartition("\n\n")
    if len(note) > _LONGEST or not gap or not lines.endswith("\n") or _has_control(note):
        raise LedgerError("not a signed note")
    text += "\n"
    signatures = lines[:-1].split("\n")
    if len(signatures) > _MOST_SIGNATURES:
        raise LedgerError("the signed note has too many signatures")
    expected, verified = key_id(name, key), False
    for line in signatures:
        signer, stamp = _parse_line(line)
        if signer != name or stamp[:4] != expected:
            continue
        try:
            key.verify(stamp[4:], text.encode())
        except InvalidSignature as error:
            raise LedgerError(f"the signature of `{name}` does not fit the note") from error
        verified = True
    if not verified:
        raise LedgerError(f"the note is not signed by the key of `{name}`")
    return text


def sign(device: str, ledger_id: str, size: int, root: bytes, key: Ed25519PrivateKey) -> Checkpoint:
    """The signed checkpoint of a tree of `size` entries with this root (32 bytes)."""
    name = origin(device, ledger_id)
    text = f"{name}\n{size}\n{base64.b64encode(root).decode()}\n"
    return Checkpoint(size=size, root=root, note=sign_note(text, name, key))


def open_note(note: str, public_key: Ed25519PublicKey, *, expected_origin: str | None = None) -> Checkpoint:
    """The checkpoint inside a note. LedgerError unless the key signed it and its origin is the expected one."""
    name = note.partition("\n")[0]
    if expected_origin is not None and name != expected_origin:
        raise LedgerError(f"the checkpoint is of `{name}`, not of `{expected_origin}`")
    _check_name(name)
    lines = open_text(note, name, public_key).split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise LedgerError("the signed note is not a checkpoint")
    size, root = lines[1], _decoded(lines[2])
    if not _SIZE.fullmatch(size) or len(root) != 32:
        raise LedgerError("the signed note is not a checkpoint")
    return Checkpoint(size=int(size), root=root, note=note)


def size_of(note: str) -> int | None:
    """The size that a checkpoint speaks of, as far as it can be read; nobody has judged its signature."""
    line = next(iter(note.split("\n")[1:2]), "")
    return int(line) if line.isascii() and line.isdigit() and len(line) < 17 else None


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """The 4 bytes by which a signature line says whose it is."""
    return sha256(name.encode() + b"\n" + _ED25519 + key.public_bytes_raw()).digest()[:4]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise LedgerError(f"`{name}` cannot name a key: it must be without spaces and `+`")


def _parse_line(line: str) -> tuple[str, bytes]:
    mark, _, rest = line.partition(" ")
    name, _, stamp = rest.partition(" ")
    if mark != "\u2014" or not name:
        raise LedgerError("not a signed note")
    decoded = _decoded(stamp)
    if len(decoded) < 5:
        raise LedgerError("not a signed note")
    return name, decoded


def _decoded(text: str) -> bytes:
    """Strict base64: only the one canonical spelling of some bytes is taken."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LedgerError("not a signed note") from error
    if base64.b64encode(decoded).decode() != text:
        raise LedgerError("not a signed note")
    return decoded


def _has_control(note: str) -> bool:
    return any(character < " " and character != "\n" for character in note)
