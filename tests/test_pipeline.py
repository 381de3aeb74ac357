"""From a frame to the ledger: every allowed subscriber gets its own envelope, and one bad key holds up nobody."""

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.delivery.envelope import open_
from edge.policy.reasons import Reason
from edge.values import Effect
from tests.relay.house import COUNTY, DEVICE, OWNER, STOLEN, TEXAS, House

NOBODY_LISTENS = 9
POINT_OF_LOW_ORDER = base64.b64encode(bytes(32)).decode()
"""A public key to which nothing can be sealed: the shared secret would be all zeros (RFC 7748, section 6.1)."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "house", NOBODY_LISTENS)
    yield house
    house.close()


def test_a_key_that_nothing_can_be_sealed_to_shuts_out_its_agency_and_nobody_else(house: House) -> None:
    house.agency(COUNTY, sealing_key=POINT_OF_LOW_ORDER)
    house.take_up(signed=True)
    decisions = {each.subscriber_id: each for each in house.passes(STOLEN).decisions}
    assert decisions[COUNTY].effect is Effect.WITHHOLD
    assert decisions[COUNTY].reasons == (Reason.DENY_PAYLOAD_KEY.value,)
    house.clock.move(1)
    assert {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=9)} >= {OWNER, TEXAS}


def test_what_is_in_the_outbox_is_exactly_what_was_decided_to_share(house: House) -> None:
    decisions = house.passes(STOLEN).decisions
    shared = {each.subscriber_id for each in decisions if each.effect is Effect.SHARE}
    house.clock.move(1)
    assert {row.envelope.subscriber_id for row in house.ledger.due(house.clock.at, limit=99)} == shared


def test_only_the_owner_is_sent_a_picture_of_the_plate(house: House) -> None:
    house.crop = np.full((24, 90, 3), 200, dtype=np.uint8)
    house.passes(STOLEN)
    house.clock.move(1)
    pictures = {}
    for row in house.ledger.due(house.clock.at, limit=99):
        name = row.envelope.subscriber_id
        if name in house.sealing_keys:
            opened = open_(
                row.envelope.payload,
                sealing_key=house.sealing_keys[name],
                device_public_key=house.device_key.public_key(),
                subscriber_id=name,
                device_id=DEVICE,
                now=house.clock.at,
                test=False,
            )
            pictures[name] = getattr(opened.body.data, "crop", None) is not None
    assert pictures == {OWNER: True, COUNTY: False, TEXAS: False}
