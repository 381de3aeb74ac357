"""The same road over MQTT 3.1.1: Mosquitto as an old client sees it, and amqtt, the demo's own broker."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import desk
from tests.broker import free_port, mosquitto, wait_until
from tests.relay.house import INNOCENT, OWNER, STOLEN, TEXAS, Agency, House

__all__ = ["mosquitto"]


@pytest.fixture(params=["mosquitto", "amqtt"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    if request.param == "mosquitto":
        port = request.getfixturevalue("mosquitto").port
    else:
        port = request.getfixturevalue("amqtt_port")
    house = House(tmp_path / "house", port, protocol="3.1.1")
    wait_until(house.broker.ready, what="the device is connected")
    yield house
    house.close()


@pytest.fixture
def amqtt_port() -> Iterator[int]:
    """amqtt as it comes, in a thread of its own, open to everybody on this computer."""
    amqtt = pytest.importorskip("amqtt.broker", reason="amqtt is missing, pip install 'homerule[demo]'")
    loop, port = asyncio.new_event_loop(), free_port()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    settings = {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins}

    async def start() -> object:
        broker = amqtt.Broker(settings)
        await broker.start()
        return broker

    broker = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    yield port
    asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def test_an_allowed_read_arrives_and_is_settled(house: House) -> None:
    owner = Agency(house, OWNER)
    house.passes(INNOCENT)
    house.step_until(lambda: house.ledger.waiting() == 0, owner, what="the row is settled")
    assert owner.plates() == [INNOCENT]
    owner.close()


def test_an_opted_out_agency_gets_nothing(house: House) -> None:
    owner, texas = Agency(house, OWNER), Agency(house, TEXAS)
    house.passes(STOLEN)
    desk.opt_out(house.policy, "national-lookup")
    house.take_up()
    house.step_until(owner.plates, owner, texas, what="the owner has it")
    assert texas.receiver.step(patience=0.3) is None
    assert texas.plates() == []
    owner.close()
    texas.close()
