"""The pin: the city's public key as root put it here. Whose signature widens is decided here and nowhere else.

Trust: whoever may write the pin may widen; so it is root's, and so is every folder and link on the way to it. A key
that takes the place of another counts only with a statement signed by the old one, which stands beside the pin in
`FILE.rotation`, one a line.
"""

import base64
import errno
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from edge import disk
from edge.disk import why
from edge.errors import ConfigError, PolicyError
from edge.keys import public_bytes, public_text, signing_public

CONTEXT: Literal["homerule pin rotation v1"] = "homerule pin rotation v1"
_MOST = 65_536
_LONGEST_CHAIN = 100
_MOST_LINKS = 40


class Rotation(BaseModel):
    """One key in place of another: both as base64 of 32 bytes, and the old key's signature under the two (base64)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    context: Literal["homerule pin rotation v1"] = CONTEXT
    old: str
    new: str
    signature: str

    def signed_bytes(self) -> bytes:
        """The exact bytes under the signature."""
        return _statement(self.old, self.new)


def load(path: Path, *, owner: int | None) -> Ed25519PublicKey:
    """The pinned key; PolicyError unless nobody but root and the user with the id `owner` can change what it is.

    That is asked of the file and of every folder and link on the way to it; where `owner` is None it is asked of none.
    """
    try:
        content, status = disk.read(path, most=_MOST)
        found = [(path, status), *_way(path)]
    except FileNotFoundError:
        raise PolicyError(
            f"{path}: the city's public key is not pinned, so nothing is shared; as root put its `city.key.pub` there"
        ) from None
    except OSError as error:
        raise PolicyError(f"{path}: the pin cannot be read, {why(error)}; nothing is shared") from error
    for named, known in found if owner is not None else ():
        if known.st_uid not in (0, owner) or _others_may_write(known.st_mode):
            raise PolicyError(
                f"{named}: somebody other than root can change the city's key, "
                f"run `chown -h root {named}` and `chmod go-w {named}`"
            )
    return key(content.decode("utf-8", "replace"), str(path))


def beside(pin: Path) -> Path:
    """Where the statements stand that lead to the pinned key."""
    return pin.with_name(f"{pin.name}.rotation")


def ancestors(pin: Path, now: Ed25519PublicKey) -> list[Ed25519PublicKey]:
    """The keys, newest first, from which signed statements lead to `now`; none when there is no such file."""
    statements = {one.new: one for one in _statements(pin)}
    found: list[Ed25519PublicKey] = []
    sought = public_text(now)
    while (one := statements.pop(sought, None)) is not None:
        found.append(key(one.old, str(beside(pin))))
        sought = one.old
    return found


def rotate(pin: Path, *, old: Ed25519PrivateKey, new: Ed25519PublicKey) -> None:
    """Puts `new` in the place of the pinned key, with the old key's word for it beside. Raises PolicyError.

    The statement is written first: after a power cut between the two the old key still holds.
    """
    try:
        content, _ = disk.read(pin, most=_MOST)
    except OSError as error:
        raise PolicyError(f"{pin}: the pin cannot be read, {why(error)}") from error
    if public_bytes(key(content.decode("utf-8", "replace"), str(pin))) != public_bytes(old):
        raise PolicyError(f"{pin}: holds another key than the one that should sign, name the key that is pinned there")
    if public_bytes(old) == public_bytes(new):
        raise PolicyError(f"{pin}: holds that key already")
    before, after = public_text(old), public_text(new)
    signature = base64.b64encode(old.sign(_statement(before, after))).decode("ascii")
    made = Rotation(old=before, new=after, signature=signature)
    kept = [one for one in _statements(pin) if one.new != after]
    lines = "".join(f"{one.model_dump_json()}\n" for one in [*kept, made])
    try:
        disk.put(beside(pin), lines.encode("ascii"), mode=0o644)
        disk.put(pin, f"{after}\n".encode("ascii"), mode=0o644)
    except disk.NotDurable as error:
        raise PolicyError(f"{pin}: is written, but {why(error)}; look at both files before you use them") from error
    except OSError as error:
        raise PolicyError(f"{pin}: cannot be written, {why(error)}; the old key still holds") from error


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every folder and link through which the system goes from / to the file, and the file. Raises OSError."""
    here, left, links = Path("/"), [*reversed(path.absolute().parts)], 0
    while left:
        name = left.pop()
        place = here.parent if name == ".." else here / name
        known = os.lstat(place)
        yield place, known
        if not stat.S_ISLNK(known.st_mode):
            here = place
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        left += reversed(Path(os.readlink(place)).parts)


def _others_may_write(mode: int) -> bool:
    """In a sticky folder, such as /tmp, everybody changes only what is theirs; a link is changed by its folder."""
    if stat.S_ISLNK(mode) or (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
        return False
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH))


def _statement(old: str, new: str) -> bytes:
    return json.dumps({"context": CONTEXT, "new": new, "old": old}, sort_keys=True).encode("ascii")


def _statements(pin: Path) -> Iterator[Rotation]:
    """Every statement beside the pin that its old key has signed. Raises PolicyError when the file is damaged."""
    path = beside(pin)
    try:
        content, _ = disk.read(path, most=_MOST)
    except FileNotFoundError:
        return
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read, {why(error)}; put it back, or remove it") from error
    for line in content.splitlines()[:_LONGEST_CHAIN]:
        try:
            one = Rotation.model_validate_json(line, strict=True)
            key(one.old, str(path)).verify(base64.b64decode(one.signature, validate=True), one.signed_bytes())
        except (ValidationError, RecursionError, ValueError, InvalidSignature, PolicyError):
            raise PolicyError(f"{path}: is damaged, make it again with `homerule pin rotate`, or remove it") from None
        yield one


def key(text: str, where: str) -> Ed25519PublicKey:
    """The key that `text` (base64) spells; PolicyError names `where` it stood."""
    try:
        return signing_public(text, where=where)
    except ConfigError as error:
        raise PolicyError(str(error)) from error
