"""Which version of a hot list was in force when: told by a report, of a ledger, an archive, a part, what was pruned."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edge.audit.asked import Asked
from edge.audit.make import make
from edge.audit.page import render
from edge.audit.report import Report
from edge.audit.source import open_source
from edge.audit.table import json_text, packaged_schema
from edge.clock import milliseconds
from edge.ledger import Ledger
from edge.ledger.entries import Read, SelfTest, Start, Stop
from edge.ledger.verify import verify
from tests.audit.logs import ALL, FIRST, archived, begun, word
from tests.ledger.builders import KEY, HandClock, record

MADE = datetime(2026, 11, 24, tzinfo=UTC)
ONE, TWO, THREE = (("metro", number, f"{number:064x}") for number in (1, 2, 3))
CITYS = ("county-stolen", 0, "ef" * 32)


class Pole:
    """A device on which an hour goes by between two things."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, HandClock()
        self.ledger = begun(path, self.clock)

    def look_for(self, *lists: tuple[str, int, str]) -> None:
        self.clock.move(3600)
        self.ledger.look_for(lists)

    def starts(self, *lists: tuple[str, int, str], says: bool = True) -> None:
        """The program ends and begins anew, and finds these lists; one from before there was this word says nothing."""
        self.clock.move(3600)
        self.ledger.note(Stop(why="sigterm"))
        self.ledger.close()
        self.ledger = Ledger.open(self.path, clock=self.clock, key=KEY, device="pole-7")
        self.ledger.note(Start(software="1.0", after="stop"))
        if says:
            self.ledger.look_for(lists)

    def upto(self, position: int) -> None:
        """Nothing happens until there are so many entries."""
        self.ledger.note(*[SelfTest(model="m", digest="d", passed=1)] * (position - self.ledger.size))

    def reads(self) -> None:
        record(self.ledger, self.clock, ALL, ["a-pd"], files=FIRST)

    def pruned(self, at: int) -> None:
        assert list(self.ledger.prune(at, ("a" * 64,)))[-1] == at
        assert verify(self.path, KEY.public_key()).faults == ()


@pytest.fixture
def pole(tmp_path: Path) -> Pole:
    return Pole(tmp_path / "ledger.sqlite")


def report_of(path: Path, asked: Asked = Asked()) -> Report:  # noqa: B008 - frozen
    with open_source(path) as source:
        return make(source, asked, made_at=MADE, key=KEY.public_key())


def hours(path: Path, asked: Asked = Asked()) -> list[tuple[str, int, int | None, int | None]]:  # noqa: B008 - frozen
    """Each list and version in force, from which hour to which; None: before the log begins, or still at its end."""
    start = HandClock().at

    def hour(at: datetime | None) -> int | None:
        return None if at is None else round((at - start).total_seconds()) // 3600

    return [(one.hotlist, one.version, hour(one.since), hour(one.until)) for one in report_of(path, asked).hotlists]


def test_each_version_is_told_with_its_time(pole: Pole) -> None:
    for lists in ((ONE, CITYS), (TWO, CITYS), (TWO,)):
        pole.look_for(*lists)
    assert hours(pole.path) == [("county-stolen", 0, 1, 3), ("metro", 1, 1, 2), ("metro", 2, 2, None)]


def test_a_read_is_under_the_version_that_is_named_last_before_it(pole: Pole) -> None:
    for version in (ONE, TWO, THREE):
        pole.look_for(version)
        pole.reads()
    named = {one.position: one.version for one in report_of(pole.path).hotlists}
    reads = [one.position for one in pole.ledger.entries() if isinstance(one.entry, Read)]
    assert [named[max(at for at in named if at < read)] for read in reads] == [1, 2, 3]


def test_a_start_that_finds_the_same_list_begins_no_other_period(pole: Pole) -> None:
    pole.look_for(ONE)
    pole.starts(ONE)
    pole.starts(ONE, CITYS)
    assert hours(pole.path) == [("metro", 1, 1, None), ("county-stolen", 0, 3, None)]


def test_a_version_that_comes_back_later_is_told_twice(pole: Pole) -> None:
    pole.look_for(ONE)
    pole.starts(TWO)
    pole.look_for(ONE)
    assert hours(pole.path) == [("metro", 1, 1, 2), ("metro", 2, 2, 3), ("metro", 1, 3, None)]


def test_of_a_run_that_does_not_name_its_lists_nothing_is_told(pole: Pole) -> None:
    pole.look_for(ONE)
    pole.starts(says=False)
    pole.starts(ONE)
    assert hours(pole.path) == [("metro", 1, 1, 2), ("metro", 1, 3, None)]


def test_a_list_that_a_start_does_not_find_and_that_comes_back_in_the_same_version_was_not_in_force_meanwhile(
    pole: Pole,
) -> None:
    pole.look_for(ONE)
    pole.starts()
    pole.look_for(ONE)
    assert hours(pole.path) == [("metro", 1, 1, 2), ("metro", 1, 3, None)]


def test_only_what_was_in_force_in_the_time_that_is_asked_about_is_told(pole: Pole) -> None:
    for version in (ONE, TWO, THREE):
        pole.look_for(version)
    at = milliseconds(HandClock().at) + 2 * 3_600_000
    assert hours(pole.path, Asked(began=at + 1, ended=at + 2)) == [("metro", 2, 2, 3)]


def test_an_archive_of_a_part_carries_what_was_in_force_at_its_beginning(pole: Pole, tmp_path: Path) -> None:
    for version in (ONE, TWO):
        pole.look_for(version)
    pole.upto(512)
    pole.look_for(THREE)
    pole.ledger.close()
    part = archived(pole.path, tmp_path / "part.zip", first=256)
    assert hours(part) == [("metro", 2, None, 3), ("metro", 3, 3, None)]
    assert word(part) == "ok"
    assert report_of(part).log.unknown_kinds == 0


def test_an_archive_of_a_run_that_names_none_does_not_carry_what_an_earlier_run_named(
    pole: Pole, tmp_path: Path
) -> None:
    pole.look_for(ONE)
    pole.starts(says=False)
    pole.upto(512)
    pole.ledger.close()
    part = archived(pole.path, tmp_path / "part.zip", first=256)
    assert hours(part) == []
    assert (report_of(part).runs, word(part)) == ((), "ok")


def test_what_was_in_force_at_a_cut_is_not_pruned_and_counts_no_longer_than_it_did(pole: Pole) -> None:
    pole.look_for(ONE)
    pole.look_for(TWO)
    pole.upto(300)
    pole.pruned(256)
    assert hours(pole.path) == [("metro", 2, None, None)]
    pole.look_for(THREE)
    assert hours(pole.path) == [("metro", 2, None, 3), ("metro", 3, 3, None)]


def test_a_word_that_was_kept_at_an_earlier_cut_tells_of_no_period_after_a_later_one(pole: Pole) -> None:
    pole.look_for(ONE)
    pole.upto(300)
    pole.pruned(256)
    pole.look_for(TWO)  # goes at the next cut, and the one before it stays
    pole.look_for(THREE)
    pole.upto(600)
    pole.pruned(512)
    assert hours(pole.path) == [("metro", 3, None, None)]
    pole.starts()
    pole.upto(900)
    pole.pruned(768)
    assert hours(pole.path) == []


def test_the_page_says_how_many_it_leaves_out_and_what_began_before_the_log(pole: Pole) -> None:
    for number in range(1, 63):
        pole.look_for(("metro", number, f"{number:064x}"))
    assert "<p>2 earlier ones are in the JSON.</p>" in render(report_of(pole.path))
    pole.upto(300)
    pole.pruned(256)
    page = render(report_of(pole.path))
    assert "before this log begins" in page
    assert "earlier ones" not in page


def test_the_page_and_the_json_tell_it(pole: Pole) -> None:
    pole.look_for(ONE, CITYS)
    report = report_of(pole.path)
    page = render(report)
    for told in ("Hot lists in force", "<b>metro</b>", f"<code>{ONE[2][:12]}…</code>", "the city's"):
        assert told in page
    told = json.loads(json_text(report))
    Draft202012Validator(json.loads(packaged_schema())).validate(told)
    assert [(one["hotlist"], one["digest"]) for one in told["hotlists"]] == [(CITYS[0], CITYS[2]), (ONE[0], ONE[2])]
