"""Whatever the disk does, in pairs (it failed; it happened and was reported as failed) and with the power cut at any
moment: what was said to be done is done, what was said to have failed may be tried again, and the log stands.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random

import pytest

from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.ledger.entries import Stop
from edge.ledger.verify import verify
from edge.values import Acknowledgement, Recorded
from tests.ledger.builders import (
    BUNDLE,
    KEY,
    HandClock,
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
from tests.ledger.disk import FULL, READ_ONLY, SYNC_FAILED, WRITE_FAILED, Disk, Fault, installed

ALL = ("a-pd", "b-pd", "c-so")
TIGHTER = replace(BUNDLE, manifest=b"tighter", signature=None)
METHODS = [
    *("accept_bundle", "record", "record_many", "mark_sent", "refuse", "acknowledge", "acknowledge_many", "expire"),
    *("discard", "drop_rows", "checkpoint", "note", "idle", "close"),
]


@pytest.fixture
def disk() -> Iterator[Disk]:
    with installed() as disk:
        yield disk


def parts(read_id: str) -> Recorded:
    return Recorded(
        tagged=tagged_read(read_id),
        decisions=tuple(decide(read_id, ALL, ["a-pd"])),
        envelopes=(seal(read_id, "a-pd"),),
    )


def lived(path: Path, clock: HandClock) -> tuple[Ledger, dict[str, Callable[[], object]]]:
    """A ledger with a row that was sent and one that was not, and one call of each public method that writes."""
    ledger = open_ledger(path, clock)
    message_id = f"{record(ledger, clock, ALL, ['a-pd'])}.a-pd"
    said = Acknowledgement(subscriber_id="a-pd", message_id=message_id, ack_token=token_of(message_id))
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    record(ledger, clock, ALL, ["b-pd"])
    unsent = ledger.due(clock.at, limit=1)[0]
    refusal = decide(unsent.envelope.tags.read_id, ["b-pd"], [])[0]
    one, more = parts("r" * 22), [parts(letter * 22) for letter in "rst"]
    tighter = {"digest": digest_of(TIGHTER), "version": 1, "revision": 1, "signed": False}
    return ledger, {
        "accept_bundle": lambda: ledger.accept_bundle(TIGHTER, **tighter, drops={"b-pd": ["opted_out"]}),
        "record": lambda: ledger.record(one.tagged, one.decisions, one.envelopes),
        "record_many": lambda: ledger.record_many(more),
        "mark_sent": lambda: ledger.mark_sent([unsent]),
        "refuse": lambda: ledger.refuse(unsent, refusal),
        "acknowledge": lambda: ledger.acknowledge("a-pd", message_id, token_of(message_id)),
        "acknowledge_many": lambda: ledger.acknowledge_many([said]),
        "expire": lambda: ledger.expire(clock.move(7200)),
        "discard": lambda: ledger.discard(clock.at, older_than=clock.at - clock.at, beyond=0),
        "drop_rows": lambda: ledger.drop_rows("b-pd", ["opted_out"]),
        "checkpoint": ledger.checkpoint,
        "note": lambda: ledger.note(Stop(why="asked")),
        "idle": ledger.idle,
        "close": ledger.close,
    }


def places(disk: Disk, *, all_of_them: bool) -> Iterator[int]:
    """The first call, the second, ... at which the disk is to fail; ends when one was not reached any more."""
    for spared in count() if all_of_them else (0, 1, 5, 15):
        disk.failed = 0
        yield spared
        if not disk.failed:
            return


def fails(act: Callable[[], object]) -> bool:
    try:
        act()
    except LedgerError:
        return True
    return False


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("what", "code", "happens"),
    [
        ("sync", SYNC_FAILED, False),
        ("sync", SYNC_FAILED, True),
        ("write", WRITE_FAILED, False),
        ("write", WRITE_FAILED, True),
        ("write", FULL, False),
        ("truncate", WRITE_FAILED, False),
    ],
)
def test_a_method_that_failed_may_be_tried_again_and_the_log_stands(
    tmp_path: Path, disk: Disk, full: bool, method: str, what: str, code: int, happens: bool
) -> None:
    for spared in places(disk, all_of_them=full):
        path, clock = tmp_path / f"{spared}" / "ledger.sqlite", HandClock()
        path.parent.mkdir()
        ledger, acts = lived(path, clock)
        disk.fault = Fault(what, code, happens, spared)
        failed = fails(acts[method])
        disk.fault = None
        at_once = disk.after_a_power_cut(path, tmp_path / f"{spared}-at-once")
        if failed and method != "close":
            acts[method]()
        with suppress(LedgerError):  # it may be closed already
            ledger.close()
        later = disk.after_a_power_cut(path, tmp_path / f"{spared}-later")
        whole = verify(path, KEY.public_key())
        assert whole.faults == ()
        assert verify(at_once, KEY.public_key()).faults == ()
        found = verify(later, KEY.public_key())
        assert (found.root, found.faults) == (whole.root, ())
        if not failed:
            at_close = 2 if method.startswith("acknowledge") else 0  # the name, and the acknowledgement
            assert verify(at_once, KEY.public_key()).entries >= whole.entries - at_close


class Model:
    """A random life on a random disk, and what the ledger has said is so."""

    def __init__(self, folder: Path, disk: Disk, seed: int) -> None:
        self.folder, self.disk, self.chance = folder, disk, Random(seed)
        self.clock = HandClock(chance=Random(seed))
        self.path, self.cuts = folder / "0" / "ledger.sqlite", 0
        self.path.parent.mkdir()
        self.ledger = open_ledger(self.path, self.clock)
        self.recorded: set[str] = set()
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()

    def live(self, steps: int) -> None:
        for _ in range(steps):
            self.clock.move(1)
            if self.chance.random() < 0.3:
                self.disk.fault = Fault(
                    self.chance.choice(("sync", "write", "truncate")),
                    self.chance.choice((SYNC_FAILED, WRITE_FAILED, FULL, READ_ONLY)),
                    self.chance.random() < 0.5,
                    self.chance.randint(0, 12),
                )
            with suppress(LedgerError):
                getattr(self, self.chance.choice(("record", "record", "send", "acknowledge", "idle", "note")))()
            if self.chance.random() < 0.1:
                self.disk.fault = None
                self.cut()

    def record(self) -> None:
        read_id = self.clock.new_id()
        self.ledger.record_many([parts(read_id)])
        self.recorded.add(read_id)

    def send(self) -> None:
        for row in self.ledger.mark_sent(self.ledger.due(self.clock.at, limit=3)):
            self.sent.add(row.envelope.message_id)

    def acknowledge(self) -> None:
        waiting = sorted(self.sent - self.acknowledged)[:2]
        said = [Acknowledgement(subscriber_id="a-pd", message_id=each, ack_token=token_of(each)) for each in waiting]
        for each, settled in zip(waiting, self.ledger.acknowledge_many(said), strict=True):
            assert settled
            self.acknowledged.add(each)

    def idle(self) -> None:
        self.ledger.idle()

    def note(self) -> None:
        self.ledger.checkpoint()

    def cut(self) -> None:
        """The power goes, and comes back."""
        self.cuts += 1
        old = self.path
        self.path = self.disk.after_a_power_cut(old, self.folder / f"{self.cuts}")
        with suppress(LedgerError):
            self.ledger.close()
        self.check()
        self.ledger = open_ledger(self.path, self.clock)

    def check(self) -> None:
        """Nothing is lost that was said to be done, and nothing that was sent is unknown."""
        assert verify(self.path, KEY.public_key()).faults == ()
        ledger = open_ledger(self.path, self.clock)
        assert self.recorded <= {read_id for read_id, _ in outcomes(ledger)}
        tally = counted(self.path)["a-pd"]
        assert tally["sent"] + tally["acknowledged"] >= len(self.sent)
        assert tally["acknowledged"] >= len(self.acknowledged)
        assert tally["never_sent"] + tally["sent"] == ledger.waiting()
        ledger.close()


@pytest.mark.parametrize("seed", range(4))
def test_over_a_random_life_on_a_failing_disk_nothing_is_lost_and_nothing_is_sent_unrecorded(
    tmp_path: Path, disk: Disk, seed: int, full: bool
) -> None:
    model = Model(tmp_path, disk, seed)
    model.live(1000 if full else 120)
    disk.fault = None
    model.cut()
    model.ledger.close()
    assert model.cuts > 3
    assert model.acknowledged
