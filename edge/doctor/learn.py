"""The words of this device that may not leave it: who, where, and at which addresses. Read from its own files."""

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from edge.config import Config
from edge.doctor.redact import Redactor
from edge.policy.bundle import HOTLISTS

_MOST_BYTES = 64 * 1024 * 1024
_PLATE = re.compile(r"(?<![A-Za-z0-9?])[A-Z0-9?]{5,10}(?![A-Za-z0-9?])")
_QUOTED = re.compile(r'"([^"\n]{3,200})"')
_TELLING = {
    "policy.toml": {"place", "county_fips", "subscriber", "reviewed_by", "id", "source_agency", "source_key"},
    "subscribers.toml": {"id", "name", "agency_id", "certificate_name", "members", "signed_by", "cases", "sealing_key"},
}
"""Keys of what the city writes whose values name somebody or some place."""


def redactor(config: Config) -> Redactor:
    """Whatever of the files cannot be read takes no word with it: then nothing of it can be in the archive either."""
    return Redactor(_names(config), _plates(config.policy.folder), packages=packages())


def packages() -> list[str]:
    """Every package that is installed, with its version."""
    return sorted(f"{one.name} {one.version}" for one in metadata.distributions() if one.name)


def _names(config: Config) -> Iterator[tuple[str, str]]:
    yield config.device.id, "(device)"
    for path in _paths(config):
        yield str(path.parent), "(folder)"
    for number, camera in enumerate(config.camera, start=1):
        yield camera.id, f"(camera {number})"
        for url in (camera.url, camera.sub_url or ""):
            if "://" in url:
                yield url, "(an address)"
                yield urlsplit(url).hostname or "", "(an address)"
            elif ":" not in url:
                yield from ((word, "(a path)") for word in (url, str(Path(url))))
        yield from ((word, "(command)") for word in camera.command[1:])
        yield from _secrets(camera.credentials)
    yield config.broker.host, "(broker)"
    yield config.broker.username or "", "(login)"
    yield from _secrets(config.broker.password_file)
    yield from _secrets(config.broker.control_credential)
    for name, keys in _TELLING.items():
        yield from ((word, "(named)") for word in _told(config.policy.folder / name, keys))


def _paths(value: object) -> Iterator[Path]:
    """Every file that is named; a folder may bear somebody's name."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _paths(one)


def _secrets(path: Path | None) -> Iterator[tuple[str, str]]:
    """Each word of a file of logins; the commands that need them are the only ones that read them otherwise."""
    for line in _read(path).splitlines() if path is not None else ():
        yield line, "(login)"
        yield from ((word, "(login)") for word in re.split(r"[:\s]+", line))


def _told(path: Path, keys: set[str]) -> Iterator[str]:
    """The values of these keys, at any depth; of a file that does not parse, everything in quotes."""
    text = _read(path)
    try:
        yield from _values(tomllib.loads(text), keys)
    except (ValueError, RecursionError):
        yield from _QUOTED.findall(text)


def _values(table: Any, keys: set[str]) -> Iterator[str]:
    if isinstance(table, dict):
        for key, value in table.items():
            inner = value if isinstance(value, list) else [value]
            if key in keys:
                yield from (str(one) for one in inner if isinstance(one, str | int | float))
            yield from _values(value, keys)
    elif isinstance(table, list):
        for one in table:
            yield from _values(one, keys)


def _plates(folder: Path) -> Iterator[str]:
    try:
        found = sorted((folder / HOTLISTS).glob("*"))
    except OSError:
        return
    for path in found:
        yield from _PLATE.findall(_read(path))


def _read(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
    except OSError:
        return ""
