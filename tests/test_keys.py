"""Keys on disk: made once, private, and of the kind that was asked for."""

import base64
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import keys
from edge.errors import ConfigError


def test_a_signing_key_reads_back_as_it_was_made(tmp_path: Path) -> None:
    made = keys.new_signing_key(tmp_path / "device.key")
    assert keys.public_text(keys.load_signing_key(tmp_path / "device.key")) == keys.public_text(made)


def test_a_sealing_key_reads_back_as_it_was_made(tmp_path: Path) -> None:
    made = keys.new_sealing_key(tmp_path / "agency.key")
    assert keys.public_text(keys.load_sealing_key(tmp_path / "agency.key")) == keys.public_text(made)


def test_the_public_half_stands_beside_the_key(tmp_path: Path) -> None:
    made = keys.new_signing_key(tmp_path / "device.key")
    assert keys.public_text(keys.load_public(tmp_path / "device.key.pub")) == keys.public_text(made)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_a_private_key_has_mode_0600_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        keys.new_signing_key(tmp_path / "device.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "device.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["device.key", "device.key.pub"])
def test_a_key_is_never_written_over(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        keys.new_signing_key(tmp_path / "device.key")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "mine")]


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_what_names_no_file_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="names no file"):
        keys.new_signing_key(Path(name))


def test_a_private_key_that_others_can_read_is_refused_with_the_mend(tmp_path: Path) -> None:
    keys.new_signing_key(tmp_path / "device.key")
    (tmp_path / "device.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys.load_signing_key(tmp_path / "device.key")


@pytest.mark.parametrize("handed_over", [None, "", ".", "credentials"])
@pytest.mark.parametrize("name", ["device.key", "credentials/device.key"])
def test_a_relative_file_name_is_checked_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, handed_over: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    if handed_over is not None:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", handed_over)
    Path("credentials").mkdir()
    keys.new_signing_key(Path(name))
    Path(name).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys.load_signing_key(Path(name))


def test_what_systemd_handed_over_may_show_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    keys.new_signing_key(tmp_path / "device.key")
    (tmp_path / "device.key").chmod(0o440)
    keys.load_signing_key(keys.handed_over(Path("/etc/homerule/device.key")))


def test_a_sealing_key_does_not_pass_for_a_signing_key(tmp_path: Path) -> None:
    keys.new_sealing_key(tmp_path / "agency.key")
    with pytest.raises(ConfigError, match="not a signing key"):
        keys.load_signing_key(tmp_path / "agency.key")


def test_a_signing_key_does_not_pass_for_a_sealing_key(tmp_path: Path) -> None:
    keys.new_signing_key(tmp_path / "device.key")
    with pytest.raises(ConfigError, match="not a sealing key"):
        keys.load_sealing_key(tmp_path / "device.key")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "device.key").write_bytes(content)
    (tmp_path / "device.key").chmod(0o600)
    with pytest.raises(ConfigError, match="not a private key"):
        keys.load_signing_key(tmp_path / "device.key")


def test_a_missing_key_file_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="homerule keygen"):
        keys.load_signing_key(tmp_path / "device.key")


def test_a_pipe_in_place_of_the_key_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "device.key", 0o600)
    with pytest.raises(ConfigError, match="not a regular file"):
        keys.load_signing_key(tmp_path / "device.key")


@pytest.mark.parametrize("read", [keys.signing_public, keys.sealing_public])
def test_a_public_key_is_written_in_one_way_only(read: Callable[..., keys.PublicKey]) -> None:
    read(f" {'A' * 43}=\n", where="policy")
    for last in "BCD":  # they stand for the same 32 bytes
        with pytest.raises(ConfigError, match=r"policy: its last letter is not .* copy it from the `\.pub` file"):
            read(f"{'A' * 42}{last}=", where="policy")


@pytest.mark.parametrize("text", ["", "AAAA", "!" * 44, base64.b64encode(b"x" * 33).decode(), "é" * 44])
def test_a_public_key_that_is_not_32_bytes_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="policy: not a public key"):
        keys.signing_public(text, where="policy")
