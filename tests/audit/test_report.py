"""An auditor's walk: given only the archive of sixteen weeks, each question has its answer, and it is the right one."""

import csv
import io
import json
import re
import shutil
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from subprocess import CompletedProcess, run
from sys import executable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jsonschema import Draft202012Validator

from edge.audit import parts
from edge.audit.asked import Asked
from edge.audit.make import assemble, make
from edge.audit.page import render
from edge.audit.parts import span
from edge.audit.report import Agency, Report, Rights
from edge.audit.source import open_source
from edge.audit.table import HEADS, csv_text, json_text, packaged_schema, schema
from edge.audit.verify import verify_archive
from edge.clock import from_milliseconds as moment
from edge.clock import milliseconds
from edge.errors import LedgerError
from edge.policy.vocabulary import NATIONAL_LOOKUP
from tests.audit.logs import archived, begun
from tests.audit.test_counting import GROUPS, adds_up
from tests.audit.village import (
    ADDED,
    BACK_ON,
    CHIEF,
    CLERK,
    LAPSED,
    NORTH,
    OPTED_OUT_AGAIN,
    OPTED_OUT_FIRST,
    SOUTH,
    Village,
    agencies,
)
from tests.ledger.builders import KEY, PLATE, HandClock

MADE = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Village:
    """Lived through once, two reads a day."""
    lived = Village(tmp_path_factory.mktemp("village") / "ledger.sqlite", a_day=2)
    lived.run()
    return lived


@pytest.fixture(scope="module")
def archive(village: Village, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the auditor is given."""
    ledger = tmp_path_factory.mktemp("copy") / "ledger.sqlite"
    shutil.copy(village.device.path, ledger)
    return archived(ledger, ledger.with_name("village.homerule-audit.zip"))


def asked_of(path: Path, asked: Asked = Asked()) -> Report:  # noqa: B008 - frozen
    with open_source(path) as source:
        return make(source, asked, made_at=MADE, key=KEY.public_key())


def between(began: datetime, ended: datetime, **more: frozenset[str]) -> Asked:
    return Asked(began=milliseconds(began), ended=milliseconds(ended), **more)


@pytest.fixture(scope="module")
def whole(archive: Path) -> Report:
    return asked_of(archive)


def of(report: Report, name: str) -> Agency:
    return next(one for one in report.agencies if one.subscriber == name)


def test_who_received_reads_and_how_many(whole: Report, village: Village) -> None:
    assert {one.subscriber: one.counts.left for one in whole.agencies if one.counts.left} == village.reads


def test_who_received_reads_of_one_camera_between_two_dates_is_a_part_of_that(archive: Path, whole: Report) -> None:
    parts = [
        asked_of(archive, between(began, ended, cameras=frozenset({camera})))
        for camera in (NORTH, SOUTH)
        for began, ended in (
            (datetime(2026, 8, 1, tzinfo=UTC), BACK_ON),
            (BACK_ON, datetime(2026, 12, 1, tzinfo=UTC)),
        )
    ]
    assert all(adds_up(part.counts) for part in parts)
    for agency in whole.agencies:
        found = [one for part in parts for one in part.agencies if one.subscriber == agency.subscriber]
        assert sum(one.counts.left for one in found) == agency.counts.left
    assert sum(part.reads for part in parts) == whole.reads


def test_what_each_agency_is(whole: Report) -> None:
    assert {one.subscriber: (one.name, one.kind, one.state) for one in whole.agencies} == {
        one["id"]: (one["name"], one["kind"], one["state"]) for one in agencies(with_elm=True)
    }
    assert len(whole.agencies) == 8
    assert {len(one.bundles) for one in whole.agencies} == {len(whole.policies), 1}
    page = render(whole)
    assert "<b>Border Office</b><small>federal, US-IL</small>" in page
    assert "<b>Brazos Bend County Sheriff, Texas</b><small>county, US-TX</small>" in page
    assert "<td><b>Fox Lake Police Department, Wisconsin</b></td><td>fox-lake-2026" in page


def test_under_which_bundles_and_on_which_basis(whole: Report) -> None:
    versions = {one.digest: f"{one.version}.{one.revision}" for one in whole.policies}
    fox = of(whole, "fox-lake-pd").grounds
    assert {(one.channel, one.reasons[0]) for one in fox} == {("direct", "allow_agreement")}
    assert {versions[digest] for one in fox for digest in one.bundles} == {"1.0", "1.1", "2.0", "2.1"}
    brazos = of(whole, "brazos-bend-so").grounds
    assert [(one.channel, {versions[digest] for digest in one.bundles}) for one in brazos] == [
        ("national-lookup", {"1.0", "2.0"})
    ]


def test_what_was_refused_and_why(whole: Report) -> None:
    assert of(whole, "border-office").counts.left == 0
    assert all("deny_optout_federal" in one.reasons for one in of(whole, "border-office").refusals)
    expired = [one for one in of(whole, "fox-lake-pd").refusals if "deny_agreement_expired" in one.reasons]
    assert expired
    assert min(one.first for one in expired) >= LAPSED
    refused = sum(one.reads for agency in whole.agencies for one in agency.refusals if one.where == "camera")
    assert refused == whole.counts.withheld


def test_each_reason_has_its_sentence(whole: Report) -> None:
    said = {one.code: one.sentence for one in whole.reasons}
    assert said["deny_optout_national_lookup"] == "The city has switched National Lookup off."
    assert sum(one.primary for one in whole.reasons) == whole.counts.withheld


def test_when_national_lookup_was_off_and_who_switched_it(whole: Report) -> None:
    turns = [(one.value, one.since, one.until, one.by) for one in whole.switches if one.switch == NATIONAL_LOOKUP]
    first = whole.policies[0].since
    assert turns == [
        ("on", first, OPTED_OUT_FIRST, "first-policy"),
        ("off", OPTED_OUT_FIRST, BACK_ON, CLERK),
        ("on", BACK_ON, OPTED_OUT_AGAIN, CHIEF),
        ("off", OPTED_OUT_AGAIN, None, "file"),
    ]


def test_nothing_was_sent_through_national_lookup_while_it_was_off(archive: Path) -> None:
    for began, ended in ((OPTED_OUT_FIRST, BACK_ON), (OPTED_OUT_AGAIN, datetime(2026, 12, 1, tzinfo=UTC))):
        report = asked_of(archive, between(began, ended))
        assert [ground for one in report.agencies for ground in one.grounds if ground.channel == NATIONAL_LOOKUP] == []
        assert of(report, "brazos-bend-so").counts.left == 0


def test_the_last_send_before_an_agreement_ran_out_and_the_first_refusal_after_it(whole: Report) -> None:
    (lapsed,) = whole.lapsed
    assert (lapsed.subscriber, lapsed.agreement, lapsed.why, lapsed.at) == (
        "fox-lake-pd",
        "fox-lake-2026",
        "expired",
        LAPSED,
    )
    assert lapsed.last_sent_before is not None
    assert lapsed.first_refused_after is not None
    assert lapsed.last_sent_before < LAPSED <= lapsed.first_refused_after < LAPSED + timedelta(days=2)
    assert "deny_agreement_expired" in lapsed.reasons
    assert lapsed.sent_after == 0


def test_the_first_read_ever_to_an_agency_is_told_within_its_time_only(archive: Path, whole: Report) -> None:
    elm = of(whole, "elm-so")
    assert elm.first_ever is not None
    assert elm.first_ever >= ADDED
    assert elm.first_ever_within
    later = asked_of(archive, between(elm.first_ever + timedelta(days=1), datetime(2026, 12, 1, tzinfo=UTC)))
    assert of(later, "elm-so").first_ever == elm.first_ever
    assert not of(later, "elm-so").first_ever_within


def test_the_stretches_of_which_nothing_is_known(whole: Report) -> None:
    assert {one.what for one in whole.gaps} == {
        f"camera:{SOUTH}", "crash", "clock-untrusted", "ledger", "not-running", "models", "held",
        "alarm:broker-rights", "clock-step",
    }  # fmt: skip
    blind = sum((ended - began for began, ended in whole.unknown), timedelta())
    assert blind == timedelta(hours=2, minutes=31) + timedelta(hours=0.7) + timedelta(hours=3) + timedelta(hours=1.5)


def test_whether_anything_was_changed_or_is_missing(archive: Path, whole: Report) -> None:
    assert not verify_archive(archive, device_key=KEY.public_key()).faults
    assert whole.log.sealed
    assert whole.log.fault is None
    assert whole.log.missing == 0


def test_a_report_of_the_ledger_says_the_same_as_one_of_its_archive(village: Village, whole: Report) -> None:
    here = asked_of(village.device.path)
    assert replace(here, log=whole.log) == whole


def test_an_entry_that_was_changed_in_the_file_is_no_report_to_trust(village: Village, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(village.device.path, path)
    db = sqlite3.connect(path)
    changed = "CAST(replace(CAST(bytes AS TEXT), 'uid 1004', 'uid 1001') AS BLOB)"
    db.execute(f"UPDATE entries SET bytes = {changed} WHERE CAST(bytes AS TEXT) LIKE '[_switch_,%'")
    db.commit()
    db.close()
    report = asked_of(path)
    assert report.log.fault is not None
    assert "Do not trust" in render(report)


def test_a_bundle_that_was_changed_in_the_file_is_not_read(village: Village, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(village.device.path, path)
    db = sqlite3.connect(path)
    db.execute("UPDATE blobs SET bytes = CAST(bytes || ' ' AS BLOB)")
    db.commit()
    db.close()
    report = asked_of(path)
    assert not report.log.bundles_whole
    assert [one.readable for one in report.policies] == [False] * len(report.policies)


def test_a_part_of_a_log_is_said_to_be_one_and_reads_before_it_are_not_counted(
    village: Village, whole: Report, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    shutil.copy(village.device.path, ledger)
    part = asked_of(archived(ledger, tmp_path / "part.zip", first=1024))
    assert part.log.missing > 0
    assert part.log.fault is None
    assert 0 < part.reads < whole.reads
    assert adds_up(part.counts)
    assert any(one.what == "missing-entries" for one in part.gaps)


def test_the_owner_comes_first_and_each_agency_has_its_first_and_last(archive: Path, whole: Report) -> None:
    with open_source(archive) as source:
        _, rows = assemble(source, Asked(), made_at=MADE)
    assert [one.is_owner for one in whole.agencies] == [True, *[False] * (len(whole.agencies) - 1)]
    for agency in whole.agencies:
        own = [row for row in rows if row.outcome[0] == agency.subscriber]
        sent = [(row.first_sent, row.last_sent) for row in own if row.first_sent is not None]
        if sent:
            assert (agency.first, agency.last) == (
                moment(min(one[0] for one in sent)),
                moment(max(one[1] for one in sent)),
            )
        for one in agency.refusals:
            if one.where == "camera":
                alike = [row for row in own if row.withheld and row.outcome[3] == one.reasons]
                first, last = min(row.first for row in alike), max(row.last for row in alike)
                assert (one.first, one.last) == (moment(first), moment(last))


def test_what_of_the_gaps_leaves_nothing_known(whole: Report) -> None:
    assert {one.what for one in whole.gaps if one.blind} == {"crash", "ledger", "models", "not-running"}
    assert {one.what for one in whole.gaps if not one.blind} >= {f"camera:{SOUTH}", "clock-untrusted", "held"}


def test_another_key_is_a_fault_also_where_nothing_is_signed_yet(tmp_path: Path) -> None:
    begun(tmp_path / "ledger.sqlite", HandClock()).close()
    stranger = Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key()
    with open_source(tmp_path / "ledger.sqlite") as source:
        strange = make(source, Asked(), made_at=MADE, key=stranger).log
        assert strange.fault is not None
        assert not strange.sealed
        assert make(source, Asked(), made_at=MADE, key=KEY.public_key()).log.fault is None


def test_what_has_nothing_to_do_with_the_question_is_left_out(archive: Path, whole: Report) -> None:
    began = asked_of(archive, between(datetime(2026, 8, 1, tzinfo=UTC), OPTED_OUT_FIRST))
    assert (len(began.runs), len(whole.runs) > 1) == (1, True)
    assert (len(began.losses), len(whole.losses) > 0) == (0, True)
    north, south = (asked_of(archive, Asked(cameras=frozenset({one}))) for one in (NORTH, SOUTH))
    assert {one.what for one in south.gaps} - {one.what for one in north.gaps} == {f"camera:{SOUTH}"}
    with pytest.raises(LedgerError, match="knows no camera `broker-rights`"):
        asked_of(archive, Asked(cameras=frozenset({"broker-rights"})))


def test_how_often_a_right_was_taken_away_and_how_long_that_took(archive: Path, whole: Report) -> None:
    twice = {"revoked": 2, "slowest_ms": 6 + 110 + 30 + 240}
    fox, brazos = (
        Rights(subscriber="fox-lake-pd", names=("Fox Lake Police Department, Wisconsin",), failed=1, **twice),
        Rights(subscriber="brazos-bend-so", names=("Brazos Bend County Sheriff, Texas",), failed=0, **twice),
    )
    assert whole.rights == (brazos, fox)
    first = asked_of(
        archive, between(datetime(2026, 8, 1, tzinfo=UTC), BACK_ON, subscribers=frozenset({"fox-lake-pd"}))
    )
    assert first.rights == (replace(fox, revoked=1, slowest_ms=6 + 110 + 30 + 90, failed=0),)
    assert "386 ms" in render(whole)


def test_only_the_agency_asked_about_is_told_of(archive: Path, whole: Report) -> None:
    report = asked_of(archive, Asked(subscribers=frozenset({"lake-pd"})))
    assert report.agencies == (of(whole, "lake-pd"),)
    assert report.lapsed == ()


def test_the_json_is_as_the_schema_in_the_package_says(whole: Report) -> None:
    assert json.loads(packaged_schema()) == schema()
    validator = Draft202012Validator(schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    told = json.loads(json_text(whole))
    validator.validate(told)
    assert not validator.is_valid(told | {"unheard": 1})
    assert told["switches"][0]["since"].endswith("Z")


def test_every_line_of_the_table_adds_up_and_all_of_them_to_the_report(archive: Path) -> None:
    with open_source(archive) as source:
        report, rows = assemble(source, Asked(), made_at=MADE)
    lines = list(csv.DictReader(io.StringIO(csv_text(report, rows))))
    assert tuple(lines[0]) == HEADS
    for line in lines:
        assert sum(int(line[group]) for group in GROUPS) == int(line["reads"])
    for group in GROUPS:
        assert sum(int(line[group]) for line in lines) == getattr(report.counts, group)


def test_a_text_that_a_spreadsheet_would_work_out_stays_a_text(archive: Path) -> None:
    with open_source(archive) as source:
        report, rows = assemble(source, Asked(), made_at=MADE)
    evil = replace(report, agencies=tuple(replace(one, name="=1+1") for one in report.agencies))
    names = {line["name"] for line in csv.DictReader(io.StringIO(csv_text(evil, rows)))}
    assert names == {"'=1+1"}


class Tags(HTMLParser):
    """Every element and address of a page; what is not closed stays open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_no_script_and_nothing_from_elsewhere(whole: Report) -> None:
    page = render(whole)
    found = Tags(page)
    assert found.open == []
    assert not {"script", "link", "img", "iframe", "a"} & set(found.names)
    assert found.addresses == []
    assert "default-src 'none'" in page
    assert found.names.count("svg") == 2 + len(whole.agencies)


def test_names_that_are_html_are_shown_as_they_are_written(whole: Report) -> None:
    evil = replace(whole, agencies=tuple(replace(one, name="<script>x</script>") for one in whole.agencies))
    assert "<script>" not in render(evil)
    assert "&lt;script&gt;" in render(evil)


def test_the_page_says_what_an_auditor_asks_first(whole: Report) -> None:
    page = render(whole)
    for said in (
        "Fox Lake Police Department, Wisconsin",
        "The city has switched National Lookup off.",
        "through the socket, by user 1004",
        "The agreement fox-lake-2026 of <b>fox-lake-pd</b> ran out",
        "Silence is never proof of nothing",
        "Every entry fits the device&#x27;s signed checkpoint",
        "of this time nothing is known",
        "not through another channel: The city has switched National Lookup off.",
    ):
        assert said in page, said
    assert PLATE not in page


def test_the_page_says_for_how_long_national_lookup_was_off(archive: Path, whole: Report) -> None:
    began, ended = whole.question.covers_from, whole.question.covers_to
    off = ended - OPTED_OUT_AGAIN + (BACK_ON - OPTED_OUT_FIRST)
    assert f"was off for <b>{span(off)}</b> of {span(ended - began)}: turned off" in render(whole)
    part = asked_of(archive, between(OPTED_OUT_FIRST + timedelta(days=2), BACK_ON - timedelta(days=5)))
    length = span(BACK_ON - OPTED_OUT_FIRST - timedelta(days=7))
    assert f"was off for <b>{length}</b> of {length}: nobody turned it" in render(part)


def test_the_bars_of_the_timeline_stand_side_by_side_where_their_days_are(whole: Report, archive: Path) -> None:
    page = render(whole)
    bars = re.findall(r'class="reads" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', page)
    places = [float(place) for place, _ in bars]
    assert places == sorted(set(places))
    assert len(bars) == 112
    assert min(float(width) for _, width in bars) > 1.0
    assert re.findall(r'class="month" d="[^"]*"/><text class="when"[^>]*>([^<]*)', page) == ["Sep 2026", "Oct", "Nov"]
    day = asked_of(archive, between(OPTED_OUT_FIRST, OPTED_OUT_FIRST + timedelta(hours=20)))
    assert ">18:00</text>" in render(day)


def test_a_time_has_its_seconds_and_a_table_its_heads_and_columns_of_numbers() -> None:
    at = datetime(2026, 8, 3, 4, 3, tzinfo=UTC)
    assert [parts.moment(at), parts.moment(at.replace(second=7))] == ["2026-08-03 04:03", "2026-08-03 04:03:07"]
    assert parts.moment(at.replace(microsecond=1)) == "2026-08-03 04:03:00"
    table = parts.table("Reads", ("Agency", "Sent"), [("a-pd", "1,200"), ("b-pd", "·")], none="None.")
    assert '<thead><tr><th>Agency</th><th class="n">Sent</th></tr></thead>' in table
    assert '<td>a-pd</td><td class="n">1,200</td>' in table
    assert "<thead>" not in parts.table("Reads", ("", ""), [("a-pd", "1")], none="None.")


def homerule(*words: str, where: Path) -> CompletedProcess[str]:
    return run([executable, "-m", "edge", *words], cwd=where, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_writes_page_table_and_json_for_its_owner_only(archive: Path, tmp_path: Path) -> None:
    words = ("--from", "2026-09-01", "--to", "2026-10-01", "--camera", NORTH, "--csv", "a.csv", "--json", "a.json")
    done = homerule("audit", "report", str(archive), *words, where=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2026-09-01 00:00 to 2026-10-01 00:00 UTC" in done.stdout
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
        "audit-report.html": "0o600",
        "a.csv": "0o600",
        "a.json": "0o600",
    }
    assert json.loads((tmp_path / "a.json").read_text())["question"]["cameras"] == [NORTH]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--camera", "nroth-1"), "`nroth-1`"),
        (("--subscriber", "nobody-pd"), "`nobody-pd`"),
        (("--from", "yesterday"), "`--from yesterday`"),
        (("--from", "2026-10-01", "--to", "2026-09-01"), "is not after"),
        (("--from", "2999-01-01"), "so nothing of it is asked for"),
        (("--to", "1970-01-01"), "so nothing of it is asked for"),
    ],
)
def test_a_question_that_cannot_be_is_refused_with_what_was_typed(
    archive: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = homerule("audit", "report", str(archive), *words, where=tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def report(archive: Path, where: Path, *words: str) -> CompletedProcess[str]:
    return homerule("audit", "report", str(archive), *words, where=where)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--out", "log.zip"),
        ("--out", "link"),
        ("--out", "page.html"),
        ("--csv", "city.key"),
        ("--json", "empty"),
    ],
)
def test_a_report_takes_the_place_of_nothing_else(archive: Path, tmp_path: Path, option: str, name: str) -> None:
    shutil.copy(archive, tmp_path / "log.zip")
    (tmp_path / "city.key").write_bytes(b"\1" * 32)
    (tmp_path / "page.html").write_text("<!doctype html>\n<html><title>Audit report of ours</title></html>\n")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("log.zip")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    done = report(tmp_path / "log.zip", tmp_path, option, name)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"`{name}`: is there already and is no earlier output of this kind, name another" in done.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_two_outputs_are_one_file(archive: Path, tmp_path: Path) -> None:
    for words in (("--csv", "a", "--json", "a"), ("--out", "a", "--csv", "./b/../a"), ("--json", "audit-report.html")):
        done = report(archive, tmp_path, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "name the same file" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_report_is_replaced_by_its_own_kind_only(archive: Path, tmp_path: Path) -> None:
    words = ("--csv", "a.csv", "--json", "a.json")
    for _ in range(2):
        done = report(archive, tmp_path, *words)
        assert done.returncode == 0, done.stderr
    assert report(archive, tmp_path, "--out", "a.csv").returncode == 1
    assert report(archive, tmp_path, "--csv", "a.json").returncode == 1
    other = homerule("audit", "transparency", str(archive), "--out", "audit-report.html", where=tmp_path)
    assert (other.returncode, "no earlier output of this kind" in other.stderr) == (1, True)


def test_without_a_folder_for_one_of_them_nothing_is_written(archive: Path, tmp_path: Path) -> None:
    done = report(archive, tmp_path, "--csv", "nowhere/a.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no folder `{tmp_path / 'nowhere'}`" in done.stderr
    assert list(tmp_path.iterdir()) == []
