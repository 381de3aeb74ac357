"""What a person is told of what was written."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge import desk
from edge.config import Camera, Config, load
from edge.desk import registry
from edge.errors import ConfigError, HomeruleError, PolicyError
from edge.policy.hotlists import ListTable
from edge.policy.law import LawText
from edge.policy.policy import Policy
from edge.policy.subscribers import RegistryTable
from edge.written import SPELLED, Written, parse_toml


class Cameras(Written):
    """As much of device.toml."""

    camera: tuple[Camera, ...]


def patterns(schema: object) -> Iterator[str]:
    """Every pattern in a JSON schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for inner in schema.values():
            yield from patterns(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns(inner)


@pytest.mark.parametrize("model", [Policy, RegistryTable, ListTable, LawText, Config])
def test_nobody_is_shown_a_pattern(model: type[BaseModel]) -> None:
    assert set(patterns(model.model_json_schema())) <= set(SPELLED)


def test_a_text_that_does_not_fit_is_told_in_words() -> None:
    text = '[[subscriber]]\nid = "Fox Lake PD"\n'
    with pytest.raises(PolicyError, match=r"`id` must be 1 to 64 small letters, digits and -"):
        parse_toml(text, RegistryTable, file="subscribers.toml", error=PolicyError)


@pytest.mark.parametrize("written", ["2027-01-29", "2027-01-29T00:00:00", '"soon"'])
def test_a_time_that_is_none_is_told_in_the_same_words(tmp_path: Path, written: str) -> None:
    desk.copy_examples(tmp_path, now=datetime(2026, 11, 23, tzinfo=UTC))
    policy = next(tmp_path.rglob("policy.toml"))
    policy.write_text(re.sub(r"(?m)^valid_until = .*$", f"valid_until = {written}", policy.read_text()))
    with pytest.raises(PolicyError, match="must be a time with its zone, such as 2026-12-31T00:00:00Z"):
        desk.open_bundle(policy.parent, pin=None)


def test_a_mistake_within_lists_of_lists_is_told_with_its_key_and_one_after_them_with_its_line() -> None:
    camera = '[[camera]]\nid = "lane-1"\nurl = "rtsp://h/1"\n'
    zones = "zones = [\n  [[0.0, 0.3],\n   [1.0, 0.3],\n   [%s, 1.0]],\n]\n"
    with pytest.raises(ConfigError, match=re.escape("[[camera]] number 1 `zones[0][2][0]` must be")):
        parse_toml(camera + zones % "2.0", Cameras, file="device.toml", error=ConfigError)
    with pytest.raises(ConfigError, match=r"unknown key `msks`, did you mean `masks`\? \(line 9\)"):
        parse_toml(f"{camera}{zones % '1.0'}msks = []\n", Cameras, file="device.toml", error=ConfigError)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("device.toml", load),
        ("policy.toml", lambda path: desk.open_bundle(path.parent, pin=None)),
        ("subscribers.toml", lambda path: registry.agencies(path.parent)),
    ],
)
def test_a_file_with_a_byte_order_mark_is_told_the_mend_that_helps(
    tmp_path: Path, name: str, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "city" / name
    desk.copy_examples(path.parent, now=datetime(2026, 11, 23, tzinfo=UTC))
    written = path.read_text() if path.exists() else ""
    path.write_text(written, encoding="utf-8-sig")
    with pytest.raises(HomeruleError, match=f"{name}: begins with a byte-order mark, save it as UTF-8 without one$"):
        read(path)
