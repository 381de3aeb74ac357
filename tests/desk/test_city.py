"""The city's files on one device: what comes into force, what is refused, and when sharing must stop meanwhile."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from edge import desk
from edge.desk import Refused
from edge.desk.follow import follow
from edge.errors import PolicyError
from edge.keys import load_public, load_signing_key, new_signing_key
from edge.policy import bundle as bundles
from edge.policy.tightening import words
from edge.values import BundleFiles
from tests.desk.house import DEVICE, LEDGER, NOW, OTHER_LEDGER, House
from tests.policy.city import CITY_KEY, files, owner, policy, signed_files


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def refused(house: House, said: str, *, hold: bool, why: str | None = None) -> None:
    before = house.in_force
    with pytest.raises(Refused) as refusal:
        house.take_up()
    assert said in str(refusal.value)
    assert refusal.value.hold is hold
    assert refusal.value.nothing is (refusal.value.why in ("pin", "floor"))
    assert why is None or refusal.value.why == why
    assert house.in_force is before


def test_a_signed_folder_comes_into_force(house: House) -> None:
    taken = house.take_up()
    assert (taken.version, taken.revision, taken.signed, len(house.pinned)) == (1, 0, True, 1)


def test_the_same_folder_again_is_what_is_in_force(house: House) -> None:
    taken = house.take_up()
    assert house.take_up() is taken


def test_what_the_audit_log_holds_is_in_force_after_a_restart(house: House) -> None:
    taken = house.take_up()
    restored = house.boot()
    assert restored is not None
    assert restored.digest == taken.digest
    assert house.take_up() is restored


def test_a_tightening_is_in_force_after_a_restart(house: House) -> None:
    house.take_up()
    desk.opt_out(house.folder, "statewide-lookup")
    tightened = house.take_up()
    shutil.rmtree(house.folder)
    restored = house.boot()
    assert restored is not None
    assert (restored.digest, restored.revision) == (tightened.digest, 1)
    assert restored.channels["statewide-lookup"] is False


def test_an_edit_that_takes_away_needs_no_signature(house: House) -> None:
    house.take_up()
    house.edit('banned = ["immig', 'banned = ["parking", "immig')
    house.edit('id = "fox-lake-pd"', 'id = "fox-lake-pd"\nsuspended = true', "subscribers.toml")
    house.edit("undelivered_hours = 24", "undelivered_hours = 2")
    taken = house.take_up()
    assert words(taken.tightening) == (
        "purpose parking banned",
        "fox-lake-pd suspended",
        "undelivered reads kept 2 h at most",
    )
    assert taken.subscribers["fox-lake-pd"].suspended


def test_a_tightened_bundle_carries_what_was_signed_byte_for_byte(house: House) -> None:
    signed = house.take_up()
    desk.opt_out(house.folder, "statewide-lookup")
    files = house.take_up().files
    assert files.files["signed/manifest.json"] == signed.files.manifest
    assert {name: files.files[name] for name in signed.files.files} == dict(signed.files.files)
    assert json.loads(files.files["tightened.json"]) == {"switches": {"statewide_lookup": False}}
    assert files.signature is None


@pytest.mark.parametrize("name", ["tightened.json", "policy.toml", "signed/manifest.json", "signed/manifest.sig"])
def test_a_tightened_bundle_changed_in_the_audit_log_is_not_restored(house: House, name: str) -> None:
    house.take_up()
    desk.opt_out(house.folder, "statewide-lookup")
    files = house.take_up().files
    content = files.files[name]
    changed = {**files.files, name: content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]}
    with pytest.raises(Refused):
        house.boot(stored=(BundleFiles(manifest=files.manifest, signature=None, files=changed), 1, True))


def test_a_tightening_stays_on_top_of_a_bundle_signed_before_it(house: House) -> None:
    house.take_up()
    elsewhere = house.copied()
    house.sign(folder=elsewhere)
    desk.opt_out(house.folder, "statewide-lookup")
    house.take_up()
    house.put(elsewhere)
    taken = house.take_up()
    assert (taken.version, taken.revision, taken.channels["statewide-lookup"]) == (2, 1, False)
    assert house.take_up() is taken


def test_a_bundle_that_names_the_digest_in_force_opens_again(house: House) -> None:
    house.take_up()
    desk.opt_out(house.folder, "statewide-lookup")
    tightened = house.take_up()
    desk.opt_in(house.folder, "statewide-lookup")
    house.sign(replaces=tightened.digest)
    taken = house.take_up()
    assert (taken.version, taken.revision, taken.channels["statewide-lookup"]) == (2, 0, True)


def test_a_second_tightening_comes_on_top_of_the_first(house: House) -> None:
    house.take_up()
    elsewhere = house.copied()
    house.sign(folder=elsewhere)
    desk.opt_out(house.folder, "statewide-lookup")
    house.take_up()
    house.put(elsewhere)
    house.take_up()
    desk.opt_out(house.folder, "out-of-state")  # in a folder that does not know of the first
    taken = house.take_up()
    assert (taken.version, taken.revision) == (2, 2)
    assert words(taken.tightening) == ("out-of-state never", "statewide-lookup off")


def test_a_comment_is_no_change(house: House) -> None:
    taken = house.take_up()
    house.edit("[sharing]", "# the council asked\n[sharing]")
    assert house.take_up() is taken


def test_an_edit_that_only_gives_is_refused_and_sharing_goes_on(house: House) -> None:
    house.take_up()
    desk.opt_in(house.folder, "national-lookup")
    refused(
        house,
        "policy.toml: the edit does more than take away ([sharing] national_lookup), sign it",
        hold=False,
        why="gives",
    )


def test_an_edit_that_gives_and_takes_holds_everything(house: House) -> None:
    house.take_up()
    desk.opt_in(house.folder, "national-lookup")
    desk.opt_out(house.folder, "statewide-lookup")
    refused(house, "sign it", hold=True, why="gives")


def test_an_agency_added_without_a_signature_is_refused_and_sharing_goes_on(house: House) -> None:
    house.take_up()
    path = house.folder / "subscribers.toml"
    added = path.read_text().split("[[subscriber]]")[2].replace("cook-auto-theft", "dupage-auto-theft")
    path.write_text(path.read_text() + "\n[[subscriber]]" + added.replace("HSGil5", "HSGil6"))
    refused(
        house,
        "subscribers.toml: the edit does more than take away (`dupage-auto-theft`), sign it",
        hold=False,
        why="gives",
    )


def test_an_agency_removed_without_a_signature_holds_everything(house: House) -> None:
    house.take_up()
    path = house.folder / "subscribers.toml"
    path.write_text("[[subscriber]]".join(path.read_text().split("[[subscriber]]")[:-1]))
    refused(house, "sign it", hold=True, why="gives")


@pytest.mark.parametrize(
    "name", ["policy.toml", "subscribers.toml", "laws/us-il.toml", "manifest.json", "manifest.sig"]
)
def test_a_missing_file_holds_everything(house: House, name: str) -> None:
    house.take_up()
    (house.folder / name).unlink()
    refused(house, f"{name}", hold=True, why="unreadable")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("spoil", [_cut, _folder, _pipe, _loop, _device])
@pytest.mark.parametrize(
    "name", ["policy.toml", "subscribers.toml", "laws/us-il.toml", "manifest.json", "manifest.sig"]
)
def test_something_else_in_place_of_a_file_shares_no_more(
    house: House, spoil: Callable[[Path], None], name: str
) -> None:
    house.take_up()
    spoil(house.folder / name)
    with pytest.raises(Refused) as refusal:
        house.take_up()
    assert refusal.value.hold
    assert str(refusal.value).startswith((name, "policy.toml"))


@pytest.mark.parametrize("name", ["us il.toml", "Ünion.toml", "a\nb.toml", "x" * 200 + ".toml"])
def test_a_law_file_with_an_odd_name_holds_everything(house: House, name: str) -> None:
    house.take_up()
    shutil.copy(house.folder / "laws" / "us-il.toml", house.folder / "laws" / name)
    refused(house, "laws: holds a file whose name no law pack has", hold=True, why="unreadable")


def test_a_folder_that_is_gone_holds_everything(house: House) -> None:
    house.take_up()
    shutil.rmtree(house.folder)
    refused(house, "no such policy folder", hold=True, why="unreadable")


def test_a_damaged_signature_is_mended_by_signing_again(house: House) -> None:
    house.take_up()
    _cut(house.folder / "manifest.sig")
    refused(house, "sign again with `homerule sign`", hold=True)
    house.sign()
    assert house.take_up().version == 2


def test_a_damaged_manifest_is_mended_by_who_says_what_it_said(house: House) -> None:
    house.take_up()
    _cut(house.folder / "manifest.json")
    refused(house, "make it again with `homerule sign`", hold=True)
    with pytest.raises(PolicyError, match="is damaged; put it back, or say what it said with `--version`"):
        house.sign()
    house.sign(version=2, adopt=(LEDGER,))
    assert house.take_up().version == 2


def test_files_put_back_end_the_hold(house: House) -> None:
    taken = house.take_up()
    whole = (house.folder / "policy.toml").read_bytes()
    _cut(house.folder / "policy.toml")
    refused(house, "policy.toml", hold=True)
    (house.folder / "policy.toml").write_bytes(whole)
    assert house.take_up() is taken


def test_an_older_bundle_is_refused(house: House) -> None:
    older = house.copied()
    house.sign()
    house.take_up()
    house.put(older)
    refused(house, "version 1 is older than version 2 in force", hold=False, why="older")


def test_an_older_bundle_that_shared_less_holds_everything(house: House) -> None:
    desk.opt_out(house.folder, "statewide-lookup")
    house.sign()
    older = house.copied()
    desk.opt_in(house.folder, "statewide-lookup")
    house.sign()
    house.take_up()
    house.put(older)
    refused(house, "is older than", hold=True, why="older")


def test_the_same_version_with_other_bytes_is_refused(house: House) -> None:
    elsewhere = house.copied()
    house.sign()
    house.take_up()
    desk.opt_in(elsewhere, "national-lookup")
    house.sign(folder=elsewhere)
    house.put(elsewhere)
    refused(house, "is in force with other bytes", hold=False, why="same-version")


def test_a_bundle_for_another_device_is_refused(house: House) -> None:
    house.take_up()
    house.sign(devices=("pole-2",))
    refused(house, "is for `pole-2`, not for this device; sign it with `homerule sign --device pole-1`", hold=False)


def test_a_bundle_that_does_not_say_when_it_was_signed_is_refused() -> None:
    """Else its policy could run for as long as it likes."""
    for_years = files(policy({"valid_until": NOW + timedelta(days=4000)}), [owner()])
    with pytest.raises(Refused, match="does not say when it was signed") as refused:
        follow(signed_files(for_years, signed_at=None), in_force=None, key=CITY_KEY.public_key())
    assert refused.value.hold


def test_a_law_pack_with_one_changed_byte_holds_everything(house: House) -> None:
    house.take_up()
    house.edit("#", "#.", "laws/us-il.toml")
    refused(house, "laws/us-il.toml: was changed since it was signed", hold=True)


def test_another_citys_signature_counts_as_none(house: House) -> None:
    house.take_up()
    new_signing_key(house.root / "other.key")
    house.sign(key="other.key")
    refused(house, "is not the city's signature", hold=False, why="signature")


def test_a_signature_over_other_bytes_counts_as_none(house: House) -> None:
    house.take_up()
    elsewhere = house.copied()
    house.sign(folder=elsewhere)
    shutil.copy(elsewhere / "manifest.sig", house.folder / "manifest.sig")
    refused(house, "is not the city's signature", hold=False, why="signature")


def test_nothing_is_in_force_before_the_city_adopts_the_audit_log(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.boot(ledger=OTHER_LEDGER)
    refused(house, "homerule sign --adopt log-two-AAAAAAAAAAAAAA", hold=True, why="ledger")
    house.sign(adopt=(OTHER_LEDGER,))
    assert house.take_up().version == 2


def test_an_adopted_audit_log_stays_adopted(house: House) -> None:
    house.take_up()
    house.sign()
    assert house.take_up().version == 2


def test_a_lost_audit_log_shares_nothing_until_the_city_signs_anew(house: House) -> None:
    house.take_up()
    house.stored, house.size = None, 1
    house.boot(ledger=OTHER_LEDGER)
    refused(house, "--adopt log-two-AAAAAAAAAAAAAA", hold=True, why="ledger")
    older = house.copied()
    house.sign(adopt=(OTHER_LEDGER,))
    house.take_up()
    house.put(older)
    refused(house, "--adopt log-two-AAAAAAAAAAAAAA", hold=False, why="ledger")


def test_an_audit_log_adopted_without_a_newer_version_shares_nothing(house: House) -> None:
    elsewhere = house.copied()
    house.sign()
    house.sign()
    house.take_up()
    house.stored, house.size = None, 1
    house.sign(folder=elsewhere, adopt=(OTHER_LEDGER,))
    house.put(elsewhere)
    house.boot(ledger=OTHER_LEDGER)
    refused(house, "version 2 is not newer than version 3", hold=True, why="floor")


def test_an_older_copy_of_the_audit_log_shares_nothing(house: House) -> None:
    house.take_up()
    old, size = house.stored, house.size
    desk.opt_out(house.folder, "statewide-lookup")
    house.take_up()
    house.stored, house.size = old, size
    with pytest.raises(Refused, match="an older copy of the audit log was put back"):
        house.boot()
    refused(house, "an older copy of the audit log", hold=True, why="floor")


def test_an_audit_log_with_fewer_entries_shares_nothing(house: House) -> None:
    house.take_up()
    house.size -= 1
    with pytest.raises(Refused, match="an older copy"):
        house.boot()


@pytest.mark.parametrize("found", ["at the start", "while it runs"])
def test_an_older_audit_log_becomes_no_newer_by_what_is_written_to_it(house: House, found: str) -> None:
    house.take_up()
    right, size = house.floor.read_bytes(), house.size
    house.floor.write_text(json.dumps({**json.loads(right), "tree_size": size + 9}))
    with pytest.raises(Refused) as first:
        house.boot() if found == "at the start" else house.city.keep_floor(1, 0, size)
    for more in (1, 9, 99):
        with pytest.raises(Refused) as again:
            house.city.restore(house.stored, ledger_id=LEDGER, tree_size=size + more)
        assert str(again.value) == str(first.value)
    house.floor.write_bytes(right)
    assert house.city.restore(house.stored, ledger_id=LEDGER, tree_size=size + 99) is not None


def test_another_audit_log_of_this_device_shares_nothing(house: House) -> None:
    house.sign(adopt=(OTHER_LEDGER,))
    house.take_up()
    with pytest.raises(Refused, match="another audit log was put in the place"):
        house.boot(ledger=OTHER_LEDGER)


def test_what_another_audit_log_or_device_holds_is_not_restored_even_without_a_floor(house: House) -> None:
    house.take_up()
    for device, ledger, why in (("pole-1", OTHER_LEDGER, "ledger"), ("pole-2", LEDGER, "device")):
        city = desk.City(folder=house.folder, pin=house.pin, floor=None, device_id=device, pin_owner=os.geteuid())
        with pytest.raises(Refused) as refusal:
            city.restore(house.stored, ledger_id=ledger, tree_size=house.size)
        assert (refusal.value.why, refusal.value.hold) == (why, True)


def test_a_floor_file_that_is_gone_or_was_never_there_shares_nothing_until_somebody_who_knows_begins_one(
    house: House,
) -> None:
    taken = house.take_up()
    house.floor.unlink()
    for _ in range(2):
        with pytest.raises(Refused, match="there is no floor file") as refusal:
            house.boot()
        assert not house.floor.exists()
    house.floor.write_text(str(refusal.value).split("`")[-2])
    assert house.take_up().digest == taken.digest
    restored = house.boot()
    assert restored is not None
    house.size -= 1
    with pytest.raises(Refused, match="an older copy"):
        house.boot()


def test_a_damaged_floor_file_shares_nothing(house: House) -> None:
    house.take_up()
    house.floor.write_text("{}")
    with pytest.raises(PolicyError, match="the floor file is damaged"):
        house.boot()


def test_an_audit_log_ahead_of_the_floor_is_believed(house: House) -> None:
    """The power failed between the commit and the floor."""
    house.take_up()
    before = house.floor.read_bytes()
    desk.opt_out(house.folder, "statewide-lookup")
    tightened = house.take_up()
    house.floor.write_bytes(before)
    restored = house.boot()
    assert restored is not None
    assert restored.digest == tightened.digest


def test_the_floor_never_sinks(house: House) -> None:
    house.take_up()
    house.city.keep_floor(1, 0, 500)
    seen = house.floor.read_bytes()
    for lower in ((1, 0, 499), (0, 9, 500)):
        with pytest.raises(Refused, match="an older copy") as refusal:
            house.city.keep_floor(*lower)
        assert refusal.value.nothing
    assert house.floor.read_bytes() == seen
    house.city.keep_floor(2, 0, 500)
    assert json.loads(house.floor.read_text()) == {"ledger": LEDGER, "version": 2, "revision": 0, "tree_size": 500}


def test_a_floor_that_cannot_be_written_forbids_nothing(house: House) -> None:
    floor = house.root / "gone" / "floor"
    city = desk.City(folder=house.folder, pin=house.pin, floor=floor, device_id=DEVICE, pin_owner=os.geteuid())
    with pytest.raises(PolicyError, match="cannot be written") as refusal:
        city.keep_floor(1, 0, 500)
    assert not isinstance(refusal.value, Refused)


def test_the_floor_is_only_for_the_daemon_to_read(house: House) -> None:
    house.take_up()
    assert house.floor.stat().st_mode & 0o777 == 0o600


def test_a_missing_pin_shares_nothing(house: House) -> None:
    house.take_up()
    house.pin.unlink()
    refused(house, "is not pinned", hold=True, why="pin")
    with pytest.raises(Refused, match="is not pinned"):
        house.boot()


def test_a_changed_pin_shares_nothing(house: House) -> None:
    house.take_up()
    new_signing_key(house.root / "other.key")
    shutil.copy(house.root / "other.key.pub", house.pin)
    refused(house, "is not the one that this device knows", hold=True, why="pin")
    house.sign(key="other.key")
    with pytest.raises(Refused, match="not signed with the pinned key"):
        house.boot()
    refused(house, "not signed with the pinned key", hold=True, why="pin")


def test_every_key_that_counted_is_written_down_once_after_a_start(house: House) -> None:
    assert house.pinned == []
    house.take_up()
    house.take_up()
    new_signing_key(house.root / "new.key")
    keys = [(house.root / name).read_text().strip() for name in ("city.key.pub", "new.key.pub")]
    assert house.pinned == keys[:1]
    new = load_public(house.root / "new.key.pub")
    desk.rotate(house.pin, old=load_signing_key(house.root / "city.key"), new=new)
    house.take_up()
    assert house.pinned == keys
    house.boot()
    house.take_up()
    assert house.pinned == [*keys, keys[1]]


def test_a_wrong_key_put_there_at_first_can_be_mended(tmp_path: Path) -> None:
    house = House(tmp_path)
    right = house.pin.read_bytes()
    new_signing_key(house.root / "other.key")
    shutil.copy(house.root / "other.key.pub", house.pin)
    refused(house, "is not the city's signature", hold=True)
    house.pin.write_bytes(right)
    assert house.take_up().version == 1


def test_the_right_pin_put_back_shares_again(house: House) -> None:
    taken = house.take_up()
    key = house.pin.read_bytes()
    house.pin.unlink()
    with pytest.raises(Refused):
        house.boot()
    house.pin.write_bytes(key)
    assert house.take_up().digest == taken.digest


@pytest.mark.parametrize("mode", [0o666, 0o664])
def test_a_pin_that_others_can_write_shares_nothing(house: House, mode: int) -> None:
    house.pin.chmod(mode)
    refused(house, "somebody other than root can change the city's key", hold=True, why="pin")


def test_a_pin_in_a_folder_that_others_can_write_shares_nothing(house: House) -> None:
    house.pin.parent.chmod(0o777)
    refused(house, "somebody other than root", hold=True, why="pin")


@pytest.mark.parametrize("mode", [0o777, 0o775])
@pytest.mark.parametrize("given", ["open/folder/pin", "open/link", "safe/first", "open/../safe/pin", "safe/out"])
def test_a_pin_behind_a_folder_that_others_can_write_shares_nothing(house: House, given: str, mode: int) -> None:
    place, safe, wide = house.root, house.root / "safe", house.root / "open"
    (wide / "folder").mkdir(parents=True)
    safe.mkdir()
    for name in (wide / "folder" / "pin", safe / "pin"):
        shutil.copy(house.pin, name)
    (wide / "link").symlink_to(safe / "pin")
    (safe / "first").symlink_to("../open/link")  # there and back again
    (safe / "out").symlink_to(wide / "folder" / "pin")
    house.pin = place / given
    house.boot()
    assert house.take_up().version == 1
    wide.chmod(mode)
    with pytest.raises(Refused, match=f"{wide}: somebody other than root can change the city's key"):
        house.boot()


def test_a_pin_in_a_folder_where_everybody_changes_only_what_is_theirs_counts(house: House) -> None:
    house.pin.parent.chmod(0o1777)
    assert house.take_up().version == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_link_of_another_user_on_the_way_to_the_pin_shares_nothing(house: House) -> None:
    link = house.root / "link"
    link.symlink_to(house.pin)
    house.pin = link
    house.boot()
    os.chown(link, 12345, 12345, follow_symlinks=False)
    with pytest.raises(Refused, match=f"{link}: somebody other than root"):
        house.boot()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_pin_of_another_user_shares_nothing(house: House) -> None:
    os.chown(house.pin, 12345, 12345)
    refused(house, "somebody other than root", hold=True, why="pin")


def test_a_pin_changed_with_the_old_keys_word_counts(house: House) -> None:
    house.take_up()
    new_signing_key(house.root / "new.key")
    old, new = load_signing_key(house.root / "city.key"), load_public(house.root / "new.key.pub")
    desk.rotate(house.pin, old=old, new=new)
    taken = house.in_force
    assert house.take_up() is taken
    assert house.pinned[-1] == (house.root / "new.key.pub").read_text().strip()
    house.boot()
    house.sign(key="new.key")
    assert house.take_up().version == 2
    house.sign(key="city.key")
    refused(house, "is not the city's signature", hold=False, why="signature")


def test_a_rotation_that_the_old_key_did_not_sign_counts_for_nothing(house: House) -> None:
    house.take_up()
    new_signing_key(house.root / "thief.key")
    thief = load_signing_key(house.root / "thief.key")
    with pytest.raises(PolicyError, match="name the key that is pinned there"):
        desk.rotate(house.pin, old=thief, new=thief.public_key())
    rotation = house.pin.with_name("city.pub.rotation")
    desk.rotate(house.pin, old=load_signing_key(house.root / "city.key"), new=thief.public_key())
    rotation.write_text(rotation.read_text().replace('"signature":"', '"signature":"AAAA'))
    refused(house, "is damaged", hold=True, why="pin")


def test_a_look_finds_every_change_once(house: House, tmp_path: Path) -> None:
    assert house.city.changed()
    assert not house.city.changed()
    for change in (
        lambda: desk.opt_out(house.folder, "statewide-lookup"),
        lambda: (house.folder / "laws" / "us-il.toml").unlink(),
        lambda: (house.folder / "manifest.sig").chmod(0o600),
        lambda: (house.folder / "hotlists" / "county-stolen.toml").touch(),
        lambda: os.replace(shutil.copy(house.folder / "manifest.json", tmp_path / "m"), house.folder / "manifest.json"),
        lambda: house.pin.unlink(),
        lambda: shutil.rmtree(house.folder),
    ):
        change()
        assert house.city.changed()
        assert not house.city.changed()


def test_a_change_whose_time_was_set_back_is_found(house: House) -> None:
    path = house.folder / "policy.toml"
    seen = path.stat()
    house.city.changed()
    house.edit("statewide_lookup = true ", "statewide_lookup = false")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    path.write_bytes(path.read_bytes()[: seen.st_size])
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (seen.st_size, seen.st_mtime_ns)
    assert house.city.changed()


def test_a_change_that_the_disks_clock_hides_is_found_at_the_next_look(house: House) -> None:
    path = house.folder / "policy.toml"
    seen = path.stat()
    assert house.city.changed()
    house.take_up()
    real = os.stat

    def as_before(place: Path, **how: bool) -> os.stat_result:
        return seen if place == path else real(place, **how)

    house.edit("statewide_lookup = true ", "statewide_lookup = false")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "stat", as_before)
        assert house.city.changed()
        assert house.take_up().channels["statewide-lookup"] is False
        assert not house.city.changed()


def test_an_editors_own_file_in_the_folder_is_no_change(house: House) -> None:
    house.city.changed()
    (house.folder / ".policy.toml.swp").write_bytes(b"")
    assert not house.city.changed()


NEW_KEY = "policy.toml: [sharing] unknown key `county_lookup`, remove it"


def _updated(patch: pytest.MonkeyPatch, *unread: str) -> None:
    """The program becomes another one, which cannot read the bundles with these digests."""
    real = bundles.parse

    def parse(files: BundleFiles, **how: object) -> object:
        if bundles.sha256(files.manifest) in unread:
            raise PolicyError(NEW_KEY)
        return real(files, **how)  # type: ignore[arg-type]

    patch.setattr(bundles, "parse", parse)


def cannot_boot(house: House, *, why: str) -> str:
    with pytest.raises(Refused) as refusal:
        house.boot()
    assert (refusal.value.why, refusal.value.hold) == (why, True)
    return str(refusal.value)


def test_what_is_in_force_and_cannot_be_read_here_is_named_and_the_pin_is_not_blamed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = house.take_up()
    with monkeypatch.context() as older:
        _updated(older, taken.digest)
        said = cannot_boot(house, why="stored")
        assert f"homerule sign --replaces {taken.digest}` ({NEW_KEY})" in said
        assert str(house.pin) not in said
        refused(house, "policy.toml", hold=True)
    assert house.boot() is not None


def test_a_newer_bundle_that_replaces_what_cannot_be_read_comes_into_force(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _updated(monkeypatch, house.take_up().digest)
    cannot_boot(house, why="stored")
    house.sign()  # it replaces what lay in the folder
    taken = house.take_up()
    assert (taken.version, taken.signed, len(house.pinned)) == (2, True, 2)
    assert house.take_up() is taken
    restored = house.boot()
    assert restored is not None
    assert restored.digest == taken.digest


@pytest.mark.parametrize("laid_there", ["newer", "older", "edited", "another key's"])
def test_nothing_else_takes_the_place_of_what_cannot_be_read(
    house: House, monkeypatch: pytest.MonkeyPatch, laid_there: str
) -> None:
    older = house.copied()
    house.sign()
    taken = house.take_up()
    _updated(monkeypatch, taken.digest)
    cannot_boot(house, why="stored")
    if laid_there == "newer":
        house.sign(replaces="0" * 64)
        refused(house, f"--replaces {taken.digest}", hold=True, why="stored")
    elif laid_there == "older":
        house.sign(folder=older, replaces=taken.digest)  # version 2 again
        house.put(older)
        refused(house, f"--replaces {taken.digest}", hold=True, why="stored")
    elif laid_there == "edited":
        monkeypatch.undo()
        house.sign(replaces=taken.digest)
        _updated(monkeypatch, taken.digest)
        desk.opt_out(house.folder, "statewide-lookup")
        refused(house, "was changed since it was signed", hold=True, why="not-signed")
    else:
        new_signing_key(house.root / "other.key")
        house.sign(key="other.key", replaces=taken.digest)
        refused(house, "is not the city's signature", hold=True, why="signature")


def test_an_opt_out_laid_over_what_cannot_be_read_is_lost_only_to_a_bundle_that_names_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = house.take_up()
    elsewhere = house.copied()
    house.sign(folder=elsewhere)
    desk.opt_out(house.folder, "statewide-lookup")
    tightened = house.take_up()
    _updated(monkeypatch, signed.digest, tightened.digest)
    assert "with what was taken away by hand since in it" in cannot_boot(house, why="stored")
    house.put(elsewhere)
    refused(house, f"--replaces {tightened.digest}", hold=True, why="stored")
    house.sign(replaces=tightened.digest)
    assert house.take_up().version == 3


def test_what_cannot_be_read_and_was_not_signed_with_the_pinned_key_is_not_replaced(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = house.take_up()
    _updated(monkeypatch, taken.digest)
    new_signing_key(house.root / "other.key")
    shutil.copy(house.root / "other.key.pub", house.pin)
    house.sign(key="other.key", replaces=taken.digest)
    assert "put the city's own key back" in cannot_boot(house, why="pin")
    refused(house, "not signed with the pinned key", hold=True, why="pin")


@pytest.mark.parametrize("floor", [True, False])
def test_nothing_takes_the_place_of_a_manifest_that_cannot_be_read(house: House, floor: bool) -> None:
    older = house.copied()
    house.sign()
    taken = house.take_up()
    house.put(older)
    manifest = json.dumps({**json.loads(taken.files.manifest), "county": 1}).encode()
    city = desk.City(
        folder=house.folder,
        pin=house.pin,
        floor=house.floor if floor else None,
        device_id=DEVICE,
        pin_owner=os.geteuid(),
    )
    stored = (BundleFiles(manifest=manifest, signature=taken.files.signature, files=taken.files.files), 0, True)
    for ask in (
        lambda: city.restore(stored, ledger_id=LEDGER, tree_size=house.size),
        lambda: city.take_up(None, ledger_id=LEDGER),
    ):
        with pytest.raises(Refused, match="go back to the program of before") as refusal:
            ask()
        assert (refusal.value.why, refusal.value.hold) == ("stored", True)
