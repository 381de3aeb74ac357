"""Who may say that collecting is allowed again, once the city has signed that it is not: nobody but the city, anew."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.daemon.collection import Collection
from edge.errors import ConfigError
from edge.ledger.entries import Alarm, AlarmEnded, Entry
from edge.policy.bundle import Bundle
from tests.ledger.builders import HandClock
from tests.policy.test_laws import under

Begun = Callable[..., Collection]


@pytest.fixture
def said() -> list[Entry]:
    """What the log is told."""
    return []


@pytest.fixture
def begin(tmp_path: Path, said: list[Entry]) -> Begun:
    """A run begins."""

    def begin(exception: str | None = None, *, floor: Path = tmp_path / "floor") -> Collection:
        return Collection(exception, floor=floor, clock=HandClock(), note=said.append)

    return begin


def allows(version: int) -> Bundle:
    return replace(under("us-il"), version=version)


def forbids(version: int) -> Bundle:
    return replace(under("us-nh"), version=version)


def test_the_files_of_before_a_law_that_forbids_to_collect_do_not_undo_it(begin: Begun, said: list[Entry]) -> None:
    collection = begin()
    assert collection.unfit(allows(1)) is None
    assert "collection_exception" in (collection.unfit(forbids(5)) or "")
    for version in (1, 4, 5):
        assert "`homerule sign --version 6`" in (collection.unfit(allows(version)) or "")
        assert not collection.allows()
    assert [type(one) for one in said] == [Alarm]
    assert collection.unfit(allows(6)) is None
    assert collection.allows()
    assert [type(one) for one in said] == [Alarm, AlarmEnded]


def test_nor_does_a_restart_undo_it_whatever_lies_there_then(begin: Begun) -> None:
    begin().unfit(forbids(5))
    assert "`homerule sign --version 6`" in (begin().refuses(allows(1)) or "")
    assert "`homerule sign --version 6`" in (begin().refuses(None) or "")
    assert begin().refuses(allows(6)) is None
    assert begin("an exception").refuses(None) is None


def test_an_exception_in_the_law_that_police_it_names_undoes_it(begin: Begun) -> None:
    begin().unfit(forbids(5))
    assert begin("RSA 236:130, III(b)").refuses(allows(1)) is None


def test_that_it_cannot_be_kept_over_a_restart_is_said_until_it_is(begin: Begun, tmp_path: Path) -> None:
    collection = begin(floor=tmp_path / "not-there" / "floor")
    assert "so that a restart may forget this" in (collection.unfit(forbids(5)) or "")
    (tmp_path / "not-there").mkdir()
    assert "forget" not in (collection.unfit(forbids(5)) or "")
    assert begin(floor=tmp_path / "not-there" / "floor").refuses(allows(1)) is not None


def test_a_damaged_word_of_it_stops_the_start(begin: Begun, tmp_path: Path) -> None:
    begin().unfit(forbids(5))
    (tmp_path / "floor.collection").write_text("five")
    with pytest.raises(ConfigError, match=r"floor\.collection: is damaged"):
        begin()
