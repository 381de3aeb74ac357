"""From a frame to the ledger: every allowed subscriber gets its own envelope, and one bad key holds up nobody."""

import base64
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import tomlkit

from edge import desk
from edge.capture import Plain
from edge.desk.shelf import Shelf
from edge.errors import LedgerError, Superseded
from edge.ledger import Ledger
from edge.ledger.entries import BundleAccepted, HotListsInForce, Pattern, Read
from edge.ledger.verify import verify
from edge.pipeline import MOST_UNRECORDED
from edge.policy.hotlists import NO_LISTS, gather
from edge.policy.reasons import Reason
from edge.values import Effect, Frame
from edge.vision import Vision
from tests.ledger.builders import outcomes
from tests.relay.house import COUNTY, DEVICE, OWNER, STOLEN, TEXAS, House
from tests.vision.scene import Eyes, draw, standing

NOBODY_LISTENS = 9
POINT_OF_LOW_ORDER = base64.b64encode(bytes(32)).decode()
"""A public key to which nothing can be sealed: the shared secret would be all zeros (RFC 7748, section 6.1)."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house", NOBODY_LISTENS)
    yield house
    house.close()


def test_a_key_that_nothing_can_be_sealed_to_shuts_out_its_agency_and_nobody_else(house: House) -> None:
    house.agency(COUNTY, sealing_key=POINT_OF_LOW_ORDER)
    house.take_up(signed=True)
    decisions = {each.subscriber_id: each for each in house.passes(STOLEN).decisions}
    assert decisions[COUNTY].effect is Effect.WITHHOLD
    assert decisions[COUNTY].reasons == (Reason.DENY_PAYLOAD_KEY.value,)
    house.clock.move(1)
    assert {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=9)} >= {OWNER, TEXAS}


def test_what_is_in_the_outbox_is_exactly_what_was_decided_to_share(house: House) -> None:
    decisions = house.passes(STOLEN).decisions
    shared = {each.subscriber_id for each in decisions if each.effect is Effect.SHARE}
    house.clock.move(1)
    assert {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=99)} == shared


def test_only_the_owner_is_sent_a_picture_of_the_plate(house: House) -> None:
    house.crop = np.full((24, 90, 3), 200, dtype=np.uint8)
    house.passes(STOLEN)
    house.clock.move(1)
    pictures = {}
    for row in house.ledger.due(house.clock.at, limit=99):
        name = row.envelope.subscriber_id
        if name in house.sealing_keys:
            opened = house.opened(row.envelope.payload, name)
            pictures[name] = getattr(opened.body.data, "crop", None) is not None
    assert pictures == {OWNER: True, COUNTY: False, TEXAS: False}


def between(house: House, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object], *, times: int) -> None:
    """Lets something happen after a read was decided and before it is recorded."""
    record, left = house.ledger.record_many, [times]

    def later(reads) -> list[int]:
        if left[0] > 0:
            left[0] -= 1
            happens()
        return record(reads)

    monkeypatch.setattr(house.ledger, "record_many", later)


def opted_out(house: House) -> None:
    desk.opt_out(house.policy, "national-lookup")
    house.take_up()


def waiting_for(house: House) -> set[str]:
    return {row.envelope.subscriber_id for row in house.ledger.due(house.clock.move(1), limit=99)}


def test_an_opt_out_between_deciding_and_recording_has_the_read_decided_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    between(house, monkeypatch, lambda: opted_out(house), times=1)
    outcome = house.passes(STOLEN)
    assert {each.bundle_digest for each in outcome.decisions} == {house.bundle.digest}
    assert waiting_for(house) >= {OWNER, COUNTY}
    assert TEXAS not in waiting_for(house)


def test_a_read_that_is_overtaken_again_and_again_waits_and_is_recorded_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = house.bundle, house.bundle
    opted_out(house)
    new, house.bundle = house.bundle, old  # the ledger has taken up what the program does not know yet
    with pytest.raises(Superseded):
        house.passes(STOLEN)
    assert (house.pipeline.unrecorded, house.ledger.waiting()) == (1, 0)
    house.bundle = new
    (outcome,) = house.pipeline.record()
    assert {each.bundle_digest for each in outcome.decisions} == {new.digest}


def test_a_list_that_is_replaced_between_deciding_and_recording_has_the_read_decided_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def struck() -> None:
        house.edit("hotlists/county-stolen.toml", lambda table: table.update(entry=tomlkit.aot()))
        lists = Shelf(house.policy).read(desk.open_bundle(house.policy, pin=None))
        house.ledger.look_for(lists.versions(house.clock.at))
        house.lists = lists

    between(house, monkeypatch, struck, times=1)
    assert house.passes(STOLEN).tagged.tags.hits == ()
    assert waiting_for(house) == {OWNER}


def test_a_read_that_passes_while_a_list_is_stale_is_recorded_behind_a_word_without_it(house: House) -> None:
    house.lists = gather(replace(one, ends=house.clock.at) for one in house.lists.lists)
    house.ledger.look_for(house.lists.versions(house.clock.at))
    assert house.passes(STOLEN).tagged.tags.hits == ()
    words = [one.entry.lists for one in house.ledger.entries() if isinstance(one.entry, HotListsInForce)]
    assert [len(lists) for lists in words] == [1, 0]


def test_a_hit_from_before_a_fault_is_shared_after_it_while_its_list_is_still_being_read(house: House) -> None:
    def full(db: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    house.ledger._file._commit = full
    fails_to(lambda: house.passes(STOLEN))
    house.ledger._file.abandon()
    path = house.folder / "ledger.sqlite"
    house.ledger = Ledger.open(path, clock=house.clock, key=house.device_key, device=DEVICE)
    house.pipeline._ledger, house.lists = house.ledger, NO_LISTS
    (outcome,) = house.pipeline.record()
    assert [hit.list_id for hit in outcome.tagged.tags.hits] == ["county-stolen"]
    assert waiting_for(house) > {OWNER, COUNTY}


def test_a_read_waits_for_an_agency_no_longer_than_its_agreement_lasts(house: House) -> None:
    ends = house.clock.at.date() + timedelta(days=1)

    def end(table: tomlkit.TOMLDocument) -> None:
        (one,) = (one for one in table["subscriber"] if one["id"] == TEXAS)
        one["agreement"][0]["expires_on"] = ends

    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=72))
    house.edit("subscribers.toml", end)
    house.take_up(signed=True)
    tags = house.passes(STOLEN).tagged.tags
    until = {
        row.envelope.subscriber_id: row.envelope.expires_at for row in house.ledger.due(house.clock.move(1), limit=9)
    }
    assert until[COUNTY] == until[OWNER] == tags.retain_until
    assert until[TEXAS] < tags.retain_until
    assert (until[TEXAS].date() - ends).days in (0, 1)


def test_while_bundles_change_every_read_is_recorded_under_the_one_in_force(house: House) -> None:
    over, turn = threading.Event(), threading.Event()

    def toggle() -> None:
        while turn.wait() and not over.is_set():  # not too many while a read waits: only some are remembered
            turn.clear()
            opted_out(house)
            desk.opt_in(house.policy, "national-lookup")
            house.take_up(signed=True)

    toggling = threading.Thread(target=toggle)
    toggling.start()
    recorded = 0
    for _ in range(100):
        house.clock.move(3)  # so that a vehicle comes after the bundles before
        turn.set()
        try:
            house.sees(STOLEN)
        except Superseded:
            continue  # it waits, and goes with the next
    over.set()
    turn.set()
    toggling.join()
    house.pipeline.record()
    patterns, in_force = {}, ""
    for logged in house.ledger.entries():
        match logged.entry:
            case BundleAccepted(digest=digest):
                in_force = digest
            case Pattern(bundle=bundle):
                patterns[logged.position] = bundle
            case Read(pattern=pattern):
                recorded += 1
                assert patterns[pattern] == in_force
    assert recorded == 100
    assert verify(house.folder / "ledger.sqlite", house.device_key.public_key()).faults == ()


def test_a_read_that_was_recorded_and_reported_as_failed_keeps_its_decisions_under_the_next_bundle(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = house.ledger._file._commit

    def reported_as_failed(db) -> None:
        commit(db)
        house.ledger._file._commit = commit
        raise sqlite3.OperationalError("disk I/O error")

    house.ledger._file._commit = reported_as_failed
    with pytest.raises(LedgerError):
        house.passes(STOLEN)
    opted_out(house)
    first, second = house.sees(STOLEN)
    assert len({each.bundle_digest for each in (*first.decisions, *second.decisions)}) == 2
    assert {each.bundle_digest for each in second.decisions} == {house.bundle.digest}
    assert [read_id for read_id, _ in outcomes(house.ledger)] == [
        first.tagged.read.read_id,
        second.tagged.read.read_id,
    ]


def test_reads_of_one_frame_are_recorded_with_one_commit(house: House) -> None:
    commit, commits = house.ledger._file._commit, []
    house.ledger._file._commit = lambda db: (commits.append(1), commit(db))
    first = house.passes(STOLEN).tagged.read
    commits.clear()
    house.eyes.seen = [replace(first, read_id=house.clock.new_id()) for _ in range(20)]
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    frame = Frame(camera_id="north", sequence=0, captured_at=house.clock.at, picture=Plain(pixels))
    assert len(house.pipeline.step(frame)) == 20
    assert len(commits) == 1


def test_with_a_bell_no_frame_waits_for_the_disk_and_reads_of_several_share_a_commit(house: House) -> None:
    commit, commits = house.ledger._file._commit, []
    first = house.passes(STOLEN).tagged.read
    house.ledger._file._commit = lambda db: (commits.append(1), commit(db))
    house.pipeline._bell = bell = threading.Event()
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    frame = Frame(camera_id="north", sequence=0, captured_at=house.clock.at, picture=Plain(pixels))
    for _ in range(5):
        house.eyes.seen = [replace(first, read_id=house.clock.new_id())]
        assert house.pipeline.step(frame) == []
    bell.clear()
    house.eyes.seen = [replace(first, read_id=house.clock.new_id())]
    assert house.pipeline.rest() == []
    assert (bell.is_set(), house.pipeline.unrecorded, commits) == (True, 6, [])
    assert len(house.pipeline.record()) == 6
    assert (house.pipeline.unrecorded, commits) == (0, [1])


class Doubtful:
    """The ledger behind a disk that says it failed: `fails` is what is raised next, after it has happened or before."""

    def __init__(self, house: House) -> None:
        self._ledger, self.fails, self.happened = house.ledger, [], True
        self.given: list[tuple[bytes, ...]] = []

    def record_many(self, reads) -> list[int]:
        self.given.append(tuple(envelope.payload for read in reads for envelope in read.envelopes))
        error = self.fails.pop(0) if self.fails else None
        if error is not None and not self.happened:
            raise error
        positions = self._ledger.record_many(reads)
        if error is not None:
            raise error
        return positions

    def latest_checkpoint(self):
        return self._ledger.latest_checkpoint()


@pytest.mark.parametrize("happened", [True, False])
def test_a_caller_told_of_a_failure_records_the_same_bytes_again_and_once_only(house: House, happened: bool) -> None:
    doubtful = Doubtful(house)
    doubtful.fails, doubtful.happened = [LedgerError("the disk failed")] * 2, happened
    house.pipeline._ledger = doubtful
    with pytest.raises(LedgerError):
        house.passes(STOLEN)
    assert house.pipeline.unrecorded == 1
    with pytest.raises(LedgerError):
        house.pipeline.record()
    assert len(house.pipeline.record()) == 1
    assert len(set(doubtful.given)) == 1
    assert len(list(outcomes(house.ledger))) == 1


def test_of_too_many_reads_that_wait_the_oldest_is_lost_and_counted(house: House) -> None:
    doubtful = Doubtful(house)
    doubtful.fails, doubtful.happened = [LedgerError("the disk failed")] * 1000, False
    house.pipeline._ledger = doubtful
    for _ in range(MOST_UNRECORDED + 3):
        with pytest.raises(LedgerError):
            house.passes(STOLEN)
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (MOST_UNRECORDED, 3)


def failing(house: House) -> Doubtful:
    """From here on the ledger cannot be written, until `fails` is emptied."""
    doubtful = Doubtful(house)
    doubtful.fails, doubtful.happened = [LedgerError("the disk failed")] * 1000, False
    house.pipeline._ledger = doubtful
    return doubtful


def frame_of(house: House) -> Frame:
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    return Frame(camera_id="north", sequence=0, captured_at=house.clock.at, picture=Plain(pixels))


def fails_to(does: Callable[[], object]) -> None:
    with pytest.raises(LedgerError):
        does()


@pytest.mark.parametrize("back", [True, False])
def test_a_read_that_waits_for_longer_than_it_may_be_kept_is_lost_and_counted(house: House, back: bool) -> None:
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=0.05))
    house.take_up()
    doubtful = failing(house)
    fails_to(lambda: house.passes(STOLEN))
    house.clock.move(60)
    fails_to(lambda: house.passes(STOLEN))
    house.clock.move(118)  # the first was seen a second before it was given
    fails_to(house.pipeline.record)
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (2, 0)
    house.clock.move(1)
    if back:
        doubtful.fails.clear()
        assert len(house.pipeline.record()) == 1
    else:
        fails_to(house.pipeline.record)
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (0 if back else 1, 1)


def test_a_read_that_waits_is_bound_by_the_shortest_retention_meanwhile_and_by_the_last_while_none_is_known(
    house: House,
) -> None:
    failing(house)
    fails_to(lambda: house.passes(STOLEN))
    for hours in (0.05, 24):
        house.edit("policy.toml", lambda table, hours=hours: table["retention"].update(undelivered_hours=hours))
        house.take_up(signed=hours == 24)
        fails_to(house.pipeline.record)
    house.bundle, house.pipeline._in_force = None, lambda: None  # as while the ledger is opened anew
    house.clock.move(178)
    fails_to(house.pipeline.record)
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (1, 0)
    house.clock.move(1)
    assert house.pipeline.record() == []
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (0, 1)


def test_a_late_read_of_a_recording_is_no_read_that_waited(house: House) -> None:
    first = house.passes(STOLEN).tagged.read
    house.eyes.seen = [replace(first, read_id=house.clock.new_id(), best_seen=house.clock.at - timedelta(days=99))]
    (recorded,) = house.pipeline.step(frame_of(house))
    assert {each.reasons for each in recorded.decisions} >= {(Reason.DENY_RETENTION_EXPIRED.value,)}
    assert house.pipeline.lost == 0


def test_with_a_read_that_is_lost_its_correction_is_lost_and_what_follows_is_recorded(house: House) -> None:
    doubtful = failing(house)
    fails_to(lambda: house.passes(STOLEN))
    first = house.pipeline._unrecorded[0]
    for after, replaces in ((30, first.read_id), (60, None)):
        seen = first.best_seen + timedelta(seconds=after)
        house.eyes.seen = [replace(first, read_id=house.clock.new_id(), best_seen=seen, replaces=replaces)]
        fails_to(lambda: house.pipeline.step(frame_of(house)))
    house.clock.move(house.bundle.ceiling.total_seconds())
    doubtful.fails.clear()
    (recorded,) = house.pipeline.record()
    assert recorded.tagged.read.best_seen == first.best_seen + timedelta(seconds=60)
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (0, 2)


def test_where_nothing_may_be_collected_no_frame_is_looked_at_and_no_read_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubtful = failing(house)
    fails_to(lambda: house.passes(STOLEN))
    doubtful.fails.clear()
    house.pipeline._collects = lambda: False
    with monkeypatch.context() as barred:
        barred.setattr(house.eyes, "passages", lambda frame: pytest.fail("it was looked at"))
        assert house.sees(STOLEN) == []  # it was in view
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (0, 2)
    assert list(outcomes(house.ledger)) == []
    house.pipeline._collects = lambda: True
    assert len(house.sees(STOLEN)) == 1


@pytest.mark.parametrize("comes", ["a frame", "no frame"])
def test_where_nothing_may_be_collected_no_plate_of_before_is_remembered(house: House, comes: str) -> None:
    scene = {10: standing("PARKED1")}
    vision = house.pipeline._vision = Vision(models=Eyes(scene), clock=house.clock)
    before, after = draw(scene, seconds=10, fps=5), draw(scene, seconds=10, fps=5, begins=20)
    assert len([one for frame in before for one in house.pipeline.step(frame)]) == 1
    house.pipeline._collects = lambda: False
    house.pipeline.step(next(after)) if comes == "a frame" else house.pipeline.rest()
    house.pipeline._collects = lambda: True
    for frame in after:
        house.pipeline.step(frame)
    assert (vision.counts.passages, vision.counts.rejected) == (2, {})


def test_a_law_that_ends_the_collecting_between_two_commits_lets_no_more_be_recorded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, may = house.passes(STOLEN).tagged.read, [True]
    house.pipeline._collects = lambda: may[0]
    between(house, monkeypatch, lambda: may.__setitem__(0, False), times=1)
    house.eyes.seen = [replace(first, read_id=house.clock.new_id()) for _ in range(40)]
    assert len(house.pipeline.step(frame_of(house))) == 32
    assert house.pipeline.record() == []
    assert (house.pipeline.unrecorded, house.pipeline.lost) == (0, 8)
