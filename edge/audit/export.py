"""An archive of a log: what an auditor needs to judge it far from the device. The same log gives the same bytes.

The log is read twice, a file of 65536 entries at a time: once for the digests that are signed, once to write.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import disk
from edge.audit import container, manifest, schema
from edge.audit.container import Content, Member
from edge.audit.manifest import Manifest
from edge.audit.segments import BLOCK, files, index_name, lines_name, segment
from edge.errors import LedgerError
from edge.ledger import checkpoint
from edge.ledger.codec import decode
from edge.ledger.entries import BundleAccepted, Pinned
from edge.ledger.history import History
from edge.ledger.lasting import lasting, referred
from edge.ledger.tree import around, covering

Contents = Iterator[tuple[str, Iterator[bytes]]]


class Export:
    """The archive of the entries from `first` up to, not with, `last`; it begins with a block of 256, so a few earlier.

    Raises LedgerError where the log cannot be read, has no such entries, or is too long for one archive.
    """

    def __init__(
        self,
        history: History,
        key: Ed25519PrivateKey,
        *,
        software: str,
        first: int = 0,
        last: int | None = None,
        since: str = "",
        until: str = "",
    ) -> None:
        self._history, self._key = history, key
        self.size = history.size
        self._notes = history.notes()  # of those that come, the device lets some go again
        self.last = self.size if last is None else min(last, self.size)
        self.first = max(first - first % BLOCK, history.pruned)
        if self.first >= self.last:
            raise LedgerError("the log has no entries of that time")
        self._lasting = lasting(history.raw(0, self.last), self.first)
        self._kept = self._needed_before()
        begun = history.begun
        self._list = [_summed(name, content) for name, content in self._contents()]
        members = manifest.members_text(self._list)
        self.manifest = Manifest(
            device=begun.device,
            ledger=begun.ledger_id,
            mode=begun.mode,
            software=software,
            first=self.first,
            last=self.last,
            size=self.size,
            root=history.root_at(self.size).hex(),
            since=since,
            until=until,
            members=sha256(members).hexdigest(),
        )
        self._front = {manifest.MANIFEST: manifest.sign(self.manifest, key), manifest.MEMBERS: members}
        container.directory(self._all())  # it may be too much, which is better said before it is written

    def write(self, file: IO[bytes]) -> str:
        """Writes the archive and gives its sha256 in hex. LedgerError, OSError."""
        whole = sha256()

        def put(piece: bytes) -> None:
            whole.update(piece)
            file.write(piece)

        members = self._all()
        for name, content in (*((name, iter([content])) for name, content in self._front.items()), *self._contents()):
            expected = members.pop(0)
            put(expected.header)
            written = Content(name)
            for piece in content:
                written.add(piece)
                put(piece)
            if written.member() != expected:
                raise LedgerError("the log was changed or pruned while it was exported; try again")
        put(container.directory(self._all()))
        return whole.hexdigest()

    def _all(self) -> list[Member]:
        return [*(container.member(name, content) for name, content in self._front.items()), *self._list]

    def _contents(self) -> Contents:
        """Every file but the first two, in their order."""
        yield "schema/README.txt", iter([schema.README.encode()])
        yield "schema/entries.json", iter([schema.entries_schema().encode()])
        yield "keys/device.pub", iter([f"{self._history.begun.public_key}\n".encode()])
        for number, key in enumerate(self._city_keys(), 1):
            yield f"keys/city-{number}.pub", iter([f"{key}\n".encode()])
        yield "checkpoints.jsonl", self._checkpoints()
        for position in self._bundles():
            yield from self._bundle(position)
        yield "before.jsonl", self._before()
        for first, count in files(self.first, self.last):
            entries = self._entries(first, count)
            made = segment(first, entries)
            yield lines_name(first), iter([made.lines])
            yield index_name(first), iter([made.index])
        yield "after.jsonl", (self._hash(*place) for place in covering(self.last, self.size))

    def _entries(self, first: int, count: int) -> list[bytes]:
        found = list(self._history.raw(first, first + count))
        if [position for position, _ in found] != list(range(first, first + count)):
            raise LedgerError("the log has a hole; run `homerule audit verify` on the ledger")
        return [raw for _, raw in found]

    def _needed_before(self) -> list[int]:
        """The positions of what is needed of the entries before the first, ascending."""
        if not self.first:
            return []
        kept = {position for position, _ in self._lasting if position < self.first}
        later = self._history.raw(self.first, self.last)
        found = {at for position, raw in later for at in referred(position, raw, self.first)}
        while found - kept:
            fresh, kept = found - kept, kept | found
            found = {at for position in fresh for at in _pattern_of(self._history.entry(position))}
        return sorted(kept)

    def _before(self) -> Iterator[bytes]:
        kept = set(self._kept)
        for level, number in around(0, self.first, self._kept):
            if not level and number in kept:
                yield b'{"entry":%d,"raw":%s}\n' % (number, self._history.entry(number))
            else:
                yield self._hash(level, number)

    def _hash(self, level: int, number: int) -> bytes:
        digest = self._history.node(level, number).hex()
        return f'{{"level":{level},"number":{number},"sha256":"{digest}"}}\n'.encode()

    def _checkpoints(self) -> Iterator[bytes]:
        """Those that speak of a size between first and last, and one of the whole log."""
        begun = self._history.begun
        root = self._history.root_at(self.size)
        whole = checkpoint.sign(begun.device, begun.ledger_id, self.size, root, self._key)
        for size, note in self._notes:
            if self.first <= size <= self.last and size < self.size:
                yield _line(note)
        yield _line(whole.note)

    def _bundles(self) -> list[int]:
        start = f'["{BundleAccepted.kind}",'.encode()
        return [position for position, raw in self._lasting if raw.startswith(start)]

    def _bundle(self, position: int) -> Contents:
        bundle, folder = self._history.bundle(position), f"bundles/{position:012}"
        yield f"{folder}/manifest.json", iter([bundle.manifest])
        if bundle.signature is not None:
            yield f"{folder}/signature", iter([bundle.signature])
        for name, content in sorted(bundle.files.items()):
            yield f"{folder}/files/{file_name(name)}", iter([content])

    def _city_keys(self) -> Sequence[str]:
        start = f'["{Pinned.kind}",'.encode()
        keys = [decode(raw)[1] for _, raw in self._lasting if raw.startswith(start)]
        return list(dict.fromkeys(key.key for key in keys if isinstance(key, Pinned)))


def export(made: Export, path: Path, *, announce: Callable[[str], object] | None = None) -> str:
    """Writes the archive to `path`, readable by its owner only, and gives its sha256. LedgerError.

    `announce` is told the sha256 when the archive is whole on the disk, before it gets its name.
    """
    if not path.name:
        raise LedgerError(f"`{path}`: names no file, write a name for the archive")
    fresh = path.with_name(f".{path.name}.new")
    try:
        with disk.alone(fresh) as descriptor:
            if path.exists():
                raise LedgerError(f"{path}: exists already and is not written over, choose another name")
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                digest = made.write(file)
            os.fsync(descriptor)
            disk.require(descriptor, fresh)
            if announce is not None:
                announce(digest)
            disk.require(descriptor, fresh)
            os.rename(fresh, path)
        disk.settle(path.parent)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be written, {disk.why(error)}") from error
    return digest


def file_name(name: str) -> str:
    """The name that a bundle's file has in an archive: nothing but plain characters, and no step upwards."""
    return quote(name).replace("..", "%2E%2E")


def _pattern_of(raw: bytes) -> Iterator[int]:
    """The pattern of a read that is needed itself; what it corrects need not be there."""
    yield from list(referred(0, raw, 2**53))[:1] if raw.startswith(b'["read",') else ()


def _line(note: str) -> bytes:
    return json.dumps(note).encode() + b"\n"


def _summed(name: str, content: Iterator[bytes]) -> Member:
    summed = Content(name)
    for piece in content:
        summed.add(piece)
    return summed.member()
