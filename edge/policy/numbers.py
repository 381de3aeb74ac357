"""Patterns as they are compared with plates, and as numbers: a million of them in a few arrays, in order."""

import re
from array import array
from typing import TypeAlias

Numbers: TypeAlias = "array[int]"


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
