"""The public page gives nobody away: whole months, rounded counts, no camera, no time, no plate, no login."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.audit.asked import Asked
from edge.audit.make import make
from edge.audit.public import ROUND, Public, json_text, publish, rough
from edge.audit.public_page import about, render
from edge.audit.source import open_source
from edge.audit.summary import lines
from edge.clock import milliseconds
from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.entries import Opaque
from tests.audit.village import NORTH, SOUTH, Village, agencies
from tests.ledger.builders import KEY, PLATE, HandClock

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen weeks, a read a day."""
    path = tmp_path_factory.mktemp("village") / "ledger.sqlite"
    Village(path, a_day=1).run()
    return path


def public_of(path: Path, first: str | None = None, last: str | None = None) -> Public:
    with open_source(path) as source:
        return publish(source, first=first, last=last, now=milliseconds(NOW), key=KEY.public_key())


def test_the_months_that_are_over_are_published_and_the_running_one_is_not(ledger: Path) -> None:
    assert [one.month for one in public_of(ledger).months] == ["2026-08", "2026-09", "2026-10"]


def test_a_month_that_is_not_over_is_refused(ledger: Path) -> None:
    with pytest.raises(LedgerError, match="`--to 2026-11` is not over"):
        public_of(ledger, last="2026-11")


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-08-03", None), (None, "August"), ("2026-10", "2026-09"), (None, "9999-12"), ("0001-01", None)],
)
def test_what_is_no_span_of_months_is_refused(ledger: Path, first: str | None, last: str | None) -> None:
    with pytest.raises(LedgerError, match=r"`--(from|to) "):
        public_of(ledger, first, last)


def test_what_was_sent_through_national_lookup_is_told_with_its_switch(ledger: Path) -> None:
    told = public_of(ledger)
    assert [(one.value, f"{one.since:%m-%d}", one.how) for one in told.switches if one.switch == "National Lookup"] == [
        ("on", "08-03", "first policy"),
        ("off", "08-17", "closed by hand"),
        ("on", "09-07", "signed by the city"),
        ("off", "09-21", "closed by hand"),
    ]
    none = {one.name for one in told.recipients if one.reads == 0}
    assert {"Border Office", "Plate Data Inc."} <= none


def test_each_agency_is_named_with_what_it_is(ledger: Path) -> None:
    told = public_of(ledger)
    assert {(one.name, one.kind, one.state) for one in told.recipients} == {
        (one["name"], one["kind"], one["state"]) for one in agencies()
    }
    assert {one.named for one in told.recipients} == {()}
    assert told.owner == "Village Police Department"
    assert "<b>Border Office</b><small>federal, US-IL</small>" in render(told)


def test_an_agency_that_came_later_is_not_told_of(ledger: Path) -> None:
    assert "Elm County Sheriff" not in {one.name for one in public_of(ledger).recipients}


def test_no_time_camera_login_read_or_digest_is_on_the_page(ledger: Path) -> None:
    told = public_of(ledger)
    with open_source(ledger) as source:
        ids = {raw.split(b'"')[3].decode() for _, raw in source.entries() if raw.startswith(b'["read"')}
    assert len(ids) > 100
    for text in (render(told).partition("</style>")[2], json_text(told)):
        assert not re.search(r"\d\d:\d\d", text)
        assert not re.search(r"[0-9a-f]{32}", text)
        assert not any(one in text for one in (NORTH, SOUTH, PLATE, "uid", "socket", "pole-7", *ids))


def test_every_count_of_reads_is_rounded(ledger: Path) -> None:
    told = json.loads(json_text(public_of(ledger)))
    counts = [
        *(told[name] for name in ("reads", "sent_to_others", "withheld")),
        *(one["reads"] for one in (*told["recipients"], *told["months"])),
        *(one[name] for one in told["ended"] for name in ("sent_after", "sent_after_otherwise")),
    ]
    assert len(counts) > 10
    assert all(one is None or one % ROUND == 0 for one in counts)


@given(st.integers(0, 10_000))
def test_a_count_says_no_more_than_its_tens(count: int) -> None:
    found = rough(count)
    assert (found == 0) == (count == 0)
    assert (found is None) == (0 < count < ROUND)
    assert found is None or abs(found - count) <= ROUND / 2


def test_a_small_count_is_said_to_be_one() -> None:
    assert [about(rough(count)) for count in (0, 1, 9, 10, 1234)] == [
        "none",
        "fewer than 10",
        "fewer than 10",
        "about 10",
        "about 1,230",
    ]


def test_names_that_are_html_are_shown_as_they_are_written(ledger: Path) -> None:
    told = public_of(ledger)
    evil = replace(told, recipients=tuple(replace(one, name="<b>x") for one in told.recipients), place="<i>y")
    page = render(evil)
    assert "<b>x" not in page
    assert "<i>y" not in page


def test_what_a_newer_program_wrote_is_not_published(ledger: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(ledger, path)
    written = Ledger.open(path, clock=HandClock(at=NOW), key=KEY, device="pole-7")
    written.note(Opaque(kind="out.3", fields=(1,)))
    written.checkpoint()
    written.close()
    with pytest.raises(LedgerError, match="a newer homerule wrote it"):
        public_of(path)
    with open_source(path) as source:
        made = make(source, Asked(), made_at=NOW, key=KEY.public_key())
    assert any("this version does not know what 1 of the entries say" in line for line in lines(made))


@pytest.mark.parametrize("fits", [True, False])
def test_the_page_says_whether_the_log_fits_what_the_device_signed(ledger: Path, fits: bool) -> None:
    page = render(replace(public_of(ledger), log_fits=fits))
    assert ("Every entry of the log fits the checkpoint" in page, "holds no signed checkpoint" in page) == (
        fits,
        not fits,
    )


def test_a_log_that_does_not_verify_is_not_published(ledger: Path, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    shutil.copy(ledger, path)
    raw = path.read_bytes()
    assert raw.count(b"socket, uid 1004") >= 2
    path.write_bytes(raw.replace(b"socket, uid 1004", b"socket, uid 1001"))
    with pytest.raises(LedgerError, match="is not published"):
        public_of(path)
