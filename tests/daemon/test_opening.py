"""In which order a house is opened: whoever asks the daemon finds it with all that is looked for, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import config
from edge.clock import ClockTrust
from edge.control.control import Control
from edge.daemon.daemon import Daemon
from edge.ledger.entries import Gap, Pinned
from tests.broker import free_port
from tests.daemon.pole import Pole


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Its threads do not run."""
    pole = Pole(tmp_path / "pole", free_port())
    made = Daemon(config=config.load(pole.written()), trust=ClockTrust(vouches=lambda: None, injected=True))
    yield made
    if made._house is not None:
        made._house.close([])


def test_what_is_in_force_is_not_shown_before_the_hot_lists_were_looked_at(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, tick = [], Control.tick

    def looked(control: Control) -> float:
        shown.append(daemon.in_force() is not None)
        return tick(control)

    monkeypatch.setattr(Control, "tick", looked)
    daemon._open(first=True)
    assert shown[0] is False
    assert daemon.in_force() is not None


def test_the_gap_of_a_crash_begins_with_the_last_word_of_the_run_before(daemon: Daemon) -> None:
    daemon._open(first=True)
    assert daemon._house is not None
    daemon._house.close([])  # without a word, as after a crash
    daemon._open(first=True)
    log = list(daemon._house.ledger.entries(0, daemon._house.ledger.size))
    (gap,) = [one.entry for one in log if isinstance(one.entry, Gap)]
    begun = max(place for place, one in enumerate(log) if isinstance(one.entry, Pinned))
    assert gap.began == log[begun - 1].at < gap.ended
