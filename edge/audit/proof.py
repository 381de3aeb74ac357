"""The proof of one entry: what shows to anybody with the device's public key that it stands in the signed log.

The form is c2sp.org/tlog-proof, so that others' tools can check it; `extra` holds the entry's canonical bytes.
"""

import base64
import binascii
import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from edge.audit.archive import Archive
from edge.errors import LedgerError
from edge.ledger import checkpoint
from edge.ledger.tree import includes, leaf_hash

_FORM = re.compile(
    r"c2sp\.org/tlog-proof@v1\nextra ([A-Za-z0-9+/=]+)\nindex (0|[1-9][0-9]{0,15})\n((?:[A-Za-z0-9+/=]{44}\n)*)\n"
)


def prove(archive: Archive, position: int) -> str:
    """The proof of the entry at `position`. LedgerError if the archive does not hold it, or is damaged."""
    raw, note = archive.entry(position), archive.notes()[-1]
    path = "".join(f"{_base64(step)}\n" for step in archive.inclusion_proof(position))
    return f"c2sp.org/tlog-proof@v1\nextra {_base64(raw)}\nindex {position}\n{path}\n{note}"


def proven(text: str, key: Ed25519PublicKey, *, expected_origin: str | None = None) -> tuple[int, bytes]:
    """Position and canonical bytes of the entry that a proof proves. LedgerError if it proves nothing under `key`."""
    found = _FORM.match(text)
    if found is None:
        raise LedgerError("not the proof of an entry")
    try:
        raw = base64.b64decode(found[1], validate=True)
        path = [base64.b64decode(step, validate=True) for step in found[3].split()]
    except (binascii.Error, ValueError) as error:
        raise LedgerError("not the proof of an entry") from error
    signed = checkpoint.open_note(text[found.end() :], key, expected_origin=expected_origin)
    if not includes(leaf_hash(raw), int(found[2]), signed.size, path, signed.root):
        raise LedgerError(f"the proof does not lead from entry {found[2]} to the signed root")
    return int(found[2]), raw


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
