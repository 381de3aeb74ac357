"""Over any history and for any time, each read of each agency is in exactly one place, and two reports add up."""

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.audit.asked import Asked
from edge.audit.counting import Counting
from edge.audit.make import make
from edge.audit.report import Counts, Report
from edge.audit.source import open_source
from edge.clock import milliseconds
from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.codec import decode
from edge.ledger.entries import ClockStep, Read
from edge.values import BundleFiles, Recorded, Waiting
from tests.ledger.builders import (
    BUNDLE,
    START,
    HandClock,
    accept,
    decide,
    open_ledger,
    record,
    seal,
    tagged_read,
    token_of,
)
from tests.ledger.counted import GROUPS, counted

ALL = ("a-pd", "b-pd", "c-so")
CAMERAS = ("north-1", "south-2")
OTHER = BundleFiles(manifest=b'{"version":2}', signature=b"s" * 64, files={"policy.toml": b"[sharing]\n"})


@dataclass
class Known:
    """What the history itself knows of one read for one agency."""

    camera: str
    at: int
    state: str


class History:
    """A random life of a ledger, and beside it the plain state of every read for every agency."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.chance, self.clock = path, Random(seed), HandClock(chance=Random(seed))
        self.ledger: Ledger = open_ledger(path, self.clock)
        self.files, self.version = BUNDLE, 1
        self.known: dict[tuple[str, str], Known] = {}
        self.rows: list[Waiting] = []

    def record(self) -> None:
        self.clock.move(self.chance.choice((0, 1, 30)))
        shared = [name for name in ALL if self.chance.random() < 0.6]
        camera, read_id, now = self.chance.choice(CAMERAS), self.clock.new_id(), self.clock.at
        tagged = tagged_read(read_id, at=now)
        tagged = replace(tagged, tags=replace(tagged.tags, camera_id=camera))
        ends = self.chance.choice((5, 60, 3600))
        envelopes = tuple(replace(seal(read_id, name, at=now, seconds=ends), tags=tagged.tags) for name in shared)
        decisions = tuple(decide(read_id, ALL, shared, self.files))
        self.ledger.record_many([Recorded(tagged=tagged, decisions=decisions, envelopes=envelopes)])
        for name in ALL:
            state = "never_sent" if name in shared else "withheld"
            self.known[read_id, name] = Known(camera, milliseconds(now), state)

    def send(self) -> None:
        self.rows = self.ledger.mark_sent(self.ledger.due(self.clock.at, limit=self.chance.randint(1, 6)))
        for row in self.rows:
            if self.of(row).state == "never_sent":
                self.of(row).state = "sent"

    def acknowledge(self) -> None:
        for row in self.rows:
            message_id = row.envelope.message_id
            token = token_of(message_id) if self.chance.random() < 0.7 else "wrong"
            if self.ledger.acknowledge(row.envelope.subscriber_id, message_id, token):
                self.of(row).state = "acknowledged"

    def refuse(self) -> None:
        for row in self.ledger.due(self.clock.at, limit=2):
            read_id, _, name = row.envelope.message_id.partition(".")
            self.ledger.refuse(row, decide(read_id, [name], [], self.files)[0])
            if self.of(row).state == "never_sent":
                self.of(row).state = "refused"

    def drop(self) -> None:
        self.ledger.drop_rows(self.chance.choice(ALL), ["opted_out"])

    def expire(self) -> None:
        self.ledger.expire(self.clock.move(self.chance.choice((1, 6, 70))))

    def put_back(self) -> None:
        by = self.chance.choice((3, 40))
        self.clock.move(-by)
        self.ledger.note(ClockStep(by=-1000 * by))

    def policy(self) -> None:
        self.version += 1
        self.files = OTHER if self.files is BUNDLE else BUNDLE
        accept(self.ledger, self.files, version=self.version)

    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = open_ledger(self.path, self.clock)

    def of(self, row: Waiting) -> Known:
        read_id, _, name = row.envelope.message_id.partition(".")
        return self.known[read_id, name]

    def knows(self, camera: str | None, name: str | None) -> bool:
        """Whether a camera and an agency were ever written down."""
        cameras = {one.camera for one in self.known.values()}
        return (camera is None or camera in cameras) and (name is None or bool(self.known))

    def expected(self, asked: Asked) -> Counter[tuple[str, str]]:
        """By agency and state, what a report must count."""
        return Counter(
            (name, one.state)
            for (_, name), one in self.known.items()
            if asked.when(one.at) and asked.camera(one.camera) and asked.subscriber(name)
        )


STEPS = ["record"] * 3 + ["send", "acknowledge"] * 2 + ["refuse", "drop", "expire", "put_back", "policy", "reopen"]
steps = st.lists(st.sampled_from(STEPS), max_size=40)
moments = st.one_of(st.none(), st.integers(-60, 400))


def report_of(path: Path, asked: Asked) -> Report:
    """The report of a ledger file, which may be in use."""
    with open_source(path) as source:
        return make(source, asked, made_at=START)


def window(began: int | None, ended: int | None) -> Asked:
    """Seconds after the start, None: no bound."""
    base = milliseconds(START)
    return Asked(
        began=None if began is None else base + 1000 * began, ended=None if ended is None else base + 1000 * ended
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), steps, moments, moments, st.sampled_from([None, *CAMERAS]), st.sampled_from([None, *ALL]))
def test_every_report_says_of_each_read_and_agency_what_became_of_it(
    seed: int, taken: list[str], began: int | None, ended: int | None, camera: str | None, name: str | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "ledger.sqlite", seed)
        for step in taken:
            getattr(history, step)()
        bounded = window(began, ended)
        asked = replace(
            bounded,
            cameras=None if camera is None else frozenset({camera}),
            subscribers=None if name is None else frozenset({name}),
        )
        if not history.knows(camera, name):
            with pytest.raises(LedgerError, match="the log knows no"):
                report_of(history.path, asked)
            history.ledger.close()
            return
        report = report_of(history.path, asked)
        history.ledger.close()
    expected = history.expected(asked)
    for agency in report.agencies:
        found = {group: getattr(agency.counts, group) for group in GROUPS}
        assert found == {group: expected[agency.subscriber, group] for group in GROUPS}
        assert sum(found.values()) == agency.counts.decisions
    assert adds_up(report.counts)
    assert report.counts.decisions == sum(expected.values())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), steps, st.integers(-60, 400))
def test_two_reports_that_follow_one_another_add_up_to_one_over_both(seed: int, taken: list[str], middle: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "ledger.sqlite", seed)
        for step in taken:
            getattr(history, step)()
        before, after, whole = (
            report_of(history.path, asked) for asked in (window(None, middle), window(middle, None), window(None, None))
        )
        history.ledger.close()
    for group in ("decisions", *GROUPS, "expired", "dropped", "discarded"):
        assert getattr(before.counts, group) + getattr(after.counts, group) == getattr(whole.counts, group)
    assert before.reads + after.reads == whole.reads


def test_deleted_envelopes_stay_counted_as_sent_or_never_sent(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"], seconds=10)
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    record(ledger, clock, ALL, ["a-pd"], seconds=10)
    record(ledger, clock, ALL, ["a-pd"])
    ledger.expire(clock.move(10))
    ledger.drop_rows("a-pd", ["opted_out"])
    ledger.close()
    tally = counted(tmp_path / "ledger.sqlite")["a-pd"]
    assert (tally["sent"], tally["never_sent"], tally["expired"], tally["dropped"]) == (1, 2, 2, 1)


def test_a_read_refused_after_it_was_sent_stays_counted_as_sent(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    read_id = record(ledger, clock, ALL, ["a-pd"])
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    ledger.refuse(ledger.due(clock.move(10), limit=1)[0], decide(read_id, ["a-pd"], [])[0])
    ledger.close()
    tally = counted(tmp_path / "ledger.sqlite")["a-pd"]
    assert (tally["reads"], tally["refused"], tally["sent"]) == (1, 0, 1)


def test_corrections_are_counted_with_their_camera(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    first = record(ledger, clock, ALL, ["a-pd"])
    for letter, shared in (("r", ["a-pd"]), ("s", [])):
        again = tagged_read(letter * 22, at=clock.move(60), replaces=first)
        ledger.record(again, decide(letter * 22, ALL, shared), [])
    ledger.close()
    report = report_of(tmp_path / "ledger.sqlite", Asked())
    (camera,) = report.cameras
    assert (report.reads, report.corrections) == (camera.reads, camera.corrections) == (3, 2)
    assert (camera.first, camera.last) == (START, clock.at)


def test_a_read_sent_after_the_time_asked_about_counts_as_sent(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"])
    ledger.mark_sent(ledger.due(clock.move(120), limit=1))
    ledger.close()
    (agency, *_) = report_of(tmp_path / "ledger.sqlite", window(None, 60)).agencies
    assert (agency.subscriber, agency.counts.sent, agency.later) == ("a-pd", 1, 1)
    (agency, *_) = report_of(tmp_path / "ledger.sqlite", window(None, 600)).agencies
    assert (agency.counts.sent, agency.later) == (1, 0)


def test_a_send_within_the_time_of_a_read_from_before_it_is_said_beside_the_counts(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"])
    ledger.mark_sent(ledger.due(clock.move(120), limit=1))
    ledger.close()
    report = report_of(tmp_path / "ledger.sqlite", window(60, None))
    (agency,) = report.agencies
    assert (report.reads, agency.counts.decisions, agency.of_earlier) == (0, 0, 1)


def test_an_acknowledgement_that_is_in_no_entry_yet_counts(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"])
    (row,) = ledger.mark_sent(ledger.due(clock.at, limit=1))
    ledger.acknowledge("a-pd", row.envelope.message_id, token_of(row.envelope.message_id))
    report = report_of(tmp_path / "ledger.sqlite", Asked())
    ledger.close()
    assert report.counts.acknowledged == 1


def test_an_acknowledgement_in_the_log_counts(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"])
    (row,) = ledger.mark_sent(ledger.due(clock.at, limit=1))
    ledger.acknowledge("a-pd", row.envelope.message_id, token_of(row.envelope.message_id))
    ledger.close()
    assert report_of(tmp_path / "ledger.sqlite", Asked()).counts.acknowledged == 1


def test_a_log_that_acknowledges_what_it_never_sent_is_refused(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"])
    ledger.close()
    counting = Counting(Asked())
    with open_source(tmp_path / "ledger.sqlite") as source:
        for position, raw in source.entries():
            at, entry = decode(raw)
            if isinstance(entry, Read):
                counting.read(position, at, entry.camera, entry.pattern, entry.replaces)
                read = position
            else:
                counting.entry(position, at, entry)
    counting.acknowledged_unlogged({"a-pd": [read]})
    with pytest.raises(LedgerError, match="audit verify"):
        list(counting.rows())


def adds_up(counts: Counts) -> bool:
    """The identity of every report."""
    return sum(getattr(counts, group) for group in GROUPS) == counts.decisions
