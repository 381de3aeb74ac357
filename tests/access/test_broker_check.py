"""`homerule broker check`: it tells a wall that stands from one that is missing, and leaves no trace."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli import main
from edge.delivery.broker import Tls
from edge.delivery.foreign import Foreign, Login, foreign_walls
from edge.delivery.walls import Target, walls
from edge.errors import BrokerError, ConfigError
from tests.access.agency import Agency
from tests.access.test_setup import EXAMPLES, typed
from tests.broker import Mosquitto, wait_until
from tests.site import DEVICE, NAMES, OWNER, Site, listens, running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A broker of its own, whose walls a test may tear down."""
    with running(tmp_path / "site", *NAMES) as made:
        made.rights().apply(made.grants())
        yield made


def target(site: Site) -> Target:
    scratch = site.folder / "scratch"
    scratch.mkdir(mode=0o700, exist_ok=True)
    return Target(
        host="127.0.0.1",
        port=site.port,
        control_port=site.control_port,
        credential=site.credential,
        device_id=DEVICE,
        folder=site.folder,
        scratch=scratch,
    )


def missing(site: Site) -> set[str]:
    """The names of the walls that do not stand."""
    return {wall.name for wall in walls(target(site), clock=site.clock) if wall.breach is not None}


def torn_down(site: Site, *changes: tuple[str, str]) -> None:
    """The broker started again with another configuration."""
    site.kill()
    settings = site.folder / "mosquitto" / "mosquitto.conf"
    text = settings.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    settings.write_text(text)
    Mosquitto.start(site)


def test_a_site_as_it_was_set_up_has_every_wall(site: Site) -> None:
    assert missing(site) == set()


@pytest.mark.parametrize(
    ("changes", "wall"),
    [
        (
            [
                ("require_certificate true", "require_certificate false"),
                ("allow_anonymous false", "allow_anonymous true"),
                ("use_identity_as_username true", ""),
                ("use_username_as_clientid true", ""),
            ],
            "without a certificate",
        ),
        ([("allow_anonymous false", "allow_anonymous true")], "the control listener without a password"),
        ([("tls_version tlsv1.3", "tls_version tlsv1.2")], "TLS 1.2"),
        ([("retain_available false", "retain_available true")], "retained messages"),
        ([("use_username_as_clientid true", "")], "take another's place by its client id"),
    ],
    ids=["certificates", "passwords", "tls", "retained", "client ids"],
)
def test_a_wall_that_the_configuration_tears_down_is_missing(
    site: Site, changes: list[tuple[str, str]], wall: str
) -> None:
    torn_down(site, *changes)
    wait_until(lambda: listens(site.control_port), what="the control listener is there")
    assert missing(site) >= {wall}


@pytest.mark.parametrize(
    ("default", "some"),
    [
        ("subscribe", {"subscribe to #", "subscribe to $SYS/#", f"subscribe to homerule/v1/{DEVICE}/status"}),
        ("publishClientSend", {f"publish to homerule/v1/{DEVICE}/{to}" for to in ("to/somebody-else/read", "status")}),
    ],
)
def test_a_default_that_allows_is_a_missing_wall(site: Site, default: str, some: set[str]) -> None:
    site.kill()
    held = json.loads(site.dynsec.read_text())
    held["defaultACLAccess"][default] = True
    site.dynsec.write_text(json.dumps(held))
    site.start()
    assert missing(site) >= some


def test_an_agency_that_may_do_more_than_its_own_is_a_missing_wall(site: Site) -> None:
    dynsec = site.rights()._reach()
    more = {"rolename": f"to/{OWNER}", "acltype": "subscribePattern", "topic": "homerule/#", "allow": True}
    dynsec.do([{"command": "addRoleACL", **more}])
    assert missing(site) == {"each agency has its own topics alone"}


def test_a_broker_whose_rights_nobody_has_given_yet_lacks_none(site: Site) -> None:
    site.kill()
    site.afresh()
    assert missing(site) == set()


def test_a_control_listener_on_another_address_is_a_missing_wall(site: Site) -> None:
    torn_down(site, (f"listener {site.control_port} 127.0.0.1", f"listener {site.control_port}"))
    assert missing(site) == {"the control listener from elsewhere"}


def test_attacked_as_one_that_others_run_it_lacks_only_what_nobody_but_its_administrator_can_do(site: Site) -> None:
    shown = site.table
    device = Login(tls=Tls(ca=shown.ca, cert=shown.certificate, key=shown.key))
    agency = Login(tls=site.enroll("nobody-pd"))
    at = Foreign(host="127.0.0.1", port=site.port, device_id=DEVICE, device=device, agency=agency)
    found = [wall.name for wall in foreign_walls(at, clock=site.clock) if wall.breach is not None]
    assert found == [
        "an opt-out takes the right away at the broker",
        "what waits for an agency is dropped with its right",
    ]


def test_the_attack_disturbs_nobody_and_leaves_no_trace(site: Site) -> None:
    owner = Agency(site, OWNER)
    owner.connect()
    before = site.dynsec.read_bytes()
    missing(site)
    assert owner.connected
    assert site.dynsec.read_bytes() == before


def test_a_broker_that_is_away_has_no_walls_to_praise(site: Site) -> None:
    site.kill()
    with pytest.raises(BrokerError, match="is it running"):
        missing(site)


def test_a_broker_of_another_site_has_no_walls_to_praise(site: Site, tmp_path: Path) -> None:
    other = Site(tmp_path / "other")
    with pytest.raises(BrokerError, match="does not let in who it should"):
        list(walls(Target(**{**vars_of(target(site)), "folder": other.folder}), clock=site.clock))


def vars_of(one: Target) -> dict[str, object]:
    return {name: getattr(one, name) for name in Target.__slots__}


def test_without_the_authoritys_key_it_says_so(site: Site) -> None:
    (site.folder / "ca" / "ca.key").unlink()
    with pytest.raises(ConfigError, match=r"ca\.key: no such file"):
        missing(site)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "DIR is needed"),
        (["broker", "--as-username", "x", "--as-password-file", "y"], "is for a broker that others run"),
    ],
)
def test_what_does_not_belong_together_is_said(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["homerule", "broker", "check", "--config", str(EXAMPLES / "device.toml"), *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_it_is_typed(site: Site, tmp_path: Path) -> None:
    text = (EXAMPLES / "device.toml").read_text()
    text = text[: text.index("[broker]")] + site.toml + text[text.index("[policy]") :]
    (tmp_path / "device.toml").write_text(text.replace("elm-street-north", DEVICE))
    done = typed("broker", "check", site.folder, "--config", tmp_path / "device.toml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "MISSING" not in done.stdout
    assert done.stdout.endswith("all walls stand\n")
