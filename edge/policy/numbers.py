"""Patterns as they are compared with plates, and as numbers: a million of them in a few arrays, in order."""

import re
from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import compress, count
from operator import contains, or_
from string import ascii_lowercase, ascii_uppercase
from typing import TypeAlias

Numbers: TypeAlias = "array[int]"

_AS_PLATES = str.maketrans(ascii_lowercase, ascii_uppercase, "._/-")


def told(patterns: Sequence[str], sources: Sequence[str], masked: Sequence[int], named: Sequence[str]) -> Iterator[int]:
    """The places of entries whose id and case (`named`) or source agency spell a plate that they look for.

    They are read as a plate is: in capitals, without what separates; ids and cases hold no other separators.
    """
    spelled = "\0".join(named).translate(_AS_PLATES).split("\0")
    plates = {name: plain(name) for name in set(sources)}
    ours = map(contains, spelled, patterns)
    theirs = map(contains, map(plates.__getitem__, sources), patterns)
    yield from compress(count(), map(or_, ours, theirs))
    yield from (at for at in masked if matches_in(patterns[at], f"{spelled[at]}\n{plates[sources[at]]}"))


def matches_in(pattern: str, text: str) -> bool:
    """Whether `pattern` matches somewhere in one line of `text`; what stands for its `?` may be left out."""
    # the longest certain part first, which is soon said to be missing of nearly all
    return max(pattern.split("?"), key=len) in text and re.search(pattern.replace("?", ".?"), text) is not None


def plain(text: str) -> str:
    """A plate's letters and digits, in capitals, without blanks and dashes."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def number(plate: str) -> int:
    """Letters and digits as one number below 2**58; the 1 in front keeps zeros at the beginning."""
    return int("1" + plate, 36)


def mark(secret: bytes, *said: object) -> str:
    """Whether the same was said before: two bytes, made with a secret, without which nobody can tell of what. Who knows
    it can try plate after plate: of all that there can be thousands have the one mark, but where several marks are of
    one plate, or only the few of a town come into question, it may be found."""
    return blake2b(repr(said).encode(), key=secret, digest_size=2).hexdigest()


def shares(plate: str) -> list[int]:
    """What each character adds to the number of its plate."""
    last = len(plate) - 1
    return [int(letter, 36) * 36 ** (last - at) for at, letter in enumerate(plate)]


# numpy is loaded where it is needed: it costs a tenth of a second that only who reads a list should spend


def in_order(numbers: Numbers, rows: Numbers) -> "tuple[Numbers, Numbers]":
    """Both, by the numbers; of equal numbers the earlier row first."""
    import numpy

    order = numpy.argsort(numpy.asarray(numbers), kind="stable")
    return array("Q", numpy.asarray(numbers)[order].tobytes()), array("I", numpy.asarray(rows)[order].tobytes())


def place_of(rows: Numbers, row: int) -> int | None:
    """Where a row stands; None when it does not."""
    import numpy

    found = numpy.flatnonzero(numpy.asarray(rows) == row)
    return int(found[0]) if len(found) else None


def repeated(numbers: Numbers) -> set[int]:
    """Those that stand there more than once."""
    import numpy

    found = numpy.sort(numpy.asarray(numbers))
    return {int(one) for one in found[1:][found[1:] == found[:-1]]}


def more_alike(ordered: Numbers, *, than: int) -> bool:
    """Whether one number stands there more often than that."""
    import numpy

    found = numpy.asarray(ordered)
    return bool((found[than:] == found[:-than]).any())
