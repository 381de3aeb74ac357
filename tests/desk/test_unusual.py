"""Files that are sound and written in an unusual way: what was asked for stands there afterwards, or it is said so."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge import desk
from edge.desk import edit, registry
from edge.errors import PolicyError
from edge.keys import new_sealing_key, public_text
from tests.desk.house import AGREEMENT, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def channels_at_the_end(text: str) -> str:
    return text + "\n[sharing.channels]\nregional = true   # the county's\n"


def channels_before(text: str) -> str:
    return text.replace("[jurisdiction]", "[sharing.channels]\nregional = true   # the county's\n\n[jurisdiction]", 1)


def dotted(text: str) -> str:
    """Every key of `[sharing]` by its full name, the first at the top of the file and the others apart from it."""
    head, _, rest = text.partition("[sharing]\n")
    table, _, tail = rest.partition("\n\n")
    lines = [f"sharing.{line}" for line in table.splitlines()]
    heading = head.index("[jurisdiction]")
    apart = [lines[0], f"valid_until = {tomllib.loads(text)['valid_until'].isoformat()}", *lines[1:]]
    top = "\n".join(line for line in head[:heading].splitlines() if not line.startswith("valid_until"))
    return "\n".join([top, *apart, "sharing.channels.regional = true   # the county's", "", head[heading:] + tail])


UNUSUAL: list[Callable[[str], str]] = [channels_at_the_end, channels_before, dotted]


def rewrite(house: House, unusual: Callable[[str], str]) -> str:
    path = house.folder / "policy.toml"
    path.write_text(unusual(path.read_text()))
    house.sign()
    house.take_up()
    return path.read_text()


@pytest.mark.parametrize("unusual", UNUSUAL)
@pytest.mark.parametrize(("switch", "key"), [("statewide-lookup", "statewide_lookup"), ("regional", "regional")])
def test_a_table_written_in_several_places_is_closed_in_place(
    house: House, unusual: Callable[[str], str], switch: str, key: str
) -> None:
    before = rewrite(house, unusual)
    assert desk.opt_out(house.folder, switch)
    after = (house.folder / "policy.toml").read_text()
    gone, come = [
        [line for line in one.splitlines() if line not in other.splitlines()]
        for one, other in ((before, after), (after, before))
    ]
    assert (len(gone), len(come)) == (1, 1)
    assert come[0].split() == [word if word != "true" else "false" for word in gone[0].split()]
    assert key in come[0]
    assert "#" in come[0]
    assert house.take_up().channels[switch] is False


@pytest.mark.parametrize("unusual", UNUSUAL)
def test_a_table_written_in_several_places_is_opened_in_place(house: House, unusual: Callable[[str], str]) -> None:
    rewrite(house, unusual)
    assert desk.opt_in(house.folder, "national-lookup")
    assert desk.opt_out(house.folder, "out-of-state")
    assert desk.opt_in(house.folder, "out-of-state", value="listed-states")
    sharing = tomllib.loads((house.folder / "policy.toml").read_text())["sharing"]
    assert (sharing["national_lookup"], sharing["out_of_state"]) == (True, "listed-states")


@pytest.mark.parametrize("error", [AttributeError, KeyError, ValueError])
@pytest.mark.parametrize(
    ("module", "act"),
    [
        (edit, lambda house: desk.opt_out(house.folder, "statewide-lookup")),
        (edit, lambda house: desk.opt_in(house.folder, "national-lookup")),
        (registry, lambda house: registry.set_sealing_key(house.folder, "fox-lake-pd", house.pin.read_text().strip())),
    ],
)
def test_what_cannot_be_edited_in_place_is_left_to_a_person(
    house: House, monkeypatch: pytest.MonkeyPatch, error: type[Exception], module: Any, act: Callable[[House], object]
) -> None:
    def cannot(*_: object) -> None:
        raise error("something inside")

    before = {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()}
    monkeypatch.setattr(module, "set_value", cannot)
    with pytest.raises(PolicyError, match="cannot be edited in place, change it by hand"):
        act(house)
    assert {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()} == before


def of_agency(house: House, agency: str, **lines: str) -> str:
    """Puts lines right under the id of one agency."""
    path = house.folder / "subscribers.toml"
    text = path.read_text()
    begin = f'id = "{agency}"'
    assert begin in text
    path.write_text(text.replace(begin, "\n".join([begin, *(f"{key} = {value}" for key, value in lines.items())]), 1))
    return path.read_text()


def test_a_suspension_under_a_quoted_key_is_left_to_a_person(house: House) -> None:
    before = of_agency(house, "fox-lake-pd", **{'"suspended"': "false"})
    with pytest.raises(PolicyError, match=r"subscribers\.toml: is written in a way that cannot be edited in place"):
        registry.suspend(house.folder, "fox-lake-pd")
    assert (house.folder / "subscribers.toml").read_text() == before


def test_an_agreement_beside_others_in_one_line_is_left_to_a_person(house: House) -> None:
    before = of_agency(house, "cook-auto-theft", agreement="[]")
    with pytest.raises(PolicyError, match=r"subscribers\.toml: is written in a way that cannot be edited in place"):
        registry.add_agreement(house.folder, "cook-auto-theft", AGREEMENT)
    assert (house.folder / "subscribers.toml").read_text() == before


def test_an_agency_with_a_comment_beside_its_suspension_is_suspended_and_given_an_agreement_and_a_key(
    house: House,
) -> None:
    of_agency(house, "fox-lake-pd", suspended="false   # not now")
    key = public_text(new_sealing_key(house.root / "fox.key"))
    assert registry.suspend(house.folder, "fox-lake-pd")
    registry.add_agreement(house.folder, "fox-lake-pd", AGREEMENT)
    assert registry.set_sealing_key(house.folder, "fox-lake-pd", key)
    found = registry.find(house.folder, "fox-lake-pd")
    assert (found.suspended, found.sealing_key, found.agreement[-1].id) == (True, key, "cook-2026")
    assert "suspended = true   # not now" in (house.folder / "subscribers.toml").read_text()
