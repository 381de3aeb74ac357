"""The desk: folders read whole, signed, edited in place, taken up or refused."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge import desk
from edge.errors import ConfigError, PolicyError
from edge.keys import load_public, load_signing_key, new_signing_key
from edge.policy.bundle import Bundle

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANSWERS = desk.Answers(
    state="US-IL",
    place="Village",
    county_fips="17031",
    owner_id="village-pd",
    owner_name="Village Police Department",
    owner_agency_id="local-1",
    device_id="pole-1",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example policy, signed with a city key that lies beside it."""
    place = tmp_path / "policy"
    desk.copy_examples(place, now=NOW)
    new_signing_key(tmp_path / "city.key")
    sign(place)
    return place


def sign(folder: Path, *, now: datetime = NOW, replaces: str | None = None) -> Bundle:
    key = load_signing_key(folder.parent / "city.key")
    return desk.sign(folder, key=key, now=now, devices=("pole-1",), replaces=replaces)


def pin(folder: Path) -> Path:
    return folder.parent / "city.key.pub"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(folder: Path, before: str, after: str, name: str = "policy.toml") -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1))


def test_a_signed_folder_opens_under_the_citys_key(folder: Path) -> None:
    bundle = desk.open_bundle(folder, pin=pin(folder))
    assert (bundle.signed, bundle.version, bundle.device_ids) == (True, 1, ("pole-1",))


def test_without_a_pin_a_folder_opens_as_unsigned(folder: Path) -> None:
    assert desk.open_bundle(folder, pin=None).signed is False


def test_the_examples_open_as_they_lie_there() -> None:
    assert desk.open_bundle(desk.examples(), pin=None).owner == "prospect-grove-pd"


def test_the_examples_name_lists_that_load() -> None:
    bundle = desk.open_bundle(desk.examples(), pin=None)
    assert desk.hotlists(desk.examples(), bundle).entries == 2


def test_another_citys_key_opens_nothing(folder: Path, tmp_path: Path) -> None:
    new_signing_key(tmp_path / "other.key")
    with pytest.raises(PolicyError, match="not the city's signature"):
        desk.open_bundle(folder, pin=tmp_path / "other.key.pub")


def test_a_missing_pin_opens_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        desk.open_bundle(folder, pin=tmp_path / "gone.pub")


@pytest.mark.parametrize(
    "name", ["policy.toml", "subscribers.toml", "laws/us-il.toml", "manifest.json", "manifest.sig"]
)
def test_one_changed_byte_opens_nothing_under_the_pin(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    with pytest.raises(PolicyError):
        desk.open_bundle(folder, pin=pin(folder))


@pytest.mark.parametrize(
    "name", ["policy.toml", "subscribers.toml", "laws/us-il.toml", "manifest.json", "manifest.sig"]
)
def test_a_missing_file_opens_nothing_under_the_pin(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(PolicyError):
        desk.open_bundle(folder, pin=pin(folder))


def test_a_file_that_nobody_signed_opens_nothing(folder: Path) -> None:
    (folder / "laws" / "us-zz.toml").write_bytes(b"")
    with pytest.raises(PolicyError, match=r"laws/us-zz\.toml: is not in the manifest"):
        desk.open_bundle(folder, pin=pin(folder))


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no such policy folder"):
        desk.read(tmp_path / "nowhere")


def test_a_folder_below_one_that_may_not_be_searched_is_refused_with_the_mend(tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "policy"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o600)
    ourselves = os.geteuid()
    if ourselves == 0:
        os.seteuid(65534)
    try:
        with pytest.raises(PolicyError, match=r"permission denied; give this user the right to it and to the folders"):
            desk.read(folder)
        with pytest.raises(PolicyError, match="cannot be made, permission denied; choose another place"):
            desk.init(folder, ANSWERS, now=NOW)
    finally:
        os.seteuid(ourselves)
        folder.parent.chmod(0o700)


def test_a_pipe_in_place_of_a_file_does_not_hang(folder: Path) -> None:
    (folder / "policy.toml").unlink()
    os.mkfifo(folder / "policy.toml")
    with pytest.raises(PolicyError):
        desk.open_bundle(folder, pin=None)


def test_plates_are_not_in_the_bundles_files(folder: Path) -> None:
    files = desk.read(folder)
    assert not any(b"AB12345" in content for content in (files.manifest, *files.files.values()))


def test_a_hot_list_that_was_changed_is_refused(folder: Path) -> None:
    bundle = desk.open_bundle(folder, pin=pin(folder))
    edit(folder, "CS-0001", "CS-0009", "hotlists/county-stolen.toml")
    with pytest.raises(PolicyError, match="is not the list that was signed"):
        desk.hotlists(folder, bundle)


def test_each_signature_is_a_newer_version_that_names_the_last(folder: Path) -> None:
    first = desk.open_bundle(folder, pin=pin(folder))
    second = sign(folder)
    assert (second.version, second.replaces) == (2, first.digest)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("national_lookup", "natonal_lookup", "did you mean `national_lookup`?"),
        ("valid_until = 2027", "valid_until = 2026", "has passed already"),
        ("valid_until = 2027-01", "valid_until = 2027-09", "more than 90 days"),
        ('packs = ["us-il"]', 'packs = ["generic"]', "must name `us-il`"),
        ('packs = ["us-il"]', 'packs = ["us-ill"]', "did you mean `us-il`?"),
        ('id = "county-stolen"', 'id = "county-stollen"', "county-stollen"),
    ],
)
def test_what_a_camera_would_refuse_is_not_signed(folder: Path, before: str, after: str, said: str) -> None:
    edit(folder, before, after)
    if "generic" in after:
        (folder / "laws" / "us-il.toml").unlink()
    seen = everything(folder)
    with pytest.raises(PolicyError) as refused:
        sign(folder)
    assert said in str(refused.value)
    assert everything(folder) == seen


def test_a_hot_list_with_a_banned_purpose_is_not_signed(folder: Path) -> None:
    edit(folder, '"stolen_vehicle"', '"immigration_enforcement"', "hotlists/county-stolen.toml")
    with pytest.raises(PolicyError, match="banned purpose"):
        sign(folder)


def test_a_bundle_for_no_device_is_not_signed(tmp_path: Path) -> None:
    desk.copy_examples(tmp_path / "policy", now=NOW)
    with pytest.raises(PolicyError, match="--device"):
        desk.sign(tmp_path / "policy", key=Ed25519PrivateKey.generate(), now=NOW)


def test_the_opt_out_changes_one_word_and_no_comment(folder: Path) -> None:
    edit(folder, "national_lookup  = false ", "national_lookup  = true  ")
    before = (folder / "policy.toml").read_text().splitlines()
    assert desk.opt_out(folder, "national-lookup") is True
    after = (folder / "policy.toml").read_text().splitlines()
    changed = [(one, two) for one, two in zip(before, after, strict=True) if one != two]
    assert [two.split("#")[0].split() for _, two in changed] == [["national_lookup", "=", "false"]]
    assert [one.split("#")[1] for one, _ in changed] == [two.split("#")[1] for _, two in changed]


def test_a_switch_that_is_closed_already_is_left_alone(folder: Path) -> None:
    seen = everything(folder)
    assert desk.opt_out(folder, "national-lookup") is False
    assert everything(folder) == seen


@pytest.mark.parametrize("switch", ["statewide-lookup", "out-of-state"])
def test_every_open_switch_can_be_closed(folder: Path, switch: str) -> None:
    assert desk.opt_out(folder, switch) is True
    assert desk.opt_out(folder, switch) is False


def test_an_unknown_switch_is_refused_with_the_mend(folder: Path) -> None:
    with pytest.raises(PolicyError, match="did you mean `national-lookup`"):
        desk.opt_out(folder, "natonal-lookup")


def test_a_switch_by_class_opens_in_the_one_way_there_is(folder: Path) -> None:
    assert desk.opt_in(folder, "federal") is True
    assert desk.open_bundle(folder, pin=None).policy.sharing.federal == "judicial-warrant"
    assert desk.opt_in(folder, "federal") is False


def test_a_switch_that_opens_in_two_ways_asks_which(folder: Path) -> None:
    desk.opt_out(folder, "out-of-state")
    with pytest.raises(PolicyError, match="--to listed-states"):
        desk.opt_in(folder, "out-of-state")
    assert desk.opt_in(folder, "out-of-state", value="agreement") is True


def test_a_class_that_is_never_served_cannot_be_opened(folder: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be opened"):
        desk.opt_in(folder, "private")


@pytest.mark.parametrize("name", ["National Lookup", "national_lookup", "NATIONAL-LOOKUP", "nationwide"])
def test_a_network_goes_by_any_of_its_names(folder: Path, name: str) -> None:
    assert desk.switch_named(folder, name) == "national-lookup"


def test_a_policy_that_does_not_parse_is_not_edited(folder: Path) -> None:
    (folder / "policy.toml").write_text("not toml")
    with pytest.raises(PolicyError):
        desk.opt_out(folder, "national-lookup")
    assert (folder / "policy.toml").read_text() == "not toml"


def test_an_edit_keeps_the_files_mode(folder: Path) -> None:
    os.chmod(folder / "policy.toml", 0o664)
    desk.opt_out(folder, "statewide-lookup")
    assert (folder / "policy.toml").stat().st_mode & 0o777 == 0o664


def test_an_unsigned_opt_out_is_taken_up(folder: Path) -> None:
    in_force = desk.open_bundle(folder, pin=pin(folder))
    desk.opt_out(folder, "statewide-lookup")
    files, taken = desk.take_up(folder, in_force=in_force, pin=pin(folder))
    assert (taken.version, taken.revision, taken.signed) == (1, 1, True)
    assert taken.channels["statewide-lookup"] is False
    assert files.signature is None


def test_taking_up_the_same_files_again_changes_nothing(folder: Path) -> None:
    in_force = desk.open_bundle(folder, pin=pin(folder))
    assert desk.take_up(folder, in_force=in_force, pin=pin(folder))[1] is in_force
    desk.opt_out(folder, "statewide-lookup")
    tightened = desk.take_up(folder, in_force=in_force, pin=pin(folder))[1]
    assert desk.take_up(folder, in_force=tightened, pin=pin(folder))[1] is tightened


def test_an_unsigned_opt_in_is_refused(folder: Path) -> None:
    in_force = desk.open_bundle(folder, pin=pin(folder))
    desk.opt_in(folder, "national-lookup")
    with pytest.raises(PolicyError, match="sign it"):
        desk.take_up(folder, in_force=in_force, pin=pin(folder))


def test_a_signed_opt_in_is_taken_up(folder: Path) -> None:
    in_force = desk.open_bundle(folder, pin=pin(folder))
    desk.opt_in(folder, "national-lookup")
    sign(folder)
    taken = desk.take_up(folder, in_force=in_force, pin=pin(folder))[1]
    assert (taken.version, taken.channels["national-lookup"]) == (2, True)


def test_putting_the_signed_files_back_does_not_undo_an_opt_out(folder: Path) -> None:
    """Ventura County, 2025: a lookup that had been switched off came back on."""
    signed = everything(folder)
    in_force = desk.open_bundle(folder, pin=pin(folder))
    desk.opt_out(folder, "statewide-lookup")
    tightened = desk.take_up(folder, in_force=in_force, pin=pin(folder))[1]
    (folder / "policy.toml").write_bytes(signed["policy.toml"])
    assert desk.take_up(folder, in_force=tightened, pin=pin(folder))[1] is tightened


def test_a_bundle_signed_before_the_opt_out_cannot_undo_it(folder: Path, tmp_path: Path) -> None:
    in_force = desk.open_bundle(folder, pin=pin(folder))
    shutil.copytree(folder, tmp_path / "elsewhere")
    sign(tmp_path / "elsewhere")
    desk.opt_out(folder, "statewide-lookup")
    tightened = desk.take_up(folder, in_force=in_force, pin=pin(folder))[1]
    newer = desk.take_up(tmp_path / "elsewhere", in_force=tightened, pin=pin(folder))[1]
    assert (newer.version, newer.revision, newer.channels["statewide-lookup"]) == (2, 1, False)
    sign(tmp_path / "elsewhere", replaces=newer.digest)
    freed = desk.take_up(tmp_path / "elsewhere", in_force=newer, pin=pin(folder))[1]
    assert (freed.version, freed.revision, freed.channels["statewide-lookup"]) == (3, 0, True)


def test_a_rolled_back_bundle_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "old")
    in_force = sign(folder)
    with pytest.raises(PolicyError, match="version 1 is older than version 2"):
        desk.take_up(tmp_path / "old", in_force=in_force, pin=pin(folder))


def test_the_same_version_with_other_bytes_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "other")
    in_force = sign(folder)
    sign(tmp_path / "other", now=NOW + timedelta(hours=1))
    with pytest.raises(PolicyError, match="in force with other bytes"):
        desk.take_up(tmp_path / "other", in_force=in_force, pin=pin(folder))


def test_an_edit_of_a_newer_bundle_that_was_not_signed_is_refused(folder: Path) -> None:
    in_force = desk.open_bundle(folder, pin=pin(folder))
    sign(folder)
    desk.opt_out(folder, "statewide-lookup")
    with pytest.raises(PolicyError, match="was changed since it was signed"):
        desk.take_up(folder, in_force=in_force, pin=pin(folder))


def test_a_first_folder_is_signed_closed_and_complete(tmp_path: Path) -> None:
    made = desk.init(tmp_path / "city", ANSWERS, now=NOW)
    bundle = desk.open_bundle(tmp_path / "city", pin=tmp_path / "city" / "city.key.pub")
    assert bundle.digest == made.digest
    assert not any(bundle.channels.values())
    assert bundle.policy.law.reviewed_by is None
    assert (tmp_path / "city" / "city.key").stat().st_mode & 0o777 == 0o600
    load_public(tmp_path / "city" / "device.key.pub")


def test_a_first_folder_writes_over_nothing(tmp_path: Path) -> None:
    desk.init(tmp_path / "city", ANSWERS, now=NOW)
    seen = everything(tmp_path / "city")
    with pytest.raises(PolicyError, match="not written over"):
        desk.init(tmp_path / "city", ANSWERS, now=NOW)
    assert everything(tmp_path / "city") == seen


def test_a_first_folder_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    wrong = desk.Answers(
        state="IL",
        place="Village",
        county_fips=None,
        owner_id="village-pd",
        owner_name="Village PD",
        owner_agency_id="local-1",
        device_id="pole-1",
    )
    with pytest.raises(PolicyError, match="US-IL"):
        desk.init(tmp_path / "city", wrong, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_state_without_a_pack_of_its_own_gets_the_generic_one(tmp_path: Path) -> None:
    answers = desk.Answers(
        state="US-WI",
        place="Fox Lake",
        county_fips=None,
        owner_id="fox-lake-pd",
        owner_name="Fox Lake PD",
        owner_agency_id="local-1",
        device_id="pole-1",
    )
    assert [pack.id for pack in desk.init(tmp_path / "city", answers, now=NOW).packs] == ["generic"]
