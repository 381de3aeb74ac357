"""Reads are recorded in a thread of their own, together, and again until the ledger takes them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from edge.clock import monotonic
from edge.daemon.loops import Loop, say_plainly
from edge.daemon.recording import TOGETHER, Recording
from edge.errors import LedgerError
from tests.broker import wait_until


@dataclass
class Reads:
    """A pipeline whose reads wait until the disk takes them."""

    bell: threading.Event
    waiting: int = 0
    commits: list[tuple[float, int]] = field(default_factory=list)
    full: bool = False

    @property
    def unrecorded(self) -> int:
        return self.waiting

    def come(self, count: int) -> None:
        self.waiting += count
        self.bell.set()

    def record(self) -> None:
        if self.full:
            raise LedgerError("the disk is full")
        if self.waiting:
            self.commits.append((monotonic(), self.waiting))
            self.waiting = 0


@contextmanager
def recorded() -> Iterator[Reads]:
    bell = threading.Event()
    reads = Reads(bell)
    loop = Loop("recording", Recording(pipelines=[reads], bell=bell).turn, broken=lambda: None)  # type: ignore[list-item]
    loop.start()
    yield reads
    loop.stop()
    assert loop.join(5)


def test_a_read_is_recorded_without_another_frame() -> None:
    with recorded() as reads:
        reads.come(1)
        wait_until(lambda: reads.commits, what="recorded")
    assert [count for _, count in reads.commits] == [1]


def test_reads_that_come_quickly_share_their_commits() -> None:
    pause = threading.Event()
    with recorded() as reads:
        for _ in range(100):
            reads.come(1)
            pause.wait(0.002)
        wait_until(lambda: not reads.waiting, what="recorded")
    times = [at for at, _ in reads.commits]
    assert sum(count for _, count in reads.commits) == 100
    assert len(times) < 100
    assert all(later - sooner >= TOGETHER * 0.9 for sooner, later in pairwise(times))


def test_what_the_disk_did_not_take_is_tried_again() -> None:
    with recorded() as reads:
        reads.full = True
        reads.come(3)
        wait_until(lambda: not reads.bell.is_set(), what="tried")
        assert reads.waiting == 3
        reads.full = False
        wait_until(lambda: not reads.waiting, what="recorded")
    assert [count for _, count in reads.commits] == [3]


def test_a_thread_that_ends_of_what_nobody_foresaw_is_told_without_the_errors_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # put back afterwards
    say_plainly()
    thread = threading.Thread(target=lambda: {}["AB12345"], name="hot lists")
    thread.start()
    thread.join()
    assert "hot lists: KeyError in " in caplog.text
    assert "AB12345" not in caplog.text + capsys.readouterr().err
