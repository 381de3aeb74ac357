"""Hot lists in CSV and TOML: what is a hit, what refuses a list, and that no plate is ever told."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import PolicyError
from edge.policy import issued, policy
from edge.policy.entries import MOST_ALIKE, MOST_SOURCES, HotList
from edge.policy.hotlists import COLUMNS, HotLists, gather, parse, parse_csv
from edge.policy.numbers import plain
from edge.policy.policy import HIGHEST, HotListSource
from edge.policy.vocabulary import Purpose
from tests.policy.city import NOW, POLICY, Table, toml

SOURCE = HotListSource(id="list", source_agency="desk", cap=1000)
FILE = "hotlists/list.csv"
LETTERS = "ABZ019"


def entry(pattern: str = "AB12345", **changes: Any) -> Table:
    made: Table = {
        "id": "e-1",
        "pattern": pattern,
        "source_agency": "desk",
        "purpose": "stolen_vehicle",
        "expires_at": NOW + timedelta(days=1),
    }
    return {**made, **changes}


def as_csv(entries: Sequence[Table], columns: Sequence[str] = COLUMNS, **how: Any) -> str:
    written = io.StringIO()
    rows = csv.DictWriter(written, columns, extrasaction="ignore", **{"lineterminator": "\n", **how})
    rows.writeheader()
    for one in entries:
        at = one.get("expires_at", "")
        rows.writerow({**one, "expires_at": at if isinstance(at, str) else at.isoformat()})
    return written.getvalue()


def from_csv(text: str, *, source: HotListSource = SOURCE, banned: frozenset[Purpose] = frozenset()) -> HotList:
    return parse_csv(io.StringIO(text, newline=""), source, banned=banned, file=FILE)


def listed(*entries: Table) -> HotLists:
    return gather([from_csv(as_csv(entries))])


def refusal(text: str, **how: Any) -> str:
    with pytest.raises(PolicyError) as refused:
        from_csv(text, **how)
    return str(refused.value)


patterns = st.text(LETTERS + "?", min_size=5, max_size=10).filter(lambda text: len(text) - text.count("?") >= 5)
plates = st.text(LETTERS, min_size=0, max_size=11)


def matches(pattern: str, plate: str) -> bool:
    """By brute force, and in another way than the list does it."""
    return len(pattern) == len(plate) and all(one in ("?", two) for one, two in zip(pattern, plate, strict=True))


@given(st.lists(patterns, max_size=30), st.lists(plates, max_size=10))
@settings(deadline=None)
def test_a_plate_is_a_hit_exactly_where_it_matches_character_by_character(found: list[str], asked: list[str]) -> None:
    lists = listed(*(entry(pattern, id=f"e-{at:02}") for at, pattern in enumerate(found)))
    for plate in [*asked, *(pattern.replace("?", "Z") for pattern in found)]:
        wanted = [f"e-{at:02}" for at, pattern in enumerate(found) if matches(pattern, plate)]
        assert [hit.entry_id for hit in lists.look_up(plate, NOW)] == wanted


@given(
    st.permutations([entry(f"AB{at}2345", id=f"e-{at}", purpose=one.value) for at, one in enumerate(list(Purpose)[:9])])
)
@settings(deadline=None)
def test_the_order_of_the_entries_does_not_matter(entries: list[Table]) -> None:
    lists = listed(*entries)
    assert [lists.look_up(f"AB{at}2345", NOW)[0].entry_id for at in range(9)] == [f"e-{at}" for at in range(9)]


def test_csv_and_toml_say_the_same() -> None:
    one = entry(offence_grade="felony", offence_state="US-IL", case="26-1/A")
    text = tomlkit.dumps({"entry": [one]})
    by_toml = gather([parse(text, SOURCE, banned=frozenset(), file="hotlists/list.toml")])
    assert by_toml.look_up("AB12345", NOW) == listed(one).look_up("AB12345", NOW)
    hit = by_toml.look_up("AB12345", NOW)[0]
    assert (hit.offence_grade, hit.offence_state, hit.case) == ("felony", "US-IL", "26-1/A")


@pytest.mark.parametrize("how", [{"lineterminator": "\r\n"}, {"quoting": csv.QUOTE_ALL}])
def test_however_a_spreadsheet_writes_it_it_is_the_same_list(how: Table) -> None:
    entries = [entry(f"AB{at:05}", id=f"e-{at}", case=f"26-{at}", offence_state="US-IL") for at in range(600)]
    usual, other = (from_csv(text) for text in (as_csv(entries), as_csv(entries, **how)))
    for one in entries:
        assert other.look_up(one["pattern"], NOW) == usual.look_up(one["pattern"], NOW) != []


@pytest.mark.parametrize("how", [{}, {"lineterminator": "\r\n"}, {"quoting": csv.QUOTE_ALL}])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"case": "?"}, "line 502: `case` must be"),
        ({"purpose": "stolen"}, "line 502: `purpose` is none"),
        ({"expires_at": "soon"}, "line 502: `expires_at` must be"),
        ({"pattern": "AB12???"}, "line 502 needs at least 5 certain characters"),
        ({"purpose": "other"}, "line 502 serves the banned purpose"),
        ({"source_agency": " "}, "line 502 needs one line of plain text"),
    ],
)
def test_far_down_in_a_list_the_line_is_told(how: Table, change: Table, said: str) -> None:
    entries = [entry(f"AB{at:05}", id=f"e-{at}") for at in range(600)]
    entries[500].update(change)
    assert said in refusal(as_csv(entries, **how))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("e-2,ZK98765", "line 502 has 2 columns, the first line has 8"),
        ("", "line 502 has"),
        ('e-2,"ZK98765', "is not CSV, mend its quotes"),
        ('e-2,"ZK9"8765,,,,,,', "line 502 is not CSV, mend its quotes"),
        ("e-2,ZK98765,desk,stolen_vehicle,2027-01-01T00:00:00Z,,,,", "line 502 has 9 columns, the first line has 8"),
    ],
)
def test_far_down_in_a_list_a_line_with_other_columns_is_told(wrong: str, said: str) -> None:
    lines = as_csv([entry(f"AB{at:05}", id=f"e-{at}") for at in range(600)]).split("\n")
    lines[501] = wrong
    assert said in refusal("\n".join(lines))


@pytest.mark.parametrize("plate", ["AB123", "AB12345678"])
def test_the_shortest_and_the_longest_plate_are_found(plate: str) -> None:
    assert [hit.entry_id for hit in listed(entry(plate)).look_up(plate, NOW)] == ["e-1"]


def test_the_word_of_a_source_is_these_bytes() -> None:
    assert issued.statement("list", version=7, issued_at=NOW, sha256="ab" * 32) == (
        b'{"context":"homerule hotlist v1","id":"list","issued_at":"2026-11-23T12:00:00Z",'
        b'"sha256":"' + b"ab" * 32 + b'","version":7}'
    )


def test_the_last_line_needs_no_end() -> None:
    assert from_csv(as_csv(ENTRIES).removesuffix("\n")).entries == len(ENTRIES)


def test_columns_may_stand_in_any_order_and_the_last_three_may_be_missing() -> None:
    text = as_csv([entry()], ("expires_at", "purpose", "pattern", "id", "source_agency"))
    assert gather([from_csv(text)]).look_up("AB12345", NOW)[0].case is None


def test_a_byte_order_mark_from_a_spreadsheet_is_read_over() -> None:
    assert from_csv("\ufeff" + as_csv([entry()])).entries == 1


def test_zeros_at_the_beginning_of_a_plate_count() -> None:
    assert not listed(entry("0012345")).look_up("12345", NOW)
    assert not listed(entry("12345")).look_up("0012345", NOW)


def marked(pattern: str, **changes: Any) -> HotList:
    return replace(listed(entry(pattern, **changes)).lists[0], secret=b"of this device")


@pytest.mark.parametrize("pattern", ["AB12345", "AB1234?", "?B12345"])
def test_a_hit_bears_the_mark_that_its_entry_bears(pattern: str) -> None:
    others = [entry("QX54321", id="e-2"), entry("QX5432?", id="e-3"), entry("?X54321", id="e-4")]
    whole = replace(listed(*others[:1], entry(pattern), *others[1:]).lists[0], secret=b"of this device")
    (hit,) = whole.look_up("AB12345", NOW)
    assert (whole.entry("e-1"), hit.mark) == (hit, marked(pattern).entry("e-1").mark)


def test_the_mark_of_a_hit_is_another_with_another_pattern_entry_or_device_and_none_without_a_secret() -> None:
    whole = marked("AB12345")
    lists = [
        whole,
        *(marked(pattern) for pattern in ("AB12346", "AB1234?", "?B12345", "B12345")),
        replace(whole, secret=b"of another device"),
    ]
    marks = {one.entry("e-1").mark for one in lists} | {marked("AB12345", id="e-9").entry("e-9").mark}
    assert len(marks) == 7
    assert {len(one) for one in marks} == {4}
    assert replace(whole, secret=b"").entry("e-1").mark == ""


def test_a_list_counts_between_its_issue_and_its_age() -> None:
    text, later = as_csv([entry()]), NOW + timedelta(hours=1)
    one = parse_csv(io.StringIO(text), SOURCE, banned=frozenset(), file=FILE, begins=NOW, ends=later)
    at = {moment: bool(gather([one]).look_up("AB12345", moment)) for moment in (NOW, later)}
    assert at == {NOW: True, later: False}
    assert not one.look_up("AB12345", NOW - timedelta(seconds=1))


def test_a_stale_list_says_so() -> None:
    one = parse_csv(io.StringIO(as_csv([entry()])), SOURCE, banned=frozenset(), file=FILE, ends=NOW)
    assert "older than it may be" in gather([one]).stale(NOW)["list"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"purpose": "immigration_enforcement"}, "line 3 serves the banned purpose `immigration_enforcement`"),
        ({"purpose": "other"}, "line 3 serves the banned purpose `other`"),
        ({"purpose": "stolen"}, "line 3: `purpose`"),
        ({"expires_at": ""}, "line 3: `expires_at`"),
        ({"expires_at": "2027-01-01"}, "line 3: `expires_at`"),
        ({"pattern": "AB1234"[:4]}, "line 3: `pattern`"),
        ({"pattern": "AB12???"}, "line 3 needs at least 5 certain characters"),
        ({"pattern": "ab12345"}, "line 3: `pattern`"),
        ({"id": "e 2"}, "line 3: `id`"),
        ({"id": "e-1"}, "line 3 has an id that stands there twice"),
        ({"offence_grade": "grave"}, "line 3: `offence_grade`"),
        ({"offence_state": "IL"}, "line 3: `offence_state`"),
        ({"case": "?"}, "line 3: `case`"),
        ({"source_agency": " "}, "line 3 needs one line"),
        ({"source_agency": "desk\nof nobody"}, "line 3 needs one line"),
    ],
)
def test_one_wrong_entry_refuses_the_whole_list(change: Table, said: str) -> None:
    text = as_csv([entry(), {**entry("ZK98765", id="e-2"), **change}])
    assert said in refusal(text, banned=frozenset({Purpose.IMMIGRATION_ENFORCEMENT}))


@pytest.mark.parametrize(
    ("at", "is_read"),
    [
        ("1999-12-31T23:59:59Z", False),
        ("2000-01-01T00:00:00+01:00", False),
        ("2000-01-01T00:00:00Z", True),
        ("2199-12-31T23:59:59Z", True),
        ("2200-01-01T00:00:00Z", False),
    ],
)
def test_a_time_is_of_these_two_centuries_in_both_forms(at: str, is_read: bool) -> None:
    text = as_csv([entry(expires_at=at)])
    table = f'[[entry]]\nid = "e-1"\npattern = "AB12345"\nsource_agency = "desk"\npurpose = "toll"\nexpires_at = {at}\n'
    if is_read:
        assert from_csv(text).last_day() == parse(table, SOURCE, banned=frozenset(), file=FILE).last_day()
    else:
        assert "line 2: `expires_at` must be a time" in refusal(text)
        with pytest.raises(PolicyError, match="between the years 2000 and 2200"):
            parse(table, SOURCE, banned=frozenset(), file=FILE)


def test_a_list_longer_than_its_cap_is_refused() -> None:
    text = as_csv([entry(id=f"e-{at}") for at in range(3)])
    assert "cap of 2" in refusal(text, source=SOURCE.model_copy(update={"cap": 2}))


def test_a_list_without_the_column_of_expiry_is_refused() -> None:
    assert "no column `expires_at`" in refusal(as_csv([entry()], COLUMNS[:4]))


def test_a_column_that_is_named_twice_is_refused() -> None:
    assert "line 1 names the column `id` twice" in refusal(as_csv([entry()], [*COLUMNS, "id"]))


def test_a_misspelt_column_gets_a_hint() -> None:
    assert "did you mean `offence_grade`?" in refusal("id,pattern,source_agency,purpose,expires_at,offense_grade\n")


def test_a_file_without_names_of_columns_is_refused_without_a_plate() -> None:
    said = refusal(as_csv([entry()]).split("\n", 1)[1])
    assert "line 1" in said
    assert "AB12345" not in said


def test_a_misspelt_column_is_not_repeated_since_it_may_be_a_plate() -> None:
    said = refusal("id,pattern,source_agency,purpose,expires_at,case123\n")
    assert said == f"{FILE}: line 1 has an unknown column, did you mean `case`?"


@pytest.mark.parametrize(
    "change",
    [
        {"id": "stolen-AB12345"},
        {"id": "AB-12345"},
        {"id": "stolen.a-b_123.45"},
        {"case": "ab12345"},
        {"case": "26/AB-12345"},
        {"source_agency": "desk of AB 12345"},
        {"id": "AB12345", "pattern": "AB12?45"},
        {"case": "ab-12345", "pattern": "AB1234?"},
        {"source_agency": "desk of ab 12345", "pattern": "?B12345"},
        {"id": "AB12_45", "pattern": "AB12?45"},
    ],
)
def test_a_plate_in_what_the_audit_log_is_told_refuses_the_list(change: Table) -> None:
    wrong = entry(**change)
    for others in ([], [entry("CD67890", id="another")]):
        said = refusal(as_csv([*others, wrong]))
        assert f"line {2 + len(others)} has its pattern in its id, case or source agency" in said
        assert "B12" not in said.upper()
        with pytest.raises(PolicyError, match=rf"number {1 + len(others)} has its pattern in its id"):
            parse(tomlkit.dumps({"entry": [*others, wrong]}), SOURCE, banned=frozenset(), file=FILE)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x-AB", "case": "12345"},
        {"id": "AB12x345"},
        {"id": "AB1xx345", "pattern": "AB1?345"},
        {"id": "AB1", "case": "345", "pattern": "AB1?345"},
    ],
)
def test_what_only_looks_like_the_plate_refuses_nothing(change: Table) -> None:
    assert from_csv(as_csv([entry(**change)])).entries == 1


AS_TOML = tomlkit.dumps({"entry": [entry()]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AS_TOML.replace("stolen_vehicle", "ZQ98765"), "[[entry]] number 1 `purpose` must be one of `stolen_vehicle`"),
        (AS_TOML.replace("stolen_vehicle", "stolen_98765"), "`purpose` must be one of `stolen_vehicle`"),
        (AS_TOML + 'offence_grade = "ZQ98765"\n', "[[entry]] number 1 `offence_grade` must be one of"),
        (AS_TOML + 'ZQ98765 = "felony"\n', "[[entry]] number 1 unknown key, remove it (line 7)"),
        (AS_TOML + 'case98765 = "felony"\n', "unknown key, did you mean `case`? (line 7)"),
        (AS_TOML + "[entry.ZQ98765]\nx = 1\n", "[[entry]] number 1 unknown table, remove it"),
        ("[ZQ98765]\nx = 1\n", "unknown table, remove it (line 1)"),
        ("x = {ZQ98765 = 1, ZQ98765 = 1}\n", "line 1 is not TOML; mend or remove that line"),
        (AS_TOML + f"case = {'98765' * 1000}\n", "has a number that is too long, write a shorter one"),
        (AS_TOML.replace("e-1", "ZQ98765") * 2, "[[entry]] number 2 has an id that stands there twice"),
        (AS_TOML.replace("e-1", "ZQ98765").replace("AB1", "???"), "number 1 needs at least 5 certain characters"),
    ],
)
def test_the_refusal_of_a_list_in_toml_repeats_nothing_of_it(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse(text, SOURCE, banned=frozenset(), file="hotlists/list.toml")
    assert said in str(refused.value)
    assert "98765" not in str(refused.value)


def test_too_many_source_agencies_are_refused() -> None:
    source = SOURCE.model_copy(update={"cap": 2 * MOST_SOURCES})
    named = [entry(f"AB{at:05}", id=f"e-{at}", source_agency=f"desk {at}") for at in range(MOST_SOURCES + 1)]
    assert "names more than 1000 source agencies, split the list" in refusal(as_csv(named), source=source)
    again = [*named[:-1], *({**one, "id": f"again-{at}"} for at, one in enumerate(named[:300]))]
    assert len(from_csv(as_csv(again), source=source).by_source()) == MOST_SOURCES


@pytest.mark.parametrize(("length", "is_read"), [(2048, True), (2049, False)])
def test_the_word_of_a_source_is_read_up_to_a_length(length: int, is_read: bool) -> None:
    statement = issued.statement("list", version=1, issued_at=NOW, sha256="ab" * 32)
    content = issued.written(statement, bytes(64)).ljust(length)
    if is_read:
        assert issued.parse(content, file="list.csv.sig")[1:] == (statement, bytes(64))
    else:
        with pytest.raises(PolicyError, match="is not the word of a hot list's source"):
            issued.parse(content, file="list.csv.sig")


def test_a_version_that_the_audit_log_cannot_hold_is_refused() -> None:
    statement = issued.statement("list", version=HIGHEST, issued_at=NOW, sha256="ab" * 32)
    content = issued.written(statement, bytes(64))
    assert issued.parse(content, file="list.csv.sig")[0].version == 2**53 - 1
    beyond = content.replace(str(HIGHEST).encode(), str(2**53).encode())
    with pytest.raises(PolicyError, match=r"list\.csv\.sig: its version is higher than .*sign a lower one"):
        issued.parse(beyond, file="list.csv.sig")


@pytest.mark.parametrize(("length", "is_read"), [(200, True), (201, False)])
def test_the_name_of_a_source_agency_has_two_hundred_characters_at_most(length: int, is_read: bool) -> None:
    text = as_csv([entry(source_agency="d" * length)])
    if is_read:
        assert from_csv(text).by_source() == {"d" * length: 1}
    else:
        assert "line 2 needs one line of plain text as its source agency" in refusal(text)


def test_a_word_with_anything_between_the_letters_of_its_signature_is_none() -> None:
    statement = issued.statement("list", version=1, issued_at=NOW, sha256="ab" * 32)
    head, signature, _ = issued.written(statement, bytes(64)).split(b"\n")
    with pytest.raises(PolicyError, match="is not the word of a hot list's source"):
        issued.parse(head + b"\n" + signature[:9] + b"*" + signature[9:], file="list.csv.sig")


def test_too_many_entries_of_one_plate_are_refused() -> None:
    assert "one and the same pattern" in refusal(as_csv([entry(id=f"e-{at}") for at in range(MOST_ALIKE + 1)]))
    assert from_csv(as_csv([entry(id=f"e-{at}") for at in range(MOST_ALIKE)])).entries == MOST_ALIKE


@pytest.mark.parametrize("text", ["", "\n", 'id,"pattern\n', as_csv([entry()]) + "e-2,ZK98765\n", as_csv([]) + "\n"])
def test_what_is_no_list_is_refused(text: str) -> None:
    assert refusal(text).startswith(f"{FILE}: ")


ENTRIES = [
    entry("QW12345", id="e-1", case="26-1"),
    entry("QW9?417", id="e-2", purpose="stolen_plate", offence_grade="felony"),
    entry("XY77777", id="e-3", offence_state="US-IL"),
]


@given(st.integers(0, len(as_csv(ENTRIES)) - 1), st.sampled_from([*'",\r\n?A0z-', "", "\x00", "é"]), st.booleans())
@settings(deadline=None, max_examples=400)
def test_a_damaged_list_is_refused_without_a_plate_or_still_a_list(at: int, character: str, quoted: bool) -> None:
    text = as_csv(ENTRIES, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    said, made = "", None
    try:
        made = from_csv(text[:at] + character + text[at + 1 :])
    except PolicyError as refused:
        said = str(refused)
    assert not any(plain(one["pattern"])[:6] in said for one in ENTRIES)
    if made is not None:
        assert made.entries <= len(ENTRIES)
        for one in ENTRIES:  # a change of one character changes one entry at most
            plate = one["pattern"].replace("?", "5")
            assert len(made.look_up(plate, NOW)) <= 1
        assert sum(bool(made.look_up(one["pattern"].replace("?", "5"), NOW)) for one in ENTRIES) >= len(ENTRIES) - 1


def test_counts_tell_source_and_purpose_and_no_plate() -> None:
    made = from_csv(as_csv(ENTRIES))
    assert made.by_source() == {"desk": 3}
    assert made.by_purpose() == {Purpose.STOLEN_VEHICLE: 2, Purpose.STOLEN_PLATE: 1}
    assert (made.run_out(NOW), made.run_out(NOW + timedelta(days=1))) == (0, 3)
    assert made.last_day() == NOW + timedelta(days=1)
    longer = from_csv(as_csv([*ENTRIES, entry("ZZ12345", id="e-4", expires_at=NOW + timedelta(days=2))]))
    assert longer.last_day() == NOW + timedelta(days=2)
    assert not any(plain(one["pattern"]) in repr(made) or one["id"] in repr(made) for one in ENTRIES)
    assert "array" not in repr(made), "a pattern as a number is a pattern"


def sourced(**keys: object) -> str:
    return toml({**POLICY, "hotlist": [{"id": "list", "source_agency": "desk", "cap": 3, **keys}]})


@pytest.mark.parametrize("keys", [{"source_key": "A" * 43 + "="}, {"max_age_hours": 24.0}])
def test_a_source_key_and_a_greatest_age_go_together(keys: Table) -> None:
    with pytest.raises(PolicyError, match="needs `source_key` and `max_age_hours`, or neither"):
        policy.parse(sourced(**keys))


@pytest.mark.parametrize("key", ["short", "*" + "A" * 43 + "=", "A" * 42 + "B="])
def test_a_source_key_must_be_a_key(key: str) -> None:
    with pytest.raises(PolicyError, match="source_key` must be a public key"):
        policy.parse(sourced(source_key=key, max_age_hours=24.0))


def test_two_hot_lists_of_one_id_are_refused() -> None:
    one = {"id": "list", "source_agency": "desk", "cap": 3}
    with pytest.raises(PolicyError, match=r"\[\[hotlist\]\] `list` stands there twice"):
        policy.parse(toml({**POLICY, "hotlist": [one, one]}))
