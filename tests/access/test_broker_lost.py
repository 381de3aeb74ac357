"""The broker forgets, is put back, is damaged or stands still: what is wanted is applied again, or it is said."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from edge import keys
from edge.delivery.access import MosquittoRights, NoRights
from edge.delivery.address import Address
from edge.delivery.dynsec import Dynsec
from edge.errors import BrokerError, ConfigError, RightsError
from tests.access.agency import REFUSED, Agency
from tests.broker import wait_until
from tests.site import NEIGHBOUR, OPTED_OUT, OWNER, Site


@pytest.fixture
def site(house: Site) -> Iterator[Site]:
    """The broker begins anew for each test: what these do to its file is not undone otherwise."""
    house.kill()
    house.afresh()
    yield house
    house.hang_up()


@pytest.fixture
def rights(site: Site) -> MosquittoRights:
    made = site.rights()
    made.apply(site.grants())
    return made


def back(site: Site, rights: MosquittoRights) -> None:
    """The broker comes back, and the daemon has noticed."""
    before = rights.generation()
    site.start()
    wait_until(lambda: rights.generation() not in (None, before), what="the daemon has noticed that the broker is back")


def may(site: Site, name: str) -> bool:
    """Whether the broker lets this agency subscribe to its own topic."""
    agency = Agency(site, name)
    agency.connect(clean=True)
    code = agency.subscribe(site.topic(name))
    agency.leave()
    return code == 1


def controller(site: Site) -> Dynsec:
    """Somebody else with the control password."""
    name, password = keys.load_logins(site.credential)[0]
    where = Address(
        host="127.0.0.1",
        port=site.control_port,
        protocol="5",
        client_id="somebody-else",
        username=name,
        password=password,
        tls=None,
    )
    made = Dynsec(address=where, clock=site.clock, within=2.0)
    site.at_end(made.close)
    return made


def test_each_connection_is_a_new_generation_and_none_while_away(site: Site, rights: MosquittoRights) -> None:
    first = rights.generation()
    site.kill()
    wait_until(lambda: rights.generation() is None, what="it is seen that the broker is away")
    site.start()
    wait_until(lambda: rights.generation() is not None, what="the broker is back")
    assert rights.generation() != first
    assert rights.generation() == rights.generation()


def test_a_right_taken_away_but_not_saved_is_taken_away_again_after_a_restart(
    site: Site, rights: MosquittoRights
) -> None:
    saved = site.dynsec.read_bytes()
    site.dynsec.unlink()
    site.dynsec.mkdir()  # so that not even root can write the file
    rights.revoke(site.grant(OPTED_OUT))
    assert not may(site, OPTED_OUT)
    site.kill()
    site.dynsec.rmdir()
    site.dynsec.write_bytes(saved)
    site.start()
    assert may(site, OPTED_OUT), "the file still has the old right, or this test shows nothing"
    wait_until(lambda: rights.generation() is not None, what="the daemon has noticed that the broker is back")
    rights.apply(site.grants(OWNER, NEIGHBOUR))
    assert not may(site, OPTED_OUT)
    assert may(site, OWNER)


def test_old_rights_from_a_backup_are_taken_away_again(site: Site, rights: MosquittoRights, tmp_path: Path) -> None:
    shutil.copy(site.dynsec, tmp_path / "backup")
    rights.revoke(site.grant(OPTED_OUT))
    site.stop()
    shutil.copy(tmp_path / "backup", site.dynsec)
    back(site, rights)
    rights.apply(site.grants(OWNER, NEIGHBOUR))
    assert not may(site, OPTED_OUT)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"clients": 7}'], ids=["empty", "torn", "a list", "no clients"])
def test_a_damaged_file_lets_nobody_in_and_is_said(site: Site, rights: MosquittoRights, content: str) -> None:
    site.kill()
    site.dynsec.write_text(content)
    site.start()
    with pytest.raises(RightsError, match="refuses the connection") as refused:
        rights.apply(site.grants())
    assert refused.value.step == "connect"
    assert rights.generation() is None
    assert not may(site, OWNER)


def test_setup_makes_a_damaged_file_again_once_it_is_moved_away(site: Site, rights: MosquittoRights) -> None:
    site.kill()
    site.dynsec.unlink()
    site.setup()
    back(site, rights)
    rights.apply(site.grants(OWNER))
    assert may(site, OWNER)
    assert not may(site, OPTED_OUT)


Tamper = Callable[[dict[str, Any]], object]
SUBSCRIBE_ALL = {"acltype": "subscribePattern", "topic": "#", "priority": 0, "allow": True}
TAMPERINGS: dict[str, Tamper] = {
    "a default that allows": lambda held: held["defaultACLAccess"].update(publishClientReceive=True, subscribe=True),
    "a stranger's account": lambda held: held["clients"].append({"username": OPTED_OUT, "roles": [{"rolename": "x"}]}),
    "a wider role": lambda held: role(held, f"to/{OWNER}")["acls"].append(SUBSCRIBE_ALL),
    "a role that denies": lambda held: role(held, f"to/{OWNER}")["acls"][0].update(allow=False),
    "a second role": lambda held: client(held, OWNER)["roles"].append({"rolename": f"to/{NEIGHBOUR}"}),
    "a group": lambda held: held["groups"].append(
        {"groupname": "all", "roles": [{"rolename": f"to/{OWNER}"}], "clients": [{"username": NEIGHBOUR}]}
    ),
    "a disabled account": lambda held: client(held, OWNER).update(disabled=True),
    "a role that is gone": lambda held: held["roles"].remove(role(held, f"to/{OWNER}")),
    "the device's role, wider": lambda held: role(held, "device")["acls"].append(SUBSCRIBE_ALL),
}


def role(held: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in held["roles"] if each["rolename"] == name)


def client(held: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in held["clients"] if each["username"] == name)


@pytest.mark.parametrize("tamper", list(TAMPERINGS.values()), ids=list(TAMPERINGS))
def test_what_somebody_else_changed_in_the_file_is_put_right(
    site: Site, rights: MosquittoRights, tamper: Tamper
) -> None:
    rights.apply(site.grants(OWNER, NEIGHBOUR))
    wanted = json.loads(site.dynsec.read_text())
    site.kill()
    held = json.loads(site.dynsec.read_text())
    tamper(held)
    site.dynsec.write_text(json.dumps(held))
    back(site, rights)
    rights.apply(site.grants(OWNER, NEIGHBOUR))
    assert in_order(json.loads(site.dynsec.read_text())) == in_order(wanted)
    assert may(site, OWNER)
    assert not may(site, OPTED_OUT)


def in_order(held: dict[str, Any]) -> dict[str, Any]:
    """The same, in an order that says nothing."""
    for each in held["roles"]:
        each["acls"].sort(key=lambda rule: (rule["acltype"], rule["topic"]))
    held["roles"].sort(key=lambda each: each["rolename"])
    held["clients"].sort(key=lambda each: each["username"])
    return held


@pytest.mark.parametrize("mark", ["control!", "caller!"])
def test_our_own_way_in_is_not_mended_but_said(site: Site, rights: MosquittoRights, mark: str) -> None:
    site.kill()
    held = json.loads(site.dynsec.read_text())
    ours = next(each for each in held["clients"] if each["username"].startswith(mark))
    ours["roles"].append({"rolename": f"to/{OWNER}"})
    site.dynsec.write_text(json.dumps(held))
    back(site, rights)
    with pytest.raises(RightsError, match="is not as it should be, see who else changes the rights") as refused:
        rights.apply(site.grants())
    assert refused.value.step == "read-back"


def test_another_controllers_commands_and_answers_are_not_mistaken_for_ours(
    site: Site, rights: MosquittoRights
) -> None:
    other = controller(site)
    for _ in range(20):
        other.do([{"command": "getClient", "username": OWNER}])
        rights.revoke(site.grant(OPTED_OUT))
        rights.grant(site.grant(OPTED_OUT))
    assert other.account(OWNER).roles == (f"to/{OWNER}",)


def test_a_command_that_is_refused_is_said_with_the_brokers_words(site: Site) -> None:
    with pytest.raises(BrokerError, match=r"refuses `addClientRole` \(client not found\)"):
        controller(site).do([{"command": "addClientRole", "username": "no-such-agency", "rolename": "control"}])


def test_a_right_that_somebody_gave_back_is_found_by_reading_back(site: Site, rights: MosquittoRights) -> None:
    other = controller(site)
    other.do([{"command": "addClientRole", "username": OPTED_OUT, "rolename": f"to/{OWNER}"}])
    rights.revoke(site.grant(OPTED_OUT))
    assert other.account(OPTED_OUT).roles == ()


def test_a_broker_that_stands_still_is_given_up_in_time(site: Site, rights: MosquittoRights) -> None:
    site.freeze()
    began = monotonic()
    with pytest.raises(RightsError):
        rights.revoke(site.grant(OPTED_OUT))
    assert monotonic() - began < 10
    assert rights.generation() is None
    site.thaw()


def test_a_revocation_is_done_when_the_broker_is_there_again(site: Site, rights: MosquittoRights) -> None:
    site.kill()
    with pytest.raises(RightsError, match="connect") as refused:
        rights.revoke(site.grant(OPTED_OUT))
    assert refused.value.step in ("connect", "remove")  # as its end has been heard of or not
    site.start()
    rights.revoke(site.grant(OPTED_OUT))
    assert not may(site, OPTED_OUT)


def test_no_more_rights_means_nobody_but_the_device(site: Site, rights: MosquittoRights) -> None:
    rights.apply(())
    assert not any(may(site, name) for name in site.names)
    site.device().connect()


def test_a_subscriber_that_waits_without_a_right_is_made_to_subscribe_again(
    site: Site, rights: MosquittoRights
) -> None:
    rights.revoke(site.grant(OPTED_OUT))
    agency = Agency(site, OPTED_OUT)
    agency.connect()
    assert agency.subscribe(site.topic(OPTED_OUT)) == REFUSED
    rights.grant(site.grant(OPTED_OUT))
    wait_until(lambda: not agency.connected, what="its connection is cut")


@pytest.mark.full
def test_five_hundred_subscribers_are_applied_whole(site: Site, rights: MosquittoRights) -> None:
    names = [f"agency-{number}" for number in range(500)]
    rights.apply(site.grants(*names))
    rights.apply(site.grants(*names[::2]))
    held = json.loads(site.dynsec.read_text())
    bearers = {each["username"] for each in held["clients"] if each["roles"]}
    assert bearers >= set(names[::2])
    assert not bearers & set(names[1::2])


@pytest.mark.parametrize(
    "content",
    ["", "control!x y\n", "a b\nc d\n", "control!x y\ncaller!x\n"],
    ids=["empty", "one", "others", "no password"],
)
def test_a_damaged_file_of_passwords_is_named(tmp_path: Path, content: str) -> None:
    site = Site(tmp_path)
    site.credential.write_text(content)
    with pytest.raises(ConfigError, match="control"):
        site.rights()


def test_a_file_of_passwords_that_others_can_read_is_refused(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.credential.chmod(0o640)
    with pytest.raises(ConfigError, match="others can read this secret"):
        site.rights()


def test_no_password_and_no_name_of_an_account_is_in_what_is_said(
    site: Site, rights: MosquittoRights, caplog: pytest.LogCaptureFixture
) -> None:
    site.kill()
    with pytest.raises(RightsError) as refused:
        rights.apply(site.grants())
    rights.generation()
    said = caplog.text + str(refused.value) + repr(rights)
    secrets = [word for login in keys.load_logins(site.credential) for word in login]
    assert not [word for word in secrets if word in said]


def test_a_broker_that_is_not_ours_to_administer_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    rights = NoRights()
    rights.apply(())
    assert rights.generation() == 0
    assert len(caplog.records) == 1
    assert 'access = "none"' in caplog.text
