"""`init`, `sign`, `policy show` and `policy explain`, as a person types them."""

import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from edge import desk
from edge.cli import main
from edge.keys import new_signing_key
from tests.policy.city import NOW, agency, files, owner, policy


def homerule(*words: str | Path) -> tuple[int, str, str]:
    """Runs one command in this process; its exit code, what it said, and what it complained of."""
    said, complained = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["homerule", *map(str, words)]
    try:
        with redirect_stdout(said), redirect_stderr(complained), pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    return int(ended.value.code or 0), said.getvalue(), complained.getvalue()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cli") / "city"
    code, said, _ = homerule("init", place, "--state", "US-IL", "--place", "Mount Prospect")
    assert code == 0
    assert "the city clerk should" in said.replace("\n", " ")
    return place


def test_a_folder_made_by_init_is_shown_and_its_signature_holds(city: Path) -> None:
    code, said, _ = homerule("policy", "show", city, "--pin", city / "city.key.pub")
    assert code == 0
    assert "National Lookup is off" in said
    assert "was not checked" not in said


def test_on_eighty_columns_every_id_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, said, _ = homerule("policy", "show", desk.examples(), "--at", "2026-12-01T00:00:00Z")
    assert code == 0
    assert "\nLakeshore Task Force (lakeshore-task-force; task_force, US-IL)\n   statewide-lookup  nothing " in said
    assert "\n   direct            hits only" in said
    assert max(map(len, said.splitlines())) <= 80


def test_on_eighty_columns_every_rule_tells_its_whole_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    asked = ("--subscriber", "border-sector", "--hit", "stolen_vehicle", "--at", "2026-12-01T00:00:00Z")
    _, said, _ = homerule("policy", "explain", desk.examples(), *asked)
    assert "\nopt-outs by class     deny_optout_federal: The city shares with no federal" in said
    assert "\nlaw                   no objection" in said
    assert max(map(len, said.splitlines())) <= 80


def test_sign_makes_the_next_version(city: Path) -> None:
    code, said, _ = homerule("sign", city, "--key", city / "city.key")
    assert (code, said.split(" for")[0]) == (0, "signed version 2")


@pytest.mark.parametrize("has_public_key", [True, False])
def test_a_key_that_is_not_the_citys_signs_nothing(city: Path, tmp_path: Path, has_public_key: bool) -> None:
    """Without `city.key.pub` the key counts whose signature is there, whatever its file is called."""
    place = Path(shutil.copytree(city, tmp_path / "city"))
    own = place / "city.key.pub"
    if not has_public_key:
        own = own.rename(place / "chief.pub")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    code, said, complained = homerule("sign", place, "--key", place / "device.key")
    assert (code, said) == (1, "")
    assert f"`homerule pin rotate {own} --key OLD.KEY --new NEW.KEY.pub`" in complained
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("pin", ["city.key.pub", "pin.pub"])
def test_a_new_key_of_the_city_signs_once_the_old_one_has_vouched_for_it(city: Path, tmp_path: Path, pin: str) -> None:
    place = Path(shutil.copytree(city, tmp_path / "city"))
    if not (place / pin).exists():
        shutil.copy(place / "city.key.pub", place / pin)
    new_signing_key(tmp_path / "new.key")
    assert homerule("sign", place, "--key", tmp_path / "new.key")[0] == 1
    turned = ("--key", place / "city.key", "--new", tmp_path / "new.key.pub")
    assert homerule("pin", "rotate", place / pin, *turned)[0] == 0
    assert homerule("sign", place, "--key", tmp_path / "new.key")[0] == 0
    assert homerule("policy", "show", place, "--pin", place / pin)[0] == 0


def test_a_folder_that_nobody_vouches_for_takes_any_key(city: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(city, tmp_path / "city"))
    for name in ("city.key.pub", "manifest.json", "manifest.sig"):
        (place / name).unlink()
    new_signing_key(tmp_path / "new.key")
    assert homerule("sign", place, "--key", tmp_path / "new.key", "--device", "pole-1")[0] == 0


def test_explain_says_channel_rule_and_reason() -> None:
    code, said, _ = homerule(
        "policy",
        "explain",
        desk.examples(),
        "--subscriber",
        "fox-lake-pd",
        "--hit",
        "stolen_vehicle",
        "--at",
        "2026-12-01T00:00:00Z",
    )
    assert code == 0
    assert "share" in said
    assert "channel: direct" in said
    assert "\nchannel               direct is open" in said
    assert "deny_optout_national_lookup" in said


def test_explain_takes_a_line_of_reads(tmp_path: Path) -> None:
    (tmp_path / "read.json").write_text(json.dumps({"text": "AB12345", "confidence": 0.9}))
    code, said, _ = homerule(
        "policy",
        "explain",
        desk.examples(),
        "--subscriber",
        "cook-auto-theft",
        "--read",
        tmp_path / "read.json",
        "--at",
        "2026-12-01T00:00:00Z",
    )
    assert code == 0
    assert "channel: statewide-lookup" in said


def test_a_wished_hit_is_for_an_offence_of_the_state_where_the_camera_stands(tmp_path: Path) -> None:
    """Virginia: investigations of its own offences alone. A hit that says nothing of a state would be refused there."""
    there = {"state": "US-VA", "purposes": ["criminal_felony"]}
    written = policy({"jurisdiction": {"state": "US-VA"}, "law": {"packs": ["us-va"]}})
    for name, content in files(written, [owner(**there), agency("county", **there)]).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    asked = ("--subscriber", "county", "--hit", "criminal_felony", "--at", NOW.isoformat())
    _, said, _ = homerule("policy", "explain", tmp_path, *asked)
    assert "The county: share" in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["policy", "show", "/nowhere"], 1, "no such policy folder"),
        (["policy", "explain", "EXAMPLES", "--subscriber", "fox-lake"], 1, "did you mean `fox-lake-pd`?"),
        (["policy", "explain", "EXAMPLES", "--subscriber", "fox-lake-pd", "--hit", "stolen"], 1, "there is no purpose"),
        (["policy", "explain", "EXAMPLES", "--subscriber", "fox-lake-pd", "--at", "noon"], 1, "is no time"),
        (["policy", "explain", "EXAMPLES", "--subscriber", "fox-lake-pd", "--read", "/nowhere"], 1, "cannot be read"),
        (["policy", "explain", "EXAMPLES"], 2, "--subscriber"),
        (["sign", "EXAMPLES", "--key", "/nowhere"], 1, "no such"),
        (["policy", "show", "EXAMPLES", "--at", "9999-12-31T23:59:59Z"], 1, "a year from 1970 to 2999"),
        (["policy", "check", "EXAMPLES", "--at", "0001-01-01T00:00:00Z"], 1, "a year from 1970 to 2999"),
        (["replay", "EXAMPLES", "--at", "9999-12-31T23:59:59Z"], 2, "a year from 2001 to 2198"),
        (["replay", "EXAMPLES", "--at", "0001-01-01T00:00:00+14:00"], 2, "a year from 2001 to 2198"),
        (["replay", "EXAMPLES", "--at", "1999-11-02T08:00:00Z"], 2, "a year from 2001 to 2198"),
        (["audit", "report", "EXAMPLES", "--from", "9999-12-31T23:59:59Z"], 1, "`--from 9999"),
        (
            ["init", "SOMEWHERE", "--state", "US-IL", "--place", "X", "--device", "pole_1"],
            1,
            "`--device pole_1` is no device's id",
        ),
        (["init", "SOMEWHERE", "--state", "US-IL", "--place", "a\nb"], 1, "`--place` must be one line"),
        (["init", "SOMEWHERE", "--state", "US-IL", "--place", "a\udcff"], 1, "`--place` must be one line"),
        (["init", "", "--state", "US-IL", "--place", "X"], 1, "no name for a new folder"),
        (["init", "SOMEWHERE"], 2, "--state"),
        (["init", "EXAMPLES", "--state", "US-IL", "--place", "X"], 1, "not written over"),
    ],
)
def test_bad_input_is_answered_with_the_mend(words: list[str], code: int, said: str, tmp_path: Path) -> None:
    places = {"EXAMPLES": str(desk.examples()), "SOMEWHERE": str(tmp_path / "new")}
    got, _, complained = homerule(*(places.get(word, word) for word in words))
    assert got == code
    assert said in complained
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--device", "Bad_Dev"], "`--device Bad_Dev` is no device's id"),
        (["--replaces", "xx"], "`--replaces xx` is no digest"),
        (["--version", "99999999999"], "`--version 99999999999` leaves no room for later ones"),
    ],
)
def test_a_signature_that_no_camera_would_take_is_refused_with_the_mend(
    words: list[str], said: str, city: Path
) -> None:
    before = (city / "manifest.json").read_bytes()
    code, _, complained = homerule("sign", city, "--key", city / "city.key", *words)
    assert (code, len(complained.splitlines())) == (1, 1)
    assert said in complained
    assert (city / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--id", "Bad ID"], "`--id Bad ID` is no list's id"),
        (["--id", "hot", "--version", "99999999999999999999"], "a version is at most"),
    ],
)
def test_a_list_that_no_city_would_take_is_not_signed(words: list[str], said: str, city: Path, tmp_path: Path) -> None:
    shutil.copy(desk.examples() / "hotlists" / "county-stolen.toml", tmp_path / "hot.toml")
    code, _, complained = homerule("hotlist", "sign", tmp_path / "hot.toml", "--key", city / "city.key", *words)
    assert (code, len(complained.splitlines())) == (1, 1)
    assert said in complained
    assert not (tmp_path / "hot.toml.sig").exists()
