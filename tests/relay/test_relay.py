"""What is allowed arrives whatever breaks, and what is no longer allowed does not leave; a real Mosquitto between."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge import desk, keys
from edge.delivery.topics import ack_topic
from edge.delivery.wire import canonical
from edge.ledger.entries import AcknowledgementRefused, Expired, Pattern, Refused
from edge.values import Effect, Waiting
from tests.broker import Mosquitto, mosquitto, wait_until
from tests.relay.house import COUNTY, DEVICE, INNOCENT, NOW, OWNER, STOLEN, TEXAS, Agency, House, agency, house

__all__ = ["agency", "house", "mosquitto"]


def entries(house: House, kind: type) -> list:
    return [logged.entry for logged in house.ledger.entries() if isinstance(logged.entry, kind)]


def test_a_hit_reaches_everybody_whom_the_policy_allows(house: House, agency: Callable[[str], Agency]) -> None:
    owner, county, texas = (agency(name) for name in (OWNER, COUNTY, TEXAS))
    outcome = house.passes(STOLEN)
    allowed = {each.subscriber_id for each in outcome.decisions if each.effect is Effect.SHARE}
    assert {OWNER, COUNTY, TEXAS} <= allowed
    done = lambda: owner.plates() and county.plates() and texas.plates()  # noqa: E731
    house.step_until(done, owner, county, texas, what="all three have it")
    assert owner.plates() == county.plates() == texas.plates() == [STOLEN]


def test_a_read_without_a_hit_reaches_the_owner_alone(house: House, agency: Callable[[str], Agency]) -> None:
    owner, county = agency(OWNER), agency(COUNTY)
    house.passes(INNOCENT)
    house.passes(STOLEN)
    house.step_until(lambda: county.plates() and len(owner.plates()) == 2, owner, county, what="both have theirs")
    assert (owner.plates(), county.plates()) == ([INNOCENT, STOLEN], [STOLEN])


def test_an_acknowledged_row_leaves_the_outbox(house: House, agency: Callable[[str], Agency]) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    assert house.ledger.waiting() == 1
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="the row is settled")
    assert owner.plates() == [INNOCENT]


def test_a_read_decided_before_the_opt_out_is_refused_at_the_door(
    house: House, agency: Callable[[str], Agency]
) -> None:
    owner, texas = agency(OWNER), agency(TEXAS)
    house.passes(STOLEN)
    assert desk.opt_out(house.policy, "national-lookup")
    house.take_up()
    house.step_until(owner.plates, owner, texas, what="the owner has it")
    house.clock.move(600)
    house.step_until(lambda: texas.receiver.step(patience=0.2) is None, owner, texas, what="nothing more comes")
    assert texas.plates() == []
    assert TEXAS not in {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=99)}
    assert len(entries(house, Refused)) == 1


def test_an_opt_out_while_the_broker_is_away_holds_when_it_is_back(
    mosquitto: Mosquitto, house: House, agency: Callable[[str], Agency]
) -> None:
    owner, texas = agency(OWNER), agency(TEXAS)
    mosquitto.kill()
    wait_until(lambda: not house.broker.connected, what="the loss is noticed")
    house.passes(STOLEN)
    assert house.relay.step() == 0
    desk.opt_out(house.policy, "national-lookup")
    house.take_up()
    mosquitto.start()
    house.step_until(lambda: owner.plates() and texas.broker.connected, owner, texas, what="the owner has it")
    assert texas.receiver.step(patience=0.3) is None
    assert texas.plates() == []


def test_before_more_is_given_what_could_not_go_then_is_deleted_and_what_came_later_stays(house: House) -> None:
    house.passes(STOLEN)
    then = house.clock.now()
    house.clock.move(1)
    later = house.passes(STOLEN).tagged.tags.read_id
    desk.opt_out(house.policy, "national-lookup")
    bundle = house.take_up()
    for name in (OWNER, COUNTY, TEXAS):
        house.relay.decide_again(name, bundle, house.lists, then, counted=then.at)
    assert len(entries(house, Refused)) == 1
    waiting = {name: [row.envelope.tags.read_id for row in rows(house, name)] for name in (OWNER, TEXAS)}
    assert (len(waiting[OWNER]), waiting[TEXAS]) == (2, [later])


def test_what_was_decided_under_this_very_bundle_long_enough_ago_is_not_decided_again(house: House) -> None:
    counted, sure = house.clock.at, []
    for _ in range(3):
        house.clock.move(4)
        sure.append(house.passes(STOLEN).tagged.tags.read_id)
    digest = house.bundle.digest
    found = {
        seconds: len(list(house.ledger.unsure(TEXAS, digest, counted + timedelta(seconds=seconds))))
        for seconds in (3, 4, 12)
    }
    assert found == {3: 0, 4: 1, 12: 3}
    assert len(list(house.ledger.unsure(TEXAS, "another", counted))) == 3


def rows(house: House, name: str) -> list:
    """What waits for an agency."""
    return list(house.ledger.unsure(name, "", house.clock.at))


def test_a_row_that_was_sent_is_refused_at_its_next_sending(house: House) -> None:
    house.passes(STOLEN)
    house.relay.step()
    desk.opt_out(house.policy, "national-lookup")
    house.take_up()
    house.clock.move(6)
    house.relay.step()
    (refused,) = entries(house, Refused)
    assert refused.sent == 1


@pytest.mark.parametrize("change", [{"suspended": True}, {"feed": "none"}, {"channels": []}])
def test_an_agency_that_lost_its_right_gets_nothing(
    house: House, agency: Callable[[str], Agency], change: dict
) -> None:
    owner, county = agency(OWNER), agency(COUNTY)
    house.passes(STOLEN)
    house.agency(COUNTY, **change)
    house.take_up(signed=True)
    house.step_until(owner.plates, owner, county, what="the owner has it")
    assert county.receiver.step(patience=0.3) is None
    assert county.plates() == []


def test_an_agency_that_left_the_registry_gets_nothing(house: House, agency: Callable[[str], Agency]) -> None:
    owner, texas = agency(OWNER), agency(TEXAS)
    house.passes(STOLEN)
    kept = lambda table: [one for one in table["subscriber"] if one["id"] != TEXAS]  # noqa: E731
    house.edit("subscribers.toml", lambda table: table.update(subscriber=kept(table)))
    house.take_up(signed=True)
    house.step_until(owner.plates, owner, texas, what="the owner has it")
    assert texas.receiver.step(patience=0.3) is None
    assert texas.plates() == []


def test_what_was_sealed_to_a_replaced_key_stays(house: House, agency: Callable[[str], Agency]) -> None:
    owner, county = agency(OWNER), agency(COUNTY)
    house.passes(STOLEN)
    house.agency(COUNTY, sealing_key=keys.public_text(X25519PrivateKey.generate()))
    house.take_up(signed=True)
    house.step_until(owner.plates, owner, county, what="the owner has it")
    assert county.receiver.step(patience=0.3) is None
    assert (county.plates(), county.receiver.refused) == ([], 0)


def test_a_read_sealed_without_an_obligation_that_now_holds_stays(
    house: House, agency: Callable[[str], Agency]
) -> None:
    loose = lambda table: table["purposes"]["banned"].remove("protected_activity")  # noqa: E731
    house.edit("policy.toml", loose)
    house.take_up(signed=True)
    before = house.passes(STOLEN)
    house.edit("policy.toml", lambda table: table["purposes"]["banned"].append("protected_activity"))
    house.take_up()
    after = house.passes(STOLEN)
    asked = [
        {each.subscriber_id: each.obligations for each in outcome.decisions}[COUNTY] for outcome in (before, after)
    ]
    assert "no_protected_activity_use" in set(asked[1]) - set(asked[0])
    county = agency(COUNTY)
    house.step_until(county.plates, county, what="the second read arrives")
    assert [line["id"] for line in county.lines()] == [f"{after.tagged.read.read_id}.{COUNTY}"]


def test_a_row_whose_time_is_over_is_expired_and_never_sent(house: House, agency: Callable[[str], Agency]) -> None:
    house.passes(INNOCENT)
    house.clock.move(timedelta(days=2).total_seconds())
    owner = agency(OWNER)
    assert house.relay.step() == 0
    assert owner.receiver.step(patience=0.3) is None
    assert house.ledger.waiting() == 0
    assert len(entries(house, Expired)) == 1


def test_the_brokers_word_alone_keeps_the_row(house: House, agency: Callable[[str], Agency]) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    assert house.relay.step() == 1
    arrived = owner.broker.take(5)
    assert arrived is not None
    house.relay.step(patience=0.3)
    assert house.ledger.waiting() == 1


def test_without_an_acknowledgement_a_read_is_sent_again_and_stored_once(
    house: House, agency: Callable[[str], Agency]
) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    sent = [house.relay.step()]
    house.clock.move(6)
    sent.append(house.relay.step())
    assert sent == [1, 1]
    assert owner.receiver.step(patience=5) is not None
    assert owner.receiver.step(patience=5) is None
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="the row is settled")
    assert owner.plates() == [INNOCENT]


def test_a_read_survives_the_broker_and_is_stored_once(
    mosquitto: Mosquitto, house: House, agency: Callable[[str], Agency]
) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    assert house.relay.step() == 1
    mosquitto.kill()  # the copy in flight may have arrived or not
    mosquitto.start()
    house.clock.move(6)
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="the row is settled")
    assert owner.plates() == [INNOCENT]


def test_a_read_survives_the_end_of_the_program(house: House, agency: Callable[[str], Agency]) -> None:
    house.passes(INNOCENT)
    house.relay.step()
    house.close()
    house.open()
    owner = agency(OWNER)
    house.clock.move(6)
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="the row is settled")
    assert owner.plates() == [INNOCENT]


def test_reads_of_one_agency_keep_their_order(house: House, agency: Callable[[str], Agency]) -> None:
    owner = agency(OWNER)
    for number in range(40):
        house.clock.move(0.01)
        house.passes(f"QXK{number:04}")
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="all are settled")
    assert owner.plates() == [f"QXK{number:04}" for number in range(40)]


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        (ack_topic(DEVICE, OWNER, test=False), {"acktoken": "x" * 22}),
        (ack_topic(DEVICE, COUNTY, test=False), {}),
        (ack_topic("oak-street-2", OWNER, test=False), {}),
        (ack_topic(DEVICE, OWNER, test=True), {}),
        (ack_topic(DEVICE, OWNER, test=False), {"extra": 1}),
        (ack_topic(DEVICE, OWNER, test=False), {"message_id": "no id"}),
    ],
)
def test_an_acknowledgement_that_is_wrong_in_one_thing_settles_nothing(
    house: House, agency: Callable[[str], Agency], topic: str, said: dict
) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    house.relay.step()
    opened = owner.receiver._open(owner.broker.take(5))
    right = {"message_id": opened.message_id, "acktoken": opened.body.acktoken}
    owner.broker.send(topic, canonical(right | said), seconds=30)
    house.relay.step(patience=0.3)
    assert house.ledger.waiting() == 1
    owner.broker.send(ack_topic(DEVICE, OWNER, test=False), canonical(right), seconds=30)
    house.relay.step(patience=5)
    assert house.ledger.waiting() == 0


def test_a_wrong_token_stands_in_the_audit_log(house: House, agency: Callable[[str], Agency]) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    house.relay.step()
    opened = owner.receiver._open(owner.broker.take(5))
    wrong = {"message_id": opened.message_id, "acktoken": "x" * 22}
    owner.broker.send(ack_topic(DEVICE, OWNER, test=False), canonical(wrong), seconds=30)
    house.relay.step(patience=5)
    assert len(entries(house, AcknowledgementRefused)) == 1


def test_noise_on_the_acknowledgement_topic_is_survived_and_said_once(
    house: House, agency: Callable[[str], Agency], caplog: pytest.LogCaptureFixture
) -> None:
    owner = agency(OWNER)
    with caplog.at_level(logging.INFO):
        for noise in (b"", b"\xff\xfe", b"[" * 5000, b'{"message_id":"QXK9217"}'):
            owner.broker.send(ack_topic(DEVICE, OWNER, test=False), noise, seconds=30)
            house.relay.step(patience=5)
    assert 1 <= len(caplog.messages) <= 2
    assert INNOCENT not in caplog.text


@pytest.fixture
def in_flight(mosquitto: Mosquitto, house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Thread]:
    """A read was handed to a broker that stands still."""
    monkeypatch.setattr("edge.relay.relay.ANSWER_WITHIN", 20.0)  # so that a busy computer does not end the wait
    house.passes(INNOCENT)
    mosquitto.freeze()
    sending = threading.Thread(target=house.relay.step)
    sending.start()
    # a moment before it is handed over a gate shuts at once, and rightly
    wait_until(lambda: OWNER in house.relay._gates._flying, what="the read is in flight")
    assert house.tally()[OWNER]["sent"] == 1
    yield sending
    mosquitto.thaw()
    sending.join()


def test_sent_is_on_disk_before_the_broker_has_the_read_and_shutting_the_gate_waits_for_it(
    mosquitto: Mosquitto, house: House, in_flight: threading.Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.relay.relay._SHUT_WITHIN", 20.0)
    done = threading.Event()
    shutting = threading.Thread(target=lambda: (house.relay.shut(OWNER), done.set()))
    shutting.start()
    assert not done.wait(0.2)
    mosquitto.thaw()
    assert done.wait(5)
    shutting.join()


def test_shutting_a_gate_waits_for_no_other_subscriber(house: House, in_flight: threading.Thread) -> None:
    house.relay.shut(COUNTY)
    assert in_flight.is_alive()
    assert house.broker.connected


def test_a_gate_that_cannot_be_shut_in_time_costs_the_connection(
    mosquitto: Mosquitto, house: House, in_flight: threading.Thread, agency: Callable[[str], Agency]
) -> None:
    house.relay.shut(OWNER)
    assert not house.broker.connected
    in_flight.join(5)
    mosquitto.thaw()
    house.clock.move(60)
    assert house.relay.step() == 0
    assert house.ledger.waiting() == 1


def test_a_shut_gate_lets_nothing_through_and_keeps_the_rows(house: House, agency: Callable[[str], Agency]) -> None:
    owner, county = agency(OWNER), agency(COUNTY)
    house.relay.shut(OWNER)
    house.passes(STOLEN)
    house.step_until(county.plates, county, what="the county has it")
    assert owner.receiver.step(patience=0.3) is None
    assert OWNER in {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=9)}
    house.relay.open(OWNER)
    house.step_until(owner.plates, owner, what="the owner has it")


def test_many_rows_behind_a_shut_gate_keep_nobody_waiting(house: House, agency: Callable[[str], Agency]) -> None:
    house.relay.shut(OWNER)
    for _ in range(99):
        house.passes(INNOCENT)
    house.passes(STOLEN)
    county = agency(COUNTY)
    house.step_until(county.plates, county, what="the county has it")


def test_gates_that_are_shut_at_first_are_shut_for_everybody(house: House) -> None:
    relay = house.relaying(shut=True)
    house.passes(STOLEN)
    relay.step()
    assert house.tally()[OWNER]["sent"] == 0
    relay.open(OWNER)
    relay.step()
    tally = house.tally()
    assert (relay.is_open(OWNER), relay.is_open(COUNTY)) == (True, False)
    assert (tally[OWNER]["sent"], tally[COUNTY]["sent"]) == (1, 0)


def test_without_a_bundle_nothing_is_sent(house: House) -> None:
    house.passes(STOLEN)
    bundle, house.bundle = house.bundle, None
    house.relay.step()
    assert house.tally()[OWNER]["sent"] == 0
    house.bundle = bundle
    house.relay.step()
    assert house.tally()[OWNER]["sent"] == 1


@pytest.mark.parametrize("between", ["shut", "shut and opened", "another bundle"])
def test_what_was_decided_before_a_gate_was_shut_does_not_leave_after_it(
    house: House, monkeypatch: pytest.MonkeyPatch, agency: Callable[[str], Agency], between: str
) -> None:
    owner = agency(OWNER)
    house.passes(INNOCENT)
    mark_sent = house.ledger.mark_sent

    def marked_and_then(rows, **refused):
        marked = mark_sent(rows, **refused)
        if between.startswith("shut"):
            house.relay.shut(OWNER)
        if between.endswith("opened"):
            house.relay.open(OWNER)
        if between == "another bundle":
            house.bundle = replace(house.bundle, revision=9)
        return marked

    monkeypatch.setattr(house.ledger, "mark_sent", marked_and_then)
    assert house.relay.step() == 0
    assert owner.receiver.step(patience=0.3) is None
    assert house.ledger.waiting() == 1


def test_a_broker_that_denies_is_said_once(
    tmp_path: Path, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    rights = tmp_path / "acl"
    rights.write_text("topic read #\n")
    broker = Mosquitto(tmp_path, f"listener {{port}} 127.0.0.1\nallow_anonymous true\nacl_file {rights}\n")
    broker.start()
    house = House(tmp_path / "house", broker.port)
    try:
        house.passes(INNOCENT)
        with caplog.at_level(logging.INFO):
            for _ in range(3):
                assert house.relay.step() == 0
                house.clock.move(400)
        assert [text for text in caplog.messages if "deny" in text] == [
            f"subscriber {OWNER}: the broker's rights deny it, see the device's right to publish"
        ]
        assert house.ledger.waiting() == 1
    finally:
        house.close()
        broker.kill()


def test_no_plate_stands_in_what_the_device_and_the_broker_leave_behind(
    mosquitto: Mosquitto, house: House, agency: Callable[[str], Agency], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        owner = agency(OWNER)
        for text in (INNOCENT, STOLEN):
            house.passes(text)
        house.step_until(lambda: len(owner.plates()) == 2, owner, what="the owner has both")
    left = [path for path in house.folder.iterdir() if path.name.startswith("ledger")]
    assert left
    remains = b"".join(path.read_bytes() for path in left) + mosquitto.log.encode() + caplog.text.encode()
    for plate in (INNOCENT, STOLEN):
        assert plate.encode() not in remains


def test_a_row_that_tells_of_a_hit_which_its_agency_may_no_longer_know_is_refused(house: House) -> None:
    def listed_twice(table) -> None:
        again = dict(table["entry"][0])
        again.update(id="plate-too", pattern=STOLEN, purpose="stolen_plate")
        table["entry"].append(again)

    house.edit("hotlists/county-stolen.toml", listed_twice)
    house.take_up(signed=True)
    house.close()
    house.open()
    outcome = house.passes(STOLEN)
    assert {hit.purpose for hit in outcome.tagged.tags.hits} == {"stolen_vehicle", "stolen_plate"}
    house.agency(COUNTY, purposes=["stolen_vehicle"])
    house.take_up(signed=True)
    house.clock.move(1)
    wait_until(house.broker.ready, what="the device is connected")
    house.relay.step()
    (refused,) = entries(house, Refused)
    assert refused.sent == 0
    assert COUNTY not in {row.envelope.subscriber_id for row in house.ledger.due(NOW + timedelta(minutes=1), limit=99)}


def told(house: House, text: str) -> set[str]:
    """A vehicle goes by; those who are to be told that it is a hit."""
    house.passes(text)
    return {row.envelope.subscriber_id for row in waiting(house) if row.envelope.tags.hits}


def waiting(house: House) -> list[Waiting]:
    return house.ledger.due(house.clock.at, limit=99)


def fallen(house: House) -> set[str]:
    """Those whose rows a turn of the relay refuses before they were ever sent."""
    house.clock.move(1)
    before = {row.envelope.subscriber_id for row in waiting(house)}
    wait_until(house.broker.ready, what="the device is connected")
    house.relay.step()
    house.clock.move(60)
    gone = before - {row.envelope.subscriber_id for row in waiting(house)}
    assert len([one for one in entries(house, Refused) if not one.sent]) == len(gone)
    return gone


def test_a_hit_on_a_list_that_the_city_has_struck_stays(house: House) -> None:
    knowing = told(house, STOLEN)
    assert knowing >= {OWNER, COUNTY}
    house.edit("policy.toml", lambda table: table.pop("hotlist"))
    house.take_up(signed=True)
    assert fallen(house) == knowing


def test_a_hit_on_an_entry_that_its_source_has_struck_stays(house: House) -> None:
    knowing = told(house, STOLEN)
    other = {"id": "another", "pattern": "ZZ99999"}
    house.edit("hotlists/county-stolen.toml", lambda table: table["entry"][0].update(other))
    house.take_up(signed=True)
    assert fallen(house) == knowing


def test_a_read_shared_by_a_channel_that_is_closed_since_stays_though_another_is_open(house: House) -> None:
    house.agency(TEXAS, channels=["national-lookup", "compact"])
    house.edit("policy.toml", lambda table: table["sharing"].update(channels={"compact": True}))
    house.take_up(signed=True)
    first = house.passes(STOLEN)
    assert {one.subscriber_id: one.channel for one in first.decisions}[TEXAS] == "national-lookup"
    desk.opt_out(house.policy, "national-lookup")
    house.take_up()
    assert TEXAS in fallen(house)
    second = house.passes(STOLEN)
    assert {one.subscriber_id: one.channel for one in second.decisions}[TEXAS] == "compact"


def test_a_read_goes_by_its_channel_though_a_better_one_has_opened(house: House) -> None:
    house.agency(TEXAS, channels=["direct", "national-lookup"])
    house.take_up(signed=True)
    first = house.passes(STOLEN)
    assert {one.subscriber_id: one.channel for one in first.decisions}[TEXAS] == "national-lookup"
    house.edit(
        "policy.toml", lambda table: table["sharing"].update(direct=[*table["sharing"].get("direct", []), TEXAS])
    )
    house.take_up(signed=True)
    assert fallen(house) == set()


def test_the_owners_read_goes_with_a_hit_that_has_run_out_meanwhile(house: House) -> None:
    soon = {"expires_at": NOW + timedelta(seconds=30)}
    house.edit("hotlists/county-stolen.toml", lambda table: table["entry"][0].update(soon))
    house.take_up(signed=True)
    knowing = told(house, STOLEN)
    house.clock.move(60)
    assert fallen(house) == knowing - {OWNER}


def test_the_owner_is_told_of_no_hit_whose_purpose_is_banned_since(house: House) -> None:
    house.edit("hotlists/county-stolen.toml", lambda table: table["entry"][0].update(purpose="toll"))
    house.take_up(signed=True)
    assert OWNER in told(house, STOLEN)
    house.edit("policy.toml", lambda table: table["purposes"]["banned"].append("toll"))
    house.take_up()
    assert OWNER in fallen(house)


def refused(house: House) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Effect and reasons with which each agency's rows were refused at the door."""
    patterns = {one.position: one.entry for one in house.ledger.entries() if isinstance(one.entry, Pattern)}
    found = [patterns[one.pattern].outcomes for one in entries(house, Refused)]
    return {name: (effect, reasons) for ((name, effect, _, reasons, _),) in found}


def test_what_was_sealed_before_an_obligation_stays_and_the_log_says_why(house: House) -> None:
    told(house, STOLEN)
    house.edit("policy.toml", lambda table: table.update(redaction={"in_state": ["coarse_time"]}))
    house.take_up(signed=True)
    assert COUNTY in fallen(house)
    assert refused(house)[COUNTY] == ("withhold", ("deny_sealed_before",))
    assert {"deny_sealed_before"} == {code for _, reasons in refused(house).values() for code in reasons}


def test_what_was_sealed_under_a_longer_retention_stays_and_the_log_says_why(house: House) -> None:
    knowing = told(house, STOLEN)
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=1))
    house.take_up()
    assert fallen(house) == knowing - {OWNER}
    assert set(refused(house).values()) == {("withhold", ("deny_sealed_before",))}


def test_what_was_sealed_under_a_shorter_retention_or_more_obligations_goes(house: House) -> None:
    house.edit("policy.toml", lambda table: table.update(redaction={"in_state": ["coarse_time"]}))
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=1))
    house.take_up(signed=True)
    told(house, STOLEN)
    house.edit("policy.toml", lambda table: table.update(redaction={}))
    house.edit("policy.toml", lambda table: table["retention"].update(undelivered_hours=24))
    house.take_up(signed=True)
    assert fallen(house) == set()
