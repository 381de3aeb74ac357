"""The plain part of TOML, read by the line: what people write nearly always, at several times the speed of the whole.

What is not plain, or not certainly right, is not read here at all: then the whole of TOML is asked, which also has the
words for what is wrong. Plain is one key and one value a line: text in "" without a backslash, true, false, whole
numbers, dates, lists of such texts; `[name]`, `[[name]]` and `[[name.inner]]`; comments.
Source: TOML 1.0, held against tomllib by the tests.
"""

import re
from datetime import date
from typing import Any

_COMMENT = r"(?:#[^\x00-\x08\x0a-\x1f\x7f]*)?"
_TEXT = r'"[^"\\\x00-\x08\x0a-\x1f\x7f]*"'
_PAIR = re.compile(
    rf"[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*"
    rf"(?:({_TEXT})|(true|false)|(\[[ \t]*(?:{_TEXT}[ \t]*(?:,[ \t]*{_TEXT}[ \t]*)*,?[ \t]*)?\])"
    rf"|(\d{{4}}-\d\d-\d\d)|(0|[1-9][0-9]{{0,17}}))[ \t]*{_COMMENT}"
)
_HEADING = re.compile(rf"[ \t]*\[(\[?)([A-Za-z0-9_-]+)(?:\.([A-Za-z0-9_-]+))?\](\]?)[ \t]*{_COMMENT}")
_NOTHING = re.compile(rf"[ \t]*{_COMMENT}")

Table = dict[str, Any]


def plain_toml(text: str) -> Table | None:
    """The tables of a plain text, just as `tomllib.loads` gives them; None where it is not plain."""
    if "\r" in text:
        return None
    root: Table = {}
    lists: set[int] = set()
    table = root
    for line in text.split("\n"):
        pair = _PAIR.fullmatch(line)
        if pair is not None:
            key = pair[1]
            if key in table:
                return None
            try:
                table[key] = _value(pair)
            except ValueError:  # a date such as 2026-02-30
                return None
        elif _NOTHING.fullmatch(line) is None:
            heading = _HEADING.fullmatch(line)
            opened = _opened(heading, root, lists) if heading is not None else None
            if opened is None:
                return None
            table = opened
    return root


def _value(pair: re.Match[str]) -> object:
    _, text, truth, listed, day, number = pair.groups()
    if text is not None:
        return text[1:-1]
    if truth is not None:
        return truth == "true"
    if listed is not None:
        return listed.split('"')[1::2]
    return date.fromisoformat(day) if day is not None else int(number)


def _opened(heading: re.Match[str], root: Table, lists: set[int]) -> Table | None:
    """The table that a heading opens; `lists` are the lists that headings have made. None where it is not plain."""
    opening, name, inner, closing = heading.groups()
    if bool(opening) != bool(closing):
        return None
    above = root
    if inner is not None:
        around = root.get(name)
        if not opening or around is None or id(around) not in lists:
            return None
        above, name = around[-1], inner
    made: Table = {}
    if not opening:
        if name in above:
            return None
        above[name] = made
        return made
    known = above.get(name)
    if known is None:
        above[name] = known = []
        lists.add(id(known))
    elif id(known) not in lists:
        return None
    known.append(made)
    return made
