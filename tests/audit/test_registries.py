"""What was decided stands under what the agency was to the policy that decided, whatever its id was given to later."""

import csv
import io
import json
import re
import shutil
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from edge.audit.asked import Asked
from edge.audit.make import assemble, make
from edge.audit.page import render
from edge.audit.parts import moment
from edge.audit.public import Public, Recipient, json_text, publish
from edge.audit.public_page import render as public_page
from edge.audit.report import Agency, Report
from edge.audit.rights import Rights
from edge.audit.source import open_source
from edge.audit.table import csv_text
from edge.audit.table import json_text as report_json
from edge.clock import milliseconds
from edge.ledger.entries import Revoked
from tests.audit.device import MIDNIGHT, STOLEN, Device
from tests.audit.logs import archived, word
from tests.audit.test_counting import adds_up
from tests.ledger.builders import KEY
from tests.policy.city import OWNER, Table, agency, agreement, owner, policy, texan

SEPTEMBER = datetime(2026, 9, 1, tzinfo=UTC)
REGISTERED = SEPTEMBER + timedelta(minutes=5)
OPENED = SEPTEMBER + timedelta(hours=1)
MADE = datetime(2026, 10, 2, tzinfo=UTC)
WARRANT = agreement("w-1", form="judicial-warrant", signed_on=date(2026, 7, 1))
BORDER = agency("office", name="Border Office", kind="federal", channels=["national-lookup"], agreement=[WARRANT])
RIVERSIDE = agency("office", name="Riverside Police Department", kind="local")
AUGUST = Asked(ended=milliseconds(SEPTEMBER))


def written(**sharing: object) -> Table:
    """The policy of the city."""
    shared = {"federal": "judicial-warrant", **sharing}
    return policy({"valid_until": MIDNIGHT + timedelta(days=85), "sharing": shared})


def pass_by(device: Device, times: int) -> None:
    """So many reads, sent and acknowledged."""
    for _ in range(times):
        device.clock.move(60)
        device.passes("north-1", STOLEN)
        device.deliver()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve reads to the Border Office, one that leaves in September, one that is refused at the door by the policy
    that gives its id to Riverside, one withheld from Riverside under that, fifteen sent to it under the next."""
    device = Device(tmp_path_factory.mktemp("registries") / "ledger.sqlite")
    device.start()
    device.sign(written(), [owner(), BORDER])
    pass_by(device, 6)
    device.sign(written(), [owner(), BORDER])
    pass_by(device, 6)
    device.clock.at = SEPTEMBER - timedelta(minutes=5)
    device.passes("north-1", STOLEN)
    device.clock.move(60)
    device.passes("north-1", STOLEN)
    device.clock.at = SEPTEMBER + timedelta(minutes=1)
    device.acknowledge(device.send(limit=2))
    device.clock.at = REGISTERED
    device.sign(written(statewide_lookup=False), [owner(), RIVERSIDE])
    device.ledger.note(Revoked(subscriber="office", steps=(("gate", 6),)))
    assert device.refuse_waiting() == 1
    pass_by(device, 1)
    device.clock.at = OPENED
    device.sign(written(), [owner(), RIVERSIDE])
    pass_by(device, 15)
    device.close()
    return device.path


def asked_of(path: Path, asked: Asked = Asked()) -> Report:  # noqa: B008 - frozen
    with open_source(path) as source:
        return make(source, asked, made_at=MADE, key=KEY.public_key())


def lines(report: Report, name: str = "office") -> list[Agency]:
    return [one for one in report.agencies if one.subscriber == name]


def told(one: Agency | Recipient) -> tuple[str, str, str]:
    return one.name, one.kind, one.state


def test_a_report_of_a_time_knows_nothing_of_what_the_id_was_given_to_later(ledger: Path) -> None:
    report = asked_of(ledger, AUGUST)
    (office,) = lines(report)
    assert told(office) == ("Border Office", "federal", "US-IL")
    assert (office.counts.left, office.counts.refused, office.later) == (13, 1, 1)
    for text in (render(report), report_json(report)):
        assert "Border Office" in text
        assert "Riverside" not in text
    assert "<b>Border Office</b>" in render(report)
    assert "<small>federal, US-IL</small>" in render(report)


def test_an_agency_that_was_registered_anew_has_a_line_for_each_that_it_was_and_they_add_up(ledger: Path) -> None:
    report = asked_of(ledger)
    border, riverside = lines(report)
    assert [told(border), told(riverside)] == [
        ("Border Office", "federal", "US-IL"),
        ("Riverside Police Department", "local", "US-IL"),
    ]
    assert [(one.counts.decisions, one.counts.left, one.counts.withheld) for one in (border, riverside)] == [
        (14, 13, 0),
        (16, 15, 1),
    ]
    assert all(adds_up(one.counts) for one in (border, riverside))
    assert sum(one.counts.decisions for one in report.agencies) == report.counts.decisions == 2 * report.reads


def test_each_line_names_its_policies_and_each_of_them_is_of_one_line(ledger: Path) -> None:
    report = asked_of(ledger)
    versions = {one.digest: one.version for one in report.policies}
    assert [[versions[digest] for digest in one.bundles] for one in lines(report)] == [[1, 2], [3, 4]]
    page = render(report)
    assert "<small>federal, US-IL · office · policies 1.0, 2.0</small>" in page
    assert "<small>local, US-IL · office · policies 3.0, 4.0</small>" in page
    assert "· village-pd ·" not in page


def test_what_was_refused_at_the_door_stays_with_the_agency_that_it_was_decided_for(ledger: Path) -> None:
    border, riverside = lines(asked_of(ledger))
    (door,) = [one for one in border.refusals if one.where == "door"]
    assert door.reads == border.counts.refused == 1
    assert door.bundles[0] in riverside.bundles
    assert [one.where for one in riverside.refusals] == ["camera"]


def test_what_left_of_earlier_reads_and_the_first_send_ever_are_told_of_each_by_itself(ledger: Path) -> None:
    border, riverside = lines(asked_of(ledger, Asked(began=milliseconds(SEPTEMBER))))
    assert (border.counts.decisions, border.of_earlier, border.first_ever_within) == (0, 1, False)
    assert (riverside.of_earlier, riverside.first_ever_within) == (0, True)
    assert riverside.first_ever == OPENED + timedelta(seconds=60)


def test_the_agreement_that_ended_was_that_of_the_agency_as_it_was(ledger: Path) -> None:
    report = asked_of(ledger)
    (lapsed,) = report.lapsed
    assert (lapsed.name, lapsed.agreement, lapsed.why) == ("Border Office", "w-1", "removed")
    assert (lapsed.first_refused_after, lapsed.sent_after, lapsed.sent_after_otherwise) == (None, 15, 15)
    names = ("Border Office", "Riverside Police Department")
    assert report.rights == (Rights(subscriber="office", names=names, revoked=1, slowest_ms=6, failed=0),)
    page = render(report)
    assert "<b>Border Office / Riverside Police Department</b></td>" in page
    assert "<td><b>Border Office</b></td><td>w-1" in page
    assert page.count("15 of them under another name, kind or state") == 2


def test_every_line_of_the_table_names_what_its_own_policy_named(ledger: Path) -> None:
    with open_source(ledger) as source:
        report, rows = assemble(source, Asked(), made_at=MADE)
    found = {
        (line["policy"], line["name"], line["kind"])
        for line in csv.DictReader(io.StringIO(csv_text(report, rows)))
        if line["subscriber"] == "office"
    }
    assert found == {
        *((version, "Border Office", "federal") for version in ("1.0", "2.0")),
        *((version, "Riverside Police Department", "local") for version in ("3.0", "4.0")),
    }


def test_an_archive_of_it_says_the_same_and_both_verifiers_take_it(ledger: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(ledger, path)
    archive = archived(path, tmp_path / "log.zip")
    assert word(archive, city=None) == "ok"
    assert lines(asked_of(archive)) == lines(asked_of(ledger))


def published(path: Path, first: str | None = None, last: str | None = None) -> Public:
    with open_source(path) as source:
        return publish(source, first=first, last=last, now=milliseconds(MADE), key=KEY.public_key())


def test_the_public_page_of_a_month_names_whom_the_policies_of_that_month_named(ledger: Path) -> None:
    public = published(ledger, last="2026-08")
    (office,) = [one for one in public.recipients if not one.is_owner]
    assert (*told(office), office.reads, office.named) == ("Border Office", "federal", "US-IL", 10, ())
    assert "Riverside" not in public_page(public) + json_text(public)


def test_the_public_page_of_both_has_a_line_for_each_with_its_days(ledger: Path) -> None:
    public = published(ledger)
    assert [(one.name, one.kind, one.reads, one.named) for one in public.recipients if not one.is_owner] == [
        ("Border Office", "federal", 10, ((MIDNIGHT.date(), SEPTEMBER.date()),)),
        ("Riverside Police Department", "local", 20, ((SEPTEMBER.date(), None),)),
    ]
    page = public_page(public)
    assert "<small>federal, US-IL, from 2026-08-03 to 2026-09-01</small>" in page
    assert "<small>local, US-IL, from 2026-09-01 on</small>" in page
    (ended,) = public.ended
    assert (ended.agency, ended.sent_after, ended.sent_after_otherwise) == ("Border Office", 0, 20)
    assert "none <small>about 20 under another name, kind or state</small>" in page
    assert json.loads(json_text(public))["recipients"][1]["named"] == [["2026-08-03", "2026-09-01"]]


def forget(path: Path, position: int) -> None:
    """Of the policy at this position the bytes are gone."""
    db = sqlite3.connect(path)
    db.execute("DELETE FROM bundle_files WHERE position = ?", (position,))
    db.commit()
    db.close()


def test_of_a_policy_that_cannot_be_read_nothing_is_guessed_from_another(ledger: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(ledger, path)
    first, second, *_ = asked_of(path).policies
    forget(path, first.position)
    report = asked_of(path)
    unknown, border, riverside = lines(report)
    assert (*told(unknown), unknown.counts.left, unknown.bundles) == ("", "", "", 6, (first.digest,))
    assert (border.name, border.counts.left, border.bundles) == ("Border Office", 7, (second.digest,))
    assert [one.first_ever for one in (border, riverside)] == [unknown.first_ever] * 2
    assert [one.is_owner for one in lines(report, OWNER)] == [True, True]
    assert "<b>office</b><small>not known · office · policies 1.0</small>" in render(report)


def test_what_is_sent_again_is_told_of_the_agency_that_it_was_decided_for(tmp_path: Path) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    device.sign(written(), [owner(), BORDER])
    device.passes("north-1", STOLEN)
    device.send()
    device.sign(written(), [owner(), RIVERSIDE])
    pass_by(device, 1)
    device.close()
    assert [(one.name, one.again) for one in lines(asked_of(device.path))] == [
        ("Border Office", 1),
        ("Riverside Police Department", 0),
    ]


def test_who_becomes_the_owner_later_was_another_agency_until_then(tmp_path: Path) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    both = [owner(), agency("town-pd", channels=[], feed="all")]
    device.sign(written(), both)
    pass_by(device, 12)
    changed = device.clock.at
    device.clock.move(60)
    device.sign(written() | {"owner": {"subscriber": "town-pd"}}, both)
    pass_by(device, 14)
    device.close()
    report = asked_of(device.path, Asked(ended=milliseconds(changed) + 1))
    assert [(one.subscriber, one.is_owner) for one in report.agencies] == [(OWNER, True), ("town-pd", False)]
    whole = asked_of(device.path)
    assert [(one.subscriber, one.is_owner, one.counts.left) for one in whole.agencies] == [
        ("town-pd", False, 0),
        ("town-pd", True, 14),
        (OWNER, True, 12),
        (OWNER, False, 0),
    ]
    assert published(device.path).owner == "The town-pd"


def test_a_name_that_came_back_has_both_its_times_in_one_line(tmp_path: Path) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    for day, name in enumerate(("Lake Police", "Lake Department", "Lake Police")):
        device.clock.at = MIDNIGHT + timedelta(days=day, hours=1)
        device.sign(written(), [owner(), agency("lake-pd", name=name)])
        pass_by(device, 1)
    device.close()
    assert [(one.name, one.counts.left) for one in lines(asked_of(device.path), "lake-pd")] == [
        ("Lake Police", 2),
        ("Lake Department", 1),
    ]
    days = [MIDNIGHT.date() + timedelta(days=day) for day in range(3)]
    assert [one.named for one in published(device.path).recipients[1:]] == [
        ((days[0], days[1]), (days[2], None)),
        ((days[1], days[2]),),
    ]


@pytest.mark.parametrize("later", ["Lake Police", "Lake Department"])
def test_an_agency_that_is_renamed_counts_once_at_the_head_of_both_pages(tmp_path: Path, later: str) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    for name in ("Lake Police", later):
        device.clock.move(60)
        device.sign(written(), [owner(), agency("lake-pd", name=name), agency("town-pd", channels=[])])
        pass_by(device, 1)
    device.close()
    assert len(lines(asked_of(device.path), "lake-pd")) == (1 if later == "Lake Police" else 2)
    assert "<b>2 <i>of 3</i></b>agencies were sent a read" in render(asked_of(device.path))
    public = published(device.path)
    assert (public.others_sent, public.others_named) == (1, 2)
    assert "<b>1</b>other agencies were sent reads, of 2 named" in public_page(public)


def test_what_is_sent_again_of_another_camera_is_not_told_of_the_camera_asked_about(tmp_path: Path) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    device.sign(written(), [owner(), agency("brazos", name="Brazos Bend SO")])
    pass_by(device, 12)
    device.passes("south-1", STOLEN)
    device.send()
    device.sign(written(), [owner(), agency("brazos", name="Brazos County")])
    pass_by(device, 3)
    device.close()
    began = milliseconds(MIDNIGHT + timedelta(minutes=13))
    told = {
        camera: [(one.name, one.again) for one in asked_of(device.path, asked).agencies]
        for camera in ("north-1", "south-1")
        for asked in [Asked(began=began, cameras=frozenset({camera}))]
    }
    assert told["north-1"] == [("The village-pd", 0), ("Brazos County", 0)]
    assert told["south-1"] == [("The village-pd", 1), ("Brazos Bend SO", 1)]


@pytest.mark.parametrize("began", [0, 7])
def test_a_first_read_under_a_new_name_is_no_first_read_ever(tmp_path: Path, began: int) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    for name in ("Lake Police", "Lake Department"):
        device.sign(written(), [owner(), agency("lake-pd", name=name)])
        pass_by(device, 6)
    device.close()
    report = asked_of(device.path, Asked(began=milliseconds(MIDNIGHT + timedelta(minutes=began))))
    told = [(one.name, one.first_ever_within, one.first_of_id) for one in lines(report, "lake-pd")]
    assert told == ([] if began else [("Lake Police", True, True)]) + [("Lake Department", True, False)]
    page = render(report)
    assert not any("Lake Department" in line for line in re.findall(r"First read ever to.*?<", page))
    assert "First read under this name, kind or state to: <b>Lake Department</b> (2026-08-03 00:07)." in page
    assert "First read under this name, kind or state to Lake Department, 2026-08-03 00:07 UTC" in page
    assert '<b>Lake Department</b> <i class="tag new">first read under this name, kind or state</i>' in page
    assert ("First read ever to: <b>The village-pd</b>" in page) == (not began)
    assert ("First read ever to Lake Police" in page) == (not began)


def test_who_becomes_the_owner_has_its_first_read_once(tmp_path: Path) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    for own in (OWNER, "town-pd"):
        device.sign(written() | {"owner": {"subscriber": own}}, [owner(), agency("town-pd", feed="all")])
        pass_by(device, 1)
    device.close()
    town = lines(asked_of(device.path), "town-pd")
    assert [(one.is_owner, one.counts.left, one.first_ever_within) for one in town] == [
        (False, 1, True),
        (True, 1, False),
    ]


def test_the_first_read_under_a_policy_that_cannot_be_read_is_told_of_no_name(ledger: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(ledger, path)
    forget(path, asked_of(path).policies[0].position)
    told = [(one.name, one.first_ever_within, one.first_of_id) for one in lines(asked_of(path))]
    assert told == [("", True, True), ("Border Office", False, True), ("Riverside Police Department", False, True)]


@pytest.mark.parametrize(
    ("later", "refused"),
    [
        ("Lake Department", "not under this name, kind or state"),
        ("Lake Police", moment(MIDNIGHT + timedelta(minutes=2))),
        (None, "not yet"),
    ],
)
def test_what_is_withheld_after_an_agreement_ended_is_told_though_the_name_is_new(
    tmp_path: Path, later: str | None, refused: str
) -> None:
    device = Device(tmp_path / "ledger.sqlite")
    device.start()
    stands = agreement("l-1", signed_on=date(2026, 7, 1))
    device.sign(written(), [owner(), texan("lake-pd", name="Lake Police", agreement=[stands])])
    pass_by(device, 1)
    left = [] if later is None else [texan("lake-pd", name=later, agreement=[stands | {"status": "revoked"}])]
    device.sign(written(), [owner(), *left])
    pass_by(device, 1)
    device.close()
    report = asked_of(device.path)
    (lapsed,) = report.lapsed
    assert lapsed.refused_otherwise == (later == "Lake Department")
    assert (lapsed.first_refused_after is None) == (later != "Lake Police")
    page = render(report)
    assert f">{refused}</td><td>none</td></tr>" in page
    assert ("not yet" in page) == (refused == "not yet")
