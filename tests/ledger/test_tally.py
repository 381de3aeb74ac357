"""Over any history, each read of each subscriber is counted in exactly one place, and the log alone says which."""

import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.ledger import Ledger
from edge.ledger.verify import verify
from edge.values import Waiting
from tests.ledger.builders import KEY, HandClock, decide, open_ledger, record, token_of

ALL = ("a-pd", "b-pd", "c-so")


class History:
    """A random life of a ledger, and beside it the plain state of every read for every subscriber."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path, self.chance, self.clock = path, Random(seed), HandClock(chance=Random(seed))
        self.ledger: Ledger = open_ledger(path, self.clock)
        self.state: dict[tuple[str, str], str] = {}
        self.expiry: dict[tuple[str, str], float] = {}
        self.rows: list[Waiting] = []

    def record(self) -> None:
        shared = [name for name in ALL if self.chance.random() < 0.6]
        seconds = self.chance.choice((5, 60, 3600))
        read_id = record(self.ledger, self.clock, ALL, shared, seconds=seconds)
        for name in ALL:
            self.state[read_id, name] = "never_sent" if name in shared else "withheld"

    def send(self) -> None:
        self.rows = self.ledger.mark_sent(self.ledger.due(self.clock.at, limit=self.chance.randint(1, 6)))
        for row in self.rows:
            self.state[self.key(row)] = "sent"

    def acknowledge(self) -> None:
        for row in self.rows:
            message_id = row.envelope.message_id
            right = self.chance.random() < 0.7
            token = token_of(message_id) if right else "wrong"
            if self.ledger.acknowledge(row.envelope.subscriber_id, message_id, token):
                assert right
                self.state[self.key(row)] = "acknowledged"

    def refuse(self) -> None:
        for row in self.ledger.due(self.clock.at, limit=2):
            read_id, name = self.key(row)
            self.ledger.refuse(row, decide(read_id, [name], [])[0])
            if self.state[read_id, name] == "never_sent":
                self.state[read_id, name] = "refused"

    def drop(self) -> None:
        self.ledger.drop_rows(self.chance.choice(ALL), ["opted_out"])

    def expire(self) -> None:
        self.ledger.expire(self.clock.move(self.chance.choice((1, 6, 70))))

    def checkpoint(self) -> None:
        self.ledger.checkpoint()

    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = open_ledger(self.path, self.clock)

    @staticmethod
    def key(row: Waiting) -> tuple[str, str]:
        read_id, _, name = row.envelope.message_id.partition(".")
        return read_id, name


steps = st.lists(
    st.sampled_from(
        [
            "record",
            "record",
            "send",
            "send",
            "acknowledge",
            "acknowledge",
            "refuse",
            "drop",
            "expire",
            "checkpoint",
            "reopen",
        ]
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), steps)
def test_every_read_of_every_subscriber_is_counted_once_and_where_it_belongs(seed: int, taken: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "ledger.sqlite", seed)
        for step in taken:
            getattr(history, step)()
        counted = history.ledger.tally()
        history.ledger.close()
        expected = Counter((name, state) for (_, name), state in history.state.items())
        for name, tally in counted.items():
            groups = {
                "withheld": tally.withheld,
                "refused": tally.refused,
                "never_sent": tally.never_sent,
                "sent": tally.sent,
                "acknowledged": tally.acknowledged,
            }
            assert sum(groups.values()) == tally.reads
            assert groups == {state: expected[name, state] for state in groups}
        assert sum(tally.reads for tally in counted.values()) == len(history.state)
        assert verify(history.path, KEY.public_key()).faults == ()


def test_deleted_envelopes_stay_counted_as_sent_or_never_sent(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    record(ledger, clock, ALL, ["a-pd"], seconds=10)
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    record(ledger, clock, ALL, ["a-pd"], seconds=10)
    record(ledger, clock, ALL, ["a-pd"])
    ledger.expire(clock.move(10))
    ledger.drop_rows("a-pd", ["opted_out"])
    tally = ledger.tally()["a-pd"]
    ledger.close()
    assert (tally.sent, tally.never_sent, tally.expired, tally.dropped) == (1, 2, 2, 1)


def test_a_read_refused_after_it_was_sent_stays_counted_as_sent(tmp_path: Path) -> None:
    clock = HandClock()
    ledger = open_ledger(tmp_path / "ledger.sqlite", clock)
    read_id = record(ledger, clock, ALL, ["a-pd"])
    ledger.mark_sent(ledger.due(clock.at, limit=1))
    ledger.refuse(ledger.due(clock.move(10), limit=1)[0], decide(read_id, ["a-pd"], [])[0])
    tally = ledger.tally()["a-pd"]
    ledger.close()
    assert (tally.reads, tally.refused, tally.sent) == (1, 0, 1)
