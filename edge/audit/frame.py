"""Whether every byte of an archive is the one that was signed; if not, the first that is not, and what was done there.

What the device signed tells the sha256 of each file inside; the index beside the entries tells an edit from a gap.
"""

from hashlib import sha256

from edge.audit import container
from edge.audit.archive import Archive
from edge.audit.container import Member
from edge.audit.manifest import MEMBERS
from edge.audit.segments import files, index_name, lines_name, marks
from edge.ledger.fault import Fault, Sort
from edge.ledger.tree import leaf_hash

_MOVED = 1 << 20
"""Bytes before and behind its place in which an index that moved is looked for."""


def first_fault(archive: Archive) -> Fault | None:
    """The first byte that is not as it was signed; None if there is none. The manifest itself is taken as it is."""
    if sha256(archive.list).hexdigest() != archive.manifest.members:
        return _edited(MEMBERS, archive.place(MEMBERS), len(archive.list))
    for (at, one), content in zip(container.places(archive.front), (archive.signed, archive.list), strict=True):
        if container.member(one.name, content).crc32 != one.crc32:
            return _edited(f"the zip frame at {one.name}", at + container.CRC_AT, 4)
    missing = _unlisted(archive)
    if missing is not None:
        return missing
    for at, one in container.places(archive.members):
        # the content first: what was done to entries says more than a checksum in front of them that differs
        fault = (_content(archive, one) if one.sha256 else None) or _differs(archive, at, one.header, one.name)
        if fault is not None:
            return fault
    end = sum(len(one.header) + one.size for one in archive.members)
    directory = container.directory(archive.members)
    fault = _differs(archive, end, directory, "the zip directory")
    if fault is None and archive.bytes > end + len(directory):
        return _edited("the end", end + len(directory), archive.bytes - end - len(directory), "something was added")
    return fault


def _unlisted(archive: Archive) -> Fault | None:
    """That the list of files has those of all entries, in order and once."""
    names = [one.name for one in archive.members]
    if len(set(names)) != len(names):
        return Fault(position=None, what="members.json names a file twice")
    wanted = [
        name for first, _ in files(archive.first, archive.last) for name in (lines_name(first), index_name(first))
    ]
    wanted = ["before.jsonl", *wanted, "after.jsonl"]
    found = [name for name in names if name in wanted or name.startswith("entries/")]
    if found == wanted:
        return None
    first = next((name for name in wanted if name not in found), "entries/")
    return Fault(position=None, what=f"members.json does not name the files of all entries: {first}", sort=Sort.GAP)


def _differs(archive: Archive, at: int, expected: bytes, name: str) -> Fault | None:
    """Where the archive does not have these bytes at this place."""
    found = archive.take(at, len(expected))
    if found == expected:
        return None
    same = next((n for n, (one, two) in enumerate(zip(found, expected, strict=False)) if one != two), len(found))
    if same == len(found):
        return _cut(archive)
    return _edited(f"the zip frame at {name}", at + same, 1)


def _content(archive: Archive, one: Member) -> Fault | None:
    summed = sha256()
    size = 0
    for piece in archive.pieces(one.name):
        summed.update(piece)
        size += len(piece)
    if summed.hexdigest() == one.sha256:
        return None
    for first, count in files(archive.first, archive.last):
        if one.name == lines_name(first):
            return _entries(archive, first, count)
    return _cut(archive) if size < one.size else _edited(one.name, archive.place(one.name), one.size)


def _entries(archive: Archive, first: int, count: int) -> Fault:
    """What was done to a file of entries, as the index beside it tells, if that is intact."""
    name = lines_name(first)
    place, content = archive.place(name), archive.content(name)
    signed = {one.name: one for one in archive.members}
    index = archive.content(index_name(first))
    if sha256(index).hexdigest() != signed[index_name(first)].sha256:
        index = _moved_index(archive, signed[index_name(first)])
    if not index:
        cut = len(content) < signed[name].size
        return _cut(archive) if cut else _edited(name, place, len(content), position=first)
    expected, at = marks(index, count), place
    lines = content.split(b"\n")
    for number, mark in enumerate(expected):
        line = lines[number] if number < len(lines) else b""
        if number >= len(lines) - 1 and at + len(line) >= archive.bytes:
            return _cut(archive)
        if leaf_hash(line)[:4] != mark:
            return _at_line(first + number, (at, at + len(line) + 1), lines, expected, number)
        at += len(line) + 1
    return _edited(name, at, max(place + len(content) - at, 1), "something was added", position=first + count - 1)


def _at_line(position: int, place: tuple[int, int], lines: list[bytes], expected: list[bytes], number: int) -> Fault:
    """Which sort of wrong it is: the line that stands there is a later entry, an earlier one, or none of them."""
    found = leaf_hash(lines[number])[:4]
    if found in expected[number + 1 :]:
        shift = expected.index(found, number + 1) - number
        rest = [leaf_hash(line)[:4] for line in lines[number + 1 : number + 4]]
        if rest == expected[number + 1 + shift : number + 1 + shift + len(rest)]:
            last = position + shift - 1
            what = f"entry {position} is missing" if shift == 1 else f"the entries {position} to {last} are missing"
            return Fault(position=position, what=what, sort=Sort.GAP, place=place)
        return Fault(position=position, what=f"entry {position + shift} stands in its place", place=place)
    if found in expected[:number]:
        return Fault(position=position, what="an earlier entry stands here a second time", place=place)
    return Fault(position=position, what="its bytes were changed", place=place)


def _moved_index(archive: Archive, index: Member) -> bytes:
    """The index where it is found although the bytes before it became fewer or more."""
    header = index.header
    start = max(0, archive.place(index.name) - len(header) - _MOVED)
    at = archive.take(start, 2 * _MOVED).find(header)
    if at < 0:
        return b""
    found = archive.take(start + at + len(header), index.size)
    return found if sha256(found).hexdigest() == index.sha256 else b""


def _cut(archive: Archive) -> Fault:
    """The archive ends too early: from which entry on they are not whole in it."""
    position = None
    for first, count in files(archive.first, archive.last):
        here = (
            archive.content(lines_name(first)).count(b"\n") if archive.place(lines_name(first)) < archive.bytes else 0
        )
        if here < count:
            position = first + here
            break
    whole = sum(len(one.header) + one.size for one in archive.members) + len(container.directory(archive.members))
    what = f"the file ends at byte {archive.bytes} of {whole}"
    if position is not None:
        what += f", the entries from {position} to {archive.last - 1} are not in it"
    return Fault(position=position, what=what, sort=Sort.TRUNCATION, place=(archive.bytes, whole))


def _edited(name: str, at: int, count: int, what: str = "its bytes were changed", position: int | None = None) -> Fault:
    return Fault(position=position, what=f"{name}: {what}", sort=Sort.EDIT, place=(at, at + count))
