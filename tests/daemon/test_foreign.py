"""The real daemon at a broker that others run, with a name and a password; and what it does not connect to at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomlkit

from edge import config, desk
from edge.daemon.house import _broker
from edge.errors import ConfigError
from tests.broker import wait_until
from tests.daemon.pole import DEVICE, OWNER, STOLEN, TEXAS, Pole, Running, clip
from tests.ejabberd import STRICT, Ejabberd, running

EXAMPLE = Path(__file__).parents[2] / "deploy" / "examples" / "device.toml"


def written(folder: Path, **broker: object) -> config.Config:
    """The example's device with this broker."""
    table = tomlkit.parse(EXAMPLE.read_text())
    table["broker"] = broker
    (folder / "device.toml").write_text(tomlkit.dumps(table))
    return config.load(folder / "device.toml")


def test_the_device_shows_the_name_and_the_password_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").touch(0o600)
    (tmp_path / "password").write_text("hunter2\n")
    login = {"username": "pole-1", "password_file": "password"}
    made = _broker(written(tmp_path, host="127.0.0.1", access="none", **login))
    assert (made._address.username, made._address.password) == ("pole-1", "hunter2")
    assert "hunter2" not in str(made._address)


def test_a_password_that_others_can_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "password").chmod(0o644)
    login = {"username": "pole-1", "password_file": "password"}
    with pytest.raises(ConfigError, match="others can read this secret") as refused:
        _broker(written(tmp_path, host="127.0.0.1", access="none", **login))
    assert "hunter2" not in str(refused.value)


def test_another_computers_broker_is_refused_with_mosquitto(tmp_path: Path) -> None:
    files = {"ca": "ca.crt", "certificate": "device.crt", "key": "device.key"}
    control = {"control_port": 1884, "control_credential": "control"}
    with pytest.raises(ConfigError, match="is another computer"):
        _broker(written(tmp_path, host="192.0.2.1", access="mosquitto", **files, **control))


@pytest.fixture
def pole(tmp_path: Path) -> Iterator[Pole]:
    (tmp_path / "ejabberd").mkdir()
    with running(tmp_path / "ejabberd", device=DEVICE, agencies=(OWNER, TEXAS)) as broker:
        made = Pole(tmp_path / "pole", broker.port)
        made.foreign = broker
        made.device["broker"] = {
            "host": "127.0.0.1",
            "port": broker.port,
            "access": "none",
            "ca": str(broker.ca),
            "username": f"{DEVICE}@{STRICT}",
            "password_file": str(broker.password_file()),
        }
        try:
            yield made
        finally:
            made.close()


def receive(pole: Pole, name: str) -> Running:
    """`homerule receive`, as this agency types it."""
    broker: Ejabberd = pole.foreign
    words = [
        *("receive", "--subscriber", name, "--broker", f"127.0.0.1:{broker.port}", "--ca", str(broker.ca)),
        *("--username", f"{name}@{STRICT}", "--password-file", str(broker.password_file())),
        *("--key", str(pole.folder / f"{name}.key"), "--device-key", str(pole.folder / "device.key.pub")),
        *("--out", str(pole.folder / f"{name}.jsonl")),
    ]
    return pole._started(words, name, {})


@pytest.mark.full
@pytest.mark.needs("ejabberdctl", "mosquitto")
def test_a_day_at_a_broker_of_others_an_opt_out_holds_at_the_door_and_a_loss_is_told(pole: Pole) -> None:
    pole.look_at(clip())
    owner, _ = receive(pole, OWNER), receive(pole, TEXAS)
    daemon = pole.run()
    daemon.await_words("the broker is not asked to keep subscribers apart", within=60)
    wait_until(lambda: STOLEN in pole.plates(OWNER) and pole.held(TEXAS), what="both receive", within=120)
    desk.opt_out(pole.policy, "national-lookup")
    assert pole.take_up() == ""
    before, owners = pole.held(TEXAS), len(pole.held(OWNER))
    wait_until(lambda: len(pole.held(OWNER)) > owners + 3, what="the owner receives on", within=120)
    assert pole.held(TEXAS) <= before | pole.waiting(TEXAS)
    assert pole.waiting(TEXAS) == set()
    daemon.kill()
    owner.await_words(f"{DEVICE} is lost since ", within=60)
    assert pole.verified().faults == ()
    assert pole.held(OWNER) <= pole.allowed(OWNER)
