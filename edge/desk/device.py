"""The `[models]` table of device.toml, changed in place: comments and order stay, and nothing else changes at all."""

import re
from collections.abc import Mapping
from pathlib import Path

import tomlkit

from edge import disk
from edge.config import Config, ModelChoice, load
from edge.desk.edit import NOT_EDITABLE, set_value
from edge.disk import why
from edge.errors import ConfigError
from edge.written import parse_toml

Value = str | int | None

_HEADING = re.compile(r"^[ \t]*\[models\][ \t]*(#.*)?$", re.MULTILINE)
_NEXT = re.compile(r"^[ \t]*\[", re.MULTILINE)


def set_models(path: Path, changes: Mapping[str, Value], *, by: str = "", note: str = "") -> bool:
    """Writes keys of `[models]` into the device.toml at `path`; None takes a key away. False: it said so already.

    A key that stands there as a comment, as in the example, is written in that line. `note` becomes comment lines that
    begin with `by` at the head of the table, in place of those that began with it before. Raises ConfigError.
    """
    written = load(path)
    wanted = {key: value for key, value in changes.items() if _stands(written.models, key) != value}
    if not wanted and not note:
        return False
    try:
        before = path.read_bytes()
        text = before.decode()
        after = _changed(text, wanted, by, note)
        _only_that(path, text, after, changes)
        disk.put(path, after.encode(), mode=0o644, over=before)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written, {why(error)}; run it as the file's owner") from error
    except NOT_EDITABLE as error:
        raise ConfigError(f"{path}: cannot be edited in place ({error}); write {_shown(changes)} by hand") from error
    return True


def _stands(models: ModelChoice, key: str) -> Value:
    value = getattr(models, key)
    return str(value) if isinstance(value, Path) else value


def _changed(text: str, changes: Mapping[str, Value], by: str, note: str) -> str:
    if _HEADING.search(text) is None:
        text = text.rstrip("\n") + "\n\n[models]\n"
    head, table, tail = _parts(text)
    table = "".join(line for line in table.splitlines(True) if not (by and line.lstrip().startswith(f"# {by}")))
    added = [f"# {by}{line}" for line in note.splitlines()]
    for key, value in changes.items():
        if value is None or re.search(rf"^[ \t]*{key}[ \t]*=", table, re.MULTILINE):
            continue
        # The line that shows the default, with its own comment, is woken up.
        table, woken = re.subn(rf"^#[ \t]*({key}[ \t]*=)", r"\1", table, count=1, flags=re.MULTILINE)
        if not woken:
            added.append(f"{key} = {tomlkit.item(value).as_string()}")
    document = tomlkit.parse(head + "".join(f"{line}\n" for line in added) + table + tail)
    for key, value in changes.items():
        set_value(document["models"], key, value)
    return tomlkit.dumps(document)


def _parts(text: str) -> tuple[str, str, str]:
    """What stands up to the heading and with it, the table's own lines, and what follows."""
    heading = _HEADING.search(text)
    start = len(text) if heading is None else heading.end()
    start += text[start : start + 1] == "\n"
    following = _NEXT.search(text, start)
    end = following.start() if following else len(text)
    return text[:start], text[start:end], text[end:]


def _only_that(path: Path, before: str, after: str, changes: Mapping[str, Value]) -> None:
    """The edit did what it should and nothing else; a file written in an unusual way might have been misread."""
    was, now = (parse_toml(text, Config, file=str(path), error=ConfigError) for text in (before, after))
    said = all(_stands(now.models, key) == _wanted(key, value) for key, value in changes.items())
    kept = all(
        getattr(was.models, key) == getattr(now.models, key) for key in ModelChoice.model_fields if key not in changes
    )
    if not said or not kept or was.model_copy(update={"models": now.models}) != now:
        raise ConfigError(f"{path}: cannot be edited in place, write {_shown(changes)} into `[models]` by hand")


def _wanted(key: str, value: Value) -> Value:
    default: Value = ModelChoice.model_fields[key].default
    return default if value is None else value


def _shown(changes: Mapping[str, Value]) -> str:
    return ", ".join(f"`{key} = {tomlkit.item(value).as_string()}`" for key, value in changes.items() if value)
