"""The example device.toml names every key that there is, and is right with each of them."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from edge.config import Config, load

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "device.toml"
TABLES: dict[str, type[BaseModel]] = {
    name: field.annotation.__args__[0] if name == "camera" else field.annotation
    for name, field in Config.model_fields.items()
}


def section(name: str) -> str:
    """The lines of one table."""
    found = re.search(rf"^\[+{name}\]+.*?(?=^\[|\Z)", EXAMPLE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("table", TABLES)
def test_every_key_stands_in_the_example(table: str) -> None:
    named = set(re.findall(r"^(?:# )?([a-z_]+) +=|^(?:# )?([a-z_]+)=", section(table), re.MULTILINE))
    assert {one for pair in named for one in pair if one} == set(TABLES[table].model_fields)


def test_the_example_is_right_also_with_all_that_is_commented_out(tmp_path: Path) -> None:
    file = tmp_path / "device.toml"
    # a camera's other keys are for other kinds of cameras, a login is for a broker that others run
    apart = r"^# (?!size|frames_per_second|command|pixel_format|repeat|username|password_file)([a-z_]+ *=)"
    file.write_text(re.sub(apart, r"\1", EXAMPLE.read_text(), flags=re.MULTILINE))
    assert load(file).device.collection_exception is not None
    assert load(EXAMPLE).device.collection_exception is None
