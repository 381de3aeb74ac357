"""One daemon to a ledger, by whatever name it is called, and one to the rights of a broker."""

import os
import stat
from pathlib import Path

import pytest

from edge import config, keys
from edge.daemon.alone import administers_alone, alone
from edge.errors import ConfigError


def test_a_ledger_has_one_daemon_by_whatever_name_it_is_called(tmp_path: Path) -> None:
    ledger, link = tmp_path / "ledger.sqlite", tmp_path / "link.sqlite"
    ledger.touch()
    link.symlink_to(ledger)
    held = alone(ledger)
    for name in (ledger, link):
        with pytest.raises(
            ConfigError, match=r"ledger\.sqlite\.lock: another daemon has this ledger, stop it; another"
        ):
            alone(name)
    os.close(alone(tmp_path / "other.sqlite"))
    os.close(held)
    os.close(alone(link))


def test_what_says_so_is_closed_to_others_and_not_handed_on_to_programs(tmp_path: Path) -> None:
    held = alone(tmp_path / "ledger.sqlite")
    assert stat.S_IMODE((tmp_path / "ledger.sqlite.lock").stat().st_mode) == 0o600
    assert not os.get_inheritable(held)
    os.close(held)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away, run as root")
def test_it_belongs_to_the_user_whose_ledger_it_is(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    ledger.touch()
    os.chown(ledger, 65534, 65534)
    os.close(alone(ledger))
    found = (tmp_path / "ledger.sqlite.lock").stat()
    assert (found.st_uid, found.st_gid) == (65534, 65534)


def test_a_link_that_lies_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"theirs")
    (tmp_path / "ledger.sqlite.lock").symlink_to(tmp_path / "theirs")
    with pytest.raises(ConfigError, match=r"ledger\.sqlite\.lock: cannot be opened"):
        alone(tmp_path / "ledger.sqlite")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away, run as root")
def test_a_file_of_somebody_elses_with_another_name_is_not_given_away(tmp_path: Path) -> None:
    ledger, theirs = tmp_path / "ledger.sqlite", tmp_path / "theirs"
    ledger.touch()
    theirs.touch()
    os.chown(ledger, 65534, 65534)
    os.link(theirs, tmp_path / "ledger.sqlite.lock")
    os.close(alone(ledger))
    assert theirs.stat().st_uid == 0


def test_where_it_cannot_be_made_the_mend_is_in_the_words(tmp_path: Path) -> None:
    words = (
        r"cannot be opened for writing \(no such file or directory\), make its folder and give it to the daemon's user"
    )
    with pytest.raises(ConfigError, match=words):
        alone(tmp_path / "none" / "ledger.sqlite")


def administering(folder: Path, **control: object) -> config.Config:
    """A device.toml of a device whose ledger is its own."""
    broker = config.Broker.model_construct(
        host="127.0.0.1", access="mosquitto" if control else "none", control_credential=control.get("credential")
    )
    device = config.Device.model_construct(id="elm-street-1", ledger=folder / "ledger.sqlite")
    return config.Config.model_construct(device=device, broker=broker)


def test_a_brokers_rights_have_one_daemon_and_other_commands_read_the_credential_meanwhile(tmp_path: Path) -> None:
    path, link = tmp_path / "control", tmp_path / "link"
    keys.new_logins(path, ["control!one", "caller!two"])
    path.chmod(0o400)
    link.symlink_to(path)
    held = administers_alone(administering(tmp_path, credential=path))
    assert held is not None
    assert not os.get_inheritable(held)
    for name in (path, link):
        with pytest.raises(ConfigError, match="another daemon administers this broker as `elm-street-1`, stop it"):
            administers_alone(administering(tmp_path, credential=name))
    assert len(keys.load_logins(path)) == 2
    os.close(held)
    again = administers_alone(administering(tmp_path, credential=link))
    assert again is not None
    os.close(again)


def test_without_a_credential_there_is_nothing_to_have_alone(tmp_path: Path) -> None:
    assert administers_alone(administering(tmp_path)) is None
    assert administers_alone(administering(tmp_path, credential=tmp_path / "none")) is None
