"""PURE: entries to bytes and back. There is exactly one byte string for an entry, and anything else is refused.

The form is RFC 8785 restricted to arrays, strings and integers of at most 53 bits, for which it is plain compact JSON.
"""

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from edge.errors import LedgerError
from edge.ledger.entries import Entry, Known, Opaque

_LARGEST = 2**53 - 1
_text_of = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_Build = Callable[[Any], Any]


def encode(entry: Entry, at: int) -> bytes:
    """The bytes of an entry written at `at` (milliseconds since 1970 UTC). LedgerError if it has no canonical form."""
    if isinstance(entry, Opaque):
        body: list[object] = [entry.kind, at, *entry.fields]
    else:
        body = [entry.kind, at, *(getattr(entry, name) for name in _FIELDS[entry.kind])]
    _check(body)
    try:
        return _text_of(body).encode()
    except UnicodeEncodeError as error:
        raise LedgerError(f"entry `{entry.kind}`: a text in it is not valid unicode") from error


def decode(raw: bytes) -> tuple[int, Entry]:
    """The time and the entry that these bytes stand for; LedgerError if they are not the canonical bytes of one."""
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
    maker = _KINDS.get(kind)
    if maker is None:
        return Opaque(kind=kind, fields=tuple(_frozen(value) for value in values))
    return maker(**{name: build(value) for (name, build), value in zip(_BUILDERS[kind], values, strict=True)})


def _check(value: object) -> None:
    """Refuses what JSON or RFC 8785 would not give back unchanged."""
    if type(value) is int:
        if not -_LARGEST <= value <= _LARGEST:
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
    if type(value) is not int or not -_LARGEST <= value <= _LARGEST:
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


_KINDS: dict[str, Callable[..., Known]] = {maker.kind: maker for maker in get_args(Known)}
_FIELDS: dict[str, tuple[str, ...]] = {maker.kind: tuple(f.name for f in fields(maker)) for maker in get_args(Known)}
_BUILDERS: dict[str, list[tuple[str, _Build]]] = {
    maker.kind: [(f.name, _builder(get_type_hints(maker)[f.name])) for f in fields(maker)] for maker in get_args(Known)
}
