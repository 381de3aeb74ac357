"""However a right goes, nothing is delivered from the moment at which that is said to be in force, and nothing old when
the right is back; whatever is allowed arrives, in its order.

All events in a row, with the same agencies: live, slow with a backlog, away, asking for everything, sharing, coming
back at once, under another's name, of MQTT 3.1.1. Two hundred messages a second flow all the while.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.access.agency import REFUSED
from tests.leak.events import EVENTS, let_in, shut_out
from tests.leak.oracle import Oracle
from tests.leak.scene import OWNER, Nursery, Scene, acted

pytestmark = pytest.mark.needs("mosquitto")

IN_A_ROW = ("file", "stale bundle")
"""Every day; all the others under --full. An agreement that ends has a scene of its own: the clock is wrong then."""
THE_OTHERS = tuple(name for name in EVENTS if name not in (*IN_A_ROW, "agreement"))


@dataclass(kw_only=True)
class Told:
    """What was seen while it happened."""

    oracle: Oracle
    findings: list[str]
    welcomed: dict[str, list[int]] = field(default_factory=dict)
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    scene: Scene | None = None


def lived(scene: Scene, *events: str) -> Told:
    """One event after the other, each with a return of the right."""
    welcomed: dict[str, list[int]] = {}
    for name in events:
        event = EVENTS[name]
        event.prepare(scene)
        if scene.device is None:
            scene.begin()
        shut_out(scene, event)
        losers, codes = event.losers(scene), scene.press()
        welcomed[name] = [code for one, code in codes.items() if one in losers]
        scene.have_more(2, OWNER)
        let_in(scene, event)
        scene.gather(*scene.agencies)
        scene.have_more(2, *scene.agencies)
        scene.rest()
    scene.gather(*[name for name, one in scene.agencies.items() if one.manner.leaves])
    scene.drain()
    oracle = scene.oracle()
    asked = {name: one.codes for name, one in scene.agencies.items()}
    return Told(oracle=oracle, findings=oracle.findings(), welcomed=welcomed, codes=asked, scene=scene)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Told]:
    """All events in a row."""
    with acted(tmp_path_factory.mktemp("events"), nursery) as scene:
        yield lived(scene, *IN_A_ROW)


def test_nothing_crosses_to_the_wrong_side(told: Told) -> None:
    assert told.findings == []
    assert len(told.oracle.windows) >= len(IN_A_ROW)


@pytest.mark.full
@pytest.mark.parametrize("events", [THE_OTHERS, ("agreement",)], ids=["the others", "an agreement ends"])
def test_nothing_crosses_with_any_other_event(tmp_path: Path, nursery: Nursery, events: tuple[str, ...]) -> None:
    with acted(tmp_path / "scene", nursery) as scene:
        assert lived(scene, *events).findings == []


def test_everybody_got_something_before_and_after(told: Told) -> None:
    first, last = told.oracle.windows[0].shut, told.oracle.windows[-1].opened
    for name, receipts in told.oracle.receipts.items():
        assert any(one.at < first.at for one in receipts), name
        assert last is not None
        assert any(one.at > last.at for one in receipts), name


def test_whoever_is_shut_out_is_refused_its_own_topic(told: Told) -> None:
    assert any(told.welcomed.values())
    for event, codes in told.welcomed.items():
        assert set(codes) <= {REFUSED, 128}, event


def test_no_wildcard_and_no_shared_subscription_is_ever_granted(told: Told) -> None:
    asked = {topic: code for codes in told.codes.values() for topic, code in codes.items()}
    assert len(asked) >= 9
    assert set(asked.values()) == {REFUSED}


def test_the_owner_loses_nothing_by_any_of_it(told: Told) -> None:
    assert OWNER not in {one.partition(".")[2] for one in told.oracle.account.ended}
