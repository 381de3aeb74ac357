"""subscribers.toml, edited in place: an agency, an agreement or a key more, one suspended, resumed or removed.

Whatever is not about that agency stays as it was typed, comments included. The edited text is read again before it is
written: if it says anything else than what was asked for, nothing is written.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import tomlkit

from edge.desk.disk import get, put
from edge.desk.edit import NOT_EDITABLE, set_value
from edge.desk.folder import hotlist_digests, read
from edge.errors import PolicyError
from edge.policy import bundle as bundles
from edge.policy import policy, subscribers
from edge.policy.bundle import text
from edge.policy.manifest import unsigned
from edge.policy.subscribers import AgreementTable, RegistryTable, SubscriberTable
from edge.written import nearest, parse_toml

_HEADER = re.compile(r"\s*\[\[\s*subscriber\s*\]\]\s*(#.*)?$")
_INNER = re.compile(r"\s*\[\[?\s*subscriber\s*\.")
_SUSPENDED = re.compile(r"(\s*suspended\s*=\s*)(true|false)\b")
_RETIRED = "# ids of agencies that were removed; none is ever given to another"

M = TypeVar("M", SubscriberTable, AgreementTable)
Lines = list[str]
Edit = Callable[[Lines, int], Lines]
"""The file's lines with their ends, and the place of the agency in the registry; gives the new lines."""


def add(folder: Path, agency: Mapping[str, object]) -> None:
    """Writes one agency more at the end. Raises PolicyError: then nothing was written."""
    written, lines = _open(folder)
    added = _made(agency, SubscriberTable, "the new agency")
    if any(one.id == added.id for one in written.subscriber):
        raise PolicyError(f"{subscribers.FILE}: there is an agency `{added.id}` already, give this one another id")
    block = tomlkit.dumps({"subscriber": [dict(agency)]})
    end = "" if not lines or lines[-1].endswith("\n") else "\n"
    wanted = written.model_copy(update={"subscriber": (*written.subscriber, added)})
    _write(folder, "".join(lines), "".join(lines) + end + "\n" + block, wanted)


def add_agreement(folder: Path, subscriber_id: str, agreement: Mapping[str, object]) -> None:
    """Writes one instrument more under an agency. Raises PolicyError: then nothing was written."""
    block = tomlkit.dumps({"agreement": [dict(agreement)]}).replace("[[agreement]]", "[[subscriber.agreement]]", 1)
    made = _made(agreement, AgreementTable, "the new agreement")

    def edit(lines: Lines, number: int) -> Lines:
        last = _end(lines, _blocks(lines)[number][1])
        tail = "" if lines[last - 1].endswith("\n") else "\n"
        return [*lines[:last], tail + "\n", *block.splitlines(keepends=True), *lines[last:]]

    _change(folder, subscriber_id, edit, lambda one: [_with(one, agreement=(*one.agreement, made))])


def suspend(folder: Path, subscriber_id: str) -> bool:
    """Writes `suspended = true` under an agency; False if it stood there. Needs no signature. Raises PolicyError."""
    return _turn(folder, subscriber_id, suspended=True)


def resume(folder: Path, subscriber_id: str) -> bool:
    """Takes a suspension back; False if there was none. It counts once the city has signed. Raises PolicyError."""
    return _turn(folder, subscriber_id, suspended=False)


def remove(folder: Path, subscriber_id: str) -> None:
    """Takes an agency out, and writes its id among those that are never used again. Raises PolicyError."""

    def edit(lines: Lines, number: int) -> Lines:
        first, last = _blocks(lines)[number]
        return _retire([*lines[:first], *lines[last:]], subscriber_id)

    _change(folder, subscriber_id, edit, lambda one: [])


def set_sealing_key(folder: Path, subscriber_id: str, key: str) -> bool:
    """Registers the public key `key` (base64) of one agency; False if it was registered already. Raises PolicyError.

    It counts only once the city has signed it: a swapped key would be somebody else's eyes.
    """
    written, lines = _open(folder)
    number, before = _place(written, subscriber_id), "".join(lines)
    if written.subscriber[number].sealing_key == key:
        return False
    try:
        document = tomlkit.parse(before)
        set_value(document["subscriber"][number], "sealing_key", key)
        after = tomlkit.dumps(document)
    except NOT_EDITABLE as error:
        raise _by_hand() from error
    agencies = list(written.subscriber)
    agencies[number] = _with(agencies[number], sealing_key=key)
    _write(folder, before, after, written.model_copy(update={"subscriber": tuple(agencies)}), whole=False)
    return True


def find(folder: Path, name: str) -> SubscriberTable:
    """The agency that goes by this id, name or number. PolicyError when there is none, with the nearest."""
    written, _ = _open(folder)
    return written.subscriber[_place(written, name)]


def agencies(folder: Path) -> tuple[SubscriberTable, ...]:
    """Every agency as it is written, in the order of the file. Raises PolicyError."""
    return _open(folder)[0].subscriber


def ids(folder: Path) -> list[str]:
    """The id of every agency. Raises PolicyError."""
    return [one.id for one in agencies(folder)]


def retired(folder: Path) -> tuple[str, ...]:
    """The ids of agencies that were removed. Raises PolicyError."""
    return _open(folder)[0].retired


def _made(written: Mapping[str, object], model: type[M], what: str) -> M:
    """The table that was asked for, told apart from the file in what is said of it. Raises PolicyError."""
    for key, value in written.items():
        said = "".join(value) if isinstance(value, list | tuple) else str(value)
        if any("\ud800" <= letter <= "\udfff" for letter in said):  # how Python keeps a byte that is no letter
            raise PolicyError(f"{what}: `{key}` is not UTF-8 text, write it in a terminal that is set to UTF-8")
    try:
        return parse_toml(tomlkit.dumps(dict(written)), model, file=what, error=PolicyError)
    except PolicyError as error:
        raise PolicyError(re.sub(r" \(line \d+\)", "", str(error))) from None


def _turn(folder: Path, subscriber_id: str, *, suspended: bool) -> bool:
    if find(folder, subscriber_id).suspended is suspended:
        return False

    def edit(lines: Lines, number: int) -> Lines:
        first, last = _own(lines, number)
        for place in range(first, last):
            if _SUSPENDED.match(lines[place]):
                alone = re.fullmatch(r"suspended = true\s*", lines[place])
                word = "true" if suspended else "false"
                changed = [] if alone and not suspended else [_SUSPENDED.sub(rf"\g<1>{word}", lines[place], count=1)]
                return [*lines[:place], *changed, *lines[place + 1 :]]
        last = _end(lines, last)
        tail = "" if lines[last - 1].endswith("\n") else "\n"
        return [*lines[:last], tail + "suspended = true\n", *lines[last:]]

    # stopping an agency must not wait for what else is wrong in the folder
    _change(folder, subscriber_id, edit, lambda one: [_with(one, suspended=suspended)], whole=not suspended)
    return True


def _change(
    folder: Path,
    subscriber_id: str,
    edit: Edit,
    wanted: Callable[[SubscriberTable], list[SubscriberTable]],
    *,
    whole: bool = True,
) -> None:
    written, lines = _open(folder)
    number = _place(written, subscriber_id)
    if len(_blocks(lines)) != len(written.subscriber):
        raise _by_hand()
    before, one, after = written.subscriber[:number], written.subscriber[number], written.subscriber[number + 1 :]
    changed = wanted(one)
    retired = written.retired if changed else (*written.retired, one.id)
    _write(
        folder,
        "".join(lines),
        "".join(edit(lines, number)),
        written.model_copy(update={"subscriber": (*before, *changed, *after), "retired": retired}),
        whole=whole,
    )


def _open(folder: Path) -> tuple[RegistryTable, Lines]:
    content = text(get(folder / subscribers.FILE, name=subscribers.FILE), subscribers.FILE)
    subscribers.parse(content)
    return _table(content), content.splitlines(keepends=True)


def _table(content: str) -> RegistryTable:
    return parse_toml(content, RegistryTable, file=subscribers.FILE, error=PolicyError)


def _write(folder: Path, before: str, content: str, wanted: RegistryTable, *, whole: bool = True) -> None:
    """One rename, if the text says what was wanted and, with `whole`, the folder still holds together."""
    try:
        tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:  # what we have put together is; what the person wrote was sound
        raise _by_hand() from error
    subscribers.parse(content)
    if _table(content) != wanted:
        raise _by_hand()
    if whole:
        _holds_together(folder, content.encode())
    put(folder / subscribers.FILE, content.encode(), over=before.encode())


def _holds_together(folder: Path, registry: bytes) -> None:
    files = read(folder)
    lists = hotlist_digests(folder, policy.parse(text(files.files[policy.FILE], policy.FILE)))
    bundles.parse(unsigned({**files.files, subscribers.FILE: registry}, hotlists=lists), signed=False)


def _place(written: RegistryTable, name: str) -> int:
    asked, ids = name.casefold(), [one.id for one in written.subscriber]
    if asked in ids:
        return ids.index(asked)
    called = [(one.agency_id.casefold(), one.name.casefold()) for one in written.subscriber]
    places = [number for number, names in enumerate(called) if asked in names]
    if not places:
        raise PolicyError(f"there is no agency `{name}`{nearest(name, ids) or ', see `homerule subscriber list`'}")
    if len(places) > 1:
        alike = " and ".join(f"`{ids[place]}`" for place in places)
        raise PolicyError(f"`{name}` may be {alike}, say which by its id")
    return places[0]


def _blocks(lines: Lines) -> list[tuple[int, int]]:
    """Where each agency stands, first and after last line: with the comment right above it, without the next one's."""
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line.rstrip("\r\n"))]
    starts = [_above(lines, header) for header in headers]
    return list(zip(starts, [*starts[1:], len(lines)], strict=False))


def _above(lines: Lines, header: int) -> int:
    """The first line of the comment right above a header; one at the top of the file is about the whole file."""
    first = header
    while first > 0 and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return header if first == 0 else first


def _own(lines: Lines, number: int) -> tuple[int, int]:
    """The lines of an agency's own keys, without its agreements."""
    first, last = _blocks(lines)[number]
    while not _HEADER.match(lines[first].rstrip("\r\n")):
        first += 1
    inner = next((place for place in range(first, last) if _INNER.match(lines[place])), last)
    return first + 1, inner


def _end(lines: Lines, last: int) -> int:
    """After the last line that says something, of those before `last`."""
    while last and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
        last -= 1
    return last


def _retire(lines: Lines, name: str) -> Lines:
    content = "".join(lines)
    try:
        document = tomlkit.parse(content)
        if "retired" in document:
            document["retired"].append(name)
            return tomlkit.dumps(document).splitlines(keepends=True)
    except NOT_EDITABLE as error:
        raise _by_hand() from error
    first = next((start for start, _ in _blocks(lines)), len(lines))
    return [*lines[:first], f'retired = ["{name}"]  {_RETIRED}\n', "\n", *lines[first:]]


def _with(one: SubscriberTable, **changes: object) -> SubscriberTable:
    return one.model_copy(update=changes)


def _by_hand() -> PolicyError:
    return PolicyError(f"{subscribers.FILE}: is written in a way that cannot be edited in place, change it by hand")
