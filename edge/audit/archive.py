"""An archive, opened: its entries, bundles and checkpoints as it holds them, and the proof of any one entry.

Nothing is judged here but the container's own frame; `verify` judges.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from edge import disk
from edge.audit import container, manifest
from edge.audit.container import HEADER, Member
from edge.audit.manifest import LONGEST_MANIFEST
from edge.audit.segments import BLOCK, SEGMENT, files, index_name, lines_name, places_in
from edge.errors import LedgerError
from edge.ledger.tree import inclusion_proof, leaf_hash, node_hash, subtree
from edge.values import BundleFiles

_LONGEST_LIST = 64 << 20


class CutShort(LedgerError):
    """The file ends before it can be known what is in it."""


class Archive:
    """One archive file, open. Every method raises LedgerError where it is damaged; it is made by `open_archive`."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file = path, file
        self.bytes = os.fstat(file.fileno()).st_size
        self.front = [self._first(0, manifest.MANIFEST, LONGEST_MANIFEST)]
        self.signed = self._whole(len(self.front[0].header), self.front[0])
        second = len(self.front[0].header) + self.front[0].size
        self.front.append(self._first(second, manifest.MEMBERS, _LONGEST_LIST))
        self.list = self._whole(second + len(self.front[1].header), self.front[1])
        self.manifest = manifest.unsigned(self.signed)
        self.members = [*self.front, *manifest.listed(self.list)]
        self._at = {one.name: (at + len(one.header), one) for at, one in container.places(self.members)}
        self._hashes: dict[tuple[int, int], bytes] | None = None
        self._carried: dict[int, bytes] = {}
        self._known_blocks: dict[int, list[tuple[int, bytes]]] = {}
        self._last_block: tuple[int, list[bytes]] = (-1, [])

    @property
    def where(self) -> str:
        """The file, for a person."""
        return str(self._path)

    @property
    def first(self) -> int:
        """Before it the archive holds only what later entries refer to."""
        return self.manifest.first

    @property
    def last(self) -> int:
        """One past the last entry."""
        return self.manifest.last

    @property
    def size(self) -> int:
        """Number of entries that the log had when the archive was made."""
        return self.manifest.size

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Position and canonical bytes of each entry that is here, ascending."""
        self._load_around()
        yield from sorted(self._carried.items())
        for first, count in files(self.first, self.last):
            lines = self.content(lines_name(first)).split(b"\n")
            if len(lines) != count + 1:
                raise LedgerError(f"{self._path}: {lines_name(first)} is damaged; run `homerule audit verify` on it")
            yield from enumerate(lines[:-1], first)

    def bundle(self, position: int) -> BundleFiles:
        """The files that the entry at `position` accepted."""
        folder = f"bundles/{position:012}/"
        if f"{folder}manifest.json" not in self._at:
            raise LedgerError(f"{self._path}: the bundle of entry {position} is not in it")
        start = f"{folder}files/"
        return BundleFiles(
            manifest=self.content(f"{folder}manifest.json"),
            signature=self.content(f"{folder}signature") if f"{folder}signature" in self._at else None,
            files={unquote(name[len(start) :]): self.content(name) for name in self._at if name.startswith(start)},
        )

    def unlogged(self) -> Mapping[str, Sequence[int]]:
        """None: what is not in the log is in no archive."""
        return {}

    def notes(self) -> list[str]:
        """The checkpoints, signed notes, by their size."""
        try:
            found = [json.loads(line) for line in self.content("checkpoints.jsonl").splitlines()]
        except (ValueError, RecursionError):
            found = [None]
        if not all(isinstance(note, str) for note in found):
            raise LedgerError(f"{self._path}: checkpoints.jsonl is damaged; run `homerule audit verify` on it")
        return found

    def content(self, name: str) -> bytes:
        """All bytes of one file inside."""
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The same, a mebibyte at a time; fewer bytes than there should be where the archive was cut short."""
        if name not in self._at:
            raise LedgerError(f"{self._path}: {name} is missing in it")
        at, one = self._at[name]
        for start in range(0, one.size, 1 << 20):
            yield self._take(at + start, min(1 << 20, one.size - start))

    def place(self, name: str) -> int:
        """The byte of the archive at which this file's content begins."""
        return self._at[name][0]

    def take(self, at: int, count: int) -> bytes:
        """So many bytes of the archive itself; fewer at its end."""
        return self._take(at, count)

    def entry(self, position: int) -> bytes:
        """The canonical bytes of one entry; LedgerError if it is not here."""
        self._load_around()
        if position in self._carried:
            return self._carried[position]
        if not self.first <= position < self.last:
            raise LedgerError(f"{self._path}: it holds the entries {self.first} to {self.last - 1}, not {position}")
        return self._block(position)[(position - self._segment(position)[0]) % BLOCK]

    def inclusion_proof(self, position: int) -> tuple[bytes, ...]:
        """What leads from the entry to the root of the whole log, for `tree.includes`."""
        self._load_around()
        return inclusion_proof(position, self.size, self.node)

    def node(self, level: int, number: int) -> bytes:
        """Hash of a complete subtree, as the archive has it."""
        self._load_around()
        known = (self._hashes or {}).get((level, number))
        if known is not None:
            return known
        position = number << level
        if not level:
            return leaf_hash(self.entry(position))
        whole = self.first <= position and position + (1 << level) <= self.last
        if whole and 1 << level in (BLOCK, SEGMENT):
            first, count = self._segment(position)
            hashes = [digest for _, digest in self._blocks(first, count)]
            at = (position - first) // BLOCK
            return subtree(hashes[at : at + (1 << level) // BLOCK])
        return node_hash(self.node(level - 1, 2 * number), self.node(level - 1, 2 * number + 1))

    def around(self, name: str) -> Iterator[tuple[int, int, bytes]]:
        """Of before.jsonl or after.jsonl each line: level and number, and the hash of that subtree, or -1, position
        and an entry's bytes."""
        for line in self.content(name).splitlines():
            try:
                said = json.loads(line)
                if set(said) == {"entry", "raw"}:
                    yield -1, int(said["entry"]), line.partition(b',"raw":')[2][:-1]
                else:
                    yield int(said["level"]), int(said["number"]), bytes.fromhex(said["sha256"])
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise LedgerError(f"{self._path}: {name} is damaged; run `homerule audit verify` on it") from error

    def _load_around(self) -> None:
        if self._hashes is None:
            self._hashes = {}
            for name in ("before.jsonl", "after.jsonl"):
                for level, number, content in self.around(name):
                    if level < 0:
                        self._carried[number] = content
                    else:
                        self._hashes[level, number] = content

    def _segment(self, position: int) -> tuple[int, int]:
        """First position and count of the file that holds an entry."""
        first = max(self.first, position - position % SEGMENT)
        return first, min(self.last, first - first % SEGMENT + SEGMENT) - first

    def _block(self, position: int) -> list[bytes]:
        """The lines of the block of 256 in which an entry stands."""
        first, count = self._segment(position)
        number = (position - first) // BLOCK
        if self._last_block[0] == first + number * BLOCK:
            return self._last_block[1]
        blocks = self._blocks(first, count)
        begins = blocks[number][0]
        ends = blocks[number + 1][0] if number + 1 < len(blocks) else self._at[lines_name(first)][1].size
        lines = self._take(self.place(lines_name(first)) + begins, max(ends - begins, 0)).split(b"\n")[:-1]
        if len(lines) != min(BLOCK, count - number * BLOCK):
            raise LedgerError(f"{self._path}: {lines_name(first)} is damaged; run `homerule audit verify` on it")
        self._last_block = (first + number * BLOCK, lines)
        return lines

    def _blocks(self, first: int, count: int) -> list[tuple[int, bytes]]:
        """Of one file of entries, where each block's first line begins, and the hash of its subtree."""
        if first not in self._known_blocks:
            name = index_name(first)
            if name not in self._at:
                raise LedgerError(f"{self._path}: {name} is missing in it")
            at, one = self._at[name]
            self._known_blocks[first] = places_in(self._take(at + 4 * count, max(one.size - 4 * count, 0)), count)
        return self._known_blocks[first]

    def _first(self, at: int, name: str, longest: int) -> Member:
        """The member that must begin there, as its header says."""
        header = self._take(at, HEADER + len(name))
        if len(header) < HEADER + len(name):
            raise CutShort(f"{self._path}: it ends before {name}")
        length, size, crc32 = container.first_size(header[:HEADER])
        found = Member(name=name, size=size, crc32=crc32, sha256="")
        if length != len(name) or header != found.header or size > longest:
            raise LedgerError(f"{self._path}: not an audit archive, or changed at its beginning")
        return found

    def _whole(self, at: int, one: Member) -> bytes:
        content = self._take(at, one.size)
        if len(content) < one.size:
            raise CutShort(f"{self._path}: it ends within {one.name}")
        return content

    def _take(self, at: int, count: int) -> bytes:
        try:
            self._file.seek(at)
            return self._file.read(count)
        except OSError as error:
            raise LedgerError(f"{self._path}: cannot be read, {disk.why(error)}") from error


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Opens an archive. LedgerError if it cannot be read as one."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read, {disk.why(error)}") from error
    with file:
        yield Archive(path, file)
