"""PURE: entries to bytes and back. An entry is written in exactly one way, and anything else is refused.

The form is RFC 8785 restricted to arrays, strings and integers of at most 53 bits, for which it is plain compact JSON.
Batches of reads are written as `batches.packed` does, under a kind that ends in `.2`; what version 1 wrote is read too.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from edge.errors import LedgerError
from edge.ledger.batches import Runs, packed, unpacked
from edge.ledger.entries import Entry, Known, Opaque, Read, SentToAll
from edge.policy.policy import HIGHEST

# most entries are one of these two, and what fits is canonical: then JSON need not be asked
_NUMBER, _WORD = rb"(0|-?[1-9][0-9]{0,14})", rb'"([A-Za-z0-9_.-]*)"'
_USUAL_READ = re.compile(rb'\["read",' + b",".join((_NUMBER, _WORD, *[_NUMBER] * 4, _WORD)) + rb"\]")
_USUAL_SEND = re.compile(rb'\["out",' + b",".join([_NUMBER] * 3) + rb"\]")
_text_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_Build = Callable[[Any], Any]


def encode(entry: Entry, at: int) -> bytes:
    """The bytes of an entry written at `at` (milliseconds since 1970 UTC). LedgerError if it has no canonical form."""
    if isinstance(entry, Opaque):
        body: list[object] = [entry.kind, at, *entry.fields]
    else:
        kind, fields_of = _WRITTEN[type(entry)]
        body = [kind, at, *(put(getattr(entry, name)) for name, put in fields_of)]
    _check(body)
    try:
        return _text_of(body).encode()
    except UnicodeEncodeError as error:
        raise LedgerError(f"entry `{entry.kind}`: a text in it is not valid unicode") from error


def decode(raw: bytes) -> tuple[int, Entry]:
    """The time and the entry that these bytes stand for; LedgerError if they are not the canonical bytes of one."""
    if (found := _USUAL_READ.fullmatch(raw)) is not None:
        at, read_id, camera, pattern, age, replaces, payloads = found.groups()
        return int(at), Read(
            read_id=read_id.decode(),
            camera=int(camera),
            pattern=int(pattern),
            age=int(age),
            replaces=int(replaces),
            payloads=payloads.decode(),
        )
    if (found := _USUAL_SEND.fullmatch(raw)) is not None:
        at, back, count = map(int, found.groups())
        return at, SentToAll(back=back, count=count)
    try:
        body = json.loads(raw.decode())
        kind, at = _string(body[0]), _integer(body[1])
        entry = _build(kind, body[2:])
        canonical = _text_of(body).encode()
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise LedgerError("not an entry of the audit log") from error
    if canonical != raw:
        raise LedgerError("not the canonical form of an entry")
    return at, entry


def _build(kind: str, values: list[Any]) -> Entry:
    known = _READ.get(kind)
    if known is None:
        return Opaque(kind=kind, fields=tuple(_frozen(value) for value in values))
    maker, builders = known
    made: Entry = maker(**{name: build(value) for (name, build), value in zip(builders, values, strict=True)})
    return made


def _check(value: object) -> None:
    """Refuses what JSON or RFC 8785 would not give back unchanged."""
    if type(value) is int:
        if not -HIGHEST <= value <= HIGHEST:
            raise LedgerError("an entry cannot hold a number beyond 53 bits")
    elif type(value) in (list, tuple):
        for part in value:  # type: ignore[attr-defined]
            _check(part)
    elif type(value) is not str:
        raise LedgerError(f"an entry cannot hold a {type(value).__name__}")


def _frozen(value: Any) -> object:
    if type(value) is list:
        return tuple(_frozen(part) for part in value)
    return _integer(value) if type(value) is int else _string(value)


def _integer(value: Any) -> int:
    if type(value) is not int or not -HIGHEST <= value <= HIGHEST:
        raise TypeError
    return value


def _string(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _builder(hint: Any) -> _Build:
    """What turns a JSON value into a field of type `hint`, or raises TypeError."""
    if hint is int:
        return _integer
    if hint is str:
        return _string
    parts = get_args(hint)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return _repeated(_builder(parts[0]))
    return _fixed([_builder(part) for part in parts])


def _repeated(build: _Build) -> _Build:
    def make(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise TypeError
        return tuple([build(part) for part in value])

    return make


def _fixed(builders: list[_Build]) -> _Build:
    def make(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(builders):
            raise TypeError
        return tuple(build(part) for build, part in zip(builders, value, strict=True))

    return make


def _same(value: Any) -> Any:
    return value


BATCHES = tuple[Runs, ...]
_Form = tuple[Any, list[tuple[str, _Build]]]


def _forms() -> Iterator[tuple[str, _Form]]:
    """Each kind: whose it is, and what its fields are built by. The last of each is the one that is written."""
    for maker in get_args(Known):
        hints = get_type_hints(maker)
        names = [field.name for field in fields(maker)]
        yield maker.kind, (maker, [(name, _builder(hints[name])) for name in names])
        if BATCHES in hints.values():
            short = [(name, unpacked if hints[name] == BATCHES else _builder(hints[name])) for name in names]
            yield f"{maker.kind}.2", (maker, short)


_READ = dict(_forms())
KINDS: dict[str, type[Known]] = {kind: maker for kind, (maker, _) in _READ.items()}
"""Every kind that is understood, those of version 1 among them, and whose it is."""
_WRITTEN = {
    maker: (kind, [(name, packed if build is unpacked else _same) for name, build in builders])
    for kind, (maker, builders) in _READ.items()
}
