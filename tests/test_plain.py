"""The plain part of TOML is read just as the whole of TOML reads it, or not at all."""

import tomllib
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.desk.examples import examples
from edge.plain import plain_toml

LINES = [
    "a = 1",
    "b = 0",
    "b = 007",
    "a = true",
    'a = "x"',
    'b = "é # no comment"  # a comment',
    'b = "back\\\\slash"',
    "c = 'single'",
    "c = []",
    'c = ["x", "y"]',
    'c = ["x" "y"]',
    'c = ["x",]',
    "c = [,]",
    'c = [ "x" , ]  # told',
    "d = 2026-02-28",
    "d = 2026-02-30",
    "d = 2026-02-28T00:00:00Z",
    "e = 1.5",
    "e = -1",
    "e = {x = 1}",
    "a.b = 1",
    '"a" = 1',
    "[a]",
    "[b]",
    "[a.b]",
    "[[a]]",
    "[[b]]",
    "[[a.b]]",
    "[[a.c]]",
    "[[a.b.c]]",
    "[[a]",
    "[a]]",
    "# only a comment",
    "",
    "  \t",
    '\tkey\t=\t"tab\tin it"',
    "a = 1\r",
    "a = 1 b = 2",
    "a =",
    "nonsense",
    'f = """',
    "f = 1_000",
    "f = 0x10",
    "f = 123456789012345678901234567890",
    'g = "\x7f"',
    "# \x01",
    'h = "\u2028"',
]


def agree(text: str) -> None:
    read = plain_toml(text)
    if read is not None:
        assert read == tomllib.loads(text)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=7))
def test_what_is_read_is_what_toml_says(lines: list[str]) -> None:
    agree("\n".join(lines))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab=[]\"#., \n\t\\-_01\r'{}:", max_size=40))
def test_random_text_is_read_as_toml_says_or_not_at_all(text: str) -> None:
    agree(text)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_registry_with_a_character_changed_is_read_as_toml_says_or_not_at_all(data: st.DataObject) -> None:
    text = (examples() / "subscribers.toml").read_text(encoding="utf-8")[:1500]
    place = data.draw(st.integers(0, len(text) - 1))
    instead = data.draw(st.sampled_from(["", '"', "\n", "#", "]", "[", "=", "\\", "\x00", "é", " ", "1"]))
    agree(text[:place] + instead + text[place + data.draw(st.integers(0, 1)) :])


def test_a_registry_as_it_is_mostly_written_is_plain() -> None:
    text = (examples() / "subscribers.toml").read_text(encoding="utf-8")
    assert plain_toml(text) == tomllib.loads(text)


@pytest.mark.parametrize("value", [date(2026, 2, 28), 12, True, "x", ["x", "y"], []])
def test_each_plain_value_is_read(value: object) -> None:
    shown = {date: "2026-02-28", int: "12", bool: "true", str: '"x"'}.get(type(value), str(value).replace("'", '"'))
    assert plain_toml(f"key = {shown}") == {"key": value}


@pytest.mark.parametrize("line", [one for one in LINES if "b.c" in one or "\\" in one or "'" in one or "{" in one])
def test_what_is_not_plain_is_left_to_the_whole_of_toml(line: str) -> None:
    assert plain_toml(line) is None
