"""subscribers.toml edited in place: what was asked for changes, nothing else does, or nothing at all."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit

from edge.desk import registry
from edge.errors import PolicyError
from edge.keys import new_sealing_key, public_text
from edge.policy import subscribers
from tests.desk.house import AGREEMENT, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def text(house: House) -> str:
    return (house.folder / "subscribers.toml").read_text()


def agencies(house: House) -> dict[str, subscribers.Subscriber]:
    return subscribers.parse(text(house))


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def dupage(folder: Path, **changes: Any) -> dict[str, Any]:
    table = {
        "id": "dupage-so",
        "name": "DuPage County Sheriff",
        "agency_id": "IL0220X00",
        "agency_id_scheme": "ori",
        "kind": "county",
        "state": "US-IL",
        "channels": ["statewide-lookup"],
        "purposes": ["stolen_vehicle"],
        "feed": "hits",
        "certificate_name": "dupage-so",
        "sealing_key": public_text(new_sealing_key(folder / "dupage.key")),
    }
    return {**table, **changes}


@pytest.mark.parametrize("name", ["prospect-grove-pd", "fox-lake-pd", "brazos-bend-so", "lakeshore-task-force"])
def test_a_suspension_is_one_line_in_the_right_place_and_its_end_takes_it_away(house: House, name: str) -> None:
    before = text(house)
    assert registry.suspend(house.folder, name) is True
    assert changed(before, text(house)) == ["+suspended = true"]
    assert [one for one, agency in agencies(house).items() if agency.suspended] == [name]
    assert registry.suspend(house.folder, name) is False
    assert registry.resume(house.folder, name) is True
    assert text(house) == before
    assert registry.resume(house.folder, name) is False


def test_a_suspension_that_stands_there_with_a_comment_keeps_it(house: House) -> None:
    house.edit('id = "fox-lake-pd"', 'id = "fox-lake-pd"\nsuspended = false  # so far', "subscribers.toml")
    registry.suspend(house.folder, "fox-lake-pd")
    assert "suspended = true  # so far" in text(house)
    registry.resume(house.folder, "fox-lake-pd")
    assert "suspended = false  # so far" in text(house)


@pytest.mark.parametrize("name", ["Fox Lake Police Department, Wisconsin", "wi0280x00", "FOX-LAKE-PD"])
def test_an_agency_goes_by_its_name_and_its_number_too(house: House, name: str) -> None:
    assert registry.find(house.folder, name).id == "fox-lake-pd"


def test_a_name_that_two_agencies_have_is_asked_for_by_its_id(house: House) -> None:
    other = next(one for one in registry.ids(house.folder) if one != "fox-lake-pd")
    name = registry.find(house.folder, other).name
    house.edit(f'name = "{name}"', 'name = "Fox Lake Police Department, Wisconsin"', "subscribers.toml")
    with pytest.raises(PolicyError, match=f"may be `.*{other}.*, say which by its id"):
        registry.suspend(house.folder, "fox lake police department, wisconsin")
    assert registry.suspend(house.folder, "fox-lake-pd")


def test_an_unknown_agency_is_refused_with_the_nearest(house: House) -> None:
    with pytest.raises(PolicyError, match="did you mean `fox-lake-pd`"):
        registry.suspend(house.folder, "fox-lake")


def test_an_agency_more_stands_at_the_end(house: House) -> None:
    before = text(house)
    registry.add(house.folder, dupage(house.root))
    assert text(house).startswith(before)
    assert agencies(house)["dupage-so"].name == "DuPage County Sheriff"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "fox-lake-pd"}, "there is an agency `fox-lake-pd` already"),
        ({"id": "Fox Lake"}, "small letters, digits and -"),
        ({"kind": "sheriff"}, "`kind` cannot be `sheriff`"),
        ({"purposes": ["stolen"]}, "did you mean `stolen_"),
        ({"agency_id": "IL1"}, "is no ORI"),
        ({"channels": "national-lookup"}, "must be a list"),
        ({"members": ["nobody"]}, "has members"),
        ({"certificate_name": "fox-lake-pd"}, "has the certificate_name of `fox-lake-pd`"),
        ({"sealing_key": "x"}, "must be a public key"),
    ],
)
def test_an_agency_that_would_be_refused_is_not_written(house: House, changes: dict[str, Any], said: str) -> None:
    before = text(house)
    with pytest.raises(PolicyError) as refused:
        registry.add(house.folder, dupage(house.root, **changes))
    assert said in str(refused.value)
    assert text(house) == before


def test_an_agency_removed_takes_its_comment_along_and_leaves_the_others(house: House) -> None:
    house.edit(
        '[[subscriber]]\nid = "johnson-fork-so"',
        '# asked for twice\n[[subscriber]]\nid = "johnson-fork-so"',
        "subscribers.toml",
    )
    before = agencies(house)
    registry.remove(house.folder, "johnson-fork-so")
    assert "asked for twice" not in text(house)
    del before["johnson-fork-so"]
    assert agencies(house) == before


def test_the_head_of_the_file_stays_when_its_first_agency_goes(house: House) -> None:
    house.edit("prospect-grove-pd", "cook-auto-theft", "policy.toml")
    head = text(house).splitlines()[0]
    registry.remove(house.folder, "prospect-grove-pd")
    assert text(house).splitlines()[0] == head


def test_the_id_of_a_removed_agency_is_never_used_again(house: House) -> None:
    registry.remove(house.folder, "johnson-fork-so")
    registry.remove(house.folder, "brazos-bend-so")
    assert 'retired = ["johnson-fork-so", "brazos-bend-so"]' in text(house)
    with pytest.raises(PolicyError, match="was the id of an agency that was removed"):
        registry.add(house.folder, dupage(house.root, id="johnson-fork-so"))
    house.sign()


def test_an_agency_that_the_policy_names_is_not_removed(house: House) -> None:
    before = text(house)
    for name, said in (("fox-lake-pd", "direct"), ("prospect-grove-pd", "owner"), ("cook-auto-theft", "member")):
        with pytest.raises(PolicyError, match=said):
            registry.remove(house.folder, name)
    assert text(house) == before


@pytest.mark.parametrize("name", ["cook-auto-theft", "fox-lake-pd", "lakeshore-task-force"])
def test_an_agreement_more_stands_under_its_agency(house: House, name: str) -> None:
    before, had = text(house), agencies(house)
    registry.add_agreement(house.folder, name, AGREEMENT)
    assert all(line.startswith("+") for line in changed(before, text(house)))
    now = agencies(house)
    assert [one.id for one in now[name].agreements] == [*(one.id for one in had[name].agreements), "cook-2026"]
    assert {one: now[one].agreements for one in now if one != name} == {
        one: had[one].agreements for one in had if one != name
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"form": "handshake"}, "`form` cannot be `handshake`"),
        ({"document_sha256": "AB"}, "64"),
        ({"expires_on": AGREEMENT["signed_on"]}, "ends before it begins"),
        ({"id": "fox-lake-2026"}, "has two agreements"),
        ({"purposes": ["whatever"]}, "`purposes"),
    ],
)
def test_an_agreement_that_would_be_refused_is_not_written(house: House, changes: dict[str, Any], said: str) -> None:
    before = text(house)
    with pytest.raises(PolicyError) as refused:
        registry.add_agreement(house.folder, "fox-lake-pd", {**AGREEMENT, **changes})
    assert said in str(refused.value)
    assert text(house) == before


def test_a_registry_written_in_one_line_is_left_to_a_person(house: House) -> None:
    written = tomllib.loads(text(house))
    tables = [{key: value for key, value in one.items() if key != "agreement"} for one in written["subscriber"]]
    inline = "subscriber = [\n" + ",\n".join(_inline(one) for one in tables) + "\n]\n"
    (house.folder / "subscribers.toml").write_text(inline)
    with pytest.raises(PolicyError, match="change it by hand"):
        registry.suspend(house.folder, "cook-auto-theft")
    assert text(house) == inline


def _inline(table: dict[str, Any]) -> str:
    made = tomlkit.inline_table()
    made.update(table)
    return made.as_string()


def test_an_edit_keeps_mode_and_group(house: House) -> None:
    path = house.folder / "subscribers.toml"
    path.chmod(0o660)
    registry.suspend(house.folder, "fox-lake-pd")
    assert path.stat().st_mode & 0o777 == 0o660
