"""What a person wrote, parsed. TOML text goes in, a strict pydantic model or one clear message comes out.

Nothing is coerced and nothing is ignored: an unknown key, a wrong type or a quoted date is refused with file, table,
key, line and the mend. Pure: the caller reads the file.
"""

import difflib
import json
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from edge.errors import HomeruleError
from edge.plain import plain_toml

Location = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

LONGEST_TEXT = 32 * 1024 * 1024
"""Characters; more than any file a person writes."""
FEW = 8
"""Choices that are still listed beside the one that was probably meant."""

_WANTED = {
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "tuple_type": "must be a list in square brackets",
    "list_type": "must be a list in square brackets",
    "frozen_set_type": "must be a list in square brackets",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "date_type": "must be a date such as 2026-12-31",
    "date_parsing": "must be a date such as 2026-12-31",
    "date_from_datetime_parsing": "must be a date such as 2026-12-31",
    "date_from_datetime_inexact": "must be a date such as 2026-12-31, without a time of day",
    "datetime_type": "must be a time such as 2026-12-31T00:00:00Z",
    "datetime_parsing": "must be a time with its zone, such as 2026-12-31T00:00:00Z",
    "datetime_from_date_parsing": "must be a time with its zone, such as 2026-12-31T00:00:00Z",
    "timezone_aware": "must be a time with its zone, such as 2026-12-31T00:00:00Z",
}

SPELLED = {
    r"^[a-z0-9-]{1,64}$": "must be 1 to 64 small letters, digits and -",
    r"^[A-Za-z0-9-]{1,40}$": "must be 1 to 40 letters, digits and -",
    r"^[A-Za-z0-9._-]{1,64}$": "must be 1 to 64 letters, digits, dots, _ and -",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$": "must be a case number of letters, digits, dots, _, / and -",
    r"^[A-Z0-9?]{5,10}$": "must be 5 to 10 capital letters, digits and ?",
    r"^[0-9a-f]{64}$": "must be a sha256: 64 digits and small letters from a to f",
    r"^[0-9]{5}$": "must be five digits",
    r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$": "must be a state such as `US-IL`, or a country such as `CA`",
    r"^[1-9]\d{1,4}x[1-9]\d{1,4}$": "must be a size such as 1920x1080",
}
"""What a person is told of each pattern."""


class Written(BaseModel):
    """Base of every table that a person writes: strict, closed to unknown keys, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Setting(Written):
    """Base of every table of device.toml, whose texts are handed to the system.

    For it a text ends at a NUL, and a line of its own files at a newline; a command's words may be of several lines.
    """

    @field_validator("*")
    @classmethod
    def _without_control_characters(cls, value: Any) -> Any:
        if any("\0" in str(one) for one in (value if isinstance(value, tuple) else (value,))):
            raise ValueError("has a NUL character in it, remove it")
        if not isinstance(value, tuple) and _CONTROL.search(str(value)):
            raise ValueError("has a control character in it, such as a tab or the end of a line, remove it")
        return value


def parse_toml(text: str, model: type[M], *, file: str, error: type[HomeruleError], quote: bool = True) -> M:
    """Parses TOML `text` into `model` (closed to unknown keys, see `Written`), or raises `error` with one line.

    `file` is the name shown. TOML dates and times must be written as such, not in quotes. Without `quote` the line
    repeats nothing of the text, only places and known names: for a file in which a plate may stand anywhere.
    """
    table, as_json = _table(text, file=file, error=error, quote=quote)
    try:
        # JSON mode is pydantic's strict mode for text: enums by value, lists to tuples, and no other conversion.
        parsed = model.model_validate_json(as_json, strict=True)
    except ValidationError as refused:
        raise error(_explain(refused, text, table, model, file, quote)) from None
    for where, wanted in _mistaken_dates(table, parsed, ()):
        raise error(_message(file, where, f"`{where[-1]}` {wanted}", text))
    return parsed


def nearest(word: str, known: Sequence[str]) -> str:
    """The words `, did you mean ...?` when one of `known` is close to `word`, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean `{close[0]}`?" if close else ""


def _table(text: str, *, file: str, error: type[HomeruleError], quote: bool) -> tuple[dict[str, Any], str]:
    """What the text says, and the same as JSON, in which a number in hex is longer than it was."""
    if len(text) > LONGEST_TEXT:
        raise error(f"{file}: longer than {LONGEST_TEXT // 1024 // 1024} MiB, cut it down")
    if text.startswith("\ufeff"):
        raise error(f"{file}: begins with a byte-order mark, save it as UTF-8 without one")
    try:
        table = plain_toml(text) or tomllib.loads(text)
        return table, json.dumps(table, default=_as_text)
    except tomllib.TOMLDecodeError as broken:
        said = str(broken)
        place = re.search(r"\(at (?:line (\d+), column (\d+)|end of document)\)", said)
        # tomllib quotes the offending characters; they are the user's own and short.
        what = ": " + _lower(re.sub(r" \(at [^)]*\)$", "", said).strip()) if quote else ""
        line = place.group(1) if place and place.group(1) else str(text.count("\n") + 1)
        raise error(f"{file}: line {line} is not TOML{what}; mend or remove that line") from None
    except RecursionError:
        raise error(f"{file}: lists or tables are nested too deeply, write it flat") from None
    except ValueError as broken:
        if "set_int_max_str_digits" in str(broken):  # Python's own mend is none for whoever wrote the file
            raise error(f"{file}: has a number that is too long, write a shorter one") from None
        what = f": {_lower(str(broken))}" if quote else ", mend or remove it"
        raise error(f"{file}: has a value that cannot be read{what}") from None


def _as_text(value: object) -> str:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    raise TypeError(f"no TOML type: {type(value).__name__}")


def _mistaken_dates(written: object, parsed: object, where: Location) -> Iterator[tuple[Location, str]]:
    """Where a date was taken for text or text for a date: JSON mode cannot tell them apart, a person must."""
    if isinstance(written, date | time) or isinstance(parsed, date | time):
        if not isinstance(parsed, date | time):  # text, or a path
            yield where, "must be text in quotes"
        elif not isinstance(written, date | time):
            yield where, "must be a date or time without quotes"
        return
    for name, inner, made in _inside(written, parsed):
        # most of what is written is text that stayed text
        if not isinstance(inner, str | bool) or isinstance(made, date | time):
            yield from _mistaken_dates(inner, made, (*where, name))


def _inside(written: object, parsed: object) -> Iterator[tuple[str | int, object, object]]:
    """What is written in a table or list, and what was made of each."""
    if isinstance(written, dict):
        if isinstance(parsed, BaseModel):
            fields = _fields(type(parsed))
            yield from (
                (name, value, getattr(parsed, fields[name])) for name, value in written.items() if name in fields
            )
        elif isinstance(parsed, Mapping):
            yield from ((name, value, parsed.get(name)) for name, value in written.items())
    elif isinstance(written, list) and isinstance(parsed, tuple | list):
        yield from ((place, value, parsed[place]) for place, value in enumerate(written))


@cache
def _fields(model: type[BaseModel]) -> dict[str, str]:
    """The field for each key that a person may write."""
    own = {name: name for name in model.model_fields}
    return own | {told.alias: name for name, told in model.model_fields.items() if told.alias is not None}


def _explain(
    refused: ValidationError, text: str, table: dict[str, Any], model: type[BaseModel], file: str, quote: bool
) -> str:
    """One line for the first mistake; unknown keys come first, because a misspelt key is also a missing one."""
    mistakes = sorted(refused.errors(), key=lambda one: one["type"] != "extra_forbidden")
    first = mistakes[0]
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    where: Location = first["loc"]
    if first["type"] == "extra_forbidden":
        said = _unknown_key(where, table, model, quote)
    elif first["type"] == "missing":
        said = f"`{where[-1]}` is missing, write it down"
    elif first["type"] == "enum" or first["type"] == "literal_error":
        said = _not_a_choice(where, table if quote else {}, str(first["msg"]))
    else:
        wanted = _WANTED.get(first["type"]) or SPELLED.get(str(first.get("ctx", {}).get("pattern")))
        wanted = wanted or re.sub(r"^(input|string|tuple|list|value) should", "must", _lower(str(first["msg"])))
        wanted = wanted.replace(" after validation", "")
        wanted = wanted.removeprefix("value error, ")
        said = wanted if not where else f"`{_key(where)}` {wanted}"
    return _message(file, where, said, text) + more


def _unknown_key(where: Location, table: dict[str, Any], model: type[BaseModel], quote: bool) -> str:
    name = str(where[-1])
    owner = _model_at(model, where[:-1])
    known = [told.alias or field for field, told in owner.model_fields.items()] if owner else []
    what = "unknown table" if isinstance(_value_at(table, where), dict) else "unknown key"
    shown = f" `{name}`" if quote else ""
    return f"{what}{shown}{nearest(name, known) or ', remove it'}"


def _not_a_choice(where: Location, table: dict[str, Any], said: str) -> str:
    value = _value_at(table, where)
    choices = re.findall(r"'([^']*)'", said)
    shown = ", ".join(f"`{choice}`" for choice in choices)
    if not isinstance(value, str):
        return f"`{_key(where)}` must be one of {shown}"
    meant = nearest(value, choices)
    if meant and len(choices) > FEW:
        return f"`{_key(where)}` cannot be `{value}`{meant}"
    return f"`{_key(where)}` cannot be `{value}`{meant or ','} choose one of {shown}"


def _message(file: str, where: Location, said: str, text: str) -> str:
    in_plain_list = bool(where) and isinstance(where[-1], int)
    path = [step for step in where[: -2 if in_plain_list else -1] if isinstance(step, str)]
    number = next((step + 1 for step in where if isinstance(step, int)), None)
    in_list_of_tables = isinstance(where[1], int) if len(where) > 2 else False
    header = ""
    if path:
        header = f"[[{path[0]}]] number {number} " if in_list_of_tables else f"[{'.'.join(path)}] "
    line = _line_of(text, where)
    return f"{file}: {header}{said}" + (f" (line {line})" if line else "")


def _line_of(text: str, where: Location) -> int | None:
    """The line on which the key at `where` is written, by a scan for its table's header; None when it is not found."""
    names = [step for step in where if isinstance(step, str)]
    if not names:
        return None
    wanted_number = next((step for step in where if isinstance(step, int)), 0) + 1
    header: list[str] = []
    opened = 0
    fallback = None
    for number, line in enumerate(text.splitlines(), start=1):
        heading = re.match(r"\s*\[\[?\s*([^\[\],]+?)\s*\]\]?\s*(#.*)?$", line)  # no line of a longer list
        if heading:
            header = [part.strip().strip("\"'") for part in heading.group(1).split(".")]
            opened += 1 if header[:1] == names[:1] and line.lstrip().startswith("[[") else 0
            if header == names:
                return number
            fallback = number if header == names[:-1] and opened in (0, wanted_number) else fallback
        key = re.match(r"\s*([A-Za-z0-9_\-\"'.]+)\s*=", line)
        if key and [*header, *key.group(1).replace('"', "").split(".")] == names and opened in (0, wanted_number):
            return number
    return fallback


def _key(where: Location) -> str:
    """The key that a mistake is about, with its place when it stands in a list, or in lists of lists."""
    named = max((at for at, step in enumerate(where) if isinstance(step, str)), default=0)
    return str(where[named]) + "".join(f"[{step}]" for step in where[named + 1 :])


def _model_at(model: type[BaseModel], where: Location) -> type[BaseModel] | None:
    """The model whose keys are written at `where`, found through the annotations."""
    here: Any = model
    for step in where:
        if isinstance(step, int):
            continue
        fields = here.model_fields if isinstance(here, type) and issubclass(here, BaseModel) else {}
        told = next((one for field, one in fields.items() if step in (field, one.alias)), None)
        here = _inner_model(told.annotation) if told else None
        if here is None:
            return None
    return here  # type: ignore[no-any-return]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _inner_model(part))), None)


def _value_at(table: object, where: Location) -> object:
    for step in where:
        if isinstance(table, dict):
            table = table.get(step)
        elif isinstance(table, list) and isinstance(step, int) and step < len(table):
            table = table[step]
        else:
            return None
    return table


def _lower(said: str) -> str:
    return said[:1].lower() + said[1:]
