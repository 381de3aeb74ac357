"""device.toml: each mistake is said with file, key and mend, and nothing is guessed."""

import re
from pathlib import Path

import pytest

from edge.config import load
from edge.errors import ConfigError

TLS_FILE = re.compile(r"(ca|certificate|key) .*/broker/")
EXAMPLE = Path(__file__).parent.parent / "deploy" / "examples" / "device.toml"


def changed(folder: Path, old: str, new: str) -> Path:
    """The example with one place changed, in a file of its own."""
    text = EXAMPLE.read_text()
    assert old in text
    path = folder / "device.toml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_example_is_read() -> None:
    config = load(EXAMPLE)
    assert config.device.id == "elm-street-north"
    assert config.camera[0].transport == "tcp"
    assert config.broker.encrypted


def test_a_relative_path_is_meant_from_where_the_file_lies(tmp_path: Path) -> None:
    config = load(changed(tmp_path, '"/etc/homerule/policy"', '"policy"'))
    assert config.policy.folder == tmp_path / "policy"


def test_a_password_in_a_camera_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`credentials`") as refused:
        load(changed(tmp_path, "rtsp://192", "rtsp://viewer:hunter2@192"))
    assert "hunter2" not in str(refused.value)


def test_a_broker_across_a_network_needs_tls(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace('"127.0.0.1"', '"broker.example.org"').splitlines()
    path = tmp_path / "device.toml"
    path.write_text("\n".join(line for line in text if not TLS_FILE.match(line)))
    with pytest.raises(ConfigError, match="needed for a broker that is not on this device"):
        load(path)


def test_a_broker_on_the_device_itself_needs_no_tls(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().splitlines()
    path = tmp_path / "device.toml"
    path.write_text("\n".join(line for line in text if not TLS_FILE.match(line)))
    assert not load(path).broker.encrypted


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("access  ", "acces  ", "did you mean `access`"),
        ("8883", '"8883"', "`port` must be a whole number"),
        ("8883", "70000", "port"),
        ('"mosquitto"', '"mosquito"', "did you mean `mosquitto`"),
        ("rtsp://192.0.2.10/stream1", "ftp://192.0.2.10", "must start with rtsp://"),
        ("rtsp://192.0.2.10/stream1", "usb:front", "such as usb:0"),
        ("rtsp://192.0.2.10/stream1", "rtsp:///stream1", "names no host"),
        ("rtsp://192.0.2.10/stream1", "road.mp4", "a whole path from / on"),
        ('transport   = "tcp"', "repeat = true", "`repeat` is for a video"),
        ('transport   = "tcp"', 'size = "1920x1080"', "set in the camera itself"),
        ("rtsp://192.0.2.10/stream1", 'usb:0"\nsize = "large', "size"),
        ("ca          =", "# ca =", "belong together"),
        ("[[camera]]", '[[camera]]\nid = "lane-1"\nurl = "/road.mp4"\n[[camera]]', "two cameras with the id `lane-1`"),
        ("= 24 ", "= 0 ", "max_age_hours"),
        ("[device]", "[device", "line 4 is not TOML"),
        ("8883", "9" * 6000, "has a number that is too long"),
        ("8883", f"0x{'f' * 6000}", "has a number that is too long"),
        ("= 100000 ", f"= {2**64} ", "`max_waiting_reads` must be less than or equal to"),
        ("= 200 ", f"= {2**2000} ", "`min_free_megabytes` must be less than or equal to"),
        ('"/etc/homerule/device.key"', "2026-11-02", "`key` must be text in quotes"),
        ('"/etc/homerule/device.key"', '"/device\\u0000.key"', "`key` has a NUL character"),
        ('"/etc/homerule/policy"', '"/policy\\u0000"', "`folder` has a NUL character"),
        ("[device]", '[device]\nsocket = "/a\\u0000"', "`socket` has a NUL character"),
        ("rtsp://192.0.2.10/stream1", "/dev/video\\u0000", "`url` has a NUL character"),
        ('"/etc/homerule/policy"', '"/policy\\n[Service]"', "`folder` has a control character"),
        ("rtsp://192.0.2.10/stream1", "/dev/video\\t", "`url` has a control character"),
        ('"127.0.0.1"', '"broker..example.org"', "`host` cannot be a computer's name"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(no such file or directory\)"):
        load(tmp_path / "device.toml")


@pytest.mark.parametrize("key", ["control_port", "control_credential"])
def test_a_broker_that_is_administered_needs_both_control_keys(tmp_path: Path, key: str) -> None:
    path = tmp_path / "device.toml"
    path.write_text("\n".join(line for line in EXAMPLE.read_text().splitlines() if not line.startswith(key)))
    with pytest.raises(ConfigError, match="are needed to give and take rights"):
        load(path)


def test_control_keys_for_a_broker_that_is_not_administered_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="remove them"):
        load(changed(tmp_path, '"mosquitto"', '"none"'))


FOREIGN = """
[broker]
host = "mqtt.example.org"
access = "none"
"""
LOGIN = 'username = "pole-1"\npassword_file = "pole-1.password"\n'
CERTIFICATE = 'certificate = "device.crt"\nkey = "device.key"\n'


def foreign(tmp_path: Path, *more: str) -> Path:
    """A device whose broker others run."""
    text = EXAMPLE.read_text()
    path = tmp_path / "device.toml"
    before, after = text[: text.index("[broker]")], text[text.index("[policy]") :]
    path.write_text(before + FOREIGN + "".join(more) + after)
    return path


@pytest.mark.parametrize("more", [LOGIN, CERTIFICATE, LOGIN + CERTIFICATE], ids=["password", "certificate", "both"])
def test_a_broker_that_others_run_is_shown_a_certificate_or_a_password_or_both(tmp_path: Path, more: str) -> None:
    broker = load(foreign(tmp_path, 'ca = "ca.crt"\n', more)).broker
    assert broker.encrypted
    assert broker.password_file == (tmp_path / "pole-1.password" if LOGIN in more else None)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (LOGIN, "wants `ca`, `username` and `password_file`"),
        ('ca = "ca.crt"\nusername = "pole-1"\n', "write both"),
        ('ca = "ca.crt"\n', "belong together"),
        ('ca = "ca.crt"\ncertificate = "device.crt"\n' + LOGIN, "belong together"),
    ],
    ids=["without TLS", "half a login", "nothing to show", "half a certificate"],
)
def test_a_login_at_a_broker_that_others_run_is_whole(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(foreign(tmp_path, more))


def test_the_devices_own_broker_takes_no_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="knows the device by its certificate, remove them"):
        load(changed(tmp_path, "# username      =", "password_file = 'x'\nusername ="))


def test_the_control_listener_has_a_port_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="same as `port`"):
        load(changed(tmp_path, "= 1884", "= 8883"))
