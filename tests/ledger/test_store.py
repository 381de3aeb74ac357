"""What the ledger records, hands out to be sent, and settles."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from edge.errors import LedgerError
from edge.ledger import Ledger, tree
from edge.ledger.batches import positions
from edge.ledger.codec import encode
from edge.ledger.entries import (
    Acknowledged,
    AcknowledgementRefused,
    Begun,
    BundleAccepted,
    ClockStep,
    Dropped,
    Expired,
    Pattern,
    Read,
    Refused,
    SelfTest,
    Sent,
    SentAgain,
    SentToAll,
    Switch,
)
from edge.ledger.store import CHECKPOINT_ENTRIES
from edge.values import BundleFiles
from tests.ledger.builders import (
    BUNDLE,
    DEVICE,
    START,
    HandClock,
    accept,
    decide,
    digest_of,
    open_ledger,
    outcomes,
    record,
    seal,
    tagged_read,
    token_of,
)
from tests.ledger.counted import counted

OWNER, NEIGHBOUR, STRANGER = "mount-prospect-pd", "arlington-pd", "texas-so"
ALL = (OWNER, NEIGHBOUR, STRANGER)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: HandClock) -> Iterator[Ledger]:
    made = open_ledger(tmp_path / "ledger.sqlite", clock)
    yield made
    made.close()


def kinds(ledger: Ledger) -> list[str]:
    return [logged.entry.kind for logged in ledger.entries()]


def entries_of(ledger: Ledger, kind: type) -> list[object]:
    return [logged.entry for logged in ledger.entries() if isinstance(logged.entry, kind)]


def test_a_ledger_begins_with_whose_it_is(ledger: Ledger) -> None:
    first = next(ledger.entries()).entry
    assert isinstance(first, Begun)
    assert (first.device, first.ledger_id, first.mode) == (DEVICE, ledger.ledger_id, "production")


def test_a_read_comes_back_with_every_decision(ledger: Ledger, clock: HandClock) -> None:
    read_id = record(ledger, clock, ALL, [OWNER])
    decisions = sorted(decide(read_id, ALL, [OWNER]), key=lambda decision: decision.subscriber_id)
    assert list(outcomes(ledger)) == [(read_id, tuple(decisions))]


def test_reads_decided_alike_share_one_pattern(ledger: Ledger, clock: HandClock) -> None:
    for _ in range(5):
        record(ledger, clock, ALL, [OWNER])
    assert kinds(ledger).count("pattern") == 1


def test_the_same_outcome_under_another_bundle_is_another_pattern(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER])
    other = replace(BUNDLE, manifest=b'{"version":2}')
    accept(ledger, other, version=2)
    read_id = clock.new_id()
    ledger.record(tagged_read(read_id), decide(read_id, ALL, [], other), [])
    assert [pattern.bundle for pattern in entries_of(ledger, Pattern)] == [digest_of(BUNDLE), digest_of(other)]  # type: ignore[attr-defined]


def test_a_waiting_row_gives_back_the_envelope_and_the_tags_unchanged(ledger: Ledger, clock: HandClock) -> None:
    tagged, envelope = tagged_read("r" * 22), seal("r" * 22, OWNER)
    ledger.record(tagged, decide("r" * 22, ALL, [OWNER]), [envelope])
    row = ledger.due(clock.at, limit=10)[0]
    assert (row.envelope, row.envelope.tags) == (envelope, tagged.tags)


def test_a_waiting_row_keeps_what_it_was_decided_on(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER])
    row = ledger.due(clock.at, limit=10)[0]
    assert (row.obligations, row.bundle_digest, row.decided_at) == (("no_onward",), digest_of(BUNDLE), START)
    assert (row.sent_at, row.attempts) == (None, 0)


def test_the_log_holds_one_digest_over_the_sealed_payloads_in_subscriber_order(ledger: Ledger) -> None:
    sealed = [seal("r" * 22, OWNER), seal("r" * 22, NEIGHBOUR)]
    position = ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [OWNER, NEIGHBOUR]), sealed)
    joined = b"".join(sha256(seal("r" * 22, name).payload).digest() for name in (NEIGHBOUR, OWNER))
    read = next(ledger.entries(position)).entry
    assert isinstance(read, Read)
    assert tree.leaf_hash(encode(read, 0)) == tree.leaf_hash(encode(replace(read, payloads=_base64url(joined)), 0))


def _base64url(joined: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(sha256(joined).digest()).decode().rstrip("=")


def test_a_correction_names_the_read_that_it_corrects(ledger: Ledger, clock: HandClock) -> None:
    first = record(ledger, clock, ALL, [OWNER])
    ledger.record(tagged_read("c" * 22, replaces=first), decide("c" * 22, ALL, []), [])
    original, correction = (logged for logged in ledger.entries() if isinstance(logged.entry, Read))
    assert isinstance(correction.entry, Read)
    assert correction.entry.replaces == original.position


def test_a_correction_of_an_unknown_read_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="not in the ledger"):
        ledger.record(tagged_read("c" * 22, replaces="x" * 22), decide("c" * 22, ALL, []), [])


def test_an_envelope_that_no_decision_allows_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    before = kinds(ledger)
    with pytest.raises(LedgerError, match="no decision allows"):
        ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [OWNER]), [seal("r" * 22, STRANGER)])
    assert (kinds(ledger), ledger.waiting()) == (before, 0)


def test_an_envelope_of_another_read_is_refused(ledger: Ledger) -> None:
    envelope = replace(seal("o" * 22, OWNER))
    with pytest.raises(LedgerError, match="no decision allows"):
        ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [OWNER]), [envelope])


def test_two_envelopes_for_one_subscriber_are_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no decision allows"):
        ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [OWNER]), [seal("r" * 22, OWNER)] * 2)


def test_a_decision_of_another_read_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="another read"):
        ledger.record(tagged_read("r" * 22), decide("o" * 22, ALL, []), [])


def test_two_decisions_for_one_subscriber_are_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="two decisions"):
        ledger.record(tagged_read("r" * 22), decide("r" * 22, [OWNER, OWNER], []), [])


def test_decisions_under_two_bundles_are_refused(ledger: Ledger) -> None:
    first, second = decide("r" * 22, [OWNER, NEIGHBOUR], [])
    with pytest.raises(LedgerError, match="two bundles"):
        ledger.record(tagged_read("r" * 22), [first, replace(second, bundle_digest="other")], [])


def test_a_decision_under_a_bundle_that_the_ledger_does_not_hold_is_refused(ledger: Ledger) -> None:
    unknown = replace(BUNDLE, manifest=b"never accepted")
    with pytest.raises(LedgerError, match="never accepted"):
        ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [], unknown), [])


def test_a_test_read_is_refused_by_a_production_ledger(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="is test, but the ledger is production"):
        ledger.record(tagged_read("r" * 22, test=True), decide("r" * 22, ALL, []), [])


def test_the_same_read_again_changes_nothing(ledger: Ledger, clock: HandClock) -> None:
    parts = (tagged_read("r" * 22), decide("r" * 22, ALL, [OWNER]), [seal("r" * 22, OWNER)])
    first = ledger.record(*parts)
    clock.move(3)
    before = kinds(ledger)
    assert ledger.record(*parts) == first
    assert (kinds(ledger), ledger.waiting()) == (before, 1)


def test_the_same_read_with_other_decisions_is_refused(ledger: Ledger) -> None:
    ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [OWNER]), [seal("r" * 22, OWNER)])
    with pytest.raises(LedgerError, match="with other decisions"):
        ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [NEIGHBOUR]), [seal("r" * 22, NEIGHBOUR)])


def test_a_subscribers_rows_come_oldest_first(ledger: Ledger, clock: HandClock) -> None:
    expected = [f"{record(ledger, clock, ALL, [OWNER])}.{OWNER}" for _ in range(20)]
    assert [row.envelope.message_id for row in ledger.due(clock.at, limit=20)] == expected


def test_a_long_queue_of_one_subscriber_does_not_hold_up_another(ledger: Ledger, clock: HandClock) -> None:
    for _ in range(20):
        record(ledger, clock, ALL, [NEIGHBOUR])
    record(ledger, clock, ALL, [OWNER])
    assert OWNER in {row.envelope.subscriber_id for row in ledger.due(clock.at, limit=2)}


def test_with_a_limit_below_their_number_every_subscriber_has_its_turn(ledger: Ledger, clock: HandClock) -> None:
    for _ in range(10):
        record(ledger, clock, ALL, ALL)
    served = [ledger.due(clock.at, limit=1)[0].envelope.subscriber_id for _ in range(3)]
    assert sorted(served) == sorted(ALL)


def test_a_sent_row_is_not_due_until_its_time_to_be_sent_again(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER])
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    assert ledger.due(clock.move(4.9), limit=1) == []
    assert len(ledger.due(clock.move(0.1), limit=1)) == 1


def test_the_pause_before_sending_again_grows_to_a_minute(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER], seconds=1e6)
    pauses = []
    for _ in range(9):
        ledger.mark_sent(ledger.due(clock.at, limit=1))
        sent = clock.at
        while not ledger.due(clock.at, limit=1):
            clock.move(5)
        pauses.append((clock.at - sent).total_seconds())
    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60, 60]


def test_a_first_and_a_later_send_are_different_entries(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER])
    for _ in range(2):
        ledger.mark_sent(ledger.due(clock.at, limit=1))
        clock.move(60)
    assert (len(entries_of(ledger, SentToAll)), len(entries_of(ledger, SentAgain))) == (1, 1)


def test_marking_as_sent_gives_back_the_time_and_the_attempts(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER])
    clock.move(1)
    marked = ledger.mark_sent(ledger.due(clock.at, limit=1))
    assert [(row.sent_at, row.attempts) for row in marked] == [(clock.at, 1)]


def test_a_row_that_was_dropped_meanwhile_is_not_given_to_the_broker(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER, NEIGHBOUR])
    rows = ledger.due(clock.at, limit=2)
    ledger.drop_rows(NEIGHBOUR, ["opted_out"])
    assert [row.envelope.subscriber_id for row in ledger.mark_sent(rows)] == [OWNER]


def test_a_row_whose_time_is_over_is_neither_due_nor_marked_as_sent(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER], seconds=10)
    rows = ledger.due(clock.at, limit=1)
    clock.move(10)
    assert (ledger.due(clock.at, limit=1), ledger.mark_sent(rows)) == ([], [])


def sent_row(ledger: Ledger, clock: HandClock) -> str:
    """Records, sends, and gives the message id."""
    message_id = f"{record(ledger, clock, ALL, [OWNER])}.{OWNER}"
    ledger.mark_sent(ledger.due(clock.at, limit=100))
    return message_id


def test_an_acknowledgement_settles_the_row_and_says_so_again(ledger: Ledger, clock: HandClock) -> None:
    message_id = sent_row(ledger, clock)
    answers = [ledger.acknowledge(OWNER, message_id, token_of(message_id)) for _ in range(2)]
    assert (answers, ledger.waiting()) == ([True, True], 0)


def test_an_acknowledgement_is_in_the_log_with_the_next_checkpoint_once(ledger: Ledger, clock: HandClock) -> None:
    message_id = sent_row(ledger, clock)
    ledger.acknowledge(OWNER, message_id, token_of(message_id))
    ledger.checkpoint()
    ledger.acknowledge(OWNER, message_id, token_of(message_id))
    ledger.checkpoint()
    assert len(entries_of(ledger, Acknowledged)) == 1


def test_a_wrong_token_settles_nothing_and_is_in_the_log_once(ledger: Ledger, clock: HandClock) -> None:
    message_id = sent_row(ledger, clock)
    answers = [ledger.acknowledge(OWNER, message_id, "guess") for _ in range(3)]
    assert (answers, ledger.waiting()) == ([False] * 3, 1)
    assert len(entries_of(ledger, AcknowledgementRefused)) == 1


def test_a_token_of_another_subscribers_message_settles_nothing(ledger: Ledger, clock: HandClock) -> None:
    message_id = sent_row(ledger, clock)
    assert not ledger.acknowledge(NEIGHBOUR, message_id, token_of(message_id))
    assert ledger.waiting() == 1


def test_an_acknowledgement_of_what_was_never_sent_settles_nothing(ledger: Ledger, clock: HandClock) -> None:
    message_id = f"{record(ledger, clock, ALL, [OWNER])}.{OWNER}"
    assert not ledger.acknowledge(OWNER, message_id, token_of(message_id))


def test_an_acknowledgement_that_comes_after_the_expiry_still_counts(
    ledger: Ledger, clock: HandClock, tmp_path: Path
) -> None:
    message_id = sent_row(ledger, clock)
    ledger.expire(clock.move(7200))
    assert ledger.acknowledge(OWNER, message_id, token_of(message_id))
    assert counted(tmp_path / "ledger.sqlite")[OWNER]["acknowledged"] == 1


def test_acknowledgements_are_written_in_batches(ledger: Ledger, clock: HandClock) -> None:
    ids = [record(ledger, clock, ALL, [OWNER]) for _ in range(300)]
    for read_id in ids:
        ledger.mark_sent(ledger.due(clock.at, limit=1))
        ledger.acknowledge(OWNER, f"{read_id}.{OWNER}", token_of(f"{read_id}.{OWNER}"))
    assert len(entries_of(ledger, Acknowledged)) == 1
    ledger.checkpoint()
    assert len(entries_of(ledger, Acknowledged)) == 2


def test_a_row_refused_at_the_door_is_gone_and_its_decision_is_in_the_log(ledger: Ledger, clock: HandClock) -> None:
    read_id = record(ledger, clock, ALL, [OWNER])
    row = ledger.due(clock.at, limit=1)[0]
    refusal = decide(read_id, [OWNER], [])[0]
    assert [ledger.refuse(row, refusal) for _ in range(2)] == [True, False]
    refused = entries_of(ledger, Refused)[0]
    assert isinstance(refused, Refused)
    pattern = next(ledger.entries(refused.pattern)).entry
    assert isinstance(pattern, Pattern)
    assert pattern.outcomes == ((OWNER, "withhold", "", refusal.reasons, ()),)


def test_a_refusal_with_another_envelopes_decision_is_an_error(ledger: Ledger, clock: HandClock) -> None:
    read_id = record(ledger, clock, ALL, [OWNER])
    with pytest.raises(LedgerError, match="decision of another"):
        ledger.refuse(ledger.due(clock.at, limit=1)[0], decide(read_id, [STRANGER], [])[0])


def test_expiry_deletes_what_is_over_and_says_what_was_sent(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER], seconds=10)
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    record(ledger, clock, ALL, [NEIGHBOUR], seconds=10)
    record(ledger, clock, ALL, [OWNER], seconds=11)
    assert (ledger.expire(clock.move(10)), ledger.waiting()) == (2, 1)
    (expired,) = entries_of(ledger, Expired)
    assert isinstance(expired, Expired)
    assert (len(expired.unsent), len(expired.sent)) == (1, 1)


def test_dropping_deletes_one_subscribers_rows_with_the_reasons(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER, NEIGHBOUR])
    assert (ledger.drop_rows(NEIGHBOUR, ["opted_out"]), ledger.waiting()) == (1, 1)
    (dropped,) = entries_of(ledger, Dropped)
    assert isinstance(dropped, Dropped)
    assert dropped.reasons == ("opted_out",)


def test_a_bundle_comes_back_whole(ledger: Ledger) -> None:
    assert ledger.bundle_in_force() == (BUNDLE, 0, True)


def test_the_bundle_accepted_last_is_in_force_after_reopening(tmp_path: Path, clock: HandClock) -> None:
    first = open_ledger(tmp_path / "a.sqlite", clock)
    later = BundleFiles(manifest=b"second", signature=None, files={"policy.toml": b"new"})
    first.accept_bundle(later, digest=digest_of(later), version=1, revision=4, signed=False)
    first.close()
    again = open_ledger(tmp_path / "a.sqlite", clock)
    assert again.bundle_in_force() == (later, 4, False)
    again.close()


def test_the_bundle_in_force_accepted_again_changes_nothing(ledger: Ledger) -> None:
    accept(ledger)
    assert len(entries_of(ledger, BundleAccepted)) == 1


def test_a_bundle_whose_digest_is_not_its_manifests_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="not the sha256"):
        ledger.accept_bundle(BUNDLE, digest="0" * 64, version=2, revision=0, signed=True)


def test_a_tightening_drops_rows_and_notes_the_switch_in_the_same_transaction(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER, NEIGHBOUR])
    tighter = replace(BUNDLE, manifest=b"tighter")
    switch = Switch(switch="national_lookup", before="true", after="false", by="clerk")
    ledger.accept_bundle(
        tighter,
        digest=digest_of(tighter),
        version=1,
        revision=1,
        signed=False,
        notes=[switch],
        drops={NEIGHBOUR: ["opted_out"]},
    )
    assert kinds(ledger)[-4:] == ["bundle", "switch", "name", "dropped"]
    assert ledger.waiting() == 1


def shorter(ledger: Ledger, ceiling: timedelta) -> None:
    """Another bundle comes into force, under which a read is kept for no longer."""
    files = replace(BUNDLE, manifest=f"kept for {ceiling}".encode())
    ledger.accept_bundle(files, digest=digest_of(files), version=1, revision=1, signed=False, ceiling=ceiling)


def test_a_shorter_retention_counts_for_what_waits_the_owners_too(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER, NEIGHBOUR], seconds=86_400)
    clock.move(60)
    shorter(ledger, timedelta(minutes=3))
    assert ledger.next_expiry() == START + timedelta(minutes=3)
    assert ledger.expire(clock.move(119)) == 0
    assert ledger.expire(clock.move(1)) == 2
    assert len(entries_of(ledger, Expired)) == 1


def test_a_longer_retention_lengthens_nothing_that_waits(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER], seconds=60)
    shorter(ledger, timedelta(hours=1))
    assert ledger.next_expiry() == START + timedelta(seconds=60)


def test_a_shorter_retention_counts_from_the_capture_of_a_read_that_was_recorded_late(
    ledger: Ledger, clock: HandClock
) -> None:
    read_id, captured = clock.new_id(), clock.at
    clock.move(3600)
    envelope = seal(read_id, OWNER, at=captured, seconds=86_400)
    ledger.record(tagged_read(read_id, at=captured), decide(read_id, ALL, [OWNER]), [envelope])
    shorter(ledger, timedelta(hours=2))
    assert ledger.next_expiry() == captured + timedelta(hours=2)


def test_a_shorter_retention_counts_as_time_went_by_where_the_clock_was_moved_back(
    ledger: Ledger, clock: HandClock
) -> None:
    record(ledger, clock, ALL, [OWNER], seconds=86_400)
    clock.move(60 - 3600)
    ledger.note(ClockStep(by=-3_600_000))
    shorter(ledger, timedelta(minutes=3))
    assert ledger.next_expiry() == clock.at + timedelta(minutes=2)


def test_a_shorter_retention_tells_no_more_of_the_time_than_the_hour_where_only_that_may_be_told(
    ledger: Ledger, clock: HandClock
) -> None:
    clock.move(1234)
    read_id = clock.new_id()
    (decision,) = decide(read_id, [OWNER], [OWNER])
    decision = replace(decision, obligations=("coarse_time",))
    ledger.record(tagged_read(read_id, at=clock.at), [decision], [seal(read_id, OWNER, at=clock.at, seconds=86_400)])
    shorter(ledger, timedelta(hours=2))
    assert ledger.next_expiry() == clock.at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)


def test_a_checkpoint_covers_everything_so_far(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER])
    made = ledger.checkpoint()
    assert (made.size, ledger.latest_checkpoint()) == (len(kinds(ledger)), made)


def test_a_checkpoint_of_an_unchanged_tree_is_the_same(ledger: Ledger, clock: HandClock) -> None:
    first = ledger.checkpoint()
    clock.move(60)
    assert ledger.checkpoint() == first


def test_an_entry_and_its_past_are_proven_by_hashes_alone(ledger: Ledger, clock: HandClock) -> None:
    old = ledger.checkpoint()
    for _ in range(300):
        record(ledger, clock, ALL, [OWNER])
    new = ledger.checkpoint()
    logged = list(ledger.entries())[137]
    leaf = tree.leaf_hash(encode(logged.entry, logged.at))
    assert tree.includes(leaf, 137, new.size, ledger.history.inclusion_proof(137, new.size), new.root)
    assert tree.extends(old.size, old.root, new.size, new.root, ledger.history.consistency_proof(old.size, new.size))


def test_of_many_checkpoints_the_last_and_one_an_hour_are_kept(ledger: Ledger, clock: HandClock) -> None:
    made = []
    for _ in range(150):
        record(ledger, clock, ALL, [])
        made.append(ledger.checkpoint())
        clock.move(60)
    query = "SELECT size FROM checkpoints ORDER BY size"
    kept = [row[0] for row in ledger._file._db.execute(query)]
    assert kept == [made[0].size, made[60].size, made[120].size, made[149].size]


def test_the_clock_may_step_back(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER])
    clock.at -= timedelta(hours=3)
    record(ledger, clock, ALL, [OWNER])
    assert len(ledger.due(clock.at, limit=5)) == 2


def test_what_is_done_together_stands_or_falls_together(ledger: Ledger, clock: HandClock, tmp_path: Path) -> None:
    before = kinds(ledger)

    def one_good_and_one_bad() -> None:
        with ledger.together():
            record(ledger, clock, ALL, [OWNER])
            ledger.record(tagged_read("r" * 22), decide("r" * 22, ALL, [OWNER]), [seal("r" * 22, STRANGER)])

    with pytest.raises(LedgerError, match="no decision allows"):
        one_good_and_one_bad()
    assert (kinds(ledger), ledger.waiting()) == (before, 0)
    with ledger.together():
        record(ledger, clock, ALL, [OWNER])
        assert len(ledger.mark_sent(ledger.due(clock.at, limit=1))) == 1
    assert counted(tmp_path / "ledger.sqlite")[OWNER]["sent"] == 1


def test_a_clock_that_was_moved_back_makes_no_envelope_wait_longer(ledger: Ledger, clock: HandClock) -> None:
    record(ledger, clock, ALL, [OWNER], seconds=3600)
    clock.move(1800)
    clock.at -= timedelta(days=1)
    ledger.note(ClockStep(by=-86_400_000))
    record(ledger, clock, ALL, [NEIGHBOUR], seconds=3600)
    assert ledger.expire(clock.move(1799)) == 0
    assert ledger.expire(clock.move(1)) == 1
    assert [row.envelope.subscriber_id for row in ledger.due(clock.at, limit=9)] == [NEIGHBOUR]
    assert ledger.expire(clock.move(1800)) == 1


@pytest.mark.parametrize("back", [30 * 60, 30 * 60 - 1, 86_400])
def test_a_row_decided_just_now_by_a_clock_that_was_moved_back_is_as_old_as_before(
    ledger: Ledger, clock: HandClock, back: int
) -> None:
    record(ledger, clock, ALL, [OWNER], seconds=3600)
    clock.move(1800 - back)
    ledger.note(ClockStep(by=-1000 * back))
    assert ledger.next_expiry() == clock.at + timedelta(minutes=30)


def test_a_row_from_between_a_step_back_and_its_note_waits_less_and_never_longer(
    ledger: Ledger, clock: HandClock
) -> None:
    clock.move(-600)
    record(ledger, clock, ALL, [OWNER], seconds=3600)
    ledger.note(ClockStep(by=-600_000))
    assert ledger.next_expiry() == clock.at + timedelta(seconds=3000)


def test_a_send_that_leaves_somebody_out_names_those_it_is_to(ledger: Ledger, clock: HandClock) -> None:
    for _ in range(3):
        record(ledger, clock, ALL, [OWNER, NEIGHBOUR])
    rows = ledger.due(clock.at, limit=9)
    ledger.mark_sent([row for row in rows if row.envelope.subscriber_id == OWNER or row.position != rows[0].position])
    (named,), (out,) = entries_of(ledger, Sent), entries_of(ledger, SentToAll)
    assert [list(positions(batch)) for batch in named.reads] == [[rows[0].position]]
    assert out.count == 2
    ledger.mark_sent([row for row in rows if row.envelope.subscriber_id != OWNER])
    assert len(entries_of(ledger, SentToAll)) == 1


def test_there_is_a_checkpoint_at_the_latest_after_so_many_entries(ledger: Ledger, clock: HandClock) -> None:
    test = SelfTest(model="m", digest="d", passed=1)
    ledger.note(*[test] * (CHECKPOINT_ENTRIES - ledger.size - 1))
    assert ledger.latest_checkpoint() is None
    ledger.note(test)
    assert ledger.latest_checkpoint() == ledger.checkpoint()
    assert ledger.size == CHECKPOINT_ENTRIES
    ledger.note(*[test] * (3 * CHECKPOINT_ENTRIES))
    signed = ledger.latest_checkpoint()
    assert signed is not None
    assert (signed.size, signed.root) == (ledger.size, ledger.history.root_at(ledger.size))
