"""What a person is told of what was written."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge import desk
from edge.config import Config, load
from edge.desk import registry
from edge.errors import HomeruleError, PolicyError
from edge.policy.hotlists import ListTable
from edge.policy.law import LawText
from edge.policy.policy import Policy
from edge.policy.subscribers import RegistryTable
from edge.written import SPELLED, parse_toml


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
