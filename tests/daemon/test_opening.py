"""In which order a house is opened: whoever asks the daemon finds it with all that is looked for, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import config
from edge.clock import ClockTrust
from edge.control.control import Control
from edge.daemon.daemon import Daemon
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
