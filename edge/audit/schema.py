"""PURE: what an archive says about itself, so that it can be read where nobody knows this program any more."""

import json
from dataclasses import fields

from edge.ledger.codec import BATCHES, KINDS

README = """\
An audit archive of Homerule: a part of one device's audit log, with everything that is needed to judge it.
No plate, no image and no precise place is in it.

manifest.txt       a signed note (c2sp.org/signed-note) by the device's key. Line 1: `homerule audit archive 1`.
                   Line 2, JSON: the entries from `first` up to, not with, `last` of a log that had `size` entries and
                   the root hash `root` when this was made; `members` is the sha256 of members.json.
members.json       name, size, crc32 and sha256 of each file that follows, in order. All else in this zip file follows
                   from that: stored, 1980-01-01, version 20, mode 0600, no extra fields, no comments.
schema/            this text; entries.json names the fields of each kind of entry.
keys/              device.pub, and city-1.pub, ... in the order in which the log trusted them: base64 of 32 bytes
                   (Ed25519). They are there to read by; to judge by, take the keys that you were given elsewhere.
checkpoints.jsonl  signed checkpoints of the log (c2sp.org/tlog-checkpoint), one JSON string a line, by size.
bundles/N/         the policy that the entry at position N accepted: manifest.json, signature (64 bytes, Ed25519 over
                   manifest.json by the city; none if it was not signed), files/.
before.jsonl       what is needed of the entries before `first`, by position: {"entry":POSITION,"raw":ENTRY} for one
                   that later ones refer to, or what was in force at `first`, policies and hot lists;
                   {"level":L,"number":N,"sha256":HASH} for the hash of the complete subtree over the 2**L entries from
                   N * 2**L on, which are not here.
entries/F.jsonl    the entries from position F on, one a line; a line without its newline is what is hashed.
entries/F.index    4 bytes for each entry: the start of its leaf hash; then for each block of 256 entries the byte at
                   which its first line begins (4 bytes, big endian) and the hash of its subtree (32 bytes, zeros for a
                   block that is not full).
after.jsonl        the subtrees over the entries from `last` to `size`, as in before.jsonl.

An entry is a JSON array in the form of RFC 8785: its kind, the time in milliseconds since 1970 UTC, then the fields of
schema/entries.json. A position is the place of an entry in the log, from 0. `Runs` are the position of a subscriber's
name, then pairs: the position of a read, and how many reads in a row. `Packed` says the same of several subscribers at
once: [the positions of their names], then the first read, how many in a row, how many entries lie between, how many in
a row, and so on.
Hashes are those of RFC 6962: sha256(0x00 entry) for a leaf, sha256(0x01 left right) above it.
"""


def entries_schema() -> str:
    """JSON: for each kind of entry what it means, and its fields in their order with their types."""
    kinds = {
        kind: {
            "means": " ".join((maker.__doc__ or "").split()),
            "fields": [[field.name, _plain(field.type, short=kind != maker.kind)] for field in fields(maker)],
        }
        for kind, maker in KINDS.items()
    }
    return json.dumps(kinds, sort_keys=True, indent=1) + "\n"


def _plain(written: object, *, short: bool) -> str:
    if written == BATCHES:
        return "tuple[Packed, ...]" if short else "tuple[Runs, ...]"
    return written.__name__ if isinstance(written, type) else str(written)
