"""The hot lists on the disk: each is what the city signed, or what its source signed and not older than what was here.

A list that is wrong in any way counts as none, whole, and no other list is touched by that. A list is believed only
after every byte was read and vouched for; nothing of it is kept anywhere else.
"""

import io
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import chain
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.desk.disk import put, why
from edge.desk.heights import risen
from edge.errors import PolicyError
from edge.keys import signing_public
from edge.policy import hotlists as lists
from edge.policy import issued
from edge.policy.bundle import Bundle, hotlist_files
from edge.policy.entries import HotList
from edge.policy.hotlists import HotLists
from edge.policy.issued import Issued, ListVersion
from edge.policy.policy import EARLY, HIGHEST, ID, HotListSource
from edge.policy.vocabulary import Purpose

LARGEST = 512 * 1024 * 1024
"""Bytes of one list that are still read."""
LARGEST_TOML = 32 * 1024 * 1024

_CHUNK = 1 << 18
_WORD = 4096
Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What came of a list: itself or why it is refused, and all that this rests on; None: on what may be over soon."""

    rests_on: object
    made: HotList | str


class Shelf:
    """The hot lists of one folder. What was read is kept until its file, or what the city says of it, changes.

    `heights` is the file in which the newest version of each list is written down, so that no older one comes back.
    """

    def __init__(self, folder: Path, *, heights: Path | None = None, secret: bytes = b"") -> None:
        """With a `secret`, 64 bytes at most, hits are marked: see `HotList`."""
        self._folder, self._heights, self._secret = folder, heights, secret
        self._kept: dict[str, _Kept] = {}

    def read(self, bundle: Bundle) -> HotLists:
        """Every list that the bundle names, or the reason why it counts as none."""
        kept = {}
        for source in bundle.policy.hotlist:
            rests_on = (source, bundle.banned, self._digest(source, bundle), self._stamps(source))
            heights = None if self._heights is None else _stamp(self._heights)
            before = self._kept.get(source.id)
            known = before is not None and before.rests_on in (rests_on, (rests_on, heights))
            kept[source.id] = before if before and known else self._one(source, bundle, rests_on, heights)
        self._kept = kept
        refused = {name: one.made for name, one in kept.items() if isinstance(one.made, str)}
        return lists.gather([one.made for one in kept.values() if isinstance(one.made, HotList)], refused)

    def _one(self, source: HotListSource, bundle: Bundle, rests_on: object, heights: Stamp | None) -> _Kept:
        """A refusal may come of the heights too, and one that came of a fault of the disk is over when that is."""
        try:
            return _Kept(rests_on, self._made(source, bundle))
        except PolicyError as error:
            passing = isinstance(error.__cause__, OSError)
            return _Kept(None if passing else (rests_on, heights), str(error))

    def _made(self, source: HotListSource, bundle: Bundle) -> HotList:
        name = find(self._folder, source.id)
        if source.source_key is not None:
            return self._of_source(source, source.source_key, bundle, name)
        wanted = self._digest(source, bundle)
        if digest(self._folder / name, name) != wanted:
            raise PolicyError(
                f"{name}: is not the list that was signed, put it back or sign again with `homerule sign`"
            )
        made = load(self._folder / name, name, source, banned=bundle.banned, wanted=wanted)
        return replace(made, version=(source.id, 0, wanted), secret=self._secret)

    def _of_source(self, source: HotListSource, key: str, bundle: Bundle, name: str) -> HotList:
        said, version = vouched(self._folder, name, source)
        write = None if self._heights is None else risen(self._heights, source.id, key, said, name)
        window = said.issued_at - EARLY, said.issued_at + timedelta(hours=source.max_age_hours or 0)
        made = load(self._folder / name, name, source, banned=bundle.banned, wanted=said.sha256, window=window)
        if write is not None:
            write()
        return replace(made, version=version, secret=self._secret)

    def _digest(self, source: HotListSource, bundle: Bundle) -> str:
        return "".join(bundle.hotlist_digests.get(name, "") for name in hotlist_files(source.id))

    def _stamps(self, source: HotListSource) -> tuple[Stamp, ...]:
        names = hotlist_files(source.id)
        return tuple(_stamp(self._folder / name) for name in (*names, *(name + issued.SUFFIX for name in names)))


def find(folder: Path, list_id: str) -> str:
    """The name of a list's file, which lies there in one of its two forms. Raises PolicyError."""
    names = hotlist_files(list_id)
    there = [name for name in names if _is_there(folder / name, name)]
    if not there:
        raise PolicyError(f"{' or '.join(names)}: is missing, put the hot list there")
    if len(there) > 1:
        raise PolicyError(f"{' and '.join(names)}: both are there, remove one of them")
    return there[0]


def _is_there(path: Path, name: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise PolicyError(
            f"{name}: cannot be looked for, {why(error)}; give this user the right to its folder"
        ) from error
    return True


def digest(path: Path, name: str) -> str:
    """The sha256 of a list's file. Raises PolicyError."""
    with _opened(path, name) as file:
        return _sum(file, name)


def vouched(folder: Path, name: str, source: HotListSource) -> tuple[Issued, ListVersion]:
    """What the source says of the file that lies there now. PolicyError when the source's key did not sign that."""
    beside = name + issued.SUFFIX
    with _opened(folder / beside, beside) as file:
        content = file.read(_WORD)
    said, statement, signature = issued.parse(content, file=beside)
    try:
        key = signing_public(source.source_key or "", where=f"[[hotlist]] `{source.id}` source_key")
        key.verify(signature, statement)
    except InvalidSignature:
        raise PolicyError(f"{beside}: is not signed with the `source_key` of [[hotlist]] `{source.id}`") from None
    if said.id != source.id:
        raise PolicyError(f"{beside}: is the word for the list `{said.id}`, not for this one")
    if digest(folder / name, name) != said.sha256:
        raise PolicyError(f"{name}: is not the list that its source signed, have it sent again with its {beside}")
    return said, issued.version_of(said, content)


def load(
    path: Path,
    name: str,
    source: HotListSource,
    *,
    banned: frozenset[Purpose],
    wanted: str | None = None,
    window: tuple[datetime, datetime] | None = None,
) -> HotList:
    """Reads the list at `path`; its bytes must have the sha256 `wanted`. PolicyError, and then nothing of it counts."""
    begins, ends = window or (None, None)
    summed = sha256()
    with _opened(path, name) as file:
        try:
            if name.endswith(".csv"):
                made = lists.parse_csv(
                    _lines(file, name, summed.update), source, banned=banned, file=name, begins=begins, ends=ends
                )
            else:
                content = file.read(LARGEST_TOML)
                summed.update(content)
                made = lists.parse(content.decode("utf-8"), source, banned=banned, file=name, begins=begins, ends=ends)
        except UnicodeDecodeError:
            raise PolicyError(f"{name}: is not UTF-8 text, save the file as UTF-8") from None
        except OSError as error:
            raise PolicyError(f"{name}: cannot be read, {why(error)}") from error
    if wanted is not None and summed.hexdigest() != wanted:
        raise PolicyError(f"{name}: was changed while it was read, put it in place by one rename")
    return made


def sign_list(path: Path, *, key: Ed25519PrivateKey, list_id: str, now: datetime, version: int | None = None) -> Issued:
    """Signs the list at `path` as its source, into a file beside it: the next version, or the one given.

    The list is checked first, as far as it can be without a policy. Raises PolicyError; then nothing was written.
    """
    if re.fullmatch(ID, list_id) is None:
        raise PolicyError(f"`--id {list_id}` is no list's id, write 1 to 64 small letters, digits and -")
    source = HotListSource(id=list_id, source_agency="-", cap=1_000_000)
    if path.suffix not in (".toml", ".csv"):
        raise PolicyError(f"{path}: is neither .toml nor .csv, rename it to what it is")
    content = digest(path, path.name)
    load(path, path.name, source, banned=frozenset(), wanted=content)
    beside = path.with_name(path.name + issued.SUFFIX)
    last = 0
    if beside.exists():
        with _opened(beside, beside.name) as file:
            last = issued.parse(file.read(_WORD), file=beside.name)[0].version
    if version is not None and version <= last:
        raise PolicyError(f"{beside}: version {last} was signed already, take {last + 1} or leave it out")
    if (version or last + 1) > HIGHEST:
        raise PolicyError(f"{beside}: a version is at most {HIGHEST}, take {last + 1} or leave it out")
    statement = issued.statement(list_id, version=version or last + 1, issued_at=now, sha256=content)
    signed = issued.written(statement, key.sign(statement))
    put(beside, signed)
    return issued.parse(signed, file=beside.name)[0]


@contextmanager
def _opened(path: Path, name: str) -> Iterator[io.FileIO]:
    """The file, for reading; a pipe or a device in its place is refused, and so is one that is far too large."""
    try:
        file = io.FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except FileNotFoundError:
        raise PolicyError(f"{name}: is missing, put it there") from None
    except OSError as error:
        raise PolicyError(f"{name}: cannot be read, {why(error)}") from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise PolicyError(f"{name}: is not a regular file, put the list there")
        if os.fstat(file.fileno()).st_size > LARGEST:
            raise PolicyError(f"{name}: is larger than {LARGEST // 1024 // 1024} MiB, cut it down")
        yield file


def _sum(file: io.FileIO, name: str) -> str:
    summed = sha256()
    try:
        while content := file.read(_CHUNK):
            summed.update(content)
    except OSError as error:
        raise PolicyError(f"{name}: cannot be read, {why(error)}") from error
    return summed.hexdigest()


def _lines(file: io.FileIO, name: str, seen: Callable[[bytes], object]) -> Iterator[str]:
    """The lines of a text, their ends as they are; `seen` gets every byte."""
    return chain.from_iterable(_pieces(file, name, seen))


def _pieces(file: io.FileIO, name: str, seen: Callable[[bytes], object]) -> Iterator[Iterable[str]]:
    rest = b""
    while content := file.read(_CHUNK):
        seen(content)
        whole, end, rest = (rest + content).rpartition(b"\n")
        yield io.StringIO((whole + end).decode("utf-8"), newline="\n")
        if len(rest) > _CHUNK:
            raise PolicyError(f"{name}: has a line that is far too long for an entry, mend it")
    if rest:
        yield (rest.decode("utf-8"),)


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError as error:
        return (error.errno or 0,)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
