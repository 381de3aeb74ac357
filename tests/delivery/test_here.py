"""Whether an address is this computer's own, and what is said when the device's own broker is not."""

from pathlib import Path

import pytest

from edge.config import Broker
from edge.delivery.here import is_here, require_here
from edge.errors import ConfigError


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9"])
def test_loopback_is_here(host: str) -> None:
    assert is_here(host) is True


@pytest.mark.parametrize("host", ["192.0.2.1", "203.0.113.9", "2001:db8::1"])
def test_an_address_that_no_interface_has_is_elsewhere(host: str) -> None:
    assert is_here(host) is not True


@pytest.mark.parametrize("host", ["a..b", "x" * 200])
def test_what_is_no_name_is_not_known(host: str) -> None:
    assert is_here(host) is None


def broker(host: str, access: str) -> Broker:
    more = {"control_port": 1884, "control_credential": Path("control")} if access == "mosquitto" else {}
    return Broker(host=host, access=access, ca=Path("ca"), certificate=Path("crt"), key=Path("key"), **more)


def test_another_computers_broker_is_refused_where_the_device_gives_the_rights_and_the_mend_is_said() -> None:
    with pytest.raises(ConfigError) as refused:
        require_here(broker("192.0.2.1", "mosquitto"))
    for words in ("`192.0.2.1` is another computer", 'write `host = "127.0.0.1"`', '`access = "none"`, one wall less'):
        assert words in str(refused.value)


@pytest.mark.parametrize(("host", "access"), [("127.0.0.1", "mosquitto"), ("192.0.2.1", "none")])
def test_every_other_broker_is_taken(host: str, access: str) -> None:
    require_here(broker(host, access))
