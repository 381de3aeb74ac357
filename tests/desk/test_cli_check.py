"""`policy check`, `policy diff`, `law` and `hotlist`, as a person types them."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from edge import desk
from edge.desk.laws import packs
from edge.keys import new_signing_key
from tests.desk.house import NOW
from tests.desk.test_cli_policy import homerule
from tests.policy.test_hotlists import as_csv, entry

AT = ("--at", NOW.isoformat())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    desk.copy_examples(tmp_path / "policy", now=NOW)
    return tmp_path / "policy"


def edit(folder: Path, before: str, after: str, name: str = "policy.toml") -> None:
    written = (folder / name).read_text()
    assert before in written
    (folder / name).write_text(written.replace(before, after, 1))


def test_a_folder_in_order_has_notes_and_exit_code_0(folder: Path) -> None:
    code, said, _ = homerule("policy", "check", folder, *AT)
    assert code == 0
    assert "note: the folder is not signed yet" in said
    assert "in order: 7 agencies, 2 hot-list entries" in said


def test_a_misspelt_key_is_wrong_and_gets_a_hint(folder: Path) -> None:
    edit(folder, "national_lookup", "natonal_lookup")
    code, _, complained = homerule("policy", "check", folder, *AT)
    assert code == 1
    assert "did you mean `national_lookup`?" in complained


def test_an_agency_that_can_get_nothing_is_named_with_the_reason(folder: Path) -> None:
    _, said, _ = homerule("policy", "check", folder, *AT)
    assert "(brazos-bend-so) can get nothing: The city has switched National Lookup off." in said
    assert "(fox-lake-pd) can get nothing" not in said


def test_an_agreement_that_ends_soon_is_named(folder: Path) -> None:
    _, said, _ = homerule("policy", "check", folder, "--at", "2027-10-10T00:00:00Z")
    assert "of Fox Lake Police Department, Wisconsin (fox-lake-pd) ends on 2027-10-24, in 14 days" in said


def test_a_policy_that_runs_out_soon_is_a_note_and_one_that_ran_out_is_wrong(folder: Path) -> None:
    code, said, _ = homerule("policy", "check", folder, "--at", "2027-01-15T00:00:00Z")
    assert "`valid_until` is in 7 days" in said
    code, said, _ = homerule("policy", "check", folder, "--at", "2027-02-01T00:00:00Z")
    assert code == 1
    assert "wrong: policy.toml: `valid_until` passed" in said


def test_a_policy_signed_at_a_time_still_to_come_is_wrong_and_the_mend_names_the_clocks(folder: Path) -> None:
    key = new_signing_key(folder / "city.key")
    desk.sign(folder, key=key, now=NOW, devices=("pole-1",))
    before = (NOW - timedelta(hours=1)).isoformat()
    code, said, _ = homerule("policy", "check", folder, "--pin", folder / "city.key.pub", "--at", before)
    assert code == 1
    assert "wrong: manifest.json: was signed at a time that is still to come" in said
    assert "set the clock right that is wrong, here or where it was signed, and sign again" in said
    _, said, _ = homerule("policy", "show", folder, "--pin", folder / "city.key.pub", "--at", before)
    assert "The policy was signed at a time that is still to come, so only the owner is served." in said
    code, said, _ = homerule("policy", "check", folder, "--pin", folder / "city.key.pub", *AT)
    assert code == 0, said


def test_a_pack_that_nobody_reviewed_is_a_note_once(folder: Path) -> None:
    edit(folder, "reviewed_by", "# reviewed_by")
    code, said, _ = homerule("policy", "check", folder, *AT)
    assert code == 0
    assert said.count("nobody has reviewed it") == 1
    assert "(fox-lake-pd)" not in said


def test_a_policy_without_the_pack_of_its_own_state_is_wrong(folder: Path) -> None:
    edit(folder, 'packs = ["us-il"]', 'packs = ["generic"]')
    (folder / "laws/us-il.toml").unlink()
    (folder / "laws/generic.toml").write_bytes(desk.law_text("generic"))
    code, said, _ = homerule("policy", "check", folder, *AT)
    assert code == 1
    assert "wrong: policy.toml: [law] `packs` does not name `us-il`, the pack for `US-IL`" in said


def test_a_switch_that_a_pack_overrides_is_a_note(folder: Path) -> None:
    edit(
        folder,
        'access = "instrument"\nforms = ["judicial-warrant", "court-order"]',
        'access = "never"',
        "laws/us-il.toml",
    )
    edit(folder, 'federal          = "never"  ', 'federal          = "judicial-warrant"')
    _, said, _ = homerule("policy", "check", folder, *AT)
    assert "Under us-il no federal agency gets anything, whatever the switch says." in said


def test_a_hot_list_that_is_refused_is_wrong(folder: Path) -> None:
    edit(folder, '"stolen_vehicle"', '"immigration_enforcement"', "hotlists/county-stolen.toml")
    code, said, complained = homerule("policy", "check", folder, *AT)
    assert code == 1
    assert "banned purpose" in complained
    assert "AB12345" not in said + complained


def test_a_hot_list_near_its_cap_is_a_note(folder: Path) -> None:
    edit(folder, "cap = 500", "cap = 2")
    code, said, _ = homerule("policy", "check", folder, *AT)
    assert code == 0
    assert "hot list `county-stolen` has 2 of at most 2 entries" in said


def test_a_full_feed_that_comes_to_nothing_is_a_note(folder: Path) -> None:
    edit(folder, "full_feed        = []", 'full_feed        = ["fox-lake-pd"]')
    edit(folder, "[retention]", 'grades = ["felony"]\n\n[retention]')
    _, said, _ = homerule("policy", "check", folder, *AT)
    assert "but grades of offence are in force: hits only" in said


@pytest.fixture
def changed(folder: Path) -> Path:
    other = Path(shutil.copytree(folder, folder.with_name("changed")))
    edit(other, 'direct           = ["fox-lake-pd"]', "direct           = []")
    edit(other, "national_lookup  = false", "national_lookup  = true ")
    return other


def test_a_difference_is_told_by_switch_agency_and_channel(folder: Path, changed: Path) -> None:
    code, said, _ = homerule("policy", "diff", folder, changed, *AT)
    assert code == 0
    assert "from then on: National Lookup is on." in said
    assert "loses: Fox Lake Police Department, Wisconsin (fox-lake-pd) by direct: nothing any more" in said
    assert "gains: Brazos Bend County Sheriff, Texas (brazos-bend-so) by national-lookup: hits only" in said


def test_the_same_policy_makes_no_difference(folder: Path) -> None:
    _, said, _ = homerule("policy", "diff", folder, folder, *AT)
    assert said.strip() == "Nobody gains or loses by it as things stand today."


@pytest.mark.parametrize("named", [".", "reads.jsonl", "decisions.jsonl"])
def test_on_recorded_reads_each_agency_s_gains_and_losses_are_counted(
    folder: Path, changed: Path, tmp_path: Path, named: str
) -> None:
    reads = [{"text": text, "frames": 5} for text in ("AB12345", "ZK95417", "XX00000")]
    (tmp_path / "reads.jsonl").write_text("".join(json.dumps(read) + "\n" for read in reads))
    _, said, _ = homerule("policy", "diff", folder, changed, "--on", tmp_path / named, *AT)
    rows = {
        line.split("(")[1].split(")")[0]: [cell.strip() for cell in line.split("│")[2:6]]
        for line in said.splitlines()
        if line.startswith("│")
    }
    assert rows["prospect-grove-pd"] == ["3", "3", "0", "0"]
    assert rows["brazos-bend-so"][0] == "0"
    assert int(rows["brazos-bend-so"][2]) > 0
    assert "AB12345" not in said


def test_a_replay_without_reads_is_said_so(folder: Path, tmp_path: Path) -> None:
    code, _, complained = homerule("policy", "diff", folder, folder, "--on", tmp_path / "reads.jsonl", *AT)
    assert code == 1
    assert "reads.jsonl`: cannot be read" in complained


def test_a_read_without_a_number_of_frames_is_said_by_its_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "reads.jsonl").write_text('{"text":"A","frames":Infinity}\n')
    code, _, complained = homerule("policy", "diff", folder, folder, "--on", tmp_path, *AT)
    assert code == 1
    assert "line 1 is not a read" in complained


@pytest.mark.parametrize("pack", [pack.id for pack in packs()])
def test_a_pack_is_shown_with_each_citation_and_mark(pack: str) -> None:
    code, said, _ = homerule("law", "show", pack)
    flat = " ".join(said.split())
    found = next(one for one in packs() if one.id == pack).text
    assert code == 0
    for cited in (
        found.collection,
        found.retention,
        found.purposes,
        found.recipients.federal,
        found.recipients.in_state,
    ):
        assert " ".join(f"Source: {cited.citation} Seen: {cited.mark.value},".split()) in flat
    for purpose in found.purposes.banned:
        assert purpose.value in flat
    ceiling = found.retention.seconds
    assert ceiling is None or f"({ceiling:,} seconds) at most" in flat


def test_every_pack_is_listed() -> None:
    _, said, _ = homerule("law", "list")
    assert {line.split()[0] for line in said.splitlines()[:-1]} == {pack.id for pack in packs()}


def test_a_misspelt_pack_gets_a_hint() -> None:
    code, _, complained = homerule("law", "show", "us-ill")
    assert (code, "did you mean `us-il`?" in complained) == (1, True)


def test_a_source_signs_its_list_and_the_next_is_the_next_version(tmp_path: Path) -> None:
    new_signing_key(tmp_path / "source.key")
    (tmp_path / "metro.csv").write_text(as_csv([entry()]))
    for version in (1, 2):
        code, said, _ = homerule(
            "hotlist", "sign", tmp_path / "metro.csv", "--key", tmp_path / "source.key", "--id", "metro"
        )
        assert (code, f"signed version {version} of metro" in said) == (0, True)


def test_hot_lists_are_counted_and_never_shown(folder: Path) -> None:
    code, said, _ = homerule("hotlist", "list", folder)
    assert code == 0
    assert "2 entries" in said
    assert "purpose stolen_plate: 1" in said
    assert "12345" not in said


def test_a_list_that_is_refused_makes_the_check_fail(folder: Path) -> None:
    assert homerule("hotlist", "check", folder)[0] == 0
    edit(folder, "cap = 500", "cap = 1")
    code, said, complained = homerule("hotlist", "check", folder, "county-stolen")
    assert code == 1
    assert "cap of 1" in complained
    assert "12345" not in said + complained


def test_a_misspelt_list_gets_a_hint(folder: Path) -> None:
    assert "did you mean `county-stolen`?" in homerule("hotlist", "check", folder, "county-stollen")[2]


def test_init_says_which_law_pack_it_takes(tmp_path: Path) -> None:
    code, said, _ = homerule("init", tmp_path / "city", "--state", "US-WI", "--place", "Fox Lake")
    assert code == 0
    assert "There is no law pack for US-WI yet" in said
    assert "homerule law show generic" in said


def test_init_knows_no_other_states_than_there_are(tmp_path: Path) -> None:
    code, _, complained = homerule("init", tmp_path / "city", "--state", "il", "--place", "Fox Lake")
    assert (code, "did you mean `US-IL`?" in complained) == (1, True)
    assert not (tmp_path / "city").exists()


@pytest.mark.parametrize("state", ["Illinois", "Virginia", "US-ILL"])
def test_init_suggests_no_other_state_than_the_one_that_was_meant(tmp_path: Path, state: str) -> None:
    code, _, complained = homerule("init", tmp_path / "city", "--state", state, "--place", "Fox Lake")
    assert (code, "did you mean" in complained, "write it as US-IL" in complained) == (1, False, True)
