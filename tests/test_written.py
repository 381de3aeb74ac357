"""What a person is told of what was written."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from edge.config import Config
from edge.errors import PolicyError
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
