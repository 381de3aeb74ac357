"""What people write: taken as it stands, or refused with file, place, line and the mend."""

import base64
import json
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
import tomlkit

from edge.desk.laws import law_text, packs
from edge.errors import PolicyError
from edge.policy import bundle as bundles
from edge.policy import law, policy, subscribers
from edge.policy.hotlists import gather
from edge.policy.hotlists import parse as parse_list
from edge.policy.manifest import Manifest
from edge.policy.policy import HotListSource
from edge.policy.tag import tag
from edge.values import Box, BundleFiles, Flag, PlateRead
from tests.policy.city import INSTANT, NOW, POLICY, Table, agency, agreement, bundle_of, city, key, merged, owner
from tests.policy.city import policy as written_policy

TEXT = tomlkit.dumps(POLICY)


def refusal(text: str) -> str:
    with pytest.raises(PolicyError) as refused:
        policy.parse(text)
    return str(refused.value)


def test_a_misspelt_switch_is_named_with_its_mend() -> None:
    said = refusal(TEXT.replace("national_lookup", "natonal_lookup", 1))
    assert "policy.toml: [sharing] unknown key `natonal_lookup`, did you mean `national_lookup`?" in said


def test_a_mistake_is_named_with_its_line() -> None:
    said = refusal(TEXT.replace('federal = "never"', 'federal = "nevr"'))
    line = TEXT.splitlines().index('federal = "never"') + 1
    assert said == (
        "policy.toml: [sharing] `federal` cannot be `nevr`, did you mean `never`? "
        f"choose one of `never`, `judicial-warrant` (line {line})"
    )


def test_a_switch_in_quotes_is_refused() -> None:
    said = refusal(TEXT.replace("statewide_lookup = true", 'statewide_lookup = "yes"'))
    assert "[sharing] `statewide_lookup` must be true or false" in said


def test_text_that_is_not_toml_is_refused_with_its_line() -> None:
    assert refusal(TEXT + "\nthis is not toml\n").startswith("policy.toml: line ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sharing": {"national_lookup": None}}, "`national_lookup` is missing"),
        ({"valid_until": "2027-01-01T00:00:00Z"}, "`valid_until` must be a date or time without quotes"),
        ({"valid_until": NOW.replace(tzinfo=None)}, "must be a time with its zone"),
        ({"valid_until": NOW.replace(year=9999)}, "between the years 2000 and 2200"),
        ({"valid_until": datetime(2000, 1, 1, tzinfo=timezone(timedelta(hours=14)))}, "between the years 2000 and"),
        ({"jurisdiction": {"state": "IL"}}, "must be a state such as `US-IL`"),
        ({"jurisdiction": {"state": "US-ZZ"}}, "must be a state such as `US-IL`"),
        ({"purposes": {"banned": None}}, "`banned` is missing"),
        ({"purposes": {"banned": ["imigration_enforcement"]}}, "did you mean `immigration_enforcement`?"),
        ({"retention": {"undelivered_hours": 0}}, "`undelivered_hours` must be greater than 0"),
        ({"retention": {"undelivered_hours": float("nan")}}, "`undelivered_hours` must be a finite number"),
        ({"sharing": {"direct": ["a", "a"]}}, "must not name the same one twice"),
        ({"sharing": {"channels": {"national-lookup": True}}}, "has its own switch"),
        ({"sharing": {"private": "agreement"}}, "cannot be `agreement`"),
        ({"owner": {"subscriber": "Village PD"}}, "`subscriber`"),
    ],
)
def test_what_the_policy_cannot_mean_is_refused(changes: Table, said: str) -> None:
    assert said in refusal(tomlkit.dumps(merged(POLICY, changes)))


def test_parse_write_parse_is_the_same_policy() -> None:
    once = policy.parse(TEXT)
    again = tomlkit.dumps(once.model_dump(mode="json", exclude_none=True, exclude={"valid_until"}))
    assert policy.parse(f"valid_until = {once.valid_until.isoformat()}\n{again}") == once


def same_lock(key: str, change: int) -> str:
    """Another 32 bytes that X25519 takes for the same key."""
    other = int.from_bytes(base64.b64decode(key), "little") ^ change
    return base64.b64encode(other.to_bytes(32, "little")).decode()


@pytest.mark.parametrize(
    ("agencies", "said"),
    [
        ([agency("a"), agency("a", sealing_key=None, certificate_name=None)], "`a` stands there twice"),
        ([agency("a"), agency("b", certificate_name="a")], "has the certificate_name of `a`"),
        ([agency("a"), {**agency("b"), "sealing_key": agency("a")["sealing_key"]}], "has the sealing_key of `a`"),
        ([agency("a", kind="police")], "`kind` cannot be `police`"),
        ([agency("a", agency_id_scheme="ori", agency_id="IL1")], "is no ORI"),
        ([agency("a", members=["a"])], "which only a `task_force`"),
        ([agency("a", kind="task_force")], "is a `task_force` without members, name every agency"),
        ([agency("a", kind="fusion_center")], "is a `fusion_center` without members, name every agency"),
        (
            [agency("a", kind="task_force", members=["b"]), agency("county")],
            "has a member `b` that is not in the registry, write it into the registry first",
        ),
        ([agency("a", kind="task_force", members=["conty"]), agency("county")], "did you mean `county`?"),
        ([agency("a", kind="task_force", members=["a"])], "is a member of itself"),
        ([agency("a", sealing_key="AAAA")], "must be a public key"),
        ([agency("a", sealing_key=f"*{key('a')}")], "must be a public key"),
        ([agency("a"), agency("b", sealing_key=same_lock(key("a"), 1 << 255))], "`b` has the sealing_key of `a`"),
        (
            [agency("a", sealing_key=f"{'A' * 43}="), agency("b", sealing_key=same_lock(f"{'A' * 43}=", 2**255 - 19))],
            "`b` has the sealing_key of `a`",
        ),
        ([agency("a", sealing_key=f"{'A' * 43}="), agency("b", sealing_key=f"{'A' * 42}B=")], "to its last letter"),
        ([agency("a", agreement=[{**agreement(), "expires_on": "2027-01-01"}])], "without quotes"),
        (
            [agency("a", agreement=[{k: v for k, v in agreement().items() if k != "expires_on"}])],
            "`expires_on` is missing",
        ),
        ([agency("a", agreement=[agreement(expires_on=agreement()["signed_on"])])], "ends before it begins"),
        ([agency("a", agreement=[agreement(), agreement()])], "has two agreements `a-1`"),
        ([agency("a", purposes=["just because"])], "`purposes[0]` cannot be `just because`"),
        ([agency("a", name="two\nlines")], "must be one line of plain text"),
    ],
)
def test_what_the_registry_cannot_mean_is_refused(agencies: list[Table], said: str) -> None:
    with pytest.raises(PolicyError, match=r"subscribers\.toml") as refused:
        subscribers.parse(tomlkit.dumps({"subscriber": agencies}))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"owner": {"subscriber": "vilage-pd"}}, "did you mean `village-pd`?"),
        ({"sharing": {"direct": ["nobody"]}}, "[sharing] direct names `nobody`"),
        ({"sharing": {"full_feed": ["nobody"]}}, "[sharing] full_feed names `nobody`"),
        ({"jurisdiction": {"state": "US-WI"}}, "the camera stands in `US-WI`"),
    ],
)
def test_files_that_do_not_agree_are_refused(changes: Table, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        city(**changes)
    assert said in str(refused.value)


@pytest.mark.parametrize("kind", ["federal", "private", "vendor_processor", "other"])
def test_some_kinds_cannot_own_a_citys_camera(kind: str) -> None:
    with pytest.raises(PolicyError, match="cannot own"):
        bundle_of(written_policy(), [owner(kind=kind)])


def files() -> BundleFiles:
    made = {
        "policy.toml": TEXT.encode(),
        "subscribers.toml": tomlkit.dumps({"subscriber": [owner()]}).encode(),
        "laws/us-il.toml": law_text("us-il"),
    }
    return bundles.unsigned(made, hotlists={})


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("policy.toml", TEXT.encode() + b"#", "was changed since it was signed"),
        ("laws/us-il.toml", None, "is missing, though the manifest names it"),
        ("policy.toml", None, "policy.toml: is missing"),
        ("laws/us-ca.toml", b"x", "is not in the manifest"),
    ],
)
def test_a_bundle_whose_files_differ_from_its_manifest_is_refused(name: str, content: bytes | None, said: str) -> None:
    whole = files()
    changed = {**whole.files, name: content}
    kept = {one: what for one, what in changed.items() if what is not None}
    with pytest.raises(PolicyError) as refused:
        bundles.parse(BundleFiles(manifest=whole.manifest, signature=None, files=kept), signed=True)
    assert said in str(refused.value)


def test_a_manifest_for_something_else_is_refused() -> None:
    whole = files()
    other = whole.manifest.replace(b"homerule bundle v1", b"homerule bundle v2")
    with pytest.raises(PolicyError, match=r"manifest\.json"):
        bundles.parse(BundleFiles(manifest=other, signature=None, files=whole.files), signed=True)


def test_a_manifest_whose_version_is_written_as_text_is_refused() -> None:
    whole = files()
    with pytest.raises(PolicyError, match=r"manifest\.json"):
        bundles.parse_manifest(whole.manifest.replace(b'"version": 0', b'"version": "0"'))


def forces(names: str) -> list[Table]:
    """Task forces of these names, each the one member of the one before; the last is an agency."""
    inside = [agency(f"f-{one}", kind="task_force", members=[f"f-{other}"]) for one, other in pairwise(names)]
    return [owner(), *inside, agency(f"f-{names[-1]}")]


@pytest.mark.parametrize("names", ["0123456789", "9876543210", "4837261509"])
def test_task_forces_stand_eight_deep_at_most_in_whatever_order_they_are_named(names: str) -> None:
    flat = bundle_of(POLICY, forces(names[1:])).subscribers[f"f-{names[1]}"].members
    assert len(flat) == subscribers.DEEPEST
    with pytest.raises(PolicyError, match=f"more than 8 deep inside `f-{names[0]}`, name its members flat"):
        bundle_of(POLICY, forces(names))


def test_the_deepest_member_counts_and_not_the_one_beside_it() -> None:
    tables = forces("0123456789")
    tables[1]["members"] = ["f-x", *tables[1]["members"]]
    with pytest.raises(PolicyError, match="more than 8 deep inside `f-0`"):
        bundle_of(POLICY, [*tables, agency("f-x")])


def signed_days_before_its_end(days: int) -> BundleFiles:
    manifest = bundles.parse_manifest(files().manifest)
    signed_at = POLICY["valid_until"] - timedelta(days=days)
    return bundles.unsigned(files().files, hotlists={}, like=manifest.model_copy(update={"signed_at": signed_at}))


def test_a_policy_may_run_ninety_days_after_its_signature() -> None:
    bundles.parse(signed_days_before_its_end(90), signed=True)


def test_a_policy_that_runs_longer_than_ninety_days_after_its_signature_is_refused() -> None:
    with pytest.raises(PolicyError, match="more than 90 days"):
        bundles.parse(signed_days_before_its_end(91), signed=True)


@pytest.mark.parametrize("name", ["policy.toml", "subscribers.toml"])
def test_without_one_of_the_two_files_that_every_policy_has_there_is_none(name: str) -> None:
    left = {other: content for other, content in files().files.items() if other != name}
    with pytest.raises(PolicyError, match=f"{name}: is missing, put it back or make a new folder"):
        bundles.parse(bundles.unsigned(left, hotlists={}), signed=True)


def test_a_law_pack_under_another_name_is_refused() -> None:
    whole = {**files().files, "laws/us-il.toml": law_text("generic")}
    with pytest.raises(PolicyError, match="holds the law pack `generic`"):
        bundles.parse(bundles.unsigned(whole, hotlists={}), signed=True)


def test_a_law_pack_that_the_policy_does_not_name_is_refused() -> None:
    whole = {**files().files, "laws/generic.toml": law_text("generic")}
    with pytest.raises(PolicyError, match=r"laws/generic\.toml: is not named in \[law\] `packs` of policy\.toml"):
        bundles.parse(bundles.unsigned(whole, hotlists={}), signed=True)


def test_a_law_pack_that_the_policy_names_and_nobody_brought_is_refused() -> None:
    whole = {name: content for name, content in files().files.items() if name != "laws/us-il.toml"}
    with pytest.raises(PolicyError, match=r"\[law\] names the pack `us-il`, but `laws/us-il.toml` is missing"):
        bundles.parse(bundles.unsigned(whole, hotlists={}), signed=True)


def test_a_signature_over_the_file_of_a_list_that_its_source_signs_is_refused() -> None:
    listed = {
        "id": "stolen",
        "source_agency": "state-police",
        "cap": 10,
        "source_key": key("source"),
        "max_age_hours": 1,
    }
    whole = {**files().files, "policy.toml": tomlkit.dumps(merged(POLICY, {"hotlist": [listed]})).encode()}
    bundles.parse(bundles.unsigned(whole, hotlists={}), signed=True)
    with pytest.raises(PolicyError, match=r"hotlists/stolen\.toml: is no hot list of policy\.toml"):
        bundles.parse(bundles.unsigned(whole, hotlists={"hotlists/stolen.toml": "0" * 64}), signed=True)


def test_a_file_that_is_not_utf_8_is_refused_with_its_line() -> None:
    with pytest.raises(PolicyError, match=r"policy\.toml: line 3 is not UTF-8 text"):
        bundles.text("one\ntwo\ncaf\u00e9\n".encode("latin-1"), "policy.toml")


def test_the_bytes_of_a_manifest_do_not_hang_on_the_order_in_which_its_files_are_named() -> None:
    named = {"policy.toml": "ab" * 32, "laws/us-il.toml": "cd" * 32}
    one, two = (
        Manifest(version=1, replaces=None, devices=("pole",), signed_at=NOW, files=dict(order), hotlists={}).to_bytes()
        for order in (named.items(), reversed(named.items()))
    )
    assert one == two
    assert list(json.loads(one)) == sorted(json.loads(one))


def test_the_shortest_retention_of_all_applies() -> None:
    short = law_text("us-il").replace(b"[retention]", b"[retention]\nseconds = 180")
    assert city(laws={"us-il": short}).ceiling == timedelta(minutes=3)
    assert city().ceiling == timedelta(hours=24)


def test_every_built_in_pack_parses_and_none_claims_a_review() -> None:
    assert {pack.id for pack in packs()} >= {"us-il", "generic"}
    assert not any(pack.reviewed for pack in packs())


def test_a_pack_with_an_instrument_rule_must_say_which_forms() -> None:
    without = law_text("us-il").decode().replace('forms = ["declaration"]', "")
    with pytest.raises(PolicyError, match="out_of_state"):
        law.parse(without, file="laws/us-il.toml")


SOURCE = HotListSource(id="list", source_agency="desk", cap=3)


def entry(pattern: str = "AB12345", **changes: Any) -> Table:
    return {
        "id": "e-1",
        "pattern": pattern,
        "source_agency": "desk",
        "purpose": "stolen_vehicle",
        "expires_at": NOW + timedelta(days=1),
        **changes,
    }


def listed(*entries: Table, banned: frozenset[Any] = frozenset()) -> Any:
    text = tomlkit.dumps({"entry": list(entries)})
    return gather([parse_list(text, SOURCE, banned=banned, file="hotlists/list.toml")])


def test_a_plate_on_the_list_is_a_hit_however_it_is_spaced() -> None:
    assert [hit.entry_id for hit in listed(entry()).look_up("ab 12-345", NOW)] == ["e-1"]


def test_a_question_mark_stands_for_exactly_one_character() -> None:
    lists = listed(entry("AB?2345"))
    assert lists.look_up("ABX2345", NOW)
    assert not lists.look_up("AB2345", NOW)
    assert not lists.look_up("ABX2346", NOW)


def test_an_entry_that_ran_out_is_no_hit() -> None:
    assert not listed(entry(expires_at=NOW)).look_up("AB12345", NOW)


def test_all_entries_that_match_are_hits() -> None:
    lists = listed(entry(), entry("AB1234?", id="e-2"), entry(id="e-3"))
    assert [hit.entry_id for hit in lists.look_up("AB12345", NOW)] == ["e-1", "e-2", "e-3"]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([entry("A?12?45", id="few"), entry("?????5678", id="e-2")], "[[entry]] number 2 needs at least 5 certain"),
        ([entry(purpose="unspecified")], "banned purpose `unspecified`"),
        ([entry(), entry()], "stands there twice"),
        ([entry(id=f"e-{number}") for number in range(4)], "more than its cap of 3"),
        ([{key: value for key, value in entry().items() if key != "expires_at"}], "`expires_at` is missing"),
    ],
)
def test_a_list_that_would_be_a_full_feed_or_a_side_door_is_refused(entries: list[Table], said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        listed(*entries)
    assert said in str(refused.value)


def test_a_list_with_a_banned_purpose_is_refused() -> None:
    with pytest.raises(PolicyError, match="banned purpose `stolen_vehicle`"):
        listed(entry(), banned=frozenset({"stolen_vehicle"}))


def test_no_refusal_and_no_list_in_print_shows_a_plate() -> None:
    with pytest.raises(PolicyError) as refused:
        listed(entry("ZQ98765!"))
    assert "ZQ98765" not in str(refused.value)
    assert "AB12345" not in repr(listed(entry()))


def test_a_read_carries_place_owner_flags_and_hits() -> None:
    here = city(sharing={"national_lookup": False})
    read = PlateRead(
        read_id="r-1",
        camera_id="c-1",
        first_seen=NOW,
        best_seen=NOW,
        last_seen=NOW,
        box=Box(x1=0, y1=0, x2=1, y2=1),
        text="AB12345",
        confidence=0.9,
        lowest_character_confidence=0.8,
        frames=1,
    )
    tags = tag(read, here, listed(entry()), test=True, now=INSTANT).tags
    assert (tags.jurisdiction.state, tags.owner) == ("US-IL", "village-pd")
    assert {Flag.NO_NATIONAL_LOOKUP, Flag.NO_FEDERAL, Flag.SINGLE_FRAME, Flag.TEST} <= tags.flags
    assert Flag.NO_STATEWIDE_LOOKUP not in tags.flags
    assert [hit.entry_id for hit in tags.hits] == ["e-1"]
    assert tags.retain_until == NOW + timedelta(hours=24)
    assert "AB12345" not in repr(tags)
