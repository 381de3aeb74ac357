"""Control in its threads, with the real city's files, ledger, relay, socket and Mosquitto."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from edge import desk
from edge.control.client import ask_status, ask_take_up
from edge.delivery.broker import Broker
from edge.errors import BrokerError, PolicyError
from edge.ledger.entries import Revoked
from tests.broker import wait_until
from tests.control.town import NEIGHBOUR, Town, town
from tests.policy.city import OWNER

pytestmark = pytest.mark.needs("mosquitto")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, far=2) as made:
        yield made


def reads(line: Broker, *, within: float) -> int:
    """How many messages come until none has come for so long."""
    count = 0
    while line.take(within) is not None:
        count += 1
    return count


def came(line: Broker, number: int) -> list[str]:
    """The bundles under which the messages were decided that come, of which so many must."""
    arrivals = [line.take(20) for _ in range(number)]
    assert None not in arrivals
    arrivals += iter(lambda: line.take(0.5), None)
    return [json.loads(one.payload.partition(b"\n")[0])["bundle"] for one in arrivals]


def test_after_the_answer_nothing_comes_and_before_it_everything_did(place: Town) -> None:
    far, owner = place.subscriber(place.far[0]), place.subscriber(OWNER)
    for _ in range(5):
        place.passes()
    assert far.take(5) is not None
    desk.opt_out(place.policy, "national-lookup")
    status = ask_take_up(place.socket)
    assert status is not None
    assert "national-lookup" in status.bundle.opt_outs
    assert status.bundle.by_hand == ("national-lookup off",)
    reads(far, within=0.0)  # what had come before the answer
    for _ in range(5):
        place.passes()
    wait_until(lambda: owner.take(0.1) is not None, what="the owner gets its reads")
    assert reads(far, within=0.3) == 0
    assert {one.entry.subscriber for one in place.ledger.entries() if isinstance(one.entry, Revoked)} == set(place.far)


def test_a_file_that_is_edited_is_in_force_without_anybody_asking(place: Town) -> None:
    desk.opt_out(place.policy, "national-lookup")
    place.serves(OWNER, NEIGHBOUR)


def test_a_killed_broker_shuts_all_gates_and_its_return_opens_those_that_may(place: Town) -> None:
    place.site.kill()
    place.serves()
    desk.opt_out(place.policy, "national-lookup")
    with pytest.raises(BrokerError):
        ask_take_up(place.socket)
    assert {one.what for one in ask_status(place.socket).alarms} == {"broker-rights"}
    place.site.start()
    place.serves(OWNER, NEIGHBOUR)
    far = place.site.subscriber(place.far[0], subscribed=False)
    wait_until(far.ready, what="it may connect")
    with pytest.raises(BrokerError, match="refuses"):
        far.subscribe(place.site.topic(place.far[0]))


def test_a_frozen_broker_keeps_neither_the_socket_nor_the_file_watch(place: Town) -> None:
    place.site.freeze()
    try:
        desk.opt_out(place.policy, "national-lookup")
        place.serves()
        began = monotonic()
        assert ask_status(place.socket, patience=2.0)
        assert monotonic() - began < 1.0
        (place.policy / "policy.toml").write_text("this is not TOML [")
        wait_until(lambda: place.control.in_force().held, what="the hold begins", within=2.0)
        with pytest.raises(PolicyError):
            ask_take_up(place.socket, patience=2.0)
    finally:
        place.site.thaw()
    place.serves(OWNER)


def test_a_toggle_on_a_frozen_broker_is_answered_in_its_time_and_not_called_in_force(place: Town) -> None:
    place.site.freeze()
    try:
        desk.opt_out(place.policy, "national-lookup")
        with pytest.raises(BrokerError):
            ask_take_up(place.socket, patience=20.0)
    finally:
        place.site.thaw()
    place.serves(OWNER, NEIGHBOUR)
    assert ask_take_up(place.socket)


def test_a_device_that_starts_again_serves_under_what_its_ledger_holds(place: Town) -> None:
    desk.opt_out(place.policy, "national-lookup")
    ask_take_up(place.socket)
    place.stop()
    for name in ("policy.toml", "subscribers.toml"):
        (place.policy / name).unlink()
    place.start()
    place.serves(OWNER)
    assert place.control.in_force().policy.sharing.national_lookup is False


def test_what_a_part_of_a_right_gave_does_not_come_when_that_part_is_given_back(place: Town) -> None:
    first, other = place.far
    before = place.control.in_force().digest
    place.site.kill()
    place.passes()
    place.feeds(other)
    place.feeds(first, other)
    place.passes()
    place.site.start()
    place.serves(OWNER, NEIGHBOUR, first, other)
    assert came(place.subscriber(first), 1) == [place.control.in_force().digest]
    assert came(place.subscriber(other), 2) == [before, place.control.in_force().digest]
